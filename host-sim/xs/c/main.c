/*
 * The commands of the two programs, which are one: on the host it can compile, on the emulated chip it can count.
 *   compile <list> <image>                        JavaScript to bytecode
 *   run <image> <classes> <fifo-in> <fifo-out>    a laboratory for firmware, driven by messages
 *   unit <image>                                  runs module `main` of the image to its end
 */

#include <stdio.h>
#include <string.h>

#ifdef mxParse
#include "compile.h"
#endif
#include "port.h"
#include "run.h"
#include "unit.h"

static int usage(void)
{
	static const char text[] = "usage: compile list image | run image classes fifo-in fifo-out | unit image\n";
	portPrint(text, sizeof(text) - 1);
	return 2;
}

int portMain(int argc, char **argv)
{
	const char *command = (argc > 1) ? argv[1] : "";
#ifdef mxParse
	if ((0 == strcmp(command, "compile")) && (4 == argc))
		return compileImage(argv[2], argv[3]);
#endif
	if ((0 == strcmp(command, "run")) && (6 == argc))
		return runLab(argv[2], argv[3], argv[4], argv[5]);
	if ((0 == strcmp(command, "unit")) && (3 == argc))
		return runUnit(argv[2]);
	return usage();
}

/*
 * The port for a 32-bit program on Linux. Instructions are not counted here: that is what the emulated chip is for.
 */

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port.h"

/* Recursion shall end as a stack overflow of XS and not of the program. Linux gives the program 8 MB. */
#define STACK_BYTES (4 * 1024 * 1024)

static char *programStack;
static char firmwareStack[STACK_BYTES] __attribute__((aligned(16)));
/* Where the program's stack ends while firmware's is in use. */
static char *pausedAt;

int portMain(int argc, char **argv);

int main(int argc, char **argv)
{
	setenv("TZ", "UTC0", 1);
	programStack = __builtin_frame_address(0);
	return portMain(argc, argv);
}

int portOpen(const char *path, int toWrite)
{
	return open(path, toWrite ? O_WRONLY : O_RDONLY);
}

int portRead(int file, void *to, int count)
{
	return read(file, to, count);
}

int portWrite(int file, const void *from, int count)
{
	return write(file, from, count);
}

void portClose(int file)
{
	close(file);
}

int portLength(int file)
{
	struct stat facts;
	return fstat(file, &facts) ? -1 : (int)facts.st_size;
}

void portPrint(const char *text, int length)
{
	while (length > 0) {
		int count = write(1, text, length);
		if (count <= 0)
			return;
		text += count;
		length -= count;
	}
}

void portExit(int status)
{
	exit(status);
}

uint64_t portCount(void)
{
	return 0;
}

uint64_t portInstructions(uint64_t count)
{
	return count;
}

char *portStackLimit(void)
{
	char *here = __builtin_frame_address(0);
	if ((firmwareStack <= here) && (here < firmwareStack + STACK_BYTES))
		return firmwareStack + 16 * 1024;
	return programStack - STACK_BYTES;
}

char *portFirmwareStack(void)
{
	return firmwareStack + STACK_BYTES;
}

/* callOnStack(work, data, top): cdecl, the stack aligned to 16 bytes at the call. */
__asm__(
	".text\n"
	"callOnStack:\n"
	"	pushl %ebp\n"
	"	movl %esp, %ebp\n"
	"	movl 16(%ebp), %esp\n"
	"	andl $-16, %esp\n"
	"	subl $12, %esp\n"
	"	pushl 12(%ebp)\n"
	"	call *8(%ebp)\n"
	"	leave\n"
	"	ret\n");

extern void callOnStack(void (*work)(void *data), void *data, char *top);

void portCall(void (*work)(void *data), void *data)
{
	pausedAt = (char *)__builtin_frame_address(0) - 1024;
	callOnStack(work, data, portFirmwareStack());
}

void portBack(void (*work)(void *data), void *data)
{
	callOnStack(work, data, pausedAt);
}

void *portArena(uint32_t size)
{
	static void *block;
	static uint32_t room;
	if (size > room) {
		free(block);
		block = aligned_alloc(16, (size + 15) & ~15u);
		room = block ? size : 0;
	}
	return block;
}

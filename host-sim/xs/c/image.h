/* Bytecode of a whole program, in memory. See image.c. */

#ifndef ALERTBOX_IMAGE_H
#define ALERTBOX_IMAGE_H

#include "xsAll.h"

/* An image file: the magic, the number of modules, then per module the five parts of writeModule in compile.c. */
#define IMAGE_MAGIC 0x31495358

struct module {
	char *specifier;
	int isPreloaded;
	txScript script;
};

struct image {
	int count;
	struct module *modules;
};

/* Reads a file whole, with a zero behind it. Ends the program with a message when that fails. */
uint8_t *readWhole(const char *path, int *length);

/* Reads an image file. It becomes the one image in which XS finds modules. */
struct image *imageRead(const char *path);

/* Gives the image's names to the machine, and their numbers to the bytecode. Once, before any module is imported. */
void imageIntern(txMachine *the, struct image *image);

/* Ends the program with a message and status 2. */
__attribute__((noreturn)) void fail(const char *what, const char *which);

#endif

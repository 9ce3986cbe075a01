/* The base machine, which stands for flash and ROM, and its clones, which are boots. See machine.c. */

#ifndef ALERTBOX_MACHINE_H
#define ALERTBOX_MACHINE_H

#include "arena.h"
#include "image.h"

/* The creation record of a boot, in the order of a BOOT message. Sizes in bytes, slots, bytes and names. */
struct record {
	uint32_t size;
	uint32_t stack;
	uint32_t heapInitial;
	uint32_t heapIncremental;
	uint32_t chunkInitial;
	uint32_t chunkIncremental;
	uint32_t keysInitial;
	uint32_t keysIncremental;
};

/* What a program adds to the base machine. */
struct additions {
	/* Before any module is imported. */
	void (*begin)(txMachine *the);
	/* Behind the last one. */
	void (*end)(txMachine *the);
	/* Pointers to slots, when these are moved for the last time. */
	void (*move)(txSlot *(*moved)(txSlot *slot));
};

/*
 * Makes the base machine: built-ins, the names of the image, the additions. Imports all preloaded modules in their
 * order and makes it read-only. Ends the program when a module cannot be imported.
 */
txMachine *machineBase(struct image *image, const struct additions *additions);

/* A clone of it in one static block; NULL when the block is too small for the record, with the reason in `*why`. */
txMachine *machineClone(txMachine *base, const struct record *record, struct arena *arena, const char **why);

/* Imports a module and leaves its namespace on the stack. May throw. */
void machineImport(txMachine *the, const char *specifier);

/* Runs the promise jobs that there are, and those that they make. */
void machineRunJobs(txMachine *the);

/* Words for what was thrown, without running JavaScript where there is a message. */
void machineDescribe(txMachine *the, const txSlot *thrown, char *text, int size);

/* Makes `callback` a property of the global object. */
void machineDefine(txMachine *the, const char *name, txCallback callback, int length);

#endif

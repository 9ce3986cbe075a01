/*
 * What the harness needs of the machine below it: files, the end of the program, an instruction counter, stacks. Two
 * implementations: port-host.c for Linux, lx106/port-lx106.c for the emulated chip.
 */

#ifndef ALERTBOX_PORT_H
#define ALERTBOX_PORT_H

#include <stdint.h>

/* Opens a file or FIFO; less than 0 when that fails. */
int portOpen(const char *path, int toWrite);

/* Up to `count` bytes; 0 at the end, less than 0 on an error. Waits in a FIFO. */
int portRead(int file, void *to, int count);
int portWrite(int file, const void *from, int count);
void portClose(int file);

/* Length in bytes; less than 0 when it cannot be told. Leaves the file at its start. */
int portLength(int file);

/* Text for the person: standard output. */
void portPrint(const char *text, int length);

__attribute__((noreturn)) void portExit(int status);

/* A counter that runs with instructions; always 0 where they cannot be counted. To be read every 3 G instructions. */
uint64_t portCount(void);

/* The instructions since the start at which the counter stood so, exact. */
uint64_t portInstructions(uint64_t count);

/* The lowest address that the C stack in use may reach. */
char *portStackLimit(void);

/*
 * Firmware runs on a stack of its own, on which the harness leaves no trace: from portCall to the end of `work`. In
 * between portBack returns to the program's stack for a while. Both may be left by longjmp. Not to be nested.
 */
void portCall(void (*work)(void *data), void *data);
void portBack(void (*work)(void *data), void *data);

/* The upper end of firmware's stack, aligned to 16 bytes. */
char *portFirmwareStack(void);

/*
 * Memory for an arena of at most 192 KB where the chip has its RAM, elsewhere when it is larger. 0 when there is
 * none.
 */
void *portArena(uint32_t size);

#endif

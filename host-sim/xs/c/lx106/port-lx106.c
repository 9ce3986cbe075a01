/*
 * The port for QEMU's core lx106. Files are the host's, by semihosting. Instructions come from the cycle counter,
 * which with `-icount shift=5` and a 40 MHz clock stands at floor(1.28 n) after n instructions.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port.h"

enum {
	SYS_EXIT = 1,
	SYS_READ = 3,
	SYS_WRITE = 4,
	SYS_OPEN = 5,
	SYS_CLOSE = 6,
	SYS_LSEEK = 19,
	SYS_ARGC = 1000,
	SYS_ARGV_SIZE = 1001,
	SYS_ARGV = 1002,
};

#define DRAM __attribute__((section(".dram"), aligned(16)))
#define ARENA_BYTES (192 * 1024)
#define FIRMWARE_STACK_BYTES (56 * 1024)
/* What XS leaves free at the end of a stack, for what it calls. */
#define MARGIN_BYTES 2048

extern int simcall(int operation, ...);
extern uint32_t readCount(void);
extern void callOnStack(void (*work)(void *data), void *data, char *top);
extern char programStackEnd[];

int portMain(int argc, char **argv);

static char firmwareStack[FIRMWARE_STACK_BYTES] DRAM;
static char arena[ARENA_BYTES] DRAM;
/* Where the program's stack ends while firmware's is in use. */
static char *pausedAt;

__attribute__((noreturn)) void startC(void)
{
	int argc = simcall(SYS_ARGC, 0, 0, 0);
	char **argv = malloc(simcall(SYS_ARGV_SIZE, 0, 0, 0));
	simcall(SYS_ARGV, argv, 0, 0);
	portExit(portMain(argc, argv));
}

/* An exception of the processor: causes are in the Xtensa ISA manual, table 4-64. */
__attribute__((noreturn)) void panic(uint32_t cause, uint32_t pc, uint32_t address)
{
	char text[96];
	int length = snprintf(text, sizeof(text), "exception %u at 0x%08x, address 0x%08x\n", (unsigned)cause, (unsigned)pc,
		(unsigned)address);
	portPrint(text, length);
	portExit(4);
}

int portOpen(const char *path, int toWrite)
{
	return simcall(SYS_OPEN, path, toWrite ? 1 : 0, 0);
}

int portRead(int file, void *to, int count)
{
	return simcall(SYS_READ, file, to, count);
}

int portWrite(int file, const void *from, int count)
{
	return simcall(SYS_WRITE, file, from, count);
}

void portClose(int file)
{
	simcall(SYS_CLOSE, file, 0, 0);
}

int portLength(int file)
{
	int length = simcall(SYS_LSEEK, file, 0, 2);
	return (simcall(SYS_LSEEK, file, 0, 0) < 0) ? -1 : length;
}

void portPrint(const char *text, int length)
{
	while (length > 0) {
		int count = portWrite(1, text, length);
		if (count <= 0)
			return;
		text += count;
		length -= count;
	}
}

void portExit(int status)
{
	for (;;)
		simcall(SYS_EXIT, status, 0, 0);
}

uint64_t portCount(void)
{
	static uint64_t count;
	count += (uint32_t)(readCount() - (uint32_t)count);
	return count;
}

/* The least n with floor(1.28 n) = count. */
uint64_t portInstructions(uint64_t count)
{
	return (count * 25 + 31) / 32;
}

char *portStackLimit(void)
{
	char *here = __builtin_frame_address(0);
	if ((firmwareStack <= here) && (here < firmwareStack + FIRMWARE_STACK_BYTES))
		return firmwareStack + MARGIN_BYTES;
	return programStackEnd + MARGIN_BYTES;
}

char *portFirmwareStack(void)
{
	return firmwareStack + FIRMWARE_STACK_BYTES;
}

void portCall(void (*work)(void *data), void *data)
{
	pausedAt = (char *)(((uintptr_t)__builtin_frame_address(0) - 1024) & ~(uintptr_t)15);
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
	if (size <= sizeof(arena))
		return arena;
	if (size > room) {
		free(block);
		block = malloc(size + 15);
		room = block ? size : 0;
	}
	return block ? (void *)(((uintptr_t)block + 15) & ~(uintptr_t)15) : NULL;
}

/* picolibc's standard output, for what XS prints itself. */
static int putOne(char byte, FILE *file)
{
	(void)file;
	portPrint(&byte, 1);
	return (unsigned char)byte;
}

static FILE output = FDEV_SETUP_STREAM(putOne, NULL, NULL, _FDEV_SETUP_WRITE);
FILE *const stdin = &output;
FILE *const stdout = &output;
FILE *const stderr = &output;

void _exit(int status)
{
	portExit(status);
}

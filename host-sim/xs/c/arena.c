/*
 * Memory for XS machines. A machine that was given an arena as its context lives in that one block: its stack at the
 * top, slots below it and growing down, chunks from the bottom up, as on the chip. A machine without an arena (the
 * base machine, which stands for flash) takes what it wants from malloc. Knows no image and no message.
 */

#include "xsAll.h"
#include "arena.h"

void arenaBegin(struct arena *arena, uint8_t *bytes, uint32_t size)
{
	arena->start = arena->low = bytes;
	arena->high = arena->end = bytes + (size & ~(uint32_t)(sizeof(txSlot) - 1));
	arena->least = arena->high - arena->low;
}

static int hasRoom(const struct arena *arena, uint32_t size)
{
	return size <= (uint32_t)(arena->high - arena->low);
}

static void noteLeast(struct arena *arena)
{
	uint32_t gap = arena->high - arena->low;
	if (gap < arena->least)
		arena->least = gap;
}

/*
 * XS calls this for its first block of chunks, and later for `size` more bytes that shall follow the block. It asks
 * as if the block were full (fxGrowChunks); what is free at its end counts, so only the rest is taken. To be
 * understood by XS, which moves the block's limit by `size`, the limit is first put that much too low.
 */
void *fxAllocateChunks(txMachine *the, txSize size)
{
	struct arena *arena = the->host;
	txBlock *block = the->firstBlock;
	txSize missing;
	uint8_t *result;

	if (!arena)
		return malloc(size);
	if (!block) {
		if (!hasRoom(arena, size))
			return NULL;
		result = arena->low;
		arena->low += size;
	}
	else {
		missing = size - (txSize)sizeof(txBlock) - (txSize)(block->limit - block->current);
		if (!hasRoom(arena, missing))
			return NULL;
		arena->low += missing;
		result = arena->low - size;
		block->limit = (txByte *)result;
		the->maximumChunksSize += missing - size;
	}
	noteLeast(arena);
	return result;
}

/* Gives the free end of the block of chunks back to the gap. */
static void trim(txMachine *the, struct arena *arena)
{
	txBlock *block = the->firstBlock;
	the->maximumChunksSize -= block->limit - block->current;
	block->limit = block->current;
	arena->low = (uint8_t *)block->limit;
}

/* When there is no room, the chunks are compacted once and what that frees is used before it fails. */
txSlot *fxAllocateSlots(txMachine *the, txSize count)
{
	struct arena *arena = the->host;
	uint32_t size = count * sizeof(txSlot);

	if (!arena)
		return malloc(size);
	if (!hasRoom(arena, size) && the->firstHeap) {
		fxCollect(the, XS_COMPACT_FLAG | XS_ORGANIC_FLAG);
		trim(the, arena);
	}
	if (!hasRoom(arena, size))
		return NULL;
	arena->high -= size;
	noteLeast(arena);
	return (txSlot *)arena->high;
}

/* An arena is thrown away as a whole. */
void fxFreeChunks(txMachine *the, void *chunks)
{
	if (!the->host)
		free(chunks);
}

void fxFreeSlots(txMachine *the, void *slots)
{
	if (!the->host)
		free(slots);
}

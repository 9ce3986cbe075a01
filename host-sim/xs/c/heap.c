/*
 * What XS allocates beside its arena: tables of names, jumps of try statements, numbers being printed. On the chip
 * that is the system's heap. Each boot begins with the same empty heap, and each operation takes the same time
 * however often it was done before, so that instruction counts of a boot do not depend on the boots before it.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "heap.h"

#define UNIT 16
#define LARGEST 2048
#define BLOCK_BYTES (64 * 1024)

/* In front of each piece. `next` is the next free one of the same size, or the next large one. */
union piece {
	struct {
		size_t size;
		union piece *next;
	} head;
	char unit[UNIT];
};

struct block {
	struct block *next;
	size_t used;
	_Alignas(UNIT) char bytes[BLOCK_BYTES];
};

struct heap {
	struct block *blocks;
	/* Pieces too large for a block. */
	union piece *large;
	union piece *free[LARGEST / UNIT + 1];
};

static struct heap forever, boot;
static struct heap *current = &forever;

static void *cut(size_t size)
{
	struct block *block = current->blocks;
	if (!block || (block->used + size > BLOCK_BYTES)) {
		block = aligned_alloc(UNIT, sizeof(struct block));
		if (!block)
			return NULL;
		block->used = 0;
		block->next = current->blocks;
		current->blocks = block;
	}
	block->used += size;
	return block->bytes + block->used - size;
}

static union piece *takeLarge(size_t size)
{
	union piece *piece = malloc(size);
	if (piece) {
		piece->head.next = current->large;
		current->large = piece;
	}
	return piece;
}

void *heapTake(size_t size)
{
	size_t whole = (size + sizeof(union piece) + UNIT - 1) & ~(size_t)(UNIT - 1);
	union piece *piece;

	if (whole > LARGEST)
		piece = takeLarge(whole);
	else {
		piece = current->free[whole / UNIT];
		if (piece)
			current->free[whole / UNIT] = piece->head.next;
		else
			piece = cut(whole);
	}
	if (!piece)
		return NULL;
	piece->head.size = whole;
	return piece + 1;
}

void *heapTakeClear(size_t count, size_t size)
{
	void *memory = heapTake(count * size);
	if (memory)
		memset(memory, 0, count * size);
	return memory;
}

static void giveLarge(union piece *piece)
{
	union piece **link = &current->large;
	while (*link && (*link != piece))
		link = &(*link)->head.next;
	if (*link)
		*link = piece->head.next;
	free(piece);
}

void heapGive(void *memory)
{
	union piece *piece = memory;
	if (!piece--)
		return;
	if (piece->head.size > LARGEST) {
		giveLarge(piece);
		return;
	}
	piece->head.next = current->free[piece->head.size / UNIT];
	current->free[piece->head.size / UNIT] = piece;
}

void *heapResize(void *memory, size_t size)
{
	void *result = heapTake(size);
	size_t old;
	if (result && memory) {
		old = ((union piece *)memory - 1)->head.size - sizeof(union piece);
		memcpy(result, memory, (old < size) ? old : size);
		heapGive(memory);
	}
	return result;
}

void heapBegin(void)
{
	current = &boot;
}

void heapRewind(void)
{
	memset(boot.free, 0, sizeof(boot.free));
	while (boot.large)
		giveLarge(boot.large);
	while (boot.blocks && boot.blocks->next) {
		struct block *block = boot.blocks;
		boot.blocks = block->next;
		free(block);
	}
	if (boot.blocks)
		boot.blocks->used = 0;
}

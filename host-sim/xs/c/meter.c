/*
 * What one call into firmware costs: instructions without those of the harness, collections, the deepest stacks,
 * memory before and behind. Its C stack is painted before it and looked at behind it; the chip gives 4,608 bytes.
 */

#include "meter.h"
#include "port.h"
#include "wire.h"

#define PAINT 0x5AA5C33Cu
/* So deep is the stack painted. A deeper one is reported as this. */
#define MOST_BYTES (24 * 1024)
/* No frame of XS has so large a hole that it never writes. */
#define LARGEST_HOLE 2048

static struct {
	/* As the port counts; turned into instructions only where that is not counted itself. */
	uint64_t begin, end, resumedAt;
	/* Instructions between pauses and their ends. */
	uint64_t paused;
	uint32_t collections, stackSlots, stackBytes;
	uint32_t slotsBefore, chunksBefore, slotsAfter, chunksAfter;
} meter;

/* Words of firmware's stack below `dirty` have their colour. */
static uint32_t *dirty;
static uint32_t deepest;

static void paint(void)
{
	uint32_t *top = (uint32_t *)portFirmwareStack();
	if (!dirty)
		dirty = top - MOST_BYTES / sizeof(uint32_t);
	while (dirty < top)
		*dirty++ = PAINT;
}

/* Bytes that were written. Looks first where the deepest call so far ended. */
static uint32_t depth(void)
{
	uint32_t *top = (uint32_t *)portFirmwareStack();
	uint32_t *lowest = top - MOST_BYTES / sizeof(uint32_t);
	uint32_t *at = top - (deepest + LARGEST_HOLE) / sizeof(uint32_t);
	if ((at < lowest) || (PAINT != *at))
		at = lowest;
	while ((at < top) && (PAINT == *at))
		at++;
	dirty = at;
	if (deepest < (top - at) * sizeof(uint32_t))
		deepest = (top - at) * sizeof(uint32_t);
	return (top - at) * sizeof(uint32_t);
}

/*
 * XS writes `next` of every slot that it pushes. Its own peak (mxInstrument) leaves out what a function has popped.
 */
static void paintSlots(txMachine *the)
{
	txSlot *slot;
	for (slot = the->stackBottom; slot < the->stack; slot++)
		slot->next = (txSlot *)PAINT;
}

static uint32_t slotDepth(txMachine *the)
{
	txSlot *slot = the->stackBottom;
	while ((slot < the->stack) && ((txSlot *)PAINT == slot->next))
		slot++;
	return the->stackTop - slot;
}

void meterBegin(txMachine *the)
{
	paint();
	paintSlots(the);
	meter.collections = the->garbageCollectionCount;
	meter.slotsBefore = the->currentHeapCount;
	meter.chunksBefore = the->currentChunksSize;
	meter.begin = meter.end = meter.resumedAt = meter.paused = 0;
}

void meterEnd(txMachine *the)
{
	meter.stackBytes = depth();
	meter.collections = (uint16_t)(the->garbageCollectionCount - meter.collections);
	meter.stackSlots = slotDepth(the);
	meter.slotsAfter = the->currentHeapCount;
	meter.chunksAfter = the->currentChunksSize;
}

void meterStart(void)
{
	meter.end = 0;
	meter.begin = portCount();
}

static void closePause(void)
{
	meter.paused += portInstructions(meter.resumedAt);
	meter.resumedAt = 0;
}

void meterStop(void)
{
	uint64_t now = portCount();
	if (meter.end)
		return;
	meter.end = now;
	closePause();
}

void meterPause(void)
{
	uint64_t now = portCount();
	closePause();
	meter.paused -= portInstructions(now);
}

void meterResume(void)
{
	meter.resumedAt = portCount();
}

void meterPut(void)
{
	uint64_t instructions = portInstructions(meter.end) - portInstructions(meter.begin) - meter.paused;
	put32((uint32_t)instructions);
	put32((uint32_t)(instructions >> 32));
	put32(meter.collections);
	put32(meter.stackSlots);
	put32(meter.stackBytes);
	put32(meter.slotsBefore);
	put32(meter.chunksBefore);
	put32(meter.slotsAfter);
	put32(meter.chunksAfter);
	put32((uint32_t)meter.paused);
}

/* The one static block of a machine. See arena.c. */

#ifndef ALERTBOX_ARENA_H
#define ALERTBOX_ARENA_H

#include <stdint.h>

struct arena {
	/* Chunks grow up from `start` to `low`, stack and slots down from `end` to `high`. */
	uint8_t *start;
	uint8_t *low;
	uint8_t *high;
	uint8_t *end;
	/* The least that the gap between `low` and `high` ever was, bytes. */
	uint32_t least;
};

/* Makes `bytes` bytes, whole slots of them, an empty block. */
void arenaBegin(struct arena *arena, uint8_t *bytes, uint32_t size);

#endif

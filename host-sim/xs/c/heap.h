/* XS's own small allocations outside of its arena. See heap.c. */

#ifndef ALERTBOX_HEAP_H
#define ALERTBOX_HEAP_H

#include <stddef.h>

void *heapTake(size_t size);
void *heapTakeClear(size_t count, size_t size);
void *heapResize(void *memory, size_t size);
void heapGive(void *memory);

/* What is taken from here on is for one boot. */
void heapBegin(void);
/* Forgets all that was taken since heapBegin: the next boot finds what the first one found. */
void heapRewind(void);

#endif

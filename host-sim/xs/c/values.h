/* JavaScript values in messages. See values.c. */

#ifndef ALERTBOX_VALUES_H
#define ALERTBOX_VALUES_H

#include "xsAll.h"

/*
 * Writes a value into the frame under construction. Allocates nothing in the machine. Throws for what cannot be sent.
 */
void putValue(txMachine *the, const txSlot *value);

/* Reads a value from the received frame and pushes it. */
void pushValue(txMachine *the);

/* The bytes of an ArrayBuffer or of a view; 0 when it is none. They stay there until the next allocation. */
int bytesOf(txMachine *the, const txSlot *value, uint8_t **bytes, uint32_t *length);

#endif

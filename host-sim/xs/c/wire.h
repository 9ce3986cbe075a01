/* Frames over the two FIFOs. See wire.c; the layout of every frame is in ../messages.ts. */

#ifndef ALERTBOX_WIRE_H
#define ALERTBOX_WIRE_H

#include <stdint.h>

enum {
	FRAME_CALL = 1,
	FRAME_DONE = 2,
	FRAME_LIVE = 3,
	FRAME_READY = 4,
	FRAME_PRINT = 5,
	FRAME_BOOT = 16,
	FRAME_INVOKE = 17,
	FRAME_COLLECT = 18,
	FRAME_END = 19,
	FRAME_ABORT = 20,
	FRAME_RETURN = 32,
	FRAME_FILL = 33,
	FRAME_THROW = 34,
	FRAME_HALT = 35,
};

void wireOpen(const char *inPath, const char *outPath);

/*
 * Waits for the next frame and gives its type; 0 when the other side has closed. The get functions then read its
 * body.
 */
int wireReceive(void);
uint8_t get8(void);
uint16_t get16(void);
uint32_t get32(void);
double getDouble(void);
/* Bytes in the frame, valid until the next wireReceive. */
const uint8_t *getBytes(uint32_t length);

/* Begins a frame; the put functions write its body; wireSend sends it. */
void wireBegin(int type);
void put8(uint8_t value);
void put16(uint16_t value);
void put32(uint32_t value);
void putDouble(double value);
void putBytes(const void *bytes, uint32_t length);
/* Length and bytes; C0 80, which is how XS writes U+0000 inside a string, becomes 00. */
void putString(const char *text);
/* The place of a u16 that is known later. */
uint32_t putPlace16(void);
void setPlace16(uint32_t place, uint16_t value);
void wireSend(void);

#endif

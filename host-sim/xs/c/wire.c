/*
 * Frames over the two FIFOs: u32 length of type and body, u8 type, body; little endian, which both machines are.
 * Knows no value of JavaScript. A frame that is too short is a fault of the harness and ends the program.
 */

#include <stdlib.h>
#include <string.h>

#include "image.h"
#include "port.h"
#include "wire.h"

struct buffer {
	uint8_t *bytes;
	uint32_t room;
	uint32_t length;
	uint32_t at;
};

static struct buffer in, out;
static int inFile, outFile;

static void reserve(struct buffer *buffer, uint32_t count)
{
	if (buffer->length + count <= buffer->room)
		return;
	buffer->room = 2 * (buffer->length + count);
	buffer->bytes = realloc(buffer->bytes, buffer->room);
	if (!buffer->bytes)
		fail("no memory", "frame");
}

void wireOpen(const char *inPath, const char *outPath)
{
	inFile = portOpen(inPath, 0);
	if (inFile < 0)
		fail("cannot be opened", inPath);
	outFile = portOpen(outPath, 1);
	if (outFile < 0)
		fail("cannot be opened", outPath);
}

/* What has come and is not yet asked for. A frame mostly comes in one read. */
static struct {
	uint8_t bytes[64 * 1024];
	uint32_t at, end;
} early;

/* Exactly `count` bytes, or 0 at the end. */
static int readExactly(uint8_t *to, uint32_t count)
{
	while (count) {
		uint32_t piece = early.end - early.at;
		if (0 == piece) {
			int done = portRead(inFile, early.bytes, sizeof(early.bytes));
			if (done <= 0)
				return 0;
			early.at = 0;
			early.end = piece = done;
		}
		if (piece > count)
			piece = count;
		memcpy(to, early.bytes + early.at, piece);
		early.at += piece;
		to += piece;
		count -= piece;
	}
	return 1;
}

int wireReceive(void)
{
	uint8_t head[4];
	uint32_t length;

	if (!readExactly(head, sizeof(head)))
		return 0;
	memcpy(&length, head, sizeof(length));
	in.length = 0;
	in.at = 0;
	reserve(&in, length);
	if (!readExactly(in.bytes, length))
		return 0;
	in.length = length;
	return get8();
}

const uint8_t *getBytes(uint32_t length)
{
	const uint8_t *bytes = in.bytes + in.at;
	if (length > in.length - in.at)
		fail("too short", "frame");
	in.at += length;
	return bytes;
}

uint8_t get8(void)
{
	return *getBytes(1);
}

uint16_t get16(void)
{
	uint16_t value;
	memcpy(&value, getBytes(sizeof(value)), sizeof(value));
	return value;
}

uint32_t get32(void)
{
	uint32_t value;
	memcpy(&value, getBytes(sizeof(value)), sizeof(value));
	return value;
}

double getDouble(void)
{
	double value;
	memcpy(&value, getBytes(sizeof(value)), sizeof(value));
	return value;
}

void wireBegin(int type)
{
	out.length = 0;
	put32(0);
	put8((uint8_t)type);
}

void putBytes(const void *bytes, uint32_t length)
{
	reserve(&out, length);
	memcpy(out.bytes + out.length, bytes, length);
	out.length += length;
}

void put8(uint8_t value)
{
	putBytes(&value, sizeof(value));
}

void put16(uint16_t value)
{
	putBytes(&value, sizeof(value));
}

void put32(uint32_t value)
{
	putBytes(&value, sizeof(value));
}

void putDouble(double value)
{
	putBytes(&value, sizeof(value));
}

void putString(const char *text)
{
	uint32_t size = strlen(text);
	uint32_t place = out.length;
	uint32_t i, length = 0;

	put32(0);
	reserve(&out, size);
	for (i = 0; i < size; i++) {
		uint8_t byte = text[i];
		if ((0xC0 == byte) && (0x80 == (uint8_t)text[i + 1])) {
			byte = 0;
			i++;
		}
		out.bytes[out.length + length++] = byte;
	}
	memcpy(out.bytes + place, &length, sizeof(length));
	out.length += length;
}

uint32_t putPlace16(void)
{
	put16(0);
	return out.length - 2;
}

void setPlace16(uint32_t place, uint16_t value)
{
	memcpy(out.bytes + place, &value, sizeof(value));
}

void wireSend(void)
{
	uint32_t done = 0;
	uint32_t length = out.length - 4;
	memcpy(out.bytes, &length, sizeof(length));
	while (done < out.length) {
		int count = portWrite(outFile, out.bytes + done, (int)(out.length - done));
		if (count <= 0)
			fail("the other side has gone", "FIFO");
		done += count;
	}
}

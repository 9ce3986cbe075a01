/*
 * What XS is told about the machine that it runs on: the same for the 32-bit host program and for lx106, so that both
 * lay out memory alike. XS includes it by the name in XSPLATFORM. What a platform has to implement is in arena.c,
 * guard.c, image.c and platform.c.
 */

#ifndef ALERTBOX_PLATFORM_H
#define ALERTBOX_PLATFORM_H

#include <ctype.h>
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "heap.h"

/* The ESP8266 loads and stores words on word boundaries only, and its compiler may not rely on a division trap. */
#define mxUnalignedAccess 0
#define mxMisalignedSettersCrash 1
#define mxIntegerDivideOverflowException 0

#define C_PATH_MAX 256
#define XS_FUNCTION_NORETURN __attribute__((noreturn))

static inline uint16_t read16(const void *from)
{
	uint16_t value;
	memcpy(&value, from, sizeof(value));
	return value;
}

static inline uint32_t read32(const void *from)
{
	uint32_t value;
	memcpy(&value, from, sizeof(value));
	return value;
}

#define c_read16(POINTER) read16(POINTER)
#define c_read32(POINTER) read32(POINTER)

#define c_malloc heapTake
#define c_malloc_uint32 heapTake
#define c_calloc heapTakeClear
#define c_realloc heapResize
#define c_free heapGive
#define c_free_uint32 heapGive

/* There is no wall clock: a run that depends on the time of day could not be repeated. */
typedef struct {
	long tv_sec;
	long tv_usec;
} c_timeval;

struct c_timezone {
	int tz_minuteswest;
};

extern int fixedTimeOfDay(c_timeval *when, struct c_timezone *zone);
#define c_gettimeofday fixedTimeOfDay

/* `promiseJobs` is set when promises have work: the harness runs it behind each callback, as the chip's loop does. */
#define mxMachinePlatform \
	void *host; \
	int promiseJobs;

#define mxUseDefaultBuildKeys 1
#define mxUseDefaultSharedChunks 1
#define mxUseDefaultCStackLimit 0

#endif

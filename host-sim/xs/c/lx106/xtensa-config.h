/*
 * What GCC's run-time functions are told about the core lx106: little-endian, no register windows, 16- and 32-bit
 * multiplication, normalisation; no division, no zero-overhead loops, no MIN, MAX, SEXT. From the ESP8266's core
 * configuration as the compiler itself has it (-mno-... in its specs).
 */

#ifndef XTENSA_CONFIG_H
#define XTENSA_CONFIG_H

#define XCHAL_HAVE_BE 0
#define XCHAL_HAVE_WINDOWED 0
#define XCHAL_HAVE_CALL4AND12 0
#define XCHAL_HAVE_ABSOLUTE_LITERALS 0
#define XCHAL_HAVE_DENSITY 1
#define XCHAL_HAVE_CONST16 0
#define XCHAL_HAVE_L32R 1
#define XCHAL_HAVE_ADDX 1
#define XCHAL_HAVE_NSA 1
#define XCHAL_HAVE_MAC16 0
#define XCHAL_HAVE_MUL16 1
#define XCHAL_HAVE_MUL32 1
#define XCHAL_HAVE_MUL32_HIGH 0
#define XCHAL_HAVE_DIV32 0
#define XCHAL_HAVE_LOOPS 0
#define XCHAL_HAVE_MINMAX 0
#define XCHAL_HAVE_SEXT 0
#define XCHAL_HAVE_ABS 1
#define XCHAL_HAVE_FP 0
#define XSHAL_ABI 1
#define XTHAL_ABI_WINDOWED 0
#define XTHAL_ABI_CALL0 1

#endif

/*
 * 64-bit multiplication and division for a processor that divides nothing and multiplies to 32 bits. GCC calls these
 * by name. Written for correctness: firmware's counts have them only where XS itself uses 64 bits.
 */

#include <stdint.h>

/* 32 by 32 to 64 bits, of GCC's own run-time functions. */
extern uint64_t __umulsidi3(uint32_t a, uint32_t b);

union halves {
	uint64_t whole;
	struct {
		uint32_t low;
		uint32_t high;
	} half;
};

int64_t __muldi3(int64_t a, int64_t b)
{
	union halves x = { (uint64_t)a };
	union halves y = { (uint64_t)b };
	union halves result = { __umulsidi3(x.half.low, y.half.low) };
	result.half.high += x.half.high * y.half.low + x.half.low * y.half.high;
	return (int64_t)result.whole;
}

static int bitsOf(uint64_t value)
{
	union halves parts = { value };
	if (parts.half.high)
		return 64 - __builtin_clz(parts.half.high);
	return parts.half.low ? 32 - __builtin_clz(parts.half.low) : 0;
}

/* Long division. A division by zero gives 0 and the dividend: XS never divides so. */
static uint64_t divide(uint64_t dividend, uint64_t divisor, uint64_t *remainder)
{
	uint64_t quotient = 0;
	int shift = bitsOf(dividend) - bitsOf(divisor);

	if (divisor) {
		for (; shift >= 0; shift--) {
			if (dividend >= (divisor << shift)) {
				dividend -= divisor << shift;
				quotient |= (uint64_t)1 << shift;
			}
		}
	}
	*remainder = dividend;
	return quotient;
}

uint64_t __udivdi3(uint64_t dividend, uint64_t divisor)
{
	uint64_t remainder;
	return divide(dividend, divisor, &remainder);
}

uint64_t __umoddi3(uint64_t dividend, uint64_t divisor)
{
	uint64_t remainder;
	divide(dividend, divisor, &remainder);
	return remainder;
}

static uint64_t magnitude(int64_t value)
{
	return (value < 0) ? -(uint64_t)value : (uint64_t)value;
}

int64_t __divdi3(int64_t dividend, int64_t divisor)
{
	uint64_t quotient = __udivdi3(magnitude(dividend), magnitude(divisor));
	return (int64_t)(((dividend < 0) != (divisor < 0)) ? -quotient : quotient);
}

int64_t __moddi3(int64_t dividend, int64_t divisor)
{
	uint64_t remainder = __umoddi3(magnitude(dividend), magnitude(divisor));
	return (int64_t)((dividend < 0) ? -remainder : remainder);
}

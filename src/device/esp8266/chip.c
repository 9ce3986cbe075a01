/*
 * What only C can reach on the ESP8266: reset reason, chip id, supply, free heap, RTC user memory. Declared in chip.ts.
 * Nothing is decided and nothing is kept here.
 */

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "user_interface.h"

/* RTC user memory begins at block 64 of 4 bytes and has 128 blocks. The SDK and Moddable's clock use the first ones. */
#define RTC_USER_BLOCK 64
#define FIRST_WORD 32
#define LAST_WORD 127

void xs_chip_resetReason(xsMachine *the)
{
	xsmcSetInteger(xsResult, system_get_rst_info()->reason);
}

void xs_chip_id(xsMachine *the)
{
	xsmcSetInteger(xsResult, system_get_chip_id());
}

/* system_get_vdd33 counts in 1/1024 V. */
void xs_chip_millivolts(xsMachine *the)
{
	xsmcSetInteger(xsResult, (system_get_vdd33() * 1000) / 1024);
}

void xs_chip_freeHeap(xsMachine *the)
{
	xsmcSetInteger(xsResult, system_get_free_heap_size());
}

static uint8 rtcBlock(xsMachine *the)
{
	int index = xsmcToInteger(xsArg(0));
	if ((index < FIRST_WORD) || (index > LAST_WORD))
		xsRangeError("RTC word: index must be 32 to 127");
	return RTC_USER_BLOCK + index;
}

void xs_chip_readWord(xsMachine *the)
{
	uint32 value = 0;
	system_rtc_mem_read(rtcBlock(the), &value, sizeof(value));
	xsmcSetNumber(xsResult, value);
}

void xs_chip_writeWord(xsMachine *the)
{
	uint8 block = rtcBlock(the);
	uint32 value = xsmcToUnsigned(xsArg(1));
	system_rtc_mem_write(block, &value, sizeof(value));
}

/*
 * What only C can reach on the ESP8266: reset cause, chip id, supply, free heap, RTC user memory, the station's
 * configuration with the key that the SDK derives and keeps, its address, the serial port in release builds, and two
 * loops over bytes that take too long in JavaScript.
 * Declared in chip.ts. Nothing is decided and nothing is kept here.
 */

#include "xsmc.h"
#include "xsHost.h"
#include "mc.xs.h"

#include "user_interface.h"
#include "lwip/err.h"
#include "lwip/dns.h"

/* RTC user memory begins at block 64 of 4 bytes and has 128. The SDK and Moddable's clock use the first 32. */
#define FIRST_BLOCK (64 + 32)
#define MOST_BYTES ((128 - 33) * 4)
#define LEASE_WORDS 4

void xs_chip_resetReason(xsMachine *the)
{
	xsmcSetInteger(xsResult, system_get_rst_info()->reason);
}

static uint8_t wasFault(void)
{
	uint32 reason = system_get_rst_info()->reason;
	return (REASON_WDT_RST == reason) || (REASON_EXCEPTION_RST == reason) || (REASON_SOFT_WDT_RST == reason);
}

void xs_chip_exceptionCause(xsMachine *the)
{
	xsmcSetInteger(xsResult, wasFault() ? system_get_rst_info()->exccause : 0);
}

void xs_chip_exceptionAddress(xsMachine *the)
{
	xsmcSetNumber(xsResult, wasFault() ? system_get_rst_info()->epc1 : 0);
}

void xs_chip_id(xsMachine *the)
{
	xsmcSetInteger(xsResult, system_get_chip_id());
}

/*
 * Arduino core 2.3.0 sets byte 107 of the init data from this function (by its C++ name; its own is weak and says 33).
 * 255 lets system_get_vdd33 measure the supply, and takes the pin A0 for that.
 */
int _Z14__get_adc_modev(void)
{
	return 255;
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

/* CRC-32 of IEEE 802.3 of `seed`'s bytes and these, bit by bit: the few bytes are not worth a table. */
static uint32 crc(uint32 seed, const uint8 *bytes, int length)
{
	uint32 value = ~seed;
	while (length--) {
		int bit;
		value ^= *bytes++;
		for (bit = 0; bit < 8; bit++)
			value = (value & 1) ? (value >> 1) ^ 0xEDB88320 : (value >> 1);
	}
	return ~value;
}

/* The range that arguments 0 to 2 are: a view or a buffer, where it begins in it and where it ends. */
static const uint8 *range(xsMachine *the, int *from, int *to)
{
	void *bytes;
	xsUnsignedValue size;

	*from = xsmcToInteger(xsArg(1));
	*to = xsmcToInteger(xsArg(2));
	xsmcGetBufferReadable(xsArg(0), &bytes, &size);
	if ((*from < 0) || (*to < *from) || ((uint32)*to > size))
		xsRangeError("range outside the bytes");
	return bytes;
}

/*
 * These two are in C because the engine takes thousands of instructions for each byte, where C takes tens: with them in
 * JavaScript a boot took 3.4 million instead of 2.0, and saving settings 5.6 million in one turn instead of 2.7.
 */
void xs_chip_crc(xsMachine *the)
{
	int from, to;
	uint32 seed = (uint32)xsmcToInteger(xsArg(3));
	const uint8 *bytes = range(the, &from, &to);

	xsmcSetInteger(xsResult, (int32_t)crc(seed, bytes + from, to - from));
}

void xs_chip_span(xsMachine *the)
{
	int from, to;
	int least = xsmcToInteger(xsArg(3));
	int most = xsmcToInteger(xsArg(4));
	int except = xsmcToInteger(xsArg(5));
	const uint8 *bytes = range(the, &from, &to);

	while ((from < to) && (bytes[from] >= least) && (bytes[from] <= most) && (bytes[from] != except))
		from++;
	xsmcSetInteger(xsResult, from);
}

static void checkLength(xsMachine *the, int length)
{
	if ((length < 4) || (length > MOST_BYTES) || (length & 3))
		xsRangeError("RTC memory: length must be 4 to 380, a multiple of 4");
}

void xs_chip_readMemory(xsMachine *the)
{
	int length = xsmcToInteger(xsArg(0));
	uint32 check = 0;
	void *bytes;

	checkLength(the, length);
	xsmcSetArrayBuffer(xsResult, NULL, length);
	bytes = xsmcToArrayBuffer(xsResult);
	system_rtc_mem_read(FIRST_BLOCK, &check, sizeof(check));
	system_rtc_mem_read(FIRST_BLOCK + 1, bytes, length);
	if (check != crc(0, bytes, length))
		xsmcSetUndefined(xsResult);
}

void xs_chip_writeMemory(xsMachine *the)
{
	int length = xsmcGetArrayBufferLength(xsArg(0));
	void *bytes = xsmcToArrayBuffer(xsArg(0));
	uint32 check;

	checkLength(the, length);
	check = crc(0, bytes, length);
	system_rtc_mem_write(FIRST_BLOCK + 1, bytes, length);
	system_rtc_mem_write(FIRST_BLOCK, &check, sizeof(check));
}

/* An open access point stays open. */
static void enableStation(void)
{
	wifi_set_opmode_current((wifi_get_opmode() & SOFTAP_MODE) ? STATIONAP_MODE : STATION_MODE);
}

static void copyText(xsMachine *the, char *text, uint8 *to, int size)
{
	int length = c_strlen(text);
	if (length > size)
		xsRangeError("name or password too long");
	c_memcpy(to, text, length);
}

static uint8_t isSame(const struct station_config *a, const struct station_config *b)
{
	if (c_memcmp(a->ssid, b->ssid, sizeof(a->ssid)) || c_memcmp(a->password, b->password, sizeof(a->password)))
		return 0;
	if (a->bssid_set != b->bssid_set)
		return 0;
	return !a->bssid_set || (0 == c_memcmp(a->bssid, b->bssid, sizeof(a->bssid)));
}

/*
 * A configuration equal to the one in use is not set again: that is what lets the SDK go on with the key it derived
 * (wifi_station_set_config keeps both in flash, _current only in RAM).
 */
static void configure(struct station_config *config, int keep)
{
	struct station_config other;

	c_memset(&other, 0, sizeof(other));
	wifi_station_get_config_default(&other);
	if (keep && !isSame(&other, config)) {
		wifi_station_set_config(config);
		return;
	}
	wifi_station_get_config(&other);
	if (!isSame(&other, config))
		wifi_station_set_config_current(config);
}

void xs_chip_join(xsMachine *the)
{
	struct station_config config;
	int channel = xsmcToInteger(xsArg(3));

	c_memset(&config, 0, sizeof(config));
	copyText(the, xsmcToString(xsArg(0)), config.ssid, sizeof(config.ssid));
	copyText(the, xsmcToString(xsArg(1)), config.password, sizeof(config.password));
	if (xsmcTest(xsArg(2))) {
		xsmcGetArrayBufferData(xsArg(2), 0, config.bssid, sizeof(config.bssid));
		config.bssid_set = 1;
	}

	if (STATION_IDLE != wifi_station_get_connect_status())
		wifi_station_disconnect();
	enableStation();
	configure(&config, xsmcTest(xsArg(4)));

	wifi_set_sleep_type(NONE_SLEEP_T);
	if (channel)
		wifi_set_channel(channel);
	wifi_station_connect();
}

void xs_chip_forget(xsMachine *the)
{
	struct station_config config;
	c_memset(&config, 0, sizeof(config));
	wifi_station_set_config(&config);
}

void xs_chip_lease(xsMachine *the)
{
	struct ip_info info;
	uint32 words[LEASE_WORDS];

	if (!wifi_get_ip_info(STATION_IF, &info) || (0 == info.ip.addr))
		return;
	words[0] = info.ip.addr;
	words[1] = info.netmask.addr;
	words[2] = info.gw.addr;
	words[3] = dns_getserver(0).addr;
	xsmcSetArrayBuffer(xsResult, words, sizeof(words));
}

void xs_chip_useLease(xsMachine *the)
{
	struct ip_info info;
	uint32 words[LEASE_WORDS];
	ip_addr_t server;

	/* The DHCP client listens to nothing before there is a station. */
	enableStation();
	if (!xsmcTest(xsArg(0))) {
		if (DHCP_STARTED != wifi_station_dhcpc_status())
			wifi_station_dhcpc_start();
		return;
	}
	xsmcGetArrayBufferData(xsArg(0), 0, words, sizeof(words));
	info.ip.addr = words[0];
	info.netmask.addr = words[1];
	info.gw.addr = words[2];
	server.addr = words[3];
	wifi_station_dhcpc_stop();
	wifi_set_ip_info(STATION_IF, &info);
	dns_setserver(0, &server);
}

/* In debug builds the serial port belongs to xsbug, which shows what is traced. */
void xs_chip_log(xsMachine *the)
{
#ifdef mxDebug
	xsTrace(xsmcToString(xsArg(0)));
	xsTrace("\n");
#else
	modLog_transmit(xsmcToString(xsArg(0)));
#endif
}

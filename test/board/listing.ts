// What a build leaves behind, made small: the output of `size -A`, a linker's map and an mc.xs.c, in the exact shape of
// the tools' (binutils 2.40, xsl 8.2.3). Figures are chosen so that each of them can be told from the others.

/** 1,000 .data + 2,000 .rodata + 3,000 .bss; 50,000 + 4,000 of code. */
export const SIZES = `main.elf  :
section              size         addr
.data                1000   1073643520
.rodata              2000   1073644520
.bss                 3000   1073646520
.irom0.text         50000   1075843088
.text                4000   1074790400
.debug_line        850353            0
Total              910353
`;

const TMP = "/home/ana/moddable/build/tmp/esp/nodemcu/release";
const SDK = "/home/ana/esp/esp8266-2.3.0/tools/sdk/lib";

/** Sections that were thrown away stand before the map proper, with address 0, and must not count. */
export const MAP = `Discarded input sections

 .text          0x00000000      0x999 ${TMP}/lib/xsRegExp.c.o

Linker script and memory map

.data           0x3ffe8000      0x3e8
                0x3ffe8000                        _data_start = ABSOLUTE (.)
 *(.data)
 .data          0x3ffe8000      0x1f3 ${SDK}/libphy.a(phy_chip_v6.o)
                0x3ffe8002                tx_rf_ana_gain
 *fill*         0x3ffe81f3        0x1 
 .data.gTimeZoneOffset
                0x3ffe81f4      0x1f4 ${TMP}/project/xsHost.c.o

.rodata         0x3ffe83e8      0x7d0
 .rodata.str1.1
                0x3ffe83e8      0x3e8 ${TMP}/lib/xsArray.c.o
                                0x3f0 (size before relaxing)
 .rodata.str1.1
                0x3ffe87d0       0x10 ${TMP}/lib/xsJSON.c.o
 .rodata.str1.1
                0x3ffe87d0      0x3e0 ${TMP}/project/tcp.c.o
                0x3ffe8bb0        0x4 LONG 0x3ffea468 _bss_start
 .rodata        0x3ffe8bb4        0x4 ${SDK}/libnew.a(unheard.obj)

.bss            0x3ffe8bb8      0xbb8
 *(COMMON)
 COMMON         0x3ffe8bb8      0x7d0 ${SDK}/liblwip.a(tcp.o)
                0x3ffe9388                pcb
 .bss           0x3ffe9388      0x3e8 ${TMP}/lib/core_esp8266_main.cpp.o

.irom0.text     0x40201010     0xc350
 .text          0x40201010     0x1388 ${TMP}/project/chip.c.o
 .irom0.str.1   0x40202398     0x2710 ${TMP}/project/mc.xs.c.o
 .text          0x40204aa8     0x7530 ${SDK}/libnet80211.a(ieee80211_sta.o)
 .text          0x4020bfd8     0x1388 ${TMP}/lib/main.cpp.o

.text           0x40100000      0xfa0
 .text          0x40100000      0x7d0 ${SDK}/libmain.a(app_main.o)
 .text          0x401007d0      0x7d0 ${SDK}/libgcc.a(_divsf3.o)

.debug_line     0x00000000    0xcf9b1
 .debug_line    0x00000000     0xcf9b1 ${TMP}/lib/xsAll.c.o
`;

const slot = (index: number, next: string, id: string, kind: string, value: string) =>
  `/* ${String(index).padStart(4, "0")} */\t{ ${next}, {.ID = ${id}, .flag = 0x8b, .kind = ${kind}}, .value = ${value} },`;
const at = (index: number) => `(txSlot*)&gxHeap[${index}]`;

/**
 * The modules mqtt/session (one function of 4 bytes of code and its terminator, in a chain of 3 slots, and one string
 * of 6), main (one function of 7 with the closure that only it reaches), later (not preloaded), and a built-in
 * function.
 */
export const IMAGE = `#define mxKeysCount 4
static const txSlot gxHeap[mxHeapCount];
#define mxStackCount 1
#define mxNamesCount 3
static const txU1 gxCode2[90];
static void xsHostModule0(xsMachine* the);

static const txScript gxScripts[mxScriptsCount] = {
	{ NULL, NULL, 0, NULL, 0, NULL, 0, "mqtt/session", { XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION, 0 } },
	{ xsHostModule0, NULL, 0, NULL, 0, NULL, 0, "main", { XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION, 0 } },
	{ NULL, gxCode2, 90, NULL, 0, NULL, 0, "device/clock", { XS_MAJOR_VERSION, XS_MINOR_VERSION, XS_PATCH_VERSION, 0 } }
};

static const txSlot gxHeap[mxHeapCount] = {
${[
  slot(0, "NULL", "10", "XS_KEY_X_KIND", '{ .key = { "mqtt/session", 0x1 } }'),
  slot(1, "NULL", "11", "XS_KEY_X_KIND", '{ .key = { "main", 0x2 } }'),
  slot(2, at(3), "XS_NO_ID", "XS_INSTANCE_KIND", "{ .instance = { NULL, NULL } }"),
  slot(3, at(4), "6", "XS_MODULE_KIND", "{ .module = { NULL, 10 } }"),
  slot(4, "NULL", "7", "XS_REFERENCE_KIND", `{ .reference = ${at(5)} }`),
  slot(5, "NULL", "12 /* Symbol.toStringTag */", "XS_STRING_X_KIND", '{ .string = "hello" }'),
  slot(6, at(7), "XS_NO_ID", "XS_INSTANCE_KIND", `{ .instance = { NULL, ${at(20)} } }`),
  slot(7, at(8), "xsID_send", "XS_CODE_X_KIND", '{ .code = { (txByte*)"\\x0c\\x00\\xd6\\x44", NULL } }'),
  slot(8, "NULL", "0", "XS_HOME_KIND", `{ .home = { NULL, ${at(2)} } }`),
  slot(9, at(10), "XS_NO_ID", "XS_INSTANCE_KIND", "{ .instance = { NULL, NULL } }"),
  slot(10, "NULL", "6", "XS_MODULE_KIND", "{ .module = { NULL, 11 } }"),
  slot(11, at(12), "XS_NO_ID", "XS_INSTANCE_KIND", `{ .instance = { NULL, ${at(20)} } }`),
  slot(
    12,
    at(13),
    "xsID_x",
    "XS_CODE_X_KIND",
    `{ .code = { (txByte*)"\\x0c\\x00\\xd6\\x44\\x01\\x02\\x03", ${at(14)} } }`,
  ),
  slot(13, "NULL", "0", "XS_HOME_KIND", `{ .home = { NULL, ${at(9)} } }`),
  slot(14, "NULL", "XS_NO_ID", "XS_INSTANCE_KIND", "{ .instance = { NULL, NULL } }"),
  slot(20, at(21), "XS_NO_ID", "XS_INSTANCE_KIND", "{ .instance = { NULL, NULL } }"),
  slot(21, at(22), "XS_NO_ID", "XS_CODE_X_KIND", "{ .code = { (txByte*)(gxNoCode), NULL } }"),
  slot(22, "NULL", "0", "XS_HOME_KIND", "{ .home = { NULL, NULL } }"),
].join("\n")}
};

static const txSlot gxStack[mxStackCount] = {
	{ NULL, {.ID = XS_NO_ID, .flag = 0x0, .kind = XS_REFERENCE_KIND}, .value = { .reference = ${at(20)} } },
};

static const txID gxColors[mxKeysCount] ICACHE_FLASH1_ATTR = {
`;

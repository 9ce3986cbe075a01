// The module `chip` of this project (src/device/esp8266/chip.c on the board, host-sim/modules/chip.ts in the
// simulator): what firmware needs of the ESP8266 and no module of the Moddable SDK gives.

declare module "chip" {
  const chip: {
    /**
     * SDK `rst_info.reason` of this boot: 0 power on, 1 hardware watchdog, 2 exception, 3 software watchdog, 4 software
     * restart (also after an exception of JavaScript), 5 deep-sleep wake (also RST pressed during deep sleep), 6 RST
     * while awake.
     */
    resetReason(): number;
    /** `rst_info.exccause` of a reset with reason 1, 2 or 3; else 0. */
    exceptionCause(): number;
    /** `rst_info.epc1`, the address of the instruction, likewise. */
    exceptionAddress(): number;
    /** `system_get_chip_id()`. */
    id(): number;
    /** The supply in millivolts, `system_get_vdd33()`. */
    millivolts(): number;
    /** Free bytes of the system heap. */
    freeHeap(): number;
    /**
     * What was last written with `writeMemory`: a fresh buffer of `length` bytes, or undefined when power was lost
     * since, or when another length was written. RTC user memory from word 32 up (the SDK and Moddable's clock use the
     * words below): a CRC-32, then the bytes. It survives sleep and reset, not power loss. `length`: 4 to 380, a
     * multiple of 4, else a RangeError.
     */
    readMemory(length: number): ArrayBuffer | undefined;
    /** Keeps these bytes; their number as above. A reset in the middle reads as nothing kept. */
    writeMemory(bytes: ArrayBuffer): void;
    /**
     * CRC-32 (IEEE 802.3, as in zip and Ethernet) of `bytes[from]` to `bytes[to - 1]`, as a signed 32-bit number.
     * `seed`: the CRC of what came before, 0 at the beginning. RangeError when the range does not lie inside `bytes`.
     */
    crc(bytes: Uint8Array, from: number, to: number, seed: number): number;
    /**
     * Index of the first byte of that range that is below `least`, above `most` or equal to `except` (-1: none is);
     * `to` without one. RangeError likewise.
     */
    span(bytes: Uint8Array, from: number, to: number, least: number, most: number, except: number): number;
    /**
     * The station joins a network, as `WiFi.connect`, and leaves an open access point alone (`WiFi.connect` closes it).
     * `bssid`: 6 bytes, or undefined for any access point of that name. `channel`: 1 to 13, or 0 for all. `keep`: the
     * SDK keeps name, password and the key derived from them in its own flash, so that the next join with the same
     * values, also after power loss, skips the derivation; nothing is written when they are kept already.
     */
    join(ssid: string, password: string, bssid: ArrayBuffer | undefined, channel: number, keep: boolean): void;
    /** Erases what `join` has kept. */
    forget(): void;
    /**
     * The station's address, netmask, gateway and name server, 4 bytes each in network order; undefined without an
     * address.
     */
    lease(): ArrayBuffer | undefined;
    /** Such 16 bytes are used instead of DHCP from the next join on; undefined: DHCP again. */
    useLease(lease: ArrayBuffer | undefined): void;
    /** A line on the serial port, without its end, also in release builds, where `trace` prints nothing. */
    log(line: string): void;
  };
  export default chip;
}

// The module `chip`: the little that only C can reach on the ESP8266. Each function is the C function of that name in
// chip.c beside this file; the simulator implements the same specifier. Its types are in the declaration of "chip".
// xsc makes host functions of bodies in just this form, a static method that passes on `this` and its own parameters.

export default class Chip {
  /** `rst_info.reason` of the SDK, 0..6: see alertbox/wake.ts. */
  static resetReason(): number {
    return native("xs_chip_resetReason").call(this) as number;
  }

  /** The lower three bytes of the station's MAC address, as a number. */
  static id(): number {
    return native("xs_chip_id").call(this) as number;
  }

  /** Supply in millivolts. Meaningful where nothing is wired to A0 and byte 107 of the init data is 255. */
  static millivolts(): number {
    return native("xs_chip_millivolts").call(this) as number;
  }

  /** Free bytes of the system heap, outside of the XS arena. */
  static freeHeap(): number {
    return native("xs_chip_freeHeap").call(this) as number;
  }

  /** One word of RTC user memory, 0..2^32 - 1. Throws a RangeError for an index outside of 32..127. */
  static readWord(index: number): number {
    return native("xs_chip_readWord").call(this, index) as number;
  }

  /** Writes one word; as `readWord`. */
  static writeWord(index: number, value: number): void {
    native("xs_chip_writeWord").call(this, index, value);
  }
}

// The module `chip`: the little that only C can reach on the ESP8266. Each function is the C function of that name in
// chip.c beside this file; the simulator implements the same specifier. What each does, and its limits, is in the
// declaration of "chip", which both sides are checked against.
// xsc makes host functions of bodies in just this form, a static method that passes on `this` and its own parameters.

export default class Chip {
  static resetReason(): number {
    return native("xs_chip_resetReason").call(this) as number;
  }

  static exceptionCause(): number {
    return native("xs_chip_exceptionCause").call(this) as number;
  }

  static exceptionAddress(): number {
    return native("xs_chip_exceptionAddress").call(this) as number;
  }

  static id(): number {
    return native("xs_chip_id").call(this) as number;
  }

  /** Too low on boards with a divider on A0 (NodeMCU, D1 mini): see docs/wiring.md. */
  static millivolts(): number {
    return native("xs_chip_millivolts").call(this) as number;
  }

  static freeHeap(): number {
    return native("xs_chip_freeHeap").call(this) as number;
  }

  static readMemory(length: number): ArrayBuffer | undefined {
    return native("xs_chip_readMemory").call(this, length) as ArrayBuffer | undefined;
  }

  static writeMemory(bytes: ArrayBuffer): void {
    native("xs_chip_writeMemory").call(this, bytes);
  }

  static crc(bytes: Uint8Array, from: number, to: number, seed: number): number {
    return native("xs_chip_crc").call(this, bytes, from, to, seed) as number;
  }

  static span(bytes: Uint8Array, from: number, to: number, least: number, most: number, except: number): number {
    return native("xs_chip_span").call(this, bytes, from, to, least, most, except) as number;
  }

  static join(ssid: string, password: string, bssid: ArrayBuffer | undefined, channel: number, keep: boolean): void {
    native("xs_chip_join").call(this, ssid, password, bssid, channel, keep);
  }

  static forget(): void {
    native("xs_chip_forget").call(this);
  }

  static lease(): ArrayBuffer | undefined {
    return native("xs_chip_lease").call(this) as ArrayBuffer | undefined;
  }

  static useLease(lease: ArrayBuffer | undefined): void {
    native("xs_chip_useLease").call(this, lease);
  }

  static log(line: string): void {
    native("xs_chip_log").call(this, line);
  }
}

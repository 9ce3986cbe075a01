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
    /** `system_get_chip_id()`. */
    id(): number;
    /** The supply in millivolts, `system_get_vdd33()`. */
    millivolts(): number;
    /** Free bytes of the system heap. */
    freeHeap(): number;
    /**
     * A word of RTC user memory, 4 bytes, as a number from 0 to 2^32 - 1. `index` is 32 to 127 (the SDK and Moddable's
     * clock use the ones below), else a RangeError. The words survive sleep and reset, not power loss: then they hold
     * noise.
     */
    readWord(index: number): number;
    /** Sets a word to the low 32 bits of `value`. Limits as above. */
    writeWord(index: number, value: number): void;
  };
  export default chip;
}

// Why did the chip start? The reset reason alone cannot tell a press on RST from the retry timer (both read 5), so the
// wiring decides together with the level of the button's pin. Pure: numbers in, a word out.

import type { WakeCause } from "./effect.js";

/** `rst_info.reason` of the ESP8266 SDK (user_interface.h). */
export const ResetReason = Object.freeze({
  POWER_ON: 0,
  HARDWARE_WATCHDOG: 1,
  EXCEPTION: 2,
  SOFTWARE_WATCHDOG: 3,
  SOFTWARE_RESTART: 4,
  DEEP_SLEEP: 5,
  EXTERNAL: 6,
} as const);

const NAMES = Object.freeze([
  "power-on",
  "hardware-watchdog",
  "exception",
  "software-watchdog",
  "restart",
  "deep-sleep",
  "external",
] as const);

/** The reset reason's name for `state`; a number that the SDK does not define is shown as it is. */
export function resetName(reason: number): string {
  return NAMES[reason] ?? `reason-${reason}`;
}

/**
 * What a reset means to the box.
 *
 * - Wiring `rst`: the button is on RST and there is no timer, so reason 5 and reason 6 are presses.
 * - Wiring `rst+gpio`: a press also holds a GPIO through boot; with the pin idle, reason 5 is the retry timer and
 *   reason 6 somebody pressing the board's own reset.
 * - Wiring `gpio`: no reset is a press; the pin tells later.
 *
 * Power-on is never a press: fitting a battery must not raise an alert. A software restart is a crash unless it was
 * `planned`: so an exception of JavaScript ends.
 */
export function wakeCause(
  reason: number,
  wiring: "gpio" | "rst" | "rst+gpio",
  buttonDown: boolean,
  planned: boolean,
): WakeCause {
  switch (reason) {
    case ResetReason.DEEP_SLEEP:
      if (wiring === "rst" || (wiring === "rst+gpio" && buttonDown)) return "press";
      return "retry";
    case ResetReason.EXTERNAL:
      if (wiring === "rst" || (wiring === "rst+gpio" && buttonDown)) return "press";
      return "restart";
    case ResetReason.HARDWARE_WATCHDOG:
    case ResetReason.EXCEPTION:
    case ResetReason.SOFTWARE_WATCHDOG:
      return "crash";
    case ResetReason.SOFTWARE_RESTART:
      return planned ? "restart" : "crash";
    default:
      return "power";
  }
}

// What a board tells whoever watches it: tests, the terminal, the page. Plain data with the clock's time in it; an
// event never gives a way back into the board.

/** SDK `rst_info.reason`, user_interface.h of the ESP8266 non-OS SDK. */
export const ResetReason = Object.freeze({
  powerOn: 0,
  hardwareWatchdog: 1,
  exception: 2,
  softwareWatchdog: 3,
  softwareRestart: 4,
  deepSleepWake: 5,
  external: 6,
} as const);

/**
 * `off`: no supply. `booting`: from the end of reset to the first line of firmware, and as long as RST is held.
 * `running`: firmware runs. `asleep`: deep sleep, only the real-time clock and its memory are alive.
 */
export type BoardState = "off" | "booting" | "running" | "asleep";

/** One line of the serial log that has the form `[742] delivered 5750-42`. */
export interface Step {
  /** The clock's time when it was said, ms. */
  readonly at: number;
  /** The number in brackets: what the firmware says about time, ms. */
  readonly ms: number;
  /** Its first word. */
  readonly word: string;
  /** The rest of the line, perhaps empty. */
  readonly detail: string;
}

/** A change of the LED. */
export interface LedChange {
  readonly at: number;
  readonly on: boolean;
}

export type BoardEventBody =
  | { readonly type: "power"; readonly state: "on" | "off" | "asleep" | "booting" }
  | { readonly type: "reset"; readonly reason: number }
  | { readonly type: "button"; readonly down: boolean }
  | { readonly type: "led"; readonly on: boolean }
  /** One line of the serial log, without its end of line. */
  | { readonly type: "log"; readonly text: string }
  | { readonly type: "step"; readonly ms: number; readonly word: string; readonly detail: string }
  | { readonly type: "sleep"; readonly us: number }
  | { readonly type: "crash"; readonly error: unknown }
  | { readonly type: "flash"; readonly operation: "write" | "erase"; readonly offset: number; readonly length: number }
  /** `word` is what happened: a state of the radio, an event of the `wifi` module. */
  | { readonly type: "wifi"; readonly word: string; readonly detail: string }
  /** `word` is what happened to a TCP socket: `opening`, `open`, `ended`, `failed`, `closed` … */
  | { readonly type: "socket"; readonly word: string; readonly detail: string };

/** `at` is the clock's time, ms. */
export type BoardEvent = { readonly at: number } & BoardEventBody;

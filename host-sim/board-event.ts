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

/** The reasons that firmware did not ask for, and nobody else either. */
export type FaultReason =
  | typeof ResetReason.hardwareWatchdog
  | typeof ResetReason.exception
  | typeof ResetReason.softwareWatchdog;

/** RF options of `system_deep_sleep_set_option`: what the radio does at the next wake. */
export const RadioOption = Object.freeze({ asInitData: 0, calibrate: 1, noCalibration: 2, off: 4 } as const);

/**
 * `off`: no supply. `booting`: from the end of reset to the first line of firmware, and as long as RST is held.
 * `running`: firmware runs. `asleep`: deep sleep, only the real-time clock and its memory are alive.
 */
export type BoardState = "off" | "booting" | "running" | "asleep";

/** One line of the serial log that has the form `[742] delivered 5750-42-40146`. */
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
  /** A watchdog or an exception of the processor; a reset with that reason follows. */
  | { readonly type: "fault"; readonly reason: number; readonly cause: number; readonly address: number }
  | { readonly type: "flash"; readonly operation: "write" | "erase"; readonly offset: number; readonly length: number }
  /** `word` is what happened: a state of the radio, an event of the `wifi` module. */
  | { readonly type: "wifi"; readonly word: string; readonly detail: string }
  /** `word` is what happened to a TCP socket: `opening`, `open`, `ended`, `failed`, `closed` … */
  | { readonly type: "socket"; readonly word: string; readonly detail: string }
  /**
   * A phone can reach the board on a port: in a RealNetwork this computer is the phone, and the port appears as `local`
   * on 127.0.0.1; in a VirtualNetwork it is the board's own. Undefined: no longer.
   */
  | {
      readonly type: "listening";
      readonly protocol: "tcp" | "udp";
      readonly port: number;
      readonly address: string;
      readonly local: number | undefined;
    };

/** `at` is the clock's time, ms. */
export type BoardEvent = { readonly at: number } & BoardEventBody;

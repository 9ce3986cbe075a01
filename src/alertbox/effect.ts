// What the box is told (events, past facts) and what it asks for (effects, commands): the words between the pure state
// machine in alertbox.ts and main.ts, which performs each effect in one switch. Types only; nothing here does anything.
//
// Events and effects are numbers, because in preloaded code every word that is evaluated, each `case` that is compared
// included, is copied into the heap (fxMapCode in xslBase.c keeps such strings from running in place). Their names:
//
// Events: 1 booted, 2 button, 3 stored, 4 not-stored, 5 not-saved, 6 associated, 7 joined, 8 join-failed, 9 wifi-lost,
// 10 opened, 11 unreachable, 12 connected, 13 received, 14 delivered, 15 subscribed, 16 acknowledged, 17 command,
// 18 flushed, 19 try, 20 more-time, 21 down, 22 go-on.
//
// Effects: 1 store, 2 show, 3 rest, 4 join, 5 leave, 6 radio-off, 7 open, 8 keep-cache, 9 forget-cache, 10 deliver,
// 11 announce-waiting, 12 announce, 13 state, 14 light, 15 subscribe, 16 clear, 17 flush, 18 disconnect, 19 abort,
// 20 use, 21 save, 22 require-clean-session, 23 session-cleaned, 24 plain-order, 25 remember, 26 open-setup,
// 27 tell-setup, 28 factory-reset, 29 restart, 30 sleep, 31 say, 32 go-on, 33 introduce, 34 gesture, 35 keep-asked,
// 36 disown.

import type { ButtonEvent } from "./button.js";
import type { Course } from "./recovery.js";
import type { Settings } from "./settings.js";

/** Why this boot happened, as wake.ts reads it from the reset reason and the wiring. */
export type WakeCause = "press" | "retry" | "power" | "restart" | "crash";

/** Why a connection ended, as the MQTT session and the link report it. */
export interface Down {
  readonly reason: string;
  readonly detail: string;
  /** CONNACK return code when `reason` is "refused", else 0. */
  readonly code: number;
  /** True when the broker closed before CONNACK although a PUBLISH had left with the CONNECT. */
  readonly pipelined: boolean;
}

/** What a trial of settings has come to, and where it failed: the words that the setup page shows. */
export type TrialPhase = "idle" | "trying" | "failed" | "done";
export type TrialStep = "" | "form" | "wifi" | "address" | "name" | "broker" | "login";

export type BoxEvent =
  | { readonly type: 1; readonly cause: WakeCause; readonly course: Course }
  | { readonly type: 2; readonly event: ButtonEvent }
  /** `pending`: alerts in the journal now, with this one; a full one may have given up another for it. */
  | { readonly type: 3; readonly sequence: number; readonly pending: number }
  | { readonly type: 4; readonly why: string }
  /** The settings in use could not be saved. */
  | { readonly type: 5; readonly why: string }
  /** The network let the box in; it has no address yet. */
  | { readonly type: 6 }
  | { readonly type: 7; readonly address: string }
  | { readonly type: 8; readonly why: string }
  | { readonly type: 9 }
  | { readonly type: 10 }
  | { readonly type: 11; readonly why: string; readonly step: TrialStep }
  /** `isKnown`: the session is one that the box has seen begin. */
  | { readonly type: 12; readonly sessionPresent: boolean; readonly isKnown: boolean }
  | { readonly type: 13; readonly sequence: number }
  | { readonly type: 14; readonly sequence: number }
  | { readonly type: 15; readonly refused: boolean }
  /** An announcement or a clearing was acknowledged: its place in the session is free. */
  | { readonly type: 16 }
  /** A command; without `text` it could not be read, and `why` says so. */
  | { readonly type: 17; readonly name: string; readonly text: string | undefined; readonly why: string }
  | { readonly type: 18 }
  /** A person at the setup page wants these settings tried. */
  | { readonly type: 19; readonly settings: Settings }
  /** A person at the setup page wants more time. */
  | { readonly type: 20 }
  | { readonly type: 21; readonly down: Down }
  /** A turn of its own, as the effect of this name asked for. */
  | { readonly type: 22 };

export type Effect =
  /** Write the alert into the journal; answered by `stored` or `not-stored`. */
  | { readonly do: 1; readonly event: number }
  /** Start a finite LED pattern. */
  | { readonly do: 2; readonly pattern: number }
  /** Set the LED pattern for when no finite one runs. */
  | { readonly do: 3; readonly pattern: number }
  /** `fast`: to where the cache says. `keep`: the SDK keeps name and key for the next boot. */
  | { readonly do: 4; readonly network: number; readonly fast: boolean; readonly keep: boolean }
  /** Give up the network or the attempt. */
  | { readonly do: 5 }
  /** The same, and switch the radio off, an open access point with it. */
  | { readonly do: 6 }
  /**
   * Resolve the broker's name, or with `fast` take the cached address, and open the TCP connection; `clean` asks for
   * clean session = 1.
   */
  | { readonly do: 7; readonly clean: boolean; readonly fast: boolean }
  /** The broker was reached: remember where network and broker are, for the next wake. */
  | { readonly do: 8; readonly network: number }
  | { readonly do: 9 }
  /** Hand the session every stored alert that it has room for. */
  | { readonly do: 10 }
  /** Publish announcements that found no place in the session. */
  | { readonly do: 11 }
  | { readonly do: 12; readonly presence: "online" | "sleeping" }
  | { readonly do: 13; readonly config: string }
  | { readonly do: 14; readonly on: boolean }
  | { readonly do: 15; readonly qos: 0 | 1 }
  /** Clear what is retained under the given root: `cmd/` and a command's name, or what the box said there. */
  | { readonly do: 16; readonly root: string; readonly name: string }
  /** Answered by `flushed` when everything said so far is acknowledged, or the time for a farewell is over. */
  | { readonly do: 17 }
  /** DISCONNECT on the wire, then close; answered by `down`. */
  | { readonly do: 18 }
  /** Drop the connection at once; not answered. */
  | { readonly do: 19 }
  /** From now on use these settings, without saving them. */
  | { readonly do: 20; readonly settings: Settings }
  /** Answered by `not-saved` when the flash does not keep them. */
  | { readonly do: 21; readonly settings: Settings }
  | { readonly do: 22 }
  | { readonly do: 23 }
  /** The broker dislikes packets before CONNACK: no more pipelining. */
  | { readonly do: 24 }
  /** Keep the number of failed deliveries over sleep. */
  | { readonly do: 25; readonly attempt: number }
  /** It closes with a restart or with sleep, and in no other way. */
  | { readonly do: 26 }
  /** What the setup page is to say. */
  | { readonly do: 27; readonly phase: TrialPhase; readonly step: TrialStep; readonly detail: string }
  | { readonly do: 28 }
  | { readonly do: 29 }
  /** Deep sleep; 0 means until the next press. */
  | { readonly do: 30; readonly ms: number }
  /** A line of the serial log. */
  | { readonly do: 31; readonly word: string; readonly detail: string }
  /** There is more to think about: answered by `go-on` in a turn of its own. */
  | { readonly do: 32 }
  /**
   * Introduce the box, where its convention has an introduction and it was told otherwise, or with `anew`: this broker
   * may have lost what it was told.
   */
  | { readonly do: 33; readonly anew: boolean }
  /** The alert is delivered: tell of its gesture where the convention wants that, too. */
  | { readonly do: 34; readonly sequence: number }
  /** Keep over a reset and sleep that a broker was asked for a connection, or that it has answered. */
  | { readonly do: 35 }
  /** The broker has lost the box, or may have, and with it its introduction: that is told anew, in a later boot too. */
  | { readonly do: 36 };

// What the box is told (events, past facts) and what it asks for (effects, commands): the words between the pure state
// machine in alertbox.ts and main.ts, which performs each effect in one switch. Types only; nothing here does anything.

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
  | { readonly type: "booted"; readonly cause: WakeCause; readonly course: Course }
  | { readonly type: "button"; readonly event: ButtonEvent }
  | { readonly type: "stored"; readonly sequence: number }
  | { readonly type: "not-stored"; readonly why: string }
  /** The settings in use could not be saved. */
  | { readonly type: "not-saved"; readonly why: string }
  /** The network let the box in; it has no address yet. */
  | { readonly type: "associated" }
  | { readonly type: "joined"; readonly address: string }
  | { readonly type: "join-failed"; readonly why: string }
  | { readonly type: "wifi-lost" }
  | { readonly type: "opened" }
  | { readonly type: "unreachable"; readonly why: string; readonly step: TrialStep }
  | { readonly type: "connected"; readonly sessionPresent: boolean }
  | { readonly type: "received"; readonly sequence: number }
  | { readonly type: "delivered"; readonly sequence: number }
  | { readonly type: "subscribed"; readonly refused: boolean }
  /** An announcement or a clearing was acknowledged: its place in the session is free. */
  | { readonly type: "acknowledged" }
  /** A command; without `text` it could not be read, and `why` says so. */
  | { readonly type: "command"; readonly name: string; readonly text: string | undefined; readonly why: string }
  | { readonly type: "flushed" }
  /** A person at the setup page wants these settings tried. */
  | { readonly type: "try"; readonly settings: Settings }
  /** A person at the setup page wants more time. */
  | { readonly type: "more-time" }
  | { readonly type: "down"; readonly down: Down };

export type Effect =
  /** Write the alert into the journal; answered by `stored` or `not-stored`. */
  | { readonly do: "store"; readonly event: number }
  /** Start a finite LED pattern. */
  | { readonly do: "show"; readonly pattern: number }
  /** Set the LED pattern for when no finite one runs. */
  | { readonly do: "rest"; readonly pattern: number }
  /** `fast`: to where the cache says. `keep`: the SDK keeps name and key for the next boot. */
  | { readonly do: "join"; readonly network: number; readonly fast: boolean; readonly keep: boolean }
  /** Give up the network or the attempt. */
  | { readonly do: "leave" }
  /** The same, and switch the radio off, an open access point with it. */
  | { readonly do: "radio-off" }
  /**
   * Resolve the broker's name, or with `fast` take the cached address, and open the TCP connection; `clean` asks for
   * clean session = 1.
   */
  | { readonly do: "open"; readonly clean: boolean; readonly fast: boolean }
  /** The broker was reached: remember where network and broker are, for the next wake. */
  | { readonly do: "keep-cache"; readonly network: number }
  | { readonly do: "forget-cache" }
  /** Hand the session every stored alert that it has room for. */
  | { readonly do: "deliver" }
  /** Publish announcements that found no place in the session. */
  | { readonly do: "announce-waiting" }
  | { readonly do: "announce"; readonly presence: "online" | "sleeping" }
  | { readonly do: "state"; readonly config: string }
  | { readonly do: "light"; readonly on: boolean }
  | { readonly do: "subscribe"; readonly qos: 0 | 1 }
  /** Clear a retained command under the given root. */
  | { readonly do: "clear"; readonly root: string; readonly name: string }
  /** Answered by `flushed` when everything accepted so far is acknowledged, or when `withinMs` is over. */
  | { readonly do: "flush"; readonly withinMs: number }
  /** DISCONNECT on the wire, then close; answered by `down`. */
  | { readonly do: "disconnect" }
  /** Drop the connection at once; not answered. */
  | { readonly do: "abort" }
  /** From now on use these settings, without saving them. */
  | { readonly do: "use"; readonly settings: Settings }
  /** Answered by `not-saved` when the flash does not keep them. */
  | { readonly do: "save"; readonly settings: Settings }
  | { readonly do: "require-clean-session" }
  | { readonly do: "session-cleaned" }
  /** The broker dislikes packets before CONNACK: no more pipelining. */
  | { readonly do: "plain-order" }
  /** Keep the number of failed deliveries over sleep. */
  | { readonly do: "remember"; readonly attempt: number }
  /** It closes with a restart or with sleep, and in no other way. */
  | { readonly do: "open-setup" }
  /** What the setup page is to say. */
  | { readonly do: "tell-setup"; readonly phase: TrialPhase; readonly step: TrialStep; readonly detail: string }
  | { readonly do: "factory-reset" }
  | { readonly do: "restart" }
  /** Deep sleep; 0 means until the next press. */
  | { readonly do: "sleep"; readonly ms: number }
  /** A line of the serial log. */
  | { readonly do: "say"; readonly word: string; readonly detail: string };

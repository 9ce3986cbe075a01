// The states of the box, their diagram and their limits in time. Data only: how the box moves between them is in
// alertbox.ts.

/** Limits of the box, in milliseconds. DESIGN §9 and alertbox-products §4, §7. */
export const BoxTimes = Object.freeze({
  /** One network may take this long to join. */
  join: 12000,
  /** Name resolution, TCP and CONNACK together. */
  connect: 15000,
  /** Battery: where the cache leads must answer by TCP within this; then search, DHCP and DNS in the same wake. */
  fast: 2000,
  /** Battery: awake with an alert pending. */
  awake: 20000,
  /** Access point of the setup open, since it opened or since a person last asked for something. */
  setup: 120000,
  /** After settings were tried with success, for the page to say so. */
  done: 8000,
  /** Battery: after SUBACK or a command, wait this long for a (further) retained command. */
  window: 150,
  /** Battery: the broker may take this long to acknowledge the farewell. */
  farewell: 2000,
  /** From the wish to disconnect to the closed connection. */
  closing: 3000,
  /** Trying new settings, from the command to the connection. */
  trial: 30000,
  /** After a factory reset, for the button to be let go. */
  reset: 10000,
  /** The LED's last pattern before sleep. */
  rest: 6000,
  /** The same under a finger, for a hold of 10 s. */
  held: 12000,
} as const);

/** What follows when the connection has been closed on purpose. */
export type After = "sleep" | "connect" | "trial" | "setup" | "done";

/** Connected. Its own small course: delivering → subscribing → listening (→ leaving, battery); a press leads back. */
export interface Online {
  readonly name: "online";
  phase: "delivering" | "subscribing" | "listening" | "leaving";
  until: number | undefined;
}

/**
 * ```
 * starting ──booted──▶ joining ──joined──▶ connecting ──connected──▶ online
 *    │                   │ ▲                 │ ▲   │                  │  │
 *    │ no settings       │ └────retryAt──────┼─┤   │refused 1,2,4,5   │  │ battery: delivered, commands read
 *    ▼                   ▼                   ▼ │   ▼                  │  ▼
 *  setup ◀──held 5 s── any state           waiting refused            │ closing ──down──▶ resting ──▶ asleep
 *    │ └─try─▶ joining … online: setup "done" ─▶ restart; failed: setup │
 *    └─120 s─▶ asleep                          ▲                      │    held 10 s, any state: resetting ──▶ restart
 *                                              └──────── down ────────┘
 * battery: every state but setup ends in resting when the awake cap is reached (alerts stay in the journal).
 * ```
 * Each state has a deadline, but for `online` of a mains box (the session's keep-alive guards it), `refused` of a mains
 * box (waits for a person) and `asleep`.
 */
export type State =
  | { readonly name: "starting" }
  | { readonly name: "joining"; readonly until: number }
  | { readonly name: "connecting"; readonly clean: boolean; until: number }
  | {
      readonly name: "online";
      phase: "delivering" | "subscribing" | "listening" | "leaving";
      until: number | undefined;
    }
  | { readonly name: "closing"; readonly after: After; readonly until: number }
  | { readonly name: "waiting"; readonly until: number }
  | { readonly name: "refused" }
  /** `safe`: after bad boots. `done`: new settings are saved, a restart follows. */
  | { readonly name: "setup"; readonly kind: "open" | "safe" | "done"; until: number }
  | { readonly name: "resetting"; readonly until: number }
  | { readonly name: "resting"; readonly until: number }
  | { readonly name: "asleep" };

export const STARTING: State = Object.freeze({ name: "starting" });
export const REFUSED: State = Object.freeze({ name: "refused" });
export const ASLEEP: State = Object.freeze({ name: "asleep" });

/** Whether an instant has come; `undefined` never comes. */
export function isDue(at: number | undefined, now: number): boolean {
  return at !== undefined && ((now - at) | 0) >= 0;
}

/** The earlier of two instants; `undefined` is later than any. */
export function earlier(a: number | undefined, b: number | undefined): number | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return ((a - b) | 0) <= 0 ? a : b;
}

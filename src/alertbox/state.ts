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

/** What follows when the connection has been closed on purpose: 0 sleep, 1 connect, 2 done with the setup. */
export type After = 0 | 1 | 2;

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
 *
 * In the code they are numbers: 0 starting, 1 joining, 2 connecting, 3 online, 4 closing, 5 waiting, 6 refused,
 * 7 setup, 8 resetting, 9 resting, 10 asleep. A small number beside tells what else belongs to the state:
 *
 * - 2 connecting: 1 when with clean session = 1.
 * - 3 online: 0 delivering → 1 subscribing → 2 listening (→ 3 leaving, battery); a press leads back.
 * - 4 closing: what follows, see After.
 * - 7 setup: 0 open; 1 safe, after bad boots; 2 done: new settings are saved, a restart follows.
 * - 9 resting: 1 when the LED shows something that a person must see before sleep.
 */
export type State = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10;

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

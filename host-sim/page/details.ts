// What the panels of the page show beyond the board itself: packets, presses, the broker, the memory, the supply. Plain
// JSON, like protocol.ts, of which this is a part. Knows neither Node nor the browser.

/** One MQTT packet on a board's connection, or what happened to the connection itself. */
export interface PacketView {
  /** Counts up over all boards. */
  readonly id: number;
  readonly board: number;
  /** Milliseconds since the bench started. */
  readonly at: number;
  /** Numbers the connections, from 1. */
  readonly connection: number;
  /** `up`: from the board; `down`: to the board. */
  readonly direction: "up" | "down";
  /** `PUBLISH`, `CONNACK` …; `TCP open`, `TCP end`, `TCP reset`; `bytes` for what is no packet. */
  readonly type: string;
  readonly qos: 0 | 1 | 2 | undefined;
  readonly retain: boolean;
  readonly dup: boolean;
  /** The packet identifier; undefined where the packet has none. */
  readonly packetId: number | undefined;
  /** Of a PUBLISH, a SUBSCRIBE (the first filter), the will of a CONNECT. */
  readonly topic: string;
  /** One line for people: the payload as text, the return code in words, the client id. Never a password. */
  readonly detail: string;
  /** Bytes of the whole packet. */
  readonly length: number;
  /** The first bytes as `0a ff …`, at most 256 of them; those of a password are shown as `··`. */
  readonly hex: string;
  /** The rule of MQTT 3.1.1 that this packet breaks. */
  readonly breach: { readonly statement: string; readonly detail: string } | undefined;
}

/** Steps of one press in the order in which they normally come; what a step means stands in STEP_TEXTS. */
export const STEPS = Object.freeze([
  "pressed",
  "reset",
  "boot",
  "stored",
  "wifi",
  "address",
  "tcp",
  "connack",
  "publish",
  "pubrec",
  "pubcomp",
  "arrived",
  "asleep",
] as const);

export type StepName = (typeof STEPS)[number];

/** A title and one sentence for each step. */
export const STEP_TEXTS: Readonly<Record<StepName, readonly [title: string, sentence: string]>> = Object.freeze({
  pressed: ["Pressed", "The contact of the button closes."],
  reset: ["Reset", "The chip comes out of reset: power, the RST pin, or the timer of deep sleep."],
  boot: ["Boot", "The SDK has started, and the first line of the firmware runs."],
  stored: ["Stored", "The press is in the journal in flash: from here on a power cut cannot lose it. The LED lights."],
  wifi: ["Wi-Fi", "The access point has accepted the box."],
  address: ["Address", "The box has an IP address, from DHCP or remembered."],
  tcp: ["TCP", "The connection to the broker is open."],
  connack: ["CONNACK", "The broker has accepted the MQTT connection."],
  publish: ["PUBLISH", "The alert leaves with QoS 2. It may leave with CONNECT in one segment, before CONNACK."],
  pubrec: ["PUBREC", "The broker has the alert. The journal marks it before PUBREL answers, so it never goes twice."],
  pubcomp: ["PUBCOMP", "Both sides have finished: delivered. Only now the LED says so."],
  arrived: ["Arrived", "An independent subscriber has the alert."],
  asleep: ["Asleep", "The chip is in deep sleep: only its clock and 512 bytes of memory are alive."],
});

/** One press, and how far it got. It is told again whenever a step is added. */
export interface PressView {
  readonly board: number;
  /** Counts the presses of this board, from 1. */
  readonly number: number;
  /** `5750-42-40146`; empty before the firmware has given one. */
  readonly id: string;
  /** Milliseconds since the bench started, when the button went down. */
  readonly at: number;
  /**
   * Milliseconds after `at` of each step that happened, the first time; a step may be before the press (`wifi` of a box
   * that is connected already is missing).
   */
  readonly steps: Readonly<Partial<Record<StepName, number>>>;
  /**
   * What happened to it: `open` while the box works on it, `waiting` when it is stored for a later try, `refused` when
   * no alert will come of it: the journal is full, the hold meant something else, or nobody was there to hear it.
   */
  readonly outcome: "open" | "delivered" | "waiting" | "refused";
  /** Charge from the press until the chip slept again, or until it was delivered, mAh. */
  readonly chargeMah: number;
}

/** A record in the journal. */
export interface RecordView {
  /** The press count that it carries. */
  readonly sequence: number;
  /** `5750-42-40146` */
  readonly id: string;
  readonly sector: number;
  /** Byte offset in the storage region. */
  readonly offset: number;
  /** The status word in flash, as `ffff fffe`: bits are only ever cleared. */
  readonly bits: string;
  readonly status: "queued" | "received" | "done" | "torn" | "base";
  /** What kind of press, or what the record is for. */
  readonly text: string;
}

export interface SlotView {
  readonly slot: number;
  readonly state: "empty" | "valid" | "torn";
  readonly inForce: boolean;
  readonly generation: number | undefined;
  /** The settings in words; never a password. */
  readonly text: string;
}

export interface BudgetView {
  readonly name: string;
  readonly used: number;
  readonly limit: number;
  readonly unit: string;
}

export interface MemoryView {
  readonly board: number;
  readonly records: readonly RecordView[];
  /** Bytes of the journal's active sector that are written, and its size. */
  readonly journalUsed: number;
  readonly journalSize: number;
  readonly slots: readonly SlotView[];
  /** Words of RTC memory from index 32 on, with what the firmware keeps there; only those that it uses. */
  readonly rtc: readonly { readonly index: number; readonly value: number; readonly meaning: string }[];
  /** The MQTT client's budget: what of it is in use now, by what is seen on the wire and in flash. */
  readonly budget: readonly BudgetView[];
  readonly erases: number;
  readonly writes: number;
}

export interface TopicView {
  readonly topic: string;
  /** At most 2,000 characters; bytes that are no UTF-8 as U+FFFD. */
  readonly payload: string;
  readonly bytes: number;
  readonly qos: 0 | 1 | 2;
  /** Whether the broker keeps a message for it; known some seconds after one came. */
  readonly retained: boolean;
  /** How many messages have been seen; 0 when it is gone: what was kept was cleared, or there are too many topics. */
  readonly count: number;
  /** Milliseconds since the bench started. */
  readonly at: number;
}

/** The broker as one of its clients sees it; figures of `$SYS` where it has them. */
export interface BrokerView {
  /** Whether the observer is connected; `trouble` says why not. */
  readonly connected: boolean;
  readonly trouble: string;
  /** Client ids that are connected, where the broker is the bench's own; else undefined. */
  readonly clients: readonly { readonly id: string; readonly since: number; readonly clean: boolean }[] | undefined;
  /** `$SYS/…` topic and value, sorted. */
  readonly sys: readonly (readonly [topic: string, value: string])[];
}

/** A scenario that comes along. */
export interface ShippedScenario {
  /** For the action `play`, and for `--scenario`. */
  readonly name: string;
  readonly title: string;
  readonly about: string;
}

/** A scenario that is played on the bench, or was. */
export interface ScenarioView {
  readonly title: string;
  readonly about: string;
  /** The boards that it is played on, in the order of its file. */
  readonly boards: readonly number[];
  /** What was done or said last; empty at first, and at the end. */
  readonly step: string;
  readonly outcome: "playing" | "held" | "failed";
  /** Which step, and why; empty unless it has failed. */
  readonly failure: string;
}

/** A change of the current that a board draws. */
export interface DrawView {
  readonly board: number;
  readonly at: number;
  readonly milliamperes: number;
  /** Charge drawn until then, mAh. */
  readonly chargeMah: number;
}

/** What can be broken on purpose. `home` concerns all boards, `board` one. `once` happens and is over. */
export const FAULTS = Object.freeze([
  {
    name: "wrong-password",
    scope: "home",
    title: "Wrong password",
    text: "The access point asks for another password than the box has.",
  },
  {
    name: "moved-channel",
    scope: "home",
    title: "Other channel",
    text: "The access point has moved to channel 11: what the box remembers leads nowhere.",
  },
  { name: "slow-dhcp", scope: "home", title: "Slow DHCP", text: "An address takes 8 seconds." },
  {
    name: "broker-refuses",
    scope: "home",
    title: "Broker refuses",
    text: "New connections get CONNACK 5, not authorised, in the broker's place.",
  },
  { name: "slow-network", scope: "home", title: "Slow network", text: "Each segment takes half a second, each way." },
  {
    name: "half-open",
    scope: "home",
    title: "Half-open",
    text: "Connections stay open and nothing arrives any more, in either direction.",
  },
  {
    name: "lost-pubcomp",
    scope: "home",
    title: "Lost PUBCOMP",
    text: "The last answer of each delivery is lost with its connection.",
  },
  { name: "bounce", scope: "board", title: "Bouncing button", text: "The contact chatters for 30 ms, each way." },
  {
    name: "flash-cut",
    scope: "board",
    title: "Power cut at a write",
    text: "Power fails in the middle of the next flash write, and is back after a second.",
  },
] as const);

export type FaultName = (typeof FAULTS)[number]["name"];

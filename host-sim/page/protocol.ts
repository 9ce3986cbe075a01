// What the bench tells its views (the terminal, the page) and what they may ask of it. Everything is plain JSON, so
// that the same objects travel over the WebSocket. This file knows neither Node nor the browser.

import {
  type BrokerView,
  type DrawView,
  FAULTS,
  type FaultName,
  type MemoryView,
  type PacketView,
  type PressView,
  type ScenarioView,
  type ShippedScenario,
  type TopicView,
} from "./details.js";

export type PowerState = "off" | "booting" | "running" | "asleep";
/**
 * What the broker says about a box: its retained `<root>/lwt`, or what a convention has in its place (Tasmota's
 * `Offline` is asleep or lost); empty until the first one arrived.
 */
export type Presence = "" | "online" | "sleeping" | "lost" | "offline";

/** One line of the story: a step of the firmware, something done to the board, or an alert seen at the broker. */
export interface Line {
  /** Counts up over all boards; a view that was away knows by it what it has already shown. */
  readonly id: number;
  readonly board: number;
  /** Milliseconds since the bench started. */
  readonly at: number;
  /** Milliseconds since the latest press, reset or power-on of this board; undefined before the first. */
  readonly since: number | undefined;
  /** The firmware's own clock, milliseconds since its boot, for its steps. */
  readonly ms: number | undefined;
  readonly source: "firmware" | "bench" | "alert" | "crash";
  readonly word: string;
  readonly detail: string;
  /** True for the line that begins a new chapter: a press, a reset, a power cut, a wake. */
  readonly opens: boolean;
}

export interface BoardView {
  readonly index: number;
  readonly chipId: number;
  readonly mode: "battery" | "mains";
  readonly wiring: "gpio" | "rst" | "rst+gpio";
  readonly root: string;
  readonly power: PowerState;
  readonly pressed: boolean;
  readonly led: boolean;
  readonly presence: Presence;
  /** Where a phone would find the setup page, while the firmware's access point is open; else empty. */
  readonly setup: string;
  /** Seconds until the setup closes, when this was said, unless somebody uses it. */
  readonly setupSeconds: number;
  readonly boots: number;
  /** Completed presses of this run. */
  readonly presses: number;
  /** Different alerts that the independent subscriber has seen in this run. */
  readonly alerts: number;
  readonly duplicates: number;
  readonly chargeMah: number;
  /** Percent of its time on the table that it has spent in deep sleep. */
  readonly asleep: number;
  /** Faults of scope `board` that are switched on. */
  readonly faults: readonly FaultName[];
}

export interface BenchView {
  /** Changes with the page's own files: a page of an older build loads itself again. */
  readonly build: string;
  /** Milliseconds since the bench started, when this was said. */
  readonly now: number;
  /** `mqtt://host:port`, never with a password. */
  readonly broker: string;
  /** True for the broker that the bench started itself: only that one can be switched off. */
  readonly brokerOurs: boolean;
  readonly brokerOn: boolean;
  readonly wifiOn: boolean;
  /** Faults of scope `home` that are switched on. */
  readonly faults: readonly FaultName[];
  /** `virtual`: nothing in it is real, and the same seed and the same deeds give the same bytes. */
  readonly world: "real" | "virtual";
  /** Shown in the place of a person's own bench, which goes on meanwhile: `back` leads there. */
  readonly visiting: boolean;
  /**
   * How many of the boards' milliseconds pass in a real one, or FASTEST; what it will be again when the time is paused.
   */
  readonly speed: number;
  readonly paused: boolean;
  /** The one that is played, or was last. */
  readonly scenario: ScenarioView | undefined;
  /** Ready-made command that shows every alert in a terminal. */
  readonly watch: string;
  /** What a person has to type into the setup page. */
  readonly home: Home;
}

/** The simulated home. Its password is no secret: the network does not exist. */
export interface Home {
  readonly ssid: string;
  readonly password: string;
  /** `host:port`, with a user before it where the broker wants one. */
  readonly broker: string;
}

export type BenchEvent =
  | { readonly type: "line"; readonly line: Line }
  | { readonly type: "led"; readonly board: number; readonly on: boolean; readonly at: number }
  | { readonly type: "board"; readonly board: BoardView }
  | { readonly type: "bench"; readonly bench: BenchView }
  /** A board was taken away. Its number is never used again. */
  | { readonly type: "gone"; readonly board: number }
  | { readonly type: "packet"; readonly packet: PacketView }
  | { readonly type: "press"; readonly press: PressView }
  | { readonly type: "draw"; readonly draw: DrawView }
  | { readonly type: "memory"; readonly memory: MemoryView }
  /** A topic of the broker: new, or changed. */
  | { readonly type: "topic"; readonly topic: TopicView }
  | { readonly type: "broker"; readonly broker: BrokerView }
  /** Another bench is shown from now on: this is all of it. To a page it is sent by itself. */
  | Snapshot;

/** Everything at once: the first message on each connection. */
export interface Snapshot {
  readonly type: "snapshot";
  readonly bench: BenchView;
  /** Scenarios that come along; none where nobody could play one. */
  readonly scenarios: readonly ShippedScenario[];
  readonly boards: readonly BoardView[];
  readonly lines: readonly Line[];
  readonly packets: readonly PacketView[];
  readonly presses: readonly PressView[];
  readonly draws: readonly DrawView[];
  readonly memories: readonly MemoryView[];
  readonly topics: readonly TopicView[];
  readonly broker: BrokerView;
}

/** What travels to a page: the whole, then what changed since, several changes at a time. */
export type ServerMessage = Snapshot | { readonly type: "events"; readonly events: readonly BenchEvent[] };

/** `setup` and `factory` are what opens the setup and what erases the settings: holds, or on RST quick presses. */
const GESTURES = Object.freeze([
  "down",
  "up",
  "press",
  "double",
  "long",
  "setup",
  "factory",
  "reset",
  "blackout",
  "crash",
] as const);

/** What a person may do. `down` and `up` follow a finger; the rest are whole gestures or switches. */
export type Action =
  | { readonly type: (typeof GESTURES)[number]; readonly board: number }
  | { readonly type: "power"; readonly board: number; readonly on: boolean }
  | { readonly type: "wifi" | "broker"; readonly on: boolean }
  /** With a board for faults of scope `board`, without one for those of scope `home`. */
  | { readonly type: "fault"; readonly fault: FaultName; readonly on: boolean; readonly board?: number }
  /** 0 pauses; else one of `speedsOf`: time goes on at that. */
  | { readonly type: "time"; readonly speed: number }
  /** In a pause, lets all happen that waits for the next instant; otherwise nothing. */
  | { readonly type: "step" }
  /** Plays a scenario, one that comes along or the text of a file, on boards that are put on the table for it. */
  | { readonly type: "play"; readonly name: string; readonly text?: never }
  | { readonly type: "play"; readonly text: string; readonly name?: never }
  /** Stops what is played. */
  | { readonly type: "stop" }
  /** From the virtual world of a scenario back to the own bench. */
  | { readonly type: "back" }
  /** The bench's own broker restarts without what it had kept: sessions, retained messages. */
  | { readonly type: "forget" }
  /** A board of this kind more: see `isKind`. Its number and its chip id are new. */
  | { readonly type: "add"; readonly mode: BoardView["mode"]; readonly wiring: BoardView["wiring"] }
  | { readonly type: "remove"; readonly board: number }
  /** From the broker panel: by the bench's own client, not by a board. An empty retained payload clears a topic. */
  | {
      readonly type: "publish";
      readonly topic: string;
      readonly payload: string;
      readonly qos: 0 | 1 | 2;
      readonly retain: boolean;
    };

/** The bench as its views see it. */
export interface Stage {
  snapshot(): Snapshot;
  /** Calls the listener with every event from now on; returns what ends that. */
  on(listener: (event: BenchEvent) => void): () => void;
  act(action: Action): void;
}

/** Speeds that every bench has, beside what its `--speed` says. */
export const SPEEDS: readonly number[] = Object.freeze([1, 10, 100]);

/** Stands for "as fast as it goes", which only a virtual world can. */
export const FASTEST = 1_000_000_000;

/** All that a bench has, the slowest first. */
export function speedsOf({ speed, world }: Pick<BenchView, "speed" | "world">): readonly number[] {
  const speeds = new Set([...SPEEDS, speed, ...(world === "virtual" ? [FASTEST] : [])]);
  return [...speeds].sort((a, b) => a - b);
}

/** `10×`, for people. */
export function speedText(speed: number): string {
  return speed === FASTEST ? "max" : `${speed}×`;
}

/** A mains box would be restarted by each press on RST, and a GPIO alone wakes no battery box. */
export function isKind(mode: unknown, wiring: unknown): boolean {
  if (mode === "mains") return wiring === "gpio" || wiring === "rst+gpio";
  return mode === "battery" && (wiring === "rst" || wiring === "rst+gpio");
}

/** What a broker has to take: a topic's length fits two bytes [MQTT-1.5.3]; a payload is what people type. */
const PublishLimit = Object.freeze({ TOPIC: 65_535, PAYLOAD: 65_536 } as const);

/** The largest `--speed` (options.ts says the same). */
const SPEED_LIMIT = 100;

/** Bytes of UTF-8; undefined for text that has none, such as half of a surrogate pair [MQTT-1.5.3-1]. */
function byteLength(text: string): number | undefined {
  return /\p{Surrogate}/u.test(text) ? undefined : new TextEncoder().encode(text).byteLength;
}

function readPublish(data: Readonly<Record<string, unknown>>): Action | undefined {
  const { topic, payload, qos, retain } = data;
  if (typeof topic !== "string" || typeof payload !== "string" || typeof retain !== "boolean") return undefined;
  if (qos !== 0 && qos !== 1 && qos !== 2) return undefined;
  // A topic name has no wildcards [MQTT-3.3.2-2] and no NUL [MQTT-1.5.3-2].
  if (topic === "" || /[+#\0]/.test(topic)) return undefined;
  if ((byteLength(topic) ?? Number.POSITIVE_INFINITY) > PublishLimit.TOPIC) return undefined;
  if ((byteLength(payload) ?? Number.POSITIVE_INFINITY) > PublishLimit.PAYLOAD) return undefined;
  return { type: "publish", topic, payload, qos, retain };
}

/** Bytes of a file that somebody has written by hand. */
const SCENARIO_LENGTH = 262_144;

function readPlay({ name, text }: Readonly<Record<string, unknown>>): Action | undefined {
  if (typeof name === "string" && text === undefined)
    return /^[a-z-]{1,64}$/.test(name) ? { type: "play", name } : undefined;
  if (typeof text !== "string" || name !== undefined) return undefined;
  return text.length <= SCENARIO_LENGTH ? { type: "play", text } : undefined;
}

function readFault(data: Readonly<Record<string, unknown>>, isBoard: (board: number) => boolean): Action | undefined {
  const { fault: name, on, board } = data;
  const fault = FAULTS.find((each) => each.name === name);
  if (fault === undefined || typeof on !== "boolean") return undefined;
  if (fault.scope === "home") return board === undefined ? { type: "fault", fault: fault.name, on } : undefined;
  if (typeof board !== "number" || !isBoard(board)) return undefined;
  return { type: "fault", fault: fault.name, on, board };
}

/** Reads an action from a parsed message, or undefined when it is none (the sender may be anybody on this machine). */
export function readAction(data: unknown, isBoard: (board: number) => boolean): Action | undefined {
  if (typeof data !== "object" || data === null) return undefined;
  const fields = data as Readonly<Record<string, unknown>>;
  const { type, board, on, speed, mode, wiring } = fields;
  switch (type) {
    case "wifi":
    case "broker":
      return typeof on === "boolean" ? { type, on } : undefined;
    case "fault":
      return readFault(fields, isBoard);
    case "time":
      // Whether the bench has this speed it decides itself.
      if (typeof speed !== "number" || !Number.isInteger(speed)) return undefined;
      return (speed >= 0 && speed <= SPEED_LIMIT) || speed === FASTEST ? { type, speed } : undefined;
    case "step":
    case "forget":
    case "stop":
    case "back":
      return { type };
    case "play":
      return readPlay(fields);
    case "add":
      return isKind(mode, wiring) ? ({ type, mode, wiring } as Action) : undefined;
    case "publish":
      return readPublish(fields);
  }
  if (typeof type !== "string" || typeof board !== "number" || !isBoard(board)) return undefined;
  if (type === "remove") return { type, board };
  if (type === "power") return typeof on === "boolean" ? { type, board, on } : undefined;
  return (GESTURES as readonly string[]).includes(type) ? ({ type, board } as Action) : undefined;
}

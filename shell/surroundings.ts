// What a watcher knows: the boxes by their topics, and the broker's $SYS figures; as a table, as objects, as changes.
// Pure; all of it was sent by strangers.

import { alertOf } from "./alert.js";
import { LOW_MILLIVOLTS, objectOf, partsOf, presenceOf } from "./box.js";
import type { Message } from "./connection.js";
import { type ConventionPresence, conventionPresence } from "./convention.js";
import { shown, shownAge, shownSignal, shownVolts } from "./shown.js";

interface Last {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly event: string;
  readonly at: Date;
  readonly isTest: boolean;
}

interface Box {
  readonly root: string;
  name: string;
  /** As far as root, presence or an alert have told it. */
  chipId: number | undefined;
  presence: string;
  /** Says of its presence at `lwt`. */
  hasLwt: boolean;
  /** Where it does so by a convention; "" for none. */
  convention: string;
  led: string;
  state: Readonly<Record<string, unknown>>;
  last: Last | undefined;
}

/** Something that was not so before. */
export interface Change {
  readonly object: Record<string, unknown>;
  /** Undefined when a line for each would be too many. */
  readonly text: string | undefined;
}

/** Figures of Mosquitto's $SYS that are shown, with what they are called. */
const FIGURES: readonly (readonly [string, string])[] = Object.freeze([
  ["version", ""],
  ["uptime", "up"],
  ["clients/connected", "connected"],
  ["clients/total", "known clients"],
  ["subscriptions/count", "subscriptions"],
  ["retained messages/count", "retained"],
  ["messages/received", "packets in"],
  ["messages/sent", "packets out"],
  ["publish/messages/dropped", "dropped"],
] as const);
const PREFIX = "$SYS/broker/";
const HEAD = Object.freeze([
  "BOX",
  "PRESENCE",
  "LAST PRESS",
  "AGO",
  "PRESSES",
  "WAITING",
  "SUPPLY",
  "SIGNAL",
  "LED",
  "FIRMWARE",
  "ADDRESS",
]);

export class Surroundings {
  readonly #boxes = new Map<string, Box>();
  readonly #figures = new Map<string, string>();
  /** No figure has come although it was waited for. */
  isBrokerSilent = false;

  get hasFigures(): boolean {
    return this.#figures.size > 0;
  }

  /** What the message changes; undefined for nothing that anybody would like to hear of. */
  onMessage(message: Message, at: Date): Change | undefined {
    const { topic, text } = message;
    if (topic.startsWith(PREFIX)) {
      const name = topic.slice(PREFIX.length);
      if (this.#figures.get(name) === text) return undefined;
      this.#figures.set(name, text);
      this.isBrokerSilent = false;
      return { object: { event: "broker", figure: name, value: text }, text: undefined };
    }
    const found = conventionPresence(topic, text);
    if (found !== undefined) return this.#onConvention(found, topic);
    const { root, name } = partsOf(topic);
    if (text === "") return name === "lwt" ? this.#onNoPresence(root) : undefined;
    const box = this.#box(root);
    switch (name) {
      case "lwt":
        return this.#onPresence(box, text);
      case "state":
        return this.#onState(box, text);
      case "led":
        box.led = text;
        return { object: { event: "led", box: box.root, led: text }, text: `${box.name}  LED ${text}` };
      default:
        return message.isRetained ? undefined : this.#onAlert(box, topic, text, at);
    }
  }

  #box(root: string): Box {
    const known = this.#boxes.get(root);
    if (known !== undefined) return known;
    const name = root.split("/").at(-1) ?? root;
    const box: Box = {
      ...{ root, name, chipId: undefined, presence: "", hasLwt: false, convention: "", led: "", state: {} },
      last: undefined,
    };
    this.#boxes.set(root, box);
    if (/^\d{1,8}$/.test(name)) this.#identify(box, Number(name));
    return box;
  }

  /** A box whose chip id is known by now is the one that a convention has shown already. */
  #identify(box: Box, chipId: number): void {
    if (box.chipId === chipId) return;
    const stranger = this.#byChip(chipId);
    box.chipId = chipId;
    if (stranger === undefined || stranger.root !== baseOf(stranger.convention)) return;
    const { presence, convention } = stranger;
    if (box.presence === "") box.presence = presence;
    box.convention = convention;
    this.#boxes.delete(stranger.root);
  }

  #byChip(chipId: number): Box | undefined {
    return [...this.#boxes.values()].find((box) => box.chipId === chipId);
  }

  /** Until more is known of it, a box is called by where the convention has it. */
  #onConvention({ chipId, presence, base }: ConventionPresence, topic: string): Change | undefined {
    const known = this.#byChip(chipId);
    if (presence === "") {
      if (known?.convention !== topic) return undefined;
      known.convention = "";
      return known.hasLwt ? undefined : this.#gone(known);
    }
    const box = known ?? this.#box(base);
    if (known === undefined) Object.assign(box, { chipId, name: String(chipId) });
    box.convention = topic;
    return this.#become(box, presence);
  }

  /** Whoever takes a box away clears its presence; one that goes over to a convention has it elsewhere. */
  #onNoPresence(root: string): Change | undefined {
    const box = this.#boxes.get(root);
    if (box === undefined) return undefined;
    box.hasLwt = false;
    return box.convention === "" ? this.#gone(box) : undefined;
  }

  #gone({ root }: Box): Change {
    this.#boxes.delete(root);
    return { object: { event: "gone", box: root }, text: `${root}  gone` };
  }

  #become(box: Box, presence: string): Change | undefined {
    if (box.presence === presence) return undefined;
    box.presence = presence;
    return { object: { event: "presence", box: box.root, presence }, text: `${box.name}  ${presence}` };
  }

  #onPresence(box: Box, text: string): Change | undefined {
    const { presence, chipId } = presenceOf(text);
    if (chipId !== undefined) {
      if (box.name !== String(chipId)) box.name = `${chipId} (${box.root})`;
      this.#identify(box, chipId);
    }
    box.hasLwt = true;
    return this.#become(box, presence);
  }

  #onState(box: Box, text: string): Change {
    const before = box.state;
    box.state = objectOf(text) ?? {};
    const { pushes, pending, vcc, config, crash } = box.state;
    const parts = [
      `state: ${pushes} presses, ${pending} waiting`,
      shownVolts(vcc),
      config === before["config"] || config === undefined ? "" : `settings ${config}`,
      crash === before["crash"] || crash === undefined ? "" : `CRASHED: ${crash}`,
    ];
    const line = [box.name, ...parts].filter((part) => part !== "").join("  ");
    return { object: { event: "state", box: box.root, state: box.state }, text: line };
  }

  #onAlert(box: Box, topic: string, text: string, at: Date): Change | undefined {
    const alert = alertOf(topic, text);
    if (typeof alert === "string") return undefined;
    const { fields, event, isTest } = alert;
    if (!isTest && alert.chipId !== "") this.#identify(box, Number(alert.chipId));
    box.last = { fields, event, at, isTest };
    const line = `${box.name}  ${event} #${fields["pushes"]}  ${shownVolts(fields["vcc"])}${isTest ? "  (test)" : ""}`;
    return { object: { event: "alert", box: box.root, alert: fields, time: at.toISOString() }, text: line };
  }

  /** One object for each box, and one for the broker. */
  get objects(): Record<string, unknown>[] {
    const boxes = this.#sorted().map(({ root, presence, led, state, last }) => ({
      ...{ event: "box", box: root, presence: presence || null, led: led || null, state },
      last: last === undefined ? null : { ...last.fields, time: last.at.toISOString() },
    }));
    return [...boxes, { event: "broker", figures: Object.fromEntries(this.#figures) }];
  }

  #sorted(): Box[] {
    return [...this.#boxes.values()].sort((a, b) => a.root.localeCompare(b.root, "en", { numeric: true }));
  }

  /** Lines without line ends, of whatever width. */
  table(now: Date, broker: string): string[] {
    const rows = this.#sorted().map((box) => rowOf(box, now));
    const columns = HEAD.map((_, index) => index).filter((index) => index < 2 || rows.some((row) => row[index] !== ""));
    const widths = columns.map((index) => Math.max(...[HEAD, ...rows].map((row) => row[index]?.length ?? 0)));
    const line = (row: readonly string[]) =>
      columns
        .map((index, place) => (row[index] ?? "").padEnd(widths[place] ?? 0))
        .join("  ")
        .trimEnd();
    const boxes = rows.length === 0 ? ["no box has been here yet"] : [line(HEAD), ...rows.map(line)];
    const figures = FIGURES.flatMap(([name, title]) => {
      const value = this.#figures.get(name);
      return value === undefined ? [] : [title === "" ? shown(value, 60) : `${title} ${shown(value, 30)}`];
    });
    const known = this.isBrokerSilent ? ["no figures"] : figures;
    return [...boxes, "", [broker, ...known].join("  ")];
  }
}

/** The topic of a presence without its last level. */
function baseOf(topic: string): string {
  return partsOf(topic).root;
}

function rowOf({ name, presence, led, state, last }: Box, now: Date): string[] {
  const { pushes, pending, vcc, rssi, fw, ip } = state;
  // A test says nothing about the box.
  const told = last === undefined || last.isTest ? {} : last.fields;
  const volts = told["vcc"] ?? vcc;
  const isLow = typeof volts === "number" && volts > 0 && volts < LOW_MILLIVOLTS;
  const text = (value: unknown) =>
    typeof value === "string" || typeof value === "number" ? shown(String(value), 40) : "";
  const which = last?.isTest ? "(test)" : `#${text(told["pushes"])}`;
  return [
    shown(name, 40),
    shown(presence, 12),
    last === undefined ? "" : `${shown(last.event, 12)} ${which}`,
    last === undefined ? "" : shownAge(now.getTime() - last.at.getTime()),
    text(told["pushes"] ?? pushes),
    text(pending),
    `${shownVolts(volts)}${isLow ? " LOW" : ""}`,
    shownSignal(told["rssi"] ?? rssi),
    shown(led, 8),
    text(fw),
    text(ip),
  ];
}

// A box on a bench of its own: tests tell it events at instants and look at the effects it asks for. Delays are fixed,
// so that each test can name the instant of every deadline.

import { Box } from "../../src/alertbox/alertbox.js";
import type { Command } from "../../src/alertbox/command.js";
import type { BoxEvent, Down, Effect } from "../../src/alertbox/effect.js";
import type { BoxOptions } from "../../src/alertbox/route.js";
import { checkSettings, type Settings } from "../../src/alertbox/settings.js";
import { LedPattern } from "./led-timing.js";

export const CHIP = 5750;

/** Names of the events and effects, at their numbers (effect.ts). */
const EVENTS = [
  "",
  "booted",
  "button",
  "stored",
  "not-stored",
  "not-saved",
  "associated",
  "joined",
  "join-failed",
  "wifi-lost",
  "opened",
  "unreachable",
  "connected",
  "received",
  "delivered",
  "subscribed",
  "acknowledged",
  "command",
  "flushed",
  "try",
  "more-time",
  "down",
  "go-on",
] as const;
const EFFECTS = [
  "",
  "store",
  "show",
  "rest",
  "join",
  "leave",
  "radio-off",
  "open",
  "keep-cache",
  "forget-cache",
  "deliver",
  "announce-waiting",
  "announce",
  "state",
  "light",
  "subscribe",
  "clear",
  "flush",
  "disconnect",
  "abort",
  "use",
  "save",
  "require-clean-session",
  "session-cleaned",
  "plain-order",
  "remember",
  "open-setup",
  "tell-setup",
  "factory-reset",
  "restart",
  "sleep",
  "say",
  "go-on",
  "introduce",
  "gesture",
  "keep-asked",
  "disown",
] as const;

/** An event or effect with its name in place of its number. */
type Worded<T, Key extends string, Names extends readonly string[]> =
  T extends Record<Key, infer N extends number> ? Omit<T, Key> & Readonly<Record<Key, Names[N]>> : never;
export type WordedEvent = Worded<BoxEvent, "type", typeof EVENTS>;
export type WordedEffect = Worded<Effect, "do", typeof EFFECTS>;

/** A CONNACK that leaves no doubt. */
interface Connected {
  readonly type: "connected";
  readonly sessionPresent: boolean;
}

function inNumbers(event: WordedEvent): BoxEvent {
  const type = EVENTS.indexOf(event.type);
  if (type < 1) throw new Error(`no event ${event.type}`);
  return { ...event, type } as BoxEvent;
}

export function inWords(effect: Effect): WordedEffect {
  return { ...effect, do: EFFECTS[effect.do] } as WordedEffect;
}

export function settingsOf(changes: Record<string, unknown> = {}): Settings {
  const wifi = [{ ssid: "home", password: "correct horse" }];
  const settings = checkSettings({ wifi, host: "10.0.0.2", ...changes }, CHIP);
  if (typeof settings === "string") throw new Error(settings);
  return settings;
}

/** Delays that count: 1 s, 2 s, 3 s … so that a test sees how often one was asked for. */
export class Steps {
  attempt = 0;
  connections = 0;
  next(): number {
    this.attempt += 1;
    return this.attempt * 1000;
  }
  connected(): void {
    this.connections += 1;
    this.attempt = 0;
  }
  disconnected(): void {}
}

export const LOST: Down = Object.freeze({ reason: "lost", detail: "connection reset", code: 0, pipelined: false });

export function refusedWith(code: number): Down {
  return { reason: "refused", detail: `CONNACK ${code}`, code, pipelined: false };
}

/** The names of the box's states (state.ts), by number. */
const STATE_NAMES: readonly string[] = Object.freeze([
  "starting",
  "joining",
  "connecting",
  "online",
  "closing",
  "waiting",
  "refused",
  "setup",
  "resetting",
  "resting",
  "asleep",
]);

/** A mains box that has delivered everything, unless told otherwise. */
export function boxOf(options: Partial<BoxOptions>): Box {
  return new Box({
    chipId: CHIP,
    life: 0,
    settings: settingsOf(),
    pending: 0,
    needsCleanSession: false,
    cachedNetwork: -1,
    millivolts: 3300,
    retry: new Steps(),
    wake: new Steps(),
    random: () => 0.5,
    ...options,
  });
}

export class BoxRig {
  readonly box: Box;
  readonly retry = new Steps();
  readonly wake = new Steps();
  /** Everything asked for since the last `take`. */
  effects: WordedEffect[] = [];
  now = 0;
  /** Turns that the box asks for come at once. */
  goesOn = true;
  /** No gesture is in progress; no LED pattern is running. */
  ready = true;
  shown = true;

  constructor(options: Partial<BoxOptions> = {}) {
    this.box = boxOf({ retry: this.retry, wake: this.wake, ...options });
  }

  /** The state's name. */
  get state(): string {
    return STATE_NAMES[this.box.state] ?? "";
  }

  /** Tells an event at the present instant; gives what the box asked for, most of it as short text. */
  tell(told: WordedEvent | Connected): string[] {
    // Mostly the broker and the box know the same.
    const event: WordedEvent = "sessionPresent" in told ? { isKnown: told.sessionPresent, ...told } : told;
    const effects = this.box.step(inNumbers(event), this.now).map(inWords);
    const asked = effects.filter((effect) => effect.do !== "go-on");
    this.effects.push(...asked);
    const texts = asked.map(short);
    // What takes long is done in steps; unless a test wants to see them, all at once.
    if (asked.length < effects.length && this.goesOn) texts.push(...this.tell({ type: "go-on" }));
    return texts;
  }

  /** Lets time pass to an instant, ringing at each deadline on the way. */
  until(instant: number): string[] {
    const seen: string[] = [];
    for (let round = 0; round < 10000; round += 1) {
      const at = this.box.deadline();
      if (at === undefined || ((instant - at) | 0) < 0) break;
      this.now = at;
      const effects = this.box.tick(at, this.ready, this.shown).map(inWords);
      this.effects.push(...effects);
      seen.push(...effects.map(short));
      if (this.box.deadline() === at && effects.length === 0) throw new Error(`stuck at ${at}`);
    }
    this.now = instant;
    return seen;
  }

  /** What the box does now that nothing keeps it awake. */
  tick(): string[] {
    return this.box.tick(this.now, this.ready, this.shown).map(inWords).map(short);
  }

  /** Boots and goes all the way to a connection. */
  online(sessionPresent = true): this {
    this.tell({ type: "booted", cause: "power", course: "normal" });
    this.tell({ type: "joined", address: "10.0.0.9" });
    this.tell({ type: "opened" });
    this.tell({ type: "connected", sessionPresent });
    return this;
  }

  /** As `online`, with the subscription granted. */
  listening(): this {
    this.online();
    this.tell({ type: "subscribed", refused: false });
    return this;
  }

  /** An alert is in the journal, which held `box.pending` before. */
  stored(sequence: number): string[] {
    return this.tell({ type: "stored", sequence, pending: this.box.pending + 1 });
  }

  /** A press, stored under this sequence. */
  press(sequence: number): string[] {
    return [...this.tell({ type: "button", event: "press" }), ...this.stored(sequence)];
  }

  /** A command as its payload would bring it. */
  command(name: string, command: Told): string[] {
    const why = command.kind === "invalid" ? command.why.replace(`cmd/${name}: `, "") : "";
    return this.tell({ type: "command", name, text: payloadOf(command), why });
  }
}

/** A command as a test writes it: a config with its changes instead of text. */
type Told = Exclude<Command, { readonly kind: "config" }> | { readonly kind: "config"; readonly changes: unknown };

function payloadOf(command: Told): string | undefined {
  switch (command.kind) {
    case "led":
      return command.on === "toggle" ? "TOGGLE" : command.on ? "ON" : "OFF";
    case "stay":
      return String(command.seconds);
    case "config":
      return JSON.stringify(command.changes);
    case "cleared":
      return "";
    case "invalid":
      return undefined;
  }
}

const PATTERNS = Object.fromEntries(Object.entries(LedPattern).map(([name, number]) => [number, name]));

/** An effect as a test writes it: `join 0`, `show NOT_SENT`, `say stored 5750-1`. */
export function short(effect: WordedEffect): string {
  switch (effect.do) {
    case "show":
    case "rest":
      return `${effect.do} ${PATTERNS[effect.pattern]}`;
    case "say":
      return `say ${effect.word}${effect.detail === "" ? "" : ` ${effect.detail}`}`;
    case "use":
    case "save":
      return `${effect.do} ${effect.settings.host}`;
    case "join":
      return `join ${effect.network}${effect.fast ? " fast" : ""}${effect.keep ? "" : " unkept"}`;
    case "open":
      return `open ${effect.clean}${effect.fast ? " fast" : ""}`;
    case "clear":
      return `clear ${effect.root}/${effect.name}`;
    default: {
      const rest = Object.entries(effect).filter(([key]) => key !== "do");
      return [effect.do, ...rest.map(([, value]) => String(value))].join(" ").trim();
    }
  }
}

/** Without the lines of the log, which most tests do not look at. */
export function deeds(effects: readonly string[]): string[] {
  return effects.filter((effect) => !effect.startsWith("say "));
}

export function said(effects: readonly string[]): string[] {
  return effects.filter((effect) => effect.startsWith("say ")).map((effect) => effect.slice(4));
}

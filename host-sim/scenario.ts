// A scenario: what somebody does to boards and their world, what has to come of it, and nothing else; a small file in
// YAML that people write by hand, the bench records, and tests run. This file reads and writes the form, and checks all
// of it before anything is done. It knows no bench; scenario-run.ts carries it out.

import { isMap, isScalar, LineCounter, type ParsedNode, parseDocument, stringify } from "yaml";
import { FAULTS, type FaultName } from "./page/details.js";
import type { BoardView, PowerState, Presence } from "./page/protocol.js";
import { isWanted, type Wanted } from "./wanted.js";

/** What a finger does, by the names of the bench's actions. */
export const GESTURES = Object.freeze(["press", "double", "long", "setup", "factory"] as const);
/** What happens to a board as a whole. */
export const BLOWS = Object.freeze(["reset", "blackout", "crash"] as const);

/** What is asked of a board, all of it at once. Figures are those of the board's view. */
export interface Claim {
  /** Which board, from 1. */
  readonly board: number;
  readonly alerts?: Wanted;
  readonly duplicates?: Wanted;
  readonly presses?: Wanted;
  readonly boots?: Wanted;
  /** Charge that it has drawn so far. */
  readonly mAh?: Wanted;
  /** Percent of its time in deep sleep. */
  readonly asleep?: Wanted;
  readonly power?: PowerState;
  readonly presence?: Presence;
  readonly led?: boolean;
  /** Whether its setup page can be reached. */
  readonly setup?: boolean;
}

export type Deed =
  /** `board` counts from 1, in the order of the file. */
  | { readonly type: (typeof GESTURES)[number] | (typeof BLOWS)[number]; readonly board: number }
  | { readonly type: "hold"; readonly board: number; readonly ms: number }
  | { readonly type: "power"; readonly board: number; readonly on: boolean }
  | { readonly type: "wifi" | "broker"; readonly on: boolean }
  /** The broker restarts without its sessions and retained messages. */
  | { readonly type: "forget" }
  | { readonly type: "fault"; readonly fault: FaultName; readonly on: boolean; readonly board: number }
  /** Fills in the setup page as a phone would; fields by the names of the form. */
  | { readonly type: "form"; readonly board: number; readonly fields: Readonly<Record<string, string>> }
  | { readonly type: "speed"; readonly speed: number }
  /** A sentence for whoever watches. */
  | { readonly type: "say"; readonly text: string }
  | { readonly type: "after"; readonly ms: number }
  /** All of these words have to come from the board, in any order, since the last deed that was no waiting. */
  | { readonly type: "wait"; readonly board: number; readonly words: readonly string[]; readonly withinMs: number }
  | { readonly type: "until"; readonly claim: Claim; readonly withinMs: number }
  | { readonly type: "expect"; readonly claim: Claim }
  /** From here to the end none of these words may come from the board. */
  | { readonly type: "never"; readonly board: number; readonly words: readonly string[] }
  /** One after the other; with `overMs` each at a time of its own, drawn from the seed, and all of that time passes. */
  | {
      readonly type: "repeat";
      readonly times: number;
      readonly overMs?: number | undefined;
      readonly steps: readonly Step[];
    };

export interface Step {
  /** Line of the file, from 1; 0 for what was recorded. */
  readonly line: number;
  /** As it stands in the file. */
  readonly text: string;
  readonly deed: Deed;
}

export interface ScenarioBoard {
  readonly mode: BoardView["mode"];
  readonly wiring: BoardView["wiring"];
  /** Comes as from the flasher, without settings. */
  readonly factoryNew: boolean;
}

export interface Scenario {
  readonly title: string;
  /** What it shows, for people. */
  readonly about: string;
  /** `virtual`: it is played in a world of its own in which nothing is real; `any`: on whatever bench there is. */
  readonly world: "any" | "virtual";
  /** What the times of `scattered over` are drawn from, and in a virtual world all chance. */
  readonly seed: number;
  readonly boards: readonly ScenarioBoard[];
  readonly steps: readonly Step[];
}

/** A file that cannot be followed: the message names the line and says what to write. */
export class ScenarioError extends Error {}

/** How much one file may ask for. */
export const ScenarioLimit = Object.freeze({
  BOARDS: 64,
  STEPS: 10_000,
  TIMES: 100_000,
  WAIT_MS: 120_000,
  LONGEST_MS: 366 * 86_400_000,
  /** Between two times that are scattered, at least: two presses are never taken for a double press. */
  GAP_MS: 5000,
} as const);

const UNITS: Readonly<Record<string, number>> = Object.freeze({
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
});

/** `1.5 s` for 1500: the largest unit that says it exactly. */
export function durationText(ms: number): string {
  const units = Object.entries(UNITS).reverse();
  const [unit, size] = units.find(([, each]) => ms >= each && (ms * 1000) % each === 0 && ms / each < 1000) ?? [
    "ms",
    1,
  ];
  return `${ms / size} ${unit}`;
}

/**
 * Reads a scenario.
 * @param name how messages call it.
 * @throws ScenarioError
 */
export function parseScenario(text: string, name: string): Scenario {
  return new Reader(text, name).scenario();
}

/** The same as a file, which `parseScenario` reads. */
export function scenarioText(scenario: Scenario): string {
  const { title, about, world, seed, boards, steps } = scenario;
  const plain = boards.map(({ mode, wiring, factoryNew }) => ({ mode, wiring, ...(factoryNew ? { new: true } : {}) }));
  return stringify(
    {
      title,
      ...(about === "" ? {} : { about }),
      ...(world === "any" ? {} : { world }),
      seed,
      boards: plain,
      steps: steps.map(({ deed }) => deedForm(deed)),
    },
    { lineWidth: 100 },
  );
}

/** How a deed stands in a file. */
export function deedForm(deed: Deed): unknown {
  const of = (board: number): object => (board === 1 ? {} : { board });
  switch (deed.type) {
    case "hold":
      return { hold: durationText(deed.ms), ...of(deed.board) };
    case "power":
      return { power: deed.on ? "on" : "off", ...of(deed.board) };
    case "wifi":
    case "broker":
      return { [deed.type]: deed.on ? "on" : "off" };
    case "forget":
      return "forget";
    case "fault":
      return { [deed.on ? "fault" : "mend"]: deed.fault, ...of(deed.board) };
    case "form":
      return { form: deed.fields, ...of(deed.board) };
    case "speed":
      return { speed: deed.speed };
    case "say":
      return { say: deed.text };
    case "after":
      return { after: durationText(deed.ms) };
    case "wait":
      return { wait: wordsForm(deed.words), ...of(deed.board), ...within(deed.withinMs) };
    case "never":
      return { never: wordsForm(deed.words), ...of(deed.board) };
    case "until":
      return { until: claimForm(deed.claim), ...of(deed.claim.board), ...within(deed.withinMs) };
    case "expect":
      return { expect: claimForm(deed.claim), ...of(deed.claim.board) };
    case "repeat":
      return { repeat: deed.times, ...scattered(deed.overMs), steps: deed.steps.map((step) => deedForm(step.deed)) };
    default:
      return deed.board === 1 ? deed.type : { [deed.type]: deed.board };
  }
}

function within(ms: number): object {
  return ms === ScenarioLimit.WAIT_MS ? {} : { within: durationText(ms) };
}

function scattered(ms: number | undefined): object {
  return ms === undefined ? {} : { "scattered over": durationText(ms) };
}

function wordsForm(words: readonly string[]): unknown {
  return words.length === 1 ? words[0] : words;
}

function claimForm({ board: _board, ...rest }: Claim): object {
  return rest;
}

const CLAIMS: Readonly<Record<string, "count" | "figure" | "yes or no" | readonly string[]>> = Object.freeze({
  alerts: "count",
  duplicates: "count",
  presses: "count",
  boots: "count",
  mAh: "figure",
  asleep: "figure",
  power: ["off", "booting", "running", "asleep"],
  presence: ["online", "sleeping", "lost", "offline"],
  led: "yes or no",
  setup: "yes or no",
});

const WIRINGS: Readonly<Record<BoardView["mode"], readonly BoardView["wiring"][]>> = Object.freeze({
  mains: ["gpio", "rst+gpio"],
  battery: ["rst+gpio", "rst"],
});

/** Words of a step that is more than one word, and what may stand beside each. */
const FORMS: Readonly<Record<string, readonly string[]>> = Object.freeze({
  hold: ["board"],
  power: ["board"],
  wifi: [],
  broker: [],
  fault: ["board"],
  mend: ["board"],
  form: ["board"],
  speed: [],
  say: [],
  after: [],
  wait: ["board", "within"],
  until: ["board", "within"],
  expect: ["board"],
  never: ["board"],
  repeat: ["steps", "scattered over"],
});

class Reader {
  readonly #name: string;
  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #root: ParsedNode | null;
  #boards = 1;
  #steps = 0;

  constructor(text: string, name: string) {
    this.#name = name;
    this.#text = text;
    const document = parseDocument(text, { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: true });
    const error = document.errors[0] ?? document.warnings[0];
    if (error !== undefined) throw this.#wrong(error.pos[0], `is not YAML: ${error.message}`);
    this.#root = document.contents;
  }

  scenario(): Scenario {
    const top = this.#map(this.#root, ["title", "about", "world", "seed", "boards", "steps"], "a scenario");
    const boards = this.#list(top.get("boards")).map((node) => this.#board(node));
    if (boards.length > ScenarioLimit.BOARDS)
      throw this.#wrong(top.get("boards"), `has more than ${ScenarioLimit.BOARDS} boards`);
    if (boards.length === 0) boards.push({ mode: "mains", wiring: "gpio", factoryNew: false });
    this.#boards = boards.length;
    const title = this.#words(top.get("title"), "title");
    if (title === "") throw this.#wrong(this.#root, "has no title: it begins with `title: What it shows`");
    const steps = this.#stepsOf(top.get("steps"));
    if (steps.length === 0) throw this.#wrong(this.#root, "has no steps: `steps:` and a list, such as `- press`");
    return {
      title,
      about: this.#words(top.get("about"), "about"),
      world: top.has("world") ? this.#choice(top.get("world"), "world", ["any", "virtual"] as const) : "any",
      seed: top.has("seed") ? this.#count(top.get("seed"), "seed", 0, 0xffff_ffff) : 1,
      boards,
      steps,
    };
  }

  #board(node: ParsedNode): ScenarioBoard {
    const map = this.#map(node, ["mode", "wiring", "new"], "a board");
    const mode = map.has("mode") ? this.#choice(map.get("mode"), "mode", ["mains", "battery"] as const) : "mains";
    const wirings = WIRINGS[mode];
    const wiring = map.has("wiring") ? this.#choice(map.get("wiring"), `wiring of a ${mode} box`, wirings) : wirings[0];
    const factoryNew = map.has("new") && this.#flag(map.get("new"), "new");
    return { mode, wiring: wiring ?? "gpio", factoryNew };
  }

  #stepsOf(node: ParsedNode | undefined): Step[] {
    return this.#list(node).map((each) => {
      this.#steps += 1;
      if (this.#steps > ScenarioLimit.STEPS) throw this.#wrong(each, `has more than ${ScenarioLimit.STEPS} steps`);
      const [start, end] = each.range;
      const text = this.#text.slice(start, end).trim().replaceAll(/\s+/g, " ");
      return { line: this.#lineOf(start), text, deed: this.#deed(each) };
    });
  }

  #deed(node: ParsedNode): Deed {
    if (isScalar(node)) return this.#gesture(node, String(node.value), 1);
    if (!isMap(node)) throw this.#wrong(node, "a step is a word such as `press`, or one such as `after: 5 s`");
    const first = node.items[0];
    const word = first === undefined ? "" : String((first.key as { value?: unknown }).value);
    const beside = FORMS[word];
    if (beside === undefined) {
      if (node.items.length > 1) throw this.#wrong(node, `"${word}" stands alone`);
      return this.#gesture(node, word, this.#boardNumber(first?.value as ParsedNode | undefined));
    }
    const map = this.#map(node, [word, ...beside], `"${word}"`);
    return this.#form(word, map.get(word), map);
  }

  #gesture(node: ParsedNode, word: string, board: number): Deed {
    const names: readonly string[] = [...GESTURES, ...BLOWS];
    if (word === "forget") return { type: word };
    if (names.includes(word)) return { type: word as (typeof GESTURES)[number], board };
    const all = [...names, "forget", ...Object.keys(FORMS)].join(", ");
    throw this.#wrong(node, `there is no step "${word}". Steps are: ${all}`);
  }

  #form(word: string, value: ParsedNode | undefined, map: Fields): Deed {
    const board = map.has("board") ? this.#boardNumber(map.get("board")) : 1;
    const withinMs = map.has("within") ? this.#duration(map.get("within"), "within") : ScenarioLimit.WAIT_MS;
    switch (word) {
      case "hold":
        return { type: word, board, ms: this.#duration(value, word) };
      case "power":
        return { type: word, board, on: this.#flag(value, word) };
      case "wifi":
      case "broker":
        return { type: word, on: this.#flag(value, word) };
      case "fault":
      case "mend": {
        const fault = this.#choice(
          value,
          word,
          FAULTS.map(({ name }) => name),
        );
        return { type: "fault", fault, on: word === "fault", board };
      }
      case "form":
        return { type: word, board, fields: this.#formFields(value) };
      case "speed":
        return { type: word, speed: this.#count(value, word, 1, 100) };
      case "say":
        return { type: word, text: this.#words(value, word) };
      case "after":
        return { type: word, ms: this.#duration(value, word) };
      case "wait":
        return { type: word, board, words: this.#spokenWords(value, word), withinMs };
      case "until":
        return { type: word, claim: this.#claim(value, board), withinMs };
      case "expect":
        return { type: word, claim: this.#claim(value, board) };
      case "never":
        return { type: word, board, words: this.#spokenWords(value, word) };
      default:
        return this.#repeat(value, map);
    }
  }

  #repeat(value: ParsedNode | undefined, map: Fields): Deed {
    const over = "scattered over";
    const steps = this.#stepsOf(map.get("steps"));
    if (steps.length === 0) throw this.#wrong(value, "`repeat: 3` has a list of `steps` beside it");
    const times = this.#count(value, "repeat", 1, ScenarioLimit.TIMES);
    if (!map.has(over)) return { type: "repeat", times, steps };
    const overMs = this.#duration(map.get(over), over);
    const least = times * ScenarioLimit.GAP_MS;
    if (overMs >= least) return { type: "repeat", times, overMs, steps };
    const gap = durationText(ScenarioLimit.GAP_MS);
    throw this.#wrong(map.get(over), `"${over}" is ${durationText(least)} at least: ${times} times, ${gap} apart`);
  }

  #spokenWords(node: ParsedNode | undefined, name: "wait" | "never"): string[] {
    const words = isScalar(node) ? [String(node.value)] : this.#list(node).map((each) => this.#words(each, name));
    if (words.length > 0 && words.every((word) => word !== "" && word !== "null")) return words;
    const what = name === "wait" ? "has to come" : "may not come";
    throw this.#wrong(
      node,
      `\`${name}\` names what ${what}, such as \`${name}: failed\` or \`${name}: [stored, joined]\``,
    );
  }

  #claim(node: ParsedNode | undefined, board: number): Claim {
    const map = this.#map(node, Object.keys(CLAIMS), "what is expected");
    const claim: Record<string, unknown> = { board };
    for (const [name, kind] of Object.entries(CLAIMS)) {
      if (!map.has(name)) continue;
      const value = map.get(name);
      if (kind === "count" || kind === "figure") claim[name] = this.#wanted(value, name, kind === "count");
      else if (kind === "yes or no") claim[name] = this.#flag(value, name);
      else claim[name] = this.#choice(value, name, kind as readonly string[]);
    }
    if (map.size > 0) return claim as unknown as Claim;
    throw this.#wrong(node, `nothing is expected. It is one or more of: ${Object.keys(CLAIMS).join(", ")}`);
  }

  #wanted(node: ParsedNode | undefined, name: string, isCount: boolean): Wanted {
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === "string" && isWanted(value)) return value;
    if (typeof value === "number" && value >= 0 && (!isCount || Number.isSafeInteger(value))) return value;
    const number = isCount ? "a whole number from 0" : "a number";
    throw this.#wrong(node, `"${name}" is ${number}, or one of \`above 3\`, \`below 5\`, \`3 to 5\``);
  }

  #formFields(node: ParsedNode | undefined): Readonly<Record<string, string>> {
    if (!isMap(node)) throw this.#wrong(node, "`form` has fields, such as `form: { ssid: home, password: … }`");
    return Object.fromEntries(
      node.items.map(({ key, value }) => [
        String((key as { value?: unknown }).value),
        this.#words(value as ParsedNode | undefined, "form"),
      ]),
    );
  }

  #boardNumber(node: ParsedNode | undefined): number {
    return this.#count(node, "board", 1, this.#boards);
  }

  #duration(node: ParsedNode | undefined, name: string): number {
    const text = this.#words(node, name);
    const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?) ?(ms|s|min|h|d)$/.exec(text) ?? [];
    const ms = Number(number) * (UNITS[unit] ?? Number.NaN);
    if (ms >= 0 && ms <= ScenarioLimit.LONGEST_MS) return ms;
    throw this.#wrong(node, `"${name}" is a time with its unit (ms, s, min, h, d), such as \`5 s\`, not "${text}"`);
  }

  #count(node: ParsedNode | undefined, name: string, low: number, high: number): number {
    const value = isScalar(node) ? node.value : undefined;
    if (Number.isInteger(value) && (value as number) >= low && (value as number) <= high) return value as number;
    throw this.#wrong(node, `"${name}" is a whole number from ${low} to ${high}`);
  }

  /** `yes` and `no` are words in YAML 1.2, and people write them. */
  #flag(node: ParsedNode | undefined, name: string): boolean {
    const value = isScalar(node) ? node.value : undefined;
    if (value === true || value === "on" || value === "yes") return true;
    if (value === false || value === "off" || value === "no") return false;
    throw this.#wrong(node, `"${name}" is on or off`);
  }

  #choice<Name extends string>(node: ParsedNode | undefined, name: string, names: readonly Name[]): Name {
    const value = isScalar(node) ? node.value : undefined;
    const found = names.find((each) => each === value);
    if (found !== undefined) return found;
    throw this.#wrong(node, `"${name}" is ${names.length > 1 ? "one of: " : ""}${names.join(", ")}`);
  }

  #words(node: ParsedNode | undefined, name: string): string {
    if (node === undefined) return "";
    if (isScalar(node) && node.value !== null) return String(node.value).trim();
    throw this.#wrong(node, `"${name}" is a piece of text`);
  }

  #list(node: ParsedNode | undefined): ParsedNode[] {
    if (node === undefined) return [];
    if ("items" in node && !isMap(node)) return node.items as ParsedNode[];
    throw this.#wrong(node, "a list is due here, with a `- ` before each of its items");
  }

  #map(node: ParsedNode | null | undefined, names: readonly string[], what: string): Fields {
    if (!isMap(node)) throw this.#wrong(node, `${what} has one or more of: ${names.join(", ")}, each with a colon`);
    const fields: Fields = new Map();
    for (const { key, value } of node.items) {
      const name = String((key as { value?: unknown }).value);
      if (!names.includes(name)) {
        throw this.#wrong(key as ParsedNode, `${what} has no "${name}", only: ${names.join(", ")}`);
      }
      fields.set(name, (value ?? undefined) as ParsedNode | undefined);
    }
    return fields;
  }

  #lineOf(offset: number): number {
    return this.#lines.linePos(offset).line;
  }

  #wrong(where: ParsedNode | null | undefined | number, message: string): ScenarioError {
    const offset = typeof where === "number" ? where : where?.range[0];
    const line = offset === undefined ? "" : `, line ${this.#lineOf(offset)}`;
    return new ScenarioError(`${this.#name}${line}: ${message}`);
  }
}

type Fields = Map<string, ParsedNode | undefined>;

// The keys of the bench, one table for the page and the terminal, and what they ask of the bench. Where each is typed
// and how it is listed is the affair of keys.ts and terminal-keys.ts. Knows the protocol, neither Node nor the browser.

import { type Action, type BenchView, type BoardView, speedsOf } from "./protocol.js";

/** What a key stands for. The digits are not here: on the page they are panels, in the terminal boards. */
export type Deed =
  | "press"
  | "long"
  | "double"
  | "setup"
  | "factory"
  | "reset"
  | "blackout"
  | "crash"
  | "wifi"
  | "broker"
  | "faults"
  | "pause"
  | "step"
  | "slower"
  | "faster"
  | "before"
  | "after"
  | "add"
  | "remove"
  | "back"
  | "help"
  | "quit";

export interface KeyRow {
  readonly deed: Deed;
  /** A character; letters are small, whatever was typed. */
  readonly key: string;
  /** The same for old habits; in the terminal only, as a page needs some of these to move the focus. */
  readonly also?: readonly string[];
  /** For the list of keys. */
  readonly text: string;
  /** Two or three words, for those that a person needs first. */
  readonly short?: string;
  /** It has to be typed twice, and this is said in between. */
  readonly asks?: string;
  readonly only?: "terminal";
}

export const KEY_TABLE: readonly KeyRow[] = Object.freeze([
  { deed: "press", key: " ", text: "press the button", short: "press" },
  { deed: "long", key: "l", text: "long press (1.5 s)", short: "long" },
  { deed: "double", key: "d", text: "double press", short: "double" },
  { deed: "setup", key: "s", text: "open the setup: hold for 6 s (on RST: five quick presses)", short: "setup" },
  {
    deed: "factory",
    key: "f",
    text: "factory reset: hold for 11 s (on RST: ten quick presses)",
    asks: "factory reset, settings and stored alerts are erased",
  },
  { deed: "reset", key: "r", text: "reset the board", short: "reset" },
  { deed: "crash", key: "x", text: "crash: the watchdog bites" },
  { deed: "blackout", key: "p", text: "cut the power; it is back after a second", short: "power" },
  { deed: "wifi", key: "w", text: "Wi-Fi off or on", short: "Wi-Fi" },
  { deed: "broker", key: "b", text: "broker off or on", short: "broker" },
  { deed: "faults", key: "m", text: "more that can break", short: "more faults" },
  { deed: "pause", key: ",", also: ["z"], text: "pause the boards' time, or let it go on", short: "pause" },
  { deed: "step", key: ".", also: ["\r", "\n"], text: "in a pause: the next event", short: "step" },
  { deed: "slower", key: "<", text: "slower" },
  { deed: "faster", key: ">", text: "faster", short: "speed" },
  { deed: "before", key: "[", text: "the board before" },
  { deed: "after", key: "]", also: ["\t"], text: "the board after", short: "next board" },
  { deed: "add", key: "+", text: "one more board like this one" },
  { deed: "remove", key: "-", text: "take this board away", asks: "this board is taken away" },
  { deed: "back", key: "e", text: "from a visit in another world: back to your bench" },
  { deed: "help", key: "?", text: "this list", short: "help" },
  { deed: "quit", key: "q", text: "quit", short: "quit", only: "terminal" },
]);

/** How a key is shown: twice where it has to be typed twice. */
export function keyName({ key, asks }: KeyRow): string {
  const name = key === " " ? "Space" : key;
  return asks === undefined ? name : `${name} ${name}`;
}

/** A key can be hit by mistake: what erases something is done by the second one within this time, ms. */
export const CONFIRM_MS = 3000;

/**
 * What a deed asks of the bench, as it is now; undefined where it asks nothing of it, or nothing would come of it.
 * @param speeds those that there are, slow to fast.
 */
export function actionOf(
  deed: Deed,
  bench: BenchView,
  board: BoardView,
  speeds: readonly number[] = speedsOf(bench),
): Action | undefined {
  const { index, mode, wiring } = board;
  const { paused, speed } = bench;
  const timed = (next: number | undefined): Action | undefined =>
    next === undefined ? undefined : { type: "time", speed: next };
  switch (deed) {
    case "press":
    case "long":
    case "double":
    case "setup":
    case "factory":
    case "reset":
    case "blackout":
    case "crash":
    case "remove":
      return { type: deed, board: index };
    case "wifi":
      return { type: "wifi", on: !bench.wifiOn };
    case "broker":
      return { type: "broker", on: !bench.brokerOn };
    case "pause":
      return { type: "time", speed: paused ? speed : 0 };
    case "step":
      return paused ? { type: "step" } : undefined;
    case "slower":
      return timed(speeds.findLast((each) => each < speed));
    case "faster":
      return timed(speeds.find((each) => each > speed));
    case "add":
      return { type: "add", mode, wiring };
    case "back":
      return bench.visiting ? { type: "back" } : undefined;
    default:
      return undefined;
  }
}

/** Asks before what would erase something: true when the same was meant for the same board a moment ago. */
export class SecondThought {
  #at = Number.NEGATIVE_INFINITY;
  #key = "";
  #board = -1;

  /** @param at of a clock that never goes back, ms. */
  isMeant(key: string, board: number, at: number): boolean {
    const isMeant = this.#key === key && this.#board === board && at - this.#at < CONFIRM_MS;
    this.#at = isMeant ? Number.NEGATIVE_INFINITY : at;
    this.#key = key;
    this.#board = board;
    return isMeant;
  }
}

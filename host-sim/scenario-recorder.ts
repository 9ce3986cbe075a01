// Writes down what is done on a bench as a scenario that does it again. Between two deeds stands what the firmware said
// last before the second one, and how long after that it came: so the file fits a slower computer and a slower broker,
// too. Knows actions and lines; it changes nothing.

import { type Action, type BenchEvent, FASTEST, type Line } from "./page/protocol.js";
import { type Deed, type Scenario, type ScenarioBoard, ScenarioLimit, scenarioText } from "./scenario.js";

/** How long the replay waits for a word, ms of the boards. */
const WITHIN_MS = 120_000;
/** What a person does is no more exact than this, ms. */
const HAND_MS = 10;

/** A board that is there when the recording begins. */
export interface RecordedBoard extends ScenarioBoard {
  /** Its number on the bench. */
  readonly index: number;
}

export class ScenarioRecorder {
  readonly #boards: RecordedBoard[];
  readonly #deeds: Deed[] = [];
  #lastAt: number;
  /** What each board said last since the last deed, and when. */
  readonly #said = new Map<number, { readonly words: string; readonly at: number }>();
  /** When a finger went down, by board; the deed is known when it comes up. */
  readonly #down = new Map<number, { readonly at: number; readonly place: number }>();

  readonly #seed: number | undefined;

  /**
   * @param now the bench's time, ms.
   * @param seed that of the bench's world, if it is a virtual one: the file says so, and plays in the same world.
   */
  constructor(boards: readonly RecordedBoard[], now: number, seed?: number) {
    this.#seed = seed;
    this.#boards = [...boards];
    this.#lastAt = now;
  }

  /** How many steps there are so far. */
  get steps(): number {
    return this.#deeds.length;
  }

  /** The bench told this. */
  hear(event: BenchEvent): void {
    if (event.type === "line" && event.line.source === "firmware" && event.line.word !== "log") this.#note(event.line);
  }

  /**
   * A board was put on the table. The file has its boards from the beginning: whoever replays it finds this one there,
   * too.
   */
  added(board: RecordedBoard): void {
    this.#boards.push(board);
  }

  /** A person did this, at this time of the bench. What a file has no words for is left out. */
  act(action: Action, now: number): void {
    // A bench that runs for weeks is not to be filled by this: what came first stays.
    if (this.#deeds.length >= ScenarioLimit.STEPS) return;
    switch (action.type) {
      case "down":
        this.#pause(action.board, now);
        this.#down.set(action.board, { at: now, place: this.#deeds.length });
        this.#deeds.push({ type: "hold", board: this.#number(action.board), ms: 0 });
        return;
      case "up":
        this.#lift(action.board, now);
        return;
      case "time":
        if (action.speed >= 1 && action.speed !== FASTEST) this.#deeds.push({ type: "speed", speed: action.speed });
        return;
      case "wifi":
      case "broker":
        this.#do({ type: action.type, on: action.on }, this.#boards[0]?.index ?? 0, now);
        return;
      case "power":
        this.#do({ type: "power", board: this.#number(action.board), on: action.on }, action.board, now);
        return;
      case "fault": {
        const { fault, on, board = this.#boards[0]?.index ?? 0 } = action;
        this.#do({ type: "fault", fault, on, board: this.#number(board) }, board, now);
        return;
      }
      case "forget":
        this.#do({ type: "forget" }, this.#boards[0]?.index ?? 0, now);
        return;
      case "step":
      case "play":
      case "stop":
      case "back":
      case "add":
      case "remove":
      case "publish":
        return;
      default:
        this.#do({ type: action.type, board: this.#number(action.board) }, action.board, now);
    }
  }

  /** All of it so far. */
  scenario(title: string, about: string): Scenario {
    const boards = this.#boards.map(({ mode, wiring, factoryNew }) => ({ mode, wiring, factoryNew }));
    const steps = this.#deeds.map((deed) => ({ line: 0, text: deed.type, deed }));
    const seed = this.#seed;
    return { title, about, world: seed === undefined ? "any" : "virtual", seed: seed ?? 1, boards, steps };
  }

  text(title: string, about = ""): string {
    return scenarioText(this.scenario(title, about));
  }

  #note({ board, word, detail, at }: Line): void {
    // Ids and addresses are others the next time; of `config` the second word is what it says.
    const words = word === "config" ? `${word} ${detail.split(/[ :]/)[0] ?? ""}` : word;
    this.#said.set(board, { words, at });
  }

  #do(deed: Deed, index: number, now: number): void {
    this.#pause(index, now);
    this.#deeds.push(deed);
  }

  /** What lies between the deed before and this one, on this board. */
  #pause(index: number, now: number): void {
    const said = this.#said.get(index);
    this.#said.clear();
    const board = this.#number(index);
    if (said !== undefined)
      this.#deeds.push({ type: "wait", board, words: [said.words.trimEnd()], withinMs: WITHIN_MS });
    const ms = Math.round((now - (said?.at ?? this.#lastAt)) / HAND_MS) * HAND_MS;
    if (ms > 0 && this.#deeds.length > 0) this.#deeds.push({ type: "after", ms });
    this.#lastAt = now;
  }

  #lift(index: number, now: number): void {
    const down = this.#down.get(index);
    if (down === undefined) return;
    this.#down.delete(index);
    const ms = Math.max(HAND_MS, Math.round((now - down.at) / HAND_MS) * HAND_MS);
    this.#deeds[down.place] = { type: "hold", board: this.#number(index), ms };
    this.#lastAt = now;
  }

  #number(index: number): number {
    return this.#boards.findIndex((board) => board.index === index) + 1;
  }
}

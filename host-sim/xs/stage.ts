// A world with one board whose firmware is measured: what lives at named moments, how deep the stacks were, what each
// turn took. A crash, an exception or an engine that gives up ends the measurement with its reason. The firmware may
// also run in Node, which measures nothing and says the same otherwise.

import { Failure } from "../../board/report.js";
import type { Board } from "../board.js";
import type { Image } from "../image.js";
import { World, type WorldOptions } from "../world.js";
import { LabDied } from "./lab.js";
import type { Live } from "./messages.js";
import type { Turn } from "./remote.js";
import { XsImage } from "./xs-image.js";

/** What lived at a moment, after a collection. */
export interface Moment {
  readonly name: string;
  readonly live: Live;
}

/** The story did not go as told. */
export class StoryFailed extends Error {}

/** What a measurement gives; when it did not get through, the reason as one line for a person. @throws Failure */
export function told<T>(measure: () => T): T {
  try {
    return measure();
  } catch (error) {
    if (error instanceof StoryFailed || error instanceof LabDied) throw new Failure(error.message);
    throw error;
  }
}

export class Stage {
  readonly world: World;
  readonly board: Board;
  readonly moments: Moment[] = [];
  /** Deepest stacks so far: of JavaScript in slots, of C in bytes. */
  readonly deepest = { stackSlots: 0, cStackBytes: 0 };
  /** Told how far a long story is. */
  onProgress: ((text: string) => void) | undefined;
  /** Told of each turn, when the engine is between turns. */
  onTurn: ((turn: Turn) => void) | undefined;
  readonly #image: Image;
  #failure: string | undefined;

  constructor(image: Image, options: WorldOptions = {}) {
    this.#image = image;
    if (image instanceof XsImage) image.onTurn = (turn) => this.#turned(turn);
    this.world = new World({ ...options, board: { ...options.board, image, powered: false } });
    this.board = this.world.board;
    this.board.on((event) => {
      if (event.type === "crash") this.#failure ??= String(event.error);
      if (event.type === "fault") this.#failure ??= "the chip crashed";
    });
    this.board.powerOn();
  }

  /** What lives now; undefined in Node. */
  live(): Live | undefined {
    return this.#image instanceof XsImage ? this.#image.latest.collect() : undefined;
  }

  /** Notes what lives now. */
  mark(name: string): void {
    this.#check();
    const live = this.live();
    if (live !== undefined) this.moments.push({ name, live });
  }

  run(ms: number): void {
    this.until("", () => false, ms);
  }

  /**
   * Lets time pass until something holds.
   * @throws StoryFailed when it does not within the limit, unless it has no name.
   */
  until(name: string, holds: () => boolean, limitMs = 60_000): void {
    const { world } = this;
    const reached = world.runUntil(() => this.#failure !== undefined || holds(), limitMs);
    this.#check();
    if (!reached && name !== "") throw new StoryFailed(`${name} did not come within ${limitMs / 1000} s`);
  }

  /** Lets time pass until the box has said a word (again). */
  said(word: string, limitMs = 60_000): void {
    let said = false;
    const stop = this.board.on((event) => {
      if (event.type === "step" && event.word === word) said = true;
    });
    try {
      this.until(`"${word}"`, () => said, limitMs);
    } finally {
      stop();
    }
  }

  /** Ends it. @throws StoryFailed when the firmware has broken a rule of MQTT. */
  close(): void {
    const [violation] = this.world.broker.violations;
    this.world.close();
    if (violation !== undefined) throw new StoryFailed(`${violation.statement}: ${violation.detail}`);
  }

  #turned(turn: Turn): void {
    const { stackSlots, cStackBytes } = turn.meter;
    this.deepest.stackSlots = Math.max(this.deepest.stackSlots, stackSlots);
    this.deepest.cStackBytes = Math.max(this.deepest.cStackBytes, cStackBytes);
    this.onTurn?.(turn);
  }

  #check(): void {
    if (this.#failure !== undefined) throw new StoryFailed(this.#failure);
  }
}

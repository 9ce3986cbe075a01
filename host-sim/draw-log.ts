// The current of the boards over time, as steps: each change with the charge drawn until then. Changes within the same
// millisecond are one. Bounded. Knows no boards, only their numbers.

import type { DrawView } from "./page/details.js";
import { Ring } from "./ring.js";

const Limit = Object.freeze({
  /** Steps kept of each board: some twenty wakes. */
  STEPS: 200,
  MERGED_MS: 1,
} as const);

export class DrawLog {
  readonly #tell: (draw: DrawView) => void;
  readonly #boards = new Map<number, Ring<DrawView>>();

  constructor(tell: (draw: DrawView) => void) {
    this.#tell = tell;
  }

  /** All boards' steps that are kept, board by board, each in the order of time. */
  get draws(): readonly DrawView[] {
    return [...this.#boards.values()].flatMap((ring) => ring.items);
  }

  /** The board draws so much from now on. One that draws the same as before is no step. */
  drew(board: number, at: number, milliamperes: number, chargeMah: number): void {
    let ring = this.#boards.get(board);
    if (ring === undefined) {
      ring = new Ring(Limit.STEPS);
      this.#boards.set(board, ring);
    }
    const { last } = ring;
    if (last?.milliamperes === milliamperes) return;
    const isMerged = last !== undefined && at - last.at < Limit.MERGED_MS;
    // What replaces a step keeps that one's time, so that a view can put it in its place.
    const draw: DrawView = { board, at: isMerged ? last.at : at, milliamperes, chargeMah };
    if (isMerged) ring.replaceLast(draw);
    else ring.push(draw);
    this.#tell(draw);
  }

  remove(board: number): void {
    this.#boards.delete(board);
  }
}

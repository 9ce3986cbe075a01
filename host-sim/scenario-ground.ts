// The bench as the place where a scenario is played: its world, and the boards that it has.

import type { Bench } from "./bench.js";
import type { Ground } from "./scenario-run.js";

/** @param boards the bench's numbers of the scenario's boards, in order. */
export function benchGround(bench: Bench, boards: readonly number[]): Ground {
  return {
    stage: bench,
    home: bench.view.home,
    boards,
    view: (board) => bench.boards.find(({ index }) => index === board)?.view,
    now: () => bench.now,
    after: (ms, callback) => bench.after(ms, callback),
    tell: (board, word, detail) => bench.note(board, word, detail),
    submit: (board, fields, done) => bench.submit(board, fields, done),
  };
}

// The bench as the place where a scenario is played: real time, real sockets, the boards that the bench has.

import type { Bench } from "./bench.js";
import type { Ground } from "./scenario-run.js";

/** How long the box may take to answer a form, real ms: it judges it at once, and tries it later. */
const FORM_MS = 10_000;

/** @param boards the bench's numbers of the scenario's boards, in order. */
export function benchGround(bench: Bench, boards: readonly number[]): Ground {
  return {
    stage: bench,
    home: bench.view.home,
    boards,
    view: (board) => bench.boards.find(({ index }) => index === board)?.view,
    after: (ms, callback) => bench.after(ms, callback),
    tell: (board, word, detail) => bench.note(board, word, detail),
    submit: (url, fields, done) => {
      const { origin } = new URL(url);
      fetch(new URL("/try", url), {
        method: "POST",
        headers: { origin, "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(fields).toString(),
        signal: AbortSignal.timeout(FORM_MS),
      }).then(
        ({ status }) => done(status),
        (error: Error) => done(error.message),
      );
    },
  };
}

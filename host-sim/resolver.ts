// Names to addresses as modResolve.c and system.c of Moddable SDK 8.2.3 do it: one question at a time, the others wait,
// and each is answered in a turn of its own. `Net.resolve` and `System.resolve` have a queue each.

import type { Host } from "./host.js";

/** What firmware gets: the name as it asked for it, and undefined when there is no address. */
export type Resolved = (name: string, address: string | undefined) => void;

/** Gives a function that resolves names for one boot. */
export function createResolver(host: Host): (name: string, callback: Resolved) => void {
  const questions: { readonly name: string; readonly callback: Resolved }[] = [];

  function ask(): void {
    const question = questions[0];
    if (question === undefined) return;
    host.board.network.resolve(host, question.name, (address) => {
      host.queue(() => {
        question.callback(question.name, address);
        // As in C, a question leaves the list after its callback: what the callback asks waits for its turn.
        questions.shift();
        ask();
      });
    });
  }

  return (name, callback) => {
    questions.push({ name, callback });
    if (questions.length === 1) ask();
  };
}

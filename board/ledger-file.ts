// What a long command knows so far, in a file while it runs, so that an interrupted one can go on with --resume. What
// stands in it is its owner's matter.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Context, Failure } from "./report.js";

export class LedgerFile<Ledger> {
  readonly #context: Context;
  readonly #path: string;
  readonly #noun: string;
  readonly #scope: string;

  /**
   * @param name of the file: one for all that go on from one another.
   * @param noun what was interrupted, such as "campaign".
   * @param scope which of them the file is for, when there are several, such as " of these targets".
   */
  constructor(context: Context, name: string, noun: string, scope = "") {
    this.#context = context;
    this.#path = join(context.root, "node_modules", ".cache", "alertbox", `${name}.json`);
    this.#noun = noun;
    this.#scope = scope;
  }

  /**
   * What the interrupted command knew.
   *
   * @param wanted a ledger of what is to go on, still empty.
   * @param orderOf what was asked for, of a ledger.
   * @throws Failure when there is none, or when it was asked for something else.
   */
  read(wanted: Ledger, orderOf: (ledger: Ledger) => unknown): Ledger {
    if (!existsSync(this.#path)) {
      throw new Failure(`there is no interrupted ${this.#noun}${this.#scope}; leave --resume out`);
    }
    const found = JSON.parse(readFileSync(this.#path, "utf8")) as Ledger;
    const order = JSON.stringify(orderOf(found));
    if (order === JSON.stringify(orderOf(wanted))) return found;
    throw new Failure(`the interrupted ${this.#noun} was another one: ${order}`);
  }

  write(ledger: Ledger): void {
    mkdirSync(dirname(this.#path), { recursive: true });
    writeFileSync(this.#path, JSON.stringify(ledger));
  }

  /** Removes it when all is done; else it stays, and the person is told what it is good for. */
  close(isOver: boolean): void {
    if (isOver) rmSync(this.#path, { force: true });
    else this.#context.err("interrupted; the same command with --resume goes on\n");
  }
}

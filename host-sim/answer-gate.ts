// Between the model broker and its clients: holds back or loses packets of one kind, as a test orders. What is held
// leaves in the order in which it came. Knows the names of the packets and nothing else.

/** What the broker sends. */
export type Answer =
  | "connack"
  | "publish"
  | "puback"
  | "pubrec"
  | "pubrel"
  | "pubcomp"
  | "suback"
  | "unsuback"
  | "pingresp";

export class AnswerGate {
  readonly #held = new Map<Answer, (() => void)[]>();
  readonly #toLose = new Map<Answer, number>();
  readonly #breaking = new Set<Answer>();

  /** Sends through the gate: now, when it is released, or never. */
  pass(kind: Answer, send: () => void): void {
    const toLose = this.#toLose.get(kind) ?? 0;
    if (toLose > 0) {
      this.#toLose.set(kind, toLose - 1);
      return;
    }
    const parked = this.#held.get(kind);
    if (parked === undefined) send();
    else parked.push(send);
  }

  /** In the place of these packets, from now on or no more, the connection breaks. */
  breakAt(kind: Answer, on: boolean): void {
    if (on) this.#breaking.add(kind);
    else this.#breaking.delete(kind);
  }

  breaksAt(kind: Answer): boolean {
    return this.#breaking.has(kind);
  }

  hold(kind: Answer): void {
    if (!this.#held.has(kind)) this.#held.set(kind, []);
  }

  /** Lets go what was held of one kind, or of all. */
  release(kind?: Answer): void {
    for (const each of kind === undefined ? [...this.#held.keys()] : [kind]) {
      const parked = this.#held.get(each) ?? [];
      this.#held.delete(each);
      for (const send of parked) send();
    }
  }

  /** Loses nothing from now on. */
  loseNoMore(): void {
    this.#toLose.clear();
  }

  /** Loses the next ones of a kind. */
  lose(kind: Answer, count: number): void {
    this.#toLose.set(kind, (this.#toLose.get(kind) ?? 0) + count);
  }
}

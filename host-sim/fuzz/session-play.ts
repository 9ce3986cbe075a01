// One play of an input: a session, its owner, who does what the steps say, and a broker. What must hold at all times is
// looked at after each step.

import type { Knife } from "./draft.js";
import { type Kit, Owner } from "./session-owner.js";
import type { Script } from "./session-script.js";
import { readHead, STEPS, Step } from "./session-steps.js";
import { Breach, hold } from "./target.js";

/** Longest silence, in the session's own milliseconds, that may pass while something is awaited. */
const LONGEST_MS = 40_000;

export class Play {
  readonly owner: Owner;
  readonly #bytes: number;
  readonly #words: number;
  readonly #knife: Knife | undefined;

  constructor(kit: Kit, input: Uint8Array, knife: Knife | undefined) {
    this.owner = new Owner(kit, readHead(input));
    this.#knife = knife;
    this.#bytes = this.owner.session.bytes.length;
    this.#words = this.owner.session.words.length;
  }

  /** What the broker sends; the rest is lost when the connection ends meanwhile, as its socket is closed. */
  feed(bytes: Uint8Array, window: number): void {
    const { owner } = this;
    const { session } = owner;
    // What is to be told is told first, however the bytes are cut.
    if (!owner.head.isAnywhere) owner.tick();
    const ended = session.words[16];
    for (let at = 0; at < bytes.length && session.state > 0 && ended === session.words[16]; ) {
      const left = Math.min(bytes.length - at, owner.room - session.held);
      hold(left > 0, "there is room for more", () => `${session.held} bytes are held`);
      const size = this.#knife === undefined ? left : this.#knife.next(left);
      session.bytes.set(bytes.subarray(at, at + size), session.held);
      at += size;
      const room = at === bytes.length ? window : 0;
      owner.receive(size, room);
      hold(session.held >= 0 && session.held <= owner.room, "what is held is within the budget", () =>
        String(session.held),
      );
    }
    if (window > 0 && ended === session.words[16] && session.state > 1) owner.transmit(window);
  }

  // What must hold at all times.

  check(step: string): void {
    const { session, head, room, open, isFlushing } = this.owner;
    const { state } = session;
    const awaits =
      state === 2 ||
      state > 3 ||
      isFlushing ||
      (state === 3 && (head.options.keepAliveSeconds > 0 || session.pending > 0 || session.wantsTransmit));
    if (awaits && session.deadline() === undefined) {
      throw new Breach("what waits has a deadline", `after ${step}: state ${state}, ${session.pending} pending`);
    }
    if (state < 0 || state > 5 || state === 1) throw new Breach("a call leaves a state", `after ${step}: ${state}`);
    if ((open === 1) !== state > 0) throw new Breach("an end is told", `after ${step}: state ${state}`);
    if (session.pending < 0 || session.pending > head.budget.inFlight || session.unsent < 0 || session.unsent > 2) {
      throw new Breach("the budget holds", `after ${step}: ${session.pending} pending, ${session.unsent} unsent`);
    }
    if (session.bytes.length !== this.#bytes || session.words.length !== this.#words) {
      throw new Breach("nothing grows", `after ${step}`);
    }
    if (session.receivable > room) throw new Breach("the budget holds", `receivable ${session.receivable}`);
  }

  checkSize(): void {
    const { head, session } = this.owner;
    const places = 2 * (head.budget.inFlight + 2);
    for (const value of Object.values(session)) {
      if (Array.isArray(value)) hold(value.length <= places, "nothing grows", () => `a list of ${value.length}`);
    }
  }

  // Steps.

  play(script: Script): void {
    for (let steps = 0; steps < 200; steps += 1) {
      const kind = script.next();
      if (kind === undefined) return;
      const value = script.next() ?? 0;
      this.#step(kind % STEPS, value, script);
      this.check(`step ${steps}, ${kind % STEPS}`);
    }
  }

  #step(kind: number, value: number, script: Script): void {
    const { owner } = this;
    switch (kind) {
      case Step.FEED:
        this.feed(script.bytes(value), 0);
        break;
      case Step.EXCHANGE:
        this.feed(script.bytes(value), 1460);
        break;
      case Step.ANSWER:
        this.feed(owner.server.answer(value), 0);
        break;
      case Step.ANSWER_ALL:
        this.#answerAll(value & 1);
        break;
      case Step.PUBLISH:
        owner.publish(value);
        break;
      case Step.SUBSCRIBE:
        owner.subscribe(value);
        break;
      case Step.PASS:
        owner.now = (owner.now + value * 40) | 0;
        owner.tick();
        break;
      case Step.TRANSMIT:
        if (value > 127) owner.transmit(value & 31);
        else for (let turns = 0; turns < 20 && owner.transmit(1460) > 0; turns += 1);
        break;
      case Step.DEADLINE:
        this.#passBy([1000, 2000, 4000, 9000][value & 3] as number);
        break;
      case Step.DISCONNECT:
        owner.session.disconnect(owner.now);
        break;
      case Step.LOST:
        owner.lost();
        break;
      case Step.CONNECT:
        owner.connect(value);
        break;
      case Step.FLUSH:
        owner.flush(value * 20);
        break;
      case Step.CANCEL:
        owner.cancel(1 + (value & 7));
        break;
      case Step.RELEASE:
        owner.release(1 + (value & 7));
        break;
      default:
        this.feed(Uint8Array.of(0x20, 2, value & 1, (value >> 1) % 7), 0);
        break;
    }
  }

  #answerAll(window: number): void {
    const { owner } = this;
    for (let left = 40; left > 0 && owner.server.owes; left -= 1) this.feed(owner.server.answer(0), window * 1460);
  }

  /** Time passes, and each deadline is kept. They may come early, and not be the same in both plays. */
  #passBy(ms: number): void {
    const { owner } = this;
    const end = (owner.now + ms) | 0;
    for (let ticks = 0; ; ticks += 1) {
      const at = owner.session.deadline();
      if (at === undefined || ((end - at) | 0) < 0) break;
      hold(ticks < 200, "nothing loops", () => `${ticks} ticks within ${ms} ms`);
      this.#toDeadline();
    }
    owner.now = end;
    owner.tick();
  }

  /** False when there is none. */
  #toDeadline(): boolean {
    const { owner } = this;
    const at = owner.session.deadline();
    if (at === undefined) return false;
    if (((at - owner.now) | 0) > 0) owner.now = at;
    owner.tick();
    return true;
  }

  /** Nothing comes any more, and nothing can leave. */
  starve(): void {
    const { owner } = this;
    const { session, now: from } = owner;
    for (let ticks = 0; session.state > 0 || owner.isFlushing; ticks += 1) {
      if (!this.#toDeadline()) {
        this.check("silence");
        return;
      }
      const ms = (owner.now - from) | 0;
      hold(ticks < 100 && ms <= LONGEST_MS, "nothing is stuck", () =>
        [`after ${ticks} ticks and ${ms} ms state ${session.state}`, `${session.pending} pending`].join(", "),
      );
      this.check("tick");
    }
  }

  /** A broker that keeps to the rules: all that was accepted is acknowledged. */
  recover(): void {
    const { owner } = this;
    const { session, accepted } = owner;
    if (session.state > 0) owner.lost();
    owner.isFaithful = true;
    owner.connect(owner.head.options.clean ? 1 : 0);
    for (let turn = 0; turn < 400; turn += 1) {
      const left = owner.transmit(1460);
      this.check("recovery");
      if (owner.server.owes) this.feed(owner.server.answer(0), 0);
      else if (left === 0 && session.state === 3 && !session.wantsTransmit) break;
    }
    hold(session.state === 3 && session.pending === 0 && session.unsent === 0, "all that was accepted is settled", () =>
      [`state ${session.state}`, `${session.pending} pending`, `${session.unsent} unsent`, ...owner.log]
        .join("; ")
        .slice(0, 2000),
    );
    hold(accepted.size === 0, "all that was accepted is delivered", () => [...accepted.keys()].join());
  }
}

// One play of an input: a session, its owner, who does what the steps say and answers callbacks with further calls, and
// a broker. What must hold at all times is looked at after each step.

import type { Closed, Inbound, Message, SessionHandler, Subscription } from "../../src/mqtt/session.js";
import type { Knife } from "./draft.js";
import type { Script } from "./session-script.js";
import { Server } from "./session-script.js";
import { type Head, readHead, STEPS, Step } from "./session-steps.js";
import type { Sources } from "./sources.js";
import { Breach, count, hold } from "./target.js";

/** What our own callbacks and payloads throw. */
class Deliberate extends Error {}

/** Longest silence, in the session's own milliseconds, that may pass while something is awaited. */
const LONGEST_MS = 40_000;
/** Lists of one to four. */
const FILTERS: readonly (readonly string[])[] = Object.freeze(
  [1, 2, 3, 4].map((count) => ["a/+/#", "b1", "b2", "č"].slice(0, count)),
);
const SUBSCRIPTIONS: readonly (readonly Subscription[])[] = Object.freeze(
  FILTERS.map((list) => list.map((topic) => ({ topic, qos: 1 as const }))),
);

/** What all plays share. */
export interface Kit {
  readonly Session: Sources["session"]["Session"];
  readonly refusals: readonly number[];
  readonly reached: Record<string, number>;
}

/** One play of an input. */
export class Play implements SessionHandler {
  readonly #kit: Kit;
  readonly head: Head;
  readonly session: InstanceType<Kit["Session"]>;
  readonly server = new Server();
  /** What was told, as text. */
  readonly log: string[] = [];
  /** What is told between two packets, or behind the last one of a piece. */
  readonly news: string[] = [];
  now: number;
  /** Connections whose end was not told. */
  #open = 0;
  #isClean = false;
  #isFlushing = false;
  /**
   * Outbound messages that were accepted and neither delivered nor given up, by id; true: while a connection ended, so
   * they are not of it.
   */
  readonly #accepted = new Map<number, boolean>();
  #moment = 0;
  #threw = false;
  #calls = 0;
  #depth = 0;
  /** The sum of the payload that comes, and how much of it there was. */
  #sum = 0;
  #offset = 0;
  readonly #bytes: number;
  readonly #words: number;
  readonly #knife: Knife | undefined;
  readonly #room: number;
  #faithful = false;

  constructor(kit: Kit, input: Uint8Array, knife: Knife | undefined) {
    this.#kit = kit;
    this.head = readHead(input);
    this.#knife = knife;
    this.session = new kit.Session(this.head.options, this.head.budget, this);
    this.#bytes = this.session.bytes.length;
    this.#words = this.session.words.length;
    this.#room = this.session.words[20] as number;
    this.now = this.head.startAt;
  }

  // What is told.

  #tell(text: string, isNews = false): void {
    this.#calls += 1;
    if (this.#calls > 5000) throw new Breach("nothing loops", `${this.#calls} callbacks`);
    (isNews ? this.news : this.log).push(text);
  }

  /** Does what the input wants done inside of one of the callbacks. */
  #act(where: string): void {
    this.#moment += 1;
    const { session, now } = this;
    if (this.#faithful || this.#moment !== this.head.moment || this.#depth > 2) return;
    this.#depth += 1;
    switch (this.head.mischief) {
      case 1:
        this.#threw = true;
        throw new Deliberate(where);
      case 2:
        this.publish(0x21);
        break;
      case 3:
        session.disconnect(now);
        break;
      case 4:
        if (session.state > 1) this.lost();
        break;
      case 5:
        this.connect(0);
        break;
      case 6:
        this.transmit(64);
        break;
      case 7:
        this.subscribe(1);
        break;
      case 8:
        session.tick(now);
        break;
      case 9:
        this.flush(100);
        break;
      case 10:
        this.publish(0x47);
        this.#cancel(1);
        break;
      case 11: {
        let isRefused = session.held >= 0;
        try {
          if (session.held < 0) session.receive(0, now);
        } catch (error) {
          isRefused = error instanceof Error && /from inside a callback/.test(error.message);
        }
        if (!isRefused) throw new Breach("receive is refused inside of itself", where);
        break;
      }
      case 12:
        this.lost();
        this.connect(1);
        break;
      default:
    }
    this.#depth -= 1;
  }

  onConnected(sessionPresent: boolean): void {
    this.#tell(`connected ${sessionPresent}`);
    count(this.#kit.reached, "connected");
    this.#act("onConnected");
  }

  onMessage(message: Inbound): void {
    const { topic, qos, retain, dup, id, length, offset, bytes, start, end, complete } = message;
    if (offset === 0) {
      this.#sum = 0;
      this.#offset = 0;
    }
    if (offset !== this.#offset || offset + end - start > length) {
      throw new Breach("pieces follow one another", `${offset} of ${length} instead of ${this.#offset}`);
    }
    if (bytes !== this.session.bytes || start < 0 || end > this.#room) {
      throw new Breach("ranges lie in the buffer", `${start}..${end} of ${this.#room}`);
    }
    if (complete !== (offset + end - start === length)) throw new Breach("the last piece is complete", `${offset}`);
    for (let at = start; at < end; at += 1) this.#sum = Math.imul(this.#sum ^ (bytes[at] as number), 0x01000193) + 1;
    this.#offset = offset + end - start;
    if (this.head.options.stream !== true && !complete) throw new Breach("a message comes whole", `${offset}`);
    if (topic.length > this.head.budget.topic) throw new Breach("the topic is within the budget", topic);
    if (complete) {
      this.#tell(`message ${topic} ${qos} ${retain} ${dup} ${id} ${length} ${this.#sum}`);
      count(this.#kit.reached, "message");
    }
    // Only where it is the same moment however the bytes are cut.
    if (complete) this.#act("onMessage");
  }

  onOverflow(message: Inbound): void {
    const { topic, qos, id, length, start, end, complete } = message;
    this.#tell(`overflow ${topic} ${qos} ${id} ${length} ${end - start}`);
    count(this.#kit.reached, "overflow");
    if (complete || end - start > this.head.budget.receive || (topic.length > 100 && end > start)) {
      throw new Breach("an overflow is within the budget", `${end - start} of ${length}, ${complete}`);
    }
    this.#act("onOverflow");
  }

  onReceived(id: number): void {
    this.#tell(`received ${id}`);
    count(this.#kit.reached, "received");
    this.#act("onReceived");
  }

  onDelivered(id: number, type: number): void {
    this.#tell(`delivered ${id} ${type}`, type === 7);
    count(this.#kit.reached, "delivered");
    if (!this.#accepted.delete(id)) throw new Breach("a message is delivered once", `id ${id}, ${type}`);
    if (type === 4 || this.head.isAnywhere) this.#act("onDelivered");
  }

  onSubscribed(id: number, codes: readonly number[]): void {
    this.#tell(`subscribed ${id} ${codes}`);
    count(this.#kit.reached, "subscribed");
    this.#act("onSubscribed");
  }

  onUnsubscribed(id: number): void {
    this.#tell(`unsubscribed ${id}`);
    this.#act("onUnsubscribed");
  }

  onFlushed(ok: boolean): void {
    this.#tell(`flushed ${ok}`, true);
    if (!this.#isFlushing) throw new Breach("a flush is answered once", String(ok));
    this.#isFlushing = false;
    if (this.head.isAnywhere) this.#act("onFlushed");
  }

  onClosed(closed: Closed): void {
    const { reason, detail, statement, code } = closed;
    this.#tell(`closed ${reason} ${detail} ${statement} ${code}`);
    count(this.#kit.reached, `closed ${reason}`);
    this.#open -= 1;
    if (this.#open !== 0) throw new Breach("an end is told once", `${reason}: ${this.#open}`);
    const isStated = statement === "" || /^MQTT-\d\.\d+\.\d+-\d+$/.test(statement);
    const isExplained = reason === "disconnected" || detail !== "";
    if (!isStated || !isExplained) throw new Breach("an end has a reason", `${reason} "${detail}" "${statement}"`);
    if (reason === "violation" && statement === "") throw new Breach("a violation has a statement", detail);
    if ((reason === "refused") !== code > 0) throw new Breach("a refusal has its code", `${reason} ${code}`);
    if (this.session.state !== 0) throw new Breach("after its end a session is idle", `state ${this.session.state}`);
    for (const [id, isLater] of this.#accepted) {
      if (this.#isClean && !isLater) this.#accepted.delete(id);
      else this.#accepted.set(id, false);
    }
    this.#act("onClosed");
  }

  // What the owner does.

  /** A call from outside: what our own code throws in it comes out of it, and nothing else. */
  #call<T>(what: () => T, fallback: T): T {
    try {
      return what();
    } catch (error) {
      if (!(error instanceof Deliberate)) throw error;
      if (!this.#threw) throw new Breach("an exception comes out once", "again");
      this.#threw = this.#depth > 0;
      return fallback;
    }
  }

  connect(value: number): void {
    const { session, head } = this;
    if (session.state > 0) return;
    const fields = { ...head.options, clean: head.options.clean !== ((value & 1) !== 0) };
    this.#open += 1;
    this.#isClean = fields.clean;
    this.server.open(fields.clean);
    session.connect(fields, this.now);
  }

  lost(): void {
    this.#call(() => this.session.lost(this.now), undefined);
  }

  publish(value: number): void {
    const { session, now } = this;
    const qos = ((value & 3) % 3) as 0 | 1 | 2;
    const topic = ["t", "some/topic", "čvor", "x".repeat(40)][(value >> 2) & 3] as string;
    const length = [0, 5, 100, 300][(value >> 4) & 3] as number;
    const kind = value >> 6;
    const source = {
      length,
      read: (offset: number, into: Uint8Array, at: number, size: number): void => {
        if (offset + size > length || at < 0 || at + size > into.length || size < 1) {
          throw new Breach("a payload is read within its bounds", `${size} from ${offset} of ${length} on`);
        }
        if (value % 7 === 3 && offset > 0 && !this.#faithful) {
          this.#threw = true;
          throw new Deliberate("read");
        }
        into.fill(0x61 + (offset & 15), at, at + size);
      },
    };
    const payload = kind === 0 ? "é".repeat(length >> 1) : kind === 1 ? new Uint8Array(length).fill(0x62) : source;
    const message: Message = {
      topic,
      qos,
      payload: length === 0 ? undefined : payload,
      retain: (value & 8) !== 0,
      ...(qos > 0 && kind === 3 ? { id: 1 + (value & 3), resumed: (value & 16) !== 0 } : {}),
    };
    try {
      const id = session.publish(message, now);
      this.#taken(id, "publish");
      if (qos > 0 && id > 0) this.#accepted.set(id, session.state === 1);
    } catch (error) {
      if (!(error instanceof RangeError) || !/is in use/.test(error.message)) throw error;
    }
  }

  #taken(id: number, what: string): void {
    if (id < 0 && !this.#kit.refusals.includes(id)) throw new Breach("a request is taken or refused", `${what}: ${id}`);
    if (id > 65535) throw new Breach("an id is a 16-bit number", `${what}: ${id}`);
    count(this.#kit.reached, id < 0 ? "a refusal" : what);
  }

  subscribe(value: number): void {
    const { session, now } = this;
    const count = value & 3;
    if ((value & 4) === 0) this.#taken(session.subscribe(SUBSCRIPTIONS[count] as Subscription[], now), "subscribe");
    else this.#taken(session.unsubscribe(FILTERS[count] as string[], now), "unsubscribe");
  }

  flush(ms: number): void {
    this.#isFlushing = true;
    this.session.flush((this.now + ms) | 0, this.now);
  }

  #cancel(id: number): void {
    if (this.session.cancel(id)) this.#accepted.delete(id);
  }

  #release(id: number): void {
    try {
      const taken = this.session.release(id, this.now);
      this.#taken(taken, "release");
      if (taken > 0) this.#accepted.set(taken, this.session.state === 1);
    } catch (error) {
      if (!(error instanceof RangeError) || !/is in use/.test(error.message)) throw error;
    }
  }

  transmit(limit: number): number {
    const { session } = this;
    const ended = session.words[16];
    const room = this.#call(() => session.transmit(limit, this.now), -1);
    if (room < 0) {
      // What was put together is not known: no owner could go on.
      if (session.state > 0) this.lost();
      return 0;
    }
    const from = session.at;
    hold(room <= limit, "no more leaves than may", () => `${room} of ${limit}`);
    if (room === 0) return 0;
    hold(from >= 0 && from + room <= this.#bytes, "what leaves lies in the buffer", () => `${from} and ${room}`);
    // A callback may have ended the connection: then these bytes have left before that.
    if (ended === session.words[16]) this.server.take(session.bytes.subarray(from, from + room));
    return room;
  }

  /** What the broker sends; the rest is lost when the connection ends meanwhile, as its socket is closed. */
  feed(bytes: Uint8Array, window: number): void {
    const { session } = this;
    // What is to be told is told first, however the bytes are cut.
    if (!this.head.isAnywhere) this.tick();
    const ended = session.words[16];
    for (let at = 0; at < bytes.length && session.state > 0 && ended === session.words[16]; ) {
      const left = Math.min(bytes.length - at, this.#room - session.held);
      hold(left > 0, "there is room for more", () => `${session.held} bytes are held`);
      const size = this.#knife === undefined ? left : this.#knife.next(left);
      session.bytes.set(bytes.subarray(at, at + size), session.held);
      at += size;
      const room = at === bytes.length ? window : 0;
      const answered = this.#call(() => session.receive(size, this.now, room), 0);
      if (answered > 0) {
        hold(answered <= room, "no more leaves than may", () => `${answered} of ${room}`);
        this.server.take(session.bytes.subarray(session.at, session.at + answered));
      }
      hold(session.held >= 0 && session.held <= this.#room, "what is held is within the budget", () =>
        String(session.held),
      );
    }
    if (window > 0 && ended === session.words[16] && session.state > 1) this.transmit(window);
  }

  tick(): void {
    this.#call(() => this.session.tick(this.now), undefined);
  }

  // What must hold at all times.

  check(step: string): void {
    const { session, head } = this;
    const { state } = session;
    const awaits =
      state === 2 ||
      state > 3 ||
      this.#isFlushing ||
      (state === 3 && (head.options.keepAliveSeconds > 0 || session.pending > 0 || session.wantsTransmit));
    if (awaits && session.deadline() === undefined) {
      throw new Breach("what waits has a deadline", `after ${step}: state ${state}, ${session.pending} pending`);
    }
    if (state < 0 || state > 5 || state === 1) throw new Breach("a call leaves a state", `after ${step}: ${state}`);
    if ((this.#open === 1) !== state > 0) throw new Breach("an end is told", `after ${step}: state ${state}`);
    if (session.pending < 0 || session.pending > head.budget.inFlight || session.unsent < 0 || session.unsent > 2) {
      throw new Breach("the budget holds", `after ${step}: ${session.pending} pending, ${session.unsent} unsent`);
    }
    if (session.bytes.length !== this.#bytes || session.words.length !== this.#words) {
      throw new Breach("nothing grows", `after ${step}`);
    }
    if (session.receivable > this.#room) throw new Breach("the budget holds", `receivable ${session.receivable}`);
  }

  checkSize(): void {
    const places = 2 * (this.head.budget.inFlight + 2);
    for (const value of Object.values(this.session)) {
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
    switch (kind) {
      case Step.FEED:
        this.feed(script.bytes(value), 0);
        break;
      case Step.EXCHANGE:
        this.feed(script.bytes(value), 1460);
        break;
      case Step.ANSWER:
        this.feed(this.server.answer(value), 0);
        break;
      case Step.ANSWER_ALL:
        this.#answerAll(value & 1);
        break;
      case Step.PUBLISH:
        this.publish(value);
        break;
      case Step.SUBSCRIBE:
        this.subscribe(value);
        break;
      case Step.PASS:
        this.now = (this.now + value * 40) | 0;
        this.tick();
        break;
      case Step.TRANSMIT:
        if (value > 127) this.transmit(value & 31);
        else for (let turns = 0; turns < 20 && this.transmit(1460) > 0; turns += 1);
        break;
      case Step.DEADLINE:
        this.#passBy([1000, 2000, 4000, 9000][value & 3] as number);
        break;
      case Step.DISCONNECT:
        this.session.disconnect(this.now);
        break;
      case Step.LOST:
        this.lost();
        break;
      case Step.CONNECT:
        this.connect(value);
        break;
      case Step.FLUSH:
        this.flush(value * 20);
        break;
      case Step.CANCEL:
        this.#cancel(1 + (value & 7));
        break;
      case Step.RELEASE:
        this.#release(1 + (value & 7));
        break;
      default:
        this.feed(Uint8Array.of(0x20, 2, value & 1, (value >> 1) % 7), 0);
        break;
    }
  }

  #answerAll(window: number): void {
    for (let left = 40; left > 0 && this.server.owes; left -= 1) this.feed(this.server.answer(0), window * 1460);
  }

  /** Time passes, and each deadline is kept. They may come early, and not be the same in both plays. */
  #passBy(ms: number): void {
    const end = (this.now + ms) | 0;
    for (let ticks = 0; ; ticks += 1) {
      const at = this.session.deadline();
      if (at === undefined || ((end - at) | 0) < 0) break;
      hold(ticks < 200, "nothing loops", () => `${ticks} ticks within ${ms} ms`);
      this.#toDeadline();
    }
    this.now = end;
    this.tick();
  }

  /** False when there is none. */
  #toDeadline(): boolean {
    const at = this.session.deadline();
    if (at === undefined) return false;
    if (((at - this.now) | 0) > 0) this.now = at;
    this.tick();
    return true;
  }

  /** Nothing comes any more, and nothing can leave. */
  starve(): void {
    const from = this.now;
    const { session } = this;
    for (let ticks = 0; session.state > 0 || this.#isFlushing; ticks += 1) {
      if (!this.#toDeadline()) {
        this.check("silence");
        return;
      }
      const ms = (this.now - from) | 0;
      hold(ticks < 100 && ms <= LONGEST_MS, "nothing is stuck", () =>
        [`after ${ticks} ticks and ${ms} ms state ${session.state}`, `${session.pending} pending`].join(", "),
      );
      this.check("tick");
    }
  }

  /** A broker that keeps to the rules: all that was accepted is acknowledged. */
  recover(): void {
    const { session } = this;
    if (session.state > 0) this.lost();
    this.#faithful = true;
    this.connect(this.head.options.clean ? 1 : 0);
    for (let turn = 0; turn < 400; turn += 1) {
      const left = this.transmit(1460);
      this.check("recovery");
      if (this.server.owes) this.feed(this.server.answer(0), 0);
      else if (left === 0 && session.state === 3 && !session.wantsTransmit) break;
    }
    hold(session.state === 3 && session.pending === 0 && session.unsent === 0, "all that was accepted is settled", () =>
      [`state ${session.state}`, `${session.pending} pending`, `${session.unsent} unsent`, ...this.log]
        .join("; ")
        .slice(0, 2000),
    );
    hold(this.#accepted.size === 0, "all that was accepted is delivered", () => [...this.#accepted.keys()].join());
  }
}

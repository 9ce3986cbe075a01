// The owner of a session under attack: does what it is told, writes down what the session tells it, and answers
// callbacks with further calls, as the input wants it. What a session may not do is a breach. It knows no steps.

import type { Closed, Inbound, Message, SessionHandler, Subscription } from "../../src/mqtt/session.js";
import { Server } from "./session-script.js";
import type { Head } from "./session-steps.js";
import type { Sources } from "./sources.js";
import { Breach, count, hold } from "./target.js";

/** What our own callbacks and payloads throw. */
class Deliberate extends Error {}

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

export class Owner implements SessionHandler {
  readonly #kit: Kit;
  readonly head: Head;
  readonly session: InstanceType<Kit["Session"]>;
  readonly server = new Server();
  /** What was told, as text. */
  readonly log: string[] = [];
  /** What is told between two packets, or behind the last one of a piece. */
  readonly news: string[] = [];
  now: number;
  /** Callbacks do nothing odd any more. */
  isFaithful = false;
  /** Connections whose end was not told. */
  open = 0;
  isFlushing = false;
  /**
   * Outbound messages that were accepted and neither delivered nor given up, by id; true: while a connection ended, so
   * they are not of it.
   */
  readonly accepted = new Map<number, boolean>();
  /** Bytes that may be received. */
  readonly room: number;
  #isClean = false;
  #moment = 0;
  #threw = false;
  #calls = 0;
  #depth = 0;
  /** The sum of the payload that comes, and how much of it there was. */
  #sum = 0;
  #offset = 0;

  constructor(kit: Kit, head: Head) {
    this.#kit = kit;
    this.head = head;
    this.session = new kit.Session(head.options, head.budget, this);
    this.room = this.session.words[20] as number;
    this.now = head.startAt;
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
    if (this.isFaithful || this.#moment !== this.head.moment || this.#depth > 2) return;
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
        this.cancel(1);
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
    if (bytes !== this.session.bytes || start < 0 || end > this.room) {
      throw new Breach("ranges lie in the buffer", `${start}..${end} of ${this.room}`);
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
    if (!this.accepted.delete(id)) throw new Breach("a message is delivered once", `id ${id}, ${type}`);
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
    if (!this.isFlushing) throw new Breach("a flush is answered once", String(ok));
    this.isFlushing = false;
    if (this.head.isAnywhere) this.#act("onFlushed");
  }

  onClosed(closed: Closed): void {
    const { reason, detail, statement, code } = closed;
    this.#tell(`closed ${reason} ${detail} ${statement} ${code}`);
    count(this.#kit.reached, `closed ${reason}`);
    this.open -= 1;
    if (this.open !== 0) throw new Breach("an end is told once", `${reason}: ${this.open}`);
    const isStated = statement === "" || /^MQTT-\d\.\d+\.\d+-\d+$/.test(statement);
    const isExplained = reason === "disconnected" || detail !== "";
    if (!isStated || !isExplained) throw new Breach("an end has a reason", `${reason} "${detail}" "${statement}"`);
    if (reason === "violation" && statement === "") throw new Breach("a violation has a statement", detail);
    if ((reason === "refused") !== code > 0) throw new Breach("a refusal has its code", `${reason} ${code}`);
    if (this.session.state !== 0) throw new Breach("after its end a session is idle", `state ${this.session.state}`);
    for (const [id, isLater] of this.accepted) {
      if (this.#isClean && !isLater) this.accepted.delete(id);
      else this.accepted.set(id, false);
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
    this.open += 1;
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
        if (value % 7 === 3 && offset > 0 && !this.isFaithful) {
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
      if (qos > 0 && id > 0) this.accepted.set(id, session.state === 1);
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
    this.isFlushing = true;
    this.session.flush((this.now + ms) | 0, this.now);
  }

  cancel(id: number): void {
    if (this.session.cancel(id)) this.accepted.delete(id);
  }

  release(id: number): void {
    try {
      const taken = this.session.release(id, this.now);
      this.#taken(taken, "release");
      if (taken > 0) this.accepted.set(taken, this.session.state === 1);
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
    hold(
      from >= 0 && from + room <= session.bytes.length,
      "what leaves lies in the buffer",
      () => `${from} and ${room}`,
    );
    // A callback may have ended the connection: then these bytes have left before that.
    if (ended === session.words[16]) this.server.take(session.bytes.subarray(from, from + room));
    return room;
  }

  /** What came is in the session's buffer. What it answers leaves. */
  receive(size: number, limit: number): void {
    const { session } = this;
    const answered = this.#call(() => session.receive(size, this.now, limit), 0);
    if (answered > 0) {
      hold(answered <= limit, "no more leaves than may", () => `${answered} of ${limit}`);
      this.server.take(session.bytes.subarray(session.at, session.at + answered));
    }
  }

  tick(): void {
    this.#call(() => this.session.tick(this.now), undefined);
  }
}

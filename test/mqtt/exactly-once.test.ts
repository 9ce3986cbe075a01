// QoS 2 against a server that keeps its side of the session, over a transport that is cut: after every byte of either
// direction in turn, and at random places with a seed. Also with a client that loses its memory at each cut and has
// only its journal, as the box after a power cut.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { type Closed, type Inbound, type Message, Session, type SessionOptions } from "../../src/mqtt/session.js";
import { long, rounds } from "../effort.js";
import { BUDGET, ExactServer, OPTIONS } from "./peer.js";

/** What the box has in flash: the alerts, and how far each one is. */
interface Record {
  readonly id: number;
  readonly payload: string;
  state: "queued" | "received" | "done";
}

class Client {
  session: Session;
  readonly got: string[] = [];
  readonly journal: Record[] = [];
  closed = 0;
  readonly options: SessionOptions;

  constructor(options: Partial<SessionOptions>, payloads: readonly string[]) {
    this.options = { ...OPTIONS, ...options };
    for (const payload of payloads) this.journal.push({ id: 100 + this.journal.length, payload, state: "queued" });
    this.session = this.boot();
  }

  /** A new life: nothing is left but the journal. */
  boot(): Session {
    this.session = new Session(this.options, { ...BUDGET, inbound: 20 }, this);
    for (const record of this.journal) if (record.state === "received") this.session.release(record.id, 0);
    for (const record of this.journal) if (record.state === "queued") this.session.publish(messageOf(record), 0);
    return this.session;
  }

  #mark(id: number, state: "received" | "done"): void {
    const record = this.journal.find((one) => one.id === id);
    assert.ok(record !== undefined);
    record.state = state;
  }

  onConnected(): void {}
  onMessage(message: Inbound): void {
    this.got.push(Buffer.from(message.bytes.subarray(message.start, message.end)).toString());
  }
  onOverflow(): void {}
  onReceived(id: number): void {
    this.#mark(id, "received");
  }
  onDelivered(id: number): void {
    this.#mark(id, "done");
  }
  onSubscribed(): void {}
  onUnsubscribed(): void {}
  onFlushed(): void {}
  onClosed(closed: Closed): void {
    this.closed += 1;
    assert.equal(closed.reason, "lost", closed.detail);
  }
}

function messageOf(record: Record): Message {
  return { topic: "out", payload: record.payload, qos: 2, retain: false, id: record.id, resumed: true };
}

/**
 * One connection that carries at most `outward` bytes to the server and `inward` bytes to the client, in fragments of
 * at most `fragment`. Returns whether it was cut; otherwise everything was said.
 */
function run(client: Client, server: ExactServer, outward: number, inward: number, fragment: number): boolean {
  const { session } = client;
  let out = outward;
  let back = inward;
  server.open();
  session.connect(client.options, 0);
  const into = new Uint8Array(fragment);
  for (;;) {
    const count = session.transmit(fragment, 0);
    into.set(session.bytes.subarray(session.at, session.at + count));
    server.input(into.slice(0, Math.min(count, out)));
    out -= count;
    const reply = server.output();
    for (let at = 0; at < reply.length; at += fragment) {
      const end = Math.min(reply.length, at + fragment, at + back);
      if (end > at) {
        session.bytes.set(reply.subarray(at, end), session.held);
        session.receive(end - at, 0);
      }
      back -= Math.min(fragment, reply.length - at);
      if (back < 0) break;
    }
    if (out < 0 || back < 0) {
      session.lost(0);
      return true;
    }
    if (count === 0 && reply.length === 0) return false;
  }
}

const ALERTS = Object.freeze(["one", "two", "three"]);

/**
 * Runs to the end after a cut, and checks that each message was handed over exactly once and in order, on both sides.
 */
function finish(
  client: Client,
  server: ExactServer,
  inbound: readonly string[],
  options: { clientDies?: boolean },
): void {
  if (options.clientDies === true) client.boot();
  assert.equal(run(client, server, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 9), false);
  assert.deepEqual(server.published, ALERTS);
  assert.deepEqual(server.faults, []);
  assert.ok(client.journal.every((record) => record.state === "done"));
  assert.equal(client.session.pending, 0);
  if (options.clientDies !== true) assert.deepEqual(client.got, inbound);
  assert.equal(server.unfinished, 0);
}

describe("exactly once: one cut after every byte", () => {
  for (const pipeline of [false, true]) {
    for (const clientDies of [false, true]) {
      const name = `${pipeline ? "pipelined" : "plain"}, ${clientDies ? "the client has only its journal" : "both live on"}`;
      const kind = pipeline || clientDies ? long : { it };
      kind.it(`client to server, ${name}`, () => {
        let cuts = 0;
        for (let bytes = 0; ; bytes += 1) {
          const server = new ExactServer();
          const client = new Client({ pipeline }, ALERTS);
          server.queue("in 1", 2);
          server.queue("in 2", 2);
          const cut = run(client, server, bytes, Number.POSITIVE_INFINITY, 9);
          if (cut) cuts += 1;
          else client.session.lost(0);
          finish(client, server, ["in 1", "in 2"], { clientDies });
          if (!cut) break;
        }
        assert.ok(cuts > 70, `${cuts}`);
      });

      long.it(`server to client, ${name}`, () => {
        let cuts = 0;
        for (let bytes = 0; ; bytes += 1) {
          const server = new ExactServer();
          const client = new Client({ pipeline }, ALERTS);
          server.queue("in 1", 2);
          server.queue("in 2", 2);
          const cut = run(client, server, Number.POSITIVE_INFINITY, bytes, 9);
          if (cut) cuts += 1;
          else client.session.lost(0);
          finish(client, server, ["in 1", "in 2"], { clientDies });
          if (!cut) break;
        }
        assert.ok(cuts > 50, `${cuts}`);
      });
    }
  }
});

describe("exactly once: many cuts at random places", () => {
  for (const clientDies of [false, true]) {
    it(clientDies ? "with a client that has only its journal" : "with both sides living on", () => {
      for (let seed = 1; seed <= rounds(300); seed += 1) {
        let state = seed;
        const random = (below: number) => {
          state = (Math.imul(state, 1103515245) + 12345) & 0x7fffffff;
          return (state >> 8) % below;
        };
        const server = new ExactServer();
        const client = new Client({ pipeline: seed % 2 === 0 }, ALERTS);
        const inbound: string[] = [];
        for (let cut = 0; cut < 20; cut += 1) {
          if (random(3) === 0) {
            inbound.push(`in ${inbound.length}`);
            server.queue(inbound.at(-1) as string, 2);
          }
          const cutOff = run(client, server, random(120), random(120), 1 + random(20));
          if (!cutOff) client.session.lost(0);
          if (clientDies && random(2) === 0) client.boot();
        }
        finish(client, server, inbound, { clientDies });
      }
    });
  }

  it("a server that loses its session gets what it did not own again, and nothing that it did", () => {
    // A message is lost or doubled only if the server loses what it had acknowledged, which no client can mend.
    const server = new ExactServer();
    const client = new Client({}, ALERTS);
    run(client, server, 17 + 12, Number.POSITIVE_INFINITY, 100);
    assert.deepEqual(server.published, ["one"]);
    assert.equal(client.journal[0]?.state, "received");
    server.forget();
    assert.equal(run(client, server, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 9), false);
    assert.deepEqual(server.published, ALERTS);
    assert.deepEqual(
      client.journal.map((record) => record.state),
      ["done", "done", "done"],
    );
    assert.ok(server.log.includes("PUBLISH 101 q2 out: two"));
  });
});

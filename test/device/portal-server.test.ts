// The portal's sockets in a world with phones: what is said arrives whole and in order, connections end when they are
// to and at the latest at their instant, and no phone, however slow or rude, stops the others or leaves something.
// First with a talk of the test's own, which sees what the server does, then with the real portal.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { dnsQuery } from "../../host-sim/dns-message.js";
import type { Traffic } from "../../host-sim/network.js";
import type { Phone } from "../../host-sim/phone.js";
import type { Conversation, PortalServer, PortalTalk } from "../../src/device/portal-server.js";
import type { WiFiStation } from "../../src/device/wifi-station.js";
import { dnsAnswer } from "../../src/setup/dns.js";
import { PAGE as PIECES } from "../../src/setup/page.js";
import { Portal } from "../../src/setup/portal.js";
import { Rig as Adapters } from "./fixtures/adapters/rig.js";

const PAGE = PIECES.join("");

const BOX = "AlertBox-5750";
const GET = "GET / HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n";

/** Bytes of which each stretch is different. */
function pattern(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 8)) & 0xff);
}

/** A conversation that answers `content` when the request has ended with an empty line, and notes what it is asked. */
class Script implements Conversation {
  content: Uint8Array;
  until: number;
  request = "";
  readonly pieces: number[] = [];
  readonly limits: number[] = [];
  ends = 0;
  sent = 0;
  /** Gives no more than this at a time. */
  pieceBytes = Number.POSITIVE_INFINITY;

  constructor(content: Uint8Array, until: number) {
    this.content = content;
    this.until = until;
  }

  get isWhole(): boolean {
    return this.request.includes("\r\n\r\n");
  }

  /** Turns that it takes to work out the answer. */
  steps = 0;

  get isAsked(): boolean {
    return this.isWhole && this.steps > 0;
  }

  work(): void {
    this.steps -= 1;
  }

  /** Takes no more than this at a time. */
  takenBytes = Number.POSITIVE_INFINITY;

  receive(bytes: Uint8Array, start: number, end: number): number {
    this.pieces.push(end - start);
    const stop = Math.min(end, start + this.takenBytes);
    this.request += Buffer.from(bytes.subarray(start, stop)).toString("latin1");
    return stop;
  }

  transmit(limit: number): Uint8Array | undefined {
    this.limits.push(limit);
    if (!this.isWhole || this.sent === this.content.length) return undefined;
    const part = this.content.subarray(this.sent, this.sent + Math.min(limit, this.pieceBytes));
    this.sent += part.length;
    return part;
  }

  get finished(): boolean {
    return this.isWhole && this.sent === this.content.length;
  }

  end(): void {
    this.ends += 1;
  }
}

class Rig extends Adapters {
  station!: WiFiStation;
  server!: PortalServer;

  constructor(options: ConstructorParameters<typeof Adapters>[0] = {}) {
    super(options);
    this.openAccessPoint();
  }

  openAccessPoint(): void {
    this.station = new this.adapters.WiFiStation({
      onAssociated() {},
      onJoined() {},
      onJoinFailed() {},
      onLost() {},
    });
    this.station.openAccessPoint(BOX, "");
  }

  open(talk: PortalTalk): void {
    this.server = new this.adapters.PortalServer(talk);
  }

  phone(): Phone {
    const phone = this.world.phone();
    assert.ok(phone.join(BOX));
    return phone;
  }

  /** Connections that the server still has. */
  get visits(): number {
    return (Reflect.get(this.server, "visits") as unknown[]).length;
  }

  /** Everybody has gone, and nothing of them is left on either side. */
  assertEmpty(): void {
    assert.equal(this.visits, 0);
    assert.equal(this.world.network.connections, 0);
  }
}

/** A server whose talk is a script each time. */
class Scripted extends Rig implements PortalTalk {
  readonly scripts: Script[] = [];
  readonly queries: Uint8Array[] = [];
  content: Uint8Array = pattern(100);
  lastsMs = 5000;
  pieceBytes = Number.POSITIVE_INFINITY;
  most = 3;
  onQuery: (query: Uint8Array) => Uint8Array | undefined = () => undefined;

  constructor(options: ConstructorParameters<typeof Adapters>[0] = {}) {
    super(options);
    this.open(this);
  }

  /** What firmware does in a new boot. */
  start(): void {
    this.scripts.length = 0;
    this.openAccessPoint();
    this.open(this);
  }

  accept(now: number): Conversation | undefined {
    if (this.scripts.filter((script) => script.ends === 0).length >= this.most) return undefined;
    assert.equal(now, this.adapters.now());
    const script = new Script(this.content, (now + this.lastsMs) | 0);
    script.pieceBytes = this.pieceBytes;
    this.scripts.push(script);
    return script;
  }

  answer(query: Uint8Array): Uint8Array | undefined {
    this.queries.push(query);
    return this.onQuery(query);
  }

  /** Waits for a conversation of which this holds. */
  until(holds: (script: Script) => boolean): Script {
    assert.ok(this.world.runUntil(() => this.scripts[0] !== undefined && holds(this.scripts[0]), 2000));
    return this.script();
  }

  script(at = 0): Script {
    const script = this.scripts[at];
    assert.ok(script, `conversation ${at}`);
    return script;
  }
}

/** Sizes of the data packets from the board. */
function packetsUp(rig: Rig): number[] {
  const sizes: number[] = [];
  rig.world.network.onTraffic((traffic: Traffic) => {
    if (traffic.type === "data" && traffic.direction === "up") sizes.push(traffic.bytes.length);
  });
  return sizes;
}

describe("PortalServer", () => {
  describe("answers", () => {
    it("an answer arrives whole, and the connection ends properly", () => {
      const rig = new Scripted();
      const line = rig.phone().send(GET);
      rig.world.run(1000);
      assert.deepEqual([...line.bytes], [...rig.content]);
      assert.deepEqual([line.hasEnded, line.failure], [true, undefined]);
      assert.equal(rig.script().request, GET);
      assert.equal(rig.script().ends, 1);
      line.close();
      rig.world.run(100);
      rig.assertEmpty();
    });

    it("one that is larger than window and buffer arrives in order, in pieces of at most 512 bytes", () => {
      const rig = new Scripted();
      rig.content = pattern(20_000);
      const line = rig.phone().send(GET);
      rig.world.run(3000);
      assert.ok(Buffer.from(line.bytes).equals(Buffer.from(rig.content)), `${line.bytes.length} bytes`);
      assert.deepEqual([line.hasEnded, line.failure], [true, undefined]);
      assert.ok(Math.max(...rig.script().limits) <= 512);
    });

    it("one that takes long to work out has turns of its own, and others are answered meanwhile", () => {
      const rig = new Scripted();
      const accept = rig.accept.bind(rig);
      rig.accept = (now) => {
        const script = accept(now);
        if (script instanceof Script && rig.scripts.length === 1) script.steps = 1000;
        return script;
      };
      const phone = rig.phone();
      const slow = phone.send(GET);
      rig.until((script) => script.isAsked);
      const turns = rig.script().steps;
      assert.ok(turns > 990, `${turns} turns left`);
      const quick = phone.send(GET);
      rig.world.run(1000);
      assert.deepEqual([...quick.bytes], [...rig.content]);
      assert.deepEqual([...slow.bytes], [...rig.content]);
    });

    it("one in many small pieces does not end the connection: at most five are on their way", () => {
      const rig = new Scripted();
      rig.content = pattern(600);
      rig.pieceBytes = 10;
      const sizes = packetsUp(rig);
      const line = rig.phone().send(GET);
      rig.world.run(5000);
      assert.deepEqual([...line.bytes], [...rig.content]);
      assert.deepEqual([line.hasEnded, line.failure], [true, undefined]);
      assert.ok(sizes.length > 5);
      assert.ok(!rig.world.board.log.includes("tcp write failed"));
    });

    it("waits where TCP has not acknowledged, and goes on when it has", () => {
      const rig = new Scripted();
      rig.content = pattern(10_000);
      const line = rig.phone().send(GET);
      rig.until((script) => script.isWhole);
      rig.world.network.hold("down");
      rig.world.run(1000);
      assert.equal(rig.script().sent, 5 * 512);
      assert.equal(rig.script().ends, 0);
      rig.world.network.release("down");
      rig.world.run(2000);
      assert.ok(Buffer.from(line.bytes).equals(Buffer.from(rig.content)));
    });

    it("never offers more than the window has room for", () => {
      const rig = new Scripted();
      rig.content = pattern(10_000);
      rig.phone().send(GET);
      let arrived = 0;
      rig.world.network.onTraffic((traffic) => {
        if (traffic.type === "data" && traffic.direction === "up") arrived += traffic.bytes.length;
      });
      for (let i = 0; i < 1000; i += 1) {
        rig.world.run(1);
        const sent = rig.scripts[0]?.sent ?? 0;
        assert.ok(sent - arrived <= 2920, `${sent - arrived} bytes on their way`);
      }
      assert.equal(arrived, 10_000);
    });

    it("closes after the last acknowledgement, not before: closing would lose what is sent again", () => {
      const rig = new Scripted();
      rig.content = pattern(2000);
      const line = rig.phone().send(GET);
      rig.until((script) => script.isWhole);
      rig.world.network.hold("down");
      rig.world.run(1500);
      assert.equal(line.bytes.length, 2000, "no piece waits until the one before is acknowledged");
      assert.equal(rig.script().finished, true);
      assert.deepEqual([rig.script().ends, line.hasEnded], [0, false]);
      rig.world.network.release("down");
      rig.world.run(20);
      assert.deepEqual([rig.script().ends, line.hasEnded], [1, true]);
      assert.equal(line.bytes.length, 2000);
    });

    it("the end of an answer that got lost on the air comes again", () => {
      const rig = new Scripted();
      rig.content = pattern(900);
      const cut = rig.world.network.cutAt({ direction: "up", byte: 850 }, () => {});
      const line = rig.phone().send(GET);
      rig.world.run(4500);
      assert.ok(cut.fired);
      assert.deepEqual([...line.bytes], [...rig.content]);
      assert.deepEqual([line.hasEnded, line.failure], [true, undefined]);
    });

    it("a request larger than the buffer is handed over in pieces, in order, nothing missing", () => {
      const rig = new Scripted();
      const long = `GET /${"0123456789".repeat(250)} HTTP/1.1\r\n\r\n`;
      rig.phone().send(long);
      rig.world.run(1000);
      assert.equal(rig.script().request, long);
      assert.ok(Math.max(...rig.script().pieces) <= 256);
    });

    it("a request byte by byte is the same to a conversation", () => {
      const rig = new Scripted();
      const line = rig.phone().send(GET, { pieceBytes: 1, everyMs: 10 });
      rig.world.run(2000);
      assert.equal(rig.script().request, GET);
      assert.deepEqual([...line.bytes], [...rig.content]);
    });

    it("an empty answer just closes", () => {
      const rig = new Scripted();
      rig.content = pattern(0);
      const line = rig.phone().send(GET);
      rig.world.run(500);
      assert.deepEqual([line.text, line.hasEnded, line.failure, rig.script().ends], ["", true, undefined, 1]);
    });
  });

  describe("several phones", () => {
    it("three are answered at once, each its own", () => {
      const rig = new Scripted();
      const phones = [rig.phone(), rig.phone(), rig.phone()];
      const lines = phones.map((phone, at) => {
        rig.content = pattern(5000 + at).map((byte) => byte ^ (at * 0x55));
        const line = phone.send(`GET /${at} HTTP/1.1\r\n\r\n`);
        rig.world.run(11);
        return line;
      });
      rig.world.run(3000);
      for (const [at, line] of lines.entries()) {
        assert.equal(rig.script(at).request, `GET /${at} HTTP/1.1\r\n\r\n`);
        assert.ok(Buffer.from(line.bytes).equals(Buffer.from(rig.script(at).content)), `phone ${at}`);
        assert.equal(rig.script(at).ends, 1);
      }
    });

    it("three connections that come in one turn are all accepted", () => {
      const rig = new Scripted();
      const phone = rig.phone();
      const lines = [phone.send(GET), phone.send(GET), phone.send(GET)];
      rig.world.run(1000);
      assert.deepEqual(
        lines.map((line) => line.bytes.length),
        [100, 100, 100],
      );
    });

    it("where two of three that come in one turn are refused, both hear of it", () => {
      const rig = new Scripted();
      rig.most = 1;
      const phone = rig.phone();
      const lines = [phone.send(GET), phone.send(GET), phone.send(GET)];
      rig.world.run(1000);
      assert.deepEqual(
        lines.map((line) => [line.isDone, line.bytes.length]),
        [
          [true, 100],
          [true, 0],
          [true, 0],
        ],
      );
    });

    it("a fourth is refused, and welcome when one of the others has gone", () => {
      const rig = new Scripted();
      const phone = rig.phone();
      const three = [phone.send("GET"), phone.send("GET"), phone.send("GET")];
      rig.world.run(100);
      const fourth = phone.send(GET);
      rig.world.run(100);
      assert.deepEqual([fourth.isDone, fourth.text], [true, ""]);
      assert.deepEqual([rig.scripts.length, rig.visits], [3, 3]);
      three[1]?.reset();
      rig.world.run(100);
      const fifth = phone.send(GET);
      three[0]?.write(" / HTTP/1.1\r\n\r\n");
      rig.world.run(1000);
      assert.deepEqual([fifth.bytes.length, three[0]?.bytes.length], [100, 100]);
      rig.world.run(10_000);
      rig.assertEmpty();
    });
  });

  describe("ends at its instant", () => {
    /** When a phone's connection came to its end, from its beginning. */
    function endedAfter(rig: Scripted, line: ReturnType<Phone["send"]>): number {
      rig.world.run(30_000);
      assert.ok(line.endedAt !== undefined, "ended");
      assert.equal(rig.script().ends, 1);
      rig.world.run(1000);
      assert.equal(rig.visits, 0);
      return line.endedAt - line.startedAt;
    }

    it("a slow request", () => {
      const rig = new Scripted();
      const line = rig.phone().send("X".repeat(100), { pieceBytes: 1, everyMs: 1000 });
      const ms = endedAfter(rig, line);
      assert.ok(ms >= 5000 && ms < 5100, `${ms} ms`);
    });

    it("a half-sent one, and one of which nothing came", () => {
      for (const text of ["GET / HTTP/1.1\r\nHo", ""]) {
        const rig = new Scripted();
        const ms = endedAfter(rig, rig.phone().send(text));
        assert.ok(ms >= 5000 && ms < 5100, `${ms} ms`);
      }
    });

    it("an endless one", () => {
      const rig = new Scripted();
      const line = rig.phone().send("X".repeat(1_000_000), { pieceBytes: 1000, everyMs: 10 });
      const ms = endedAfter(rig, line);
      assert.ok(ms >= 5000 && ms < 5100, `${ms} ms`);
    });

    it("an answer that the phone does not take, because it went away", () => {
      const rig = new Scripted();
      rig.content = pattern(20_000);
      const phone = rig.phone();
      phone.send(GET);
      rig.until((script) => script.sent > 3000);
      phone.leave();
      rig.world.run(4500);
      assert.equal(rig.visits, 1);
      rig.world.run(700);
      assert.equal(rig.script().ends, 1);
      assert.equal(rig.visits, 0);
    });

    it("one that went away before it had said a word, three times, and the next phone is served", () => {
      const rig = new Scripted();
      for (let i = 0; i < 3; i += 1) {
        const phone = rig.phone();
        phone.send("");
        rig.world.run(20);
        phone.leave();
      }
      assert.equal(rig.visits, 3);
      rig.world.run(5000);
      const line = rig.phone().send(GET);
      rig.world.run(500);
      assert.equal(line.bytes.length, 100);
    });

    it("each at its own: the earlier first, whatever came first", () => {
      const rig = new Scripted();
      const lines = [3000, 1000, 2000].map((ms) => {
        rig.lastsMs = ms;
        const line = rig.phone().send("");
        rig.world.run(20);
        return line;
      });
      rig.world.run(10_000);
      const ended = lines.map((line) => Math.round(((line.endedAt ?? 0) - line.startedAt) / 100) * 100);
      assert.deepEqual(ended, [3000, 1000, 2000]);
      rig.assertEmpty();
    });

    it("one that was given more time has it", () => {
      const rig = new Scripted();
      const line = rig.phone().send("");
      rig.world.run(1000);
      rig.script().until += 4000;
      rig.world.run(7500);
      assert.equal(line.isDone, false);
      rig.world.run(1000);
      assert.equal(line.isDone, true);
    });

    it("where the clock wraps", () => {
      const rig = new Scripted({ board: { ticksAtBoot: 0x7fffffff - 3000 } });
      const ms = endedAfter(rig, rig.phone().send("GET"));
      assert.ok(ms >= 5000 && ms < 5100, `${ms} ms`);
    });

    it("one before the clock wraps and one behind it, each at its own", () => {
      for (const order of [
        [2000, 6000],
        [6000, 2000],
      ]) {
        const rig = new Scripted({ board: { ticksAtBoot: 0x7fffffff - 4000 } });
        const lines = order.map((ms) => {
          rig.lastsMs = ms;
          const line = rig.phone().send("");
          rig.world.run(20);
          return line;
        });
        rig.world.run(10_000);
        const ended = lines.map((line) => Math.round(((line.endedAt ?? 0) - line.startedAt) / 100) * 100);
        assert.deepEqual(ended, order);
      }
    });

    it("keeps nothing awake when everybody has gone: the alarm is off", () => {
      const rig = new Scripted();
      rig.phone().send(GET);
      rig.world.run(20_000);
      assert.equal(rig.scripts.length, 1);
      assert.equal(rig.script().ends, 1, "not once more at the instant");
    });
  });

  describe("phones that go", () => {
    it("one that says good-bye in the middle of its request frees its place", () => {
      const rig = new Scripted();
      const line = rig.phone().send("");
      rig.world.run(100);
      line.write("GET / HT");
      line.close();
      rig.world.run(100);
      assert.equal(rig.script().ends, 1);
      rig.world.run(1000);
      rig.assertEmpty();
    });

    it("one that resets the connection does too, in the middle of the answer", () => {
      const rig = new Scripted();
      rig.content = pattern(20_000);
      const line = rig.phone().send(GET);
      rig.until((script) => script.sent > 3000);
      line.reset();
      rig.world.run(100);
      assert.equal(rig.script().ends, 1);
      rig.assertEmpty();
    });

    it("a reset right behind the request crashes nothing", () => {
      const rig = new Scripted();
      const line = rig.phone().send("");
      rig.world.run(100);
      line.write(GET);
      line.reset();
      rig.world.run(1000);
      assert.equal(rig.script().ends, 1);
      assert.equal(rig.world.board.crashes, 0);
      rig.assertEmpty();
    });

    it("a reset before the connection was taken leaves nothing for longer than its instant", () => {
      const rig = new Scripted();
      const line = rig.phone().send("");
      assert.ok(rig.world.runUntil(() => line.isOpen, 1000));
      line.reset();
      rig.world.run(6000);
      assert.equal(rig.world.board.crashes, 0);
      rig.assertEmpty();
      assert.ok(rig.scripts.every((script) => script.ends === 1));
    });

    it("all when the access point is gone", () => {
      const rig = new Scripted();
      rig.phone().send("GET");
      rig.phone().send("GET");
      rig.world.run(100);
      rig.station.off();
      rig.world.run(6000);
      assert.deepEqual([rig.visits, rig.script(0).ends, rig.script(1).ends], [0, 1, 1]);
    });
  });

  describe("ends with the boot", () => {
    it("a restart leaves nothing open: a new boot listens anew", () => {
      const rig = new Scripted();
      rig.content = pattern(20_000);
      const phone = rig.phone();
      const lines = [phone.send("GET"), phone.send(""), phone.send(GET)];
      rig.world.run(300);
      rig.reset();
      rig.start();
      rig.content = pattern(100);
      assert.ok(phone.join(BOX));
      const line = phone.send(GET);
      rig.world.run(1000);
      assert.equal(line.bytes.length, 100);
      assert.ok(
        lines.every((each) => !each.hasEnded),
        "those of before were never told",
      );
      assert.equal(rig.visits, 0);
    });

    it("deep sleep is not kept away, and nobody is answered any more", () => {
      const rig = new Scripted();
      const phone = rig.phone();
      phone.send("GET");
      rig.world.run(300);
      new rig.adapters.Power().sleep(0, false);
      rig.world.run(60_000);
      assert.equal(rig.world.board.state, "asleep");
      assert.equal(phone.isConnected, false);
    });
  });

  describe("names", () => {
    it("each question is handed over as it came, and its answer goes to who asked", () => {
      const rig = new Scripted();
      rig.onQuery = (query) => dnsAnswer(query, Uint8Array.of(192, 168, 4, 1));
      const phones = [rig.phone(), rig.phone()];
      const questions = ["captive.apple.com", "connectivitycheck.gstatic.com", "a"].flatMap((name) =>
        phones.map((phone) => phone.query(name)),
      );
      rig.world.run(100);
      assert.equal(rig.queries.length, 6);
      for (const [at, question] of questions.entries()) {
        assert.equal(question.message?.answers[0]?.address, "192.168.4.1", `question ${at}`);
      }
    });

    it("a question without an answer gets none, and the next one is answered", () => {
      const rig = new Scripted();
      rig.onQuery = (query) => (query.length < 12 ? undefined : dnsAnswer(query, Uint8Array.of(192, 168, 4, 1)));
      const phone = rig.phone();
      const questions = [phone.ask(Uint8Array.of(1, 2, 3)), phone.query("a.b"), phone.ask(new Uint8Array(0))];
      rig.world.run(6000);
      assert.deepEqual(
        questions.map((question) => question.failure),
        ["no answer", undefined, "no answer"],
      );
    });

    it("an answer that cannot be sent is dropped: the phone asks again", () => {
      const rig = new Scripted();
      rig.onQuery = (query) => {
        rig.station.off();
        return query;
      };
      const question = rig.phone().query("a.b");
      rig.world.run(6000);
      assert.equal(question.failure, "no answer");
      assert.equal(rig.queries.length, 1);
      assert.equal(rig.world.board.crashes, 0);
    });
  });
});

describe("PortalServer with the portal", () => {
  class Setup extends Rig {
    readonly portal: Portal;

    constructor() {
      super();
      const facts = { chipId: 5750, firmware: "1", ssid: "", host: "", port: 1883, root: "", mode: "", wiring: "" };
      const handler = {
        closesAt: 0,
        onTry: () => "",
        onMore() {},
        onScan() {},
        quoted: (text: string) => JSON.stringify(text),
      };
      this.portal = new Portal(handler, { ...facts, hasUser: false, convention: "home-assistant" });
      const address = Uint8Array.of(192, 168, 4, 1);
      this.open({ accept: (now) => this.portal.accept(now), answer: (query) => dnsAnswer(query, address) });
    }
  }

  const page = Buffer.from(PAGE).toString();

  it("gives the page to three at once and a plain end to the fourth", () => {
    const rig = new Setup();
    const phones = [rig.phone(), rig.phone(), rig.phone(), rig.phone()];
    const answers = phones.map((phone) => phone.request("GET", "/"));
    rig.world.run(3000);
    assert.deepEqual(
      answers.map((answer) => answer.status),
      [200, 200, 200, 0],
    );
    for (const answer of answers.slice(0, 3)) assert.ok(answer.body === page);
    assert.ok(answers[3]?.isDone);
    assert.equal(phones[3]?.request("GET", "/").failure, undefined);
    rig.world.run(3000);
    rig.assertEmpty();
  });

  it("one after the other, a hundred times, and nothing is left", () => {
    const rig = new Setup();
    const phone = rig.phone();
    for (let i = 0; i < 100; i += 1) {
      const answer = phone.request("GET", i % 2 === 0 ? "/status" : "/generate_204");
      rig.world.run(500);
      assert.equal(answer.status, i % 2 === 0 ? 200 : 302, `request ${i}`);
    }
    rig.assertEmpty();
  });

  it("takes a form and answers with the status", () => {
    const rig = new Setup();
    const body = `ssid=${encodeURIComponent("Čvorište 🦗")}&wifiPassword=${"%C4%8D".repeat(300)}`;
    const answer = rig.phone().request("POST", "/try", { body });
    rig.world.run(1000);
    assert.equal((JSON.parse(answer.body) as { phase: string }).phase, "trying");
    rig.world.run(1000);
    rig.assertEmpty();
  });

  it("slow, half-sent and endless requests end within 5 s of their beginning, 15 with an answer; others are served", () => {
    const rig = new Setup();
    const rude = [
      rig.phone().send(`${GET}`, { pieceBytes: 1, everyMs: 2000 }),
      rig.phone().send("POST /try HTTP/1.1\r\nContent-Length: 2000\r\n\r\nssid="),
    ];
    const good = rig.phone();
    for (let i = 0; i < 10; i += 1) {
      const answer = good.request("GET", "/status");
      rig.world.run(400);
      assert.equal(answer.status, 200, `request ${i}`);
    }
    rig.world.run(1200);
    assert.ok(rude.every((line) => line.isDone && line.text === ""));
    const endless = good.send(`GET /${"x".repeat(1_000_000)}`, { pieceBytes: 500, everyMs: 5 });
    rig.world.run(5200);
    assert.ok(endless.isDone);
    rig.world.run(15_000);
    rig.assertEmpty();
  });

  it("a phone that goes away in the middle of the page holds its place for 15 s at most", () => {
    const rig = new Setup();
    const phone = rig.phone();
    const answer = phone.request("GET", "/");
    rig.world.runUntil(() => answer.bytes.length > 2000, 1000);
    phone.leave();
    rig.world.run(14_000);
    assert.equal(rig.visits, 1);
    rig.world.run(1200);
    assert.equal(rig.visits, 0);
    const next = rig.phone().request("GET", "/");
    rig.world.run(3000);
    assert.ok(next.body === page);
  });

  it("each name is the box, and a broken question is survived", () => {
    const rig = new Setup();
    const phone = rig.phone();
    const questions = [phone.query("www.google.com"), phone.query("www.google.com", "AAAA"), phone.query("x", 65)];
    for (let length = 0; length < 30; length += 1) phone.ask(dnsQuery(1, "broken.example", 1).slice(0, length));
    rig.world.run(100);
    const [a, aaaa, https] = questions.map((question) => question.message);
    assert.deepEqual(
      a?.answers.map((answer) => answer.address),
      ["192.168.4.1"],
    );
    assert.deepEqual([aaaa?.code, aaaa?.answers.length, https?.code, https?.answers.length], [0, 0, 0, 0]);
    const again = phone.query("after.example");
    rig.world.run(100);
    assert.equal(again.message?.answers.length, 1);
    assert.equal(rig.world.board.crashes, 0);
  });
});

// The phone: requests, raw bytes and questions, and how each can fail. The box is a small server in the test.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { UDPInstance } from "../../host-sim/modules/embedded/io/socket/udp.js";
import type { Answer, RequestOptions } from "../../host-sim/phone.js";
import { World } from "../../host-sim/world.js";
import { Table } from "./online.js";
import { firmware } from "./rig.js";

const box = "AlertBox-5750";

interface Socket {
  read(): ArrayBuffer;
  write(bytes: Uint8Array): number;
  close(): void;
}

/** A box whose server gives the same text to everybody, in pieces, and may close then. */
function serving(text: string, options: { closes?: boolean; pieces?: number } = {}) {
  const table = new Table();
  table.WiFi.accessPoint({ ssid: box });
  let request = "";
  const Listener = table.chip.use<new (options: object) => { read(): object }>("embedded:io/socket/listener");
  const listener = new Listener({
    port: 80,
    onReadable() {
      let piece = 0;
      const pieces = options.pieces ?? 1;
      const size = Math.ceil(text.length / pieces);
      const socket = new table.TCP({
        from: listener.read(),
        onReadable() {
          request += new TextDecoder().decode((socket as unknown as Socket).read());
          if (piece === 0) answer();
        },
        onWritable() {
          if (piece > 0) answer();
        },
      });
      const answer = (): void => {
        if (piece < pieces) {
          socket.write(new TextEncoder().encode(text.slice(piece * size, (piece + 1) * size)));
          piece += 1;
        } else if (options.closes === true) {
          socket.close();
        }
      };
    },
  });
  const phone = table.phone();
  phone.join(box);
  return { table, phone, request: () => request };
}

function get(text: string, options: { closes?: boolean; pieces?: number; request?: RequestOptions; method?: string }) {
  const { table, phone } = serving(text, options);
  const answer = phone.request(options.method ?? "GET", "/", options.request);
  table.clock.run(5_000);
  return answer;
}

function outcome(answer: Answer): unknown[] {
  return [answer.failure, answer.status, answer.body];
}

describe("Phone", () => {
  describe("request", () => {
    it("sends what a browser sends", () => {
      const { table, phone, request } = serving("");
      phone.request("POST", "/save?x", { host: "captive.apple.com", body: "a=č", headers: { Accept: "*/*" } });
      table.clock.run(300);
      assert.equal(
        request(),
        "POST /save?x HTTP/1.1\r\nHost: captive.apple.com\r\nContent-Type: application/x-www-form-urlencoded\r\n" +
          "Content-Length: 4\r\nAccept: */*\r\n\r\na=č",
      );
      const old = serving("");
      old.phone.request("GET", "/", { http: "1.0", host: "" });
      old.table.clock.run(300);
      assert.equal(old.request(), "GET / HTTP/1.0\r\n\r\n");
    });

    const good: [string, string, object, unknown[]][] = [
      ["a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello", {}, [undefined, 200, "hello"]],
      ["the end", "HTTP/1.0 302 Found\r\nLocation: /\r\n\r\nhe", { closes: true }, [undefined, 302, "he"]],
      ["no body", "HTTP/1.1 204 No Content\r\n\r\n", {}, [undefined, 204, ""]],
      ["HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", { method: "HEAD" }, [undefined, 200, ""]],
      [
        "chunks",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x\r\nwiki\r\na\r\n0123456789\r\n0\r\n\r\n",
        { pieces: 9 },
        [undefined, 200, "wiki0123456789"],
      ],
    ];
    for (const [what, text, options, expected] of good) {
      it(`knows the end of an answer by ${what}`, () => {
        const answer = get(text, options);
        assert.deepEqual(outcome(answer), expected);
        assert.ok((answer.endedAt ?? 0) > answer.startedAt);
      });
    }

    it("has the headers in small letters", () => {
      const answer = get("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nCache-Control:  no-store \r\n\r\n", {});
      assert.deepEqual(answer.headers, { "content-length": "0", "cache-control": "no-store" });
    });

    const bad: [string, string, object, string][] = [
      ["no status", "hello\r\n\r\n", {}, "malformed"],
      ["a header without a name", "HTTP/1.1 200 OK\r\n: x\r\n\r\n", {}, "malformed"],
      ["a length that is none", "HTTP/1.1 200 OK\r\nContent-Length: 5x\r\n\r\n", {}, "malformed"],
      ["a bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", {}, "malformed"],
      ["an early end", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", { closes: true }, "cut short"],
      ["an end in the head", "HTTP/1.1 200", { closes: true }, "cut short"],
      ["patience", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", { request: { patienceMs: 900 } }, "too late"],
    ];
    for (const [what, text, options, failure] of bad) {
      it(`fails by ${what}: ${failure}`, () => assert.equal(get(text, options).failure, failure));
    }

    it("fails without a network, where nobody listens, and when it is reset", () => {
      const { table, phone } = serving("");
      const answers = [phone.request("GET", "/")];
      table.clock.run(100);
      table.network.dropConnections();
      table.clock.run(10);
      phone.leave();
      answers.push(phone.request("GET", "/"));
      assert.equal(phone.query("a").failure, "no answer");
      assert.equal(phone.send("x").failure, "no answer");
      const other = new Table();
      other.WiFi.accessPoint({ ssid: box });
      const stranger = other.phone();
      stranger.join(box);
      answers.push(stranger.request("GET", "/"));
      other.clock.run(100);
      assert.deepEqual(
        answers.map((answer) => answer.failure),
        ["reset", "no answer", "refused"],
      );
    });
  });

  describe("send", () => {
    it("sends slowly, hears what comes, and says good-bye when told to", () => {
      const { table, phone, request } = serving("hi");
      const line = phone.send("GET / HT", { pieceBytes: 2, everyMs: 1_000, closes: true });
      table.clock.run(1_100);
      assert.equal(request(), "GET ");
      table.clock.run(4_000);
      assert.deepEqual([request(), line.text, line.isDone], ["GET / HT", "hi", false]);
    });
  });

  describe("query", () => {
    /** A box that answers each question with these bytes after the id. */
    function answering(bytes: number[]) {
      const table = new Table();
      table.WiFi.accessPoint({ ssid: box });
      const asked: number[][] = [];
      const UDP = table.chip.use<new (options: object) => UDPInstance>("embedded:io/socket/udp");
      const socket: UDPInstance = new UDP({
        port: 53,
        onReadable() {
          const packet = socket.read();
          if (packet === undefined) return;
          asked.push([...new Uint8Array(packet)]);
          const id = new Uint8Array(packet).subarray(0, 2);
          if (bytes.length > 0) socket.write(Uint8Array.of(...id, ...bytes), packet.address, packet.port);
        },
      });
      const phone = table.phone();
      phone.join(box);
      return { table, phone, asked };
    }

    const head = [0x85, 0x80, 0, 1, 0, 1, 0, 0, 0, 0];
    const name = [1, 97, 2, 98, 99, 0];
    const record = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 168, 4, 1];

    it("asks and reads the answer, compressed names too", () => {
      const { table, phone, asked } = answering([...head, ...name, 0, 1, 0, 1, ...record]);
      const question = phone.query("a.bc");
      assert.equal(question.isDone, false);
      table.clock.run(20);
      const { message } = question;
      assert.deepEqual(asked[0]?.slice(2), [1, 0, 0, 1, 0, 0, 0, 0, 0, 0, ...name, 0, 1, 0, 1]);
      assert.deepEqual(message?.questions, [{ name: "a.bc", type: 1, class: 1 }]);
      assert.deepEqual(
        message?.answers.map(({ name, type, ttl, address }) => [name, type, ttl, address]),
        [["a.bc", 1, 60, "192.168.4.1"]],
      );
      assert.deepEqual([message?.isAnswer, message?.isAuthoritative, message?.code], [true, true, 0]);
      assert.deepEqual([message?.wantsRecursion, message?.offersRecursion, message?.isTruncated], [true, true, false]);
    });

    it("can add EDNS, ask any type, and gives up after 5 s", () => {
      const { table, phone, asked } = answering([]);
      const questions = [phone.query("", 65, { edns: true }), phone.query("x", "AAAA", { patienceMs: 100 })];
      table.clock.run(4_999);
      assert.deepEqual(asked[0]?.slice(10), [0, 1, 0, 0, 65, 0, 1, 0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]);
      assert.deepEqual(
        questions.map((question) => question.failure),
        [undefined, "no answer"],
      );
      table.clock.run(1);
      assert.equal(questions[0]?.failure, "no answer");
      assert.throws(() => phone.query("x".repeat(64)), RangeError);
    });

    const broken: [string, number[]][] = [
      ["cut short", [...head, ...name, 0, 1]],
      ["with bytes behind it", [0x85, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1]],
      ["with a pointer to itself", [...head, 0xc0, 12, 0, 1, 0, 1, ...record]],
      ["with a label of another kind", [...head, 0x80, 0, 0, 1, 0, 1, ...record]],
    ];
    for (const [what, bytes] of broken) {
      it(`calls a message ${what} malformed`, () => {
        const { table, phone } = answering(bytes);
        const question = phone.ask(Uint8Array.of(1, 2, 3));
        table.clock.run(20);
        assert.deepEqual([question.failure, question.message, question.isDone], ["malformed", undefined, true]);
        assert.equal(question.bytes?.byteLength, bytes.length + 2);
      });
    }
  });

  it("comes with a world, one after the other", () => {
    const world = new World({
      board: {
        image: firmware((chip) => {
          chip.use<{ accessPoint(options: object): void }>("wifi").accessPoint({ ssid: box });
        }),
      },
    });
    const phones = [world.phone(), world.phone()];
    assert.equal(world.board.state, "booting");
    world.run(200);
    for (const phone of phones) assert.equal(phone.join(box), true);
    assert.deepEqual(
      phones.map((phone) => phone.address),
      ["192.168.4.2", "192.168.4.3"],
    );
  });
});

// The capture, read back byte by byte, and by Wireshark's own tshark where that is installed: well-formed packets whose
// streams are what was on the wire, and no password.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { Capture, CaptureFile, CaptureFileError } from "../../host-sim/capture.js";
import type { Traffic } from "../../host-sim/network.js";
import { fileHeader, PcapWriter } from "../../host-sim/pcap.js";
import { World, type WorldBoardOptions } from "../../host-sim/world.js";
import { needs } from "../interop/brokers/broker.js";

const STARTED_AT = Date.UTC(2026, 10, 23, 12);
const SECRET = "hush hush";

interface Segment {
  readonly seconds: number;
  readonly from: string;
  readonly to: string;
  readonly flags: number;
  readonly sequence: number;
  readonly acknowledges: number;
  readonly payload: Buffer;
}

/** Reads a capture; every length and checksum in it must be right. */
function read(file: Uint8Array): Segment[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  assert.equal(view.getUint32(0, true), 0xa1b2c3d4);
  assert.equal(view.getUint32(20, true), 101);
  const segments: Segment[] = [];
  for (let at = 24; at < file.byteLength; ) {
    const length = view.getUint32(at + 8, true);
    assert.equal(view.getUint32(at + 12, true), length);
    const seconds = view.getUint32(at, true) + view.getUint32(at + 4, true) / 1e6;
    const packet = Buffer.from(file.subarray(at + 16, at + 16 + length));
    at += 16 + length;
    assert.equal(packet[0], 0x45);
    assert.equal(packet.readUInt16BE(2), length);
    assert.equal(packet[9], 6, "TCP");
    assert.equal(onesSum(packet.subarray(0, 20)), 0xffff, "IP checksum");
    const pseudo = Buffer.concat([packet.subarray(12, 20), Buffer.of(0, 6, (length - 20) >> 8, (length - 20) & 255)]);
    assert.equal(onesSum(Buffer.concat([pseudo, packet.subarray(20)])), 0xffff, "TCP checksum");
    segments.push({
      seconds,
      from: `${packet.subarray(12, 16).join(".")}:${packet.readUInt16BE(20)}`,
      to: `${packet.subarray(16, 20).join(".")}:${packet.readUInt16BE(22)}`,
      flags: packet.readUInt16BE(32) & 0x1ff,
      sequence: packet.readUInt32BE(24),
      acknowledges: packet.readUInt32BE(28),
      payload: packet.subarray(40),
    });
  }
  return segments;
}

function onesSum(bytes: Buffer): number {
  let sum = 0;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  return sum;
}

function capture(world: World): { readonly taken: Capture; readonly heard: Traffic[] } {
  const taken = new Capture(STARTED_AT);
  const heard: Traffic[] = [];
  world.network.onTraffic((traffic) => {
    heard.push(traffic);
    taken.heard(traffic);
  });
  return { taken, heard };
}

/** One press of a box, with a user name and a password, and the broker gone at the end. */
function pressed(options: WorldBoardOptions = {}): { readonly file: Uint8Array; readonly heard: readonly Traffic[] } {
  const settings = { user: "me", password: SECRET };
  const world = new World({ board: { settings, powered: false, ...options } });
  const { taken, heard } = capture(world);
  world.board.powerOn();
  world.run(20_000);
  world.press();
  world.run(5000);
  world.broker.stop();
  world.run(1000);
  world.close();
  return { file: taken.bytes, heard };
}

const traffic = (type: Traffic["type"], direction: Traffic["direction"], changes: Partial<Traffic> = {}): Traffic => ({
  at: 0,
  chipId: 5750,
  connection: 1,
  port: 1883,
  type,
  direction,
  bytes: new Uint8Array(0),
  ...changes,
});

function written(...all: readonly Traffic[]): Segment[] {
  const records: Uint8Array[] = [];
  const writer = new PcapWriter(STARTED_AT, (record) => records.push(record));
  for (const each of all) writer.heard(each);
  return read(Buffer.concat([fileHeader(), ...records]));
}

describe("host-sim/pcap", () => {
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "alertbox-pcap-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  it("gives each stream as it was on the wire, at its time, between a board and its broker", () => {
    const { file, heard } = pressed();
    const segments = read(file);
    const connection = heard.findLast(({ type }) => type === "open")?.connection ?? 0;
    const board = `10.0.22.118:${49_152 + connection}`;
    for (const direction of ["up", "down"] as const) {
      const from = direction === "up" ? board : "192.0.2.1:1883";
      const to = direction === "up" ? "192.0.2.1:1883" : board;
      const sent = Buffer.concat(
        segments.filter((each) => each.from === from && each.to === to).map((each) => each.payload),
      );
      const passed = heard.filter((each) => each.connection === connection && each.direction === direction);
      const bytes = Buffer.concat(passed.map((each) => each.bytes));
      const shown = Buffer.from(bytes.toString("latin1").replace(SECRET, "*".repeat(SECRET.length)), "latin1");
      assert.deepEqual(sent, shown, direction);
    }
    const open = heard.find(({ type }) => type === "open");
    assert.ok(Math.abs((segments[0]?.seconds ?? 0) - (STARTED_AT + (open?.at ?? 0)) / 1000) < 1e-3);
    assert.equal(Buffer.from(file).includes(SECRET), false);
  });

  it("counts as TCP does, handshake and end included", () => {
    const bytes = Buffer.alloc(2000, 0xc0);
    const segments = written(
      traffic("open", "up"),
      traffic("data", "up", { bytes }),
      traffic("data", "down", { bytes: bytes.subarray(0, 3) }),
      traffic("end", "down"),
      traffic("end", "up"),
      traffic("data", "up", { bytes }),
    );
    assert.deepEqual(
      segments.map(({ from, flags, sequence, acknowledges, payload }) => [
        from.startsWith("10.") ? "up" : "down",
        flags,
        sequence,
        acknowledges,
        payload.length,
      ]),
      [
        ["up", 0x02, 0, 0, 0],
        ["down", 0x12, 0, 1, 0],
        ["up", 0x10, 1, 1, 0],
        ["up", 0x18, 1, 1, 1460],
        ["up", 0x18, 1461, 1, 540],
        ["down", 0x10, 1, 2001, 0],
        ["down", 0x18, 1, 2001, 3],
        ["up", 0x10, 2001, 4, 0],
        ["down", 0x11, 4, 2001, 0],
        ["up", 0x10, 2001, 5, 0],
        ["up", 0x11, 2001, 5, 0],
        ["down", 0x10, 5, 2002, 0],
      ],
    );
  });

  it("shows a refusal and a reset, and no connection to the board itself", () => {
    const password = Buffer.from(`POST / HTTP/1.1\r\n\r\npassword=${SECRET}`);
    const segments = written(
      traffic("reset", "down", { connection: 2 }),
      traffic("open", "down", { connection: 3, port: 80 }),
      traffic("data", "up", { connection: 3, port: 80, bytes: password }),
      traffic("reset", "down", { connection: 3, port: 80 }),
      traffic("open", "up"),
      traffic("reset", "up"),
    );
    assert.deepEqual(
      segments.map(({ flags }) => flags),
      [0x02, 0x14, 0x02, 0x12, 0x10, 0x14],
    );
  });

  it("forgets connections that boards without power left open", () => {
    const opens = Array.from({ length: 300 }, (_, index) => traffic("open", "up", { connection: index + 1 }));
    const data = (connection: number) => traffic("data", "up", { connection, bytes: Uint8Array.of(0xc0, 0) });
    const segments = written(...opens, data(1), data(300));
    const sent = segments.filter(({ payload }) => payload.length > 0);
    assert.deepEqual(
      sent.map(({ from }) => from),
      [`10.0.22.118:${49_152 + 300}`],
    );
  });

  it("keeps the last eight megabytes", () => {
    const taken = new Capture(STARTED_AT);
    taken.heard(traffic("open", "up"));
    const bytes = Buffer.alloc(1460, 0xc0);
    for (let count = 0; count < 10_000; count++) taken.heard(traffic("data", "up", { bytes, at: count }));
    const { bytes: file } = taken;
    assert.ok(file.byteLength > 5.9 * 2 ** 20 && file.byteLength <= 8 * 2 ** 20 + 24, `${file.byteLength}`);
    const segments = read(file);
    assert.equal(segments.at(-1)?.seconds, (STARTED_AT + 9999) / 1000);
  });

  it("writes a file as it happens, and says what is wrong with one that cannot be written", () => {
    const path = join(folder, "live.pcap");
    const file = new CaptureFile(path);
    const taken = new Capture(STARTED_AT, file);
    taken.heard(traffic("open", "up"));
    assert.deepEqual(readFileSync(path), Buffer.from(taken.bytes));
    taken.heard(traffic("data", "up", { bytes: Uint8Array.of(0xc0, 0) }));
    assert.deepEqual(readFileSync(path), Buffer.from(taken.bytes));
    file.close();
    taken.heard(traffic("reset", "up"));
    assert.ok(readFileSync(path).length < taken.bytes.length);
    assert.throws(
      () => new CaptureFile(join(folder, "missing", "x.pcap")),
      (error) =>
        error instanceof CaptureFileError && /^--pcap .*x\.pcap: it cannot be written \(ENOENT\)/.test(error.message),
    );
  });

  it("says once that nothing more can be written, and goes on without", async () => {
    assert.throws(() => new CaptureFile("/dev/full"), /it cannot be written \(ENOSPC\); name another file/);
    const path = join(folder, "pipe");
    assert.equal(spawnSync("mkfifo", [path]).status, 0);
    // A reader that takes the header and goes away.
    const reader = spawn("head", ["-c", "24", path], { stdio: "ignore" });
    const file = new CaptureFile(path);
    await once(reader, "exit");
    const failures: string[] = [];
    file.onFailure = (message) => failures.push(message);
    file.write(Uint8Array.of(1));
    file.write(Uint8Array.of(2));
    assert.deepEqual(failures, [`--pcap ${path}: it cannot be written (EPIPE); name another file`]);
    file.close();
  });

  describe("read by Wireshark", () => {
    let path: string;

    /** What tshark says of the capture, a line each. */
    function tshark(...words: readonly string[]): string[] {
      const { stdout, stderr, status } = spawnSync("tshark", ["-n", "-r", path, ...words], { encoding: "utf8" });
      assert.equal(status, 0, stderr);
      return stdout.split("\n").filter((line) => line !== "");
    }

    before(function () {
      needs(this, { tshark: ["tshark"] });
      path = join(folder, "press.pcap");
      writeFileSync(path, pressed().file);
    });

    it("it finds MQTT in it, packet by packet", () => {
      const fields = tshark(
        "-Y",
        "mqtt",
        "-T",
        "fields",
        "-e",
        "mqtt.msgtype",
        "-e",
        "mqtt.topic",
        "-e",
        "mqtt.clientid",
      );
      const types = fields.join("\n");
      assert.match(types, /^1\tmresetar|^1\t\talertbox5750/m);
      assert.match(types, /^3\tmresetar\/alertbox\/5750\/alert\t$/m);
      for (const type of [2, 5, 6, 7, 8, 9, 14])
        assert.match(types, new RegExp(`^(\\d+,)*${type}[,\\t]`, "m"), `${type}`);
    });

    it("it has nothing to complain about", () => {
      const checks = ["-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE"];
      const bad = "_ws.malformed || ip.checksum.status == 0 || tcp.checksum.status == 0 || tcp.analysis.flags";
      assert.deepEqual(tshark(...checks, "-Y", bad), []);
      assert.ok(tshark(...checks, "-Y", "tcp.checksum.status == 1").length > 20);
    });

    it("it shows no password", () => {
      assert.deepEqual(tshark("-Y", "mqtt.passwd", "-T", "fields", "-e", "mqtt.passwd")[0], "*".repeat(SECRET.length));
    });
  });
});

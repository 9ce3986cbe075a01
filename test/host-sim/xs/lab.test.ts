// The process and its FIFOs, with a process of the test's own that has no engine: every frame and every value there and
// back, in any pieces, and what happens when the process dies, hangs or babbles.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";
import { type Answer, type Answering, type CreationRecord, Lab, LabDied } from "../../../host-sim/xs/lab.js";
import { Ended, nothingReleased, type Released } from "../../../host-sim/xs/messages.js";

const FAKE = fileURLToPath(new URL("fake-lab.mjs", import.meta.url));

const RECORD: CreationRecord = {
  static: 32768,
  stack: 256,
  heap: { initial: 512, incremental: 64 },
  chunk: { initial: 1536, incremental: 512 },
  keys: { initial: 32, incremental: 0 },
};

/** Answers with what the test says, and writes down what it was asked. */
class Rig implements Answering {
  readonly asked: { index: number; self: number; values: readonly unknown[] }[] = [];
  readonly known = new Map<object, { handle: number; line: number }>();
  answer: Answer = { type: "value", value: undefined };
  waiting: Released = nothingReleased;
  now: number | undefined;

  call(index: number, self: number, values: readonly unknown[]): Answer {
    this.asked.push({ index, self, values });
    return this.answer;
  }

  released(): Released {
    const released = this.waiting;
    this.waiting = nothingReleased;
    return released;
  }

  ticks(): number | undefined {
    return this.now;
  }

  object(handle: number): object {
    return { handle };
  }

  native(line: number): unknown {
    return `native ${line}`;
  }

  callback(id: number): (...values: unknown[]) => unknown {
    return () => id;
  }

  reference(object: object): { handle: number; line: number } | undefined {
    return this.known.get(object);
  }
}

function withLab<T>(script: string, use: (lab: Lab, rig: Rig, printed: string[]) => T, seconds = 20): T {
  const printed: string[] = [];
  const lab = new Lab({
    command: (to, from) => [process.execPath, FAKE, script, to, from],
    seconds,
    print: (text) => printed.push(text),
  });
  try {
    return use(lab, new Rig(), printed);
  } finally {
    lab.close();
  }
}

/** The hex of a value as the process sends it. */
function hex(...parts: (number | string)[]): string {
  const bytes = parts.flatMap((part) => (typeof part === "number" ? [part] : [...Buffer.from(part)]));
  return Buffer.from(bytes).toString("hex");
}

describe("a lab process", () => {
  it("says that it is ready", () => {
    withLab("done", (lab) => {
      assert.equal(lab.greeting, "hello");
      assert.equal(lab.isAlive, true);
    });
  });

  it("boots with the record, and tells how that ended and what it took", () => {
    withLab("echo", (lab, rig) => {
      const done = lab.boot(RECORD, rig);
      const body = Buffer.from(done.text, "hex");
      assert.equal(body[0], 16);
      assert.deepEqual(
        Array.from({ length: 8 }, (_, each) => body.readUInt32LE(5 + 4 * each)),
        [32768, 256, 512, 64, 1536, 512, 32, 0],
      );
      assert.equal(done.status, Ended.EXCEPTION);
      assert.deepEqual(done.meter, {
        instructions: 1 + 2 * 2 ** 32,
        collections: 3,
        stackSlots: 4,
        cStackBytes: 5,
        slotsBefore: 6,
        chunkBytesBefore: 7,
        slotsAfter: 8,
        chunkBytesAfter: 9,
        remoteInstructions: 10,
      });
    });
  });

  const values: [string, string, unknown][] = [
    ["undefined", hex(0), undefined],
    ["null", hex(1), null],
    ["false", hex(2), false],
    ["true", hex(3), true],
    ["an integer", hex(4, 0xfe, 0xff, 0xff, 0xff), -2],
    ["a number", hex(5, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f), 1.5],
    ["a string", hex(6, 7, 0, 0, 0, "čvrč!"), "čvrč!"],
    ["an object", hex(8, 5, 0, 0, 0, 0xff, 0xff), { handle: 5 }],
    ["options", hex(9, 2, 0, 1, 0, 0, 0, "a", 3, 2, 0, 0, 0, "bc", 1), { a: true, bc: null }],
    ["a native", hex(11, 9, 0), "native 9"],
  ];
  it(`passes on ${values.map(([name]) => name).join(", ")}, also in pieces of a few bytes`, () => {
    for (const pieces of [1, 5]) {
      withLab(`${values.map(([, bytes]) => `call ${bytes} ${pieces},`).join("")}done`, (lab, rig) => {
        lab.boot(RECORD, rig);
        const expected = values.map(([, , value]) => ({ index: 7, self: 3, values: [value] }));
        assert.deepEqual(rig.asked, expected);
      });
    }
  });

  it("passes bytes and callbacks on", () => {
    withLab(`call ${hex(7, 2, 0, 0, 0, 8, 9)},call ${hex(10, 6, 0, 0, 0)},done`, (lab, rig) => {
      lab.boot(RECORD, rig);
      assert.deepEqual(rig.asked[0]?.values, [Uint8Array.of(8, 9).buffer]);
      const [callback] = rig.asked[1]?.values ?? [];
      assert.equal((callback as () => number)(), 6);
    });
  });

  const answers = [undefined, null, true, false, 0, -1, 2 ** 31, -0, 0.5, "", "čvrčak na čvoru", { a: { b: 1 } }];
  it(`answers with ${answers.map((each) => JSON.stringify(each)).join(", ")}, and minus zero`, () => {
    withLab(answers.map(() => "call 00,done").join(), (lab, rig) => {
      for (const value of answers) {
        rig.answer = { type: "value", value };
        assert.deepEqual(lab.boot(RECORD, rig).result, value);
      }
    });
  });

  it("answers with bytes, and with bytes that have properties", () => {
    withLab("call 00,done,call 00,echo", (lab, rig) => {
      rig.answer = { type: "value", value: Uint8Array.of(1, 2, 3) };
      assert.deepEqual(lab.boot(RECORD, rig).result, Uint8Array.of(1, 2, 3).buffer);
      rig.answer = { type: "value", value: Object.assign(Uint8Array.of(4).buffer, { port: 53, address: "10.0.0.9" }) };
      const expected = hex(12, 1, 0, 0, 0, 4, 2, 0, 4, 0, 0, 0, "port", 4, 53, 0, 0, 0) + hex(7, 0, 0, 0, "address");
      const { text } = lab.invoke(1, 0, [], rig);
      assert.equal(text, `20${"00".repeat(4)}${expected}${hex(6, 8, 0, 0, 0, "10.0.0.9")}`);
    });
  });

  it("answers with a known object by its number and class", () => {
    withLab("call 00,echo", (lab, rig) => {
      const object = new (class Thing {})();
      rig.known.set(object, { handle: 0x80000001, line: 4 });
      rig.answer = { type: "value", value: object };
      assert.equal(lab.boot(RECORD, rig).text, `20${"00".repeat(4)}${hex(8, 1, 0, 0, 0x80, 4, 0)}`);
    });
  });

  it("has no form for functions and arrays of the simulator", () => {
    for (const value of [() => 1, [1]]) {
      withLab("call 00,done", (lab, rig) => {
        rig.answer = { type: "value", value };
        assert.throws(() => lab.boot(RECORD, rig), /cannot pass on/);
      });
    }
  });

  it("answers with bytes to fill in, with errors by their kind, and with the end of the boot", () => {
    const given: [Answer, string][] = [
      [{ type: "fill", bytes: Uint8Array.of(1, 2) }, `21${"00".repeat(4)}020000000102`],
      [{ type: "throw", error: new Error("e") }, `22${"00".repeat(4)}000100000065`],
      [{ type: "throw", error: new TypeError("t") }, `22${"00".repeat(4)}010100000074`],
      [{ type: "throw", error: new RangeError("r") }, `22${"00".repeat(4)}020100000072`],
      [{ type: "throw", error: "s" }, `22${"00".repeat(4)}000100000073`],
      [{ type: "halt" }, `23${"00".repeat(4)}`],
    ];
    withLab(given.map(() => "call 00,echo").join(), (lab, rig) => {
      for (const [answer, expected] of given) {
        rig.answer = answer;
        assert.equal(lab.boot(RECORD, rig).text, expected);
      }
    });
  });

  it("is told what it may forget, before each frame", () => {
    withLab("echo,live", (lab, rig) => {
      rig.waiting = { objects: [3, 4], callbacks: [9] };
      assert.equal(
        lab.invoke(5, 6, ["x"], rig).text.slice(0, 38),
        "110200030000000400000001000900000005000000".slice(0, 38),
      );
      assert.equal(lab.collect(true, rig).slots, 1);
    });
  });

  it("is told what the clock shows, with each frame, when there is a clock", () => {
    withLab("echo,call 00,echo", (lab, rig) => {
      rig.now = -2;
      assert.equal(lab.boot(RECORD, rig).text.slice(0, 26), `1000000000feffffff${hex(0, 0x80, 0, 0)}`);
      assert.equal(lab.invoke(5, 0, [], rig).text, "2000000000feffffff00");
    });
  });

  it("collects garbage, calls the abort hook, ends a machine", () => {
    withLab("live,done,echo", (lab, rig) => {
      assert.deepEqual(lab.collect(true, rig), {
        slots: 1,
        chunkBytes: 2,
        free: 3,
        smallestFree: 4,
        instructions: 5,
        slotsReserved: 6,
        chunkBytesReserved: 7,
        keys: 8,
      });
      assert.equal(lab.abort(rig).status, Ended.OK);
      lab.end(rig);
    });
  });

  it("prints what the engine says", () => {
    withLab("print one line,now done", (lab, rig, printed) => {
      lab.boot(RECORD, rig);
      assert.deepEqual(printed, ["one line"]);
    });
  });

  it("does not let firmware be called from inside a call", () => {
    withLab("call 00,done", (lab, rig) => {
      rig.call = () => {
        assert.equal(lab.isBusy, true);
        assert.throws(() => lab.invoke(1, 0, [], rig), /busy/);
        return { type: "halt" };
      };
      lab.boot(RECORD, rig);
    });
  });

  it("that dies says so with its status and its last words, and stays dead", () => {
    withLab("exit 70", (lab, rig) => {
      assert.throws(
        () => lab.boot(RECORD, rig),
        (error) => error instanceof LabDied && error.status === 70 && /something broke/.test(error.message),
      );
      assert.equal(lab.isAlive, false);
      assert.throws(() => lab.boot(RECORD, rig), /something broke/);
    });
  });

  it("that hangs is ended when its time is up", () => {
    withLab("hang", (lab, rig) => assert.throws(() => lab.boot(RECORD, rig), /its time was up/), 2);
  });

  it("that cannot be started is dead at once", () => {
    assert.throws(() => new Lab({ command: () => ["/nonexistent/lab"], print: () => {} }), LabDied);
  });

  it("that babbles is a fault of the harness", () => {
    withLab("odd", (lab, rig) => assert.throws(() => lab.boot(RECORD, rig), /frame of type 99/));
    withLab("call 2a,done", (lab, rig) => assert.throws(() => lab.boot(RECORD, rig), /unknown tag 42/));
    withLab("call 06ffff0000,done", (lab, rig) => assert.throws(() => lab.boot(RECORD, rig), /too short/));
  });

  it("that was closed says so", () => {
    withLab("done", (lab, rig) => {
      lab.close();
      lab.close();
      assert.throws(() => lab.boot(RECORD, rig), /closed/);
    });
  });

  it("takes messages of any length", () => {
    withLab("call 00,done", (lab, rig) => {
      const value = "x".repeat(50_000);
      rig.answer = { type: "value", value };
      assert.equal(lab.boot(RECORD, rig).result, value);
    });
  });
});

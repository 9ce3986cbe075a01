// The two programs, built from their sources: that they agree, that they repeat, and how a call into firmware may end.
// The firmware here is a few lines of JavaScript; there is no simulator around it.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "mocha";
import { type Build, build, requireComparable } from "../../../host-sim/xs/build.js";
import type { Engine } from "../../../host-sim/xs/engine.js";
import { type Answer, type Answering, type CreationRecord, type Done, Lab } from "../../../host-sim/xs/lab.js";
import { Ended, type Live, nothingReleased } from "../../../host-sim/xs/messages.js";
import { projectDirectory } from "../../../host-sim/xs/sources.js";
import { Unavailable } from "../../../host-sim/xs/toolchain.js";

const RECORD: CreationRecord = {
  static: 32768,
  stack: 256,
  heap: { initial: 512, incremental: 64 },
  chunk: { initial: 1536, incremental: 512 },
  keys: { initial: 32, incremental: 32 },
};

/** What firmware here can call: `say(value)`, `later(callback)`, `ask(word)` a class with one method, and a clock. */
const CLASSES = [
  ["test", "say", "function", "", 1],
  ["test", "later", "function", "", 1],
  ["test", "ask", "function", "", 1],
  ["test", "Thing", "constructor", "Thing", 1],
  ["test", "Thing", "method", "read", 1],
  ["test", "Time", "clock", "ticks", 0],
]
  .map((line, index) => [index, ...line].join("\t"))
  .join("\n");

const SHIM = `
  const say = native("test", "say"), later = native("test", "later"), ask = native("test", "ask");
  const Thing = native("test", "Thing"), Time = native("test", "Time");
  export { say, later, ask, Thing, Time };
`;

const place = { env: process.env, platform: process.platform, root: projectDirectory, err: () => {} };

/** Strings, arrays, maps, numbers, buffers, exceptions, closures, and garbage enough for collections. */
const BUSY = `
  import { say, later, Thing } from "shim";
  class Station { constructor(n) { this.name = "š" + n; this.list = [n, n / 3, -0]; } get size() { return this.list.length; } }
  const stations = new Map();
  let thing;
  function work(round) {
    for (let i = 0; i < 40; i++) stations.set(i % 7, new Station(i + round));
    const bytes = new Uint8Array(100);
    bytes.set(new Uint8Array(ArrayBuffer.fromString("žalost i radost")), 3);
    let text = "";
    for (let i = 0; i < 20; i++) text += String.fromCharCode(0x10d + i);
    try { null.x; } catch (error) { text += error.message; }
    say(text + bytes.join("") + [...stations.values()].map((s) => s.name + s.size).join() + Math.sqrt(2) + JSON.stringify({ text }));
  }
  export default function () {
    thing = new Thing({ name: "t", onReadable() { work(thing.read().length); } });
    later(() => work(1));
    later(() => { work(2); work(3); });
  }
`;

class Rig implements Answering {
  readonly said: unknown[] = [];
  readonly callbacks: number[] = [];
  readonly objects = new Map<number, object>();
  readonly options: unknown[] = [];
  onAsk: (word: unknown) => Answer = () => ({ type: "value", value: undefined });

  call(index: number, self: number, values: readonly unknown[]): Answer {
    const [value] = values;
    switch (index) {
      case 0:
        this.said.push(value);
        return { type: "value", value: undefined };
      case 1:
        return { type: "value", value: undefined };
      case 2:
        return this.onAsk(value);
      case 3:
        this.options.push(value);
        this.objects.set(self, { self });
        return { type: "value", value: undefined };
      default:
        return { type: "value", value: "read" };
    }
  }

  ticks(): number {
    return this.said.length - 2;
  }

  released() {
    return nothingReleased;
  }

  object(handle: number): object {
    const object = this.objects.get(handle) ?? { handle };
    this.objects.set(handle, object);
    return object;
  }

  native(line: number): unknown {
    return line;
  }

  callback(id: number) {
    this.callbacks.push(id);
    return () => id;
  }

  reference(object: object) {
    for (const [handle, known] of this.objects) if (known === object) return { handle, line: 3 };
    return undefined;
  }
}

describe("host-sim/xs/build", function () {
  this.timeout(600_000);
  let built: Build;
  let directory: string;

  before(async function () {
    directory = mkdtempSync(join(tmpdir(), "alertbox-build-"));
    try {
      built = await build(place);
    } catch (error) {
      if (!(error instanceof Unavailable) || process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw error;
      console.log(`    skipped: ${error.message}`);
      this.skip();
    }
  });
  after(() => rmSync(directory, { recursive: true, force: true }));

  const file = (name: string): string => join(directory, name);

  function compile(modules: Readonly<Record<string, string>>, preloaded: readonly string[]): string {
    const lines = Object.entries(modules).map(([specifier, text]) => {
      writeFileSync(file(`${specifier}.js`), text);
      return `${specifier}\t${file(`${specifier}.js`)}\t${preloaded.includes(specifier) ? 1 : 0}`;
    });
    writeFileSync(file("list"), lines.join("\n"));
    const result = spawnSync(built.host.compiler, ["compile", file("list"), file("image")], { encoding: "utf8" });
    assert.equal(result.stderr, "");
    assert.equal(result.status, 0);
    return file("image");
  }

  /** Boots `main` and gives what `use` makes of the lab. */
  function withLab<T>(
    engine: Engine,
    main: string,
    use: (lab: Lab, rig: Rig) => T,
    more: Record<string, string> = {},
  ): T {
    const modules = { shim: SHIM, ...more, main };
    const image = compile(modules, ["shim", ...Object.keys(more)]);
    writeFileSync(file("classes"), CLASSES);
    const lab = new Lab({
      command: (to, from) => engine.command(["run", image, file("classes"), to, from]),
      seconds: 60,
    });
    try {
      return use(lab, new Rig());
    } finally {
      lab.close();
    }
  }

  interface Story {
    readonly dones: readonly Done[];
    readonly lives: readonly Live[];
    readonly said: readonly unknown[];
  }

  /** Boots, calls every callback five times, and looks at what lives in between. */
  function story(lab: Lab, rig: Rig): Story {
    const dones = [lab.boot(RECORD, rig)];
    const lives = [lab.collect(true, rig)];
    for (let round = 0; round < 5; round++) {
      for (const callback of rig.callbacks.slice()) dones.push(lab.invoke(callback, 0, [], rig));
      lives.push(lab.collect(round % 2 === 0, rig));
    }
    lab.end(rig);
    return { dones, lives, said: rig.said };
  }

  /** Without what only the chip can tell: instructions, and the C stack of another processor. */
  function memory({ dones, lives, said }: Story): unknown {
    return {
      said,
      dones: dones.map(({ status, meter }) => ({
        status,
        ...meter,
        instructions: 0,
        cStackBytes: 0,
        remoteInstructions: 0,
      })),
      lives: lives.map((live) => ({ ...live, instructions: 0 })),
    };
  }

  it("both programs have the same slots, chunks, collections, stacks and results, to the byte", () => {
    const host = withLab(built.host, BUSY, story);
    const target = withLab(built.target, BUSY, story);
    assert.deepEqual(memory(target), memory(host));
    assert.ok(
      host.dones.some(({ meter }) => meter.collections > 0),
      "the story has collections",
    );
    assert.deepEqual([...new Set(host.dones.map(({ status }) => status))], [Ended.OK]);
  });

  /** Without what the harness itself took: its own allocations are not the same each time. */
  function firmware({ dones, lives, said }: Story): unknown {
    return { said, lives, dones: dones.map(({ meter, ...done }) => ({ ...done, ...meter, remoteInstructions: 0 })) };
  }

  it("instructions repeat to the last one, in another process and in a later boot of the same", () => {
    const twice = () => withLab(built.target, BUSY, (lab) => [story(lab, new Rig()), story(lab, new Rig())] as const);
    const [first, second] = twice();
    const [again] = twice();
    assert.deepEqual(firmware(second), firmware(first));
    assert.deepEqual(firmware(again), firmware(first));
    assert.ok(first.dones.every(({ meter }) => meter.instructions > 1000));
    assert.ok(first.lives.every((live) => live.instructions > 1000));
  });

  for (const name of ["host", "target"] as const) {
    it(`an empty program is 28 slots and no chunks; preloaded modules cost nothing (${name})`, () => {
      const main = "export default function () {}";
      const bare = withLab(built[name], main, (lab, rig) => [lab.boot(RECORD, rig), lab.collect(true, rig)] as const);
      const large = `export class Large { ${Array.from({ length: 50 }, (_, i) => `method${i}(a) { return a + "text${i}"; }`).join("\n")} }`;
      const full = withLab(built[name], main, (lab, rig) => [lab.boot(RECORD, rig), lab.collect(true, rig)] as const, {
        large,
      });
      assert.equal(bare[0].meter.slotsBefore, 28);
      assert.equal(bare[0].meter.chunkBytesBefore, 0);
      assert.deepEqual({ ...full[1], instructions: 0 }, { ...bare[1], instructions: 0 });
    });

    it(`what is preloaded stays as it is over compacting collections (${name})`, () => {
      const large = `
        export const word = "pre" + "loaded";
        export const list = Object.freeze(["a" + 1, word, { deep: Object.freeze([word + 2]) }]);
        export const map = Object.freeze(new Map([["key" + 1, word + 3]]));
        export class Base { static text = word + 4; name() { return Base.text; } }`;
      const main = `
        import { later, say } from "shim";
        import { word, list, map, Base } from "large";
        class Own extends Base { name() { return super.name() + "!"; } }
        export default function () {
          const held = [word, list, list[2].deep[0], map.get("key1"), new Own()];
          later(() => say(held.slice(0, 4).join() + held[4].name() + Base.name + list[1].at(-1)));
        }`;
      withLab(
        built[name],
        main,
        (lab, rig) => {
          assert.equal(lab.boot(RECORD, rig).text, "");
          for (let round = 0; round < 3; round++) {
            lab.collect(true, rig);
            assert.equal(lab.invoke(rig.callbacks[0] ?? 0, 0, [], rig).text, "");
          }
          const said = "preloaded,a1,preloaded,[object Object],preloaded2,preloaded3preloaded4!Based";
          assert.deepEqual(rig.said, [said, said, said]);
        },
        { large },
      );
    });

    it(`what ends a call: an exception, a full stack, full memory; each in words (${name})`, () => {
      const main = `
        import { later } from "shim";
        function deep(n) { return deep(n + 1) + 1; }
        export default function () {
          globalThis.abort = (why, error) => why + "/" + error;
          later(() => { throw new RangeError("out of it"); });
          later(() => { throw "only words"; });
          later(() => deep(0));
          later(() => { const all = []; for (;;) all.push(new ArrayBuffer(1000)); });
        }`;
      withLab(built[name], main, (lab, rig) => {
        assert.equal(lab.boot(RECORD, rig).status, Ended.OK);
        const [range = 0, words = 0, deep = 0, memory = 0] = rig.callbacks;
        const run = (callback: number): [number, string] => {
          const { status, text } = lab.invoke(callback, 0, [], rig);
          return [status, text];
        };
        assert.deepEqual(run(range), [Ended.EXCEPTION, "RangeError: out of it"]);
        assert.equal(lab.abort(rig).result, "unhandled exception/RangeError: out of it");
        assert.deepEqual(run(words), [Ended.EXCEPTION, "only words"]);
        assert.deepEqual(run(deep), [Ended.ABORTED, "stack overflow"]);
        assert.equal(lab.abort(rig).result, "stack overflow/undefined");
        assert.deepEqual(run(memory), [Ended.ABORTED, "memory full"]);
        lab.end(rig);
        assert.deepEqual(lab.boot({ ...RECORD, static: 12_000 }, rig).text, "memory full");
        assert.equal(lab.boot(RECORD, new Rig()).status, Ended.OK);
      });
    });

    it(`when the boot ends inside a call, neither catch nor finally runs (${name})`, () => {
      const main = `
        import { ask, say } from "shim";
        export default function () {
          try { try { ask("end"); } catch { say("catch"); } finally { say("finally"); } } catch {}
        }`;
      withLab(built[name], main, (lab, rig) => {
        rig.onAsk = () => ({ type: "halt" });
        assert.equal(lab.boot(RECORD, rig).status, Ended.HALTED);
        assert.deepEqual(rig.said, []);
        lab.end(rig);
        rig.onAsk = () => ({ type: "throw", error: new TypeError("as told") });
        assert.equal(lab.boot(RECORD, rig).status, Ended.OK);
        assert.deepEqual(rig.said, ["catch", "finally"]);
      });
    });

    it(`values arrive as they were sent, both ways (${name})`, () => {
      const main = `
        import { ask, say } from "shim";
        export default function () {
          const view = new Uint8Array(8);
          say([undefined, null, true, -7, 2.5, -0, "č\\0😀", new Uint8Array([1, 2, 3]).subarray(1), { a: { b: [1] } }]);
          const count = ask(view);
          say([count, view.join(), typeof ask("packet"), ask("packet").port, ask("text") === "č\\0x", ask("text").length]);
        }`;
      withLab(built[name], main, (lab, rig) => {
        rig.onAsk = (value) => {
          if (value === "text") return { type: "value", value: "č\0x" };
          if (value === "packet") return { type: "value", value: Object.assign(new ArrayBuffer(2), { port: 53 }) };
          return { type: "fill", bytes: new Uint8Array([9, 8]) };
        };
        const { status, text } = lab.boot(RECORD, rig);
        assert.deepEqual([status, text], [Ended.OK, ""]);
        const [sent, got] = rig.said.map((values) => Object.values(values as object));
        const bytes = (sent ?? []).splice(7, 1)[0] as ArrayBuffer;
        assert.deepEqual(sent, [undefined, null, true, -7, 2.5, -0, "č\0😀", { a: { b: { 0: 1 } } }]);
        assert.deepEqual([...new Uint8Array(bytes)], [2, 3]);
        assert.deepEqual(got, [2, "9,8,0,0,0,0,0,0", "object", 53, true, 3]);
      });
    });

    it(`option target of a constructor is on the instance, and is not sent (${name})`, () => {
      const main = `
        import { later, say, Thing } from "shim";
        export default function () {
          new Thing({ target: { word: "mine", all: globalThis }, onReadable() { say(this.target.word + (this instanceof Thing)); } });
          say(new Thing({}).target);
        }`;
      withLab(built[name], main, (lab, rig) => {
        assert.equal(lab.boot(RECORD, rig).status, Ended.OK);
        assert.deepEqual(Object.keys(rig.options[0] as object), ["target", "onReadable"]);
        assert.equal((rig.options[0] as { target: unknown }).target, undefined);
        assert.equal(lab.invoke(rig.callbacks[0] ?? 0, 1, [], rig).status, Ended.OK);
        assert.deepEqual(rig.said, [undefined, "minetrue"]);
      });
    });

    it(`unit: output and exit status of a program that runs to its end (${name})`, () => {
      const unit = (main: string) => {
        const [program = "", ...args] = built[name].command(["unit", compile({ main }, [])]);
        const { status, stdout } = spawnSync("timeout", ["60", program, ...args], { encoding: "utf8" });
        return { status, stdout };
      };
      assert.deepEqual(unit('print("a", 1); await null; print("č");'), { status: 0, stdout: "a1\nč\n" });
      assert.deepEqual(unit("exit(7); print(1);"), { status: 7, stdout: "" });
      assert.deepEqual(unit('await null; throw new TypeError("no");'), {
        status: 1,
        stdout: "exception: TypeError: no\n",
      });
      assert.deepEqual(unit("(function f() { f(); })();"), { status: 3, stdout: "XS abort: stack overflow\n" });
      const missing = 'exception: ReferenceError: module "nothing" not found\n';
      assert.deepEqual(unit('import "nothing";'), { status: 1, stdout: missing });
      const waiting = "exception: TypeError: main waits for ever\n";
      assert.deepEqual(unit("await new Promise(() => {});"), { status: 1, stdout: waiting });
    });
  }

  it("the block of chunks grows by what is missing, not by what is asked for", () => {
    const main = `
      import { later } from "shim";
      let kept;
      export default function () { later(() => { kept = new ArrayBuffer(2000); }); }`;
    withLab(built.host, main, (lab, rig) => {
      lab.boot(RECORD, rig);
      assert.equal(lab.invoke(rig.callbacks[0] ?? 0, 0, [], rig).status, Ended.OK);
      const live = lab.collect(true, rig);
      // 2,000 bytes and 8 in front are asked for as 2,048, a multiple of 512; the rest of the first 1,536 is used up.
      assert.equal(live.chunkBytesReserved, live.chunkBytes + 2048 - 2008);
    });
  });

  it("a clock of the table has what each frame says, and asks for nothing", () => {
    const main = `
      import { say, Time } from "shim";
      export default function () { say(Time.ticks); say(Time.ticks); say(Time.ticks); }`;
    withLab(built.target, main, (lab, rig) => {
      assert.equal(lab.boot(RECORD, rig).text, "");
      assert.deepEqual(rig.said, [-2, -1, 0]);
    });
  });

  it("a preloaded class costs the same for its first method and for its last, as in flash", () => {
    const methods = Array.from({ length: 60 }, (_, i) => `method${i}(a) { return a; }`).join("\n");
    const large = `
      export class Large { ${methods} }
      export function first(o) { for (let i = 0; i < 100; i++) o.method0(i); }
      export function last(o) { for (let i = 0; i < 100; i++) o.method59(i); }`;
    const main = `
      import { later } from "shim";
      import { Large, first, last } from "large";
      export default function () { const o = new Large(); later(() => first(o)); later(() => last(o)); }`;
    const [first, last] = withLab(
      built.target,
      main,
      (lab, rig) => {
        assert.equal(lab.boot(RECORD, rig).text, "");
        return rig.callbacks.map((callback) => lab.invoke(callback, 0, [], rig).meter.instructions);
      },
      { large },
    );
    assert.ok((first ?? 0) > 10_000);
    assert.equal(last, first);
  });

  it("literals are garbage in preloaded code and none in the program, as the SDK's linker makes them", () => {
    const work = `function work() { let a; for (let i = 0; i < 10; i++) a = "sixteen letters!"; return a.length; }`;
    const grown = (main: string, more: Record<string, string>) =>
      withLab(
        built.host,
        main,
        (lab, rig) => {
          assert.equal(lab.boot(RECORD, rig).text, "");
          const { meter } = lab.invoke(rig.callbacks[0] ?? 0, 0, [], rig);
          return meter.chunkBytesAfter - meter.chunkBytesBefore;
        },
        more,
      );
    const later = 'import { later } from "shim"; export default function () { later(() => work()); }';
    assert.equal(grown(`${later} ${work}`, {}), 0);
    // 17 bytes with the end of the string, to a multiple of 4, and 8 in front.
    assert.equal(grown(`import { work } from "large"; ${later}`, { large: `export ${work}` }), 10 * 28);
  });

  it("says where JavaScript is wrong", () => {
    writeFileSync(file("wrong.js"), "let a;\nlet b = ;\n");
    writeFileSync(file("list"), `main\t${file("wrong.js")}\t0\n`);
    const result = spawnSync(built.host.compiler, ["compile", file("list"), file("image")], { encoding: "utf8" });
    assert.equal(result.status, 1);
    assert.match(result.stderr, /wrong\.js:2: /);
  });

  it("a second build does nothing", async () => {
    const program = built.host.compiler;
    const { mtimeMs } = statSync(program);
    const said: string[] = [];
    await build({ ...place, err: (text) => said.push(text) });
    assert.equal(statSync(program).mtimeMs, mtimeMs);
    assert.deepEqual(said, []);
  });

  it("figures of another compiler are refused, with its name", () => {
    requireComparable({ ...built, toolchain: { ...built.toolchain, differences: [] } });
    const other = { ...built, toolchain: { ...built.toolchain, differences: ["picolibc is 2 here"] } };
    assert.throws(() => requireComparable(other), {
      message: "counts of instructions are not comparable: picolibc is 2 here",
    });
  });
});

// The block that outlives sleep and reset: what comes back after each, what does not, and the reason of a crash in it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { RtcAt, RtcFlag } from "../../host-sim/rtc-layout.js";
import type { RtcMemory } from "../../src/device/rtc-memory.js";
import { Rig } from "./fixtures/adapters/rig.js";

/** Its memory, read as firmware does at each boot. */
function memory(rig: Rig): RtcMemory {
  return new rig.adapters.RtcMemory();
}

/** Everything but the version. */
function contents(kept: RtcMemory): number[] {
  return [...kept.bytes.subarray(1)];
}

/** A value for each byte that no default has. */
function fillUp(kept: RtcMemory): void {
  for (let i = 1; i < kept.bytes.length; i += 1) kept.bytes[i] = 256 - i;
}

describe("RtcMemory", () => {
  it("begins with zeros after power-on, whatever noise is there", () => {
    for (const seed of [1, 2, 3]) {
      const kept = memory(new Rig({ seed }));
      assert.ok(contents(kept).every((byte) => byte === 0));
      assert.equal(kept.crash, "");
    }
  });

  const survived: readonly [string, (rig: Rig) => void][] = [
    ["a reset while awake", (rig) => rig.reset()],
    [
      "deep sleep",
      (rig) => {
        new rig.adapters.Power().sleep(60_000, false);
        rig.boot();
      },
    ],
    [
      "a restart",
      (rig) => {
        const power = new rig.adapters.Power();
        assert.throws(() => power.restart());
        rig.boot();
      },
    ],
    [
      "a watchdog",
      (rig) => {
        rig.world.board.fault(3);
        rig.boot();
      },
    ],
  ];
  for (const [what, happens] of survived) {
    it(`survives ${what}, every byte of it`, () => {
      const rig = new Rig();
      const kept = memory(rig);
      fillUp(kept);
      kept.save();
      happens(rig);
      assert.deepEqual(contents(memory(rig)), contents(kept));
    });
  }

  it("does not survive a change of the battery", () => {
    const rig = new Rig();
    const kept = memory(rig);
    fillUp(kept);
    kept.save();
    rig.changeBattery();
    assert.ok(contents(memory(rig)).every((byte) => byte === 0));
  });

  it("has what was saved last: changes that were not saved are gone after a reset", () => {
    const rig = new Rig();
    const kept = memory(rig);
    kept.bytes[RtcAt.ATTEMPT] = 3;
    kept.save();
    kept.bytes[RtcAt.ATTEMPT] = 4;
    kept.bytes[RtcAt.QUICK] = 1;
    assert.equal(memory(rig).bytes[RtcAt.ATTEMPT], 3, "not before a reset either");
    rig.reset();
    assert.equal(memory(rig).bytes[RtcAt.ATTEMPT], 3);
    assert.equal(memory(rig).bytes[RtcAt.QUICK], 0);
  });

  it("does not believe what another version of the firmware kept, nor a block of another length", () => {
    const rig = new Rig();
    const kept = memory(rig);
    fillUp(kept);
    kept.bytes[RtcAt.VERSION] = (kept.bytes[RtcAt.VERSION] as number) - 1;
    kept.save();
    assert.ok(contents(memory(rig)).every((byte) => byte === 0));
    fillUp(kept);
    rig.chip.writeMemory(kept.bytes.slice(0, kept.bytes.length - 4).buffer);
    assert.ok(contents(memory(rig)).every((byte) => byte === 0));
  });

  it("a block that was half written when the reset came reads as none", () => {
    const rig = new Rig();
    const kept = memory(rig);
    fillUp(kept);
    kept.save();
    rig.world.board.rtc.write(40, 0x12345678);
    rig.reset();
    assert.ok(contents(memory(rig)).every((byte) => byte === 0));
  });

  it("has a place of its own for each thing, within what the chip keeps", () => {
    const rig = new Rig();
    const sizes: Readonly<Record<keyof typeof RtcAt, number>> = {
      VERSION: 1,
      ATTEMPT: 1,
      FLAGS: 1,
      QUICK: 1,
      BAD: 1,
      WAKES: 1,
      NETWORK: 1,
      CHANNEL: 1,
      BSSID: 6,
      LEASE: 16,
      BROKER: 4,
      MARK: 4,
      CRASH: 64,
    };
    const owners = new Map<number, string>();
    for (const [name, size] of Object.entries(sizes)) {
      const from = RtcAt[name as keyof typeof RtcAt];
      for (let at = from; at < from + size; at += 1) {
        assert.equal(owners.get(at), undefined, `${name} lies on ${owners.get(at)}`);
        owners.set(at, name);
      }
    }
    const { length } = memory(rig).bytes;
    assert.ok(Math.max(...owners.keys()) < length);
    assert.ok(length % 4 === 0 && length <= 380, "what chip.writeMemory takes");
    const flags = Object.values(RtcFlag);
    for (const flag of flags) assert.ok(flag > 0 && flag < 256 && (flag & (flag - 1)) === 0, `${flag} is one bit`);
    assert.equal(new Set(flags).size, flags.length);
  });

  it("keeps flags one by one, and saves only what changes", () => {
    const rig = new Rig();
    const kept = memory(rig);
    kept.setFlag(RtcFlag.PLAIN_ORDER, true);
    kept.setFlag(RtcFlag.CACHED, true);
    kept.setFlag(RtcFlag.PLAIN_ORDER, false);
    assert.deepEqual([kept.isSet(RtcFlag.PLAIN_ORDER), kept.isSet(RtcFlag.CACHED)], [false, true]);
    assert.equal(memory(rig).bytes[RtcAt.FLAGS], RtcFlag.CACHED);
    kept.bytes[RtcAt.BAD] = 1;
    kept.setFlag(RtcFlag.CACHED, true);
    assert.equal(memory(rig).bytes[RtcAt.BAD], 0, "nothing has changed, so nothing was saved");
    kept.setFlag(RtcFlag.CACHED, false);
    assert.equal(memory(rig).bytes[RtcAt.BAD], 1);
  });

  it("keeps where network and broker were found, under what that depends on, over a reset", () => {
    const rig = new Rig();
    const found = {
      channel: 11,
      bssid: Uint8Array.of(1, 2, 3, 4, 5, 6).buffer,
      lease: Uint8Array.from({ length: 16 }, (_, i) => 100 + i).buffer,
    };
    memory(rig).keepCache(2, -559038737, { ...found, lease: undefined }, "10.0.0.2");
    assert.ok(
      contents(memory(rig)).every((byte) => byte === 0),
      "without an address nothing is worth keeping",
    );
    memory(rig).keepCache(2, -559038737, found, "10.0.0.2");
    rig.reset();
    const kept = memory(rig);
    assert.deepEqual(kept.found, found);
    assert.equal(kept.bytes[RtcAt.NETWORK], 2);
    assert.equal(rig.adapters.dotted(kept.bytes, RtcAt.BROKER), "10.0.0.2");
    assert.deepEqual([kept.isSet(RtcFlag.CACHED), kept.isMarked(-559038737)], [true, true]);
    for (let bit = 0; bit < 32; bit += 1) assert.equal(kept.isMarked(-559038737 ^ (1 << bit)), false, `bit ${bit}`);
  });

  it("stands in the code with numbers that have these names", () => {
    const names: Readonly<Record<string, number>> = { ...RtcAt, ...RtcFlag };
    const found = new Set<string>();
    for (const file of ["src/main.ts", "src/device/rtc-memory.ts"]) {
      const text = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8");
      for (const [, number = "", words = ""] of text.matchAll(/\b(\d+) \/\* ([A-Z_, ]+) \*\//g)) {
        const each = words.split(", ");
        if (!each.some((word) => word in names)) continue;
        assert.equal(
          each.reduce((sum, word) => sum + (names[word] ?? Number.NaN), 0),
          Number(number),
          `${file}: ${words}`,
        );
        for (const word of each) found.add(word);
      }
    }
    assert.deepEqual([...found].sort(), Object.keys(names).sort());
  });

  describe("crash", () => {
    it("is kept at once, over the restart that follows", () => {
      const rig = new Rig();
      const kept = memory(rig);
      kept.bytes[RtcAt.BAD] = 2;
      kept.crash = "TypeError: x is not a function";
      rig.reset();
      assert.equal(memory(rig).crash, "TypeError: x is not a function");
      assert.equal(memory(rig).bytes[RtcAt.BAD], 2, "saved with the rest");
    });

    it("keeps the beginning of a long one, as much as there is room for, and nothing else is touched", () => {
      const rig = new Rig();
      const kept = memory(rig);
      kept.bytes[RtcAt.CRASH - 1] = 0xa5;
      const long = "0123456789".repeat(20);
      for (const text of [long, long.slice(0, 64), long.slice(0, 63)]) {
        kept.crash = text;
        assert.equal(memory(rig).crash, text.slice(0, 64));
      }
      assert.equal(memory(rig).bytes[RtcAt.CRASH - 1], 0xa5);
    });

    it("leaves nothing of a longer one before it", () => {
      const rig = new Rig();
      const kept = memory(rig);
      kept.crash = "a long reason with a secret in its tail";
      kept.crash = "short";
      assert.equal(memory(rig).crash, "short");
      assert.ok(!Buffer.from(kept.bytes).toString("latin1").includes("secret"));
      kept.crash = "";
      assert.equal(memory(rig).crash, "");
    });

    it("is printable ASCII: whatever is not becomes a question mark", () => {
      const rig = new Rig();
      const kept = memory(rig);
      kept.crash = "a\0b\ncvrčak 🦗 ~\x7f!";
      assert.equal(memory(rig).crash, "a?b?cvr?ak ?? ~?!");
    });
  });
});

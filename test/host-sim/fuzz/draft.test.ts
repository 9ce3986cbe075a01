// How inputs are put together and spoilt, cut, made small and kept.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { formatInput, parseInput, readCorpus, targetOf } from "../../../host-sim/fuzz/corpus.js";
import { Draft, Knife, MOST_BYTES, spoil, spoilSome } from "../../../host-sim/fuzz/draft.js";
import { minimise } from "../../../host-sim/fuzz/minimise.js";
import { Random } from "../../../host-sim/random.js";

describe("drafts of the fuzzer", () => {
  it("bytes, words and text stand one behind the other", () => {
    const draft = new Draft();
    draft.push(1);
    draft.word(0x1234);
    draft.text("é");
    draft.put(Uint8Array.of(9, 8));
    assert.deepEqual([...draft.view], [1, 0x12, 0x34, 0xc3, 0xa9, 9, 8]);
    draft.insert(1, 2);
    assert.equal(draft.length, 9);
    draft.remove(1, 2);
    assert.deepEqual([...draft.view], [1, 0x12, 0x34, 0xc3, 0xa9, 9, 8]);
    assert.equal(draft.clear().view.length, 0);
  });

  it("what finds no room is left out", () => {
    const draft = new Draft();
    draft.put(new Uint8Array(MOST_BYTES - 1));
    draft.put(Uint8Array.of(1, 2));
    draft.push(3);
    draft.insert(0, 5);
    assert.equal(draft.length, MOST_BYTES);
  });

  it("spoiling changes what is behind the head only, in every way, and never too much", () => {
    const random = new Random(5);
    const capture = Uint8Array.of(70, 71, 72);
    const lengths = new Set<number>();
    for (let round = 0; round < 5000; round += 1) {
      const draft = new Draft();
      for (let at = 0; at < 12; at += 1) draft.push(at);
      spoil(draft, random, 4, [capture]);
      assert.deepEqual([...draft.view.subarray(0, 4)], [0, 1, 2, 3]);
      assert.ok(draft.length >= 4 && draft.length <= MOST_BYTES);
      lengths.add(draft.length);
    }
    assert.ok(lengths.has(4) && lengths.has(13) && lengths.has(12) && Math.max(...lengths) > 60);
  });

  it("half of all inputs are not spoilt at all", () => {
    const random = new Random(6);
    let same = 0;
    for (let round = 0; round < 1000; round += 1) {
      const draft = new Draft();
      draft.put(Uint8Array.of(200, 201, 202, 203));
      spoilSome(draft, random, 0, []);
      if ([...draft.view].join() === "200,201,202,203") same += 1;
    }
    assert.ok(same > 400 && same < 600, String(same));
  });

  it("a knife cuts everything, always in the same way, some byte by byte", () => {
    for (let seed = 0; seed < 200; seed += 1) {
      const cuts = (): number[] => {
        const knife = new Knife(seed);
        const sizes: number[] = [];
        for (let left = 100; left > 0; left -= sizes.at(-1) as number) sizes.push(knife.next(left));
        return sizes;
      };
      const sizes = cuts();
      assert.deepEqual(sizes, cuts());
      assert.ok(sizes.every((size) => size > 0));
      if (seed % 8 === 0) assert.equal(sizes.length, 100);
    }
  });
});

describe("making an input small", () => {
  it("leaves out what is not needed, and makes the rest plain", () => {
    const input = Uint8Array.from({ length: 300 }, (_, at) => at & 0xff);
    const small = minimise(input, (bytes) => bytes.includes(77) && bytes.some((byte) => byte > 199));
    assert.deepEqual(
      [...small].sort((a, b) => a - b),
      [77, 200],
    );
  });

  it("gives up after so many tries, with the best so far", () => {
    let tries = 0;
    const small = minimise(
      new Uint8Array(1000).fill(9),
      (bytes) => {
        tries += 1;
        return bytes.length > 900;
      },
      50,
    );
    assert.ok(small.length > 900 && tries <= 50);
  });
});

describe("inputs that are kept", () => {
  it("are hexadecimal with words for people", () => {
    const input = Uint8Array.from({ length: 70 }, (_, at) => at);
    const text = formatInput(input, ["two\nlines", "a third"]);
    assert.match(text, /^# two\n# lines\n# a third\n000102/);
    assert.deepEqual(parseInput(text), input);
    assert.equal(parseInput("0g"), undefined);
    assert.equal(parseInput("123"), undefined);
  });

  it("their folder says which target they are for", () => {
    assert.equal(targetOf("/x/corpus/dns/a.hex"), "dns");
    assert.equal(targetOf("/x/corpus/rain/a.hex"), undefined);
    assert.deepEqual(readCorpus("/nowhere"), []);
  });
});

// What the campaign reads from the changes of a light.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { readLed } from "../../../host-sim/campaign/led-reader.js";

/** Changes from the lengths of light and dark in turn. */
function changes(...lengths: number[]): { at: number; on: boolean }[] {
  const list = [];
  let at = 1000;
  for (const [index, length] of lengths.entries()) {
    list.push({ at, on: index % 2 === 0 });
    at += length;
  }
  list.push({ at, on: lengths.length % 2 === 0 });
  return list;
}

const sent = [100, 100, 100, 100, 100, 100, 100, 100, 100, 900];

describe("reading the LED", () => {
  it("five quick flashes are sent, known with the last of them", () => {
    assert.deepEqual(readLed(changes(...sent)), [{ at: 1800, word: "sent" }]);
  });

  it("three long ones are not sent", () => {
    assert.deepEqual(readLed(changes(600, 300, 600, 300, 600, 2000)), [{ at: 1000, word: "not sent" }]);
  });

  it("two rows of five are sent twice", () => {
    assert.equal(readLed(changes(...sent, ...sent)).length, 2);
  });

  it("four quick flashes, joining, connecting, setup and steady light say neither", () => {
    assert.deepEqual(readLed(changes(...sent.slice(0, 7), 900)), []);
    for (const ms of [200, 500, 1000]) assert.deepEqual(readLed(changes(...Array<number>(20).fill(ms))), []);
    assert.deepEqual(readLed(changes(30_000, 1)), []);
    // Refused: long, short, short.
    assert.deepEqual(readLed(changes(700, 200, 100, 200, 100, 700, 700, 200, 100, 200, 100, 700)), []);
  });

  it("a flash that a cut of power shortened ends a row", () => {
    const cut = [...sent];
    cut[4] = 60;
    assert.deepEqual(readLed(changes(...cut)), []);
  });
});

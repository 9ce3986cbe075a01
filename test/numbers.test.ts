// Numbers that stand in the code for names, because a named constant takes flash: each has its name beside it.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "mocha";
import { LedPattern } from "./alertbox/led-timing.js";

describe("the numbers of the LED's patterns", () => {
  it("stand in the code with their names", () => {
    const found = new Set<string>();
    for (const file of ["alertbox", "route", "trial", "wishes", "led"]) {
      const text = readFileSync(new URL(`../src/alertbox/${file}.ts`, import.meta.url), "utf8");
      for (const [, number, name = ""] of text.matchAll(/\b(\d+);? \/\* ([A-Z_]+) \*\//g)) {
        assert.equal(Number(number), LedPattern[name as keyof typeof LedPattern], `${file}.ts: ${name}`);
        found.add(name);
      }
    }
    assert.deepEqual([...found].sort(), Object.keys(LedPattern).sort());
  });
});

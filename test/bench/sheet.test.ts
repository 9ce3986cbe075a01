// Tables for people: in a terminal and in Markdown.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { median, notesText, sheetText } from "../../bench/sheet.js";

describe("bench/sheet", () => {
  const sheet = [
    ["press", "ms"],
    ["cached", "358"],
  ];

  it("aligns columns in a terminal", () => {
    assert.equal(sheetText(sheet, false), "  press    ms\n  cached  358\n");
  });

  it("is a table in Markdown, figures to the right", () => {
    assert.equal(sheetText(sheet, true), "| press | ms |\n| --- | ---: |\n| cached | 358 |\n");
  });

  it("lists notes", () => {
    assert.equal(notesText(["one", "two"]), "- one\n- two\n");
  });

  it("knows the middle of figures in any order, without changing it", () => {
    const values = [9, 1, 5];
    assert.equal(median(values), 5);
    assert.deepEqual(values, [9, 1, 5]);
    assert.equal(median([4, 1, 3, 2]), 2);
    assert.equal(median([]), 0);
  });
});

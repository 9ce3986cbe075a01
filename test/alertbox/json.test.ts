// JSON written by hand against the language's own reader: whatever text goes in comes out of JSON.parse unchanged.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Random } from "../../host-sim/random.js";
import { optional, quoted } from "../../src/alertbox/json.js";

describe("quoted", () => {
  it("leaves plain text and UTF-8 as they are, in quotes", () => {
    assert.equal(quoted(""), '""');
    assert.equal(quoted("cvrči/cvrčak 🦗 <&> \u2028\u007f"), '"cvrči/cvrčak 🦗 <&> \u2028\u007f"');
  });

  it("escapes quotes, backslashes and control characters, wherever they stand", () => {
    assert.equal(quoted('"'), '"\\""');
    assert.equal(quoted('a"b\\c'), '"a\\"b\\\\c"');
    assert.equal(quoted('\\"\\"'), '"\\\\\\"\\\\\\""');
    assert.equal(quoted("\n"), '"\\u000a"');
    assert.equal(quoted("a\0b\x0fc\x10d\x1f"), '"a\\u0000b\\u000fc\\u0010d\\u001f"');
  });

  it("each of the 65,536 units of a string is read back, alone and between others", () => {
    for (let unit = 0; unit < 0x10000; unit += 1) {
      const text = String.fromCharCode(unit);
      assert.equal(JSON.parse(quoted(text)), text);
      assert.equal(JSON.parse(quoted(`a${text}"${text}`)), `a${text}"${text}`);
    }
  });

  it("any text is read back", () => {
    const random = new Random(5);
    const pieces = ['"', "\\", "\n", "\x00", "\x1f", " ", "a", "ž", "🦗", "\\u0022", "}", ","];
    for (let i = 0; i < 2000; i += 1) {
      let text = "";
      for (let left = random.integer(40); left > 0; left -= 1) text += pieces[random.integer(pieces.length)];
      assert.equal(JSON.parse(quoted(text)), text);
    }
  });
});

describe("optional", () => {
  it("is a member after others, or nothing for an empty text", () => {
    assert.equal(optional("crash", ""), "");
    assert.deepEqual(JSON.parse(`{"a":1${optional("crash", 'x "y"\n')}}`), { a: 1, crash: 'x "y"\n' });
  });
});

// JSON written by hand against the language's own reader: whatever text goes in comes out of JSON.parse unchanged.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Random } from "../../host-sim/random.js";
import { JsonReader, optional, quoted } from "../../src/alertbox/json.js";
import { long, rounds, share } from "../effort.js";
import { Nor } from "./nor.js";

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

  long.it("each character of 16 bits is read back, alone and between others", () => {
    for (let unit = 0; unit < 0x10000; unit += 1) {
      // UTF-8 cannot spell half a surrogate pair.
      if (unit === 0xd800) unit = 0xe000;
      const text = String.fromCharCode(unit);
      assert.equal(JSON.parse(quoted(text)), text);
      assert.equal(JSON.parse(quoted(`a${text}"${text}`)), `a${text}"${text}`);
    }
  });

  it("any text is read back", () => {
    const random = new Random(5);
    const pieces = ['"', "\\", "\n", "\x00", "\x1f", " ", "a", "ž", "🦗", "\\u0022", "}", ","];
    for (let i = 0; i < rounds(2000); i += 1) {
      let text = "";
      for (let left = random.integer(40); left > 0; left -= 1) text += pieces[random.integer(pieces.length)];
      assert.equal(JSON.parse(quoted(text)), text);
      assert.equal(quoted(text, new Nor()), quoted(text));
    }
  });
});

describe("optional", () => {
  it("is a member after others, or nothing for an empty text", () => {
    assert.equal(optional("crash", ""), "");
    assert.deepEqual(JSON.parse(`{"a":1${optional("crash", 'x "y"\n')}}`), { a: 1, crash: 'x "y"\n' });
  });
});

/** The value of the whole text. */
function all(reader: JsonReader): unknown {
  while (reader.step());
  return reader.result;
}

/** What the reader makes of a text; "refused" when it is not JSON to it, "too much" when it is beyond its bounds. */
function read(text: string): unknown {
  try {
    const value = all(new JsonReader(new Uint8Array(ArrayBuffer.fromString(text)), new Nor()));
    // The same byte by byte.
    assert.deepEqual(all(new JsonReader(new Uint8Array(ArrayBuffer.fromString(text)))), value);
    return value;
  } catch (error) {
    assert.ok(error instanceof SyntaxError || error instanceof RangeError, String(error));
    return error instanceof RangeError ? "too much" : "refused";
  }
}

/** The same of JSON.parse, which has no bounds. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return "refused";
  }
}

describe("JsonReader", () => {
  it("reads and refuses the same as JSON.parse: words, numbers, strings, lists, objects", () => {
    const texts = [
      "true false null tru nul True 0 -0 7 -7 10 01 -01 00 1.5 1. .5 -.5 1.e5 1e5 1E+5 1e-5 1e 1e+ 1e999 -1e999 +1 --1",
      "0x10 0X10 0b1 0o7 0.0 0e0 0E5 0a 1a 1_0 Infinity -Infinity NaN - 1-2 1.2.3 18446744073709551616 1/2 9999999 undefined",
    ].flatMap((line) => line.split(" "));
    texts.push("", " ", "1 2", " 1 ", "\t\r\n1", "\v1", "1\u00a0", "\ufeff1", "1\u2028", "1\0", "\0");
    texts.push('""', '"a', '"', "'a'", '"a"b', '"\t"', '"\n"', '"\u0000"', '"\u007f\u0080"', '"č🦗"', '"a\\', '"\\"');
    texts.push(
      '"\\"\\\\\\/\\b\\f\\n\\r\\t"',
      '"\\a"',
      '"\\v"',
      '"\\0"',
      '"\\U0041"',
      '"a\\nb\\tc"',
      '"\\\\"',
      '"\\u000"',
    );
    texts.push('"\\u0041\\u00e9\\u010D\\u20ac"', '"\\u00zz"', '"\\u 041"', '"\\u+041"', '"\\u004"', '"\\u0000"');
    texts.push(
      '"\\ud83e\\udd97"',
      '"x\\uD83E\\uDD97y"',
      '"\\uffff\\u07ff\\u0800"',
      '"\\udbff\\udfff"',
      '"\\u004g"',
      '"\\u/:@`"',
    );
    texts.push(
      "[]",
      "[ ]",
      "[1]",
      "[1,]",
      "[,]",
      "[,1]",
      "[1,,2]",
      "[1 2]",
      "[1",
      "[",
      "]",
      "[1}",
      "[[],[1,[2]]]",
      "[1],",
    );
    texts.push(
      "{}",
      "{ }",
      '{"a":1}',
      '{"a":1,}',
      "{,}",
      '{"a"}',
      '{"a":}',
      '{"a" 1}',
      "{a:1}",
      '{"a":1 "b":2}',
      "{1:2}",
    );
    texts.push(
      '{"a":1',
      '{"a',
      "{",
      "}",
      '{"a":1]',
      '{"a":1,"a":2}',
      '{"":0}',
      '{"a":{"b":[{}]}}',
      ' { "a" : [ 1 , 2 ] } ',
    );
    texts.push(
      '{"toString":1,"constructor":2}',
      '{"0":1,"1":2}',
      '{"č":"č"}',
      '{"\\u0061":1}',
      '[""]',
      '["a""b"]',
      '"a":1',
    );
    texts.push("[[1,]", "[[1,]]", '{"a":{"b":1,}', '[{"b":1,}', '{"a":[1,}', "[[1,}]");
    for (const text of texts) assert.deepEqual(read(text), parsed(text), JSON.stringify(text));
  });

  it("the same for settings that were damaged at one place", () => {
    const whole = JSON.stringify({
      wifi: [{ ssid: "cvrčak 🦗", password: 'a"b\\\u0007' }],
      host: "10.0.0.2",
      port: 1883,
      keepAliveSeconds: -1.5e2,
      double: true,
      full: null,
    });
    assert.deepEqual(read(whole), JSON.parse(whole));
    assert.deepEqual(read(JSON.stringify(JSON.parse(whole), undefined, 2)), JSON.parse(whole));
    const random = new Random(5);
    const alphabet = '{}[]",:\\ \n0123456789.eE+-truefalsn/u\u0001č🦗';
    let valid = 0;
    for (let round = 0; round < rounds(30_000); round += 1) {
      const characters = [...whole];
      const at = random.integer(characters.length);
      const put = [...alphabet][random.integer([...alphabet].length)] as string;
      characters.splice(at, random.integer(3), ...(random.integer(4) === 0 ? [] : [put]));
      const text = characters.join("");
      const expected = parsed(text);
      if (expected !== "refused") valid += 1;
      assert.deepEqual(read(text), expected, text);
    }
    assert.ok(valid > share(3000), `${valid} valid texts`);
  });

  it("the same for texts of any characters", () => {
    const random = new Random(6);
    const pieces = [
      "{",
      "}",
      "[",
      "]",
      '"',
      ",",
      ":",
      "1",
      "-",
      "0",
      ".",
      "e",
      " ",
      "\\",
      "u",
      "0041",
      "true",
      '"a":',
      "null",
    ];
    for (let round = 0; round < rounds(50_000); round += 1) {
      let text = "";
      for (let left = random.integer(9); left >= 0; left -= 1) text += pieces[random.integer(pieces.length)];
      const found = read(text);
      if (found !== "too much") assert.deepEqual(found, parsed(text), text);
    }
  });

  it("takes four levels and 32 commas, and looks no further", () => {
    assert.deepEqual(read("[[[[]]]]"), [[[[]]]]);
    assert.equal(read("[[[[[]]]]]"), "too much");
    assert.equal(read(`${"[".repeat(100_000)}`), "too much");
    assert.deepEqual(read('[[[[]]],{"a":[[1]]}]'), [[[[]]], { a: [[1]] }], "depth is that of a place, not of the text");
    assert.equal((read(`[${"0,".repeat(32)}0]`) as unknown[]).length, 33);
    assert.equal(read(`[${"0,".repeat(33)}0]`), "too much");
    assert.equal(read(`[${"0,".repeat(33)}`), "too much");
    assert.deepEqual(read(`["${",".repeat(100)}"]`), [",".repeat(100)]);
  });

  it("refuses a name that would change the object, and half a surrogate pair", () => {
    assert.equal(read('{"__proto__":{"port":1}}'), "refused");
    assert.equal(read('{"\\u005f_proto__":1}'), "refused");
    for (const text of [
      "\\ud83e",
      "\\udd97",
      "\\ud83ex",
      "\\ud83e\\n",
      "\\ud83e\\ud83e",
      "\\udd97\\ud83e",
      "\\ud83e\\u0041",
    ]) {
      assert.equal(read(`"${text}"`), "refused", text);
    }
  });

  it("reads a part of a buffer", () => {
    const bytes = new Uint8Array(ArrayBuffer.fromString('xx{"a":"b\\nc","d":12}yy'));
    assert.deepEqual(all(new JsonReader(bytes.subarray(2, 21))), { a: "b\nc", d: 12 });
  });
});

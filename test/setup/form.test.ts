// The setup page's form, compared with what URLSearchParams, an implementation of the same standard, writes and reads.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { FormReader, type SetupFields } from "../../src/setup/form.js";
import { rounds, share } from "../effort.js";
import { join, seeded } from "../mqtt/recorder.js";

/** All of a form at once. */
function parseForm(body: Uint8Array, start: number, end: number): SetupFields | undefined {
  const reader = new FormReader(body, start, end, undefined);
  while (reader.step());
  return reader.fields;
}

const NAMES = [
  "ssid",
  "wifiPassword",
  "host",
  "port",
  "user",
  "password",
  "root",
  "mode",
  "wiring",
  "convention",
] as const;
const NOTHING = Object.fromEntries(NAMES.map((name) => [name, undefined]));

function parse(text: string | Uint8Array): SetupFields | undefined {
  const bytes = typeof text === "string" ? Buffer.from(text) : text;
  return parseForm(bytes, 0, bytes.length);
}

describe("setup/form", () => {
  it("takes every field", () => {
    const fields = {
      ssid: "home",
      wifiPassword: "correct horse",
      host: "broker.local",
      port: "1883",
      user: "me",
      password: "secret",
      root: "home/door",
      mode: "battery",
      wiring: "rst+gpio",
      convention: "none",
    };
    assert.deepEqual(parse(new URLSearchParams(fields).toString()), fields);
  });

  it("what was not sent is undefined, what was sent empty is empty", () => {
    assert.deepEqual(parse(""), NOTHING);
    assert.deepEqual(parse("wifiPassword=&ssid=a"), { ...NOTHING, ssid: "a", wifiPassword: "" });
    assert.deepEqual(parse("user"), { ...NOTHING, user: "" });
    assert.deepEqual(parse("&&ssid=a&"), { ...NOTHING, ssid: "a" });
    assert.deepEqual(parse("ssid=a=b"), { ...NOTHING, ssid: "a=b" });
  });

  const values: readonly [string, string][] = [
    ["signs that mean something in a form", `+ & % " = # ? ; /`],
    ["an emoji and Croatian letters", "\u{1f6a8} cvr\u010dak \u0111\u017e\u0161"],
    ["a passphrase of 63 characters", "correct horse battery staple ".repeat(3).slice(0, 63)],
    ["a key of 64 hex digits", "0123456789abcdefABCDEF0123456789".repeat(2)],
    ["spaces at both ends", "  a b  "],
    ["control characters", "\u0001\t\r\n\u007f\u0085"],
    ["the edges of UTF-8", "\u007f\u0080\u07ff\u0800\ud7ff\ue000\ufeff\uffff\u{10000}\u{10ffff}"],
  ];
  for (const [title, value] of values) {
    it(`brings through ${title}`, () => {
      assert.equal(parse(new URLSearchParams({ wifiPassword: value }).toString())?.wifiPassword, value);
      // Sent raw, as a form may.
      const raw = value.replaceAll("%", "%25").replaceAll("+", "%2b").replaceAll("&", "%26");
      assert.equal(parse(`ssid=${raw}`)?.ssid, value);
    });
  }

  it("reads only its range and leaves the bytes alone", () => {
    const body = Buffer.from("XXssid=a+b&mode=%6dainsYY=&%");
    const copy = Buffer.from(body);
    assert.deepEqual(parseForm(body, 2, body.length - 5), { ...NOTHING, ssid: "a b", mode: "mains" });
    assert.deepEqual(body, copy);
    assert.deepEqual(parseForm(body.subarray(2), 0, 8), { ...NOTHING, ssid: "a b" });
    assert.deepEqual(parseForm(Buffer.from("ssid=ab&"), 0, 6), { ...NOTHING, ssid: "a" });
    assert.equal(parseForm(Buffer.from("ssid=%41"), 0, 7), undefined, "the second digit lies behind the end");
  });

  describe("refuses", () => {
    const bad: readonly [string, string][] = [
      ["a % at the end", "ssid=a%"],
      ["a % with one digit", "ssid=a%4"],
      ["a % with one digit before the next field", "ssid=a%4&mode=mains"],
      ["a % without digits", "ssid=%zz"],
      ["a % whose second is no digit", "ssid=%4g"],
      ["a bad % in a name", "ss%id=a"],
      ["an unknown field", "ssid=a&colour=red"],
      ["a field without a name", "=a"],
      ["the name of an object's property", "__proto__=a"],
      ["a name in another case", "SSID=a"],
      ["a field twice", "ssid=a&mode=mains&ssid=b"],
      ["a field twice, empty", "ssid=&ssid="],
    ];
    for (const [title, text] of bad) it(title, () => assert.equal(parse(text), undefined));

    const ill: readonly [string, string][] = [
      ["a continuation byte alone", "%80"],
      ["a lead byte alone", "%c3"],
      ["a sequence cut short", "%e2%82"],
      ["a sequence broken off", "%e2%82a"],
      ["a second byte that is none", "%c3a"],
      ["overlong forms", "%c0%80"],
      ["overlong forms of three bytes", "%e0%9f%bf"],
      ["overlong forms of four bytes", "%f0%8f%bf%bf"],
      ["a surrogate", "%ed%a0%80"],
      ["more than U+10FFFF", "%f4%90%80%80"],
      ["a lead byte that does not exist", "%f5%80%80%80"],
      ["0xff", "%ff"],
    ];
    for (const [title, value] of ill) {
      it(`bytes that are no UTF-8: ${title}`, () => {
        assert.equal(parse(`ssid=a${value}`), undefined);
        assert.equal(parse(`ssid=${value}&mode=mains`), undefined);
      });
    }

    it("raw bytes that are no UTF-8", () => {
      for (const bytes of [[0xc3, 0x28], [0xc3], [0xe2, 0x82], [0xf0, 0x9f, 0x9a]]) {
        assert.equal(parse(join(Buffer.from("ssid="), new Uint8Array(bytes))), undefined);
      }
    });
  });

  it("agrees with URLSearchParams on random text", () => {
    const random = seeded(80);
    const units = [0x20, 0x25, 0x26, 0x2b, 0x3d, 0x22, 0x41, 0x7a, 0x10d, 0x20ac, 0x1f6a8, 0x10ffff, 1];
    for (let round = 0; round < rounds(3000); round += 1) {
      const entries = NAMES.filter(() => random() % 2 === 0).map((name) => {
        const text = Array.from({ length: random() % 40 }, () => {
          const pick = units[random() % (units.length * 2)];
          return String.fromCodePoint(pick ?? 0x20 + (random() % 0xd000));
        });
        return [name, text.join("")] as const;
      });
      assert.deepEqual(parse(new URLSearchParams(Object.fromEntries(entries)).toString()), {
        ...NOTHING,
        ...Object.fromEntries(entries),
      });
    }
  });

  it("agrees with URLSearchParams and a strict decoder on random bytes", () => {
    const random = seeded(81);
    const alphabet = ["%", "4", "1", "c3", "%a4", "%e2%82%ac", "+", "a", "%C4%8D", "\u010d", "%f0", "%zz"];
    let valid = 0;
    for (let round = 0; round < rounds(20_000); round += 1) {
      const value = Array.from({ length: random() % 5 }, () => alphabet[random() % alphabet.length]).join("");
      const isWhole = !/%(?![0-9a-f]{2})/i.test(value);
      let expected: string | undefined;
      try {
        if (isWhole) expected = decodeURIComponent(value.replaceAll("+", " "));
      } catch {
        // Not UTF-8: nothing is expected.
      }
      if (expected !== undefined) valid += 1;
      assert.equal(parse(`ssid=${value}`)?.ssid, expected, value);
    }
    assert.ok(valid > share(1000));
  });
});

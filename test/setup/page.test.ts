// What can be said of the page without a browser: its size, its characters, and that it asks nobody else.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PAGE as PIECES } from "../../src/setup/page.js";
import { parsing } from "../effort.js";

const PAGE = PIECES.join("");

const script = /<script>([\s\S]*)<\/script>/.exec(PAGE)?.[1] ?? "";

describe("setup/page", () => {
  it("is ASCII and has at most 8,192 bytes", () => {
    assert.match(PAGE, /^[\n\x20-\x7e]+$/);
    assert.ok(Buffer.byteLength(PAGE) <= 8192, `${PAGE.length} bytes`);
    assert.ok(PAGE.startsWith("<!DOCTYPE html>"));
  });

  it("asks for nothing from elsewhere", () => {
    assert.doesNotMatch(PAGE, /https?:|\/\/[a-z]|@import|<(img|iframe|object|link rel=stylesheet)|src=|url\(/i);
    assert.match(PAGE, /<link rel=icon href=data:,>/, "no request for an icon, which would lead to the page again");
  });

  it("puts nothing that was typed into an address", () => {
    assert.deepEqual(
      [...PAGE.matchAll(/<form[^>]*>/g)].map(([tag]) => /method=post/.test(tag)),
      [true],
    );
    assert.doesNotMatch(PAGE, /location|pushState|\?["']\+|localStorage|cookie/);
    assert.deepEqual([...script.matchAll(/ask\("([^"]+)"/g)].map((match) => match[1]).sort(), [
      "/more",
      "/scan",
      "/status",
      "/status",
      "/try",
    ]);
  });

  it("tells browsers to keep, complete, correct and capitalize nothing", () => {
    const form = /<form[^>]*>/.exec(PAGE)?.[0] ?? "";
    for (const attribute of ["autocomplete=off", "autocapitalize=none", "autocorrect=off", "spellcheck=false"]) {
      assert.ok(form.includes(attribute), attribute);
    }
    for (const id of ["key", "password"]) assert.match(PAGE, new RegExp(`<input id=${id} type=password`));
  });

  it("says what to do without JavaScript", () => {
    assert.match(PAGE, /<noscript>.*JavaScript.*192\.168\.4\.1.*<\/noscript>/);
  });

  it("has a label for each field, once each", () => {
    const fields = [...PAGE.matchAll(/<(?:input|select) [^>]*id=(\w+)/g)].map((match) => match[1] as string);
    assert.deepEqual(fields, [
      "other",
      "ssid",
      "key",
      "eye",
      "host",
      "port",
      "user",
      "password",
      "root",
      "mode",
      "wiring",
      "convention",
    ]);
    for (const id of fields) {
      const isLabelled =
        PAGE.includes(`<label for=${id}>`) || new RegExp(`<label class=pick><input [^>]*id=${id}`).test(PAGE);
      assert.ok(isLabelled, id);
    }
  });

  parsing.it("is script that small browsers of phones understand", () => {
    assert.doesNotMatch(script, /\?\.|\?\?|\|\|=|#[a-z]|replaceAll|\.at\(/);
    new Function(script);
  });
});

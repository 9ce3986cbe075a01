// The inputs that are kept: what once failed must not fail again, and what was hard to reach stays reached.

import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, it } from "mocha";
import { readCorpus } from "../../host-sim/fuzz/corpus.js";
import { loadSources } from "../../host-sim/fuzz/sources.js";
import { tryInput } from "../../host-sim/fuzz/target.js";
import { TARGETS } from "../../host-sim/fuzz/targets.js";

const FOLDER = fileURLToPath(new URL("corpus", import.meta.url));

describe("corpus of the fuzzer", () => {
  const corpus = readCorpus(FOLDER);

  for (const { target, file, input } of corpus) {
    it(`${file}: every promise holds`, async () => {
      const finding = tryInput(TARGETS[target].make(await loadSources()), input);
      assert.equal(finding, undefined, `${finding?.detail}\n  npm run fuzz -- --replay test/fuzz/corpus/${file}`);
    });
  }

  it("has something for each target", () => {
    for (const name of Object.keys(TARGETS))
      assert.ok(
        corpus.some(({ target }) => target === name),
        name,
      );
  });

  it("stays small, and says what each is", () => {
    const files = readdirSync(FOLDER, { recursive: true }).map((name) => join(FOLDER, String(name)));
    const sizes = files.map((file) => statSync(file)).filter((each) => each.isFile());
    assert.equal(sizes.length, corpus.length, "each file is in a target's folder");
    assert.ok(sizes.length <= 40, `${sizes.length} files`);
    const bytes = sizes.reduce((sum, { size }) => sum + size, 0);
    assert.ok(bytes <= 20_000, `${bytes} bytes`);
  });
});

// Which modules an image has: the firmware's under the specifiers of its manifest, preloaded as the manifest says, and
// a bundle as one module; imports of the board apart.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { describe, it } from "mocha";
import { bundleSources, firmwareSources, readManifest } from "../../../host-sim/xs/sources.js";

function withFiles<T>(files: Readonly<Record<string, string>>, use: (directory: string) => T): T {
  const directory = mkdtempSync(join(tmpdir(), "alertbox-sources-"));
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), text);
    }
    return use(directory);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

describe("the modules of an image", () => {
  it("are those of the firmware, all of them in the manifest, and those that it preloads", () => {
    const { preload, stripped, creation } = readManifest();
    const { modules, imports } = firmwareSources(undefined, preload, stripped);
    const names = modules.map(({ specifier }) => specifier);
    assert.equal(names.pop(), "~stripped");
    for (const name of ["Array.from", "String.prototype.repeat"]) assert.ok(modules.at(-1)?.code.includes(name), name);
    assert.ok(names.includes("mqtt/session") && names.includes("device/mqtt-link") && names.at(-1) === "main");
    for (const { specifier, preload: isPreloaded } of modules) assert.equal(isPreloaded, true, specifier);
    assert.ok(imports.includes("embedded:io/socket/tcp") && imports.includes("mc/config"));
    assert.ok(creation.static >= 16384 && creation.stack >= 256);
  });

  it("import one another by specifier, whatever the form of the import", () => {
    const files = {
      "main.ts":
        'import { a, type A } from "./one/a.js";\nimport "./one/b.js";\nexport * from "timer";\nexport const x: A = a;\n',
      "one/a.ts":
        'import {\n  b,\n} from "../one/b.js";\nexport type A = number;\nexport const a = b + " from \\"./b.js\\";";\n',
      "one/b.ts": 'import type { A } from "./a.js";\nexport const b: A = 1;\n',
    };
    withFiles(files, (directory) => {
      const { modules, imports } = firmwareSources(directory);
      const code = new Map(modules.map((module) => [module.specifier, module.code]));
      assert.deepEqual([...code.keys()].sort(), ["main", "one/a", "one/b"]);
      assert.match(code.get("main") ?? "", /from "one\/a";\nimport "one\/b";\nexport \* from "timer";/);
      assert.match(code.get("one/a") ?? "", /from "one\/b";/);
      assert.match(code.get("one/a") ?? "", /from "\.\/b\.js"/, "text stays text");
      assert.doesNotMatch(code.get("one/b") ?? "", /import/);
      assert.deepEqual(imports, ["timer"]);
      assert.deepEqual(
        modules.map(({ preload }) => preload),
        modules.map(({ specifier }) => specifier !== "main"),
      );
    });
  });

  it("must exist", () => {
    withFiles({ "main.ts": 'import "./gone.js";\n' }, (directory) => {
      assert.throws(() => firmwareSources(directory), /main imports ".\/gone.js": no such module/);
    });
  });

  it("of a script are itself with all that it imports by path, and a main", () => {
    const files = {
      "s.js": 'import { t } from "./t.js";\nimport T from "timer";\nexport default () => T.set(t);\n',
      "t.js": "export const t = 1;\n",
    };
    withFiles(files, (directory) => {
      const { modules, imports } = bundleSources(
        join(directory, "s.js"),
        'import s from "bundle";\nimport W from "wifi";\n',
      );
      assert.deepEqual(
        modules.map(({ specifier, preload }) => [specifier, preload]),
        [
          ["bundle", true],
          ["main", false],
        ],
      );
      assert.deepEqual(imports, ["timer", "wifi"]);
    });
  });
});

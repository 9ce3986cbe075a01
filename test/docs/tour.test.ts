// docs/tour.md, followed in real Chromium on the real bench: whatever a step says is to be clicked can be clicked under
// that name, and whatever it says is to be read stands there while the step is done. The pictures are there and small.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { after, before, describe, it } from "mocha";
import type { Browser, Page } from "playwright-core";
import { TOUR } from "../../docs/tour.js";
import { Bench } from "../../host-sim/bench.js";
import type { BenchBoard } from "../../host-sim/bench-board.js";
import { freePort } from "../../host-sim/free-port.js";
import { parseOptions } from "../../host-sim/options.js";
import { buildPage, PageServer } from "../../host-sim/server.js";
import { idOf } from "../alert-id.js";
import { openChromium, openContext } from "../host-sim/chromium.js";

const DOCS = new URL("../../docs/", import.meta.url).pathname;
const text = readFileSync(`${DOCS}tour.md`, "utf8");

interface Chapter {
  readonly number: number;
  /** What is clicked. */
  readonly controls: readonly string[];
  /** What is read. */
  readonly words: readonly string[];
  readonly pictures: readonly string[];
}

const all = (source: string, pattern: RegExp) => [...source.matchAll(pattern)].map(([, found = ""]) => found);

const chapters: readonly Chapter[] = text
  .split(/^## /m)
  .slice(1)
  .map((source) => {
    // Sentences break where they will.
    const plain = source.replace(/\s+/g, " ");
    return {
      number: Number.parseInt(source, 10),
      controls: all(plain, /\*\*([^*]+)\*\*/g),
      words: all(plain.replace(/\*\*[^*]+\*\*/g, ""), /\*([^*]+)\*/g),
      pictures: all(plain, /!\[[^\]]+\]\(tour\/([^)]+)\)/g),
    };
  });

/** Runs in the page: gathers in `window.read` whatever is to be read there, frame by frame. */
const READER = `(() => {
  window.read = "";
  const look = () => {
    const now = document.body?.innerText ?? "";
    if (!window.read.endsWith(now)) window.read += now;
    requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
})()`;

describe("docs/tour.md", () => {
  it("has the steps that are walked, in their order, each with its picture", () => {
    assert.deepEqual(
      chapters.map(({ number, pictures }) => [number, ...pictures]),
      TOUR.map(({ number, picture }) => [number, ...(picture === undefined ? [] : [picture])]),
    );
    assert.ok(chapters.length >= 5);
  });

  it("has few and small pictures, and no others lie beside them", () => {
    const pictures = chapters.flatMap((chapter) => chapter.pictures);
    assert.deepEqual(readdirSync(`${DOCS}tour`).sort(), [...pictures].sort());
    for (const name of pictures) {
      assert.ok(statSync(`${DOCS}tour/${name}`).size < 150_000, name);
      assert.equal(readFileSync(`${DOCS}tour/${name}`).subarray(1, 4).toString(), "PNG");
    }
  });

  it("leads only to files that are there", () => {
    for (const link of all(text, /\]\(([^)#:]+)\)/g)) assert.ok(existsSync(`${DOCS}${link}`), link);
  });

  describe("in real Chromium, on the real bench", () => {
    let browser: Browser | undefined;
    let bench: Bench;
    let server: PageServer;
    let page: Page;

    before(async function () {
      browser = await openChromium(this);
      const parsed = parseOptions(["--port", `${await freePort()}`, "--setup-port", "0"]);
      assert.ok(parsed.kind === "run");
      bench = await Bench.start(parsed.options, 5000);
      server = await PageServer.start({ stage: bench, assets: await buildPage(), port: 18_280, exactly: false });
      page = await (await openContext(browser, { viewport: { width: 1280, height: 860 } })).newPage();
      await page.addInitScript(READER);
      await page.goto(server.url);
    });

    after(async () => {
      if (browser === undefined) return;
      await Promise.all([browser.close(), server.close(), bench.close()]);
    });

    for (const { number, go } of TOUR) {
      it(`step ${number}: what it says is there`, async () => {
        const chapter = chapters.find((each) => each.number === number);
        assert.ok(chapter !== undefined);
        await page.evaluate("window.read = ''");
        await go(page);
        for (const name of chapter.controls) {
          // Some are on a panel that the step has left again.
          const options = { name, includeHidden: true } as const;
          const named = (["button", "tab", "switch"] as const).map((role) => page.getByRole(role, options));
          const counts = await Promise.all(named.map((control) => control.count()));
          assert.ok(
            counts.some((count) => count > 0),
            `nothing to click is called "${name}"`,
          );
        }
        // The second alert has the number that this box has drawn in place of the one in the text and its pictures.
        const second = idOf((bench.boards[0] as BenchBoard).board, 2);
        for (const told of [...chapter.controls, ...chapter.words]) {
          const word = told.replace(/\b5750-2-\d+/, second);
          await page.waitForFunction(`window.read.includes(${JSON.stringify(word)})`);
        }
      });
    }

    it("ends with two presses that arrived once each, as the tour says", async () => {
      const [board] = bench.boards;
      assert.deepEqual([board?.view.presses, board?.view.alerts, board?.view.duplicates], [2, 2, 0]);
      await page.keyboard.press("?");
      const keys = await page.getByRole("dialog").locator("kbd").allTextContents();
      for (const key of all(text, /hit `(.)`|`(.)` lists/g).filter(Boolean)) assert.ok(keys.includes(key), key);
    });
  });
});

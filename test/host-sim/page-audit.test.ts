// What a browser's own audit would ask of the page, item by item, with every panel full: its head, its headings and
// landmarks, targets for fingers, the focus, motion, what it loads, what it must not use. Contrast and names are axe's
// affair (page.test.ts, page-busy.test.ts); that nothing moves is in page-busy.test.ts.

import assert from "node:assert/strict";
import { it } from "mocha";
import type { CDPSession } from "playwright-core";
import { furnish, pressOnce } from "./busy-stage.js";
import { describePage, type Visit } from "./page-visit.js";

/** Two places show one of them each; "What happens" goes last, when everything else was seen. */
const PANELS = ["Timeline", "Packets", "Broker", "Memory", "Supply", "Faults", "Scenarios", "What happens"] as const;

/** WCAG 2.2, 2.5.8, at level AA: CSS pixels, each way. */
const TARGET = 24;

/** Bytes of all that is loaded, without the map to the sources that developer tools read. A page is no application. */
const BUDGET = 400_000;

/** Runs in the page: what a finger may hit and is too small for it. A radio button's target is the label around it. */
const SMALL_TARGETS = `(() => {
  const all = document.querySelectorAll(
    "button, a[href], input, select, textarea, summary, [role=tab], [role=option], [role=treeitem], [role=switch]");
  return [...all].filter((each) => each.checkVisibility()).flatMap((each) => {
    // A link in a sentence is as high as its line.
    if (each.matches("a") && getComputedStyle(each).display === "inline" && each.closest("p")) return [];
    const target = each.matches("input[type=radio], input[type=checkbox]") ? each.closest("label") ?? each : each;
    const { width, height } = target.getBoundingClientRect();
    const name = each.id || each.className || each.textContent.trim();
    return width >= ${TARGET} && height >= ${TARGET} ? [] : [name + ": " + width.toFixed(1) + " x " + height.toFixed(1)];
  });
})()`;

/** Runs in the page: the levels of the headings that are there, in their order. */
const HEADINGS = `[...document.querySelectorAll("h1, h2, h3, h4, h5, h6")]
  .filter((each) => each.checkVisibility()).map(({ localName }) => Number(localName[1]))`;

/** Runs in the page: what has the focus, and whether somebody sees it, on itself or on what stands for it. */
const FOCUS = `(() => {
  const element = document.activeElement;
  const seen = [element, element.nextElementSibling ?? element, element.closest("label") ?? element]
    .some((each) => getComputedStyle(each).outlineStyle !== "none" && parseFloat(getComputedStyle(each).outlineWidth) >= 2);
  return { name: element.id || element.getAttribute("aria-label") || element.textContent.trim().slice(0, 30),
    isBody: element === document.body, seen };
})()`;

describePage("host-sim/page: an audit", (visit) => {
  async function openFull(options = {}): Promise<void> {
    furnish(visit.stage);
    for (let number = 1; number <= 21; number += 1) pressOnce(visit.stage, number, 500 + number);
    visit.stage.tell("pressed", "", { opens: true, source: "bench" });
    visit.stage.tell("stored", "5750-22-40146");
    visit.stage.tell("power off", "", { source: "bench" });
    await visit.open(options);
    await visit.page.getByText("Why 5750-22-40146 is not lost").waitFor();
  }

  /** Does this with each panel in sight. */
  async function withEach(look: (panel: string) => Promise<void>): Promise<void> {
    for (const panel of PANELS) {
      await visit.page.getByRole("tab", { name: panel }).click();
      await visit.page.getByRole("tabpanel", { name: panel }).waitFor();
      await look(panel);
    }
  }

  it("has a title, a language, a viewport that can be zoomed, a description and an icon", async () => {
    await visit.open();
    const { page, server } = visit;
    const head = (await page.evaluate(`({
      doctype: document.doctype?.name, charset: document.characterSet, title: document.title,
      lang: document.documentElement.lang,
      viewport: document.querySelector("meta[name=viewport]")?.content,
      description: document.querySelector("meta[name=description]")?.content,
      icon: document.querySelector("link[rel=icon]")?.href,
    })`)) as Record<string, string>;
    assert.deepEqual([head["doctype"], head["charset"], head["lang"]], ["html", "UTF-8", "en"]);
    assert.equal(head["title"], "alertbox bench");
    assert.equal(head["viewport"], "width=device-width, initial-scale=1", "nobody is kept from zooming");
    assert.match(head["description"] ?? "", /^.{50,160}$/);
    const icon = await fetch(head["icon"] ?? "");
    assert.equal(icon.status, 200);
    assert.equal(icon.headers.get("content-type"), "image/svg+xml");
    assert.ok(head["icon"]?.startsWith(server.url));
  });

  it("has one first heading, and none is deeper than the one before by more than a level", async () => {
    await openFull();
    await withEach(async (panel) => {
      const levels = (await visit.page.evaluate(HEADINGS)) as number[];
      assert.deepEqual([levels[0], levels.filter((level) => level === 1).length], [1, 1]);
      for (const [index, level] of levels.entries()) {
        assert.ok(level <= (levels[index - 1] ?? 0) + 1, `${panel}: h${levels[index - 1]} is followed by h${level}`);
      }
    });
  });

  it("has each landmark once: banner, main, navigation, content information", async () => {
    await openFull();
    for (const role of ["banner", "main", "navigation", "contentinfo"] as const) {
      assert.equal(await visit.page.getByRole(role).count(), 1, role);
    }
    await visit.assertAccessible();
  });

  for (const width of [360, 1280]) {
    it(`has targets that a finger hits, at ${width} pixels`, async () => {
      await openFull({ viewport: { width, height: 800 }, hasTouch: true, isMobile: true });
      assert.equal(await visit.page.evaluate("matchMedia('(any-pointer: coarse)').matches"), true);
      await withEach(async (panel) => {
        assert.deepEqual(await visit.page.evaluate(SMALL_TARGETS), [], panel);
      });
    });
  }

  it("shows where the focus is, on everything that can have it", async () => {
    await openFull();
    await withEach(async (panel) => {
      await visit.page.getByRole("tab", { name: panel }).focus();
      for (let count = 0; count < 60; count += 1) {
        await visit.page.keyboard.press("Tab");
        const { name, isBody, seen } = (await visit.page.evaluate(FOCUS)) as {
          name: string;
          isBody: boolean;
          seen: boolean;
        };
        if (isBody || name === "copy") break;
        assert.ok(seen, `${panel}: ${name}`);
      }
    });
  });

  for (const reducedMotion of ["reduce", "no-preference"] as const) {
    it(`moves nothing by itself, with motion "${reducedMotion}"`, async () => {
      await openFull({ reducedMotion });
      pressOnce(visit.stage, 22, 500);
      visit.stage.emit({ type: "led", board: 0, on: true, at: 1 });
      await withEach(async (panel) => {
        assert.deepEqual(
          await visit.page.evaluate("document.getAnimations().map(({ effect }) => effect.target.className)"),
          [],
          panel,
        );
      });
      const pressed = visit.page.locator("#reset");
      await pressed.hover();
      await visit.page.mouse.down();
      const transform = await visit.page.evaluate("getComputedStyle(document.querySelector('#reset')).transform");
      assert.equal(transform === "none", reducedMotion === "reduce", "a button that is pressed moves by a pixel");
      await visit.page.mouse.up();
    });
  }

  it("asks this machine only, gets all of it, and states how much that is", async () => {
    const answers: { url: string; status: number; bytes: number }[] = [];
    await visit.open();
    const { page } = visit;
    page.on("response", async (response) => {
      const body = await response.text();
      // The map to the sources is for developer tools.
      const text = body.replace(/\n\/[/*]# sourceMappingURL=data:.*/s, "");
      answers.push({ url: response.url(), status: response.status(), bytes: Buffer.byteLength(text) });
    });
    await page.reload({ waitUntil: "networkidle" });
    await visit.live();
    assert.ok(answers.length >= 3);
    for (const { url, status } of answers) {
      assert.ok(url.startsWith(visit.server.url), url);
      assert.equal(status, 200, url);
    }
    const total = answers.reduce((sum, { bytes }) => sum + bytes, 0);
    console.log(`      the page has ${total} bytes in ${answers.length} files`);
    assert.ok(total < BUDGET, `${total} bytes in ${answers.length} files; the budget is ${BUDGET}`);
  });

  it("listens to no unload, and uses nothing that the browser calls deprecated or an issue", async () => {
    await visit.open();
    const session = await visit.page.context().newCDPSession(visit.page);
    const issues = await issuesOf(session, visit);
    assert.deepEqual(issues, []);
    const { result } = await session.send("Runtime.evaluate", { expression: "window" });
    const { listeners } = await session.send("DOMDebugger.getEventListeners", { objectId: result.objectId ?? "" });
    const types = listeners.map(({ type }) => type);
    assert.ok(types.includes("keydown"), "listeners are seen");
    for (const type of ["unload", "beforeunload"]) assert.ok(!types.includes(type), type);
  });

  it("runs with a policy that lets in no script but its own", async () => {
    const { headers } = await fetch(visit.server.url);
    const policy = headers.get("content-security-policy") ?? "";
    for (const rule of ["default-src 'none'", "script-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"]) {
      assert.ok(policy.includes(rule), rule);
    }
    assert.doesNotMatch(policy, /unsafe/);
    await visit.open();
  });
});

/** What Chromium itself finds fault with while the page is loaded anew and used. */
async function issuesOf(session: CDPSession, visit: Visit): Promise<string[]> {
  const issues: string[] = [];
  session.on("Audits.issueAdded", ({ issue }) => issues.push(`${issue.code} ${JSON.stringify(issue.details)}`));
  session.on("Log.entryAdded", ({ entry }) => issues.push(`${entry.level} ${entry.text}`));
  await session.send("Audits.enable");
  await session.send("Log.enable");
  await visit.page.reload();
  await visit.live();
  furnish(visit.stage);
  pressOnce(visit.stage, 1, 500);
  for (const panel of PANELS) await visit.page.getByRole("tab", { name: panel }).click();
  await visit.page.keyboard.press("?");
  await visit.page.keyboard.press("Escape");
  await session.send("Audits.disable");
  return issues;
}

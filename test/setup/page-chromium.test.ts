// The setup page in real Chromium at the size of a phone, served by the portal through conversations over TCP: what a
// person sees, chooses and types, and what reaches the box.

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import type { Browser, BrowserContext, BrowserContextOptions, Page } from "playwright-core";
import type { Portal, PortalFacts } from "../../src/setup/portal.js";
import { openChromium, openContext } from "../host-sim/chromium.js";
import { type Box, FACTS, NEW, open, PortalHost } from "./rig.js";

const NOTHING = {
  ssid: undefined,
  wifiPassword: undefined,
  host: undefined,
  port: undefined,
  user: undefined,
  password: undefined,
  root: undefined,
  mode: undefined,
  wiring: undefined,
};
/** What the page sends when a person touches nothing. */
const UNTOUCHED = {
  ...NOTHING,
  ssid: "home",
  host: "broker.local",
  port: "1883",
  root: "mresetar/alertbox/5750",
  mode: "mains",
  wiring: "gpio",
  convention: "home-assistant",
};

/** Runs in the page: visible text with too little contrast to what is behind it (WCAG 2.2, 1.4.3). */
const LOW_CONTRAST = `(() => {
  const parse = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const linear = (v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
      if (a === 1) return [r, g, b];
    }
    return [255, 255, 255];
  };
  const ratio = (color, element) => {
    const [light, dark] = [luminance(parse(color)), luminance(behind(element))].sort((a, b) => b - a);
    return (light + 0.05) / (dark + 0.05);
  };
  const bad = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (walker.currentNode.data.trim() === "" || element.closest("script, noscript")) continue;
    if (element.getClientRects().length === 0) continue;
    const found = ratio(getComputedStyle(element).color, element);
    if (found < 4.5) bad.push(walker.currentNode.data + " " + found.toFixed(2));
  }
  for (const input of document.querySelectorAll("input[placeholder]")) {
    const found = ratio(getComputedStyle(input, "::placeholder").color, input);
    if (found < 4.5) bad.push("placeholder of " + input.id + " " + found.toFixed(2));
    if (ratio(getComputedStyle(input).borderTopColor, input.parentElement) < 3) bad.push("border of " + input.id);
  }
  return bad;
})()`;

/** Runs in the page: controls that a finger would miss (at least 44 px, or in a row that is), and sideways scroll. */
const HARD_TO_HIT = `(() => {
  const bad = [];
  for (const control of document.querySelectorAll("button, input, select, summary")) {
    const target = control.closest(".pick") ?? control;
    const box = target.getBoundingClientRect();
    if (box.height > 0 && box.height < 44) bad.push(control.id || control.textContent);
  }
  if (document.documentElement.scrollWidth > innerWidth) bad.push("scrolls sideways");
  return bad;
})()`;

describe("setup/page in Chromium", () => {
  let browser: Browser | undefined;
  let context: BrowserContext;
  let page: Page;
  let complaints: string[];
  let box: Box;
  let portal: Portal;
  let host: PortalHost;
  /** Milliseconds since the box opened its setup; runs as long as nothing sets it. */
  let clock: () => number;

  before(async function () {
    browser = await openChromium(this);
  });

  after(() => browser?.close());

  beforeEach(async () => {
    const begun = Date.now();
    clock = () => (Date.now() - begun) | 0;
    complaints = [];
    host = await PortalHost.start(
      () => portal,
      () => clock(),
    );
  });

  afterEach(async () => {
    await context?.close();
    await host.close();
    assert.deepEqual(complaints, [], "the console stays empty and every request stays here");
  });

  async function visit(facts: PortalFacts = FACTS, options: BrowserContextOptions = {}): Promise<void> {
    ({ box, portal } = open(facts));
    box.closesAt = 120_000;
    portal.heard("home", -50, false);
    portal.heard("caf\u00e9 <b>&amp;</b>", -62, true);
    portal.heard("neighbour", -80, false);
    context = await openContext(browser as Browser, { viewport: { width: 390, height: 844 }, ...options });
    page = await context.newPage();
    page.on("console", (message) => {
      const isNetwork = message.text().startsWith("Failed to load resource");
      if (["error", "warning"].includes(message.type()) && !isNetwork) complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("request", (request) => {
      const url = request.url();
      if (!url.startsWith(`${host.url}/`) && !url.startsWith("data:")) complaints.push(url);
      if (/[?&=]/.test(new URL(url).search)) complaints.push(url);
    });
    await page.goto(`${host.url}/`);
    await page.getByRole("button", { name: "Try and save" }).waitFor();
  }

  const submit = () => page.getByRole("button", { name: "Try and save" }).click();
  const card = () => page.locator("#say");
  /** Waits until the card says this. */
  const says = (text: string) => card().filter({ hasText: text }).waitFor();

  it("first set-up: choose a network, type, submit, see the failing step, mend it, done", async () => {
    await visit(NEW);
    assert.match(await page.locator("h1").innerText(), /^AlertBox 5750$/);
    await page.getByRole("radio", { name: "home secured, signal 4 of 4" }).check();
    await page.getByLabel("Wi-Fi password").fill("wrong + 100% \u0111");
    await page.getByLabel("Name or address").fill(" 192.168.1.10 ");
    await page.getByText("User and password:").click();
    await page.getByLabel("User", { exact: true }).fill("me");
    await page.getByLabel("Password", { exact: true }).fill('"&=');
    await submit();
    await says("Trying your settings");
    assert.deepEqual(box.fields, {
      ...UNTOUCHED,
      wifiPassword: "wrong + 100% \u0111",
      host: " 192.168.1.10 ",
      user: "me",
      password: '"&=',
    });
    assert.ok(await page.locator("#f").isHidden());
    assert.equal(await page.locator("li[aria-current=step]").innerText(), "Wi-Fi");

    portal.report("failed", "wifi", "The password is wrong.");
    await says("Wi-Fi failed");
    assert.match(await card().innerText(), /The password is wrong\. Nothing was saved/);
    assert.equal(await page.evaluate("document.activeElement.id"), "say", "the focus is on the message");
    assert.equal(await page.getByLabel("Wi-Fi password").inputValue(), "wrong + 100% \u0111");
    assert.equal(await page.getByLabel("Password", { exact: true }).inputValue(), '"&=');

    await page.getByLabel("Wi-Fi password").fill("right");
    await submit();
    await says("Trying your settings");
    assert.equal(box.fields?.wifiPassword, "right");
    for (const [step, name] of [
      ["address", "Address"],
      ["name", "Broker"],
      ["broker", "Broker"],
      ["login", "Login"],
    ] as const) {
      portal.report("trying", step, "");
      await page.locator("li[aria-current=step]", { hasText: name }).waitFor();
    }
    assert.deepEqual(await page.locator("li.ok").allInnerTexts(), ["Wi-Fi", "Address", "Broker"]);
    portal.report("done", "", "");
    await says("Saved.");
    assert.match(await card().innerText(), /The box is connected\. You can close this page\./);
    assert.ok(await page.locator("#f").isHidden());
    assert.ok(await page.getByRole("button", { name: "More time" }).isHidden());
  });

  it("names the step that failed", async () => {
    await visit();
    for (const [step, title] of [
      ["address", "No address"],
      ["name", "Broker not found"],
      ["broker", "No answer from broker"],
      ["login", "Login refused"],
      ["form", "Not saved"],
    ] as const) {
      portal.report("failed", step, `Because of <${step}>.`);
      await says(title);
      await says(`Because of <${step}>.`);
      assert.equal(await page.locator("li.no:visible").count(), step === "form" ? 0 : 1);
    }
  });

  describe("sends only what is to change", () => {
    it("untouched: no password, no user", async () => {
      await visit();
      assert.equal(await page.getByLabel("Wi-Fi password").getAttribute("placeholder"), "unchanged");
      await page.getByText("User and password: unchanged").waitFor();
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, UNTOUCHED);
    });

    it("a new password for the network in force", async () => {
      await visit();
      await page.getByLabel("Wi-Fi password").fill("other");
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, { ...UNTOUCHED, wifiPassword: "other" });
    });

    it("another broker: its user and password, none if none are given", async () => {
      await visit();
      await page.getByLabel("Port").fill("8883");
      await page.getByText("User and password: none").waitFor();
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, { ...UNTOUCHED, port: "8883", user: "", password: "" });
    });

    it("no user any more, at the same broker", async () => {
      await visit();
      await page.getByText("User and password: unchanged").click();
      assert.equal(await page.getByLabel("User", { exact: true }).getAttribute("placeholder"), "unchanged");
      await page.getByRole("button", { name: "None" }).click();
      await page.getByText("User and password: none").waitFor();
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, { ...UNTOUCHED, user: "", password: "" });
    });

    it("an open network: no password, whatever was typed before", async () => {
      await visit();
      await page.getByLabel("Wi-Fi password").fill("something");
      await page.getByRole("radio", { name: "caf\u00e9 <b>&amp;</b> open, signal 3 of 4" }).check();
      assert.ok(await page.getByLabel("Wi-Fi password").isHidden());
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, { ...UNTOUCHED, ssid: "caf\u00e9 <b>&amp;</b>", wifiPassword: "" });
    });

    it("a hidden network, with and without a password", async () => {
      await visit(NEW);
      await page.getByRole("radio", { name: "Other network" }).check();
      await page.getByLabel("Name", { exact: true }).fill(" hidden ");
      await page.getByLabel("Name or address").fill("b");
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, {
        ...UNTOUCHED,
        ssid: " hidden ",
        wifiPassword: "",
        host: "b",
        user: "",
        password: "",
      });
      portal.report("failed", "wifi", "Not found.");
      await says("Not found.");
      await page.getByLabel("Wi-Fi password").fill("x".repeat(63));
      await submit();
      await says("Trying");
      assert.equal(box.fields?.wifiPassword, "x".repeat(63));
    });

    it("how it is powered and wired", async () => {
      await visit();
      await page.getByText("Advanced").click();
      assert.ok(await page.getByLabel("Button on").isHidden());
      await page.getByLabel("Topic root").fill("home/\u0111");
      await page.getByLabel("Power").selectOption("battery");
      await page.getByLabel("Button on").selectOption("RST and a GPIO");
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, { ...UNTOUCHED, root: "home/\u0111", mode: "battery", wiring: "rst+gpio" });
    });

    for (const [name, convention] of [
      ["Homie", "homie"],
      ["Tasmota", "tasmota"],
      ["None", "none"],
    ] as const) {
      it(`who is to hear of it: ${name}`, async () => {
        await visit();
        await page.getByText("Advanced").click();
        await page.getByLabel("Smart home").selectOption(name);
        await submit();
        await says("Trying");
        assert.deepEqual(box.fields, { ...UNTOUCHED, convention });
      });
    }

    it("nor who is to hear of it", async () => {
      await visit({ ...FACTS, convention: "none" });
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, { ...UNTOUCHED, convention: "none" });
    });

    it("a sleeper stays wired as it is, and as far as it can when it is to stay on", async () => {
      await visit({ ...FACTS, mode: "battery", wiring: "rst+gpio" });
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, { ...UNTOUCHED, mode: "battery", wiring: "rst+gpio" });
      portal.report("failed", "broker", "Gone.");
      await says("Gone.");
      await page.getByText("Advanced").click();
      await page.getByLabel("Power").selectOption("mains");
      await submit();
      await says("Trying");
      assert.deepEqual(box.fields, { ...UNTOUCHED, wiring: "rst+gpio" });
    });
  });

  describe("does not submit", () => {
    it("without a network, a password where one is needed, a broker", async () => {
      await visit(NEW);
      await submit();
      await page.getByLabel("Name or address").fill("b");
      await submit();
      await page.getByRole("radio", { name: "neighbour" }).check();
      await submit();
      await page.getByRole("radio", { name: "Other" }).check();
      await submit();
      assert.deepEqual(box.asked, []);
    });
  });

  it("what the box refuses at once is said, again and again", async () => {
    await visit();
    box.onTryDo = () => "port: must be a whole number from 1 to 65535.";
    for (let i = 0; i < 2; i += 1) {
      await page.evaluate("document.activeElement.blur()");
      await submit();
      await page.waitForFunction("document.activeElement.id === 'say'");
      assert.match(await card().innerText(), /Not saved\s+port: must be a whole number/);
    }
  });

  it("a second person is told to wait, and then sees how the other's trial goes", async () => {
    await visit();
    // Between two looks of this page, another phone has begun.
    await page.route("**/status", (route) => route.abort());
    portal.report("trying", "wifi", "");
    await submit();
    await says("The box is trying other settings");
    await page.unroute("**/status");
    await says("Trying your settings");
  });

  it("networks: the one in force is chosen, hidden names can be typed, a scan is asked for", async () => {
    await visit();
    assert.ok(await page.getByRole("radio", { name: "home" }).isChecked());
    await page.getByRole("radio", { name: "neighbour" }).check();
    await page.getByRole("button", { name: "Scan again" }).click();
    await page.getByText("Searching").waitFor();
    assert.deepEqual(box.asked, ["scan"]);
    portal.clearHeard();
    portal.heard("new one", -40, true);
    portal.heard("neighbour", -70, false);
    await page.getByRole("radio", { name: "new one" }).waitFor();
    assert.deepEqual(await page.locator("#list b").allInnerTexts(), ["new one", "neighbour"]);
    assert.ok(await page.getByRole("radio", { name: "neighbour" }).isChecked(), "the choice stays");
    await page.getByText("2 found").waitFor();
  });

  it("a network in force that is not heard stands as the other one, until it is heard", async () => {
    await visit({ ...FACTS, ssid: "far" });
    assert.ok(await page.getByRole("radio", { name: "Other" }).isChecked());
    assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "far");
    portal.heard("far", -90, false);
    await page.getByRole("radio", { name: "far" }).waitFor();
    assert.ok(await page.getByRole("radio", { name: "far" }).isChecked());
    assert.ok(await page.getByLabel("Name", { exact: true }).isHidden());
  });

  it("passwords are hidden until they are to be shown", async () => {
    await visit();
    await page.getByText("User and password").click();
    for (const label of ["Wi-Fi password", "Password"]) {
      assert.equal(await page.getByLabel(label, { exact: true }).getAttribute("type"), "password");
    }
    await page.getByLabel("Show passwords").check();
    for (const label of ["Wi-Fi password", "Password"]) {
      assert.equal(await page.getByLabel(label, { exact: true }).getAttribute("type"), "text");
    }
    await page.getByLabel("Show passwords").uncheck();
    assert.equal(await page.getByLabel("Wi-Fi password").getAttribute("type"), "password");
  });

  it("counts down, and asks for more time", async () => {
    await visit();
    await page.getByText(/^closes in 11\d s$/).waitFor();
    box.closesAt = 300_000;
    await page.getByRole("button", { name: "More time" }).click();
    await page.getByText(/^closes in 29\d s$/).waitFor();
    assert.deepEqual(box.asked, ["more"]);
  });

  it("survives the loss of the access point for some seconds, and says what to do if it stays", async () => {
    await visit();
    await submit();
    await says("Trying");
    host.isAway = true;
    const lost = page.locator("#lost");
    await lost.filter({ hasText: "Reconnect your phone to AlertBox-5750" }).waitFor();
    assert.ok(await card().isVisible(), "the trial stays in sight");
    portal.report("done", "", "");
    host.isAway = false;
    await card().filter({ hasText: "Saved." }).waitFor();
    assert.ok(await lost.isHidden());
  });

  it("an answer that is older than what was asked last changes nothing", async () => {
    await visit();
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    let looks = 0;
    await page.route("**/status", async (route) => {
      looks += 1;
      if (looks > 1) return route.abort();
      const response = await route.fetch();
      await held;
      return route.fulfill({ response });
    });
    await page.waitForRequest("**/status");
    await submit();
    await says("Trying");
    const arrived = page.waitForResponse("**/status");
    release();
    await (await arrived).finished();
    await page.waitForTimeout(300);
    assert.ok(await page.locator("#f").isHidden(), "the box was idle when it was asked before");
    assert.match(await card().innerText(), /Trying/);
    await page.unrouteAll({ behavior: "ignoreErrors" });
  });

  it("a form that did not arrive is said, and stays", async () => {
    await visit();
    await page.getByLabel("Wi-Fi password").fill("typed");
    host.isAway = true;
    await submit();
    await card().filter({ hasText: "The box did not answer." }).waitFor();
    host.isAway = false;
    await page.waitForTimeout(3500);
    assert.ok(await card().isVisible(), "until something else happens");
    assert.equal(await page.getByLabel("Wi-Fi password").inputValue(), "typed");
    assert.deepEqual(box.asked, []);
  });

  it("says so when the box has closed its setup", async () => {
    await visit();
    box.closesAt = clock() + 4000;
    // The page has to hear how much time is left before the box goes.
    const answered = page.waitForResponse((response) => response.url().endsWith("/more"));
    await page.getByRole("button", { name: "More time" }).click();
    await (await answered).finished();
    host.isAway = true;
    await page.locator("#lost").filter({ hasText: "Setup is closed." }).waitFor();
    assert.ok(await page.locator("#f").isHidden());
  });

  it("works by keyboard alone", async () => {
    await visit(NEW);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.id"), "more");
    await page.keyboard.press("Tab");
    await page.keyboard.press("Space");
    assert.ok(await page.getByRole("radio", { name: "home" }).isChecked());
    await page.getByLabel("Wi-Fi password").focus();
    await page.keyboard.type("pass");
    await page.getByLabel("Name or address").focus();
    await page.keyboard.type("b");
    await page.keyboard.press("Enter");
    await says("Trying");
    assert.equal(box.fields?.wifiPassword, "pass");
  });

  for (const [scheme, width] of [
    ["light", 320],
    ["dark", 390],
    ["light", 430],
  ] as const) {
    it(`can be read and hit: ${scheme}, ${width} px wide`, async () => {
      await visit(FACTS, { colorScheme: scheme, viewport: { width, height: 700 } });
      const check = async () => {
        assert.deepEqual(await page.evaluate(LOW_CONTRAST), []);
        assert.deepEqual(await page.evaluate(HARD_TO_HIT), []);
      };
      for (const summary of await page.locator("summary").all()) await summary.click();
      await page.getByText("Advanced").click();
      await page.getByText("Advanced").click();
      await page.getByLabel("Power").selectOption("battery");
      await check();
      portal.report("trying", "broker", "");
      await says("Trying");
      await check();
      portal.report("failed", "broker", "A sentence.");
      await says("A sentence.");
      await check();
    });
  }

  it("has a name for each control, and a language and a title for the page", async () => {
    await visit();
    for (const summary of await page.locator("summary").all()) await summary.click();
    const names = await page.evaluate(`[...document.querySelectorAll("input, select, button")]
      .filter((control) => control.getClientRects().length > 0)
      .map((control) => control.labels?.[0]?.textContent.trim() || control.textContent.trim())`);
    assert.ok(
      (names as string[]).every((name) => name !== ""),
      String(names),
    );
    assert.equal(await page.evaluate("document.documentElement.lang"), "en");
    assert.equal(await page.title(), "AlertBox setup");
  });

  it("moves nothing while networks come", async () => {
    await visit();
    const top = async () => (await page.getByLabel("Wi-Fi password").boundingBox())?.y;
    const before = await top();
    for (let i = 0; i < 9; i += 1) portal.heard(`n${i}`, -70 - i, false);
    await page.getByRole("radio", { name: "n8" }).waitFor();
    assert.equal(await top(), before);
  });
});

// The whole of the setup as a person without a board tries it: `npm start -- --factory-new` as a process, the setup
// page in real Chromium at phone size through the printed address, the alert at an MQTT.js subscriber, and a second run
// with the same flash.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import type { Browser, Page } from "playwright-core";
import { freePort } from "../../host-sim/free-port.js";
import { Witness } from "../../host-sim/witness.js";
import { openChromium, openContext } from "./chromium.js";
import { Command } from "./command.js";

describe("host-sim: setup on the bench, in Chromium", () => {
  let browser: Browser | undefined;
  let folder: string;
  let port: number;
  let commands: Command[];
  let pages: Page[];
  let complaints: string[];

  before(async function () {
    browser = await openChromium(this);
  });

  after(() => browser?.close());

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "alertbox-setup-"));
    port = await freePort();
    commands = [];
    pages = [];
    complaints = [];
  });

  afterEach(async () => {
    for (const page of pages) await page.context().close();
    await Promise.all(commands.map((command) => command.kill()));
    rmSync(folder, { recursive: true });
    assert.deepEqual(complaints, [], "no error in any console");
  });

  function start(...args: string[]): Command {
    const command = new Command(["--port", `${port}`, "--setup-port", "0", "--speed", "2", ...args]);
    commands.push(command);
    return command;
  }

  async function open(url: string, width: number, height: number): Promise<Page> {
    const context = await openContext(browser as Browser, { viewport: { width, height } });
    const page = await context.newPage();
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      // What Chromium itself says of a phone that has lost the access point: while the box looks for a network on
      // another channel, and when the setup is over.
      const isOurs = message.type() === "error" || message.type() === "warning";
      if (isOurs && !/^Failed to load resource: net::ERR_/.test(message.text())) complaints.push(message.text());
    });
    await page.goto(url);
    pages.push(page);
    return page;
  }

  it("first boot: a wrong password is named, the right one leads to a connected box and an alert; a restart needs none", async () => {
    const flash = join(folder, "box.flash");
    const first = start("--factory-new", "--flash", flash);
    const [, url = ""] = await first.wrote(/setup open +(http:\/\/127\.0\.0\.1:\d+\/) {2}closes in 120 s/);
    const [, ssid = "", password = "", broker = ""] = await first.wrote(
      /home +Wi-Fi "(.+)", password "(.+)"; broker (127\.0\.0\.1:\d+)/,
    );
    const phone = await open(url, 390, 844);
    await phone.locator("#list .pick", { hasText: ssid }).click();
    await phone.locator("#key").fill("wrong horse");
    await phone.locator("#host").fill(broker.split(":")[0] ?? "");
    await phone.locator("#port").fill(broker.split(":")[1] ?? "");
    await phone.locator("#go").click();
    await phone.getByRole("heading", { name: "Wi-Fi failed" }).waitFor();
    assert.match((await phone.locator("#say").textContent()) ?? "", /wrong password.*Nothing was saved/);
    await phone.locator("#key").fill(password);
    await phone.locator("#go").click();
    await phone.getByRole("heading", { name: "Saved." }).waitFor();
    await first.wrote(/setup closed/);
    await first.wrote(/restart[\s\S]*connected +new session/);

    let life = "";
    const witness = new Witness(`mqtt://127.0.0.1:${port}`, "mresetar/alertbox/+");
    try {
      await witness.ready();
      const arrived = new Promise((resolve) => witness.onAlert(resolve));
      first.type(" ");
      assert.equal(((await arrived) as { topic: string }).topic, "mresetar/alertbox/5750/alert");
      [, life = ""] = await first.wrote(/stored +5750-1-(\d+)\n[\s\S]*delivered +5750-1-\1\n/);
    } finally {
      await witness.close();
    }
    first.type("q");
    assert.equal(await first.ended, 0);

    const second = start("--factory-new", "--flash", flash);
    await second.wrote(/connected/);
    second.type(" ");
    await second.wrote(new RegExp(`stored +5750-2-${life}\\n[\\s\\S]*delivered +5750-2-${life}\\n`));
    assert.doesNotMatch(second.output, /setup open/);
    second.type("q");
    assert.equal(await second.ended, 0, second.errors);
  });

  it("on the bench page: a notice with what to type, the phone beside the board, and the notice gone when it is done", async () => {
    const command = start("--factory-new");
    const [, url = ""] = await command.wrote(/Page +(http:\S+)/);
    const page = await open(url, 1440, 900);
    const opener = page.getByRole("button", { name: "Open the setup page as a phone sees it" });
    await opener.waitFor();
    const seconds = async () =>
      Number(/closes in (\d+) s/.exec((await page.locator("#setup-left").textContent()) ?? "")?.[1]);
    assert.ok((await seconds()) > 60);
    await opener.focus();
    await page.keyboard.press("Enter");
    assert.equal(await page.locator("#home-password").textContent(), "correct horse");
    assert.equal(await page.locator("#home-broker").textContent(), `127.0.0.1:${port}`);
    const phone = page.frameLocator("#phone-page");
    await phone.locator("#list .pick", { hasText: "home" }).click();
    await phone.locator("#key").fill("correct horse");
    await phone.locator("#host").fill("127.0.0.1");
    await phone.locator("#port").fill(`${port}`);
    await phone.locator("#go").click();
    await phone.getByRole("heading", { name: "Saved." }).waitFor();
    await page.locator("#setup").waitFor({ state: "hidden" });
    await page.locator(".result", { hasText: "settings saved" }).waitFor();
    await page.locator("#presence", { hasText: "online" }).waitFor();
    await page.locator("#phone-close").click();
    await page.locator("#phone").waitFor({ state: "hidden" });
    await page.locator("#press").click();
    await page.locator("#alerts", { hasText: "1" }).waitFor();
  });
});

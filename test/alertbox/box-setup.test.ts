// The box in setup: trials of settings, recovery from bad boots, quick presses.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Settings } from "../../src/alertbox/settings.js";
import { BoxTimes } from "../../src/alertbox/state.js";
import { BoxRig, deeds, LOST, refusedWith, said, settingsOf } from "./box-rig.js";

function battery(changes: Record<string, unknown> = {}): Settings {
  return settingsOf({ mode: "battery", ...changes });
}

describe("box: the setup page", () => {
  const candidate = settingsOf({ host: "10.0.0.3" });

  function inSetup(options: ConstructorParameters<typeof BoxRig>[0] = {}): BoxRig {
    const rig = new BoxRig({ settings: undefined, needsCleanSession: true, ...options });
    rig.tell({ type: "booted", cause: "power", course: options.settings === undefined ? "normal" : "setup" });
    return rig;
  }

  it("tries settings before they are saved, says each step, and restarts with them", () => {
    const rig = inSetup();
    assert.deepEqual(deeds(rig.tell({ type: "try", settings: candidate })), [
      "tell-setup trying wifi",
      "use 10.0.0.3",
      "rest JOINING",
      "join 0 unkept",
    ]);
    assert.deepEqual(deeds(rig.tell({ type: "joined", address: "10.0.0.9" })), [
      "tell-setup trying name",
      "rest CONNECTING",
      "open true",
    ]);
    assert.deepEqual(deeds(rig.tell({ type: "connected", sessionPresent: false })), [
      "keep-asked",
      "require-clean-session",
      "save 10.0.0.3",
      "tell-setup done",
      "session-cleaned",
      "disconnect",
    ]);
    rig.now = 5000;
    rig.tell({ type: "down", down: { ...LOST, reason: "disconnected" } });
    assert.equal(rig.state, "setup");
    assert.deepEqual(deeds(rig.until(5000 + BoxTimes.done)), ["restart"]);
  });

  for (const [step, event] of [
    ["wifi", { type: "join-failed", why: "wrong password" }],
    ["address", { type: "join-failed", why: "no address from the router" }],
  ] as const) {
    it(`${step}: names it and its reason, and goes back to what there was`, () => {
      const rig = inSetup({ settings: settingsOf() });
      rig.tell({ type: "try", settings: candidate });
      if (step === "address") assert.deepEqual(deeds(rig.tell({ type: "associated" })), ["tell-setup trying address"]);
      const seen = deeds(rig.tell(event));
      assert.deepEqual(seen, [`tell-setup failed ${step} ${event.why}`, "use 10.0.0.2", "leave", "rest SETUP"]);
      assert.equal(rig.state, "setup");
      assert.equal(rig.box.settings?.host, "10.0.0.2");
    });
  }

  it("name, broker and login likewise", () => {
    const ends: [string, (rig: BoxRig) => string[]][] = [
      ["name", (rig) => rig.tell({ type: "unreachable", why: "no address for x", step: "name" })],
      ["broker", (rig) => rig.tell({ type: "unreachable", why: "connection refused", step: "broker" })],
      ["broker", (rig) => rig.until(BoxTimes.connect)],
      ["login", (rig) => rig.tell({ type: "down", down: refusedWith(4) })],
      ["login", (rig) => rig.tell({ type: "down", down: refusedWith(3) })],
    ];
    for (const [step, end] of ends) {
      const rig = inSetup();
      rig.tell({ type: "try", settings: candidate });
      rig.tell({ type: "joined", address: "10.0.0.9" });
      assert.ok(
        end(rig).some((effect) => effect.startsWith(`tell-setup failed ${step} `)),
        step,
      );
      assert.equal(rig.box.settings, undefined);
    }
  });

  it("only the network that was chosen counts: a known one behind it proves nothing", () => {
    const rig = inSetup();
    const wifi = [
      { ssid: "new", password: "mistyped it" },
      { ssid: "home", password: "correct horse" },
    ];
    rig.tell({ type: "try", settings: settingsOf({ wifi }) });
    const seen = rig.tell({ type: "join-failed", why: "wrong password" });
    assert.ok(seen.includes("tell-setup failed wifi wrong password"));
  });

  it("a trial that comes to nothing ends after 30 s", () => {
    const rig = inSetup();
    const slow = { ...candidate, host: "far.example" };
    rig.tell({ type: "try", settings: slow });
    rig.now = 11000;
    rig.tell({ type: "joined", address: "10.0.0.9" });
    rig.now = 25000;
    rig.tell({ type: "opened" });
    assert.ok(rig.until(BoxTimes.trial).some((effect) => effect.startsWith("tell-setup failed broker ")));
  });

  it("closes 120 s after a person last did something", () => {
    const rig = inSetup();
    rig.now = 100000;
    rig.tell({ type: "more-time" });
    assert.equal(rig.box.setupUntil, 100000 + BoxTimes.setup);
    rig.now = 110000;
    rig.tell({ type: "try", settings: candidate });
    rig.tell({ type: "join-failed", why: "wrong password" });
    assert.equal(rig.box.deadline(), 110000 + BoxTimes.setup);
    assert.ok(rig.until(110000 + BoxTimes.setup).includes("say setup closed after 120 s"));
  });

  it("nothing is tried outside of the setup, nor after it has worked", () => {
    const rig = new BoxRig().listening();
    assert.deepEqual(rig.tell({ type: "try", settings: candidate }), []);
    assert.deepEqual(rig.tell({ type: "more-time" }), []);
    const done = inSetup();
    done.tell({ type: "try", settings: candidate });
    done.tell({ type: "joined", address: "10.0.0.9" });
    done.tell({ type: "connected", sessionPresent: false });
    done.tell({ type: "down", down: { ...LOST, reason: "disconnected" } });
    assert.deepEqual(done.tell({ type: "try", settings: candidate }), []);
    assert.deepEqual(done.tell({ type: "more-time" }), []);
  });

  it("alerts that wait are delivered when a sleeper's setup closes", () => {
    const rig = inSetup({ settings: battery(), pending: 2 });
    assert.ok(rig.until(BoxTimes.setup).includes("restart"));
  });
});

describe("box: recovery", () => {
  it("five quick presses open the setup, and are no alert; settings stay", () => {
    const rig = new BoxRig({ settings: battery() });
    const seen = rig.tell({ type: "booted", cause: "press", course: "setup" });
    assert.deepEqual(deeds(seen), ["rest SETUP", "open-setup"]);
    assert.ok(said(seen).includes("setup five quick presses"));
  });

  it("ten erase settings and alerts", () => {
    const rig = new BoxRig({ settings: battery() });
    const seen = rig.tell({ type: "booted", cause: "press", course: "erase" });
    assert.deepEqual(deeds(seen), ["factory-reset", "restart"]);
  });

  it("safe mode: the setup and nothing else; a mains box tries again after it, a sleeper sleeps", () => {
    const mains = new BoxRig({ pending: 1 });
    const seen = mains.tell({ type: "booted", cause: "crash", course: "safe" });
    assert.deepEqual(deeds(seen), ["rest SAFE", "open-setup"]);
    assert.deepEqual(deeds(mains.until(BoxTimes.setup)), ["restart"]);
    const sleeper = new BoxRig({ settings: battery() });
    sleeper.tell({ type: "booted", cause: "crash", course: "safe" });
    assert.ok(sleeper.until(BoxTimes.setup + BoxTimes.rest).includes("sleep 0"));
  });
});

// From what a person typed to settings to try: what is left out stays, secrets stay where they belong, and every
// refusal names its field and no secret.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Random } from "../../host-sim/random.js";
import { checkSettings, type Settings } from "../../src/alertbox/settings.js";
import { setupSettings as drafted, type SetupForm, shownSettings } from "../../src/alertbox/setup-form.js";
import { rounds, share } from "../effort.js";

const CHIP = 5750;

const EMPTY: SetupForm = Object.freeze({
  ssid: undefined,
  wifiPassword: undefined,
  host: undefined,
  port: undefined,
  user: undefined,
  password: undefined,
  root: undefined,
  mode: undefined,
  wiring: undefined,
  convention: undefined,
});

/** No field has its default. */
const CURRENT = given({
  wifi: [
    { ssid: "home", password: "home password" },
    { ssid: "office", password: "office password" },
    { ssid: "café", password: "" },
  ],
  host: "broker.local",
  port: 8883,
  user: "door",
  password: "broker password",
  root: "home/door",
  mode: "battery",
  wiring: "rst+gpio",
  keepAliveSeconds: 120,
  double: false,
  full: "drop-oldest",
  lowMillivolts: 2500,
  quiet: true,
  convention: "none",
});

function setupSettings(...given: Parameters<typeof drafted>): Settings | string {
  const draft = drafted(...given);
  return typeof draft === "string" ? draft : draft.judged();
}

function given(data: unknown): Settings {
  const settings = checkSettings(data, CHIP);
  if (typeof settings === "string") assert.fail(`refused: ${settings}`);
  return settings;
}

function accepted(form: Partial<SetupForm>, current: Settings | undefined = CURRENT): Settings {
  const settings = setupSettings(current, { ...EMPTY, ...form }, CHIP);
  if (typeof settings === "string") assert.fail(`refused: ${settings}`);
  return settings;
}

function refused(form: Partial<SetupForm>, current: Settings | undefined = CURRENT): string {
  const settings = setupSettings(current, { ...EMPTY, ...form }, CHIP);
  if (typeof settings !== "string") assert.fail(`accepted: ${JSON.stringify(settings)}`);
  return settings;
}

const FIRST: Partial<SetupForm> = { ssid: "home", wifiPassword: "home password", host: "broker.local" };

describe("setupSettings on a box that was never set up", () => {
  const first = (form: Partial<SetupForm>) => setupSettings(undefined, { ...EMPTY, ...form }, CHIP);

  it("needs a network, its password and a broker; the rest has defaults", () => {
    assert.deepEqual(
      first(FIRST),
      given({ host: "broker.local", wifi: [{ ssid: "home", password: "home password" }] }),
    );
  });

  it("takes every field", () => {
    const settings = first({
      ...FIRST,
      port: " 8883 ",
      user: "door",
      password: " with blanks ",
      root: " cvrči/cvrčak ",
      mode: "battery",
      wiring: "rst+gpio",
    });
    if (typeof settings === "string") assert.fail(settings);
    assert.deepEqual(
      [settings.port, settings.user, settings.password, settings.root, settings.mode, settings.wiring],
      [8883, "door", " with blanks ", "cvrči/cvrčak", "battery", "rst+gpio"],
    );
  });

  it("an open network has an empty password, which must be given", () => {
    const settings = first({ ...FIRST, wifiPassword: "" });
    if (typeof settings === "string") assert.fail(settings);
    assert.deepEqual(settings.wifi, [{ ssid: "home", password: "" }]);
    assert.match(String(first({ ...FIRST, wifiPassword: undefined })), /^wifiPassword: missing/);
  });

  it("says what is missing, the network first", () => {
    assert.match(String(first({})), /^ssid: missing/);
    assert.match(String(first({ ssid: "" })), /^ssid: missing/);
    assert.match(String(first({ ssid: "home", wifiPassword: "" })), /^host: /);
    assert.match(String(first({ ...FIRST, host: " " })), /^host: /);
  });
});

describe("setupSettings on a box with settings", () => {
  it("an empty form changes nothing", () => {
    assert.deepEqual(accepted({}), CURRENT);
    const open = given({ host: "10.0.0.2", wifi: [{ ssid: "café", password: "" }] });
    assert.deepEqual(accepted({}, open), open);
  });

  const single: readonly [Partial<SetupForm>, Partial<Settings>][] = [
    [{ root: "garage" }, { root: "garage" }],
    [{ root: "" }, { root: "mresetar/alertbox/5750" }],
    [{ wiring: "rst" }, { wiring: "rst" }],
    [{ mode: "battery" }, {}],
    [{ host: " broker.local " }, {}],
    [{ port: "8883" }, {}],
    [
      { user: "window", password: "other" },
      { user: "window", password: "other" },
    ],
    [
      { user: "", password: "" },
      { user: "", password: "" },
    ],
  ];
  for (const [form, change] of single) {
    it(`${JSON.stringify(form)} changes ${JSON.stringify(change)} and nothing else`, () => {
      assert.deepEqual(accepted(form), { ...CURRENT, ...change });
    });
  }

  it("a convention: chosen, or left as it is; one that nobody knows is refused", () => {
    for (const convention of ["home-assistant", "homie", "tasmota", "none"]) {
      assert.equal(accepted({ ...EMPTY, convention }).convention, convention);
    }
    assert.equal(accepted(EMPTY).convention, "none");
    const refused = setupSettings(CURRENT, { ...EMPTY, convention: "knx" }, CHIP);
    assert.equal(refused, "convention: must be home-assistant, homie, tasmota or none");
  });

  it("what the page cannot show stays: keep-alive, double press, policy, voltage, quiet", () => {
    const all = { ...FIRST, port: "1883", user: "", password: "", root: "x", mode: "battery", wiring: "rst" };
    const { keepAliveSeconds, double, full, lowMillivolts, quiet } = accepted(all);
    assert.deepEqual([keepAliveSeconds, double, full, lowMillivolts, quiet], [120, false, "drop-oldest", 2500, true]);
  });

  it("another mode brings its own wiring unless one is given", () => {
    assert.equal(accepted({ mode: "mains" }).wiring, "gpio");
    assert.equal(accepted({ mode: "mains", wiring: "rst+gpio" }).wiring, "rst+gpio");
    const mains = given({ host: "10.0.0.2", wifi: [{ ssid: "café", password: "" }] });
    assert.equal(accepted({ mode: "battery" }, mains).wiring, "rst");
  });

  it("an empty port is MQTT's", () => {
    assert.equal(accepted({ port: "" }).port, 1883);
    assert.equal(accepted({ port: "  " }).port, 1883);
  });

  it("current settings are never changed", () => {
    const before = JSON.stringify(CURRENT);
    accepted({ ssid: "new", wifiPassword: "new password", host: "other", mode: "mains" });
    assert.equal(JSON.stringify(CURRENT), before);
  });
});

describe("networks", () => {
  const [home, office, cafe] = CURRENT.wifi;

  it("the one that was chosen comes first, with the password that is known", () => {
    assert.deepEqual(accepted({ ssid: "office" }).wifi, [office, home, cafe]);
    assert.deepEqual(accepted({ ssid: "café" }).wifi, [cafe, home, office]);
    assert.deepEqual(accepted({ ssid: "home" }).wifi, [home, office, cafe]);
  });

  it("a new password replaces the known one, an empty one says that it is open now", () => {
    assert.deepEqual(accepted({ ssid: "office", wifiPassword: "changed it" }).wifi[0], {
      ssid: "office",
      password: "changed it",
    });
    assert.deepEqual(accepted({ ssid: "home", wifiPassword: "" }).wifi, [{ ssid: "home", password: "" }, office, cafe]);
    assert.equal(accepted({ wifiPassword: "changed it" }).wifi[0]?.password, "changed it", "that of the first network");
  });

  it("a new one pushes out the least preferred, never more than three", () => {
    const settings = accepted({ ssid: "garden", wifiPassword: "garden password" });
    assert.deepEqual(settings.wifi, [{ ssid: "garden", password: "garden password" }, home, office]);
    const one = given({ host: "10.0.0.2", wifi: [office] });
    assert.deepEqual(accepted({ ssid: "garden", wifiPassword: "" }, one).wifi, [
      { ssid: "garden", password: "" },
      office,
    ]);
  });

  it("names are compared byte by byte: Home is not home, and blanks belong to a name", () => {
    assert.match(refused({ ssid: "Home" }), /^wifiPassword: missing/);
    assert.match(refused({ ssid: "home " }), /^wifiPassword: missing/);
    assert.equal(accepted({ ssid: " home ", wifiPassword: "" }).wifi[0]?.ssid, " home ");
  });
});

describe("a password never goes elsewhere", () => {
  it("the password of a network goes to no other one", () => {
    assert.match(refused({ ssid: "evil" }), /^wifiPassword: missing/);
    for (const network of accepted({ ssid: "evil", wifiPassword: "" }).wifi) {
      const known = CURRENT.wifi.find((each) => each.ssid === network.ssid);
      assert.equal(network.password, known?.password ?? "");
    }
  });

  const elsewhere: readonly [string, Partial<SetupForm>][] = [
    ["another host", { host: "evil.local" }],
    ["another port", { port: "1883" }],
    ["the port of the default", { port: "" }],
    ["another user", { user: "window" }],
    ["no user", { user: "" }],
    ["another host with a user", { host: "evil.local", user: "door" }],
    ["another host and port", { host: "10.0.0.9", port: "8884" }],
  ];
  for (const [what, form] of elsewhere) {
    it(`the broker's password does not go to ${what}`, () => {
      const settings = accepted(form);
      assert.ok(!JSON.stringify(settings).includes(CURRENT.password));
      assert.equal(settings.password, "");
      assert.equal(settings.user, form.user ?? "", "nor does the user name");
    });
  }

  it("user and password stay with the same broker, however it is spelt out", () => {
    for (const form of [{}, { host: "broker.local" }, { host: "broker.local ", port: " 8883" }, { root: "x" }]) {
      const { user, password } = accepted(form);
      assert.deepEqual([user, password], [CURRENT.user, CURRENT.password]);
    }
  });

  it("and with a broker on MQTT's own port when the port is left empty", () => {
    const current = given({ ...CURRENT, port: 1883 });
    assert.equal(accepted({ host: "broker.local", port: "" }, current).password, CURRENT.password);
  });

  it("the same user at the same broker keeps the password that was left out", () => {
    assert.deepEqual(accepted({ user: "door" }), CURRENT);
  });

  it("a new password alone is that of the user who is set", () => {
    assert.deepEqual(accepted({ password: "changed it" }), { ...CURRENT, password: "changed it" });
  });
});

describe("limits", () => {
  const fine: readonly [string, Partial<SetupForm>][] = [
    ["an SSID of 32 bytes", { ssid: "ž".repeat(16), wifiPassword: "" }],
    ["a passphrase of 8 characters", { wifiPassword: "x".repeat(8) }],
    ["a passphrase of 63", { wifiPassword: "x".repeat(63) }],
    ["a key of 64 hex digits", { wifiPassword: "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789" }],
    ["a host of 253 characters", { host: `${`${"a".repeat(49)}.`.repeat(5)}abc` }],
    ["port 1", { port: "1" }],
    ["port 65535", { port: "65535" }],
    ["a user and a password of 128 bytes", { user: "ž".repeat(64), password: "p".repeat(128) }],
    ["a root of 96 bytes", { root: "r".repeat(96) }],
    ["+ & % in every text", { ssid: 'a+b&c%"', wifiPassword: "+&%\"'\\12", user: '+&%"', password: '+&%"' }],
  ];
  for (const [what, form] of fine) it(`${what} is taken`, () => assert.ok(accepted(form)));

  const wrong: readonly [string, Partial<SetupForm>, RegExp][] = [
    ["an SSID of 33 bytes", { ssid: `${"ž".repeat(16)}x`, wifiPassword: "" }, /ssid: must be 1 to 32 bytes/],
    ["a passphrase of 7", { wifiPassword: "x".repeat(7) }, /password: must be 8 to 63 bytes/],
    ["a passphrase of 64 that is no key", { wifiPassword: "x".repeat(64) }, /password: must be 8 to 63 bytes/],
    ["a scheme", { host: "mqtt://broker.local" }, /^host: /],
    ["a host with a port", { host: "broker.local:1883" }, /^host: /],
    ["a host of 254 characters", { host: "a".repeat(254) }, /^host: /],
    ["an address that is none", { host: "10.0.0.256" }, /^host: /],
    ["port 0", { port: "0" }, /^port: /],
    ["port 65536", { port: "65536" }, /^port: /],
    ["a port with a fraction", { port: "1.5" }, /^port: /],
    ["a port of letters", { port: "mqtt" }, /^port: /],
    ["a port below zero", { port: "-1883" }, /^port: /],
    ["a user of 129 bytes", { user: "u".repeat(129) }, /^user: /],
    ["a password of 129 bytes", { user: "u", password: "p".repeat(129) }, /^password: /],
    ["a password without user", { host: "10.0.0.9", password: "secret!!" }, /^password: given without user/],
    ["a root of 97 bytes", { root: "r".repeat(97) }, /^root: /],
    ["a root with a wildcard", { root: "home/#" }, /^root: /],
    ["a mode that is none", { mode: "solar" }, /^mode: /],
    ["a wiring that is none", { wiring: "usb" }, /^wiring: /],
    ["a wiring that does not fit the mode", { mode: "mains", wiring: "rst" }, /^wiring: /],
  ];
  for (const [what, form, sentence] of wrong) it(`${what} is named`, () => assert.match(refused(form), sentence));
});

describe("sentences", () => {
  const FIELDS =
    /^(ssid|wifiPassword|wifi(\[\d\])?(\.(ssid|password))?|host|port|user|password|root|mode|wiring|convention): \S/;
  /** No letters in a row that a sentence could have by itself. */
  const ALPHABET = "QXZ0179~^§ßØ🦗|<>{}=%+&\"'\\";

  function jumble(random: Random, length: number): string {
    const units = [...ALPHABET];
    let text = "";
    for (let i = 0; i < length; i += 1) text += units[random.integer(units.length)];
    return text;
  }

  /** A secret, often one that is not acceptable. */
  function secret(random: Random): string {
    let text = jumble(random, random.integer(4) === 0 ? 100 + random.integer(150) : 6 + random.integer(60));
    if (random.integer(5) === 0) text += "\x07";
    if (random.integer(9) === 0) text += "\ud800";
    return text;
  }

  /** The parts of a secret that must not be read anywhere. */
  function assertSilent(sentence: string, secrets: readonly string[]): void {
    for (const each of secrets) {
      const whole = [...each];
      for (let at = 0; at + 4 <= whole.length; at += 1) {
        const part = whole.slice(at, at + 4).join("");
        assert.ok(!sentence.includes(part), `"${sentence}" tells ${JSON.stringify(part)}`);
      }
    }
  }

  it("name their field and hold no part of a secret, whatever was typed and whatever is known", () => {
    const random = new Random(419);
    const pick = <T>(...of: readonly T[]): T => of[random.integer(of.length)] as T;
    let sentences = 0;
    for (let i = 0; i < rounds(4000); i += 1) {
      // What is in force was acceptable: 15 characters of at most 4 bytes.
      const known = [jumble(random, 15), jumble(random, 15), jumble(random, 15)];
      const typed = [secret(random), secret(random)];
      const form: SetupForm = {
        ssid: pick(undefined, "", "home", "office", "new", "x".repeat(33)),
        wifiPassword: pick(undefined, "", "short", typed[0]),
        host: pick(undefined, "", "broker.local", "no host!", "10.0.0.9"),
        port: pick(undefined, "", "1883", "8883", "0", "many"),
        user: pick(undefined, "", "door", "u".repeat(200)),
        password: pick(undefined, "", typed[1]),
        root: pick(undefined, "", "home/+", "$SYS", "x"),
        mode: pick(undefined, "mains", "battery", "solar"),
        wiring: pick(undefined, "gpio", "rst", "usb"),
        convention: pick(undefined, "homie", "none", "maybe"),
      };
      const [home, office, broker] = known as [string, string, string];
      const wifi = [home, office].map((password, at) => ({ ssid: ["home", "office"][at], password }));
      const current = pick(undefined, given({ ...CURRENT, wifi, password: broker }));
      const settings = setupSettings(current, form, CHIP);
      if (typeof settings !== "string") continue;
      sentences += 1;
      assert.match(settings, FIELDS);
      assertSilent(settings, [...typed, ...known]);
    }
    assert.ok(sentences > share(1000), `${sentences} refusals`);
  });
});

describe("what the setup page shows", () => {
  it("of settings: the first network, the broker, and no secret", () => {
    const shown = shownSettings(CURRENT, CHIP, "1.0.0");
    assert.deepEqual(shown, {
      chipId: CHIP,
      firmware: "1.0.0",
      ssid: "home",
      host: "broker.local",
      port: 8883,
      root: "home/door",
      mode: "battery",
      wiring: "rst+gpio",
      hasUser: true,
      convention: "none",
    });
    assert.doesNotMatch(JSON.stringify(shown), /password|door"[^,]*door/);
  });

  it("without settings: what they would be", () => {
    const { firmware: _, ...shown } = shownSettings(undefined, CHIP, "1.0.0");
    assert.deepEqual(shown, {
      chipId: CHIP,
      ssid: "",
      host: "",
      port: 1883,
      root: `mresetar/alertbox/${CHIP}`,
      mode: "mains",
      wiring: "gpio",
      hasUser: false,
      convention: "home-assistant",
    });
  });
});

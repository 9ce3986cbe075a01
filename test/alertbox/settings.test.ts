// Settings: what is accepted, and what the refusals say.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import {
  checkSettings,
  defaultRoot,
  equalSettings,
  type Settings,
  SettingsDraft,
} from "../../src/alertbox/settings.js";
import { FULL } from "./full-settings.js";
import { Nor } from "./nor.js";

const CHIP = 5750;
const NETWORK = Object.freeze({ ssid: "home", password: "correct horse" });
const LEAST = Object.freeze({ host: "broker.local", wifi: NETWORK });

function accepted(data: unknown): Settings {
  const settings = checkSettings(data, CHIP);
  if (typeof settings === "string") assert.fail(`refused: ${settings}`);
  return settings;
}

function refused(data: unknown): string {
  const settings = checkSettings(data, CHIP);
  if (typeof settings !== "string") assert.fail(`accepted: ${JSON.stringify(settings)}`);
  return settings;
}

function mergeSettings(current: Settings, changes: object, chipId: number): Settings | string {
  return new SettingsDraft(changes, chipId, undefined, current).judged();
}

function merged(current: Settings, changes: object): Settings {
  const settings = mergeSettings(current, changes, CHIP);
  if (typeof settings === "string") assert.fail(`refused: ${settings}`);
  return settings;
}

describe("settings", () => {
  it("need a network and a broker; the rest has defaults", () => {
    assert.deepEqual(accepted(LEAST), {
      wifi: [NETWORK],
      host: "broker.local",
      port: 1883,
      user: "",
      password: "",
      root: "mresetar/alertbox/5750",
      mode: "mains",
      wiring: "gpio",
      keepAliveSeconds: 60,
      double: true,
      full: "reject",
      lowMillivolts: 2600,
      quiet: false,
      convention: "home-assistant",
    });
    assert.equal(accepted({ ...LEAST, mode: "battery" }).wiring, "rst");
    assert.equal(defaultRoot(4294967295), "mresetar/alertbox/4294967295");
  });

  it("pass through unchanged when complete", () => {
    assert.deepEqual(accepted(FULL), FULL);
    assert.deepEqual(accepted(JSON.parse(JSON.stringify(FULL))), FULL);
  });

  it("take the default root for an empty one", () => {
    assert.equal(accepted({ ...LEAST, root: "" }).root, defaultRoot(CHIP));
  });

  it("take a single network in short", () => {
    assert.deepEqual(accepted({ host: "h", ssid: "home", wifiPassword: "" }).wifi, [{ ssid: "home", password: "" }]);
    assert.match(refused({ host: "h", ssid: "home" }), /^wifiPassword: missing/);
    assert.match(refused({ host: "h", wifiPassword: "12345678" }), /^ssid: missing/);
    assert.match(refused({ ...LEAST, ssid: "home", wifiPassword: "" }), /^wifi: given twice/);
  });

  it("are refused when they are no object", () => {
    for (const data of [undefined, null, 5, "text", [LEAST]]) assert.match(refused(data), /^settings: not an object/);
  });

  it("are refused with an unknown key, which is named", () => {
    assert.match(refused({ ...LEAST, hots: "x" }), /^hots: unknown setting; known are wifi, host/);
    assert.match(refused(JSON.parse('{"__proto__":{"host":"x"},"host":"y"}')), /^__proto__: unknown/);
    assert.ok(refused({ ...LEAST, ["k".repeat(5000)]: 1 }).length < 300);
  });
});

describe("each setting", () => {
  /** Field, values that are good, values that are not, and how the refusal begins. */
  const cases: readonly (readonly [keyof Settings, readonly unknown[], readonly unknown[]])[] = [
    [
      "host",
      [
        "a",
        "broker.local",
        "my_host",
        "10.0.0.1",
        "255.255.255.255",
        "a-b.c1",
        "3com.example",
        "x".repeat(63),
        "1.2.3.4a",
      ],
      [
        undefined,
        null,
        "",
        5,
        "mqtt://broker",
        "broker:1883",
        "a..b",
        ".a",
        "a.",
        "-a",
        "a-",
        "čvor.hr",
        "a b",
        "256.1.1.1",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1234",
        "x".repeat(64),
        "abc.".repeat(64),
        "host.1",
        "a.1.2.3.4",
      ],
    ],
    ["port", [1, 1883, 65535], [0, 65536, -1, 1.5, "1883", Number.NaN, true]],
    ["user", ["", "u", "ž".repeat(64)], [5, false, "ž".repeat(65), "a\nb", "a\0b", "\ud800", {}]],
    [
      "root",
      ["a", "a/b", "/a", "ž".repeat(48), "cvrči/cvrčak", "a b", "a//b"],
      [5, "a/", "/", "a/+/b", "a/#", "$SYS/a", `${"ž".repeat(48)}x`, "a\u0000b", "a\u0085b", "\udc00", "a\ud83d"],
    ],
    ["keepAliveSeconds", [10, 60, 3600], [9, 3601, 0, "60", 60.5]],
    ["double", [true, false], [1, "true"]],
    ["full", ["reject", "drop-oldest"], ["drop", "", 5]],
    ["lowMillivolts", [2000, 3600], [1999, 3601, "2600"]],
    ["mode", ["mains"], ["", "Battery", 1]],
    ["wiring", ["gpio", "rst+gpio"], ["", "rst", "pin", 1]],
  ];

  for (const [field, good, bad] of cases) {
    it(`${field} keeps to its limits, and a refusal names it`, () => {
      for (const value of good) assert.equal(accepted({ ...LEAST, [field]: value })[field], value);
      for (const value of bad) assert.match(refused({ ...LEAST, [field]: value }), new RegExp(`^${field}: `));
    });
  }

  it("with a default takes it for null, as for nothing", () => {
    assert.deepEqual(accepted({ ...LEAST, port: null, user: null, root: null, mode: null }), accepted(LEAST));
  });

  it("wiring must suit the mode", () => {
    assert.match(refused({ ...LEAST, mode: "battery", wiring: "gpio" }), /^wiring: .*cannot wake/);
    assert.equal(accepted({ ...LEAST, mode: "battery", wiring: "rst+gpio" }).wiring, "rst+gpio");
    assert.match(refused({ ...LEAST, mode: "mains", wiring: "rst" }), /^wiring: .*restart/);
  });

  it("a broker password needs a user name [MQTT-3.1.2-22]", () => {
    assert.match(refused({ ...LEAST, password: "x" }), /^password: .*without user/);
    assert.equal(accepted({ ...LEAST, user: "u", password: "x" }).password, "x");
    assert.equal(accepted({ ...LEAST, user: "u" }).password, "");
    for (const password of [5, "x".repeat(129), "a\tb"]) {
      assert.match(refused({ ...LEAST, user: "u", password }), /^password: must be text/);
    }
  });

  it("wifi is one network or up to three", () => {
    assert.equal(accepted({ ...LEAST, wifi: [NETWORK, NETWORK, NETWORK] }).wifi.length, 3);
    assert.match(refused({ host: "h" }), /^wifi: missing/);
    assert.match(refused({ ...LEAST, wifi: [] }), /^wifi: 0 networks/);
    assert.match(refused({ ...LEAST, wifi: [NETWORK, NETWORK, NETWORK, NETWORK] }), /^wifi: 4 networks/);
    assert.match(refused({ ...LEAST, wifi: "home" }), /^wifi: not an object/);
    assert.match(refused({ ...LEAST, wifi: [NETWORK, 5] }), /^wifi\[1\]: not an object/);
    assert.match(refused({ ...LEAST, wifi: { ...NETWORK, bssid: "x" } }), /^wifi.bssid: unknown/);
  });

  it("a network's name is 1 to 32 bytes of any UTF-8", () => {
    for (const ssid of ["a", "ž".repeat(16), "🦗".repeat(8), " ", "a\nb"]) {
      assert.equal(accepted({ ...LEAST, wifi: { ssid, password: "" } }).wifi[0]?.ssid, ssid);
    }
    for (const ssid of ["", "ž".repeat(17), `${"🦗".repeat(8)}x`, "a\0b", "\ud83d", 5, undefined]) {
      assert.match(refused({ ...LEAST, wifi: { ssid, password: "" } }), /^wifi.ssid: /);
    }
  });

  it("a network's password is nothing, a passphrase or the key in hex", () => {
    const key = "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789";
    for (const password of ["", "12345678", "x".repeat(63), "šest slova", key]) {
      assert.equal(accepted({ ...LEAST, wifi: { ssid: "a", password } }).wifi[0]?.password, password);
    }
    for (const password of ["1234567", "x".repeat(64), key.replace("0", "g"), "1234567\n8", "x".repeat(65), 12345678]) {
      assert.match(refused({ ...LEAST, wifi: { ssid: "a", password } }), /^wifi.password: /);
    }
    assert.match(refused({ ...LEAST, wifi: { ssid: "a" } }), /^wifi.password: missing; give "" for an open/);
  });

  it("is never quoted in a refusal when it could be a secret", () => {
    const secret = "s3cr3t";
    const texts = [
      refused({ ...LEAST, wifi: { ssid: secret, password: secret } }),
      refused({ ...LEAST, wifi: { ssid: "", password: `${secret}${secret}` } }),
      refused({ ...LEAST, ssid: "a", wifiPassword: secret }),
      refused({ ...LEAST, password: secret }),
      refused({ ...LEAST, user: `${secret}\n`, password: `${secret}\n` }),
      refused({ ...LEAST, user: secret, password: `${secret}\n` }),
      refused({ ...LEAST, user: secret, password: secret, port: 0, root: `${secret}/` }),
      refused({ ...LEAST, host: `${secret}@broker`, user: secret }),
    ];
    for (const text of texts) assert.ok(!text.includes(secret), text);
  });
});

describe("changing settings", () => {
  it("lays the given fields over the current ones and leaves both as they were", () => {
    const changes = { port: 1884, double: true };
    const before = JSON.stringify(FULL);
    assert.deepEqual(merged(FULL, changes), { ...FULL, port: 1884, double: true });
    assert.equal(JSON.stringify(FULL), before);
    assert.deepEqual(changes, { port: 1884, double: true });
    assert.deepEqual(merged(FULL, {}), FULL);
  });

  it("replaces the networks as a list: one object, an array, or in short", () => {
    const other = { ssid: "other", password: "" };
    assert.deepEqual(merged(FULL, { wifi: other }).wifi, [other]);
    assert.deepEqual(merged(FULL, { wifi: [other, NETWORK] }).wifi, [other, NETWORK]);
    assert.deepEqual(merged(FULL, { ssid: "other", wifiPassword: "" }).wifi, [other]);
    assert.match(mergeSettings(FULL, { ssid: "other" }, CHIP) as string, /^wifiPassword: missing/);
    assert.match(
      mergeSettings(FULL, { wifi: other, ssid: "x", wifiPassword: "" }, CHIP) as string,
      /^wifi: given twice/,
    );
  });

  it("changes the password of the only network, but does not guess among several", () => {
    const single = accepted(LEAST);
    assert.deepEqual(merged(single, { wifiPassword: "87654321" }).wifi, [{ ssid: "home", password: "87654321" }]);
    assert.match(mergeSettings(FULL, { wifiPassword: "87654321" }, CHIP) as string, /^ssid: missing/);
    assert.deepEqual(merged(single, { ssid: "other", wifiPassword: "" }).wifi, [{ ssid: "other", password: "" }]);
  });

  it("takes the default again for null, and for an empty root", () => {
    assert.equal(merged(FULL, { port: null }).port, 1883);
    assert.equal(merged(FULL, { root: "" }).root, defaultRoot(CHIP));
  });

  it("checks the whole: a new mode must suit the wiring", () => {
    assert.match(mergeSettings(accepted(LEAST), { mode: "battery" }, CHIP) as string, /^wiring: /);
    assert.equal(merged(accepted(LEAST), { mode: "battery", wiring: "rst" }).mode, "battery");
  });

  it("is judged in steps, a network in each, with a scanner as without", () => {
    const draft = new SettingsDraft({ ...FULL, port: 1884 }, CHIP, new Nor(), accepted(LEAST));
    for (let step = 1; step <= 6; step += 1) assert.equal(draft.step(), undefined, `step ${step}`);
    assert.deepEqual(draft.step(), { ...FULL, port: 1884 });
    const texts = [
      "a\u0085b",
      "\u00a0",
      "ž".repeat(48),
      `${"ž".repeat(48)}x`,
      "a\u007fb",
      "🦗\n",
      "š b",
      "\u00c2\u00ad",
    ];
    for (const root of texts) {
      const judged = new SettingsDraft({ root }, CHIP, new Nor(), FULL).judged();
      assert.deepEqual(judged, mergeSettings(FULL, { root }, CHIP), root);
    }
    for (const host of [
      "10.0.0.1",
      "a-b.C1",
      "1.2.3",
      "01.2.3.4",
      "č",
      "a_b.",
      "x".repeat(64),
      "1.2.3.4a",
      "256.1.1.1",
    ]) {
      const judged = new SettingsDraft({ host }, CHIP, new Nor(), FULL).judged();
      assert.deepEqual(judged, mergeSettings(FULL, { host }, CHIP), host);
    }
  });

  it("refuses what it does not know", () => {
    assert.match(mergeSettings(FULL, { prot: 1 }, CHIP) as string, /^prot: unknown/);
    assert.match(mergeSettings(FULL, JSON.parse('{"__proto__":{"port":1}}'), CHIP) as string, /^__proto__: unknown/);
  });
});

describe("equal settings", () => {
  it("are the same in every field, whatever the order of the fields", () => {
    const reversed = Object.fromEntries(Object.entries(FULL).reverse()) as unknown as Settings;
    assert.ok(equalSettings(FULL, reversed));
    const others: Partial<Settings>[] = [
      { wifi: FULL.wifi.slice(0, 2) },
      { wifi: [...FULL.wifi].reverse() },
      { host: "a" },
      { port: 1 },
      { user: "" },
      { password: "" },
      { root: "a" },
      { mode: "mains" },
      { wiring: "rst" },
      { keepAliveSeconds: 10 },
      { double: true },
      { full: "reject" },
      { lowMillivolts: 2001 },
      { quiet: false },
    ];
    for (const change of others) assert.ok(!equalSettings(FULL, { ...FULL, ...change }), JSON.stringify(change));
  });
});

// Settings under attack: the JSON that cmd/config brings, compared with JSON.parse; what is made of it; and the store,
// with two sectors of flash that hold anything. Whatever comes, the result is a sentence without a secret or settings
// that are accepted again, and what was saved is loaded, also after a power cut.
//
// An input: mode · more. Mode 0 and 1: a JSON text. Mode 2: which settings the flash held · how many damages · these, 5
// bytes each · steps, 2 bytes each.

import type { Settings } from "../../src/alertbox/settings.js";
import { Halted } from "../host.js";
import { Random } from "../random.js";
import { BareFlash, crcOf, SCANNER } from "./bare-flash.js";
import { JSON_DIFFERENCES } from "./differences.js";
import { Draft, once, oneOf, spoil, spoilSome } from "./draft.js";
import { Script } from "./session-script.js";
import type { Sources } from "./sources.js";
import { Breach, count, hold, type Target } from "./target.js";

const HEAD = 3;
const FIRST = 0;
const CHIP = 5750;
const IMAGES = 10;
/** In each secret that is drawn; no message may hold it. */
const SECRET = "s3cr3t";
const HEADER_BYTES = 40;

const Step = Object.freeze({ LOAD: 0, SAVE: 1, ERASE: 2, CUT: 3, WEAR: 4, SAVE_AGAIN: 5 } as const);
const STEPS = 6;

/** Settings as people have them. */
const KNOWN: readonly Record<string, unknown>[] = Object.freeze([
  { wifi: { ssid: "home", password: `${SECRET}-wifi` }, host: "broker.local" },
  {
    wifi: { ssid: "ö", password: "" },
    host: "10.0.0.1",
    port: 8883,
    user: "u",
    password: `${SECRET}é`,
    mode: "battery",
  },
  {
    wifi: [
      { ssid: "one", password: "a".repeat(64) },
      { ssid: "😀".repeat(8), password: `${SECRET}${"x".repeat(50)}` },
      { ssid: "three", password: "" },
    ],
    host: `${"h".repeat(60)}.${"i".repeat(60)}.example`,
    root: "r".repeat(96),
    user: "é".repeat(64),
    password: `${SECRET}${"p".repeat(122)}`,
    keepAliveSeconds: 3600,
    lowMillivolts: 3600,
    full: "drop-oldest",
    double: false,
    quiet: true,
  },
]);

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return utf8.decode(bytes);
  } catch {
    // That is the answer.
    return undefined;
  }
}

export function settingsTarget(sources: Sources): Target {
  const { checkSettings, SettingsDraft, equalSettings } = sources.settings;
  const { SettingsStore } = sources.settingsStore;
  const { JsonReader } = sources.json;
  const reached: Record<string, number> = {};
  const draft = new Draft();
  const flash = new BareFlash(FIRST, new Random(3));
  const known = KNOWN.map((value) => checkSettings(value, CHIP)) as Settings[];
  const images = Array.from({ length: IMAGES }, (_, index) => saved(index));
  const scratch = new Uint8Array(2 * flash.sectorSize);
  let isForged = false;

  /** The flash of a box whose settings were saved some times. */
  function saved(times: number): Uint8Array {
    const own = new BareFlash(FIRST, new Random(times));
    own.watch();
    const store = new SettingsStore(own, FIRST);
    for (let time = 0; time < times; time += 1) store.save(known[time % known.length] as Settings);
    return own.image();
  }

  // JSON

  function readOurs(bytes: Uint8Array, scanner: typeof SCANNER | undefined): { value: unknown } | Error {
    const reader = new JsonReader(bytes.slice(), scanner);
    try {
      for (let steps = 0; reader.step(); steps += 1) {
        if (steps > bytes.length) throw new Breach("nothing loops", `${steps} steps`);
      }
      return { value: reader.result };
    } catch (error) {
      if (!(error instanceof SyntaxError || error instanceof RangeError || error instanceof TypeError)) throw error;
      return error;
    }
  }

  function compare(bytes: Uint8Array): unknown {
    const text = textOf(bytes);
    let theirs: { value: unknown } | undefined;
    try {
      if (text !== undefined) theirs = { value: JSON.parse(text) as unknown };
    } catch {
      // Not JSON.
    }
    let result: unknown;
    for (const scanner of [undefined, SCANNER]) {
      const ours = readOurs(bytes, scanner);
      if (ours instanceof TypeError && text !== undefined) throw new Breach("UTF-8 is read", ours.message);
      if (theirs === undefined || ours instanceof Error) {
        if (ours instanceof Error && theirs === undefined) continue;
        const isRefused = ours instanceof Error;
        const explained = isRefused ? JSON_DIFFERENCES.find(({ applies }) => applies(text, bytes)) : undefined;
        hold(
          explained !== undefined,
          "a difference to JSON.parse is explained",
          () => `${isRefused ? "we refuse" : "we accept"} ${JSON.stringify(text)}`,
        );
        count(reached, `difference ${explained?.id}`);
        continue;
      }
      result = ours.value;
      const [mine, other] = [JSON.stringify(ours.value), JSON.stringify(theirs.value)];
      hold(mine === other, "JSON says the same to us as to JSON.parse", () => `${mine} instead of ${other}`);
    }
    count(reached, result === undefined ? "no JSON" : "JSON");
    return result;
  }

  // What is made of it

  function check(given: unknown, result: Settings | string, how: string): void {
    if (typeof result === "string") {
      count(reached, "refused");
      if (!result.includes(": ")) throw new Breach("a refusal names the field", `${how}: ${result}`);
      if (result.includes(SECRET)) throw new Breach("a refusal tells no secret", `${how}: ${result}`);
      if (result.length > 400) throw new Breach("a refusal is a sentence", `${result.length} characters`);
      return;
    }
    count(reached, "accepted");
    const fault = faultOf(result);
    if (fault !== undefined) throw new Breach("what is accepted is within the limits", `${fault}: ${text(result)}`);
    const again = checkSettings(result, CHIP);
    if (typeof again === "string" || !equalSettings(again, result)) {
      throw new Breach("what is accepted is accepted again", `${how}: ${JSON.stringify([given, result, again])}`);
    }
    flash.load(images[0] as Uint8Array);
    const store = new SettingsStore(flash, FIRST);
    store.save(result);
    const loaded = new SettingsStore(flash, FIRST).load(CHIP);
    if (loaded === undefined || !equalSettings(loaded, result)) {
      throw new Breach("what was saved is loaded", `${JSON.stringify(result)} became ${JSON.stringify(loaded)}`);
    }
  }

  function judge(value: unknown): void {
    const text = JSON.stringify(value);
    // A key is no secret, and neither is what somebody uses as one.
    const isOpen = /"[^"]*s3cr3t[^"]*"\s*:/.test(text);
    const results: [string, Settings | string][] = [
      ["complete", checkSettings(value, CHIP)],
      ["with a scanner", checkSettings(value, CHIP, SCANNER)],
    ];
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      for (const current of known) {
        results.push(["over others", new SettingsDraft(value, CHIP, SCANNER, current).judged()]);
      }
    }
    if (JSON.stringify(value) !== text) throw new Breach("what was given is not changed", text);
    const [[, plain], [, scanned]] = results as [[string, Settings | string], [string, Settings | string]];
    if (JSON.stringify(plain) !== JSON.stringify(scanned)) throw new Breach("a scanner changes nothing", text);
    for (const [how, result] of results.slice(1)) if (!isOpen || typeof result !== "string") check(value, result, how);
  }

  // The store

  function harm(script: Script): void {
    const place = (script.next() ?? 0) | ((script.next() ?? 0) << 8);
    const kind = script.next() ?? 0;
    const value = script.next() ?? 0;
    const more = script.next() ?? 0;
    const size = flash.sectorSize;
    const sector = (place & 0x8000) === 0 ? 0 : size;
    const at = sector + ((place & 0x4000) === 0 ? place % HEADER_BYTES : place % 700);
    switch (kind & 7) {
      case 0:
        scratch[at] = value;
        break;
      case 1:
        scratch[at] = (scratch[at] as number) & value;
        break;
      case 2:
        scratch[at] = (scratch[at] as number) ^ (1 << (value & 7));
        break;
      case 3:
        scratch.fill(value, at, Math.min(at + 1 + more, sector + size));
        break;
      case 4:
        scratch.set((images[value % IMAGES] as Uint8Array).subarray(at, at + 1 + more), at);
        break;
      default:
        scratch.set((images[value % IMAGES] as Uint8Array).subarray(sector, sector + size), sector);
    }
    if ((kind & 8) !== 0) forge(sector, kind);
  }

  /**
   * Makes the CRC of a slot right again, as if a firmware with other rules had written it. Its texts were UTF-8 before
   * it wrote them, so only numbers and lengths within them may be odd.
   */
  function forge(sector: number, kind: number): void {
    isForged = true;
    const words = new Int32Array(scratch.buffer, sector, HEADER_BYTES / 4);
    const length = words[3] as number;
    if (length < 4 || length > flash.sectorSize - HEADER_BYTES || (kind & 16) !== 0) return;
    const content = scratch.subarray(sector + HEADER_BYTES, sector + HEADER_BYTES + length);
    // ASCII: whatever the lengths say, no character is cut.
    for (let at = 0; at < content.length; at += 1) content[at] = (content[at] as number) & 0x7f;
    const crc = crcOf(scratch, sector, sector + 36, crcOf(content, 0, length, 0));
    words[9] = crc === -1 ? -2 : crc;
  }

  function load(): Settings | undefined {
    flash.left = 2000;
    const settings = new SettingsStore(flash, FIRST).load(CHIP);
    if (settings === undefined) return undefined;
    const again = checkSettings(settings, CHIP);
    if (typeof again === "string" || !equalSettings(again, settings)) {
      throw new Breach("what is loaded is accepted", `${JSON.stringify(settings)}: ${JSON.stringify(again)}`);
    }
    return settings;
  }

  function isEither(now: Settings | undefined, before: Settings | undefined, after: Settings | undefined): boolean {
    if (now === undefined) return before === undefined || after === undefined;
    return (before !== undefined && equalSettings(now, before)) || (after !== undefined && equalSettings(now, after));
  }

  function live(script: Script): void {
    let now = load();
    count(reached, now === undefined ? "loaded nothing" : "loaded");
    let cut: { operation: number; byte: number } | undefined;
    for (let steps = 0; steps < 12; steps += 1) {
      const kind = script.next();
      if (kind === undefined) return;
      const value = script.next() ?? 0;
      if (kind % STEPS === Step.CUT) {
        cut = { operation: flash.nor.operations + 1 + (value & 7), byte: value >> 3 };
        continue;
      }
      flash.nor.cutAt = cut;
      const isCut = cut !== undefined;
      cut = undefined;
      now = step(kind % STEPS, value, now, isCut);
      flash.powerOn();
      flash.dead.clear();
    }
  }

  function step(kind: number, value: number, before: Settings | undefined, isCut: boolean): Settings | undefined {
    const wanted = kind === Step.SAVE_AGAIN && before !== undefined ? before : (known[value % 3] as Settings);
    const store = new SettingsStore(flash, FIRST);
    flash.left = 2000;
    try {
      if (kind === Step.LOAD) return load();
      if (kind === Step.WEAR) {
        flash.dead.add(value & 1);
        if ((value & 2) !== 0) flash.dead.add(1 - (value & 1));
      }
      if (kind === Step.ERASE) store.erase();
      else store.save(wanted);
    } catch (error) {
      if (error instanceof Halted && isCut) {
        flash.powerOn();
        const now = load();
        // Settings that are not accepted stand in the newer slot: then the slot in force is the one that is written.
        const after = kind === Step.ERASE || (isForged && now === undefined) ? undefined : wanted;
        hold(isEither(now, before, after), "a power cut leaves the old or the new", () =>
          [before, after, now].map((each) => JSON.stringify(each)).join("; "),
        );
        count(reached, "power cut");
        return now;
      }
      if (kind !== Step.WEAR || !(error instanceof Error) || !/worn out|cannot be erased/.test(error.message))
        throw error;
      count(reached, "worn out");
      flash.dead.clear();
      const now = load();
      hold(isEither(now, before, before), "worn flash leaves the old", () => JSON.stringify([before, now]));
      return now;
    }
    flash.powerOn();
    const now = load();
    const after = kind === Step.ERASE ? undefined : wanted;
    hold(isEither(now, after, after), "what was saved is loaded, and what was erased is not", () =>
      JSON.stringify([after, now]),
    );
    count(reached, kind === Step.ERASE ? "erased" : "saved");
    return now;
  }

  return {
    reached,

    draw(random: Random): Uint8Array {
      draft.clear();
      const mode = random.integer(3);
      draft.push(mode);
      if (mode < 2) {
        putJson(draft, random, mode === 0);
        if (once(random, 2)) spoil(draft, random, 1, TEXTS);
        else spoilSome(draft, random, 1, []);
        return draft.view;
      }
      const damages = once(random, 3) ? 0 : 1 + random.integer(4);
      draft.push(random.integer(IMAGES));
      draft.push(damages);
      for (let left = damages; left > 0; left -= 1) draft.noise(random, 5);
      for (let left = 1 + random.integer(5); left > 0; left -= 1) draft.noise(random, 2);
      spoilSome(draft, random, HEAD, []);
      return draft.view;
    },

    run(input: Uint8Array): void {
      if (input.length < 1) return;
      if ((input[0] as number) % 3 < 2) {
        const value = compare(input.subarray(1));
        if (value !== undefined) judge(value);
        return;
      }
      const script = new Script(input, HEAD);
      isForged = false;
      scratch.set(images[(input[1] ?? 0) % IMAGES] as Uint8Array);
      for (let left = (input[2] ?? 0) & 15; left > 0; left -= 1) harm(script);
      flash.load(scratch);
      live(script);
    },
  };
}

function text(value: unknown): string {
  return JSON.stringify(value);
}

function isText(value: unknown, least: number, most: number): boolean {
  if (typeof value !== "string" || /[\ud800-\udfff\0]/u.test(value)) return false;
  const size = Buffer.byteLength(value);
  return size >= least && size <= most;
}

function isNumber(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
}

/** The first setting that is none, by what the setup page tells people. */
function faultOf(settings: Settings): string | undefined {
  const { wifi, host, port, user, password, root, mode, wiring } = settings;
  if (wifi.length < 1 || wifi.length > 3) return "wifi";
  for (const network of wifi) {
    const key = network.password;
    if (!isText(network.ssid, 1, 32)) return "ssid";
    if (key !== "" && !isText(key, 8, 63) && !/^[0-9a-fA-F]{64}$/.test(key)) return "wifiPassword";
  }
  if (!/^(?!-)[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63})*$/.test(host) || host.length > 253) return "host";
  if (!isNumber(port, 1, 65535)) return "port";
  if (!isText(user, 0, 128) || !isText(password, 0, 128) || (user === "" && password !== "")) return "user, password";
  if (!isText(root, 1, 96) || /[+#]|^\$|\/$/.test(root)) return "root";
  if (!(mode === "mains" ? ["gpio", "rst+gpio"] : ["rst", "rst+gpio"]).includes(wiring)) return "wiring";
  if (!["mains", "battery"].includes(mode) || !["reject", "drop-oldest"].includes(settings.full)) return "mode, full";
  if (!isNumber(settings.keepAliveSeconds, 10, 3600)) return "keepAliveSeconds";
  if (!isNumber(settings.lowMillivolts, 2000, 3600)) return "lowMillivolts";
  if (!["home-assistant", "homie", "tasmota", "none"].includes(settings.convention)) return "convention";
  const { double, quiet } = settings;
  return [double, quiet].every((each) => typeof each === "boolean") ? undefined : "double, quiet";
}

const TEXTS: readonly Uint8Array[] = Object.freeze(
  [
    '{"host":"broker.local","wifi":[{"ssid":"a","password":""}]}',
    '{"wifiPassword":"s3cr3t-pass"}',
    '[1,-2.5e3,true,false,null,"\\ud83d\\ude00\\n\\u00e9"]',
    '{"__proto__":1,"a":{"b":{"c":[[]]}}}',
  ].map((text) => new Uint8Array(Buffer.from(text))),
);

const KEYS: readonly string[] = Object.freeze([
  ...["wifi", "host", "port", "user", "password", "root", "mode", "wiring", "keepAliveSeconds", "double", "full"],
  ...["lowMillivolts", "quiet", "convention", "ssid", "wifiPassword"],
]);
/** Values of settings as JSON: some of them right. */
const VALUES: Readonly<Record<string, readonly string[]>> = Object.freeze({
  wifi: [
    '{"ssid":"home","password":"s3cr3t-wifi"}',
    '[{"ssid":"a","password":""},{"ssid":"b","password":"12345678"}]',
    '[{"ssid":"a","password":"s3cr3t\\u0007"}]',
    '{"ssid":"","password":"s3cr3t"}',
    '{"ssid":"a","password":"s3cr3t-1","x":1}',
    "[]",
    `{"ssid":"${"n".repeat(33)}","password":"12345678"}`,
    `{"ssid":"${"n".repeat(32)}","password":"${"p".repeat(63)}"}`,
    `{"ssid":"n","password":"${"p".repeat(64)}"}`,
    '[{"ssid":"a","password":""},{"ssid":"a","password":""},{"ssid":"a","password":""},{"ssid":"a","password":""}]',
  ],
  host: ['"broker.local"', '"10.0.0.1"', '"10.0.0.256"', '"a..b"', '""', '"mqtt://x"', '"1.2"', '"-a"', '"é"'],
  port: ["1883", "8883", "0", "65536", "1.5", '"1883"', "-0", "1e3"],
  user: ['""', '"user"', '"\\u0000"', '"é"', '"u\\ud83d\\ude00"'],
  password: ['""', '"s3cr3t-mqtt"', '"s3cr3t\\n"', '"\\u0073\\u0033cr3t"', "12345"],
  root: ['"a/b"', '"mresetar/alertbox/5750"', '""', '"a/"', '"a/+"', '"$x"', '"#"', '"čvor"'],
  mode: ['"mains"', '"battery"', '"x"', "null"],
  wiring: ['"gpio"', '"rst"', '"rst+gpio"', '"x"'],
  convention: ['"home-assistant"', '"homie"', '"tasmota"', '"none"', '"x"', "true"],
});
const ANY: readonly string[] = Object.freeze([
  ...[
    "true",
    "false",
    "null",
    "0",
    "-0",
    "60",
    "2600",
    "1e400",
    "-1E-2",
    "0.5",
    '"reject"',
    '"drop-oldest"',
    "[]",
    "{}",
  ],
  ...[
    '"a\\"b"',
    '"\\ud800"',
    '"\\/\\b\\f"',
    "[[[[[1]]]]]",
    "[[[[1]]]]",
    "[[[]]]",
    "[1,]",
    "[1,2,3]",
    "01",
    "1.",
    ".5",
    "+1",
    "tru",
    '"',
    '"\\x"',
    "NaN",
  ],
  ...['"é€😀"', '"\ufeff"', '"\\u00E9\\u20ac"', '"\u007f\u0080"', "123456789012345678901234567890", "-", '"\\u12"'],
]);
const SPACES: readonly string[] = Object.freeze(["", "", "", "", "", " ", "\n", "\t\r\n ", "\u00a0", "\f"]);

/** Settings as JSON, sometimes complete; or anything else. */
function putJson(draft: Draft, random: Random, isSettings: boolean): void {
  const space = (): void => {
    if (once(random, 8)) draft.text(oneOf(random, SPACES));
  };
  space();
  if (!isSettings && once(random, 3)) {
    draft.text(oneOf(random, ANY));
    space();
    return;
  }
  draft.text("{");
  const isComplete = isSettings && !once(random, 4);
  if (isComplete) draft.text('"wifi":{"ssid":"home","password":"s3cr3t-wifi"},"host":"broker.local"');
  const count = random.integer(once(random, 12) ? 40 : 5);
  for (let index = 0; index < count; index += 1) {
    if (isComplete || index > 0) draft.text(",");
    const key = once(random, 24) ? oneOf(random, ["x", "__proto__", "toString", "", "s3cr3t"]) : oneOf(random, KEYS);
    space();
    draft.text(`"${key}"`);
    space();
    draft.text(":");
    space();
    draft.text(
      once(random, 12) ? oneOf(random, ANY) : oneOf(random, (Object.hasOwn(VALUES, key) && VALUES[key]) || ANY),
    );
    space();
  }
  draft.text(once(random, 24) ? ",}" : "}");
  space();
}

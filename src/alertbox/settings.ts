// The settings of a box: which ones there are and what they may be. Everything that comes from outside (setup page,
// cmd/config, a build's configuration, flash) passes the checks here. It knows no network, no page and no broker, and
// not how settings are kept; it never says a secret value in a message.

import type { Scanner } from "./flash.js";

export interface WiFiNetwork {
  /** 1..32 bytes of UTF-8. */
  readonly ssid: string;
  /** "" for an open network, a passphrase of 8..63 bytes of UTF-8, or 64 hex digits: the key itself. */
  readonly password: string;
}

export interface Settings {
  /** 1..3 networks in order of preference. */
  readonly wifi: readonly WiFiNetwork[];
  /** The broker: a host name of at most 253 characters or a dotted IPv4 address. */
  readonly host: string;
  readonly port: number;
  /** Of the broker; "" for none. */
  readonly user: string;
  readonly password: string;
  /** Topic root: a topic name of at most 96 bytes that does not end in "/". */
  readonly root: string;
  readonly mode: "battery" | "mains";
  /** How the button is wired: mains needs a GPIO, battery needs RST. */
  readonly wiring: "gpio" | "rst" | "rst+gpio";
  readonly keepAliveSeconds: number;
  /** Whether double presses are recognised; a single press then waits for the gap. */
  readonly double: boolean;
  /** What a press does to a full journal. */
  readonly full: "reject" | "drop-oldest";
  /** Below this supply voltage the box warns. */
  readonly lowMillivolts: number;
  /** Battery: sleep as soon as an alert is delivered, without showing it for a second. */
  readonly quiet: boolean;
  /** How the box makes itself known, beside its alerts (convention.ts). */
  readonly convention: "home-assistant" | "none" | "homie" | "tasmota";
}

/** In the order of their numbers in flash. */
export const CONVENTIONS = Object.freeze(["home-assistant", "none", "homie", "tasmota"] as const);

// Limits and defaults stand in the code, because a named constant takes some 60 bytes of flash. Lengths of text are
// bytes of UTF-8: 32 of an SSID, 8 to 63 of a passphrase, 128 of the broker's user name and password, 96 of the root.

const KEYS = Object.freeze([
  "wifi",
  "host",
  "port",
  "user",
  "password",
  "root",
  "mode",
  "wiring",
  "keepAliveSeconds",
  "double",
  "full",
  "lowMillivolts",
  "quiet",
  "convention",
  "ssid",
  "wifiPassword",
] as const);
const NETWORK_KEYS = Object.freeze(["ssid", "password"] as const);

/** What may be given: every setting, and the shorthand for a single network. */
export interface Given {
  wifi?: unknown;
  host?: unknown;
  port?: unknown;
  user?: unknown;
  password?: unknown;
  root?: unknown;
  mode?: unknown;
  wiring?: unknown;
  keepAliveSeconds?: unknown;
  double?: unknown;
  full?: unknown;
  lowMillivolts?: unknown;
  quiet?: unknown;
  convention?: unknown;
  ssid?: unknown;
  wifiPassword?: unknown;
}

/** The topic root of a box that was not given one. */
export function defaultRoot(chipId: number): string {
  return `mresetar/alertbox/${chipId}`;
}

/**
 * Settings from plain data: parsed JSON, or a build's configuration. Needed are `host` and `wifi` (one object or an
 * array) or `ssid` and `wifiPassword` for a single network. The rest has defaults, which `null` gives too: `wiring`
 * follows `mode` (mains: gpio, battery: rst), `root` is `defaultRoot(chipId)`, also when it is empty. Unknown keys are
 * refused, so that a misspelt one is noticed. With a `scanner` long texts take less time.
 *
 * @returns the settings, or a sentence that names the field, what is wrong and what to do, and never a secret value.
 */
export function checkSettings(value: unknown, chipId: number, scanner?: Scanner): Settings | string {
  if (!isObject(value)) return 'settings: not an object; give the fields as JSON, such as {"host":"broker.local"}';
  return new SettingsDraft(value, chipId, scanner).judged();
}

/**
 * Settings that are being judged: complete ones, or a partial object as `cmd/config` brings it, laid over the current
 * ones and judged as a whole. Networks are replaced as a list; `wifiPassword` alone changes the password of the only
 * network there is. What was given is never changed. In steps that are soon done, because all of it takes longer than
 * Wi-Fi can wait:
 *
 * 0 are the keys known ──▶ 1 networks, one at a time ──▶ 2 broker ──▶ 3 account, root ──▶ 4 the box ──▶ settings
 *
 * From each of them a refusal.
 */
export class SettingsDraft {
  /** What it comes from: changes, or a form that was sent. */
  readonly origin: object;
  private readonly current: Settings | undefined;
  private readonly chipId: number;
  private readonly scanner: Scanner | undefined;
  private given: Given;
  /** What the last step gave, to be kept by whoever takes the steps. */
  outcome: Settings | string | undefined;
  /** The command that brought them was taken back. */
  isTakenBack = false;
  /** Networks that were judged. */
  private readonly wifi: WiFiNetwork[] = [];
  private stage: number;

  /**
   * `current`: what the changes are laid over; nothing: they must be complete. `origin`, when they come from something
   * else than text: their keys are known ones then, for sure.
   */
  constructor(changes: object, chipId: number, scanner: Scanner | undefined, current?: Settings, origin?: object) {
    this.origin = origin ?? changes;
    this.current = current;
    this.chipId = chipId;
    this.scanner = scanner;
    this.given = changes;
    this.stage = origin === undefined ? 0 : 1;
  }

  /** The next step. Undefined: there is more, call again. Else the result, as `checkSettings` gives it. */
  step(): Settings | string | undefined {
    const { given, stage } = this;
    this.stage = stage + 1;
    switch (stage) {
      case 0: {
        // Before anything is copied, so that a key such as "__proto__" never meets an assignment.
        const stray = strayKey(given, KEYS);
        if (stray !== undefined) return `${stray}: unknown setting; known are ${KEYS.join(", ")}`;
        if (this.current !== undefined) this.given = merged(this.current, given);
        return undefined;
      }
      case 1: {
        // A network in each step.
        const list = networksOf(given);
        if (typeof list === "string") return list;
        const { wifi } = this;
        const at = wifi.length;
        const problem = networkProblem(list[at], list.length === 1 ? "wifi" : `wifi[${at}]`, this.scanner);
        if (problem !== undefined) return problem;
        const { ssid, password } = list[at] as WiFiNetwork;
        wifi.push({ ssid, password });
        if (wifi.length < list.length) this.stage = 1;
        else this.given = completed(given, wifi, this.chipId);
        return undefined;
      }
      case 2:
        return brokerProblem(given, this.scanner);
      case 3:
        return accountProblem(given, this.scanner);
      default:
        return boxProblem(given) ?? (given as Settings);
    }
  }

  /** All steps at once. */
  judged(): Settings | string {
    for (;;) {
      const result = this.step();
      if (result !== undefined) return result;
    }
  }
}

function merged(current: Settings, changes: Given): Given {
  const given: Given = Object.assign({}, current, changes);
  if (changes.wifi === undefined && (changes.ssid !== undefined || changes.wifiPassword !== undefined)) {
    const only = current.wifi.length === 1 ? current.wifi[0] : undefined;
    if (changes.ssid === undefined && only !== undefined) given.ssid = only.ssid;
    delete given.wifi;
  }
  return given;
}

/** With the defaults for what is missing. */
function completed(given: Given, wifi: readonly WiFiNetwork[], chipId: number): Given {
  const mode = given.mode ?? "mains";
  return {
    wifi,
    host: given.host,
    port: given.port ?? 1883,
    user: given.user ?? "",
    password: given.password ?? "",
    root: given.root === "" ? defaultRoot(chipId) : (given.root ?? defaultRoot(chipId)),
    mode,
    wiring: given.wiring ?? (mode === "battery" ? "rst" : "gpio"),
    keepAliveSeconds: given.keepAliveSeconds ?? 60,
    double: given.double ?? true,
    full: given.full ?? "reject",
    lowMillivolts: given.lowMillivolts ?? 2600,
    quiet: given.quiet ?? false,
    convention: given.convention ?? CONVENTIONS[0],
  };
}

/** Whether two settings are the same in every field. */
export function equalSettings(a: Settings, b: Settings): boolean {
  if (a.wifi.length !== b.wifi.length) return false;
  for (let i = 0; i < a.wifi.length; i += 1) {
    const network = a.wifi[i] as WiFiNetwork;
    const other = b.wifi[i] as WiFiNetwork;
    if (network.ssid !== other.ssid || network.password !== other.password) return false;
  }
  // The first key is the networks'; the last two are in neither.
  for (let i = 1; i < KEYS.length; i += 1) {
    const key = KEYS[i] as keyof Settings;
    if (a[key] !== b[key]) return false;
  }
  return true;
}

// Checks. Each gives undefined or the sentence.

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The first key that is not known, cut to a length that a message can bear. */
function strayKey(value: object, known: readonly string[]): string | undefined {
  for (const name in value) if (known.indexOf(name) < 0) return name.substring(0, 32);
  return undefined;
}

/** The networks that were given, 1 to 3 of whatever kind. */
function networksOf(given: Given): unknown[] | string {
  let list: unknown[];
  if (given.ssid !== undefined || given.wifiPassword !== undefined) {
    if (given.wifi !== undefined) return "wifi: given twice; give either wifi or ssid and wifiPassword";
    if (given.ssid === undefined) return "ssid: missing; wifiPassword needs the name of its network";
    if (given.wifiPassword === undefined) return 'wifiPassword: missing; give "" for an open network';
    list = [{ ssid: given.ssid, password: given.wifiPassword }];
  } else if (given.wifi === undefined) {
    return 'wifi: missing; give {"ssid":…,"password":…} or an array of up to three';
  } else {
    list = Array.isArray(given.wifi) ? given.wifi : [given.wifi];
  }
  const count = list.length;
  return count < 1 || count > 3 ? `wifi: ${count} networks; give 1 to 3` : list;
}

function networkProblem(network: unknown, name: string, scanner: Scanner | undefined): string | undefined {
  if (!isObject(network)) return `${name}: not an object; give {"ssid":…,"password":…}`;
  const stray = strayKey(network, NETWORK_KEYS);
  if (stray !== undefined) return `${name}.${stray}: unknown; a network has ssid and password`;
  const { ssid, password } = network as { ssid?: unknown; password?: unknown };
  if (typeof ssid !== "string") return `${name}.ssid: not text; give the network's name`;
  // A zero byte would end the name in the Wi-Fi driver, which takes C strings.
  const length = textLength(ssid, 0, scanner);
  if (length < 1 || length > 32 || ssid.indexOf("\0") >= 0) {
    return `${name}.ssid: must be 1 to 32 bytes of UTF-8`;
  }
  if (password === undefined) return `${name}.password: missing; give "" for an open network`;
  if (typeof password !== "string") return `${name}.password: not text; give "" for an open network`;
  const size = textLength(password, 0x20, scanner);
  // 64 hex digits are the 256-bit key itself. The engine reads them; it would take spaces around them, too.
  const isKey = size === 64 && password.length === 64 && password.indexOf(" ") < 0 && Number(`0x${password}`) >= 0;
  if (password === "" || isKey) return undefined;
  if (size < 8 || size > 63) {
    return `${name}.password: must be 8 to 63 bytes without control characters, 64 hex digits, or "" for an open network`;
  }
  return undefined;
}

function brokerProblem(settings: Given, scanner: Scanner | undefined): string | undefined {
  const { host, port } = settings;
  if (host === undefined) return "host: missing; give the broker's name or IPv4 address";
  if (typeof host !== "string" || !isHost(host, scanner)) {
    return "host: not a host name or IPv4 address; give it without scheme and port, such as broker.local or 192.168.1.10";
  }
  const problem = wholeProblem("port", port, 1, 65535);
  return problem && `${problem}; MQTT's is 1883`;
}

function accountProblem(settings: Given, scanner: Scanner | undefined): string | undefined {
  const { user, password, root } = settings;
  const problem = plainProblem("user", user, scanner) ?? plainProblem("password", password, scanner);
  if (problem !== undefined) return problem;
  // [MQTT-3.1.2-22]: without a user name there can be no password.
  if (user === "" && password !== "") return "password: given without user; MQTT needs both, give user too";
  if (typeof root !== "string") return "root: not text; give a topic, such as home/door/alertbox";
  const length = textLength(root, 0x20, scanner);
  if (length < 1 || length > 96) {
    return "root: must be 1 to 96 bytes of UTF-8 without control characters";
  }
  // [MQTT-3.3.2-2]: a topic name has no wildcards.
  if (root.indexOf("+") >= 0 || root.indexOf("#") >= 0) return "root: + and # are wildcards; leave them out";
  // [MQTT-4.7.2-1]: names that begin with $ are the broker's own.
  if (root.startsWith("$")) return "root: names that begin with $ belong to the broker; begin with another character";
  if (root.substring(root.length - 1) === "/") return "root: ends in /; leave it out";
  return undefined;
}

function boxProblem(settings: Given): string | undefined {
  const { mode, wiring, full } = settings;
  if (mode !== "battery" && mode !== "mains") return "mode: must be battery or mains";
  if (wiring !== "gpio" && wiring !== "rst" && wiring !== "rst+gpio") return "wiring: must be gpio, rst or rst+gpio";
  if (mode === "mains" && wiring === "rst") {
    return "wiring: rst alone would restart a mains box at each press; give gpio or rst+gpio";
  }
  if (mode === "battery" && wiring === "gpio") {
    return "wiring: gpio alone cannot wake a battery box; give rst or rst+gpio";
  }
  const problem =
    wholeProblem("keepAliveSeconds", settings.keepAliveSeconds, 10, 3600) ??
    switchProblem("double", settings.double) ??
    switchProblem("quiet", settings.quiet);
  if (problem !== undefined) return problem;
  if (CONVENTIONS.indexOf(settings.convention as Settings["convention"]) < 0) {
    return "convention: must be home-assistant, homie, tasmota or none";
  }
  if (full !== "reject" && full !== "drop-oldest") return "full: must be reject or drop-oldest";
  return wholeProblem("lowMillivolts", settings.lowMillivolts, 2000, 3600);
}

function wholeProblem(name: string, value: unknown, least: number, most: number): string | undefined {
  const isRight = typeof value === "number" && value === (value | 0) && value >= least && value <= most;
  return isRight ? undefined : `${name}: must be a whole number from ${least} to ${most}`;
}

function switchProblem(name: string, value: unknown): string | undefined {
  return typeof value === "boolean" ? undefined : `${name}: must be true or false`;
}

/**
 * Bytes of UTF-8 that a string takes; -1 when it holds half a surrogate pair, which UTF-8 cannot spell, and with
 * `least` 0x20 also for control characters: MQTT forbids U+0000 [MQTT-1.5.3-2] and discourages the rest (§1.5.3), and
 * a passphrase has none.
 */
function textLength(text: string, least: number, scanner: Scanner | undefined): number {
  const bytes = new Uint8Array(ArrayBuffer.fromString(text));
  const end = bytes.length;
  if (scanner === undefined) {
    for (let i = 0; i < text.length; i += 1) {
      const unit = text.charCodeAt(i);
      if (least !== 0 && (unit < least || (unit >= 0x7f && unit <= 0x9f))) return -1;
      if (unit < 0xd800 || unit > 0xdfff) continue;
      i += 1;
      const low = i < text.length ? text.charCodeAt(i) : 0;
      if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) return -1;
    }
    return end;
  }
  if (least !== 0 && scanner.span(bytes, 0, end, least, 0xff, 0x7f) < end) return -1;
  // ASCII in runs, as nearly all of it. The upper control characters begin with C2, surrogates with ED.
  for (let at = scanner.span(bytes, 0, end, 0, 0x7f, -1); at < end; at = scanner.span(bytes, at, end, 0, 0x7f, -1)) {
    const lead = bytes[at] as number;
    const next = bytes[at + 1] as number;
    if ((lead === 0xc2 && next < 0xa0 && least !== 0) || (lead === 0xed && next >= 0xa0)) return -1;
    at += lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  }
  return end;
}

function plainProblem(name: string, text: unknown, scanner: Scanner | undefined): string | undefined {
  const length = typeof text === "string" ? textLength(text, 0x20, scanner) : -1;
  if (length >= 0 && length <= 128) return undefined;
  return `${name}: must be text of at most 128 bytes without control characters; "" for none`;
}

/**
 * A host name by RFC 1123 (letters, digits, hyphens, labels of 1..63, 253 in all), with the underscore that local names
 * use, or four decimal numbers 0..255. A name whose last part is a number would be taken for an address, so it must be
 * one.
 */
function isHost(host: string, scanner: Scanner | undefined): boolean {
  const bytes = new Uint8Array(ArrayBuffer.fromString(host));
  const end = bytes.length;
  if (end < 1 || end > 253) return false;
  let numbers = 0;
  let labels = 0;
  let tooLarge = false;
  for (let at = 0; at <= end; at += 1) {
    const from = at;
    let digits = 0;
    while (at < end && bytes[at] !== 0x2e) {
      const byte = bytes[at] as number;
      const isDigit = byte >= 0x30 && byte <= 0x39;
      if (isDigit || (byte >= 0x61 && byte <= 0x7a)) {
        // Digits and small letters come in runs.
        const stop = scanner?.span(bytes, at, end, isDigit ? 0x30 : 0x61, isDigit ? 0x39 : 0x7a, -1) ?? at + 1;
        if (isDigit) digits += stop - at;
        at = stop;
      } else if ((byte >= 0x41 && byte <= 0x5a) || byte === 0x2d || byte === 0x5f) at += 1;
      else return false;
    }
    const length = at - from;
    if (length < 1 || length > 63 || bytes[from] === 0x2d || bytes[at - 1] === 0x2d) return false;
    labels += 1;
    if (digits < length) numbers = 0;
    else {
      numbers += 1;
      // A leading zero means octal to some resolvers and nothing to others: refused.
      if (Number(host.substring(from, at)) > 255 || (length > 1 && bytes[from] === 0x30)) tooLarge = true;
    }
  }
  return numbers === 0 || (numbers === 4 && labels === 4 && !tooLarge);
}

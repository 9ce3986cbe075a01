// The settings of a box: which ones there are, what they may be, and the store that keeps them in flash through power
// cuts. Everything that comes from outside (setup page, cmd/config, a build's configuration) passes `checkSettings`
// here. It knows no network, no page and no broker; it never says a secret value in a message.

import { type Flash, flashWord, type Scanner } from "./flash.js";
import { JsonReader, quoted } from "./json.js";

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
}

/** Limits and defaults, for the setup page to show. Lengths of text are bytes of UTF-8. */
export const SettingsLimits = Object.freeze({
  NETWORKS: 3,
  SSID_BYTES: 32,
  PASSPHRASE_LEAST: 8,
  PASSPHRASE_BYTES: 63,
  HOST_LENGTH: 253,
  USER_BYTES: 128,
  PASSWORD_BYTES: 128,
  ROOT_BYTES: 96,
  PORT: 1883,
  KEEP_ALIVE_LEAST: 10,
  KEEP_ALIVE: 60,
  KEEP_ALIVE_MOST: 3600,
  LOW_MILLIVOLTS_LEAST: 2000,
  LOW_MILLIVOLTS: 2600,
  LOW_MILLIVOLTS_MOST: 3600,
} as const);

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
  "ssid",
  "wifiPassword",
] as const);
const HEX_DIGITS = "0123456789abcdefABCDEF";
const NETWORK_KEYS = Object.freeze(["ssid", "password"] as const);

/** What may be given: every setting, and the shorthand for a single network. */
interface Given {
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
  const stray = strayKey(value, KEYS);
  if (stray !== undefined) return `${stray}: unknown setting; known are ${KEYS.join(", ")}`;
  return checkGiven(value, chipId, scanner);
}

/** The same, for what has known keys only. */
function checkGiven(given: Given, chipId: number, scanner: Scanner | undefined): Settings | string {
  const wifi = checkNetworks(given, scanner);
  if (typeof wifi === "string") return wifi;
  const mode = given.mode ?? "mains";
  const settings: Given = {
    wifi,
    host: given.host,
    port: given.port ?? SettingsLimits.PORT,
    user: given.user ?? "",
    password: given.password ?? "",
    root: given.root === "" ? defaultRoot(chipId) : (given.root ?? defaultRoot(chipId)),
    mode,
    wiring: given.wiring ?? (mode === "battery" ? "rst" : "gpio"),
    keepAliveSeconds: given.keepAliveSeconds ?? SettingsLimits.KEEP_ALIVE,
    double: given.double ?? true,
    full: given.full ?? "reject",
    lowMillivolts: given.lowMillivolts ?? SettingsLimits.LOW_MILLIVOLTS,
    quiet: given.quiet ?? false,
  };
  const problem = brokerProblem(settings, scanner) ?? boxProblem(settings);
  return problem ?? (settings as Settings);
}

/**
 * `changes`, a parsed partial JSON object as `cmd/config` brings it, laid over `current` and checked as a whole.
 * Networks are replaced as a list; `wifiPassword` alone changes the password of the only network there is.
 *
 * @returns the merged settings, or a sentence as `checkSettings` gives it; `current` is never changed.
 */
export function mergeSettings(
  current: Settings,
  changes: unknown,
  chipId: number,
  scanner?: Scanner,
): Settings | string {
  if (!isObject(changes)) return 'config: not an object; give the fields to change as JSON, such as {"port":1883}';
  // Before anything is copied, so that a key such as "__proto__" never meets an assignment.
  const stray = strayKey(changes, KEYS);
  if (stray !== undefined) return `${stray}: unknown setting; known are ${KEYS.join(", ")}`;
  const given: Given = Object.assign({}, current, changes);
  const short = changes as Given;
  if (short.wifi === undefined && (short.ssid !== undefined || short.wifiPassword !== undefined)) {
    const only = current.wifi.length === 1 ? current.wifi[0] : undefined;
    if (short.ssid === undefined && only !== undefined) given.ssid = only.ssid;
    delete given.wifi;
  }
  return checkGiven(given, chipId, scanner);
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

function checkNetworks(given: Given, scanner: Scanner | undefined): WiFiNetwork[] | string {
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
  if (list.length < 1 || list.length > SettingsLimits.NETWORKS) {
    return `wifi: ${list.length} networks; give 1 to ${SettingsLimits.NETWORKS}`;
  }
  const networks: WiFiNetwork[] = [];
  for (let i = 0; i < list.length; i += 1) {
    const name = list.length === 1 ? "wifi" : `wifi[${i}]`;
    const problem = networkProblem(list[i], name, scanner);
    if (problem !== undefined) return problem;
    const network = list[i] as WiFiNetwork;
    networks.push({ ssid: network.ssid, password: network.password });
  }
  return networks;
}

function networkProblem(network: unknown, name: string, scanner: Scanner | undefined): string | undefined {
  if (!isObject(network)) return `${name}: not an object; give {"ssid":…,"password":…}`;
  const stray = strayKey(network, NETWORK_KEYS);
  if (stray !== undefined) return `${name}.${stray}: unknown; a network has ssid and password`;
  const { ssid, password } = network as { ssid?: unknown; password?: unknown };
  if (typeof ssid !== "string") return `${name}.ssid: not text; give the network's name`;
  // A zero byte would end the name in the Wi-Fi driver, which takes C strings.
  const length = utf8Length(ssid);
  if (length < 1 || length > SettingsLimits.SSID_BYTES || ssid.indexOf("\0") >= 0) {
    return `${name}.ssid: must be 1 to ${SettingsLimits.SSID_BYTES} bytes of UTF-8`;
  }
  if (password === undefined) return `${name}.password: missing; give "" for an open network`;
  if (typeof password !== "string") return `${name}.password: not text; give "" for an open network`;
  // 64 hex digits are the 256-bit key itself.
  let digits = password.length === 64 ? 0 : 65;
  while (digits < 64 && HEX_DIGITS.indexOf(password.substring(digits, digits + 1)) >= 0) digits += 1;
  if (password === "" || digits === 64) return undefined;
  const size = plainLength(password, scanner);
  if (size < SettingsLimits.PASSPHRASE_LEAST || size > SettingsLimits.PASSPHRASE_BYTES) {
    return `${name}.password: must be 8 to 63 bytes without control characters, 64 hex digits, or "" for an open network`;
  }
  return undefined;
}

function brokerProblem(settings: Given, scanner: Scanner | undefined): string | undefined {
  const { host, port, user, password, root } = settings;
  if (host === undefined) return "host: missing; give the broker's name or IPv4 address";
  if (typeof host !== "string" || !isHost(host)) {
    return "host: not a host name or IPv4 address; give it without scheme and port, such as broker.local or 192.168.1.10";
  }
  if (!isWhole(port, 1, 65535)) return "port: must be a whole number from 1 to 65535; MQTT's is 1883";
  const limit = SettingsLimits;
  if (!isPlain(user, limit.USER_BYTES, scanner)) {
    return `user: must be text of at most ${limit.USER_BYTES} bytes without control characters; "" for none`;
  }
  if (!isPlain(password, limit.PASSWORD_BYTES, scanner)) {
    return `password: must be text of at most ${limit.PASSWORD_BYTES} bytes without control characters; "" for none`;
  }
  // [MQTT-3.1.2-22]: without a user name there can be no password.
  if (user === "" && password !== "") return "password: given without user; MQTT needs both, give user too";
  if (typeof root !== "string") return "root: not text; give a topic, such as home/door/alertbox";
  const length = plainLength(root, scanner);
  if (length < 1 || length > SettingsLimits.ROOT_BYTES) {
    return `root: must be 1 to ${SettingsLimits.ROOT_BYTES} bytes of UTF-8 without control characters`;
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
  const limit = SettingsLimits;
  if (mode !== "battery" && mode !== "mains") return "mode: must be battery or mains";
  if (wiring !== "gpio" && wiring !== "rst" && wiring !== "rst+gpio") return "wiring: must be gpio, rst or rst+gpio";
  if (mode === "mains" && wiring === "rst") {
    return "wiring: rst alone would restart a mains box at each press; give gpio or rst+gpio";
  }
  if (mode === "battery" && wiring === "gpio") {
    return "wiring: gpio alone cannot wake a battery box; give rst or rst+gpio";
  }
  if (!isWhole(settings.keepAliveSeconds, limit.KEEP_ALIVE_LEAST, limit.KEEP_ALIVE_MOST)) {
    return `keepAliveSeconds: must be a whole number from ${limit.KEEP_ALIVE_LEAST} to ${limit.KEEP_ALIVE_MOST}`;
  }
  if (typeof settings.double !== "boolean") return "double: must be true or false";
  if (typeof settings.quiet !== "boolean") return "quiet: must be true or false";
  if (full !== "reject" && full !== "drop-oldest") return "full: must be reject or drop-oldest";
  if (!isWhole(settings.lowMillivolts, limit.LOW_MILLIVOLTS_LEAST, limit.LOW_MILLIVOLTS_MOST)) {
    const range = `${limit.LOW_MILLIVOLTS_LEAST} to ${limit.LOW_MILLIVOLTS_MOST}`;
    return `lowMillivolts: must be a whole number from ${range}`;
  }
  return undefined;
}

function isWhole(value: unknown, least: number, most: number): boolean {
  return typeof value === "number" && value === (value | 0) && value >= least && value <= most;
}

/** Bytes of UTF-8 that a string takes; -1 when it holds half a surrogate pair, which UTF-8 cannot spell. */
function utf8Length(text: string): number {
  // As many bytes as characters: ASCII, as nearly always.
  if (ArrayBuffer.fromString(text).byteLength === text.length) return text.length;
  let length = 0;
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) length += 1;
    else if (unit < 0x800) length += 2;
    else if (unit > 0xffff)
      length += 4; // XS gives whole code points, other engines halves of them.
    else if (unit < 0xd800 || unit > 0xdfff) length += 3;
    else {
      i += 1;
      const low = i < text.length ? text.charCodeAt(i) : 0;
      if (unit > 0xdbff || low < 0xdc00 || low > 0xdfff) return -1;
      length += 4;
    }
  }
  return length;
}

/**
 * As utf8Length, and -1 for control characters too: MQTT forbids U+0000 [MQTT-1.5.3-2] and discourages the rest
 * (§1.5.3), a passphrase has none, and without them the settings as JSON always fit a sector.
 */
function plainLength(text: string, scanner: Scanner | undefined): number {
  if (scanner !== undefined) {
    const bytes = new Uint8Array(ArrayBuffer.fromString(text));
    // Printable ASCII, as nearly always.
    if (scanner.span(bytes, 0, bytes.length, 0x20, 0x7e, -1) === text.length) return text.length;
  }
  for (let i = 0; i < text.length; i += 1) {
    const unit = text.charCodeAt(i);
    if (unit < 0x20 || (unit >= 0x7f && unit <= 0x9f)) return -1;
  }
  return utf8Length(text);
}

function isPlain(text: unknown, most: number, scanner: Scanner | undefined): boolean {
  if (typeof text !== "string") return false;
  const length = plainLength(text, scanner);
  return length >= 0 && length <= most;
}

/**
 * A host name by RFC 1123 (letters, digits, hyphens, labels of 1..63, 253 in all), with the underscore that local names
 * use, or four decimal numbers 0..255. A name whose last part is a number would be taken for an address, so it must be
 * one.
 */
function isHost(host: string): boolean {
  if (host.length < 1 || host.length > SettingsLimits.HOST_LENGTH) return false;
  let numbers = 0;
  let labels = 0;
  let tooLarge = false;
  for (let from = 0; from <= host.length; ) {
    let stop = host.indexOf(".", from);
    if (stop < 0) stop = host.length;
    const part = host.substring(from, stop);
    from = stop + 1;
    labels += 1;
    if (part.length < 1 || part.length > 63 || part.startsWith("-") || part.substring(part.length - 1) === "-")
      return false;
    let digits = 0;
    for (let i = 0; i < part.length; i += 1) {
      const unit = part.charCodeAt(i);
      // Letters, capital or not, before all else: they are most.
      if ((unit | 0x20) >= 0x61 && (unit | 0x20) <= 0x7a) continue;
      if (unit >= 0x30 && unit <= 0x39) digits += 1;
      else if (unit !== 0x2d && unit !== 0x5f) return false;
    }
    if (digits === part.length) numbers += 1;
    else numbers = 0;
    // A leading zero means octal to some resolvers and nothing to others: refused.
    if (Number(part) > 255 || (part.length > 1 && part.startsWith("0"))) tooLarge = true;
  }
  return numbers === 0 || (numbers === 4 && labels === 4 && !tooLarge);
}

// The store

// A slot: magic · version · generation · length · CRC, then the settings as UTF-8 JSON, filled up to whole words.
// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 0x31534241: the magic, "ABS1" in flash; 1: the version.
// - 20: bytes of the header; 16: where its CRC stands.

/**
 * The settings as JSON, with the fields in one order, so that equal settings are equal bytes; spaces at the end make
 * whole words of 4 bytes. Piece by piece, so that the text, up to 2 KB, never stands in RAM as a whole.
 */
class SettingsText {
  private readonly settings: Settings;
  /** The piece that comes next; below 0 a network. */
  private next: number;
  private bytes = new Uint8Array(0);
  private place = 0;

  constructor(settings: Settings) {
    this.settings = settings;
    this.next = -settings.wifi.length;
  }

  /** Puts what follows into a block of whole words; the number of bytes, which fill it but for the last ones. */
  copy(block: Uint8Array): number {
    let size = 0;
    while (size < block.length) {
      const { place, bytes } = this;
      if (place === bytes.length) {
        const piece = this.piece();
        if (piece === "") break;
        this.bytes = new Uint8Array(ArrayBuffer.fromString(piece));
        this.place = 0;
      } else {
        const count = Math.min(bytes.length - place, block.length - size);
        block.set(bytes.subarray(place, place + count), size);
        this.place = place + count;
        size += count;
      }
    }
    for (; (size & 3) !== 0; size += 1) block[size] = 0x20;
    return size;
  }

  private piece(): string {
    const { settings, next } = this;
    const { wifi } = settings;
    this.next = next + 1;
    if (next < 0) {
      const { ssid, password } = wifi[wifi.length + next] as WiFiNetwork;
      const before = next + wifi.length === 0 ? '{"wifi":[' : ",";
      return `${before}{"ssid":${quoted(ssid)},"password":${quoted(password, true)}}`;
    }
    switch (next) {
      case 0:
        return `],"host":${quoted(settings.host, true)},"port":${settings.port}`;
      case 1:
        return `,"user":${quoted(settings.user, true)}`;
      case 2:
        return `,"password":${quoted(settings.password, true)}`;
      case 3:
        return `,"root":${quoted(settings.root, true)}`;
      case 4:
        return `,"mode":"${settings.mode}","wiring":"${settings.wiring}","keepAliveSeconds":${settings.keepAliveSeconds}`;
      case 5:
        return `,"double":${settings.double},"full":"${settings.full}","lowMillivolts":${settings.lowMillivolts}`;
      case 6:
        return `,"quiet":${settings.quiet}}`;
      default:
        return "";
    }
  }
}

/** What a valid slot holds: so many bytes of JSON. */
interface Stored {
  readonly slot: number;
  readonly generation: number;
  readonly length: number;
}

/**
 * Two slots of one sector each. Saving writes the slot that is not in force and its CRC last, so a cut at any byte
 * leaves the old settings or the new ones. It keeps nothing in RAM: settings are read once per boot and written a few
 * times in a life.
 */
export class SettingsStore {
  private readonly flash: Flash;
  private readonly firstSector: number;
  private lastError = "";

  /** Uses the sectors `firstSector` and `firstSector + 1` of `flash`. */
  constructor(flash: Flash, firstSector: number) {
    this.flash = flash;
    this.firstSector = firstSector;
  }

  /**
   * The settings in force; undefined when there are none or they cannot be read. Settings that this firmware does not
   * accept (written by another version) do not hide older ones that it does accept.
   */
  load(chipId: number): Settings | undefined {
    const newest = this.newest();
    if (newest === undefined) return undefined;
    const settings = this.parse(newest, chipId);
    if (settings !== undefined) return settings;
    const other = this.read(1 - newest.slot);
    return other === undefined ? undefined : this.parse(other, chipId);
  }

  /**
   * Puts settings in force. Writes nothing when they are in force already; otherwise verified by reading back.
   *
   * @throws Error when the flash does not keep them, RangeError when they do not fit a sector; the old ones stay in
   * force.
   */
  save(settings: Settings): void {
    const block = new Uint8Array(64);
    const text = new SettingsText(settings);
    let length = 0;
    let crc = 0;
    for (let size = 64; size === 64; length += size) {
      size = text.copy(block);
      crc = this.flash.crc(block, 0, size, crc);
    }
    if (length > this.flash.sectorSize - 20) {
      throw new RangeError(`settings: ${length} bytes do not fit a sector; shorten names and passwords`);
    }
    const newest = this.newest();
    if (newest === undefined) {
      // With nothing in force, the other slot is free to try.
      if (this.write(0, 1, settings, length) || this.write(1, 1, settings, length)) return;
    } else if (
      (newest.length === length && this.sum(newest.slot, length, 0) === crc && this.holds(newest.slot, settings)) ||
      this.write(1 - newest.slot, (newest.generation + 1) | 0, settings, length)
    ) {
      return;
    }
    throw new Error(
      `settings: flash is worn out: it does not keep what is written${this.lastError}; the old settings stay`,
    );
  }

  /**
   * Factory reset. The slot in force is erased last, so that after a cut there are the old settings or none, never
   * older ones.
   *
   * @throws Error when settings can still be read afterwards.
   */
  erase(): void {
    const newest = this.newest();
    const last = newest === undefined ? 1 : newest.slot;
    this.wipe(1 - last);
    this.wipe(last);
    if (this.newest() !== undefined) throw new Error("settings: the flash cannot be erased; replace the board");
  }

  private sectorAt(slot: number): number {
    return (this.firstSector + slot) * this.flash.sectorSize;
  }

  /** The valid slot with the newer generation. */
  private newest(): Stored | undefined {
    const first = this.read(0);
    const second = this.read(1);
    if (first === undefined) return second;
    if (second === undefined) return first;
    return ((first.generation - second.generation) | 0) > 0 ? first : second;
  }

  private read(slot: number): Stored | undefined {
    const offset = this.sectorAt(slot);
    const head = this.flash.read(offset, 20);
    const words = new Int32Array(head.buffer, head.byteOffset, 20 >> 2);
    const length = words[3] as number;
    if (words[0] !== 0x31534241 || words[1] !== 1) return undefined;
    if (length < 2 || length > this.flash.sectorSize - 20) return undefined;
    if (words[4] !== flashWord(this.sum(slot, length, this.flash.crc(head, 0, 16, 0)))) return undefined;
    return { slot, generation: words[2] as number, length };
  }

  /** The CRC of so many bytes of JSON in a slot, after what has the CRC `seed`. */
  private sum(slot: number, length: number, seed: number): number {
    const offset = this.sectorAt(slot) + 20;
    let crc = seed;
    for (let at = 0; at < length; at += 256) {
      const size = Math.min(256, length - at);
      crc = this.flash.crc(this.flash.read(offset + at, (size + 3) & ~3), 0, size, crc);
    }
    return crc;
  }

  private parse(stored: Stored, chipId: number): Settings | undefined {
    const { length } = stored;
    try {
      const content = this.flash.read(this.sectorAt(stored.slot) + 20, (length + 3) & ~3);
      const settings = checkSettings(
        new JsonReader(content.subarray(0, length), this.flash).read(),
        chipId,
        this.flash,
      );
      return typeof settings === "string" ? undefined : settings;
    } catch {
      return undefined;
    }
  }

  /** Whether a slot, which has the right length, holds these settings. */
  private holds(slot: number, settings: Settings): boolean {
    const offset = this.sectorAt(slot) + 20;
    const text = new SettingsText(settings);
    const block = new Uint8Array(64);
    const words = new Int32Array(block.buffer);
    let size = 64;
    for (let at = 0; size === 64; at += size) {
      size = text.copy(block);
      if (size === 0) break;
      const stored = new Int32Array(this.flash.read(offset + at, size).buffer);
      for (let i = 0; i < stored.length; i += 1) if (words[i] !== stored[i]) return false;
    }
    return true;
  }

  /** Writes a slot, CRC last. Whether that has worked is decided by reading back, not by the absence of an error. */
  private write(slot: number, generation: number, settings: Settings, length: number): boolean {
    const offset = this.sectorAt(slot);
    const head = new Int32Array(20 >> 2);
    const bytes = new Uint8Array(head.buffer);
    const text = new SettingsText(settings);
    const block = new Uint8Array(64);
    head[0] = 0x31534241;
    head[1] = 1;
    head[2] = generation;
    head[3] = length;
    let crc = this.flash.crc(bytes, 0, 16, 0);
    try {
      this.flash.erase(this.firstSector + slot);
      for (let at = 0; at < length; at += 64) {
        const size = text.copy(block);
        crc = this.flash.crc(block, 0, size, crc);
        this.flash.write(offset + 20 + at, size === 64 ? block : block.subarray(0, size));
      }
      head[4] = flashWord(crc);
      this.flash.write(offset, bytes.subarray(0, 16));
      this.flash.write(offset + 16, bytes.subarray(16));
    } catch (error) {
      this.lastError = ` (${String(error)})`;
    }
    const stored = this.read(slot);
    return stored !== undefined && stored.generation === generation && stored.length === length;
  }

  /** Erases a slot; where the flash refuses, clears every bit of it instead, so that no secret stays behind. */
  private wipe(slot: number): void {
    try {
      this.flash.erase(this.firstSector + slot);
    } catch {
      const bytes = new Uint8Array(64);
      const end = this.sectorAt(slot + 1);
      for (let offset = this.sectorAt(slot); offset < end; offset += 64) this.flash.write(offset, bytes);
    }
  }
}

// Keeps the settings in flash through power cuts. What they may be is settings.ts's.
//
// A slot: a header of ten words, then the texts, each filled up with spaces to whole words of 4 bytes.
//   0 magic · 1 version · 2 generation · 3 bytes of the texts · 4 port, keep-alive · 5 low millivolts, flags, number of
//   networks · 6 to 8 lengths of the texts, a byte each · 9 CRC of the texts and of the words before it
// Flags, from bit 16 on: battery, wiring (2 bits), double, drop-oldest, quiet, convention (2 bits). Texts: name and
// password of each network, host, user, password, root. Behind them, to the end of the sector, marks of a word each, as
// they come: the first of them is what is left of the settings before (introduction.ts says what a mark is).
// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 0x31534241: the magic, "ABS1" in flash; 2: the version. Settings written by other rules need another version.
// - 40: bytes of the header; 36: where its CRC stands; 24: where the lengths do.

import { type Flash, flashWord } from "./flash.js";
import { CONVENTIONS, equalSettings, type Given, type Settings, SettingsDraft, type WiFiNetwork } from "./settings.js";

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

const WIRINGS = Object.freeze(["gpio", "rst", "rst+gpio"] as const);

/** The texts in the order in which they are stored. */
function textAt({ wifi, host, user, password, root }: Settings, at: number): string {
  const network = wifi[at >> 1];
  if (network !== undefined) return (at & 1) === 0 ? network.ssid : network.password;
  const left = at - 2 * wifi.length;
  return left === 0 ? host : left === 1 ? user : left === 2 ? password : root;
}

/** What a valid slot holds. */
interface Stored {
  readonly slot: number;
  readonly words: Int32Array;
  /** The other slot, when both are valid. */
  other: Stored | undefined;
}

/**
 * Two slots of one sector each. Saving writes the slot that is not in force and its CRC last, so a cut at any byte
 * leaves the old settings or the new ones. It is made for each use: settings are read once per boot and written a few
 * times in a life.
 *
 * Saving has steps, each of which is soon done (`step`), because all of it takes longer than Wi-Fi can wait:
 *
 * 0 compare ──▶ 1 erase ──▶ 2 texts, two at a time ──▶ 3 header ──▶ 4 look ──▶ done
 *     └─ in force already ─▶ done ▲                                      └── the other slot: first worn, none in force
 *
 * Until the header is whole the old settings are in force, however often the power fails.
 */
export class SettingsStore {
  private readonly flash: Flash;
  private readonly firstSector: number;
  private lastError = "";
  // While saving:
  private stage = 0;
  private settings: Settings | undefined;
  /** The other slot may be tried too. */
  private isFirst = false;
  private slot = 0;
  private place = 0;
  private count = 0;
  private crc = 0;
  private words = new Int32Array(0);
  /** The first mark beside the new settings; 0 for none. */
  private mark = 0;
  // After `isMarked`:
  /** The mark that was put last; 0 when there is none. */
  former = 0;
  /** How often settings were saved. */
  generation = 0;

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
    const settings = this.checked(newest, chipId);
    if (settings !== undefined) return settings;
    const { other } = newest;
    return other === undefined ? undefined : this.checked(other, chipId);
  }

  /**
   * Puts settings in force. Writes nothing when they are in force already; otherwise verified by reading back.
   *
   * @throws Error when the flash does not keep them, RangeError when they do not fit a sector; the old ones stay in
   * force.
   */
  save(settings: Settings): void {
    this.begin(settings);
    while (this.step());
  }

  /** Begins to save; `step` does it. */
  begin(settings: Settings): void {
    this.settings = settings;
    this.stage = 0;
  }

  /** The next step of saving. False when the settings are in force. Throws as `save`; it is over then. */
  step(): boolean {
    const settings = this.settings as Settings;
    const { stage } = this;
    this.stage = stage + 1;
    switch (stage) {
      case 0: {
        const newest = this.newest();
        this.isFirst = newest === undefined;
        this.slot = newest === undefined ? 0 : 1 - newest.slot;
        this.words = new Int32Array(10);
        this.words[2] = newest === undefined ? 1 : (newest.words[2] as number) + 1;
        // What was stored was accepted then, and is compared field by field.
        const given = newest === undefined ? undefined : this.parse(newest);
        // What was told by those settings, and what may have been. Settings without any are those of Home Assistant.
        this.mark =
          given === undefined
            ? 0
            : (this.markAt(newest as Stored, -4) ?? 1) | (1 << CONVENTIONS.indexOf((given as Settings).convention));
        return given === undefined || !equalSettings(given as Settings, settings);
      }
      case 1:
        this.place = 0;
        this.count = 0;
        this.crc = 0;
        try {
          this.flash.erase(this.firstSector + this.slot);
        } catch (error) {
          this.lastError = ` (${String(error)})`;
        }
        return true;
      case 2:
        // Two texts in each step.
        this.put(textAt(settings, this.count));
        this.put(textAt(settings, this.count));
        if (this.count < 2 * settings.wifi.length + 4) this.stage = 2;
        return true;
      case 3:
        this.putHeader(settings);
        return true;
      default:
        return this.look();
    }
  }

  /** Writes a text behind the others. Whether that has worked is decided by reading back. */
  private put(text: string): void {
    let bytes = new Uint8Array(ArrayBuffer.fromString(text));
    const { length } = bytes;
    const rest = length & 3;
    if (rest !== 0) bytes = new Uint8Array(ArrayBuffer.fromString(text + "   ".substring(rest - 1)));
    new Uint8Array(this.words.buffer)[24 + this.count] = length;
    this.count += 1;
    if (length === 0) return;
    const { place } = this;
    const size = bytes.length;
    if (place + size > this.flash.sectorSize - 44) {
      throw new RangeError("settings: they do not fit a sector; shorten names and passwords");
    }
    this.place = place + size;
    this.crc = this.flash.crc(bytes, 0, size, this.crc);
    this.write(40 + place, bytes);
  }

  private putHeader(settings: Settings): void {
    const { words } = this;
    const { wiring } = settings;
    const bytes = new Uint8Array(words.buffer);
    let flags = (wiring === "rst" ? 2 : wiring === "gpio" ? 0 : 4) | (settings.mode === "battery" ? 1 : 0);
    flags |= (settings.double ? 8 : 0) | (settings.full === "drop-oldest" ? 16 : 0) | (settings.quiet ? 32 : 0);
    flags |= CONVENTIONS.indexOf(settings.convention) << 6;
    words[0] = 0x31534241;
    words[1] = 2;
    words[3] = this.place;
    words[4] = settings.port | (settings.keepAliveSeconds << 16);
    words[5] = settings.lowMillivolts | (flags << 16) | (settings.wifi.length << 24);
    words[9] = flashWord(this.flash.crc(bytes, 0, 36, this.crc));
    if (this.mark !== 0) this.write(40 + this.place, new Uint8Array(new Int32Array([this.mark]).buffer));
    this.write(0, bytes.subarray(0, 36));
    this.write(36, bytes.subarray(36));
  }

  private write(offset: number, bytes: Uint8Array): void {
    try {
      this.flash.write(this.sectorAt(this.slot) + offset, bytes);
    } catch (error) {
      this.lastError = ` (${String(error)})`;
    }
  }

  /** Reads back what was written. */
  private look(): boolean {
    const stored = this.read(this.slot);
    if (stored !== undefined && stored.words[2] === this.words[2] && stored.words[9] === this.words[9]) return false;
    if (!this.isFirst || this.slot === 1) {
      throw new Error(
        `settings: flash is worn out: it does not keep what is written${this.lastError}; the old settings stay`,
      );
    }
    // With nothing in force, the other slot is free to try.
    this.slot = 1;
    this.stage = 1;
    return true;
  }

  /**
   * Whether this mark, which is not -1, was put last beside the settings in force, or nothing can say: settings of the
   * build alone have no place for marks. A torn mark is some other number.
   */
  isMarked(mark: number): boolean {
    const newest = this.newest();
    if (newest === undefined) return true;
    this.generation = newest.words[2] as number;
    this.former = this.markAt(newest, -4) ?? 0;
    return this.former === mark;
  }

  /** Puts a mark beside the settings in force, if there are any, and room: for more than 700. May throw, as `save`. */
  append(mark: number): void {
    const newest = this.newest();
    if (newest === undefined) return;
    const at = this.markAt(newest, 0) as number;
    if (at < this.flash.sectorSize) {
      this.flash.write(this.sectorAt(newest.slot) + at, new Uint8Array(new Int32Array([mark]).buffer));
    }
  }

  /** Of the place for the next mark in a slot: with 0 where it is, with -4 what stands before it. */
  private markAt({ slot, words }: Stored, which: 0 | -4): number | undefined {
    const start = this.sectorAt(slot);
    let at = 40 + (words[3] as number);
    let last: number | undefined;
    for (; at < this.flash.sectorSize; at += 4) {
      const word = new Int32Array(this.flash.read(start + at, 4).buffer)[0] as number;
      if (word === -1) break;
      last = word;
    }
    return which === 0 ? at : last;
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
    first.other = second;
    second.other = first;
    return (((first.words[2] as number) - (second.words[2] as number)) | 0) > 0 ? first : second;
  }

  private read(slot: number): Stored | undefined {
    const offset = this.sectorAt(slot);
    const head = this.flash.read(offset, 40);
    const words = new Int32Array(head.buffer, head.byteOffset, 10);
    const length = words[3] as number;
    if (words[0] !== 0x31534241 || words[1] !== 2) return undefined;
    if (length < 4 || length > this.flash.sectorSize - 40 || (length & 3) !== 0) return undefined;
    let crc = 0;
    for (let at = 0; at < length; at += 256) {
      const size = Math.min(256, length - at);
      crc = this.flash.crc(this.flash.read(offset + 40 + at, size), 0, size, crc);
    }
    return words[9] === flashWord(this.flash.crc(head, 0, 36, crc)) ? { slot, words, other: undefined } : undefined;
  }

  private checked(stored: Stored, chipId: number): Settings | undefined {
    const given = this.parse(stored);
    const settings =
      given === undefined ? "" : new SettingsDraft(given, chipId, this.flash, undefined, stored).judged();
    return typeof settings === "string" ? undefined : settings;
  }

  /** What a slot says; undefined when its lengths cannot be true. */
  private parse({ slot, words }: Stored): Given | undefined {
    const lengths = new Uint8Array(words.buffer, words.byteOffset + 24, 12);
    const content = this.flash.read(this.sectorAt(slot) + 40, words[3] as number);
    const texts: string[] = [];
    const numbers = words[5] as number;
    const count = numbers >>> 24;
    let at = 0;
    for (let i = 0; i < 2 * count + 4; i += 1) {
      const length = lengths[i] ?? 0;
      if (at + length > content.length) return undefined;
      texts[i] = (String.fromArrayBuffer as FromArrayBuffer)(content.buffer, content.byteOffset + at, length);
      at += (length + 3) & ~3;
    }
    const wifi: WiFiNetwork[] = [];
    for (let i = 0; i < 2 * count; i += 2) {
      wifi.push({ ssid: texts[i] as string, password: texts[i + 1] as string });
    }
    return {
      wifi,
      host: texts[2 * count],
      port: (words[4] as number) & 0xffff,
      user: texts[2 * count + 1],
      password: texts[2 * count + 2],
      root: texts[2 * count + 3],
      mode: (numbers & 0x10000) === 0 ? "mains" : "battery",
      wiring: WIRINGS[(numbers >> 17) & 3],
      keepAliveSeconds: (words[4] as number) >>> 16,
      double: (numbers & 0x80000) !== 0,
      full: (numbers & 0x100000) === 0 ? "reject" : "drop-oldest",
      lowMillivolts: numbers & 0xffff,
      quiet: (numbers & 0x200000) !== 0,
      convention: CONVENTIONS[(numbers >> 22) & 3],
    };
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

// The journal of alerts that are not yet delivered, and the press count, in two sectors of NOR flash (DESIGN §8). It is
// why no press is lost over a power cut and none is delivered twice. It knows flash only through the Flash interface:
// no clock, no network, no button.
//
// A sector is a header and equal slots of one record each, so a torn record hides nothing that follows it: the next
// slot begins at a known place. Two rules make a cut at any byte harmless:
// - The CRC is written after what it covers, and all ones is never a CRC. While the body is torn, the CRC word is
// blank;
//   while the CRC is torn, it has ones where the true CRC has none. Neither can look valid.
// - A status group of eight bits counts as cleared as soon as any of its bits is. The write begins only when the event
// is
//   certain (PUBREC or PUBCOMP is in), so either outcome of a torn status write is true.

import type { Flash } from "./flash.js";
import {
  CHANGES_AT,
  CRC_AT,
  composeHeader,
  composeRecord,
  DONE_BITS,
  DROPPED_BITS,
  HEADER_CRC_AT,
  HEADER_WORDS,
  isBlank,
  isFinished,
  isHeader,
  isRecord,
  RECEIVED_BITS,
  RECORD_BYTES,
  RECORD_WORDS,
  REFUSED_AT,
  REFUSED_ROOM,
  SLOTS_AT,
  STATUS_AT,
  tornGroups,
} from "./journal-format.js";

/** What the finger did, as a number in the record. */
export const AlertEvent = Object.freeze({ PRESS: 0, DOUBLE: 1, LONG: 2 } as const);

/** How far an alert has come: waiting for PUBREC, PUBREC seen (only PUBREL is still to be sent), PUBCOMP seen. */
export const AlertStatus = Object.freeze({ QUEUED: 0, RECEIVED: 1, DONE: 2 } as const);

/** A copy of one alert as it was when asked for; changing it changes nothing in flash. */
export interface AlertRecord {
  readonly sequence: number;
  readonly event: number;
  readonly millivolts: number;
  status: number;
}

/** The first packet id that the session may use on its own account; the ids below belong to the journal. */
export const FIRST_SESSION_ID = 32769;

/** Sequence numbers after which packet ids repeat. */
const PACKET_IDS = 32768;

/**
 * MQTT packet id of an alert, 1..32768: a function of the sequence number only, so that the id is the same after a
 * power cut without a second write. Alerts not done never share one: the journal counts as full before that could
 * happen.
 */
export function packetId(sequence: number): number {
  return ((sequence - 1) & (PACKET_IDS - 1)) + 1;
}

/** Alerts kept at most. The remaining slots of a 4 KB sector (73 of 201) are what a compaction gains. */
const CAPACITY = 128;
/** Slots tried in one sector before it counts as worn; scanning relies on gaps being shorter than BLANK_RUN. */
const ATTEMPTS = 8;
const BLANK_RUN = 16;
/** Slots read at once while scanning: 240 bytes of RAM for a moment. */
const BLOCK = 12;

/**
 * RAM: one byte per slot (201 for a 4 KB sector) says whether the slot holds a pending alert; the engine's own
 * `indexOf` finds the next one, and what the record says is read from flash when it is asked for. A full index of
 * sequence numbers would cost four times as much and save one 4-byte read per call, since the alerts asked for are the
 * oldest ones.
 *
 * Durations on the chip: `append` is two writes and a read; every 73 to 201 presses it also compacts, which erases a
 * sector (tens of milliseconds).
 */
export class Journal {
  private readonly _flash: Flash;
  private readonly _firstSector: number;
  private readonly _dropOldest: boolean;
  private readonly _slots: number;
  /** Alerts not done that the journal takes before it is full. */
  readonly capacity: number;

  /** 1 where a slot of the active sector holds an alert that is not done. */
  private readonly _pending: Uint8Array;
  private _count = 0;
  private _pushes = 0;
  private _dropped = 0;
  private _refused = 0;
  private _needsCleanSession = true;

  private _opened = false;
  /** Active sector: 0 or 1 counted from the first, -1 when neither can be used. */
  private _sector = -1;
  private _generation = 0;
  private _free = 0;
  /** A slot and the sequence number in it, from which the next search starts; 0 is before all. */
  private _cursorSlot = 0;
  private _cursorSequence = 0;
  private _lastError = "";

  // The record being written, and the pieces of it that are written one after the other.
  private readonly _record = new Int32Array(RECORD_WORDS);
  private readonly _recordBody = new Uint8Array(this._record.buffer, 0, CRC_AT);
  private readonly _recordCrc = new Uint8Array(this._record.buffer, CRC_AT, 4);
  private readonly _word = new Int32Array(1);
  private readonly _wordBytes = new Uint8Array(this._word.buffer);

  /**
   * Uses the sectors `firstSector` and `firstSector + 1` of `flash`. Nothing is read or written before `open()`.
   *
   * @param policy what a press does to a full journal: `reject` refuses the press, `drop-oldest` gives up the oldest
   *   alert that the broker has not yet acknowledged. Both are counted in `dropped`.
   * @throws RangeError when a sector is too small for a header and eight records, or too large for the index.
   */
  constructor(flash: Flash, firstSector: number, policy: "reject" | "drop-oldest") {
    const slots = Math.floor((flash.sectorSize - SLOTS_AT) / RECORD_BYTES);
    if (slots < 8 || slots > 1024) throw new RangeError(`journal: sectors of ${flash.sectorSize} bytes; use 4096`);
    this._flash = flash;
    this._firstSector = firstSector;
    this._dropOldest = policy === "drop-oldest";
    this._slots = slots;
    this.capacity = Math.min(CAPACITY, ((slots * 2) / 3) | 0);
    this._pending = new Uint8Array(slots);
  }

  /**
   * Mounts the journal: chooses the valid sector (of two the newer), finds the pending alerts, and makes firm what a
   * power cut left half written. Flash that holds no journal is formatted and the press count starts at 0. May be
   * called again. Does not throw when the flash cannot be written; `append` does.
   */
  open(): void {
    this._opened = true;
    this._sector = this._newest();
    if (this._sector < 0) {
      this._pending.fill(0);
      this._count = 0;
      this._pushes = 0;
      this._dropped = 0;
      this._generation = 0;
      this._needsCleanSession = true;
      this._compact(0);
      return;
    }
    this._readHeader();
    this._scan();
    if (this._dropOldest) this._trim(this.capacity);
  }

  /** Presses ever stored: the highest sequence number given. Survives power cuts, compaction and `eraseAlerts()`. */
  get pushes(): number {
    return this._pushes;
  }

  /** Alerts not done. */
  get pending(): number {
    return this._count;
  }

  /** Presses refused (`reject`) or alerts given up (`drop-oldest`) because the journal was full. */
  get dropped(): number {
    return this._dropped;
  }

  /**
   * True until `sessionCleaned()` for this journal: the broker may still hold packet ids of an earlier life of this box
   * and would swallow a new alert as a repeat (DESIGN §8).
   */
  get needsCleanSession(): boolean {
    return this._needsCleanSession;
  }

  /**
   * The broker has accepted a connection with clean session = 1 and it was closed again. Durable on return: must be
   * called before the first alert leaves in the persistent session, or the next boot would throw that session away.
   *
   * @throws Error when neither sector takes the write.
   */
  sessionCleaned(): void {
    this._changeCleanSession(false);
  }

  /**
   * The broker was changed: `needsCleanSession` is true from now on, over power cuts too. Throws as `sessionCleaned()`.
   */
  requireCleanSession(): void {
    this._changeCleanSession(true);
  }

  /**
   * Stores an alert. Durable when it returns.
   *
   * @param event one of AlertEvent; anything else is a RangeError.
   * @param millivolts supply voltage, brought into 0..65535: a bad measurement must not cost the alert.
   * @returns the sequence number, which is the press count; 0 when the journal is full and the policy is `reject`.
   * @throws Error when neither sector takes the record: the alert is not stored.
   */
  append(event: number, millivolts: number): number {
    this._mustBeOpen();
    if (event !== AlertEvent.PRESS && event !== AlertEvent.DOUBLE && event !== AlertEvent.LONG) {
      throw new RangeError(`journal: event ${event} is not one of AlertEvent`);
    }
    const sequence = this._pushes + 1;
    if (!this._dropOldest && !this._fits(sequence, this.capacity)) {
      this._refuse();
      return 0;
    }
    if (this._sector < 0 && !this._compact(0)) throw this._wornOut();
    const level = millivolts > 0 ? Math.min(millivolts, 0xffff) | 0 : 0;
    composeRecord(this._record, this._recordBody, sequence, event, level);
    let slot = this._store(this._sector, this._free);
    if (slot < 0) {
      if (!this._compact(0)) throw this._wornOut();
      composeRecord(this._record, this._recordBody, sequence, event, level);
      slot = this._store(this._sector, this._free);
      if (slot < 0) throw this._wornOut();
    }
    this._free = slot + 1;
    this._pending[slot] = 1;
    this._count += 1;
    this._pushes = sequence;
    // After the append, so that a cut in between gives nothing up for a press that was not stored.
    if (this._dropOldest) this._trim(this.capacity);
    return sequence;
  }

  /**
   * PUBREC is in: from now on only PUBREL may be sent for this alert. Must return before PUBREL leaves: otherwise a cut
   * between PUBREL and PUBCOMP would publish again what the broker has already forgotten, and deliver twice. Calling it
   * again, or for an alert that is not pending, does nothing.
   *
   * @throws Error when neither sector takes the write: PUBREL must not leave.
   */
  received(sequence: number): void {
    this._mustBeOpen();
    const slot = this._find(sequence);
    if (slot < 0) return;
    const offset = this._slotAt(this._sector, slot) + STATUS_AT;
    if (this._isCleared(offset, RECEIVED_BITS)) return;
    if (!this._clear(offset, RECEIVED_BITS) && !this._compact(sequence)) throw this._wornOut();
  }

  /**
   * PUBCOMP is in: the alert is delivered. Calling it again, or for an alert that is not pending, does nothing. Never
   * throws for worn flash: at worst PUBREL is sent once more after the next boot, which the broker answers with
   * PUBCOMP.
   */
  done(sequence: number): void {
    this._mustBeOpen();
    const slot = this._find(sequence);
    if (slot < 0) return;
    this._forget(slot);
    if (!this._clear(this._slotAt(this._sector, slot) + STATUS_AT, DONE_BITS)) this._compact(0);
  }

  /** The oldest alert not done. */
  first(): AlertRecord | undefined {
    return this.next(0);
  }

  /** The oldest alert not done whose sequence number is greater than `after`. */
  next(after: number): AlertRecord | undefined {
    let slot = this._pending.indexOf(1, after >= this._cursorSequence ? this._cursorSlot : 0);
    while (slot >= 0) {
      const words = this._words(this._slotAt(this._sector, slot), RECORD_BYTES);
      const sequence = words[1] as number;
      if (sequence > after) {
        const payload = words[2] as number;
        const received = ((words[4] as number) & RECEIVED_BITS) !== RECEIVED_BITS;
        this._cursorSlot = slot;
        this._cursorSequence = sequence;
        return {
          sequence,
          event: payload & 0xff,
          millivolts: payload >>> 16,
          status: received ? AlertStatus.RECEIVED : AlertStatus.QUEUED,
        };
      }
      slot = this._pending.indexOf(1, slot + 1);
    }
    return undefined;
  }

  /**
   * Factory reset: the pending alerts go, the counts stay, `needsCleanSession` becomes true. After a power cut either
   * all of it has happened or nothing.
   *
   * @throws Error when the other sector cannot be written; the journal is then as it was.
   */
  eraseAlerts(): void {
    this._mustBeOpen();
    this._pending.fill(0);
    this._count = 0;
    this._needsCleanSession = true;
    if (this._compact(0)) return;
    this.open();
    throw this._wornOut();
  }

  private _mustBeOpen(): void {
    if (!this._opened) throw new TypeError("journal: not open; call open() first");
  }

  private _wornOut(): Error {
    const detail = this._lastError === "" ? "" : ` (${this._lastError})`;
    return new Error(`journal: flash is worn out: neither sector keeps what is written${detail}; replace the board`);
  }

  private _sectorAt(sector: number): number {
    return (this._firstSector + sector) * this._flash.sectorSize;
  }

  private _slotAt(sector: number, slot: number): number {
    return this._sectorAt(sector) + SLOTS_AT + slot * RECORD_BYTES;
  }

  // Reading

  private _words(offset: number, length: number): Int32Array {
    const bytes = this._flash.read(offset, length);
    return new Int32Array(bytes.buffer, bytes.byteOffset, length >> 2);
  }

  /** Whether any bit of a group is cleared. */
  private _isCleared(offset: number, bits: number): boolean {
    return ((this._words(offset, 4)[0] as number) & bits) !== bits;
  }

  /** The valid sector with the newer generation, or -1. */
  private _newest(): number {
    const first = this._words(this._sectorAt(0), HEADER_WORDS * 4);
    const second = this._words(this._sectorAt(1), HEADER_WORDS * 4);
    if (!isHeader(first)) return isHeader(second) ? 1 : -1;
    if (!isHeader(second)) return 0;
    // The generation may wrap: compare by difference.
    return (((first[1] as number) - (second[1] as number)) | 0) > 0 ? 0 : 1;
  }

  private _readHeader(): void {
    const words = this._words(this._sectorAt(this._sector), SLOTS_AT);
    this._generation = words[1] as number;
    this._pushes = words[2] as number;
    this._dropped = words[3] as number;
    const changes = Math.clz32(words[CHANGES_AT >> 2] as number);
    this._needsCleanSession = ((words[4] as number) & 1) !== (changes & 1);
    this._refused = 0;
    for (let at = REFUSED_AT >> 2; at < SLOTS_AT >> 2; at += 1) {
      this._refused += Math.clz32(words[at] as number);
    }
    this._dropped += this._refused;
  }

  /** Finds pending alerts, the highest sequence number and the first free slot of the active sector. */
  private _scan(): void {
    this._pending.fill(0);
    this._count = 0;
    this._free = 0;
    this._cursorSlot = 0;
    this._cursorSequence = 0;
    let highest = 0;
    let highestSlot = -1;
    let givenUp = 0;
    for (let start = 0; start < this._slots && start - this._free < BLANK_RUN; start += BLOCK) {
      const count = Math.min(BLOCK, this._slots - start);
      const words = this._words(this._slotAt(this._sector, start), count * RECORD_BYTES);
      for (let i = 0, at = 0; i < count; i += 1, at += RECORD_WORDS) {
        if (isBlank(words, at)) continue;
        const slot = start + i;
        this._free = slot + 1;
        const sequence = words[at + 1] as number;
        const status = words[at + 4] as number;
        const finished = isFinished(status);
        // A finished record that continues the count needs no CRC: it was valid when its status was written, and only
        // its number still matters. This saves most of the time of a boot, since most records are finished ones.
        if (!(finished && sequence === highest + 1) && !isRecord(words, at)) continue;
        // Numbers rise along a sector; a lower one would be what an incomplete erase left. The same number twice is a
        // record that did not read back and was written again: the later one counts.
        if (sequence < highest) continue;
        if (sequence === highest) {
          if (this._pending[highestSlot] === 1) this._forget(highestSlot);
          this._dropped -= givenUp;
        }
        highest = sequence;
        highestSlot = slot;
        givenUp = finished && (status & DONE_BITS) === DONE_BITS ? 1 : 0;
        this._dropped += givenUp;
        if (!finished) {
          this._pending[slot] = 1;
          this._count += 1;
        }
        if (status !== -1) this._firm(slot, status);
      }
    }
    if (highest > this._pushes) this._pushes = highest;
  }

  /**
   * Clears the rest of a status group that a power cut left partly cleared. Half-programmed bits may read differently
   * the next time, and an alert once taken for received must never be published again.
   */
  private _firm(slot: number, status: number): void {
    const bits = tornGroups(status);
    if (bits !== 0) this._clear(this._slotAt(this._sector, slot) + STATUS_AT, bits);
  }

  /** Slot of a pending alert, or -1. */
  private _find(sequence: number): number {
    let slot = this._pending.indexOf(1, sequence >= this._cursorSequence ? this._cursorSlot : 0);
    while (slot >= 0) {
      const found = this._words(this._slotAt(this._sector, slot) + 4, 4)[0] as number;
      if (found === sequence) return slot;
      if (found > sequence) return -1;
      slot = this._pending.indexOf(1, slot + 1);
    }
    return -1;
  }

  /** Whether an alert with this sequence number leaves at most `room` pending ones, no two with the same packet id. */
  private _fits(sequence: number, room: number): boolean {
    if (this._count === 0) return true;
    if (this._count >= room) return false;
    const oldest = this._words(this._slotAt(this._sector, this._pending.indexOf(1)) + 4, 4)[0] as number;
    return sequence - oldest < PACKET_IDS;
  }

  // Writing. Whether a write has worked is decided by reading back, never by the absence of an error.

  private _write(offset: number, bytes: Uint8Array): void {
    try {
      this._flash.write(offset, bytes);
    } catch (error) {
      this._lastError = String(error);
    }
  }

  /** Clears bits of one word, leaves the others; whether any of them now reads as cleared. */
  private _clear(offset: number, bits: number): boolean {
    this._word[0] = ~bits;
    this._write(offset, this._wordBytes);
    return this._isCleared(offset, bits);
  }

  /** Clears the highest bit of a word that is still set; false when the word does not count one more then. */
  private _advance(offset: number): boolean {
    const used = Math.clz32(this._words(offset, 4)[0] as number);
    this._word[0] = ~(0x80000000 >>> used);
    this._write(offset, this._wordBytes);
    return Math.clz32(this._words(offset, 4)[0] as number) === used + 1;
  }

  private _forget(slot: number): void {
    this._pending[slot] = 0;
    this._count -= 1;
  }

  /** Writes the composed record to the first slot from `slot` on that keeps it; that slot, or -1. */
  private _store(sector: number, from: number): number {
    const end = Math.min(from + ATTEMPTS, this._slots);
    const status = this._record[4] as number;
    for (let slot = from; slot < end; slot += 1) {
      const offset = this._slotAt(sector, slot);
      this._write(offset, this._recordBody);
      this._write(offset + CRC_AT, this._recordCrc);
      if (status !== -1) {
        this._word[0] = status;
        this._write(offset + STATUS_AT, this._wordBytes);
      }
      if (this._holds(offset, this._record)) return slot;
    }
    return -1;
  }

  private _holds(offset: number, expected: Int32Array): boolean {
    const words = this._words(offset, expected.length * 4);
    for (let i = 0; i < expected.length; i += 1) if (words[i] !== expected[i]) return false;
    return true;
  }

  private _changeCleanSession(needed: boolean): void {
    this._mustBeOpen();
    if (this._needsCleanSession === needed) return;
    this._needsCleanSession = needed;
    if (this._sector >= 0 && this._advance(this._sectorAt(this._sector) + CHANGES_AT)) return;
    if (this._compact(0)) return;
    this._needsCleanSession = !needed;
    throw this._wornOut();
  }

  /** Counts a refused press, if that can be written. */
  private _refuse(): void {
    this._dropped += 1;
    if (this._refused < REFUSED_ROOM) {
      const offset = this._sectorAt(this._sector) + REFUSED_AT + (this._refused >> 5) * 4;
      this._refused += 1;
      if (this._advance(offset)) return;
    }
    this._compact(0);
  }

  /**
   * Gives up old alerts until at most `room` are pending and packet ids are distinct. An alert that the broker has
   * acknowledged with PUBREC is as good as delivered: it goes only when there is no other but the newest, or when its
   * id comes round again.
   */
  private _trim(room: number): void {
    while (this._count > 0 && !this._fits(this._pushes, room + 1)) {
      const oldest = this._pending.indexOf(1);
      const newest = this._pending.lastIndexOf(1);
      let slot = this._count > room ? oldest : newest;
      while (slot < newest && this._isCleared(this._slotAt(this._sector, slot) + STATUS_AT, RECEIVED_BITS)) {
        slot = this._pending.indexOf(1, slot + 1);
      }
      if (slot === newest) slot = oldest;
      this._forget(slot);
      this._dropped += 1;
      if (!this._clear(this._slotAt(this._sector, slot) + STATUS_AT, DROPPED_BITS)) this._compact(0);
    }
  }

  // Compaction

  /**
   * Writes the whole journal as RAM knows it to the other sector: pending alerts first, header last, so that the other
   * sector is valid only when it is complete. The old sector stays as it is until the next compaction erases it.
   *
   * @param received sequence number of an alert whose *received* goes with the copy, or 0.
   * @returns false when the other sector does not keep what is written; nothing has changed then.
   */
  private _compact(received: number): boolean {
    if (this._sector >= 0) return this._moveTo(1 - this._sector, received);
    return this._moveTo(0, received) || this._moveTo(1, received);
  }

  private _moveTo(target: number, received: number): boolean {
    try {
      this._flash.erase(this._firstSector + target);
    } catch (error) {
      this._lastError = String(error);
    }
    const pending = new Uint8Array(this._slots);
    let free = 0;
    for (let from = this._pending.indexOf(1); from >= 0; from = this._pending.indexOf(1, from + 1)) {
      const record = this._record;
      record.set(this._words(this._slotAt(this._sector, from), RECORD_BYTES));
      const isReceived = record[1] === received || ((record[4] as number) & RECEIVED_BITS) !== RECEIVED_BITS;
      record[4] = isReceived ? ~RECEIVED_BITS : -1;
      const slot = this._store(target, free);
      if (slot < 0) return false;
      pending[slot] = 1;
      free = slot + 1;
    }
    if (!this._writeHeader(target, (this._generation + 1) | 0)) return false;
    this._pending.set(pending);
    this._sector = target;
    this._generation = (this._generation + 1) | 0;
    this._free = free;
    this._refused = 0;
    this._cursorSlot = 0;
    this._cursorSequence = 0;
    return true;
  }

  private _writeHeader(sector: number, generation: number): boolean {
    const header = new Int32Array(HEADER_WORDS);
    const bytes = new Uint8Array(header.buffer);
    const body = bytes.subarray(0, HEADER_CRC_AT);
    composeHeader(header, bytes, generation, this._pushes, this._dropped, this._needsCleanSession);
    const offset = this._sectorAt(sector);
    this._write(offset, body);
    // The words behind the CRC count by cleared bits: an erase that left some cleared would be read as history. The CRC
    // comes after this check, since it makes the sector valid.
    const words = this._words(offset, SLOTS_AT);
    for (let at = HEADER_CRC_AT >> 2; at < words.length; at += 1) if (words[at] !== -1) return false;
    this._write(offset + HEADER_CRC_AT, bytes.subarray(HEADER_CRC_AT));
    return this._holds(offset, header);
  }
}

// The journal of alerts that are not yet delivered, and the press count, in two sectors of NOR flash (DESIGN §8). It is
// why no press is lost over a power cut and none is delivered twice. It knows flash only through the Flash interface:
// no clock, no network, no button.
//
// A sector is a header and equal slots of one record each, so a torn record hides nothing that follows it: the next
// slot begins at a known place. Two rules make a cut at any byte harmless:
// - The CRC is written after what it covers, and all ones is never a CRC. While the body is torn, the CRC word is
//   blank; while the CRC is torn, it has ones where the true CRC has none. Neither can look valid.
// - A status group of eight bits counts as cleared as soon as any of its bits is. The write begins only when the event
//   is certain (PUBREC or PUBCOMP is in), so either outcome of a torn status write is true.
// What lies where in a sector is in journal-format.ts, how it is read and written in journal-sectors.ts.

import type { Flash } from "./flash.js";
import { composeRecord, isBlank, isFinished, isRecord, tornGroups } from "./journal-format.js";
import { Sectors } from "./journal-sectors.js";

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

// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 32768: sequence numbers after which packet ids repeat.
// - 128: alerts kept at most. The remaining slots of a 4 KB sector (73 of 201) are what a compaction gains.
// - 8: slots tried in one sector before it counts as worn; scanning relies on gaps being shorter than the next.
// - 16: slots that nothing was written to, behind which nothing is looked for.
// - 12: slots read at once while scanning: 240 bytes of RAM for a moment.

/**
 * MQTT packet id of an alert, 1..32768: a function of the sequence number only, so that the id is the same after a
 * power cut without a second write. Alerts not done never share one: the journal counts as full before that could
 * happen.
 */
export function packetId(sequence: number): number {
  return ((sequence - 1) & (32768 - 1)) + 1;
}

/**
 * RAM: one byte per slot (201 for a 4 KB sector) says whether the slot holds a pending alert; the engine's own
 * `indexOf` finds the next one, and what the record says is read from flash when it is asked for. A full index of
 * sequence numbers would cost four times as much and save one 4-byte read per call, since the alerts asked for are the
 * oldest ones.
 *
 * Durations on the chip: `append` is two writes and a read; every 73 to 201 presses it also compacts, which erases a
 * sector (tens of milliseconds).
 */
export class Journal extends Sectors {
  private readonly dropOldest: boolean;
  /** Alerts not done that the journal takes before it is full. */
  readonly capacity: number;
  /** 1 where a slot of the active sector holds an alert that is not done; undefined when there is none. */
  private waiting: Uint8Array | undefined;
  /** Alerts not done. Set here, only read elsewhere. */
  pending = 0;
  private free = 0;
  /** No slot below this one waits: where searches start at the earliest. */
  private oldest = 0;
  /** A slot and the sequence number in it, from which the next search starts; 0 is before all. */
  private cursorSlot = 0;
  private cursorSequence = 0;

  /**
   * Uses the sectors `firstSector` and `firstSector + 1` of `flash`. Nothing is read or written before `open()`.
   *
   * @param policy what a press does to a full journal: `reject` refuses the press, `drop-oldest` gives up the oldest
   *   alert that the broker has not yet acknowledged. Both are counted in `dropped`.
   * @throws RangeError when a sector is too small for a header and eight records, or too large for the index.
   */
  constructor(flash: Flash, firstSector: number, policy: "reject" | "drop-oldest") {
    super(flash, firstSector);
    this.dropOldest = policy === "drop-oldest";
    this.capacity = Math.min(128, ((this.slots * 2) / 3) | 0);
  }

  /**
   * Mounts the journal: chooses the valid sector (of two the newer), finds the pending alerts, and makes firm what a
   * power cut left half written. Flash that holds no journal is formatted and the press count starts at 0. May be
   * called again. Does not throw when the flash cannot be written; `append` does.
   *
   * @param life a random whole number, 1 to 65535: the life of the journal, if none is there and a new one begins.
   */
  open(life: number): void {
    this.sector = this.newest();
    if (this.sector < 0) {
      this.waiting = undefined;
      this.pending = 0;
      this.pushes = 0;
      this.dropped = 0;
      this.generation = 0;
      this.needsCleanSession = true;
      // No record goes before the header that holds it: not even where this fails, for then `append` writes it first.
      this.life = life;
      this.compact(0);
      return;
    }
    this.readHeader();
    this.scan();
    if (this.dropOldest) this.trim(this.capacity);
  }

  /**
   * The broker has accepted a connection with clean session = 1 and it was closed again. Durable on return: must be
   * called before the first alert leaves in the persistent session, or the next boot would throw that session away.
   *
   * @throws Error when neither sector takes the write.
   */
  sessionCleaned(): void {
    this.changeCleanSession(false);
  }

  /**
   * The broker was changed: `needsCleanSession` is true from now on, over power cuts too. Throws as `sessionCleaned()`.
   */
  requireCleanSession(): void {
    this.changeCleanSession(true);
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
    this.mustBeOpen();
    if (event !== AlertEvent.PRESS && event !== AlertEvent.DOUBLE && event !== AlertEvent.LONG) {
      throw new RangeError(`journal: event ${event} is not one of AlertEvent`);
    }
    const sequence = this.pushes + 1;
    if (!this.dropOldest && !this.fits(sequence, this.capacity)) {
      this.refuse();
      return 0;
    }
    if (this.sector < 0) this.mustCompact(0);
    const level = millivolts > 0 ? Math.min(millivolts, 0xffff) | 0 : 0;
    const record = new Int32Array(5);
    const bytes = new Uint8Array(record.buffer);
    composeRecord(this.flash, record, bytes, sequence, event, level);
    let slot = this.store(this.sector, this.free, bytes, false);
    if (slot < 0) {
      this.mustCompact(0);
      slot = this.store(this.sector, this.free, bytes, false);
      if (slot < 0) throw this.wornOut();
    }
    this.free = slot + 1;
    this.mark(slot);
    this.pushes = sequence;
    // After the append, so that a cut in between gives nothing up for a press that was not stored.
    if (this.dropOldest) this.trim(this.capacity);
    return sequence;
  }

  /**
   * PUBREC is in: from now on only PUBREL may be sent for this alert. Must return before PUBREL leaves: otherwise a cut
   * between PUBREL and PUBCOMP would publish again what the broker has already forgotten, and deliver twice. Calling it
   * again, or for an alert that is not pending, does nothing.
   *
   * @returns whether the alert is pending.
   * @throws Error when neither sector takes the write: PUBREL must not leave.
   */
  received(sequence: number): boolean {
    // What is called last takes the place of its caller: the session stands below this, and the stack is short.
    return this.settle(sequence, 0xff);
  }

  /**
   * PUBCOMP is in: the alert is delivered. Calling it again, or for an alert that is not pending, does nothing. Never
   * throws for worn flash: at worst PUBREL is sent once more after the next boot, which the broker answers with
   * PUBCOMP.
   *
   * @returns whether the alert was pending.
   */
  done(sequence: number): boolean {
    return this.settle(sequence, 0xff00);
  }

  /** Clears a group of an alert's status. Without helpers, and with one call at a time, because of the stack. */
  private settle(sequence: number, bits: 0xff | 0xff00): boolean {
    this.mustBeOpen();
    const { flash } = this;
    for (let slot = this.seek(sequence); slot >= 0; slot = this.nextWaiting(slot)) {
      const offset = this.slotAt(this.sector, slot) + 4;
      // Sequence, payload, CRC and status.
      let { buffer } = flash.read(offset, 16);
      let words = new Int32Array(buffer);
      if ((words[0] as number) > sequence) return false;
      if (words[0] !== sequence) continue;
      if (((words[3] as number) & bits) !== bits) return true;
      if (bits === 0xff00) this.forget(slot);
      words[3] = ~bits;
      const bytes = new Uint8Array(buffer, 12, 4);
      try {
        flash.write(offset + 12, bytes);
      } catch (error) {
        this.lastError = String(error);
      }
      buffer = flash.read(offset + 12, 4).buffer;
      words = new Int32Array(buffer);
      if (((words[0] as number) & bits) !== bits) return true;
      if (bits === 0xff) return this.mustCompact(sequence);
      this.compact(0);
      return true;
    }
    return false;
  }

  /** The oldest alert not done. */
  first(): AlertRecord | undefined {
    return this.next(0);
  }

  /** The oldest alert not done whose sequence number is greater than `after`. */
  next(after: number): AlertRecord | undefined {
    // A search that finds nothing looks at every slot.
    let slot = after >= this.pushes ? -1 : this.seek(after);
    while (slot >= 0) {
      const words = this.words(this.slotAt(this.sector, slot), 20);
      const sequence = words[1] as number;
      if (sequence > after) {
        const payload = words[2] as number;
        const received = ((words[4] as number) & 0xff) !== 0xff;
        this.cursorSlot = slot;
        this.cursorSequence = sequence;
        return {
          sequence,
          event: payload & 0xff,
          millivolts: payload >>> 16,
          status: received ? AlertStatus.RECEIVED : AlertStatus.QUEUED,
        };
      }
      slot = this.nextWaiting(slot);
    }
    return undefined;
  }

  /**
   * Factory reset: the pending alerts go, the counts and the life stay, `needsCleanSession` becomes true. After a power
   * cut either all of it has happened or nothing.
   *
   * @throws Error when the other sector cannot be written; the journal is then as it was.
   */
  eraseAlerts(): void {
    this.mustBeOpen();
    this.waiting = undefined;
    this.pending = 0;
    this.needsCleanSession = true;
    if (this.compact(0)) return;
    this.open(this.life);
    throw this.wornOut();
  }

  private mustBeOpen(): void {
    if (this.life < 0) throw new TypeError("journal: not open; call open() first");
  }

  // Which slots wait

  /** Finds pending alerts, the highest sequence number and the first free slot of the active sector. */
  private scan(): void {
    this.waiting = undefined;
    this.pending = 0;
    this.free = 0;
    this.oldest = 0;
    this.cursorSlot = 0;
    this.cursorSequence = 0;
    let highest = 0;
    let highestSlot = -1;
    let givenUp = 0;
    for (let start = 0; start < this.slots && start - this.free < 16; start += 12) {
      const count = Math.min(12, this.slots - start);
      const words = this.words(this.slotAt(this.sector, start), count * 20);
      // Most of a sector is blank, and then nothing is looked at one by one.
      const bytes = new Uint8Array(words.buffer, words.byteOffset, count * 20);
      if (this.flash.span(bytes, 0, bytes.length, 0xff, 0xff, -1) === bytes.length) continue;
      for (let i = 0, at = 0; i < count; i += 1, at += 5) {
        if (isBlank(words, at)) continue;
        const slot = start + i;
        this.free = slot + 1;
        const sequence = words[at + 1] as number;
        const status = words[at + 4] as number;
        const finished = isFinished(status);
        // A finished record that continues the count needs no CRC: it was valid when its status was written, and only
        // its number still matters. This saves most of the time of a boot, since most records are finished ones.
        if (!(finished && sequence === highest + 1) && !isRecord(this.flash, words, at)) continue;
        // Numbers rise along a sector; a lower one would be what an incomplete erase left. The same number twice is a
        // record that did not read back and was written again: the later one counts.
        if (sequence < highest) continue;
        if (sequence === highest) {
          if (this.waiting?.[highestSlot] === 1) this.forget(highestSlot);
          this.dropped -= givenUp;
        }
        highest = sequence;
        highestSlot = slot;
        givenUp = finished && (status & 0xff00) === 0xff00 ? 1 : 0;
        this.dropped += givenUp;
        if (!finished) {
          this.mark(slot);
        }
        // Clears the rest of a status group that a power cut left partly cleared. Half-programmed bits may read
        // differently the next time, and an alert once taken for received must never be published again.
        const bits = tornGroups(status);
        if (bits !== 0) this.clear(this.slotAt(this.sector, slot) + 16, bits);
      }
    }
    if (highest > this.pushes) this.pushes = highest;
  }

  /** The first slot that waits and may hold this sequence number or a later one, or -1. */
  private seek(sequence: number): number {
    if (this.pending === 0) return -1;
    const near = sequence >= this.cursorSequence && this.cursorSlot > this.oldest;
    return this.nextWaiting((near ? this.cursorSlot : this.oldest) - 1);
  }

  /** Whether an alert with this sequence number leaves at most `room` pending ones, no two with the same packet id. */
  private fits(sequence: number, room: number): boolean {
    if (this.pending === 0) return true;
    if (this.pending >= room) return false;
    const oldest = this.words(this.slotAt(this.sector, this.oldest) + 4, 4)[0] as number;
    return sequence - oldest < 32768;
  }

  /** The next slot behind this one that waits, or -1. */
  private nextWaiting(slot: number): number {
    return this.waiting === undefined ? -1 : this.waiting.indexOf(1, slot + 1);
  }

  /** A slot waits, the last one that does. */
  private mark(slot: number): void {
    const waiting = this.waiting ?? new Uint8Array(this.slots);
    waiting[slot] = 1;
    this.waiting = waiting;
    if (this.pending === 0) this.oldest = slot;
    this.pending += 1;
  }

  private forget(slot: number): void {
    this.pending -= 1;
    if (this.pending === 0) this.waiting = undefined;
    else {
      (this.waiting as Uint8Array)[slot] = 0;
      if (slot === this.oldest) this.oldest = this.nextWaiting(slot);
    }
  }

  private changeCleanSession(needed: boolean): void {
    this.mustBeOpen();
    if (this.needsCleanSession === needed) return;
    this.needsCleanSession = needed;
    if (this.sector >= 0 && this.advance(this.sectorAt(this.sector) + 24)) return;
    if (this.compact(0)) return;
    this.needsCleanSession = !needed;
    throw this.wornOut();
  }

  /** Counts a refused press, if that can be written. */
  private refuse(): void {
    this.dropped += 1;
    if (this.refused < 256) {
      const offset = this.sectorAt(this.sector) + 32 + (this.refused >> 5) * 4;
      this.refused += 1;
      if (this.advance(offset)) return;
    }
    this.compact(0);
  }

  /**
   * Gives up old alerts until at most `room` are pending and packet ids are distinct. An alert that the broker has
   * acknowledged with PUBREC is as good as delivered: it goes only when there is no other but the newest, or when its
   * id comes round again.
   */
  private trim(room: number): void {
    while (this.pending > 0 && !this.fits(this.pushes, room + 1)) {
      const { oldest } = this;
      let newest = this.free - 1;
      while (this.waiting?.[newest] !== 1) newest -= 1;
      let slot = this.pending > room ? oldest : newest;
      // The first four may be on their way (MAX_IN_FLIGHT of outbox.ts): a broker would wait for their PUBREL for ever.
      for (let ahead = 0; ahead < 4 && slot < newest; ahead += 1) slot = this.nextWaiting(slot);
      while (slot < newest && this.isCleared(this.slotAt(this.sector, slot) + 16, 0xff)) {
        slot = this.nextWaiting(slot);
      }
      if (slot === newest) slot = oldest;
      this.forget(slot);
      this.dropped += 1;
      if (!this.clear(this.slotAt(this.sector, slot) + 16, 0xff0000)) this.compact(0);
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
  private compact(received: number): boolean {
    if (this.sector >= 0) return this.moveTo(1 - this.sector, received);
    return this.moveTo(0, received) || this.moveTo(1, received);
  }

  /** Throws when neither sector takes it. */
  private mustCompact(received: number): true {
    if (this.compact(received)) return true;
    throw this.wornOut();
  }

  private moveTo(target: number, received: number): boolean {
    try {
      this.flash.erase(this.firstSector + target);
    } catch (error) {
      this.lastError = String(error);
    }
    const pending = this.pending === 0 ? undefined : new Uint8Array(this.slots);
    let free = 0;
    let first = -1;
    for (let from = this.oldest, left = this.pending; left > 0; left -= 1) {
      const bytes = this.flash.read(this.slotAt(this.sector, from), 20);
      const record = new Int32Array(bytes.buffer);
      const isReceived = record[1] === received || ((record[4] as number) & 0xff) !== 0xff;
      record[4] = isReceived ? ~0xff : -1;
      free = this.store(target, free, bytes, true) + 1;
      if (free === 0) return false;
      if (first < 0) first = free - 1;
      (pending as Uint8Array)[free - 1] = 1;
      if (left > 1) from = this.nextWaiting(from);
    }
    if (!this.writeHeader(target, (this.generation + 1) | 0)) return false;
    this.waiting = pending;
    this.sector = target;
    this.generation = (this.generation + 1) | 0;
    this.free = free;
    this.oldest = first < 0 ? 0 : first;
    this.refused = 0;
    this.cursorSlot = 0;
    this.cursorSequence = 0;
    return true;
  }
}

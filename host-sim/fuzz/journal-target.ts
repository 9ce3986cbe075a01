// The journal under attack: two sectors of flash with anything in them (a journal of some age, damaged in many ways, or
// noise), then a life with presses, deliveries, power cuts and worn sectors. Whatever was there, the journal opens,
// what it tells is sane and stays the same when it is opened again, and from then on no alert is lost and none comes
// twice.
//
// An input: flags · which journal the flash held · how many damages · these, 5 bytes each · steps, 2 bytes each. A
// record with the right CRC was written by a firmware: those that are made up here have numbers that one could write.

import type { AlertRecord } from "../../src/alertbox/journal.js";
import { Halted } from "../host.js";
import { sectorBytes } from "../nor-flash.js";
import { Random } from "../random.js";
import { BareFlash, crcOf } from "./bare-flash.js";
import { Draft, once, oneOf, spoilSome } from "./draft.js";
import { Script } from "./session-script.js";
import type { Sources } from "./sources.js";
import { Breach, count, hold, type Target } from "./target.js";

const HEAD = 3;
const FIRST = 1;
const HEADER_BYTES = 64;
const SLOT_BYTES = 20;
/** Bytes of a sector: most inputs have small ones, in which more happens. Flags choose with bit 1 (and 2, and 3). */
const SMALL = 1024;
/** Journals that inputs begin with. */
const IMAGES = 24;

const Damage = Object.freeze({
  SET: 0,
  CLEAR: 1,
  FLIP: 2,
  FILL: 3,
  SPLICE: 4,
  RECORD: 5,
  STATUS: 6,
  NOISE: 7,
} as const);
const Step = Object.freeze({
  APPEND: 0,
  RECEIVED: 1,
  DONE: 2,
  REOPEN: 3,
  CLEANED: 4,
  REQUIRE: 5,
  ERASE: 6,
  CUT: 7,
  FILL: 8,
  WEAR: 9,
} as const);
const STEPS = 10;

/** What a journal tells, to be compared with what it tells later. */
interface Told {
  readonly life: number;
  readonly pushes: number;
  readonly needsCleanSession: boolean;
  readonly alerts: readonly AlertRecord[];
}

export function journalTarget(sources: Sources): Target {
  const { Journal, AlertEvent, AlertStatus, packetId } = sources.journal;
  type AnyJournal = InstanceType<typeof Journal>;
  const reached: Record<string, number> = {};
  const draft = new Draft();
  const places = [SMALL, sectorBytes].map((size) => ({
    size,
    slots: Math.floor((size - HEADER_BYTES) / SLOT_BYTES),
    flash: new BareFlash(FIRST, new Random(7), size),
    images: Array.from({ length: IMAGES }, (_, index) => grown(index, size)),
    scratch: new Uint8Array(2 * size),
  }));
  // Those of the present input.
  let { size, slots, flash, images, scratch } = places[0] as (typeof places)[0];

  /** The flash of a box after some time: none at all, a few presses, or a full journal. */
  function grown(index: number, size: number): Uint8Array {
    const random = new Random(index + 1);
    const own = new BareFlash(FIRST, random, size);
    own.watch();
    if (index > 0) {
      const journal = new Journal(own, FIRST, index % 2 === 0 ? "reject" : "drop-oldest");
      // Every fourth is from a firmware that drew none.
      journal.open(index % 4 === 1 ? 0 : 65536 - index);
      if (index % 3 === 0) journal.sessionCleaned();
      for (let left = [3, 12, 6, 30, 8, 20, 180, 16][index % 8] as number; left > 0; left -= 1) {
        own.left = 20_000;
        const sequence = journal.append(random.integer(3), 2000 + random.integer(2000));
        if (random.next() < (index < 12 ? 0.9 : 0.4)) journal.received(sequence);
        if (random.next() < (index < 12 ? 0.9 : 0.3)) journal.done(sequence - random.integer(3));
      }
    }
    return own.image();
  }

  function harm(script: Script): void {
    const place = (script.next() ?? 0) | ((script.next() ?? 0) << 8);
    const kind = script.next() ?? 0;
    const value = script.next() ?? 0;
    const more = script.next() ?? 0;
    // Most of it near the beginning of a sector, where the records are.
    const at = (place & 0x8000) === 0 ? place % scratch.length : ((place & 0x4000) === 0 ? 0 : size) + (place % 320);
    const end = Math.min(scratch.length, at + 1 + more);
    switch (kind & 7) {
      case Damage.SET:
        scratch[at] = value;
        return;
      case Damage.CLEAR:
        scratch[at] = (scratch[at] as number) & value;
        return;
      case Damage.FLIP:
        scratch[at] = (scratch[at] as number) ^ (1 << (value & 7));
        return;
      case Damage.FILL:
        scratch.fill(value, at, end);
        return;
      case Damage.SPLICE:
        scratch.set((images[value % IMAGES] as Uint8Array).subarray(at, end), at);
        return;
      case Damage.NOISE: {
        let state = value + 1;
        for (let i = at; i < end; i += 1) {
          state = (Math.imul(state, 1664525) + 1013904223) | 0;
          scratch[i] = state >>> 24;
        }
        return;
      }
      default:
        forge(at, kind, value, more);
    }
  }

  /** A record as a firmware could have written it, at a slot; or only its status. */
  function forge(at: number, kind: number, value: number, more: number): void {
    const sector = at < size ? 0 : size;
    const slot = Math.min(slots - 1, Math.max(0, Math.floor(((at % size) - HEADER_BYTES) / SLOT_BYTES)));
    const words = new DataView(scratch.buffer, sector + HEADER_BYTES + slot * SLOT_BYTES, SLOT_BYTES);
    if ((kind & 7) === Damage.RECORD) {
      words.setInt32(0, 0x4c41145a, true);
      words.setInt32(4, 1 + value + ((kind >> 3) & 15) * 2048, true);
      words.setInt32(8, (more & 3) | (3000 << 16), true);
      const body = new Uint8Array(scratch.buffer, words.byteOffset, 12);
      const crc = crcOf(body, 0, 12, 0);
      words.setInt32(12, crc === -1 ? -2 : crc, true);
    }
    const groups = [0xff, 0x00, 0x7f, 0xf0, 0x01, 0xff, 0xff, 0x0f];
    words.setUint8(16, groups[more & 7] as number);
    words.setUint8(17, groups[(more >> 3) & 7] as number);
    words.setUint8(18, (more & 64) === 0 ? 0xff : (groups[value & 7] as number));
    words.setUint8(19, 0xff);
  }

  /**
   * What stands behind many blank slots was left by an erase that was cut off, so it is older than what stands before:
   * a record from there with a number of the future is none that a flash could hold.
   */
  function tidy(): void {
    for (let sector = 0; sector < 2; sector += 1) {
      const words = new Int32Array(scratch.buffer, sector * size + HEADER_BYTES, slots * 5);
      let highest = 0;
      let blank = 0;
      let isBehind = false;
      for (let at = 0; at < slots * 5; at += 5) {
        if (words[at] === -1 && words[at + 1] === -1 && words[at + 2] === -1 && words[at + 4] === -1) {
          blank += 1;
          if (blank > 12) isBehind = true;
          continue;
        }
        blank = 0;
        const sequence = words[at + 1] as number;
        if (isBehind && sequence > highest) words.fill(0, at, at + 5);
        else if (sequence > highest && isRecord(words, at)) highest = sequence;
      }
    }
  }

  function isRecord(words: Int32Array, at: number): boolean {
    if (words[at] !== 0x4c41145a) return false;
    const crc = crcOf(new Uint8Array(words.buffer, words.byteOffset + at * 4, 12), 0, 12, 0);
    return words[at + 3] === (crc === -1 ? -2 : crc);
  }

  function alertsOf(journal: AnyJournal): AlertRecord[] {
    const alerts: AlertRecord[] = [];
    let after = 0;
    for (let alert = journal.first(); alert !== undefined; alert = journal.next(after)) {
      const { sequence, event, millivolts, status } = alert;
      const isSane =
        sequence > after &&
        sequence <= journal.pushes &&
        event >= 0 &&
        event <= 255 &&
        millivolts >= 0 &&
        millivolts <= 65535 &&
        (status === AlertStatus.QUEUED || status === AlertStatus.RECEIVED);
      if (!isSane) throw new Breach("alerts read back sane", `${JSON.stringify(alert)} after ${after}`);
      alerts.push(alert);
      after = sequence;
    }
    if (alerts.length !== journal.pending) {
      throw new Breach("as many alerts as are pending", `${alerts.length} of ${journal.pending}`);
    }
    if (alerts.length > slots) throw new Breach("nothing grows", `${alerts.length} alerts`);
    return alerts;
  }

  function told(journal: AnyJournal): Told {
    if (journal.pushes < 0 || journal.dropped < 0 || !Number.isInteger(journal.dropped)) {
      throw new Breach("counts are counts", `${journal.pushes} pushes, ${journal.dropped} dropped`);
    }
    const { life, pushes, needsCleanSession } = journal;
    return { life, pushes, needsCleanSession, alerts: alertsOf(journal) };
  }

  function text({ life, pushes, needsCleanSession, alerts }: Told): string {
    const list = alerts.map(({ sequence, status }) => `${sequence}${status === AlertStatus.RECEIVED ? "r" : ""}`);
    return `life ${life}, ${pushes} pushes, ${needsCleanSession ? "to be cleaned, " : ""}[${list.join(" ")}]`;
  }

  function isSame(a: Told, b: Told): boolean {
    if (a.life !== b.life || a.pushes !== b.pushes || a.needsCleanSession !== b.needsCleanSession) return false;
    if (a.alerts.length !== b.alerts.length) return false;
    return a.alerts.every((alert, index) => {
      const other = b.alerts[index] as AlertRecord;
      return (
        alert.sequence === other.sequence &&
        alert.status === other.status &&
        alert.event === other.event &&
        alert.millivolts === other.millivolts
      );
    });
  }

  /** A life of a box on what the flash holds. */
  class Life {
    readonly #policy: "reject" | "drop-oldest";
    #journal: AnyJournal;
    #told: Told;
    /** The power fails in the next step, at this operation and byte. */
    #cut: { operation: number; byte: number } | undefined;
    /** How often the journal was opened: each time it is offered another life. */
    #opens = 0;

    constructor(policy: "reject" | "drop-oldest") {
      this.#policy = policy;
      this.#journal = this.#opened();
      this.#told = told(this.#journal);
      count(reached, flash.isChanged ? "opened with repair" : "opened");
      // What was made firm is firm.
      this.#reopen("opening again changes nothing");
    }

    #opened(): AnyJournal {
      const journal = new Journal(flash, FIRST, this.#policy);
      this.#opens += 1;
      journal.open(this.#opens);
      return journal;
    }

    #reopen(rule: string): void {
      flash.left = 20_000;
      this.#journal = this.#opened();
      const now = told(this.#journal);
      hold(isSame(now, this.#told), rule, () => `${text(this.#told)} became ${text(now)}`);
    }

    step(kind: number, value: number): void {
      flash.left = 20_000;
      if (kind === Step.CUT) {
        this.#cut = { operation: flash.nor.operations + 1 + (value & 3), byte: value >> 2 };
        return;
      }
      if (kind === Step.WEAR) {
        this.#worn(value);
        return;
      }
      const before = this.#told;
      flash.nor.cutAt = this.#cut;
      const isCut = this.#cut !== undefined;
      this.#cut = undefined;
      const aim = this.#aim(value);
      let allowed: (now: Told) => boolean = () => false;
      try {
        allowed = this.#act(kind, value, aim);
      } catch (error) {
        if (!(error instanceof Halted) || !isCut) throw error;
        count(reached, "power cut");
        flash.powerOn();
        flash.left = 20_000;
        this.#journal = this.#opened();
        const now = told(this.#journal);
        hold(
          this.#isBetween(before, now, kind, aim),
          "a power cut undoes nothing",
          () => `step ${kind} of ${aim}: ${text(before)} became ${text(now)}`,
        );
        this.#told = now;
        this.#reopen("opening again changes nothing");
        return;
      }
      flash.nor.cutAt = undefined;
      const now = told(this.#journal);
      hold(
        allowed(now),
        "a step does what it says",
        () => `step ${kind} of ${aim} (${value}): ${text(before)} became ${text(now)}`,
      );
      this.#told = now;
      if ((value & 0x40) !== 0) this.#reopen("what was done survives");
    }

    /** The alert that a step is about; sometimes one that is not there. */
    #aim(value: number): number {
      const { alerts, pushes } = this.#told;
      if ((value & 7) === 7) return pushes + 1;
      return alerts[value % Math.max(1, alerts.length)]?.sequence ?? 1;
    }

    /** Does it; gives what may be told then. */
    #act(kind: number, value: number, aim: number): (now: Told) => boolean {
      const journal = this.#journal;
      const before = this.#told;
      const has = before.alerts.some(({ sequence }) => sequence === aim);
      const others = before.alerts.filter(({ sequence }) => sequence !== aim);
      switch (kind) {
        case Step.RECEIVED: {
          const isPending = journal.received(aim);
          count(reached, "received");
          const alerts = before.alerts.map((alert) =>
            alert.sequence === aim ? { ...alert, status: AlertStatus.RECEIVED } : alert,
          );
          return (now) => isPending === has && isSame(now, { ...before, alerts });
        }
        case Step.DONE: {
          const isPending = journal.done(aim);
          count(reached, "done");
          return (now) => isPending === has && isSame(now, { ...before, alerts: others });
        }
        case Step.CLEANED:
          journal.sessionCleaned();
          return (now) => isSame(now, { ...before, needsCleanSession: false });
        case Step.REQUIRE:
          journal.requireCleanSession();
          return (now) => isSame(now, { ...before, needsCleanSession: true });
        case Step.ERASE:
          if ((value & 3) !== 0) return (now) => isSame(now, before);
          journal.eraseAlerts();
          count(reached, "erased");
          return (now) => isSame(now, { ...before, alerts: [], needsCleanSession: true });
        case Step.REOPEN:
          this.#journal = this.#opened();
          return (now) => isSame(now, before);
        case Step.FILL:
          for (let left = value >> 2; left > 1; left -= 1) {
            journal.append(AlertEvent.PRESS, left);
            flash.left = 20_000;
          }
          this.#told = told(journal);
          return this.#append(value);
        default:
          return this.#append(value);
      }
    }

    #append(value: number): (now: Told) => boolean {
      const journal = this.#journal;
      const before = this.#told;
      const { capacity, dropped } = journal;
      const sequence = journal.append(value % 3, value * 20);
      count(reached, sequence === 0 ? "refused" : "appended");
      const oldest = before.alerts[0]?.sequence ?? before.pushes;
      const isFull = before.alerts.length >= capacity || before.pushes + 1 - oldest >= 32768;
      if (sequence === 0) {
        return (now) => this.#policy === "reject" && isFull && journal.dropped === dropped + 1 && isSame(now, before);
      }
      const record = { sequence, event: value % 3, millivolts: value * 20, status: AlertStatus.QUEUED };
      const isNext = sequence === before.pushes + 1;
      return (now) => {
        if (!isNext || now.pushes !== sequence) return false;
        // The oldest that may go are gone, if there had to be room, and each of them is counted.
        const all = [...before.alerts, record];
        const gone = all.length - now.alerts.length;
        if (gone < 0 || (gone > 0 && (this.#policy === "reject" || journal.dropped !== dropped + gone))) return false;
        if (gone > 0 && !isFull) return false;
        const kept = new Set(now.alerts.map((alert) => alert.sequence));
        const alerts = all.filter((alert) => kept.has(alert.sequence));
        if (!kept.has(sequence)) return false;
        const ids = new Set(now.alerts.map((alert) => packetId(alert.sequence)));
        return ids.size === now.alerts.length && isSame(now, { ...before, pushes: sequence, alerts });
      };
    }

    /** After a cut there is what was before, or what would have been, for each alert. */
    #isBetween(before: Told, now: Told, kind: number, aim: number): boolean {
      const isAppend = kind === Step.APPEND || kind === Step.FILL;
      const most = before.pushes + (isAppend ? 70 : 0);
      if (now.life !== before.life || now.pushes < before.pushes || now.pushes > most) return false;
      const found = new Map(now.alerts.map((alert) => [alert.sequence, alert]));
      for (const { sequence, status } of this.#told.alerts) {
        const alert = found.get(sequence);
        if (alert === undefined) {
          if (kind === Step.ERASE || (kind === Step.DONE && sequence === aim)) continue;
          if (isAppend && this.#policy === "drop-oldest") continue;
          return false;
        }
        if (status === AlertStatus.RECEIVED && alert.status !== AlertStatus.RECEIVED) return false;
      }
      for (const { sequence } of now.alerts) {
        if (sequence <= before.pushes && !before.alerts.some((alert) => alert.sequence === sequence)) return false;
      }
      return true;
    }

    /** A sector that takes nothing, or both: then a press may be refused with an error, and nothing else may happen. */
    #worn(value: number): void {
      flash.dead.add(value & 1);
      if ((value & 2) !== 0) flash.dead.add(1 - (value & 1));
      const before = this.#told;
      try {
        const sequence = this.#journal.append(AlertEvent.PRESS, 3000);
        hold(sequence === 0 || sequence === before.pushes + 1, "a press is counted once", () => String(sequence));
      } catch (error) {
        if (!(error instanceof Error) || !/worn out/.test(error.message)) throw error;
        count(reached, "worn out");
      }
      flash.left = 20_000;
      this.#journal.done(this.#aim(value));
      flash.left = 20_000;
      this.#journal = this.#opened();
      told(this.#journal);
      flash.dead.clear();
      flash.left = 20_000;
      this.#journal = this.#opened();
      this.#told = told(this.#journal);
      hold(
        this.#told.pushes >= before.pushes && this.#told.life === before.life,
        "the press count never goes back, nor begins another life",
        () => `${text(before)} became ${text(this.#told)}`,
      );
    }
  }

  return {
    reached,

    draw(random: Random): Uint8Array {
      draft.clear();
      const damages = once(random, 3) ? 0 : 1 + random.integer(once(random, 4) ? 12 : 4);
      draft.push(random.integer(256));
      draft.push(once(random, 8) ? random.integer(IMAGES) : oneOf(random, YOUNG));
      draft.push(damages);
      for (let left = damages; left > 0; left -= 1) draft.noise(random, 5);
      for (let left = 1 + random.integer(10); left > 0; left -= 1) {
        draft.push(once(random, 12) ? random.integer(STEPS) : oneOf(random, LIKELY));
        draft.push(random.integer(256));
      }
      spoilSome(draft, random, HEAD, []);
      return draft.view;
    },

    run(input: Uint8Array): void {
      if (input.length < HEAD) return;
      const script = new Script(input, HEAD);
      const flags = input[0] as number;
      ({ size, slots, flash, images, scratch } = places[(flags & 14) === 14 ? 1 : 0] as (typeof places)[0]);
      scratch.set(images[(input[1] as number) % IMAGES] as Uint8Array);
      for (let left = (input[2] as number) & 31; left > 0; left -= 1) harm(script);
      tidy();
      flash.load(scratch);
      const life = new Life((flags & 1) === 0 ? "reject" : "drop-oldest");
      for (let steps = 0; steps < 60; steps += 1) {
        const kind = script.next();
        if (kind === undefined) return;
        life.step(kind % STEPS, script.next() ?? 0);
      }
    },
  };
}

/** Images without too many alerts: they take less time. */
const YOUNG: readonly number[] = Object.freeze([0, 0, 1, 2, 3, 4, 5, 7, 8, 10, 12, 16]);

const LIKELY: readonly number[] = Object.freeze([
  ...[Step.APPEND, Step.APPEND, Step.APPEND, Step.RECEIVED, Step.RECEIVED, Step.DONE, Step.DONE, Step.REOPEN, Step.CUT],
]);

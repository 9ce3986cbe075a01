// The outbox: hands stored alerts from the journal to the MQTT session, in order, and writes back into the journal what
// the broker has acknowledged. It knows the journal and what a message is; it knows no socket, no LED and no mode.

import type { Message, Session } from "../mqtt/session.js";
import { AlertStatus, FIRST_SESSION_ID, type Journal, packetId } from "./journal.js";
import { type AlertFacts, alertPayload } from "./topics.js";

/** What the outbox needs of an MQTT session. */
export type Publisher = Pick<Session, "publish" | "release">;

/** What an alert says beside what the journal keeps. */
export interface Circumstances {
  readonly chipId: number;
  readonly topic: string;
  /** Received signal strength, dBm. */
  readonly rssi: number;
  /** Attempts that failed in this boot. */
  readonly failures: number;
  /**
   * Attempts that failed in earlier boots, as far as is known: those of the alerts that were not pressed in this one.
   */
  readonly failuresBefore: number;
}

/** Alerts in the session at once; its other places are for announcements and subscriptions. */
export const MAX_IN_FLIGHT = 4;
/** Presses whose instant is remembered; the `ms` of an older one that still waits counts from the boot. */
const REMEMBERED = 16;

export class Outbox {
  private readonly _journal: Journal;
  /** Sequence of the newest alert handed to the session in this boot. */
  private _offered = 0;
  private _inFlight = 0;
  /** Presses of this boot start after this sequence; everything older is a replay. */
  private readonly _before: number;
  /** Alerts up to this sequence may have been on the wire in an earlier boot or session. */
  private _maybeSent: number;
  /** Alerts up to this sequence that a broker has received and not released are published anew: it was another one. */
  private _republish: number;
  /** When the latest presses of this boot were stored, by sequence modulo REMEMBERED. */
  private readonly _storedAt = new Int32Array(REMEMBERED);
  /** The failures there had been then, likewise. */
  private readonly _failures = new Int32Array(REMEMBERED);
  private readonly _bootAt: number;

  /** `bootAt`: the instant, in milliseconds, at which this boot began; a replayed alert counts its `ms` from there. */
  constructor(journal: Journal, bootAt: number) {
    this._journal = journal;
    this._before = journal.pushes;
    this._maybeSent = journal.pushes;
    this._bootAt = bootAt;
    this._republish = journal.needsCleanSession ? journal.pushes : 0;
  }

  /**
   * Notes when an alert of this boot was pressed, so that its message can say how long and how many attempts it took.
   */
  pressed(sequence: number, at: number, failures: number): void {
    this._storedAt[sequence % REMEMBERED] = at;
    this._failures[sequence % REMEMBERED] = failures;
  }

  /**
   * Hands the session every alert that it has room for, oldest first. An alert that the broker has already received
   * (PUBREC seen, power lost before PUBCOMP) is only released, never published again [MQTT-4.3.3-1].
   */
  handOver(publisher: Publisher, circumstances: Circumstances, now: number): void {
    while (this._inFlight < MAX_IN_FLIGHT) {
      const record = this._journal.next(this._offered);
      if (record === undefined) return;
      const { sequence } = record;
      let result: number;
      if (record.status === AlertStatus.RECEIVED && sequence > this._republish) {
        result = publisher.release(packetId(sequence), now);
      } else {
        const attempt = this._attemptOf(sequence, circumstances);
        const facts: AlertFacts = {
          sequence,
          event: record.event,
          chipId: circumstances.chipId,
          millivolts: record.millivolts,
          rssi: circumstances.rssi,
          ms: (now - this._startOf(sequence)) | 0,
          attempt,
          queued: sequence <= this._before || attempt > 1,
        };
        result = publisher.publish(this._message(sequence, facts, circumstances.topic), now);
      }
      if (result < 0) return;
      this._offered = sequence;
      this._inFlight += 1;
    }
  }

  /**
   * PUBREC: writes it down, so that this alert is never published again. Returns its sequence, or 0. Throws when the
   * flash is worn out; PUBREL must not leave then.
   */
  received(id: number): number {
    if (id >= FIRST_SESSION_ID) return 0;
    const sequence = this._sequenceOf(id);
    if (sequence !== 0) this._journal.received(sequence);
    return sequence;
  }

  /** PUBCOMP: the alert is done. Returns its sequence, or 0 for a packet that was no alert. */
  delivered(id: number): number {
    if (id >= FIRST_SESSION_ID) return 0;
    // Also for an alert that a full journal has given up meanwhile: its place in the session is free again.
    if (this._inFlight > 0) this._inFlight -= 1;
    const sequence = this._sequenceOf(id);
    if (sequence !== 0) this._journal.done(sequence);
    return sequence;
  }

  /** The session was made anew (other settings): everything not done is handed over again. */
  restart(): void {
    this._republish = this._journal.needsCleanSession ? this._journal.pushes : 0;
    if (this._offered > this._maybeSent) this._maybeSent = this._offered;
    this._offered = 0;
    this._inFlight = 0;
  }

  private _startOf(sequence: number): number {
    if (sequence <= this._before || sequence <= this._journal.pushes - REMEMBERED) return this._bootAt;
    return this._storedAt[sequence % REMEMBERED] ?? this._bootAt;
  }

  /** Which attempt this is for an alert, from 1. */
  private _attemptOf(sequence: number, { failures, failuresBefore }: Circumstances): number {
    if (sequence <= this._before) return failuresBefore + failures + 1;
    if (sequence <= this._journal.pushes - REMEMBERED) return failures + 1;
    return failures - (this._failures[sequence % REMEMBERED] ?? 0) + 1;
  }

  private _message(sequence: number, facts: AlertFacts, topic: string): Message {
    return {
      topic,
      payload: alertPayload(facts),
      qos: 2,
      retain: false,
      id: packetId(sequence),
      resumed: sequence <= this._maybeSent && sequence > this._republish,
    };
  }

  private _sequenceOf(id: number): number {
    let record = this._journal.first();
    while (record !== undefined) {
      if (packetId(record.sequence) === id) return record.sequence;
      record = this._journal.next(record.sequence);
    }
    return 0;
  }
}

// The outbox: hands stored alerts from the journal to the MQTT session, in order, and knows which packet was which
// alert. It knows the journal and what a message is; it knows no socket, no LED and no mode.

import type { Message, Session } from "../mqtt/session.js";
import { AlertStatus, FIRST_SESSION_ID, type Journal, packetId } from "./journal.js";
import { alertPayload } from "./topics.js";

/** What the outbox needs of an MQTT session. */
export type Publisher = Pick<Session, "publish" | "release">;

/** Who names alerts: the box. */
export interface Namer {
  idOf(sequence: number): string;
}

/** What an alert says beside what the journal keeps. */
export interface Circumstances {
  readonly box: Namer;
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
// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 16: presses whose instant is remembered; the `ms` of an older one that still waits counts from the boot.

export class Outbox {
  private readonly journal: Journal;
  /** Sequence of the newest alert handed to the session in this boot. */
  private offered = 0;
  private inFlight = 0;
  /** Presses of this boot start after this sequence; everything older is a replay. */
  private readonly before: number;
  /** Alerts up to this sequence may have been on the wire in an earlier boot or session. */
  private maybeSent: number;
  /** Alerts up to this sequence that a broker has received and not released are published anew: it was another one. */
  private republish: number;
  /** When the latest presses of this boot were stored, by sequence modulo 16; behind that the failures there were. */
  private presses: Int32Array | undefined;
  readonly bootAt: number;
  /** The message of the alert that is handed over next. */
  private made: Message | undefined;
  /** `AlertEvent` of the alerts that were handed over last, two bits each, by sequence modulo 16. */
  private events = 0;

  /** `bootAt`: the instant, in milliseconds, at which this boot began; a replayed alert counts its `ms` from there. */
  constructor(journal: Journal, bootAt: number) {
    this.journal = journal;
    this.before = journal.pushes;
    this.maybeSent = journal.pushes;
    this.bootAt = bootAt;
    this.republish = journal.needsCleanSession ? journal.pushes : 0;
  }

  /**
   * Notes when an alert of this boot was pressed, so that its message can say how long and how many attempts it took.
   */
  pressed(sequence: number, at: number, failures: number): void {
    const presses = this.presses ?? new Int32Array(32);
    presses[sequence & 15] = at;
    presses[(sequence & 15) + 16] = failures;
    this.presses = presses;
  }

  /**
   * The next step of handing alerts to the session, as long as it has room, oldest first: makes the message of the next
   * one, or hands over the one that was made. An alert that the broker has already received (PUBREC seen, power lost
   * before PUBCOMP) is only released, never published again [MQTT-4.3.3-1].
   *
   * @returns 0: there was nothing to do; 1: a message was made, 2: one was handed over or released. Call again then, in
   *   another turn.
   */
  handOver(publisher: Publisher, circumstances: Circumstances, now: number): 0 | 1 | 2 {
    const { made } = this;
    if (made !== undefined) {
      // Without room it is made anew later: by then it says something else.
      this.made = undefined;
      return publisher.publish(made, now) < 0 ? 0 : this.handed(this.sequenceOf(made.id as number));
    }
    if (this.inFlight >= MAX_IN_FLIGHT) return 0;
    const record = this.journal.next(this.offered);
    if (record === undefined) return 0;
    const { sequence } = record;
    const place = (sequence & 15) * 2;
    this.events = (this.events & ~(3 << place)) | (record.event << place);
    if (record.status === AlertStatus.RECEIVED && sequence > this.republish) {
      return publisher.release(packetId(sequence), now) < 0 ? 0 : this.handed(sequence);
    }
    const attempt = this.attemptOf(sequence, circumstances);
    this.made = {
      topic: circumstances.topic,
      payload: alertPayload({
        sequence,
        event: record.event,
        id: circumstances.box.idOf(sequence),
        millivolts: record.millivolts,
        rssi: circumstances.rssi,
        ms: (now - this.startOf(sequence)) | 0,
        attempt,
        queued: sequence <= this.before || attempt > 1,
      }),
      qos: 2,
      retain: false,
      id: packetId(sequence),
      resumed: sequence <= this.maybeSent && sequence > this.republish,
    };
    return 1;
  }

  /** `AlertEvent` of an alert that was delivered a moment ago. */
  eventOf(sequence: number): number {
    return (this.events >> ((sequence & 15) * 2)) & 3;
  }

  private handed(sequence: number): 2 {
    this.offered = sequence;
    this.inFlight += 1;
    return 2;
  }

  /**
   * PUBCOMP is in: the alert's place in the session is free, also that of one that a full journal has given up
   * meanwhile. Returns its sequence, which the journal is to be told, or 0 for a packet that was no alert.
   */
  delivered(id: number): number {
    const sequence = this.sequenceOf(id);
    if (sequence !== 0 && this.inFlight > 0) this.inFlight -= 1;
    return sequence;
  }

  /** The session was made anew (other settings): everything not done is handed over again. */
  restart(): void {
    this.republish = this.journal.needsCleanSession ? this.journal.pushes : 0;
    if (this.offered > this.maybeSent) this.maybeSent = this.offered;
    this.offered = 0;
    this.inFlight = 0;
    this.made = undefined;
  }

  private startOf(sequence: number): number {
    if (sequence <= this.before || sequence <= this.journal.pushes - 16) return this.bootAt;
    return this.presses?.[sequence & 15] ?? this.bootAt;
  }

  /** Which attempt this is for an alert, from 1. */
  private attemptOf(sequence: number, { failures, failuresBefore }: Circumstances): number {
    if (sequence <= this.before) return failuresBefore + failures + 1;
    if (sequence <= this.journal.pushes - 16) return failures + 1;
    return failures - (this.presses?.[(sequence & 15) + 16] ?? 0) + 1;
  }

  /**
   * The newest sequence with that packet id; alerts that are not done never share one. 0 for an id that is the
   * session's own.
   */
  sequenceOf(id: number): number {
    if (id >= FIRST_SESSION_ID) return 0;
    const { pushes } = this.journal;
    return pushes - ((pushes - id) & 32767);
  }
}

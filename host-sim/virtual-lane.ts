// One direction of a virtual TCP connection: sender and receiver, sequence numbers by the byte, acknowledgements, a
// window, retransmission with backoff. Loss is real here: a packet that the network does not carry is sent again, in
// order, until the sender is gone or gives up. Knows nothing of boards and brokers.

import type { Clock, Scheduled } from "./clock.js";
import { LwIP } from "./lwip.js";

/**
 * How long a sender waits for an acknowledgement, ms, doubling from `first` to `longest`, and how often it tries again.
 */
export interface RetryPolicy {
  readonly first: number;
  readonly longest: number;
  readonly retries: number;
}

/** The board's: lwIP (lwip.ts). */
export const boardRetries: RetryPolicy = Object.freeze({
  first: LwIP.retryMs,
  longest: LwIP.longestRetryMs,
  retries: LwIP.retries,
});

/** The server's: TCP_RTO_MIN, TCP_RTO_MAX and tcp_retries2 of Linux, about 15 minutes in all. */
export const serverRetries: RetryPolicy = Object.freeze({ first: 200, longest: 120_000, retries: 15 });

/** How many of the bytes that have come get through to the receiver, and what is to be done when not all of them do. */
export interface Admission {
  readonly count: number;
  readonly afterwards: (() => void) | undefined;
}

/** What a lane needs of the network around it. */
export interface LaneCarrier {
  readonly clock: Clock;
  /** Carries a packet of this direction; perhaps it never arrives. */
  carry(arrive: () => void): void;
  /** Carries a packet of the other direction. */
  carryBack(arrive: () => void): void;
  /** Largest packet, bytes. */
  readonly packetBytes: number;
  /** A round trip, ms. */
  readonly roundTripMs: number;
  /** Asked for each piece of data that arrives for the first time. */
  admit(bytes: Uint8Array): Admission;
}

/** What the two ends hear. */
export interface LaneEnds {
  /** The receiver's end no longer exists: a packet for it came in. */
  onStray(): void;
  onData(bytes: Uint8Array): void;
  onEnd(): void;
  onAcknowledged(count: number): void;
  /** The last retransmission had no answer. */
  onGivenUp(): void;
}

interface Packet {
  readonly start: number;
  readonly bytes: Uint8Array;
  /** FIN: takes one number of its own. */
  readonly isEnd: boolean;
}

const nothingFresh: Admission = Object.freeze({ count: 0, afterwards: undefined });

export class Lane {
  readonly #carrier: LaneCarrier;
  readonly #ends: LaneEnds;
  readonly #policy: RetryPolicy;
  // The sender.
  readonly #waiting: Packet[] = [];
  readonly #underWay: Packet[] = [];
  #next = 0;
  #acknowledged = 0;
  #edge: number;
  #ended = false;
  #sending = true;
  #retries = 0;
  #timer: Scheduled | undefined;
  // The receiver.
  readonly #window: number;
  #expected = 0;
  #read = 0;
  #announced: number;
  #receiving = true;
  #endSeen = false;

  /** @param window how much the receiver takes without reading, bytes. */
  constructor(carrier: LaneCarrier, ends: LaneEnds, policy: RetryPolicy, window: number) {
    this.#carrier = carrier;
    this.#ends = ends;
    this.#policy = policy;
    this.#window = window;
    this.#edge = window;
    this.#announced = window;
  }

  /** FIN has arrived. */
  get endSeen(): boolean {
    return this.#endSeen;
  }

  /** Everything that was sent has been acknowledged. */
  get isIdle(): boolean {
    return this.#waiting.length === 0 && this.#underWay.length === 0;
  }

  /** Sends bytes, now or when the window allows. */
  send(bytes: Uint8Array): void {
    if (this.#ended || !this.#sending) return;
    const size = this.#carrier.packetBytes;
    for (let offset = 0; offset < bytes.byteLength; offset += size) {
      this.#enqueue(bytes.slice(offset, offset + size), false);
    }
    this.#output();
  }

  /** FIN after what was sent. */
  end(): void {
    if (this.#ended || !this.#sending) return;
    this.#enqueue(new Uint8Array(0), true);
    this.#ended = true;
    this.#output();
  }

  /** The sender is gone: nothing is sent again, what is on its way arrives. */
  stopSending(): void {
    this.#sending = false;
    this.#waiting.length = 0;
    this.#underWay.length = 0;
    this.#timer?.cancel();
  }

  /** The receiver is gone: whatever comes in is a stray. */
  stopReceiving(): void {
    this.#receiving = false;
  }

  /** The receiver has read so many bytes. */
  consumed(count: number): void {
    this.#read += count;
    if (this.#read + this.#window - this.#announced >= LwIP.windowUpdate) this.#answer();
  }

  #enqueue(bytes: Uint8Array, isEnd: boolean): void {
    this.#waiting.push({ start: this.#next, bytes, isEnd });
    this.#next += isEnd ? 1 : bytes.byteLength;
  }

  #output(): void {
    for (;;) {
      const packet = this.#waiting[0];
      // FIN needs no window.
      if (packet === undefined || packet.start + packet.bytes.byteLength > this.#edge) break;
      this.#waiting.shift();
      this.#underWay.push(packet);
      this.#transmit(packet);
    }
    this.#arm();
  }

  #transmit(packet: Packet): void {
    this.#carrier.carry(() => this.#arrived(packet));
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#underWay.length === 0) return;
    const { first, longest } = this.#policy;
    const delay = Math.min(longest, first * 2 ** Math.min(this.#retries, 20));
    this.#timer = this.#carrier.clock.schedule(Math.max(delay, 2 * this.#carrier.roundTripMs), () => this.#retry());
  }

  #retry(): void {
    this.#timer = undefined;
    if (this.#retries >= this.#policy.retries) {
      this.stopSending();
      this.#ends.onGivenUp();
      return;
    }
    this.#retries += 1;
    for (const packet of this.#underWay) this.#transmit(packet);
    this.#arm();
  }

  #arrived(packet: Packet): void {
    if (!this.#receiving) {
      this.#ends.onStray();
    } else if (packet.start > this.#expected || this.#endSeen) {
      this.#answer();
    } else if (packet.isEnd) {
      if (packet.start < this.#expected) return;
      this.#expected += 1;
      this.#endSeen = true;
      this.#answer();
      this.#ends.onEnd();
    } else {
      this.#take(packet.bytes.subarray(this.#expected - packet.start));
    }
  }

  #take(fresh: Uint8Array): void {
    const { count, afterwards } = fresh.byteLength === 0 ? nothingFresh : this.#carrier.admit(fresh);
    this.#expected += count;
    // The acknowledgement leaves before the receiver's answer, as from a TCP stack under an application.
    if (afterwards === undefined) this.#answer();
    if (count > 0) this.#ends.onData(fresh.slice(0, count));
    if (afterwards === undefined) return;
    afterwards();
    if (this.#receiving) this.#answer();
  }

  #answer(): void {
    const expected = this.#expected;
    this.#announced = this.#read + this.#window;
    const edge = this.#announced;
    this.#carrier.carryBack(() => this.#answered(expected, edge));
  }

  #answered(expected: number, edge: number): void {
    if (!this.#sending) return;
    this.#edge = Math.max(this.#edge, edge);
    const count = expected - this.#acknowledged;
    if (count > 0) {
      this.#acknowledged = expected;
      this.#retries = 0;
      this.#timer?.cancel();
      this.#timer = undefined;
      this.#dropAcknowledged();
      const payload = this.#ended && expected === this.#next ? count - 1 : count;
      if (payload > 0) this.#ends.onAcknowledged(payload);
    }
    this.#output();
  }

  #dropAcknowledged(): void {
    for (;;) {
      const first = this.#underWay[0];
      if (first === undefined) return;
      const length = first.isEnd ? 1 : first.bytes.byteLength;
      if (first.start + length > this.#acknowledged) return;
      this.#underWay.shift();
    }
  }
}

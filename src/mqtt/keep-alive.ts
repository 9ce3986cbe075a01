// When PINGREQ is due and when its answer is. Instants are int32 milliseconds that wrap; nothing here calls anyone.
// Knows nothing of packets or of what else is sent.

/**
 *   OFF ──open()──► QUIET ──tick()──► DUE ──asked()──► ASKED ──answered()──► QUIET
 *   any ──close()──► OFF
 */
const Phase = Object.freeze({
  /** No connection, or a keep alive of 0. */
  OFF: 0,
  QUIET: 1,
  /** PINGREQ is to leave; bounded by the session's limit for bytes that the transport does not take. */
  DUE: 2,
  /** PINGREQ has left; bounded by `answerBy`. */
  ASKED: 3,
} as const);
type Phase = (typeof Phase)[keyof typeof Phase];

/** PINGREQ goes this much before the keep alive is over, so that the link's delay does not make it late. */
const MARGIN_MS = 2000;

export class KeepAlive {
  readonly #idleMs: number;
  readonly #pingTimeoutMs: number;
  #phase: Phase = Phase.OFF;
  #sentAt = 0;
  #receivedAt = 0;
  #answerBy = 0;

  /** @param seconds keep alive as in CONNECT, 0..65535; 0 switches pings off. */
  constructor(seconds: number, pingTimeoutMs: number) {
    this.#idleMs = seconds * 1000 - Math.min(seconds * 250, MARGIN_MS);
    this.#pingTimeoutMs = pingTimeoutMs;
  }

  /** CONNACK has come: pings are due from now on. */
  open(): void {
    if (this.#idleMs > 0) this.#phase = Phase.QUIET;
  }

  close(): void {
    this.#phase = Phase.OFF;
  }

  sent(now: number): void {
    this.#sentAt = now;
  }

  received(now: number): void {
    this.#receivedAt = now;
  }

  get receivedAt(): number {
    return this.#receivedAt;
  }

  /** Whether PINGREQ is to leave. */
  get due(): boolean {
    return this.#phase === Phase.DUE;
  }

  /** PINGREQ has left. */
  asked(now: number): void {
    this.#phase = Phase.ASKED;
    this.#answerBy = (now + this.#pingTimeoutMs) | 0;
  }

  /** PINGRESP has come. One that nobody asked for changes nothing. */
  answered(): void {
    if (this.#phase === Phase.ASKED) this.#phase = Phase.QUIET;
  }

  /**
   * When the next ping becomes due. Quiet means nothing sent [MQTT-3.1.2-23], and also nothing received: a link that
   * has died takes what is sent for a long time, and only a ping finds out.
   */
  dueAt(): number | undefined {
    if (this.#phase !== Phase.QUIET) return undefined;
    const quietSince = ((this.#sentAt - this.#receivedAt) | 0) < 0 ? this.#sentAt : this.#receivedAt;
    return (quietSince + this.#idleMs) | 0;
  }

  /** When PINGRESP must have come. */
  answerBy(): number | undefined {
    return this.#phase === Phase.ASKED ? this.#answerBy : undefined;
  }

  tick(now: number): void {
    const at = this.dueAt();
    if (at !== undefined && ((now - at) | 0) >= 0) this.#phase = Phase.DUE;
  }
}

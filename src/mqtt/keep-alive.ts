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
  private readonly _idleMs: number;
  private readonly _pingTimeoutMs: number;
  private _phase: Phase = Phase.OFF;
  private _sentAt = 0;
  private _receivedAt = 0;
  private _answerBy = 0;

  /** @param seconds keep alive as in CONNECT, 0..65535; 0 switches pings off. */
  constructor(seconds: number, pingTimeoutMs: number) {
    this._idleMs = seconds * 1000 - Math.min(seconds * 250, MARGIN_MS);
    this._pingTimeoutMs = pingTimeoutMs;
  }

  /** CONNACK has come: pings are due from now on. */
  open(): void {
    if (this._idleMs > 0) this._phase = Phase.QUIET;
  }

  close(): void {
    this._phase = Phase.OFF;
  }

  sent(now: number): void {
    this._sentAt = now;
  }

  received(now: number): void {
    this._receivedAt = now;
  }

  get receivedAt(): number {
    return this._receivedAt;
  }

  /** Whether PINGREQ is to leave. */
  get due(): boolean {
    return this._phase === Phase.DUE;
  }

  /** PINGREQ has left. */
  asked(now: number): void {
    this._phase = Phase.ASKED;
    this._answerBy = (now + this._pingTimeoutMs) | 0;
  }

  /** PINGRESP has come. One that nobody asked for changes nothing. */
  answered(): void {
    if (this._phase === Phase.ASKED) this._phase = Phase.QUIET;
  }

  /**
   * When the next ping becomes due. Quiet means nothing sent [MQTT-3.1.2-23], and also nothing received: a link that
   * has died takes what is sent for a long time, and only a ping finds out.
   */
  dueAt(): number | undefined {
    if (this._phase !== Phase.QUIET) return undefined;
    const quietSince = ((this._sentAt - this._receivedAt) | 0) < 0 ? this._sentAt : this._receivedAt;
    return (quietSince + this._idleMs) | 0;
  }

  /** When PINGRESP must have come. */
  answerBy(): number | undefined {
    return this._phase === Phase.ASKED ? this._answerBy : undefined;
  }

  tick(now: number): void {
    const at = this.dueAt();
    if (at !== undefined && ((now - at) | 0) >= 0) this._phase = Phase.DUE;
  }
}

// The judges of all conventions at once, for worlds in which a box may follow any of them and change over.

import type { ConventionJudge, Kept, Said, Will } from "./broker-tap.js";
import { HomieJudge } from "./homie-rules.js";
import { TasmotaJudge } from "./tasmota-rules.js";

export interface ConventionBreach {
  /** Of the convention's text. */
  readonly section: string;
  readonly detail: string;
  /** ms of the world's clock; NaN when it belongs to no message. */
  readonly at: number;
}

export class ConventionJudges implements ConventionJudge {
  readonly #homie: HomieJudge;
  readonly #tasmota: TasmotaJudge;

  constructor(kept: Kept) {
    this.#homie = new HomieJudge(kept);
    this.#tasmota = new TasmotaJudge(kept);
  }

  connected(clientId: string, will: Will | undefined): void {
    this.#homie.connected(clientId, will);
    this.#tasmota.connected(clientId, will);
  }

  disconnected(clientId: string): void {
    this.#homie.disconnected(clientId);
    this.#tasmota.disconnected(clientId);
  }

  said(said: Said): void {
    this.#homie.said(said);
    this.#tasmota.said(said);
  }

  /** All that was against a convention until now, with what can only be judged in the end. */
  finish(at: number): ConventionBreach[] {
    this.#homie.finish(at);
    this.#tasmota.finish(at);
    return [...this.#homie.breaches, ...this.#tasmota.breaches];
  }
}

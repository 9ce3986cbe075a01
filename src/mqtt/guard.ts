// Calls the owner's handler in such a way that an exception never leaves the session in the middle of its work: it is
// kept and thrown when the outermost method of the session returns. Knows nothing of what the callbacks mean.

import type { Closed, Inbound, SessionHandler } from "./contract.js";

export class Guard {
  readonly #handler: SessionHandler;
  /** Methods of the session that are running, one inside the other. */
  #depth = 0;
  #failed = false;
  #failure: unknown;

  constructor(handler: SessionHandler) {
    this.#handler = handler;
  }

  /** To be called first in each method that may call the handler, after its checks for misuse. */
  enter(): void {
    this.#depth += 1;
  }

  /** To be called last; throws the first exception kept, if this is the outermost method. */
  leave(): void {
    this.#depth -= 1;
    if (this.#depth > 0 || !this.#failed) return;
    const failure = this.#failure;
    this.#failed = false;
    this.#failure = undefined;
    throw failure;
  }

  keep(failure: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.#failure = failure;
  }

  connected(sessionPresent: boolean): void {
    try {
      this.#handler.onConnected(sessionPresent);
    } catch (failure) {
      this.keep(failure);
    }
  }

  message(message: Inbound): void {
    try {
      this.#handler.onMessage(message);
    } catch (failure) {
      this.keep(failure);
    }
  }

  overflow(message: Inbound): void {
    try {
      this.#handler.onOverflow(message);
    } catch (failure) {
      this.keep(failure);
    }
  }

  /** False when the handler threw. */
  received(id: number): boolean {
    try {
      this.#handler.onReceived(id);
      return true;
    } catch (failure) {
      this.keep(failure);
      return false;
    }
  }

  delivered(id: number): void {
    try {
      this.#handler.onDelivered(id);
    } catch (failure) {
      this.keep(failure);
    }
  }

  subscribed(id: number, codes: readonly number[]): void {
    try {
      this.#handler.onSubscribed(id, codes);
    } catch (failure) {
      this.keep(failure);
    }
  }

  unsubscribed(id: number): void {
    try {
      this.#handler.onUnsubscribed(id);
    } catch (failure) {
      this.keep(failure);
    }
  }

  flushed(ok: boolean): void {
    try {
      this.#handler.onFlushed(ok);
    } catch (failure) {
      this.keep(failure);
    }
  }

  closed(closed: Closed): void {
    try {
      this.#handler.onClosed(closed);
    } catch (failure) {
      this.keep(failure);
    }
  }
}

// Calls the owner's handler in such a way that an exception never leaves the session in the middle of its work: it is
// kept and thrown when the outermost method of the session returns. Knows nothing of what the callbacks mean.

import type { Closed, Inbound, SessionHandler } from "./contract.js";

export class Guard {
  private readonly _handler: SessionHandler;
  /** Methods of the session that are running, one inside the other. */
  private _depth = 0;
  private _failed = false;
  private _failure: unknown;

  constructor(handler: SessionHandler) {
    this._handler = handler;
  }

  /** To be called first in each method that may call the handler, after its checks for misuse. */
  enter(): void {
    this._depth += 1;
  }

  /** To be called last; throws the first exception kept, if this is the outermost method. */
  leave(): void {
    this._depth -= 1;
    if (this._depth > 0 || !this._failed) return;
    const failure = this._failure;
    this._failed = false;
    this._failure = undefined;
    throw failure;
  }

  keep(failure: unknown): void {
    if (this._failed) return;
    this._failed = true;
    this._failure = failure;
  }

  connected(sessionPresent: boolean): void {
    try {
      this._handler.onConnected(sessionPresent);
    } catch (failure) {
      this.keep(failure);
    }
  }

  message(message: Inbound): void {
    try {
      this._handler.onMessage(message);
    } catch (failure) {
      this.keep(failure);
    }
  }

  overflow(message: Inbound): void {
    try {
      this._handler.onOverflow(message);
    } catch (failure) {
      this.keep(failure);
    }
  }

  /** False when the handler threw. */
  received(id: number): boolean {
    try {
      this._handler.onReceived(id);
      return true;
    } catch (failure) {
      this.keep(failure);
      return false;
    }
  }

  delivered(id: number): void {
    try {
      this._handler.onDelivered(id);
    } catch (failure) {
      this.keep(failure);
    }
  }

  subscribed(id: number, codes: readonly number[]): void {
    try {
      this._handler.onSubscribed(id, codes);
    } catch (failure) {
      this.keep(failure);
    }
  }

  unsubscribed(id: number): void {
    try {
      this._handler.onUnsubscribed(id);
    } catch (failure) {
      this.keep(failure);
    }
  }

  flushed(ok: boolean): void {
    try {
      this._handler.onFlushed(ok);
    } catch (failure) {
      this.keep(failure);
    }
  }

  closed(closed: Closed): void {
    try {
      this._handler.onClosed(closed);
    } catch (failure) {
      this.keep(failure);
    }
  }
}

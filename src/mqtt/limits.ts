// What the owner of a session may give it: checks of budget, options, ids and payloads that throw a TypeError or
// RangeError with the limit in its message, and the default times. Nothing that a server sends is checked here.

import type { Budget, Message, PayloadSource, SessionOptions } from "./contract.js";
import { checkConnect, connectSize, MAX_REMAINING_LENGTH } from "./packet.js";
import { utf8Size } from "./utf8.js";

export const DefaultTime = Object.freeze({ CONNECT_MS: 10000, ACK_MS: 10000, PING_MS: 5000 } as const);

/** Smallest receive and send buffers, bytes. */
const MIN_BUFFER_BYTES = 64;

/** Largest body of an inbound packet other than PUBLISH. Only a SUBACK has more than 2 bytes: one for each filter. */
export const CONTROL_BYTES = 64;

/** Filters that one SUBSCRIBE may have, so that its SUBACK fits. */
export const MAX_FILTERS = CONTROL_BYTES - 2;

/** A day is more than any answer takes, and far from where differences of wrapping instants change their sign. */
const MAX_TIME_MS = 86400000;

export function checkWhole(name: string, value: number, least: number, most: number): number {
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${name} is ${value}; it must be a whole number from ${least} to ${most}`);
  }
  return value;
}

/** A time limit in milliseconds, or its default. */
export function checkTime(name: string, value: number | undefined, byDefault: number): number {
  return checkWhole(name, value ?? byDefault, 1, MAX_TIME_MS);
}

/** What CONNECT cannot carry, and a budget outside of its limits or too small for CONNECT. */
export function checkSession(options: SessionOptions, budget: Budget): void {
  checkConnect(options);
  checkWhole("budget.receive", budget.receive, MIN_BUFFER_BYTES, MAX_REMAINING_LENGTH);
  checkWhole("budget.send", budget.send, MIN_BUFFER_BYTES, MAX_REMAINING_LENGTH);
  checkWhole("budget.inFlight", budget.inFlight, 1, 65535);
  checkWhole("budget.inbound", budget.inbound, 0, 65535);
  checkWhole("budget.topic", budget.topic, 1, 65535);
  const size = connectSize(options);
  if (size > budget.send) throw new RangeError(`CONNECT takes ${size} bytes; make budget.send at least that`);
}

/** Bytes of a payload. Throws a TypeError for what is none. */
export function payloadLength(payload: Message["payload"]): number {
  if (payload === undefined) return 0;
  if (payload instanceof Uint8Array) return payload.length;
  if (typeof payload === "string") {
    const size = utf8Size(payload);
    if (size < 0) throw new TypeError("payload holds a lone surrogate, which has no UTF-8 form; give it as bytes");
    return size;
  }
  const length = (payload as PayloadSource | null)?.length;
  if (length === undefined || !Number.isInteger(length) || length < 0) {
    throw new TypeError("payload must be undefined, a string, a Uint8Array or a source with a length in bytes");
  }
  return length;
}

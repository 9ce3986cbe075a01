// How a session calls its owner, and how its connections end: the one way to the end, what is kept for the next
// connection, what is told, and in which order. An exception of the owner's waits until the outermost method has done
// its work. Knows no packets.

import type { Closed, CloseReason, Message, SessionHandler } from "./contract.js";
import { reset } from "./decoder.js";
import { forget, setPhase } from "./in-flight.js";
import { wake } from "./sender.js";
import type { Session } from "./session.js";

/** Calls the owner. An exception waits until the outermost method has done its work. */
export function tell(me: Session, name: keyof SessionHandler, what: unknown, codes?: unknown): void {
  try {
    (me.handler as unknown as Record<typeof name, (what: unknown, codes: unknown) => void>)[name](what, codes);
  } catch (error) {
    keep(me, error);
  }
}

/** An exception of the owner's, of which the first is thrown when the outermost method has done its work. */
export function keep(me: Session, error: unknown): void {
  if ((me.owed & 32) === 0) me.error = error;
  me.owed |= 32;
}

export function leave(me: Session): void {
  if ((me.owed & 1) !== 0) wake(me, me.instant);
  if ((me.owed & 32) === 0 || me.depth > 0 || me.held < 0) return;
  const error = me.error;
  me.error = undefined;
  me.owed &= ~32;
  throw error;
}

/** Makes the callbacks that are due because of what was done before. */
export function settle(me: Session): void {
  const words = me.words;
  me.depth += 1;
  for (let at = 32; at < me.edge; at += 2) {
    const word = words[at] as number;
    if (((word >> 20) & 7) !== 7) continue;
    forget(me, at, word);
    // It may end the connection, which tells the rest before its end.
    tell(me, "onDelivered", word & 0xffff, 7);
    at = 30;
  }
  me.owed &= ~1;
  if (words[14] === 0) {
    words[14] = -1;
    tell(me, "onFlushed", true);
  }
  if (me.state === 5) finish(me, "disconnected", "", "");
  me.depth -= 1;
}

/**
 * The one way to the end. All state is settled before the first callback, so that any of them may call anything;
 * onClosed is the last. Keeps what is session state, in its order, to be sent again; all of it goes when the session
 * was clean [MQTT-3.1.2-6]. When CONNACK refused, nothing of this connection counts as sent [MQTT-3.1.4-5].
 */
export function finish(me: Session, reason: CloseReason, detail: string, statement: string, code?: number): void {
  if (me.state < 2) return;
  const words = me.words;
  const closed: Closed = {
    reason,
    detail,
    statement: statement === "" ? "" : `MQTT-${statement}`,
    code: code ?? 0,
    pipelined: reason === "lost" && (words[19] as number) < 0,
  };
  me.state = 1;
  words[19] = 0;
  words[25] = 0;
  me.sendBy = null;
  // What a callback asks for from here on has its own.
  me.dueAt = undefined;
  me.depth += 1;
  // Whatever waits to leave is void.
  words[11] = 0;
  me.start = 0;
  me.end = 0;
  me.leaving = 0;
  me.owed &= ~30;
  me.payload = null;
  words[16] = (words[16] as number) + 1;
  // Whatever is left of a fragment that is being received is dropped.
  reset(me, true);
  for (let at = me.edge - 2; at >= 32; at -= 2) {
    const word = words[at] as number;
    const answer = (word >> 16) & 15;
    if (((word >> 20) & 7) === 7) continue;
    if (words[22] !== 0 || answer === 0 || answer > 7) {
      // Neither QoS 0 nor a request is session state (§4.1). A flush that waits for it has failed.
      forget(me, at, word & ~0x2000000);
      continue;
    }
    if ((word & 0x800000) !== 0) words[at] = (word & ~0x800000) | (reason === "refused" ? 0 : 0x1000000);
    setPhase(me, at, answer === 7 ? 4 : 1);
    if (answer === 7) {
      // All that will leave is PUBREL.
      me.contents[at - 32] = null;
      me.contents[at - 31] = null;
    } else if (((word >> 20) & 7) === 3) {
      const payload = me.contents[at - 31] as Message["payload"];
      words[at + 1] = payload === undefined ? 0 : payload.length;
    }
  }
  if ((me.owed & 1) !== 0) settle(me);
  if ((words[14] as number) > 0) {
    words[14] = -1;
    tell(me, "onFlushed", false);
  }
  me.state = 0;
  tell(me, "onClosed", closed);
  me.depth -= 1;
}

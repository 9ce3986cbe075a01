// Gathers the bench's events into frames for views that are far away: what happens within one frame travels as one
// message, and of what replaces itself (a board's state, a press that gets further) only the latest goes. Knows events
// and time, not where they go. Nothing runs while nothing happens.

import type { BenchEvent } from "./page/protocol.js";

/** Thirty frames a second: more than that no eye tells apart. */
const FRAME_MS = 33;

/**
 * Events of one frame, at most; of those that count each by itself the older half is left out then. So much happens
 * only as fast as it goes, when no eye follows; a view keeps no more anyway.
 */
const MOST = 4000;

/** Events that say the same thing anew have the same key; undefined: each of them counts. */
function keyOf(event: BenchEvent): string | undefined {
  switch (event.type) {
    case "bench":
    case "broker":
      return event.type;
    case "board":
      return `board ${event.board.index}`;
    case "memory":
      return `memory ${event.memory.board}`;
    case "press":
      return `press ${event.press.board} ${event.press.number}`;
    case "topic":
      return `topic ${event.topic.topic}`;
    default:
      return undefined;
  }
}

export class EventFrame {
  readonly #send: (events: readonly BenchEvent[]) => void;
  #events: BenchEvent[] = [];
  /** Where in the frame the latest event of a key is. */
  readonly #places = new Map<string, number>();
  #soon: NodeJS.Immediate | undefined;
  #timer: NodeJS.Timeout | undefined;

  /** @param send gets each frame, which is never empty and never changes again. */
  constructor(send: (events: readonly BenchEvent[]) => void) {
    this.#send = send;
  }

  /** The first event after a silence leaves in this turn of Node's loop, what follows with the next frame. */
  add(event: BenchEvent): void {
    const key = keyOf(event);
    const place = key === undefined ? undefined : this.#places.get(key);
    if (place !== undefined) {
      this.#events[place] = event;
      return;
    }
    if (key !== undefined) this.#places.set(key, this.#events.length);
    this.#events.push(event);
    if (this.#events.length > MOST) this.#thin();
    if (this.#timer === undefined) this.#soon ??= setImmediate(() => this.flush());
  }

  #thin(): void {
    let surplus = this.#events.length - MOST / 2;
    const kept = this.#events.filter((event) => keyOf(event) !== undefined || surplus-- <= 0);
    this.#events = kept;
    this.#places.clear();
    for (const [place, event] of kept.entries()) {
      const key = keyOf(event);
      if (key !== undefined) this.#places.set(key, place);
    }
  }

  /** Sends what is there now, without waiting for the end of the frame. */
  flush(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    if (this.#events.length === 0) return;
    const events = this.#events;
    this.#events = [];
    this.#places.clear();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.flush();
    }, FRAME_MS).unref();
    this.#send(events);
  }

  /** Forgets what was not sent yet. */
  close(): void {
    clearImmediate(this.#soon);
    clearTimeout(this.#timer);
    this.#soon = undefined;
    this.#timer = undefined;
    this.#events = [];
    this.#places.clear();
  }
}

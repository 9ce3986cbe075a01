// Measures the wakes of a simulated board: how long each part of the way from reset to sleep took, and what charge it
// drew. It listens to the board's events and reads its supply; of the firmware it knows the words of the serial log
// only.

import type { Board, BoardEvent, Wiring } from "../host-sim/board.js";
import { Milliamperes } from "../host-sim/supply.js";

/** The parts of a wake, in order. Every wake begins with the first two and ends with the last. */
export const PARTS = Object.freeze(["held", "firmware", "joined", "tcp", "pubcomp", "asleep"] as const);

/** What a part ends with: RST let go, the firmware's first word, the address, the connection, PUBCOMP, deep sleep. */
export type PartName = (typeof PARTS)[number];

export interface Part {
  readonly name: PartName;
  readonly ms: number;
  readonly mah: number;
}

/** One wake, from reset to deep sleep, or to the reset that interrupted it. */
export interface Wake {
  /** When the reset began, ms of the board's clock. */
  readonly at: number;
  /** What the firmware took it for: `press`, `retry`, `power` … */
  readonly cause: string;
  /** How many alerts got their PUBCOMP. */
  readonly delivered: number;
  /** It ended in another reset, not in sleep; the last part is what it was in the middle of. */
  readonly interrupted: boolean;
  /** Without the parts that it did not come to. */
  readonly parts: readonly Part[];
  readonly ms: number;
  readonly mah: number;
}

interface Mark {
  readonly at: number;
  readonly mah: number;
}

export class WakeMeter {
  readonly #board: Board;
  readonly #wiring: Wiring;
  readonly #finished: (wake: Wake) => void;
  #begun: Mark | undefined;
  #cause = "";
  #delivered = 0;
  readonly #marks = new Map<PartName, Mark>();

  /**
   * @param wiring that of the board: where the button holds RST, the time until it is let go is a part of its own.
   * @param finished is called at the end of each wake. One that ends in a power cut is forgotten.
   */
  constructor(board: Board, wiring: Wiring, finished: (wake: Wake) => void) {
    this.#board = board;
    this.#wiring = wiring;
    this.#finished = finished;
    board.on((event) => this.#hear(event));
  }

  #hear(event: BoardEvent): void {
    switch (event.type) {
      case "reset":
        this.#reset(event);
        return;
      case "button":
        // The finger holds RST, and nothing runs before it is let go.
        if (this.#wiring === "rst" && this.#board.state === "booting") this.#mark("held", event);
        return;
      case "step":
        this.#step(event.word, event.detail, event);
        return;
      case "socket":
        // The last one counts: a cache that was wrong, or the clean session before the lasting one, had one as well.
        if (event.word === "open" && this.#delivered === 0) this.#mark("tcp", event);
        return;
      case "power":
        if (event.state === "asleep") this.#end(event, false);
        else if (event.state === "off") this.#begun = undefined;
        return;
      default:
        return;
    }
  }

  #reset(event: BoardEvent): void {
    this.#end(event, true);
    this.#begun = this.#markOf(event);
    this.#cause = "";
    this.#delivered = 0;
    this.#marks.clear();
    this.#mark("held", event);
  }

  #step(word: string, detail: string, event: BoardEvent): void {
    switch (word) {
      case "boot":
        this.#cause = detail;
        this.#mark("firmware", event);
        return;
      case "joined":
        if (this.#delivered > 0) return;
        this.#mark("joined", event);
        // A connection over the network before this one was in vain.
        this.#marks.delete("tcp");
        return;
      case "delivered":
        this.#delivered += 1;
        this.#mark("pubcomp", event);
        return;
      default:
        return;
    }
  }

  #end(event: BoardEvent, interrupted: boolean): void {
    const begun = this.#begun;
    if (begun === undefined) return;
    this.#mark("asleep", event);
    const parts: Part[] = [];
    let before = begun;
    for (const name of PARTS) {
      const mark = this.#marks.get(name);
      if (mark === undefined) continue;
      parts.push({ name, ms: mark.at - before.at, mah: mark.mah - before.mah });
      before = mark;
    }
    const wake: Wake = {
      at: begun.at,
      cause: this.#cause,
      delivered: this.#delivered,
      interrupted,
      parts,
      ms: before.at - begun.at,
      mah: before.mah - begun.mah,
    };
    this.#begun = undefined;
    this.#finished(wake);
  }

  #mark(name: PartName, event: BoardEvent): void {
    this.#marks.set(name, this.#markOf(event));
  }

  /** In the middle of a call that takes time, such as a write to flash, an event is later than the supply's clock. */
  #markOf(event: BoardEvent): Mark {
    const { chargeMah, supply, clock } = this.#board;
    return { at: event.at, mah: chargeMah + (Milliamperes[supply.draw] * (event.at - clock.now)) / 3_600_000 };
  }
}

/** One part's time in ms, or 0 when the wake did not come to it. */
export function msOf(wake: Wake, name: PartName): number {
  return wake.parts.find((part) => part.name === name)?.ms ?? 0;
}

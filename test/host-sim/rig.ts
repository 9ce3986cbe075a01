// A board on a table for the tests of host-sim: a stepped clock, a network and an air that nobody uses, and firmware
// that is written in the test itself.

import { Board, type BoardOptions } from "../../host-sim/board.js";
import { SteppedClock } from "../../host-sim/clock.js";
import type { Image } from "../../host-sim/image.js";
import { Airspace } from "../../host-sim/radio.js";
import { Random } from "../../host-sim/random.js";
import { VirtualNetwork } from "../../host-sim/virtual-network.js";

/** What firmware in a test sees. */
export interface Chip {
  /** A module by specifier: its default export. */
  use<T>(specifier: string): T;
  trace(text: string): void;
  System: { deepSleep(us: number, mode?: number): void; restart(): never; resolve: (...args: never[]) => void };
  Math: typeof Math;
  /** Where firmware puts its abort hook. */
  globalThis: { abort?: (message: string, exception: unknown) => unknown; [name: string]: unknown };
}

/** An image whose `main` is a function of the test. */
export function firmware(main: (chip: Chip) => void): Image {
  return {
    boot(resolve, globals) {
      const use = <T>(specifier: string): T => (resolve(specifier) as { default: T }).default;
      main({ use, ...globals, globalThis: globals["globalThis"] } as unknown as Chip);
    },
  };
}

export interface Rig {
  readonly clock: SteppedClock;
  readonly board: Board;
}

/** A board with this firmware, powered on, time not yet passed. */
export function rig(main: (chip: Chip) => void, options: Partial<BoardOptions> = {}): Rig {
  const clock = (options.clock as SteppedClock | undefined) ?? new SteppedClock();
  const board = new Board({
    clock,
    network: new VirtualNetwork(clock),
    airspace: new Airspace(),
    random: new Random(7),
    image: firmware(main),
    ...options,
  });
  board.powerOn();
  return { clock, board };
}

/**
 * A board whose firmware has just started and left its chip to the test. An exception in a callback, a failed assertion
 * there too, is the test's failure: it comes out of the clock.
 */
export function running(options: Partial<BoardOptions> = {}): Rig & { readonly chip: Chip } {
  let found: Chip | undefined;
  const { clock, board } = rig((chip) => {
    found = chip;
  }, options);
  if (!clock.runUntil(() => found !== undefined, 1000) || found === undefined) throw new Error("it does not boot");
  board.on((event) => {
    if (event.type === "crash") throw event.error;
  });
  return { clock, board, chip: found };
}

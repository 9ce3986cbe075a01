// How much of the long tests an engine does. Node does all of it; on XS the same loops take a hundred times as long,
// and on the emulated chip a thousand. A test says by itself what of it is long (test/effort.ts); here is only how much
// of that an engine is asked to do. `--full` asks for everything.

import type { EngineName } from "../engine.js";

export interface Effort {
  /** Rounds of loops over cases by chance are divided by this. */
  readonly divisor: number;
  /** Whether tests are run that are too long for the chip's processor in QEMU. */
  readonly long: boolean;
  /** Whether tests are run that are too long for XS. */
  readonly veryLong: boolean;
}

const usual: Readonly<Record<EngineName, Effort>> = Object.freeze({
  xs32: { divisor: 4, long: true, veryLong: false },
  lx106: { divisor: 100, long: false, veryLong: false },
});

const full: Effort = Object.freeze({ divisor: 1, long: true, veryLong: true });

/** What an engine does of long tests. */
export function effortOf(engine: EngineName, isFull: boolean): Effort {
  return isFull ? full : usual[engine];
}

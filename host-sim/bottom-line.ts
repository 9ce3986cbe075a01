// The bottom line of the terminal: the LEDs, the chosen board, switches, faults, counts, and how long its alerts took.
// Knows views of the bench and a look, not where the line is written to.

import { type Look, paint, Sgr } from "./look.js";
import { FAULTS, type PressView } from "./page/details.js";
import { percentile } from "./page/percentile.js";
import { type BoardView, FASTEST, type Snapshot } from "./page/protocol.js";

/** How many of a board's alerts its percentiles are of: as many as the page shows. */
const TIMES_KEPT = 20;

/** Lamps in a row, at most. */
const LAMPS = 24;

const POWER_WORDS = Object.freeze({ off: "no power", booting: "booting", running: "awake", asleep: "asleep" } as const);

export interface BottomLine {
  /** With colours. */
  readonly text: string;
  /** Characters that are to be seen. */
  readonly length: number;
}

/** Of each board's latest presses: milliseconds from the finger to the subscriber. */
export class ArrivalTimes {
  readonly #times = new Map<number, Map<number, number>>();

  /** Whether this press says something new. */
  hear({ board, number, steps }: PressView): boolean {
    if (steps.arrived === undefined) return false;
    const times = this.#times.get(board) ?? new Map<number, number>();
    times.set(number, steps.arrived);
    for (const old of times.keys()) if (times.size > TIMES_KEPT) times.delete(old);
    this.#times.set(board, times);
    return true;
  }

  forget(board: number): void {
    this.#times.delete(board);
  }

  clear(): void {
    this.#times.clear();
  }

  /** Empty before the first. */
  words(board: number): string {
    const times = [...(this.#times.get(board)?.values() ?? [])];
    const [middle, slow] = [50, 90].map((percent) => percentile(times, percent));
    if (middle === undefined || slow === undefined) return "";
    return `, p50 ${Math.round(middle)} ms, p90 ${Math.round(slow)} ms`;
  }
}

export interface BottomLineOptions {
  readonly snapshot: Pick<Snapshot, "bench" | "boards">;
  /** Number of the board that keys are for. */
  readonly selected: number;
  readonly isChoosingFault: boolean;
  readonly times: ArrivalTimes;
  readonly look: Look;
  /** Characters that there is room for. */
  readonly width: number;
  /** Whether the chosen lamp has to be told from others. */
  readonly hasNames: boolean;
}

/** Cut to the width, so that it never wraps by itself; undefined while there is no board. */
export function bottomLine(options: BottomLineOptions): BottomLine | undefined {
  const { snapshot, selected, isChoosingFault, times, look, width, hasNames } = options;
  const { bench, boards } = snapshot;
  const board = boards.find(({ index }) => index === selected);
  if (board === undefined) return undefined;
  const setup = board.setup === "" ? [] : [`setup open, closes in ${board.setupSeconds} s`];
  const faults = [...bench.faults, ...board.faults];
  const titles = FAULTS.filter(({ name }) => faults.includes(name)).map(({ title }) => title.toUpperCase());
  const rest = [
    ...(isChoosingFault ? ["1 to 9 breaks or mends, 0 mends all"] : []),
    ...(bench.paused ? [`PAUSED at ${(bench.now / 1000).toFixed(3)} s`] : []),
    `${board.chipId} ${POWER_WORDS[board.power]}${board.presence === "" ? "" : `, ${board.presence}`}`,
    ...setup,
    `Wi-Fi ${bench.wifiOn ? "on" : "OFF"}`,
    `broker ${bench.brokerOn ? "on" : "OFF"}`,
    ...titles,
    ...(bench.visiting ? ["VISIT, e: back"] : []),
    ...(bench.speed === 1 ? [] : [bench.speed === FASTEST ? "as fast as it goes" : `${bench.speed} x`]),
    `${board.presses} pressed, ${board.alerts} arrived${times.words(selected)}`,
  ].join("   ");
  const lamps = boards.map((each) => lamp(each, hasNames && each.index === selected, look)).slice(0, LAMPS);
  const lampWidth = look.unicode ? 1 : 3;
  const shown = lamps.slice(0, Math.max(1, Math.floor((width - 2) / (lampWidth + 1))));
  const used = 1 + shown.length * (lampWidth + 1) + 1;
  const text = rest.slice(0, Math.max(0, width - used));
  return { text: ` ${shown.join(" ")}  ${paint(look, Sgr.dim, text)}`, length: used + text.length };
}

function lamp({ led }: BoardView, isChosen: boolean, look: Look): string {
  const sign = look.unicode ? (led ? "●" : "○") : led ? "(*)" : "( )";
  return paint(look, led ? Sgr.blue : isChosen ? Sgr.bold : Sgr.dim, sign);
}

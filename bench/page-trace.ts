// What Chromium's own trace says of a stretch of time on the bench page: how often it drew, what kept its main thread
// busy and for how long, and how long an event of the bench was on its way to the screen. Knows the trace's format
// (Trace Event Format, phases X, I and R), nothing of the page but the marks that it leaves there.

import { percentile } from "../host-sim/page/percentile.js";

/** One event of the trace; times in microseconds. */
export interface TraceEvent {
  readonly name: string;
  readonly cat: string;
  readonly ph: string;
  readonly ts: number;
  readonly dur?: number;
  /** How much of `dur` the thread had a processor; not known for all. */
  readonly tdur?: number;
  readonly pid: number;
  readonly tid: number;
}

/**
 * Marks in the page: the stretch that counts, and each message with the wall clock when it came, ms, less that of the
 * bench when its oldest packet passed.
 */
export const Mark = Object.freeze({ BEGIN: "bench begin", END: "bench end", MESSAGE: "bench message " } as const);

/** What Chromium is asked to write down. */
export const CATEGORIES: readonly string[] = Object.freeze([
  "devtools.timeline",
  "disabled-by-default-devtools.timeline",
  "disabled-by-default-devtools.timeline.frame",
  "blink.user_timing",
]);

/** What the main thread does, by the trace's names; what is not here is other work of the browser. */
const WORK = Object.freeze({
  script:
    /^(FunctionCall|EvaluateScript|RunMicrotasks|FireAnimationFrame|EventDispatch|TimerFire|v8\.|WebSocketReceive)/,
  garbage: /GC|^CppGC/,
  style: /^(UpdateLayoutTree|RecalculateStyles|ScheduleStyleRecalculation)/,
  layout: /^(Layout|InvalidateLayout|HitTest|IntersectionObserver|UpdateLayerTree)/,
  paint: /^(PrePaint|Paint|Layerize|Commit|CompositeLayers|Raster)/,
} as const);

export type Work = keyof typeof WORK | "other";

/** A task of the main thread that works longer than this makes the page feel slow (W3C Long Tasks), ms. */
const LONG_MS = 50;

export interface Stretch {
  readonly seconds: number;
  readonly framesPerSecond: number;
  readonly longestTaskMs: number;
  readonly longTasks: number;
  /** Milliseconds from a packet on the bench to the frame that shows it. */
  readonly paintMs: readonly [p50: number, p95: number];
  /** Shares of the time, 0 to 1, of the main thread. */
  readonly shares: Readonly<Record<Work, number>>;
}

/**
 * Reads what lies between the two marks.
 * @param epochMs the wall clock when the bench's own stood at 0.
 * @throws Error when the trace does not hold the marks.
 */
export function readTrace(events: readonly TraceEvent[], epochMs: number): Stretch {
  const begin = events.find(({ name }) => name === Mark.BEGIN);
  const end = events.find(({ name }) => name === Mark.END);
  if (begin === undefined || end === undefined) throw new Error("the trace does not hold the marks of the page");
  const { pid, tid } = begin;
  const within = events.filter(({ ts }) => ts >= begin.ts && ts <= end.ts);
  const main = within.filter((event) => event.pid === pid && event.tid === tid);
  const seconds = (end.ts - begin.ts) / 1e6;
  const drawn = within.filter(({ name, ...event }) => name === "DrawFrame" && event.pid === pid).map(({ ts }) => ts);
  const tasks = main
    .filter(({ name, ph }) => name === "RunTask" && ph === "X")
    .map((event) => processorTime(event) / 1000);
  const paints = paintTimes(main, drawn, epochMs);
  return {
    seconds,
    framesPerSecond: drawn.length / seconds,
    longestTaskMs: Math.max(0, ...tasks),
    longTasks: tasks.filter((ms) => ms > LONG_MS).length,
    paintMs: [percentile(paints, 50) ?? Number.NaN, percentile(paints, 95) ?? Number.NaN],
    shares: sharesOf(main, seconds * 1e6),
  };
}

/** What the thread itself has worked: on a busy machine others work in between. */
function processorTime({ dur = 0, tdur = dur }: TraceEvent): number {
  return tdur;
}

/**
 * Of each message: from its oldest packet until the first frame that was drawn after the animation frame in which the
 * page told its panels.
 */
function paintTimes(main: readonly TraceEvent[], drawn: readonly number[], epochMs: number): number[] {
  const told = main.filter(({ name }) => name === "FireAnimationFrame").map(({ ts }) => ts);
  const times: number[] = [];
  for (const { name, ts } of main) {
    if (!name.startsWith(Mark.MESSAGE)) continue;
    const frame = told.find((each) => each >= ts);
    const shown = frame === undefined ? undefined : drawn.find((each) => each >= frame);
    const age = Number(name.slice(Mark.MESSAGE.length)) - epochMs;
    // The last ones are drawn after the end.
    if (shown !== undefined) times.push(age + (shown - ts) / 1000);
  }
  return times;
}

/** Each event's own time of the processor, without that of the events inside it, by kind of work. */
function sharesOf(main: readonly TraceEvent[], whole: number): Record<Work, number> {
  const shares: Record<Work, number> = { script: 0, garbage: 0, style: 0, layout: 0, paint: 0, other: 0 };
  const complete = main.filter(({ ph, dur }) => ph === "X" && dur !== undefined);
  complete.sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
  const open: { until: number; work: Work }[] = [];
  for (const event of complete) {
    const { name, ts, dur = 0 } = event;
    const worked = processorTime(event);
    while ((open.at(-1)?.until ?? Number.POSITIVE_INFINITY) <= ts) open.pop();
    const outer = open.at(-1);
    if (outer !== undefined) shares[outer.work] -= worked;
    // Work without a name of its own belongs to what it is part of.
    const work = workOf(name) ?? outer?.work ?? "other";
    shares[work] += worked;
    open.push({ until: ts + dur, work });
  }
  for (const work of Object.keys(shares) as Work[]) shares[work] /= whole;
  return shares;
}

function workOf(name: string): Work | undefined {
  for (const [work, names] of Object.entries(WORK)) if (names.test(name)) return work as Work;
  return undefined;
}

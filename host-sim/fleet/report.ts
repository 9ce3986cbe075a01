// What is said of a fleet: while it runs, and in the end. Figures come in, text goes out.

import { grouped, table } from "../../board/report.js";
import type { FaultKind } from "./order.js";
import type { Comeback, Second, Spread } from "./tally.js";

export interface FleetReport {
  readonly boards: number;
  readonly mode: "mains" | "battery";
  /** Without user and password; "its own" for a broker in this process. */
  readonly broker: string;
  readonly threads: number;
  /** Boards that were there in time, and seconds until the last of them was. */
  readonly complete: number;
  readonly completeSeconds: number;
  /** Seconds of presses, and after them until the last alert was there. */
  readonly seconds: number;
  readonly afterSeconds: number;
  readonly presses: number;
  readonly delivered: number;
  readonly lost: number;
  readonly duplicates: number;
  /** Presses that a full journal refused, as their LEDs said. */
  readonly refused: number;
  /** Presses whose box lost its power before they were stored, and its LED could say so. */
  readonly cutShort: number;
  readonly foreign: number;
  readonly crashes: number;
  /** Boards that were connected before a fault and are not again. */
  readonly away: number;
  /** Finger to subscriber, ms. */
  readonly latency: Spread;
  readonly faults: readonly (Comeback & { readonly kind: FaultKind; readonly from: number; readonly to: number })[];
  /** Bytes of this process for each board, the bundle of the firmware shared; with its own broker's share. */
  readonly memoryPerBoard: number;
  /** Processor time of this process while boards were pressed, per cent of one core for each board. */
  readonly cpuPerBoard: number;
  readonly everySecond: readonly Second[];
}

/** Whether the fleet kept the promise. */
export function isWell(report: FleetReport): boolean {
  const { complete, boards, lost, duplicates, crashes, away } = report;
  return complete === boards && lost === 0 && duplicates === 0 && crashes === 0 && away === 0;
}

function ms(value: number | null): string {
  return value === null ? "–" : `${grouped(value)} ms`;
}

/** The report for people. */
export function reportText(report: FleetReport): string {
  const { boards, mode, broker, threads, latency } = report;
  const parts = [
    `${grouped(boards)} ${mode} boxes on ${threads} ${threads === 1 ? "thread" : "threads"}, broker ${broker}\n\n`,
    table([
      [`boxes there after ${report.completeSeconds} s`, grouped(report.complete)],
      [`presses in ${report.seconds} s`, grouped(report.presses)],
      [`delivered, the last ${report.afterSeconds} s after the last press`, grouped(report.delivered)],
      ["lost", grouped(report.lost)],
      ["twice", grouped(report.duplicates)],
      ...(report.refused > 0 ? [["refused by a full journal, as the LED said", grouped(report.refused)]] : []),
      ...(report.cutShort > 0 ? [["cut short: no power before they were stored", grouped(report.cutShort)]] : []),
      ...(report.foreign > 0 ? [["arrived of an earlier run", grouped(report.foreign)]] : []),
      ...(report.crashes > 0 ? [["crashes", grouped(report.crashes)]] : []),
    ]),
    "\n",
    table([
      ["finger to subscriber", "p50", "p90", "p99", "longest"],
      ["", ms(latency.p50), ms(latency.p90), ms(latency.p99), ms(latency.most)],
    ]),
  ];
  for (const { kind, from, to, before, attempts, connected, peak } of report.faults) {
    parts.push(
      `\n${kind}, ${from} to ${to} s: ${grouped(before)} boxes were connected; from when it was over\n`,
      table([
        ["", "boxes", "p50", "p90", "p99", "last"],
        [
          "tried again",
          grouped(attempts.count),
          ms(attempts.p50),
          ms(attempts.p90),
          ms(attempts.p99),
          ms(attempts.most),
        ],
        [
          "connected",
          grouped(connected.count),
          ms(connected.p50),
          ms(connected.p90),
          ms(connected.p99),
          ms(connected.most),
        ],
      ]),
      `  busiest second: ${grouped(peak)} attempts\n`,
    );
  }
  parts.push(
    `\n  ${grouped(Math.round(report.memoryPerBoard / 1024))} KB of memory and ` +
      `${report.cpuPerBoard.toFixed(3)} % of a core for each box, in this process\n\n`,
    isWell(report) ? "✓ every press arrived, each once\n" : `✗ ${fault(report)}\n`,
  );
  return parts.join("");
}

function fault({ boards, complete, lost, duplicates, crashes, away }: FleetReport): string {
  const faults = [
    ...(complete < boards ? [`${counted(boards - complete, "box was", "boxes were")} not there in time`] : []),
    ...(lost > 0 ? [`${counted(lost, "press", "presses")} did not arrive`] : []),
    ...(duplicates > 0 ? [`${counted(duplicates, "alert", "alerts")} came twice`] : []),
    ...(crashes > 0 ? [counted(crashes, "crash", "crashes")] : []),
    ...(away > 0 ? [`${counted(away, "box", "boxes")} did not come back`] : []),
  ];
  return faults.join(", ");
}

function counted(count: number, one: string, more: string): string {
  return `${grouped(count)} ${count === 1 ? one : more}`;
}

/** One line while it runs. */
export function progressLine(
  seconds: number,
  of: number,
  now: Omit<Second, "connecting"> & { boards: number },
): string {
  const { boards, online, pressed, arrived } = now;
  return (
    `${String(Math.round(seconds)).padStart(4)} of ${of} s   ${grouped(online)} of ${grouped(boards)} connected   ` +
    `${grouped(pressed)} pressed   ${grouped(arrived)} arrived`
  );
}

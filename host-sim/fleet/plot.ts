// The plot of a fleet: boxes connected, connections tried and presses on their way, second by second, as SVG without a
// script. Light and dark, as whoever looks at it has it.

import { grouped } from "../../board/report.js";
import type { FleetReport } from "./report.js";

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 16;
const PANEL = 120;
const GAP = 48;
const TOP = 84;

const STYLE = `text{font:13px system-ui,sans-serif;fill:#333}.title{font-size:17px;font-weight:600}
.axis{stroke:#999}.fault{fill:#d33;opacity:.14}.bar{fill:#2a6db0}.line{fill:none;stroke:#2a6db0;stroke-width:2}
.second{fill:none;stroke:#c60;stroke-width:2}svg{background:#fff}
@media(prefers-color-scheme:dark){svg{background:#15191e}text{fill:#ddd}.axis{stroke:#777}.bar{fill:#6ab0f3}
.line{stroke:#6ab0f3}.second{stroke:#ffa94d}}`;

/** @returns the SVG's text. */
export function plot(report: FleetReport): string {
  const { everySecond, boards, mode, faults } = report;
  const count = Math.max(1, everySecond.length);
  const x = (second: number) => LEFT + ((WIDTH - LEFT - RIGHT) * second) / count;
  let pressed = 0;
  let arrived = 0;
  const waiting = everySecond.map((second) => {
    pressed += second.pressed;
    arrived += second.arrived;
    return pressed - arrived;
  });
  const panels = [
    panel(
      0,
      "boxes connected",
      everySecond.map(({ online }) => online),
      "line",
      x,
    ),
    panel(
      1,
      "connections tried in a second",
      everySecond.map(({ connecting }) => connecting),
      "bar",
      x,
    ),
    panel(2, "presses on their way", waiting, "second", x),
  ];
  const height = TOP + 3 * (PANEL + GAP);
  const shades = faults.map(({ kind, from, to }) => {
    const [left, right] = [x(from), x(Math.min(count, Math.max(to, from + 1)))];
    return (
      `<rect class="fault" x="${left.toFixed(1)}" y="${TOP}" width="${(right - left).toFixed(1)}" ` +
      `height="${height - TOP - GAP}"/><text x="${left.toFixed(1)}" y="${TOP - 26}">${kind}</text>`
    );
  });
  const seconds = [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const second = Math.round(share * count);
    return `<text x="${x(second).toFixed(1)}" y="${height - GAP + 20}" text-anchor="middle">${second} s</text>`;
  });
  const title = `${grouped(boards)} ${mode} boxes: ${grouped(report.presses)} presses, ${grouped(report.lost)} lost`;
  return (
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${title}">` +
    `<style>${STYLE}</style><text class="title" x="${LEFT}" y="26">${title}</text>` +
    `${shades.join("")}${panels.join("")}${seconds.join("")}</svg>\n`
  );
}

function panel(
  index: number,
  title: string,
  values: readonly number[],
  kind: "line" | "bar" | "second",
  x: (second: number) => number,
): string {
  const top = TOP + index * (PANEL + GAP);
  const bottom = top + PANEL;
  const most = Math.max(1, ...values);
  const y = (value: number) => (bottom - (PANEL * value) / most).toFixed(1);
  const drawn =
    kind === "bar"
      ? values
          .map((value, second) => {
            const width = Math.max(1, x(1) - x(0) - 1).toFixed(1);
            const height = ((PANEL * value) / most).toFixed(1);
            return value === 0
              ? ""
              : `<rect class="bar" x="${x(second).toFixed(1)}" y="${y(value)}" width="${width}" height="${height}"/>`;
          })
          .join("")
      : `<polyline class="${kind}" points="${values
          .map((value, second) => `${x(second + 0.5).toFixed(1)},${y(value)}`)
          .join(" ")}"/>`;
  return (
    `<text x="${LEFT}" y="${top - 8}">${title}</text>` +
    `<line class="axis" x1="${LEFT}" y1="${bottom}" x2="${WIDTH - RIGHT}" y2="${bottom}"/>` +
    `<text x="${LEFT - 8}" y="${top + 5}" text-anchor="end">${grouped(most)}</text>` +
    `<text x="${LEFT - 8}" y="${bottom}" text-anchor="end">0</text>${drawn}`
  );
}

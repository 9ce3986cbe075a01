// Another client in the same world: MQTT.js as the yardstick on Node, as a button box that somebody wrote with it, on
// the same boards, under the same presses and faults as the campaign's mains boxes. What was lost and what came twice,
// side by side, so that a reader sees what the difference is.
//
//   npm run peers                       300 seeds
//   npm run peers -- --seeds 1..3000    more of them
//   npm run peers -- --markdown         for the README
//
// Exit status: 0 measured, 1 our own box lost or doubled an alert, 2 a mistake on the command line.

import "../../host-sim/globals.js";
import { createRequire } from "node:module";
import { type Context, Failure, grouped, readOptions, Status, start, table } from "../../board/report.js";
import { disorder, duplicates, lostAlerts, violations } from "../../host-sim/campaign/judge.js";
import { drawPlan, type Plan } from "../../host-sim/campaign/plan.js";
import { runPlan } from "../../host-sim/campaign/run.js";
import type { Host } from "../../host-sim/host.js";
import type { Image } from "../../host-sim/image.js";
import { PeerImage } from "./peer-image.js";

const OPTIONS = Object.freeze({
  seeds: { type: "string" },
  markdown: { type: "boolean" },
  json: { type: "boolean" },
} as const);

/** What survives a loss of power: here everything, at once. */
interface Disk {
  pushes: number;
  readonly packets: Map<number, unknown>;
}

export interface Peer {
  readonly name: string;
  /** Undefined: our own firmware. */
  imageFor(plan: Plan): Image | undefined;
}

/** What came of all runs. */
export interface Score {
  readonly name: string;
  presses: number;
  /** Presses that the box said it had stored. */
  taken: number;
  lost: number;
  twice: number;
  disordered: number;
  violations: number;
  /** Runs after which it did not come to rest although nothing was wrong any more. */
  stuck: number;
}

export function peers(): Peer[] {
  let plan: Plan;
  const disks = new WeakMap<object, Disk>();
  const mqttJs = (isPersistent: boolean): Image =>
    new PeerImage("mqttjs-box.js", (host: Host) => {
      const { board } = host;
      const disk = disks.get(board) ?? { pushes: 0, packets: new Map() };
      disks.set(board, disk);
      return {
        disk,
        isPersistent,
        settings: {
          ...{ ssid: "home", password: "correct horse", host: "10.0.0.2", port: 1883, button: 0 },
          ...{ chipId: board.chipId, clientId: `alertbox${board.chipId}`, root: `mresetar/alertbox/${board.chipId}` },
          keepAliveSeconds: plan.keepAliveSeconds,
        },
      };
    });
  const images = [mqttJs(false), mqttJs(true)];
  const of = (index: number) => (next: Plan) => {
    plan = next;
    return images[index];
  };
  return [
    { name: "alertbox", imageFor: () => undefined },
    { name: "MQTT.js, store in memory", imageFor: of(0) },
    { name: "MQTT.js, store on a perfect disk", imageFor: of(1) },
  ];
}

/** The plan of a seed for a mains box with nothing stored: what a peer can take part in. */
export function planFor(seed: number): Plan {
  return {
    ...drawPlan(seed, { presses: 5 }),
    ...{ wiring: "gpio", double: false, spent: 0, stored: 0, full: "reject" },
    // The others know no conventions.
    ...{ convention: "home-assistant", changes: [] },
  };
}

export function score(peer: Peer, seeds: Iterable<number>): Score {
  const sum: Score = {
    ...{ name: peer.name, presses: 0, taken: 0, lost: 0, twice: 0, disordered: 0, violations: 0, stuck: 0 },
  };
  for (const seed of seeds) {
    const plan = planFor(seed);
    const run = runPlan(plan, { image: peer.imageFor(plan) });
    sum.presses += run.causes;
    sum.taken += run.notes.filter(({ what, text }) => what === "step" && text.startsWith("stored ")).length;
    sum.lost += lostAlerts(run).length;
    sum.twice += duplicates(run).length;
    sum.disordered += disorder(run).length;
    sum.violations += violations(run).length;
    sum.stuck += run.settled ? 0 : 1;
    run.world.close();
  }
  return sum;
}

function* range(text: string): Generator<number> {
  const found = /^(\d{1,9})\.\.(\d{1,9})$/.exec(text);
  const [from, to] = [Number(found?.[1]), Number(found?.[2])];
  if (!(from <= to)) throw new Failure(`--seeds is a range such as 1..300, not ${JSON.stringify(text)}`, Status.USAGE);
  for (let seed = from; seed <= to; seed++) yield seed;
}

export async function measurePeers(context: Context): Promise<number> {
  const { seeds = "1..300", markdown, json } = readOptions(context.args, OPTIONS);
  const scores = peers().map((peer) => {
    context.err(`  ${peer.name}, seeds ${seeds} …\n`);
    return score(peer, range(seeds));
  });
  if (json === true) {
    context.out(`${JSON.stringify(scores)}\n`);
  } else {
    const { version } = createRequire(import.meta.url)("mqtt/package.json") as { version: string };
    const head = ["", "presses", "stored", "lost", "twice", "out of order", "violations", "never at rest"];
    const rows = scores.map((each) => [
      each.name.replace("MQTT.js", `MQTT.js ${version}`),
      ...[each.presses, each.taken, each.lost, each.twice, each.disordered, each.violations, each.stuck].map(grouped),
    ]);
    const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |\n`;
    const rule = head.map((_, index) => (index === 0 ? "---" : "---:"));
    context.out(markdown === true ? [head, rule, ...rows].map(line).join("") : table([head, ...rows]));
  }
  const [ours] = scores;
  return ours !== undefined && ours.lost + ours.twice === 0 ? Status.OK : Status.FAILED;
}

start(import.meta.url, measurePeers);

// What a fleet is to do: the command line read and judged. Knows what can go wrong in a house full of boxes by name and
// time; how it is done is worker.ts's and fleet.ts's.

import { availableParallelism } from "node:os";
import { Failure, readOptions, Status, wholeNumber } from "../../board/report.js";
import { type BrokerAddress, brokerAddress, OptionLimits } from "../options.js";

const OPTIONS = Object.freeze({
  boards: { type: "string" },
  rate: { type: "string" },
  broker: { type: "string" },
  mode: { type: "string" },
  duration: { type: "string" },
  faults: { type: "string" },
  "restart-command": { type: "string" },
  ramp: { type: "string" },
  patience: { type: "string" },
  root: { type: "string" },
  seed: { type: "string" },
  threads: { type: "string" },
  json: { type: "string" },
  svg: { type: "string" },
  help: { type: "boolean" },
} as const);

/** What can happen to a whole fleet, and what it does. */
export const FAULTS = Object.freeze({
  "broker-restart": "the broker goes away and comes back two seconds later, with its sessions",
  "broker-down": "the broker is away from … to …",
  "no-wifi": "every access point is off from … to …",
  outage: "every board is without power from … to …, and all of them start at once",
} as const);
export type FaultKind = keyof typeof FAULTS;

/** Seconds that a broker is away for a restart, and that other faults last when no end is given. */
const RESTART_SECONDS = 2;
const FAULT_SECONDS = 10;

export const FleetLimits = Object.freeze({ BOARDS: 20_000, SECONDS: 86_400, THREADS: 64 } as const);

export interface FleetFault {
  readonly kind: FaultKind;
  /** Seconds after the fleet is complete. */
  readonly from: number;
  readonly to: number;
}

export interface FleetOrder {
  readonly boards: number;
  /** Presses a second, over all boards. */
  readonly rate: number;
  /** Undefined: a broker of the fleet's own. */
  readonly broker: BrokerAddress | undefined;
  readonly mode: "mains" | "battery";
  /** Seconds of presses, once all boards are there. */
  readonly duration: number;
  readonly faults: readonly FleetFault[];
  readonly restartCommand: string | undefined;
  /** Boards that get power in a second, until all have it. */
  readonly ramp: number;
  /** Seconds that boards may take to be there, and alerts to arrive after the last press. */
  readonly patience: number;
  /** The topic root without the chip id. */
  readonly root: string;
  readonly seed: number;
  readonly threads: number;
  readonly json: string | undefined;
  readonly svg: string | undefined;
}

export const HELP = `npm run fleet -- [options]
Many virtual boxes, each the real firmware, against a real broker, on all cores.
  --boards N       how many, 1 to ${FleetLimits.BOARDS} (default 100)
  --rate R/s       presses in a second over all of them, or R/min, R/h (default 1/s)
  --broker URL     mqtt://[user[:password]@]host[:port]; without it, one of its own in this process
  --mode MODE      mains (default) or battery
  --duration S     seconds of presses once all boxes are there (default 60)
  --faults LIST    what happens meanwhile, NAME@FROM or NAME@FROM..TO in seconds, with commas between
  --restart-command CMD
                   how a broker of yours is restarted, for broker-restart: 'systemctl restart mosquitto'
  --ramp N         boxes that get power in a second at the beginning (default 50)
  --patience S     how long boxes may take to be there, and at the end alerts to arrive and boxes to come back
                   (default 120)
  --root TOPIC     topic root before the chip ids (default mresetar/alertbox)
  --seed N         which box is pressed when (default 1)
  --threads N      threads (default: one for each core)
  --json FILE      the report for scripts; - is stdout, and nothing else goes there then
  --svg FILE       a plot of boxes online, connections made and presses delivered over time
Faults:
${Object.entries(FAULTS)
  .map(([name, what]) => `  ${name.padEnd(16)} ${what}`)
  .join("\n")}
A broker restarts under 1,000 connected boxes, and comes back to them spread by backoff and jitter:
  npm run fleet -- --boards 1000 --rate 5/s --faults broker-restart@30
Exit status: 0 all presses arrived, each once, and all boxes came back; 1 not so, or it could not be done; 2 wrong
options.
`;

function usage(text: string): never {
  throw new Failure(text, Status.USAGE);
}

/** Presses a second. */
function rateOf(text: string): number {
  const [, amount, unit = "s"] = /^(\d{1,6}(?:\.\d{1,3})?)(?:\/(s|min|h))?$/.exec(text) ?? [];
  const rate = Number(amount) / { s: 1, min: 60, h: 3600 }[unit as "s" | "min" | "h"];
  if (rate > 0 && rate <= 10_000) return rate;
  return usage(`--rate is presses over a time, such as 5/s, 30/min or 100/h, not ${JSON.stringify(text)}`);
}

function faultOf(text: string, duration: number, isOwn: boolean, hasCommand: boolean): FleetFault {
  const [, name = "", first, last] = /^([a-z-]+)@(\d{1,5})(?:\.\.(\d{1,5}))?$/.exec(text) ?? [];
  if (!Object.hasOwn(FAULTS, name)) {
    const names = Object.keys(FAULTS).join(", ");
    return usage(`--faults: ${JSON.stringify(text)} is none; it is NAME@FROM or NAME@FROM..TO with one of ${names}`);
  }
  const kind = name as FaultKind;
  const from = Number(first);
  const lasts = kind === "broker-restart" ? RESTART_SECONDS : FAULT_SECONDS;
  const to = last === undefined ? from + lasts : Number(last);
  if (kind === "broker-restart" && last !== undefined) usage("--faults: broker-restart has no end; give only when");
  if (to <= from) usage(`--faults: ${text} ends before it begins`);
  if (from >= duration) usage(`--faults: ${text} begins after the presses, which end after ${duration} s`);
  if (kind === "broker-down" && !isOwn)
    usage("--faults: broker-down is for a broker of the fleet's own: leave out --broker");
  if (kind === "broker-restart" && !isOwn && !hasCommand) {
    usage(
      "--faults: broker-restart of a broker of yours needs --restart-command 'systemctl restart mosquitto' or the like",
    );
  }
  return { kind, from, to };
}

/**
 * The order; undefined when help was asked for.
 * @throws Failure with status 2 and a sentence that says what to give instead.
 */
export function fleetOrder(args: readonly string[]): FleetOrder | undefined {
  const given = readOptions(args, OPTIONS);
  if (given.help === true) return undefined;
  const whole = (name: keyof typeof OPTIONS, usual: number, low: number, high: number) =>
    wholeNumber(name, (given[name] as string | undefined) ?? String(usual), low, high);
  const boards = whole("boards", 100, 1, FleetLimits.BOARDS);
  const duration = whole("duration", 60, 1, FleetLimits.SECONDS);
  const mode = given.mode ?? "mains";
  if (mode !== "mains" && mode !== "battery") usage(`--mode is mains or battery, not ${JSON.stringify(mode)}`);
  const root = given.root ?? "mresetar/alertbox";
  if (
    root === "" ||
    /[+#\0]/.test(root) ||
    root.endsWith("/") ||
    Buffer.byteLength(root) > OptionLimits.ROOT_BYTES - 9
  ) {
    usage(`--root is a topic of at most ${OptionLimits.ROOT_BYTES - 9} bytes without + and #, and does not end in /`);
  }
  const broker = given.broker === undefined ? undefined : addressOf(given.broker);
  const command = given["restart-command"];
  const faults = (given.faults ?? "").split(",").filter((text) => text !== "");
  return {
    boards,
    rate: rateOf(given.rate ?? "1/s"),
    broker,
    mode,
    duration,
    faults: faults.map((text) => faultOf(text, duration, broker === undefined, command !== undefined)),
    restartCommand: command,
    ramp: whole("ramp", 50, 1, FleetLimits.BOARDS),
    patience: whole("patience", 120, 1, FleetLimits.SECONDS),
    root,
    seed: whole("seed", 1, 0, 999_999_999),
    threads: Math.min(boards, whole("threads", availableParallelism(), 1, FleetLimits.THREADS)),
    json: given.json,
    svg: given.svg,
  };
}

function addressOf(text: string): BrokerAddress {
  try {
    return brokerAddress(text);
  } catch (error) {
    return usage((error as Error).message);
  }
}

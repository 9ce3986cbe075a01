// The faults of the campaign: each one sentence on what it is, how it begins in a world and how it ends. Whatever a
// fault leaves behind is put right by `heal` when the run's faults are over. Knows a world and its first board; what
// has to come of the alerts nevertheless is judge.ts's.

import type { Answer } from "../answer-gate.js";
import { ResetReason } from "../board-event.js";
import type { Direction } from "../network.js";
import type { Cut } from "../virtual-network.js";
import type { World } from "../world.js";

export interface FaultKindOf {
  /** One sentence for people. */
  readonly what: string;
  /** Whether it lasts; otherwise it is a moment, or lasts until it strikes. */
  readonly lasts: boolean;
  /** Largest value; what a value means is in `what`. */
  readonly most: number;
  /** How often it is drawn; 1 unless given. */
  readonly weight?: number;
  begin(stage: FaultStage, value: number, forMs: number): void;
  end?(stage: FaultStage, value: number): void;
}

/** What the faults act upon. */
export interface FaultStage {
  readonly world: World;
  /** Armed cuts, to be taken back when the faults are over. */
  readonly cuts: Cut[];
  /** Power comes back after so many milliseconds. */
  powerAgain(afterMs: number): void;
  /** The plan's latency, one way, ms. */
  readonly latencyMs: number;
}

const password = "correct horse";
const dhcpMs = 780;
const bootPauseMs = 50;

function answerLost(name: Answer): FaultKindOf {
  return {
    what: `the broker's next ${name.toUpperCase()} never leaves (value + 1 of them)`,
    lasts: false,
    most: 2,
    begin: ({ world }, value) => world.broker.lose(name, value + 1),
  };
}

function answerHeld(name: Answer): FaultKindOf {
  return {
    what: `the broker keeps each ${name.toUpperCase()} back for a while`,
    lasts: true,
    most: 0,
    begin: ({ world }) => world.broker.hold(name),
    end: ({ world }) => world.broker.release(name),
  };
}

function cutByte(direction: Direction, action: "power" | "tcp" | "silence"): FaultKindOf {
  const way = direction === "up" ? "from" : "to";
  const then = { power: "power fails", tcp: "the connection is reset", silence: "the connection falls silent" }[action];
  return {
    what: `${then} before a byte ${way} the box (value)`,
    lasts: false,
    most: 300,
    weight: 2,
    begin: (stage, value) => {
      const { world } = stage;
      const strike = (): void => {
        if (action === "tcp") world.network.dropConnections();
        else if (action === "silence") world.network.halfOpen();
        else if (world.board.state !== "off") {
          world.board.cutPower();
          stage.powerAgain(bootPauseMs + 10 * value);
        }
      };
      stage.cuts.push(world.network.cutAt({ direction, byte: value }, strike));
    },
  };
}

function held(direction: Direction): FaultKindOf {
  return {
    what: `every packet ${direction === "up" ? "from" : "to"} the box is delayed until the fault is over`,
    lasts: true,
    most: 0,
    begin: ({ world }) => world.network.hold(direction),
    end: ({ world }) => world.network.release(direction),
  };
}

/** By name, as `--faults` takes them. */
export const FAULTS = Object.freeze({
  "power-cut": {
    what: "power fails, and comes back later",
    lasts: true,
    most: 0,
    begin: (stage, _value, forMs) => {
      stage.world.board.cutPower();
      stage.powerAgain(bootPauseMs + forMs);
    },
  },
  "power-cut-in-flash": {
    what: "power fails in the middle of one of the next flash writes or erases (value: which one and at which byte)",
    lasts: false,
    most: 127,
    weight: 5,
    begin: ({ world }, value) => {
      const { flash } = world.board;
      flash.cutAt = { operation: flash.operations + 1 + (value % 8), byte: Math.floor(value / 8) };
    },
  },
  "power-cut-in-save": {
    what: "a command changes the settings, and power fails in the middle of a flash write (value: which, at which byte)",
    lasts: false,
    most: 255,
    weight: 2,
    begin: ({ world }, value) => {
      const { flash, chipId } = world.board;
      const [name, text] = COMMANDS[3];
      world.broker.publish(`mresetar/alertbox/${chipId}/cmd/${name}`, text, { qos: 1, retain: true });
      flash.cutAt = { operation: flash.operations + 1 + (value % 16), byte: Math.floor(value / 16) };
    },
  },
  "power-cut-up": cutByte("up", "power"),
  "power-cut-down": cutByte("down", "power"),
  reset: {
    what: "a pulse on RST",
    lasts: false,
    most: 0,
    begin: ({ world }) => world.board.reset(),
  },
  watchdog: {
    what: "a watchdog bites, or the processor meets an exception (value)",
    lasts: false,
    most: 2,
    begin: ({ world }, value) => {
      const reasons = [ResetReason.hardwareWatchdog, ResetReason.exception, ResetReason.softwareWatchdog] as const;
      world.board.fault(reasons[value] ?? ResetReason.softwareWatchdog);
    },
  },
  "wifi-down": {
    what: "the access point is switched off",
    lasts: true,
    most: 0,
    begin: ({ world }) => world.wifi.down(),
    end: ({ world }) => world.wifi.up(),
  },
  deauthenticated: {
    what: "the access point throws its stations out",
    lasts: false,
    most: 0,
    begin: ({ world }) => world.wifi.deauthenticate(),
  },
  channel: {
    what: "the access point restarts on another channel (value + 1)",
    lasts: true,
    most: 12,
    begin: ({ world }, value) => {
      world.wifi.down();
      world.wifi.channel = 1 + value;
    },
    end: ({ world }) => world.wifi.up(),
  },
  "wrong-key": {
    what: "the access point has another password for a while",
    lasts: true,
    most: 0,
    begin: ({ world }) => {
      world.wifi.password = "another one";
    },
    end: ({ world }) => {
      world.wifi.password = password;
    },
  },
  dhcp: {
    what: "the router takes long to give an address (value: tenths of a second; from 150 on: never)",
    lasts: true,
    most: 200,
    weight: 2,
    begin: ({ world }, value) => {
      world.wifi.dhcpMs = value >= 150 ? Number.POSITIVE_INFINITY : 100 * value;
    },
    end: ({ world }) => {
      world.wifi.dhcpMs = dhcpMs;
    },
  },
  lease: {
    what: "the router forgets its leases and gives the box another address",
    lasts: false,
    most: 3,
    begin: ({ world }, value) => world.wifi.forgetLeases(value),
  },
  "broker-restart": {
    what: "the broker stops, and comes back with its sessions",
    lasts: true,
    most: 0,
    begin: ({ world }) => world.broker.stop(),
    end: ({ world }) => world.broker.start(),
  },
  "broker-forgets": {
    what: "the broker stops, and comes back without its sessions and retained messages",
    lasts: true,
    most: 0,
    begin: ({ world }) => world.broker.stop(),
    end: ({ world }) => world.broker.restart({ keepSessions: false }),
  },
  "broker-gone": {
    what: "packets to and from the broker are lost, without an answer",
    lasts: true,
    most: 0,
    begin: ({ world }) => world.network.blackHole(world.broker.address),
    end: ({ world }) => world.network.blackHole(world.broker.address, false),
  },
  refused: {
    what: "CONNACK refuses (value + 1: the code)",
    lasts: true,
    most: 4,
    begin: ({ world }, value) => world.broker.refuse(value + 1),
    end: ({ world }) => world.broker.refuse(0),
  },
  "no-pipelining": {
    what: "the broker closes on packets before CONNACK",
    lasts: true,
    most: 0,
    begin: ({ world }) => {
      world.broker.closeOnPipelining = true;
    },
    end: ({ world }) => {
      world.broker.closeOnPipelining = false;
    },
  },
  "tcp-reset": {
    what: "all connections are reset",
    lasts: false,
    most: 0,
    begin: ({ world }) => world.network.dropConnections(),
  },
  "tcp-reset-up": cutByte("up", "tcp"),
  "tcp-reset-down": cutByte("down", "tcp"),
  "half-open": {
    what: "all connections fall silent for ever, and neither end is told",
    lasts: false,
    most: 0,
    begin: ({ world }) => world.network.halfOpen(),
  },
  "half-open-up": cutByte("up", "silence"),
  "half-open-down": cutByte("down", "silence"),
  "held-up": held("up"),
  "held-down": held("down"),
  latency: {
    what: "every packet takes long (value: ms one way)",
    lasts: true,
    most: 3000,
    begin: ({ world }, value) => {
      world.network.latencyMs = 1 + value;
    },
    end: ({ world, latencyMs }) => {
      world.network.latencyMs = latencyMs;
    },
  },
  loss: {
    what: "packets get lost by chance (value: so many in a hundred)",
    lasts: true,
    most: 60,
    begin: ({ world }, value) => {
      world.network.lossRate = value / 100;
    },
    end: ({ world }) => {
      world.network.lossRate = 0;
    },
  },
  fragments: {
    what: "TCP delivers in small pieces (value + 1: bytes)",
    lasts: true,
    most: 20,
    begin: ({ world }, value) => world.network.fragment(value + 1),
    end: ({ world }) => world.network.fragment(undefined),
  },
  "lost-connack": answerLost("connack"),
  "lost-pubrec": answerLost("pubrec"),
  "lost-pubcomp": answerLost("pubcomp"),
  "lost-puback": answerLost("puback"),
  "lost-suback": answerLost("suback"),
  "lost-pingresp": answerLost("pingresp"),
  "late-connack": answerHeld("connack"),
  "late-pubrec": answerHeld("pubrec"),
  "late-pubcomp": answerHeld("pubcomp"),
  "worn-sector": {
    what: "a sector of the journal wears out for good (value)",
    lasts: false,
    most: 1,
    begin: ({ world }, value) => {
      world.board.flash.wornSector = value;
    },
  },
  "low-battery": {
    what: "the supply is low for a while",
    lasts: true,
    most: 0,
    begin: ({ world }) => {
      world.board.millivolts = 2500;
    },
    end: ({ world }) => {
      world.board.millivolts = 3300;
    },
  },
  command: {
    what: "somebody sends a retained command (value: which)",
    lasts: false,
    most: 5,
    begin: ({ world }, value) => {
      const root = `mresetar/alertbox/${world.board.chipId}`;
      const [name, text] = COMMANDS[value] ?? COMMANDS[0];
      world.broker.publish(`${root}/cmd/${name}`, text, { qos: 1, retain: true });
    },
  },
} satisfies Record<string, FaultKindOf>) as Readonly<Record<FaultKind, FaultKindOf>>;

const COMMANDS = [
  ["led", "ON"],
  ["led", "OFF"],
  ["stay", "30"],
  ["config", '{"keepAliveSeconds":45}'],
  ["config", '{"host":"10.0.0.99"}'],
  ["config", "{"],
] as const;

export type FaultKind =
  | "power-cut"
  | "power-cut-in-flash"
  | "power-cut-in-save"
  | `power-cut-${Direction}`
  | "reset"
  | "watchdog"
  | "wifi-down"
  | "deauthenticated"
  | "channel"
  | "wrong-key"
  | "dhcp"
  | "lease"
  | "broker-restart"
  | "broker-forgets"
  | "broker-gone"
  | "refused"
  | "no-pipelining"
  | "tcp-reset"
  | `tcp-reset-${Direction}`
  | "half-open"
  | `half-open-${Direction}`
  | `held-${Direction}`
  | "latency"
  | "loss"
  | "fragments"
  | "lost-connack"
  | "lost-pubrec"
  | "lost-pubcomp"
  | "lost-puback"
  | "lost-suback"
  | "lost-pingresp"
  | "late-connack"
  | "late-pubrec"
  | "late-pubcomp"
  | "worn-sector"
  | "low-battery"
  | "command";

/** Puts everything right: the world is at home again, the box has power. */
export function heal(stage: FaultStage): void {
  const { world, latencyMs } = stage;
  const { broker, network, wifi } = world;
  for (const cut of stage.cuts.splice(0)) cut.cancel();
  world.board.flash.cutAt = undefined;
  world.board.millivolts = 3300;
  wifi.up();
  wifi.password = password;
  wifi.dhcpMs = dhcpMs;
  network.latencyMs = latencyMs;
  network.lossRate = 0;
  network.fragment(undefined);
  network.blackHole(broker.address, false);
  network.release("up");
  network.release("down");
  broker.closeOnPipelining = false;
  broker.refuse(0);
  broker.start();
  broker.release();
  broker.loseNoMore();
  if (world.board.state === "off") world.board.powerOn();
}

// The world of a bench as people use it: real time, perhaps faster, the sockets of this computer, and a broker of the
// bench's own or somebody else's. Only the radio is simulated. Knows no board.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { EmbeddedBroker } from "./aedes.js";
import type { BenchWorld, Submit } from "./bench-world.js";
import type { Board } from "./board.js";
import type { BrokerLine } from "./broker-line.js";
import { RealClock } from "./clock.js";
import { HOME, NEIGHBOURS } from "./home.js";
import { MqttLine } from "./mqtt-line.js";
import { RealNetwork } from "./network.js";
import { type BrokerAddress, OptionLimits, type Options, watchLine } from "./options.js";
import { AccessPoint, Airspace } from "./radio.js";
import { Random } from "./random.js";
import { WireFaults } from "./wire-faults.js";
import { Witness } from "./witness.js";

/** The port of the setup page on a board, and where the first board's appears, unless another port is asked for. */
const SETUP_PORT = 80;
export const FIRST_SETUP_PORT = 8166;

/** How long the box may take to answer a form, real ms: it judges it at once, and tries it later. */
const FORM_MS = 10_000;

function urlOf(broker: BrokerAddress): string {
  const host = broker.host.includes(":") ? `[${broker.host}]` : broker.host;
  const password = broker.password === "" ? "" : `:${encodeURIComponent(broker.password)}`;
  const user = broker.user === "" ? "" : `${encodeURIComponent(broker.user)}${password}@`;
  return `mqtt://${user}${host}:${broker.port}`;
}

/** Throws the system's error when this port of 127.0.0.1 cannot be had: better now than when a setup opens. */
async function requireFree(port: number): Promise<void> {
  const server = createServer().listen({ host: "127.0.0.1", port, exclusive: true });
  await once(server, "listening");
  server.close();
  await once(server, "close");
}

export class RealWorld implements BenchWorld {
  readonly kind = "real";
  readonly seed = undefined;
  readonly random = new Random(randomInt(2 ** 32));
  readonly clock: RealClock;
  readonly startedAt = Date.now();
  readonly network: RealNetwork;
  readonly accessPoint = new AccessPoint(HOME);
  readonly airspace = new Airspace(this.accessPoint, ...NEIGHBOURS);
  readonly wire = new WireFaults();
  readonly broker: BrokerAddress;
  readonly ownBroker: EmbeddedBroker | undefined;

  private constructor(options: Options, embedded: EmbeddedBroker | undefined) {
    this.ownBroker = embedded;
    this.broker = options.broker ?? { host: "127.0.0.1", port: embedded?.port ?? 1883, user: "", password: "" };
    this.clock = new RealClock(options.speed ?? 1);
    const setupPort = options.setupPort ?? FIRST_SETUP_PORT;
    this.network = new RealNetwork({
      localPort: ({ chipId }, port) => {
        const local = setupPort + chipId - options.chip;
        return port !== SETUP_PORT || setupPort === 0 || local > OptionLimits.PORT ? 0 : local;
      },
      nextFree: options.setupPort === undefined,
      faults: this.wire,
    });
  }

  /** @throws Error with `code` "EADDRINUSE" when a port asked for is taken. */
  static async open(options: Options): Promise<RealWorld> {
    for (let board = 0; board < options.boards; board++) {
      if (options.setupPort) await requireFree(options.setupPort + board);
    }
    if (options.broker !== undefined) return new RealWorld(options, undefined);
    const port = options.port ?? 1883;
    return new RealWorld(options, await EmbeddedBroker.open({ port, nextFree: options.port === undefined }));
  }

  watchLine(filter: string): string {
    return watchLine(this.broker, filter);
  }

  witness(root: string): Witness {
    return new Witness(urlOf(this.broker), root);
  }

  brokerLine(): BrokerLine {
    return new MqttLine(urlOf(this.broker));
  }

  /** No real broker tells. */
  onBreach(): void {}

  /** The board's own ports are ports of this computer already. */
  openDoor(): () => void {
    return () => undefined;
  }

  submit(_board: Board, url: string, ...[fields, done]: Parameters<Submit>): void {
    const { origin } = new URL(url);
    fetch(new URL("/try", url), {
      method: "POST",
      headers: { origin, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams(fields).toString(),
      signal: AbortSignal.timeout(FORM_MS),
    }).then(
      ({ status }) => done(status),
      (error: Error) => done(error.message),
    );
  }

  async close(): Promise<void> {
    this.network.close();
    await this.ownBroker?.close();
  }
}

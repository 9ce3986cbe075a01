// What every broker of the interop tests is to them: a program (or, for aedes, an object) of its own on a free port of
// 127.0.0.1, that can be ended in both ways and started again with what it has kept. Which broker it is stands in the
// files beside this one.

import type { Context } from "mocha";
import { findProgram, freePorts, newFolder, Program, type ProgramOptions, removeFolder } from "./program.js";

/** A user name and a password, the same for all clients of a broker. */
export interface Login {
  readonly user: string;
  readonly password: string;
}

export interface Broker {
  readonly port: number;
  /** Of MQTT over WebSocket; undefined when there is none. */
  readonly webSocketPort?: number;
  /** What a client has to give; undefined when everybody is let in. */
  readonly login: Login | undefined;
  /** What it has said so far, line by line. */
  readonly log: readonly string[];
  /** Starts it (again) on its port with what it has kept, and resolves when it takes clients. */
  start(): Promise<void>;
  /** Ends it in good order (SIGTERM), and resolves when it is gone. Harmless when it is not running. */
  stop(): Promise<void>;
  /** Ends it without warning (SIGKILL), as a loss of power does, and resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends it for good, with all its files. */
  close(): Promise<void>;
}

/** A broker as it can be had: what it needs, and how to get one. */
export interface BrokerKind {
  readonly name: string;
  /** Programs that it runs, by the Debian package that brings them. */
  readonly needs: Readonly<Record<string, readonly string[]>>;
  /** Its version, as the program itself says it. */
  version(): string;
  /** Starts one. */
  open(): Promise<Broker>;
}

/** Ports of 127.0.0.1 that nobody uses: the first is the broker's, the others are there when it needs more. */
export type Ports = readonly [number, number, number];

/** A broker as a program. */
export interface Setup {
  readonly program: Omit<ProgramOptions, "port">;
  readonly login?: Login | undefined;
  readonly webSocketPort?: number;
  /** What has to run before it and as long as it is there, also while it is stopped. */
  readonly companion?: ProgramOptions;
}

/** A broker that is a program with a folder of its own. */
export class ProgramBroker implements Broker {
  readonly port: number;
  readonly webSocketPort?: number;
  readonly login: Login | undefined;
  readonly #folder: string;
  readonly #program: Program;
  readonly #companion: Program | undefined;

  private constructor(folder: string, port: number, { program, login, webSocketPort, companion }: Setup) {
    this.port = port;
    if (webSocketPort !== undefined) this.webSocketPort = webSocketPort;
    this.login = login;
    this.#folder = folder;
    this.#program = new Program({ ...program, port });
    this.#companion = companion && new Program(companion);
  }

  /**
   * Starts one; when it does not start, nothing is left behind.
   *
   * @param name of its folder.
   * @param setUp writes its files into the folder.
   */
  static async open(name: string, setUp: (folder: string, ports: Ports) => Setup): Promise<Broker> {
    const ports = (await freePorts(3)) as [number, number, number];
    const folder = newFolder(name);
    const broker = new ProgramBroker(folder, ports[0], setUp(folder, ports));
    try {
      await broker.#companion?.start();
      await broker.start();
    } catch (error) {
      await broker.close();
      throw error;
    }
    return broker;
  }

  get log(): readonly string[] {
    return this.#program.log;
  }

  start(): Promise<void> {
    return this.#program.start();
  }

  stop(): Promise<void> {
    return this.#program.stop("SIGTERM");
  }

  kill(): Promise<void> {
    return this.#program.stop("SIGKILL");
  }

  async close(): Promise<void> {
    await this.kill();
    await this.#companion?.stop("SIGKILL");
    removeFolder(this.#folder);
  }
}

/** Debian packages that bring programs which are not there. */
export function missingPackages(programs: BrokerKind["needs"]): string[] {
  const isMissing = (name: string) => findProgram(name) === undefined;
  return Object.keys(programs).filter((name) => programs[name]?.some(isMissing));
}

/** Skips the test that calls it when a program is missing, or fails it when everything is required. */
export function needs(context: Context, programs: BrokerKind["needs"]): void {
  const missing = missingPackages(programs);
  if (missing.length === 0) return;
  const message = `not installed: apt-get install ${missing.join(" ")} to run this check`;
  if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(message);
  console.log(`      skipped: ${message}`);
  context.skip();
}

// What every broker of the interop tests is to them: a process (or, for aedes, an object) of its own on a free port of
// 127.0.0.1, that can be ended in both ways and started again with what it has kept. Which broker it is stands in the
// files beside this one.

import type { Context } from "mocha";
import { findProgram } from "./program.js";

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

/** Skips the test that calls it when a program is missing, or fails it when everything is required. */
export function needs(context: Context, programs: Readonly<Record<string, readonly string[]>>): void {
  const packages = Object.entries(programs).filter(([, names]) =>
    names.some((name) => findProgram(name) === undefined),
  );
  if (packages.length === 0) return;
  const names = packages.map(([name]) => name).join(" ");
  const message = `not installed: apt-get install ${names} to run this check`;
  if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(message);
  console.log(`      skipped: ${message}`);
  context.skip();
}

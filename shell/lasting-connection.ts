// A connection that comes back: after a loss it is made again, at growing intervals with chance in them, and what
// happens is said. What no retry can heal ends it. Knows no command.

import { setTimeout as pause } from "node:timers/promises";
import { Backoff } from "../src/mqtt/backoff.js";
import { Connection, type ConnectionOptions } from "./connection.js";
import { Failure } from "./failure.js";
import type { Target } from "./target.js";

const DELAYS = Object.freeze({ baseMs: 1000, capMs: 30_000, stableMs: 30_000 } as const);
/** A connection that the broker ends so soon, so often in a row, is somebody else's with the same name. */
const TAKEN = Object.freeze({ soonMs: 5000, times: 3 } as const);

export interface LastingOptions extends ConnectionOptions {
  readonly filters: readonly string[];
  readonly qos: 0 | 1 | 2;
  /** Also when the first attempt fails, in a way that may heal. */
  readonly isPatient: boolean;
  /** Subscribed (again). `granted` is the QoS. */
  readonly onUp: (connection: Connection, granted: number) => void;
  /** Says something to the user. */
  readonly say: (text: string) => void;
}

function seconds(ms: number): string {
  return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${Math.round(ms / 1000)} s`;
}

/**
 * Stays connected until the signal.
 *
 * @throws Failure when the first attempt fails, and when the broker says no for good.
 */
export async function stayConnected(target: Target, options: LastingOptions, signal: AbortSignal): Promise<void> {
  const { say } = options;
  const backoff = new Backoff(DELAYS);
  let lostAt: number | undefined;
  let said = "";
  let taken = 0;
  // Once: each connection would leave a listener behind.
  const stopped = new Promise<string>((resolve) => {
    signal.addEventListener("abort", () => resolve(""), { once: true });
    if (signal.aborted) resolve("");
  });
  for (let wasUp = false; !signal.aborted; ) {
    let why: string;
    let madeAt: number | undefined;
    let upAt: number | undefined;
    try {
      const connection = await Connection.open(target, options, signal);
      madeAt = performance.now();
      try {
        const granted = await connection.subscribe(options.filters, options.qos);
        upAt = performance.now();
        backoff.connected(upAt | 0);
        if (wasUp) say(`connected again after ${seconds(upAt - (lostAt ?? upAt))}${memory(connection, options)}`);
        else if (lostAt !== undefined) say(`connected to ${target.shown}`);
        said = "";
        wasUp = true;
        options.onUp(connection, granted);
        why = await Promise.race([connection.ended, stopped]);
      } finally {
        await connection.close();
      }
      if (signal.aborted) return;
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof Failure) || error.isFinal || !(wasUp || options.isPatient)) throw error;
      why = error.message;
    }
    const now = performance.now();
    taken = madeAt !== undefined && now - madeAt < TAKEN.soonMs ? taken + 1 : 0;
    if (upAt !== undefined || lostAt === undefined) lostAt = now;
    backoff.disconnected(now | 0);
    const delay = backoff.next(Math.random());
    // Each reason once; how long it has lasted is said at the end.
    if (why !== said) say(`${upAt === undefined ? "" : "connection lost: "}${why}. Trying again`);
    said = why;
    if (taken === TAKEN.times) {
      say(
        `the broker has ended ${TAKEN.times} connections at once. Another program may use the client identifier ` +
          `${options.clientId}: give each its own --session name`,
      );
    }
    await pause(delay, undefined, { signal }).catch(() => undefined);
  }
}

function memory({ wasKept }: Connection, { clean }: ConnectionOptions): string {
  if (clean) return "";
  return wasKept ? ", nothing was missed" : "; the broker has forgotten the session: what came meanwhile is missing";
}

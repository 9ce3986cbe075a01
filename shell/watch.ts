// `alertbox watch`: boxes, who is there, what they did last, and the broker's own figures. In a terminal a table that
// changes in place, else a line for each change. Knows retained messages and no command line.

import { randomBytes } from "node:crypto";
import { matches } from "../src/mqtt/topic.js";
import type { Connection, Message } from "./connection.js";
import { print, printObject, say } from "./console.js";
import { conventionPresence, PRESENCE_FILTERS } from "./convention.js";
import { Failure } from "./failure.js";
import { stayConnected } from "./lasting-connection.js";
import { LiveText } from "./live-text.js";
import { Arrivals } from "./retained.js";
import { shown, shownTime } from "./shown.js";
import type { Stop } from "./stop.js";
import { type Change, Surroundings } from "./surroundings.js";
import type { Target } from "./target.js";

export interface WatchOptions {
  readonly isJson: boolean;
  /** Ends when all that the broker has kept is in. */
  readonly isOnce: boolean;
  readonly isPatient: boolean;
}

const FIGURES = Object.freeze(["$SYS/broker/#"] as const);
/** Names of what a box publishes below its root, but for commands. */
const NAMES = Object.freeze(["lwt", "state", "alert", "led"] as const);

/** @throws Failure when the broker cannot be reached or says no. */
export async function watch(target: Target, options: WatchOptions, stop: Stop): Promise<void> {
  const { isJson, isOnce } = options;
  // One box only, as far as its root tells which.
  const only = /(?:^|\/)(\d+)$/.exec(target.root)?.[1];
  const filters = NAMES.flatMap((name) => [`${target.root}/${name}`, `${target.root}/+/${name}`]);
  const surroundings = new Surroundings();
  const arrivals = new Arrivals();
  const finished = new AbortController();
  const signal = AbortSignal.any([stop.signal, finished.signal]);
  const isLive = !isJson && !isOnce && process.stdout.isTTY === true;
  const table = () => surroundings.table(new Date(), target.shown);
  const live = isLive ? new LiveText(process.stdout, table) : undefined;
  // In a terminal the table holds what is said last; a line of stderr would tear it.
  const tell = live === undefined ? say : (text: string) => live.note(text);
  let isSettled = false;
  const onMessage = (message: Message) => {
    arrivals.note();
    const isBrokers = message.topic.startsWith("$SYS/");
    const found = conventionPresence(message.topic, message.text);
    if (found !== undefined && only !== undefined && only !== String(found.chipId)) return;
    if (!isBrokers && found === undefined && !filters.some((filter) => matches(filter, message.topic))) return;
    const change = surroundings.onMessage(message, new Date());
    if (live !== undefined) live.refresh();
    else if (change !== undefined && !isOnce && isSettled) tellChange(change, isJson);
  };
  // Not together with the others: a broker may refuse just these, and some end the connection instead. The next one has
  // to do without.
  const refused = new Set<string>();
  const ask = async (connection: Connection, what: readonly string[], qos: 0 | 1) => {
    const [first = ""] = what;
    if (refused.has(first) || !connection.client.connected) return;
    try {
      await connection.subscribe(what, qos);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      refused.add(first);
    }
    await arrivals.settled(signal);
  };
  const settle = async (connection: Connection) => {
    await arrivals.settled(signal);
    await ask(connection, PRESENCE_FILTERS, 1);
    await ask(connection, FIGURES, 0);
    if (signal.aborted || !connection.client.connected) return;
    surroundings.isBrokerSilent = !surroundings.hasFigures;
    const silence = refused.has(FIGURES[0])
      ? "it refuses $SYS/broker/#"
      : "it publishes none, or its access control list hides them";
    if (!surroundings.hasFigures) tell(`no figures of the broker: ${silence}`);
    if (!isSettled && live === undefined) tellAll(surroundings, isJson, table);
    isSettled = true;
    if (isOnce) finished.abort();
  };
  const onUp = (connection: Connection) => {
    void settle(connection);
    live?.refresh();
  };
  const clientId = `alertbox-${randomBytes(6).toString("hex")}`;
  const { isPatient } = options;
  try {
    await stayConnected(
      target,
      { clientId, clean: true, filters, qos: 1, isPatient, onMessage, onUp, say: tell },
      signal,
    );
  } finally {
    live?.close();
  }
}

function tellAll(surroundings: Surroundings, isJson: boolean, table: () => string[]): void {
  if (isJson) for (const object of surroundings.objects) printObject(object);
  else for (const line of table()) print(line);
}

function tellChange({ object, text }: Change, isJson: boolean): void {
  if (isJson) printObject(object);
  else if (text !== undefined) print(`${shownTime(new Date())}  ${shown(text, 400)}`);
}

// `alertbox config`, `led`, `stay`: a command is left for a box, retained, and what comes of it is waited for. A box
// acts on a command, then clears it, and tells what became of new settings in its state. Knows the box's answers and
// no command line.

import { randomBytes } from "node:crypto";
import { boxRoot, objectOf, partsOf, presenceOf } from "./box.js";
import { Connection, type Message } from "./connection.js";
import { print, printObject, say } from "./console.js";
import { conventionPresence, PRESENCE_FILTERS } from "./convention.js";
import { Failure, Status, usage } from "./failure.js";
import { Arrivals } from "./retained.js";
import { shown } from "./shown.js";
import type { Stop } from "./stop.js";
import { shownBroker, type Target } from "./target.js";

export interface BoxCommand {
  readonly name: "config" | "led" | "stay";
  readonly chipId: number;
  /** Makes the text for the topic that it goes to; "" takes an earlier command back. */
  readonly payload: (topic: string) => string;
  /** The root that the box has afterwards, when settings change it. */
  readonly nextRoot?: string | undefined;
  /** Where the settings lead, as far as they say. */
  readonly nextPlace?: { readonly host: string | undefined; readonly port: number | undefined };
}

export interface WaitOptions {
  readonly isWaiting: boolean;
  /** Undefined: as long as a box that is awake can take. */
  readonly timeoutMs: number | undefined;
  /** Also for a box that this broker does not know. */
  readonly isForced: boolean;
  readonly isJson: boolean;
}

/** A box that is awake answers at once, or has tried settings for 30 s and come back (BoxTimes of src/alertbox). */
const TIMEOUT_MS = 60_000;
/** At most so many boxes are named when the one that was asked for is not there. */
const NAMED = 20;

interface Presence {
  readonly presence: string;
  readonly chipId: number | undefined;
}

const WORDS: Readonly<Record<string, string>> = Object.freeze({
  online: "is awake",
  sleeping: "sleeps",
  offline: "is gone: asleep, or lost",
  lost: "is lost: it went without a word",
});

class Desk {
  readonly arrivals = new Arrivals();
  /** Of all boxes that were heard of, by root. */
  readonly presences = new Map<string, Presence>();
  /** Roots of boxes whose state is there: the presence of some is elsewhere, by a convention. */
  readonly #roots = new Set<string>();
  /** What a convention says of the box that is meant. */
  #conventional = "";
  readonly #command: BoxCommand;
  readonly #onResult: (result: string) => void;
  #root: string | undefined;
  isCleared = false;
  #light = "";

  constructor(command: BoxCommand, onResult: (result: string) => void) {
    this.#command = command;
    this.#onResult = onResult;
  }

  /** From now on what comes from that box is an answer. */
  expect(root: string): void {
    this.#root = root;
  }

  /** The root of the box: where its presence says so, whose topic ends in its chip id, or that was given as its own. */
  rootOf(chipId: number, given: string): string | undefined {
    const entries = [...this.presences];
    const [found] = entries.find(([, { chipId: id }]) => id === chipId) ?? [];
    const isIts = (root: string) => root.endsWith(`/${chipId}`) || (root === given && this.#conventional !== "");
    return found ?? this.roots.find(isIts);
  }

  /** Of all boxes that were heard of. */
  get roots(): string[] {
    return [...new Set([...this.presences.keys(), ...this.#roots])];
  }

  /** What the box says of itself, in whatever way. */
  get presence(): string | undefined {
    return this.#conventional || this.presences.get(this.#root ?? "")?.presence;
  }

  onMessage(message: Message): void {
    const { topic, text, isRetained } = message;
    const { root, name } = partsOf(topic);
    const found = conventionPresence(topic, text);
    if (found !== undefined) this.#onConvention(found.chipId, found.presence, isRetained);
    if (name === "state" && text !== "") this.#roots.add(root);
    if (name === "lwt") this.#onPresence(root, text, isRetained);
    else if (this.#root !== undefined && !isRetained) this.#onAnswer(topic, text);
    this.arrivals.note(this.presences.get(root)?.chipId === this.#command.chipId);
  }

  #onConvention(chipId: number, presence: string, isRetained: boolean): void {
    if (chipId !== this.#command.chipId || presence === this.#conventional) return;
    this.#conventional = presence;
    if (!isRetained && this.#root !== undefined && presence !== "") this.#tell(presence, "");
  }

  #tell(presence: string, place: string): void {
    const { name, chipId } = this.#command;
    const isGone = presence === "lost" || presence === "offline";
    // It leaves without DISCONNECT to try settings.
    const what = name === "config" && isGone ? "tries the settings" : (WORDS[presence] ?? shown(presence));
    say(`${chipId} ${what}${place}`);
  }

  #onPresence(root: string, text: string, isRetained: boolean): void {
    if (text === "") {
      this.presences.delete(root);
      return;
    }
    const before = this.presences.get(root);
    const next = presenceOf(text);
    this.presences.set(root, next);
    const { nextRoot } = this.#command;
    if (isRetained || before?.presence === next.presence || (root !== this.#root && root !== nextRoot)) return;
    const place = root === this.#root ? "" : `, at ${shown(root)}`;
    this.#tell(next.presence, place);
  }

  #onAnswer(topic: string, text: string): void {
    const { name, nextRoot } = this.#command;
    if (topic === `${this.#root}/led`) this.#light = text;
    // Our own command comes back, too, and is not empty.
    if (topic === `${this.#root}/cmd/${name}` && text === "") {
      this.isCleared = true;
      if (name === "led") this.#onResult(this.#light === "" ? "done" : `led ${this.#light}`);
      if (name === "stay") this.#onResult("done");
    }
    // A state that comes before the command is cleared has the result of an earlier one.
    if (name !== "config" || !this.isCleared) return;
    if (topic !== `${this.#root}/state` && topic !== `${nextRoot}/state`) return;
    const result = objectOf(text)?.["config"];
    if (typeof result === "string") this.#onResult(result);
  }
}

/**
 * Sends a command and, if that is wished, waits for what comes of it.
 *
 * @returns the exit status.
 * @throws Failure when there is no such box, or no answer in time.
 */
export async function sendCommand(
  target: Target,
  command: BoxCommand,
  options: WaitOptions,
  stop: Stop,
): Promise<number> {
  if (target.root.includes("+")) throw usage("--root: one box is meant, so + cannot stand for a level here");
  const { chipId, name, nextRoot } = command;
  let onResult: (result: string) => void = () => undefined;
  const answered = new Promise<string>((resolve) => {
    onResult = resolve;
  });
  const desk = new Desk(command, onResult);
  const clientId = `alertbox-${randomBytes(6).toString("hex")}`;
  const onMessage = (message: Message) => desk.onMessage(message);
  const connection = await Connection.open(target, { clientId, clean: true, onMessage }, stop.signal);
  try {
    await connection.subscribe([`${target.root}/lwt`, `${target.root}/+/lwt`], 1);
    await desk.arrivals.settled(stop.signal);
    if (stop.isAsked) return stop.status;
    if (desk.rootOf(chipId, target.root) === undefined) {
      // It may follow a convention. Not together with the others: a broker may refuse these.
      await connection.subscribe([`${target.root}/state`, `${target.root}/+/state`, ...PRESENCE_FILTERS], 1);
      await desk.arrivals.settled(stop.signal);
      if (stop.isAsked) return stop.status;
    }
    const root = desk.rootOf(chipId, target.root) ?? unknownRoot(target, desk, command, options);
    const topic = `${root}/cmd/${name}`;
    const payload = command.payload(topic);
    const roots = nextRoot === undefined || nextRoot === root ? [root] : [root, nextRoot];
    await connection.subscribe([topic, `${root}/led`, ...roots.flatMap((each) => [`${each}/state`, `${each}/lwt`])], 1);
    desk.expect(root);
    const before = desk.presence;
    await connection.publish(topic, payload, 1, true);
    if (payload === "") return tell(command, "taken back", options);
    if (!options.isWaiting) return tell(command, "sent", options);
    const limitMs = options.timeoutMs ?? TIMEOUT_MS;
    const elsewhere = nextBroker(target, command);
    explain(chipId, before, elsewhere, limitMs);
    const result = await Promise.race([
      answered,
      connection.ended.then(fail),
      stop.asked,
      timeout(limitMs, stop.signal),
    ]);
    if (result !== undefined) return tell(command, result, options);
    const takeBack = name === "config" ? `; take it back with: alertbox config ${chipId} --clear` : "";
    if (stop.isAsked) {
      say(`the broker keeps the command, and the box reads it when it wakes${takeBack}`);
      return stop.status;
    }
    const { presence } = desk;
    const isAwake = presence === "online";
    if (elsewhere !== undefined && desk.isCleared && (presence === "lost" || presence === "offline")) {
      // It has taken the command, and would be back here by now with a refusal.
      say(`look there: alertbox watch --broker ${elsewhere}`);
      return tell(command, "no refusal: it should be at the other broker", options);
    }
    throw new Failure(
      `no answer from ${chipId} within ${Math.round(limitMs / 1000)} s. The broker keeps the command` +
        `${isAwake ? "" : ", and the box reads it at its next wake"}${takeBack}`,
    );
  } finally {
    await connection.close();
  }
}

/** Another broker than this, at which the box will answer; undefined when the settings lead here. */
function nextBroker({ host, port }: Target, { nextPlace }: BoxCommand): string | undefined {
  if (nextPlace === undefined) return undefined;
  const next = { isSecure: false, host: nextPlace.host ?? host, port: nextPlace.port ?? port, user: "" };
  return next.host === host && next.port === port ? undefined : shownBroker(next);
}

function fail(why: string): never {
  throw new Failure(`the connection ended before the box had answered: ${why}. The broker keeps the command`);
}

function timeout(ms: number, signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(undefined), ms);
    signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
    timer.unref();
  });
}

function unknownRoot(target: Target, desk: Desk, { chipId }: BoxCommand, { isForced }: WaitOptions): string {
  if (isForced) return boxRoot(target.root, chipId);
  const names = desk.roots.map((root) => shown(String(desk.presences.get(root)?.chipId ?? root.split("/").at(-1))));
  const there = names.length === 0 ? "it knows none there" : `it knows ${names.slice(0, NAMED).join(", ")}`;
  throw new Failure(
    `this broker knows no box ${chipId} below ${target.root} (${there}). Is it set up, and is --root right? --force ` +
      "leaves the command all the same",
  );
}

function explain(chipId: number, presence: string | undefined, elsewhere: string | undefined, limitMs: number): void {
  const seconds = `${Math.round(limitMs / 1000)} s`;
  if (presence === "sleeping") {
    say(
      `${chipId} sleeps: it reads this at its next wake. Waiting ${seconds} (--timeout S, --no-wait); the broker keeps it`,
    );
  } else if (presence === "offline") {
    say(
      `${chipId} is gone, asleep or lost: it reads this at its next wake. Waiting ${seconds} (--timeout S, --no-wait); ` +
        "the broker keeps it",
    );
  } else if (presence === "lost") {
    say(
      `${chipId} is lost: it reads this when it is back. Waiting ${seconds} (--timeout S, --no-wait); the broker keeps it`,
    );
  }
  if (elsewhere !== undefined) {
    say(
      `these settings lead to ${elsewhere}: if that is another broker, the box answers there, and here only a refusal ` +
        `is seen. Waiting ${seconds}`,
    );
  }
}

/** Prints the result, and gives the exit status: a refusal is a failure. */
function tell({ chipId, name }: BoxCommand, result: string, { isJson }: WaitOptions): number {
  const isRefused = result.startsWith("rejected");
  if (isJson) printObject({ chip: chipId, command: name, result });
  else print(`${chipId}: ${shown(result, 500)}`);
  return isRefused ? Status.FAILED : Status.OK;
}

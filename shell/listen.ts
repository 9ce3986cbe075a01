// `alertbox listen`: a line, and a command, for each alert. Duplicates are dropped by their id; with a session nothing
// is missed while it is away, and nothing is run twice after a restart.

import { randomBytes, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { Store } from "mqtt";
import { findProgram } from "../board/program.js";
import { matches } from "../src/mqtt/topic.js";
import { type Alert, alertLine, alertObject, alertOf, environmentOf } from "./alert.js";
import { CommandQueue } from "./command-queue.js";
import { Connection, type Message, messageOf } from "./connection.js";
import { print, printObject, say } from "./console.js";
import { usage } from "./failure.js";
import { Inbox, sessionFile } from "./inbox.js";
import { stayConnected } from "./lasting-connection.js";
import { shown } from "./shown.js";
import type { Stop } from "./stop.js";
import type { Target } from "./target.js";

export interface ListenOptions {
  /** Events to act on; undefined: all. */
  readonly on: readonly string[] | undefined;
  readonly session: string | undefined;
  readonly isJson: boolean;
  readonly isPatient: boolean;
  /** Ends after so many alerts. */
  readonly count: number | undefined;
  /** How long a command may take. */
  readonly limitMs: number | undefined;
  readonly words: readonly string[];
}

/** Topics of the alerts below a root, be it one box's or the common beginning of several. */
function alertFilters(root: string): string[] {
  return [`${root}/alert`, `${root}/+/alert`];
}

/** The name under which the broker keeps a session; MQTT 3.1.1 lets brokers refuse more than 23 characters. */
function sessionClientId(name: string): string {
  return `alertbox-${name}`;
}

/** Hands over each QoS 2 message before the broker hears that it has come. */
class EarlyStore extends Store {
  readonly #onPublish: (message: Message) => void;

  constructor(onPublish: (message: Message) => void) {
    super();
    this.#onPublish = onPublish;
  }

  override put(...[packet, done]: Parameters<Store["put"]>): this {
    if (packet.cmd === "publish") this.#onPublish(messageOf(packet));
    return super.put(packet, done);
  }

  /** The next connection needs what is in it. */
  override close(done: () => void): void {
    done();
  }
}

class Listener {
  /** For QoS 2: an alert with an id is handled when it comes, long before the broker releases it. */
  readonly store = new EarlyStore((message) => {
    const alert = message.isRetained || !this.#isOurs(message.topic) ? "" : alertOf(message.topic, message.text);
    if (typeof alert !== "string" && alert.id !== undefined) this.#arrived(alert.id, alert);
  });
  readonly #options: ListenOptions;
  readonly #filters: readonly string[];
  readonly #inbox: Inbox;
  readonly #queue: CommandQueue | undefined;
  readonly #finish: () => void;
  #begun = 0;
  #ended = 0;

  /** `finish` is called when as many alerts as were asked for are handled. */
  constructor(options: ListenOptions, root: string, inbox: Inbox, finish: () => void) {
    const { words, limitMs, isJson } = options;
    this.#options = options;
    this.#filters = alertFilters(root);
    this.#inbox = inbox;
    this.#finish = finish;
    this.#queue = words.length === 0 ? undefined : new CommandQueue({ words, limitMs, isQuiet: isJson, say });
  }

  /** Handles what an earlier run has left. */
  begin(): void {
    const left = this.#inbox.waiting;
    if (left.length > 0) say(`alerts that the last run has not handled: ${left.length}`);
    for (const { id, topic, payload } of left) this.#handle(id, alertOf(topic, payload));
  }

  onMessage({ topic, text, isRetained, qos }: Message): void {
    // An empty one takes a retained message away.
    if (!this.#isOurs(topic) || text === "") return;
    if (isRetained) {
      say(`${shown(topic)}: a retained message is no press, ignored. Alerts should not be sent retained`);
      return;
    }
    const alert = alertOf(topic, text);
    if (typeof alert === "string") say(`${shown(topic)}: ignored, ${alert}`);
    else if (alert.id === undefined) this.#arrived(`nameless ${randomUUID()}`, alert);
    else if (qos < 2) this.#arrived(alert.id, alert);
  }

  /** A session may bring what an earlier run, with another root, has subscribed to. */
  #isOurs(topic: string): boolean {
    return this.#filters.some((filter) => matches(filter, topic));
  }

  #arrived(id: string, alert: Alert): void {
    if (this.#inbox.take({ id, topic: alert.topic, payload: alert.payload })) this.#handle(id, alert);
    else say(`${shown(id)} came again: dropped`);
  }

  #handle(id: string, alert: Alert | string): void {
    const { on, count, isJson } = this.#options;
    if (typeof alert === "string" || (on !== undefined && !on.includes(alert.event))) {
      this.#inbox.done(id);
      return;
    }
    // More than were asked for: a session's next run handles them.
    if (this.#begun === count) return;
    this.#begun += 1;
    const at = new Date();
    if (isJson) printObject(alertObject(alert, at));
    else print(alertLine(alert, at));
    const done = () => {
      this.#inbox.done(id);
      this.#ended += 1;
      if (this.#ended === count) this.#finish();
    };
    if (this.#queue === undefined) done();
    else this.#queue.add({ name: shown(id), environment: environmentOf(alert, at), done });
  }

  /** Resolves when the command that runs has ended. */
  async close(): Promise<void> {
    const waiting = this.#queue?.waiting ?? 0;
    if (waiting > 0) {
      const then = this.#options.session === undefined ? "they are lost" : "the next run handles them";
      say(`alerts that came and whose command has not begun: ${waiting}; ${then}`);
    }
    await this.#queue?.close();
  }
}

/** @throws Failure when the command is not there, the broker cannot be reached, or it says no. */
export async function listen(target: Target, options: ListenOptions, stop: Stop): Promise<void> {
  const { session, words } = options;
  checkCommand(words[0]);
  const inbox = Inbox.open(session === undefined ? undefined : sessionFile(session, process.env));
  const finished = new AbortController();
  const listener = new Listener(options, target.root, inbox, () => finished.abort());
  let isFirst = true;
  try {
    listener.begin();
    const lasting = {
      clientId: session === undefined ? `alertbox-${randomBytes(6).toString("hex")}` : sessionClientId(session),
      clean: session === undefined,
      store: listener.store,
      filters: alertFilters(target.root),
      qos: 2 as const,
      isPatient: options.isPatient,
      onMessage: (message: Message) => listener.onMessage(message),
      onUp: ({ wasKept }: Connection, granted: number) => {
        if (!isFirst) return;
        isFirst = false;
        say(`listening to ${alertFilters(target.root).join(" and ")} on ${target.shown}`);
        if (inbox.isOld && !wasKept)
          say("the broker has forgotten the session: what came since the last run is missing");
        if (granted < 2) say(`the broker grants QoS ${granted} only; duplicates are dropped by their id`);
      },
      say,
    };
    await stayConnected(target, lasting, AbortSignal.any([stop.signal, finished.signal]));
  } finally {
    await listener.close();
    inbox.close();
  }
}

/** Ends a session: the broker forgets it, and so does this computer. */
export async function forget(target: Target, session: string, stop: Stop): Promise<void> {
  Inbox.forget(sessionFile(session, process.env));
  const options = { clientId: sessionClientId(session), clean: true, onMessage: () => undefined };
  const connection = await Connection.open(target, options, stop.signal);
  await connection.close();
  say(`session ${session} is forgotten, by the broker and here`);
}

/** @throws Failure when there is no such program: every alert would fail. */
function checkCommand(command: string | undefined): void {
  if (command === undefined) return;
  if (command === "") throw usage("the command behind -- is empty");
  const isThere = /[/\\]/.test(command)
    ? existsSync(command)
    : findProgram(command, process.env, process.platform) !== undefined;
  if (!isThere) throw usage(`there is no command ${JSON.stringify(command)}; is it installed, and in PATH?`);
}

// A fleet: many boxes, each the real firmware, against a real broker, pressed at random, with faults that hit all of
// them; in the end what an independent subscriber has seen of it.
//
//   npm run fleet -- --boards 1000 --rate 5/s --faults broker-restart@30

import { exec } from "node:child_process";
import { randomInt } from "node:crypto";
import { writeFileSync } from "node:fs";
import "../globals.js";
import { type Context, Failure, Status, start } from "../../board/report.js";
import { EmbeddedBroker } from "../aedes.js";
import { shownAddress } from "../options.js";
import { isWithin } from "../patience.js";
import { Random } from "../random.js";
import { Witness } from "../witness.js";
import { Crew, instant, type ThreadOrder } from "./crew.js";
import { type FleetFault, type FleetOrder, fleetOrder, HELP } from "./order.js";
import { plot } from "./plot.js";
import { type FleetReport, isWell, progressLine, reportText } from "./report.js";
import { Tally } from "./tally.js";

const FIRST_CHIP = 100_000;
/** How often something is looked at while waiting, ms. */
const LOOK_MS = 100;

/** A fault under way or over: when, and which boards were connected at its beginning. */
interface Fault extends FleetFault {
  readonly before: ReadonlySet<number>;
  readonly beganAt: number;
  overAt: number;
}

class Fleet {
  readonly #order: FleetOrder;
  readonly #context: Context;
  readonly #tally: Tally;
  readonly #random: Random;
  readonly #faults: Fault[] = [];
  #own: EmbeddedBroker | undefined;
  #crew: Crew | undefined;
  #witness: Witness | undefined;
  #failure: Error | undefined;
  /** The run ends with this. */
  readonly #failed = (error: Error): void => {
    this.#failure = error;
  };
  #shownAt = 0;

  constructor(order: FleetOrder, context: Context) {
    this.#order = order;
    this.#context = context;
    this.#tally = new Tally(order.mode);
    this.#random = new Random(order.seed);
  }

  /** @throws Failure when the broker cannot be reached, or a thread ended. */
  async run(): Promise<FleetReport> {
    const { broker } = this.#order;
    this.#own = broker === undefined ? await EmbeddedBroker.open({ port: 0 }) : undefined;
    try {
      await this.#watch();
      return await this.#drill();
    } finally {
      await this.#crew?.close();
      await this.#witness?.close();
      await this.#own?.close();
    }
  }

  get #address(): { host: string; port: number; user: string; password: string } {
    return this.#order.broker ?? { host: "127.0.0.1", port: this.#own?.port ?? 0, user: "", password: "" };
  }

  /** The independent subscriber, before anything can be missed. */
  async #watch(): Promise<void> {
    const { host, port, user, password } = this.#address;
    const account = user === "" ? "" : `${encodeURIComponent(user)}:${encodeURIComponent(password)}@`;
    const shownHost = host.includes(":") ? `[${host}]` : host;
    const witness = new Witness(`mqtt://${account}${shownHost}:${port}`, `${this.#order.root}/+`);
    this.#witness = witness;
    witness.onAlert(({ id }) => {
      if (id !== undefined && this.#isOurs(id)) this.#tally.arrived(id, instant());
    });
    const limit = Math.min(10, this.#order.patience) * 1000;
    try {
      if (!(await isWithin(limit, witness.ready()))) throw new Error("no answer");
    } catch (error) {
      const why = (error as Error).message;
      throw new Failure(
        `the broker at ${shownAddress(this.#address)} cannot be used: ${why}. Is it running, and does it let this ` +
          `account subscribe to ${this.#order.root}/+/alert?`,
      );
    }
  }

  /** Other boxes may use the same broker. */
  #isOurs(id: string): boolean {
    const chip = Number(id.split("-")[0]);
    return chip >= FIRST_CHIP && chip < FIRST_CHIP + this.#order.boards;
  }

  async #drill(): Promise<FleetReport> {
    const { boards, duration, patience } = this.#order;
    const tally = this.#tally;
    this.#crew = await Crew.start(this.#threads(), (happening) => tally.hear(happening), this.#failed);
    const memoryBefore = process.memoryUsage().rss;
    const beganAt = instant();
    const complete = await this.#assemble(beganAt + patience * 1000);
    const completeAt = instant();
    const memory = process.memoryUsage().rss - memoryBefore;
    tally.start(completeAt);
    const cpuBefore = process.cpuUsage();
    await this.#pressAll(completeAt);
    const lastAt = instant();
    const cpu = process.cpuUsage(cpuBefore);
    const deadline = lastAt + patience * 1000;
    await this.#until(() => tally.isSettled, deadline, completeAt);
    const settledAt = instant();
    // Also those that nobody pressed have to come back.
    await this.#until(() => this.#away === 0, deadline, completeAt);
    tally.countForeign();
    this.#show("", true);
    return {
      boards,
      mode: this.#order.mode,
      broker: this.#own === undefined ? shownAddress(this.#address) : "its own (aedes, in this process)",
      threads: this.#order.threads,
      complete,
      completeSeconds: Math.round((completeAt - beganAt) / 1000),
      seconds: duration,
      afterSeconds: Math.round((settledAt - lastAt) / 1000),
      presses: tally.presses,
      delivered: tally.delivered,
      lost: tally.lost,
      duplicates: tally.duplicates,
      refused: tally.refused,
      cutShort: tally.cutShort,
      foreign: tally.foreign,
      crashes: tally.crashes,
      away: this.#away,
      latency: tally.latency,
      faults: this.#faults.map(({ kind, from, to, before, beganAt: brokeAt, overAt }, at) => ({
        kind,
        from,
        to,
        ...tally.comeback(before.size, brokeAt, overAt, this.#faults[at + 1]?.beganAt ?? Number.POSITIVE_INFINITY),
      })),
      memoryPerBoard: memory / boards,
      cpuPerBoard: (cpu.user + cpu.system) / 10_000 / duration / boards,
      everySecond: tally.seconds,
    };
  }

  /**
   * Boards that were connected before a fault and are not again; until it is over, all of them. Boxes on batteries are
   * not meant to be.
   */
  get #away(): number {
    if (this.#order.mode === "battery") return 0;
    const hit = new Set<number>();
    for (const { before, overAt } of this.#faults) {
      for (const board of before) if (overAt > instant() || !this.#tally.isOnline(board)) hit.add(board);
    }
    return hit.size;
  }

  #threads(): ThreadOrder[] {
    const { boards, threads, root, mode } = this.#order;
    return Array.from({ length: threads }, (_, at) => {
      const first = Math.floor((at * boards) / threads);
      const count = Math.floor(((at + 1) * boards) / threads) - first;
      // Their own in each run: a subscriber of the same broker must not take its alerts for those of the run before.
      const seed = randomInt(2 ** 32);
      return { first, count, chipId: FIRST_CHIP, root, mode, ...this.#address, seed };
    });
  }

  /** Gives power to all, some in each second. Gives how many were there in time: connected, or asleep after that. */
  async #assemble(deadline: number): Promise<number> {
    const { boards, ramp } = this.#order;
    const beganAt = instant();
    let powered = 0;
    const isComplete = () => {
      const due = Math.min(boards, Math.floor(((instant() - beganAt) / 1000) * ramp) + 1);
      for (; powered < due; powered += 1) this.#crew?.tell({ type: "power", board: powered, on: true });
      this.#show(`${this.#tally.introduced} of ${boards} boxes are there`);
      return this.#tally.introduced === boards;
    };
    await this.#wait(isComplete, deadline + (boards / ramp) * 1000);
    return this.#tally.introduced;
  }

  /** Presses at random, with the faults in between. */
  async #pressAll(beganAt: number): Promise<void> {
    const { boards, rate, duration } = this.#order;
    const faults = [...this.#order.faults].sort((a, b) => a.from - b.from);
    const end = beganAt + duration * 1000;
    let next = beganAt;
    await this.#until(
      () => {
        const now = instant();
        for (let fault = faults[0]; fault !== undefined && now >= beganAt + fault.from * 1000; fault = faults[0]) {
          faults.shift();
          this.#break(fault, beganAt);
        }
        for (; next <= now && next < end; next += this.#gap(rate)) {
          // Another one where a finger would be too early for a press of its own.
          for (let tries = 0; tries < 50; tries += 1) {
            const board = this.#random.integer(boards);
            if (this.#tally.isBusy(board)) continue;
            this.#tally.claim(board);
            this.#crew?.tell({ type: "press", board });
            break;
          }
        }
        return now >= end;
      },
      Number.POSITIVE_INFINITY,
      beganAt,
    );
  }

  /** From one press to the next, ms: as people do, who do not know of each other. */
  #gap(rate: number): number {
    return (-Math.log(1 - this.#random.next()) / rate) * 1000;
  }

  #break(fault: FleetFault, beganAt: number): void {
    const before = this.#tally.onlineBoards;
    const under: Fault = { ...fault, before, beganAt: instant(), overAt: Number.POSITIVE_INFINITY };
    this.#faults.push(under);
    const over = (act: () => void | Promise<void>) => {
      const end = async () => {
        await act();
        under.overAt = instant();
      };
      setTimeout(() => void end().catch(this.#failed), Math.max(0, beganAt + fault.to * 1000 - instant()));
    };
    switch (fault.kind) {
      case "broker-restart":
        if (this.#order.restartCommand !== undefined) {
          exec(this.#order.restartCommand, (error) => {
            if (error !== null) this.#failure = new Failure(`--restart-command: ${error.message.trim()}`);
            under.overAt = instant();
          });
          return;
        }
        this.#stopBroker();
        over(() => this.#own?.start());
        return;
      case "broker-down":
        this.#stopBroker();
        over(() => this.#own?.start());
        return;
      case "no-wifi":
        this.#crew?.tellAll({ type: "wifi", on: false });
        over(() => this.#crew?.tellAll({ type: "wifi", on: true }));
        return;
      case "outage":
        for (let board = 0; board < this.#order.boards; board += 1)
          this.#crew?.tell({ type: "power", board, on: false });
        over(() => {
          for (let board = 0; board < this.#order.boards; board += 1)
            this.#crew?.tell({ type: "power", board, on: true });
        });
        return;
    }
  }

  #stopBroker(): void {
    this.#own?.stop().catch(this.#failed);
  }

  /** Waits until something holds, with a line of progress and a sample each second. */
  async #until(holds: () => boolean, deadline: number, beganAt: number): Promise<void> {
    let sampled = -1;
    await this.#wait(() => {
      const now = instant();
      const second = Math.floor((now - beganAt) / 1000);
      if (second !== sampled) this.#tally.sample(now);
      sampled = second;
      const { online, presses: pressed, delivered: arrived } = this.#tally;
      const { boards, duration } = this.#order;
      this.#show(progressLine((now - beganAt) / 1000, duration, { boards, online, pressed, arrived }));
      return holds();
    }, deadline);
  }

  /** Looks again and again, because what is waited for comes from other threads and from the clock. */
  #wait(holds: () => boolean, deadline: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.#failure !== undefined) stop(() => reject(this.#failure));
        else if (this.#context.signal.aborted) stop(() => reject(new Failure("interrupted", 130)));
        else if (holds() || instant() >= deadline) stop(resolve);
      };
      const timer = setInterval(look, LOOK_MS);
      const stop = (then: () => void) => {
        clearInterval(timer);
        then();
      };
      look();
    });
  }

  /** A line that is written over for a person, a line every ten seconds for a file. */
  #show(text: string, isLast = false): void {
    const { isTerminal, err } = this.#context;
    if (isTerminal) {
      err(`\r\x1b[K${text}`);
      return;
    }
    const now = performance.now();
    if (isLast || now - this.#shownAt < 10_000) return;
    this.#shownAt = now;
    err(`${text}\n`);
  }
}

export async function fleet(context: Context): Promise<number> {
  const order = fleetOrder(context.args);
  if (order === undefined) {
    context.out(HELP);
    return Status.OK;
  }
  const report = await new Fleet(order, context).run();
  if (order.json === "-") context.out(`${JSON.stringify(report)}\n`);
  else {
    context.out(reportText(report));
    if (order.json !== undefined) save("json", order.json, `${JSON.stringify(report)}\n`);
  }
  if (order.svg !== undefined) save("svg", order.svg, plot(report));
  return isWell(report) ? Status.OK : Status.FAILED;
}

function save(option: string, path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw new Failure(`--${option}: ${(error as Error).message}`);
  }
}

await start(import.meta.url, fleet);

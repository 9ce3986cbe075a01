// One run of the campaign: a world, one box, the presses and faults of a plan, then everything is put right, somebody
// presses, the box has a bounded time to come to rest, and a last press shows that all is well. What happened is noted
// on the way; judge.ts says what was wrong with it. The same plan gives the same run, always.

import type { BoardEvent } from "../board.js";
import { keptBy, tap } from "../conventions/broker-tap.js";
import { type ConventionBreach, ConventionJudges } from "../conventions/judges.js";
import type { Image } from "../image.js";
import { NorFlash } from "../nor-flash.js";
import { World } from "../world.js";
import { FAULTS, type FaultStage, heal } from "./faults.js";
import type { Plan } from "./plan.js";
import { chipId, filledFlash, readFlash } from "./prepared-flash.js";

/** A box that does nothing for so long has nothing more to do. Longer than any wait but a timer wake, ms. */
const restMs = 10_000;

/** How long the box may take to deliver everything once nothing is wrong any more, ms. */
const settleMs = Object.freeze({
  /** Setup after bad boots 120 s, a half-open connection 15 minutes at a keep-alive of 600 s, a full journal. */
  gpio: 25 * 60_000,
  rst: 3 * 60_000,
  /** The timer wakes at the latest after an hour, by the widest window of its backoff. */
  "rst+gpio": 3 * 3_600_000,
} as const);

/** One thing that happened, for the timeline of a failing seed and for the judge. */
export interface Note {
  readonly at: number;
  /** `press`, `fault`, `heal`, `step`, `led`, `power`, `message`, `reset` … */
  readonly what: string;
  readonly text: string;
}

/** What a run came to. */
export interface RunRecord {
  readonly plan: Plan;
  readonly world: World;
  readonly notes: readonly Note[];
  /** Causes of an alert: presses, and pulses on RST where the button gives such pulses too. */
  readonly causes: number;
  /** When everything was put right, ms of the clock. */
  readonly healedAt: number;
  /** When somebody pressed for the last time, at a box at rest in a world without faults. */
  readonly provenAt: number;
  /** Whether the box came to rest in time after that. */
  readonly settled: boolean;
  readonly flashBefore: NorFlash;
  /** What was said against the rules of Homie or Tasmota. */
  readonly breaches: readonly ConventionBreach[];
}

export interface RunOptions {
  /** What the boards run; the firmware of src in Node when undefined. */
  readonly image?: Image | undefined;
}

/** Carries a plan out. The world is left open for whoever looks on. */
export function runPlan(plan: Plan, options: RunOptions = {}): RunRecord {
  const flash = filledFlash(plan);
  const flashBefore = new NorFlash(flash.byteLength);
  flashBefore.load(flash.save());
  const world = new World({
    seed: plan.seed,
    latencyMs: plan.latencyMs,
    board: {
      wiring: plan.wiring,
      flash,
      ticksAtBoot: plan.ticksAtBoot,
      config: { settings: undefined },
      ...(options.image === undefined ? {} : { image: options.image }),
    },
  });
  const run = new Run(world, plan);
  run.play();
  return {
    plan,
    world,
    flashBefore,
    notes: run.notes,
    causes: run.causes,
    healedAt: run.healedAt,
    provenAt: run.provenAt,
    settled: run.settled,
    breaches: run.breaches,
  };
}

class Run {
  readonly notes: Note[] = [];
  causes = 0;
  healedAt = 0;
  provenAt = Number.POSITIVE_INFINITY;
  settled = false;
  breaches: readonly ConventionBreach[] = [];
  readonly #world: World;
  readonly #plan: Plan;
  readonly #stage: FaultStage;
  #isHealed = false;
  readonly #stored = new Set<string>();
  readonly #arrived = new Set<string>();
  /** When something was last said or done. */
  #stepAt = 0;
  #lookedAt = 0;

  constructor(world: World, plan: Plan) {
    this.#world = world;
    this.#plan = plan;
    this.#stage = {
      world,
      cuts: [],
      latencyMs: plan.latencyMs,
      powerAgain: (afterMs) => this.#powerAgain(afterMs),
    };
  }

  play(): void {
    const world = this.#world;
    const { clock, broker } = world;
    const judges = new ConventionJudges(keptBy(world));
    tap(world, judges);
    // The board comes up when it is first asked for.
    const { board } = world;
    board.on((event) => this.#hear(event));
    broker.subscribe("#", ({ topic, payload, clientId }) => {
      if (clientId === undefined) return;
      this.#note("message", `${topic} ${payload}`);
      if (topic.endsWith("/alert")) this.#arrived.add(idOf(payload));
    });
    for (const press of this.#plan.presses) {
      clock.schedule(press.at, () => this.#press(press.holdMs, press.bounceMs));
    }
    for (const fault of this.#plan.faults) {
      const kind = FAULTS[fault.kind];
      clock.schedule(fault.at, () => {
        this.#note("fault", `${fault.kind} ${fault.value}${fault.forMs > 0 ? ` for ${fault.forMs} ms` : ""}`);
        if (fault.kind === "reset" && this.#plan.wiring !== "gpio") this.causes += 1;
        this.#letGo();
        kind.begin(this.#stage, fault.value, fault.forMs);
      });
      if (kind.end !== undefined) {
        clock.schedule(fault.at + fault.forMs, () => {
          this.#note("end of fault", fault.kind);
          kind.end?.(this.#stage, fault.value);
        });
      }
    }
    for (const { at, convention } of this.#plan.changes) {
      clock.schedule(at, () => {
        this.#note("change", convention);
        const text = JSON.stringify({ convention });
        broker.publish(`mresetar/alertbox/${chipId}/cmd/config`, text, { qos: 1, retain: true });
      });
    }
    this.#live();
    this.breaches = judges.finish(clock.now);
  }

  /** The run itself: until all is over, put right and proven. */
  #live(): void {
    const world = this.#world;
    const { board, clock } = world;
    world.run(this.#plan.lastsMs);
    this.#isHealed = true;
    this.healedAt = clock.now;
    this.#note("heal", "everything is put right");
    board.button.up();
    heal(this.#stage);
    world.run(1000);
    this.#press(110, 0);
    this.settled = world.runUntil(() => this.#isAtRest(), settleMs[this.#plan.wiring]);
    // In the 20 s that such a box is awake it may not get rid of all; only the next press wakes it again.
    for (let more = 0; more < 4 && !this.settled && this.#plan.wiring === "rst"; more++) {
      this.#press(110, 0);
      this.settled = world.runUntil(() => this.#isAtRest(), settleMs[this.#plan.wiring]);
    }
    if (!this.settled) return;
    // Whatever would come late and twice.
    world.run(restMs);
    this.provenAt = clock.now;
    this.#press(110, 0);
    this.settled = world.runUntil(() => this.#isAtRest(), settleMs[this.#plan.wiring]);
  }

  #press(holdMs: number, bounceMs: number): void {
    const { board } = this.#world;
    // A finger is never in two places.
    if (board.button.isDown) return;
    // GPIO0 held low at reset starts the chip's loader in place of any firmware: people are told so in docs/wiring.md.
    if (this.#plan.wiring === "gpio" && board.state === "booting") return;
    this.#note("press", `${holdMs} ms`);
    this.causes += 1;
    this.#stepAt = this.#world.clock.now;
    board.button.bounceMs = bounceMs;
    board.button.press(holdMs);
  }

  /** As above: before a reset and before power comes. */
  #letGo(): void {
    if (this.#plan.wiring === "gpio") this.#world.board.button.up();
  }

  /** Asleep for good, or connected with nothing going on. */
  #isAtRest(): boolean {
    const { board, broker, clock } = this.#world;
    if (clock.now < this.#stepAt + restMs || clock.now < this.#lookedAt + restMs) return false;
    this.#lookedAt = clock.now;
    if (readFlash(board.flash).pending > 0 || this.#awaitsAlerts) return false;
    if (board.state === "asleep") return this.#sleepsForGood;
    return this.#plan.wiring === "gpio" && board.state === "running" && broker.clients.length === 1;
  }

  /** An alert that was stored has not arrived, and the broker itself has not lost it. */
  get #awaitsAlerts(): boolean {
    const forgotten = this.#world.broker.forgotten.map(({ payload }) => idOf(payload));
    for (const id of this.#stored) if (!this.#arrived.has(id) && !forgotten.includes(id)) return true;
    return false;
  }

  /** No timer will wake it. */
  get #sleepsForGood(): boolean {
    return this.#world.board.steps.at(-1)?.detail === "until the next press";
  }

  #powerAgain(afterMs: number): void {
    this.#world.clock.schedule(afterMs, () => {
      if (this.#isHealed || this.#world.board.state !== "off") return;
      this.#letGo();
      this.#world.board.powerOn();
    });
  }

  #hear(event: BoardEvent): void {
    switch (event.type) {
      case "step":
        this.#stepAt = event.at;
        if (event.word === "stored") this.#stored.add(event.detail);
        this.#note("step", `${event.word} ${event.detail}`.trimEnd());
        return;
      case "led":
        this.#note("led", event.on ? "on" : "off");
        return;
      case "power":
        this.#stepAt = event.at;
        this.#note("power", event.state);
        // A cut in the middle of a flash write, which no fault has arranged the end of.
        if (event.state === "off" && !this.#isHealed) this.#powerAgain(500);
        return;
      case "reset":
      case "fault":
        this.#note(event.type, String(event.reason));
        return;
      case "crash":
        this.#note("crash", event.error instanceof Error ? (event.error.stack ?? "") : String(event.error));
        return;
      case "flash":
        this.#note("flash", `${event.operation} ${event.offset} ${event.length}`);
        return;
      default:
        return;
    }
  }

  #note(what: string, text: string): void {
    this.notes.push({ at: this.#world.clock.now, what, text });
  }
}

/** The `id` of an alert; "" without one. */
export function idOf(payload: string): string {
  return (JSON.parse(payload) as { id?: string }).id ?? "";
}

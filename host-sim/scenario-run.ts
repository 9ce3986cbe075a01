// Carries out a scenario on a bench: one step after the other, each as soon as the one before it is done. It sees what
// every view sees, does what a person can do, and goes on from callbacks of the bench's clock only, so that in a world
// of one clock the same file gives the same run.

import type { Scheduled } from "./clock.js";
import { FAULTS } from "./page/details.js";
import type { BenchEvent, BoardView, Home, Stage } from "./page/protocol.js";
import { Random } from "./random.js";
import { type Claim, type Deed, durationText, type Scenario, ScenarioLimit, type Step } from "./scenario.js";
import { fits } from "./wanted.js";

/** What a scenario is played on. */
export interface Ground {
  readonly stage: Pick<Stage, "on" | "act">;
  readonly home: Home;
  /** The bench's numbers of the scenario's boards, in the order of the file. */
  readonly boards: readonly number[];
  /** The view of one of these, as it is now. */
  view(board: number): BoardView | undefined;
  /** Milliseconds of the boards' time. */
  now(): number;
  /** Calls back after so many milliseconds of the boards' time. */
  after(ms: number, callback: () => void): Scheduled;
  /** Shows a line in the story. */
  tell(board: number, word: string, detail: string): void;
  /**
   * Sends the form to the setup page of a board, as a phone does; `done` hears the HTTP status of the answer, or why
   * there was none.
   */
  submit(board: number, fields: Readonly<Record<string, string>>, done: (status: number | string) => void): void;
}

export interface Outcome {
  /** Undefined when all of it came true. */
  readonly failure: string | undefined;
  /** Steps that were done, repeated ones each time. */
  readonly steps: number;
  /** What was expected and held, in words. */
  readonly held: readonly string[];
}

/** What is kept of `expect` that held: a month repeats it often. */
const HELD_KEPT = 1000;
/** And of what a board said. */
const HEARD_KEPT = 1000;

/** Sums of fractions of a millisecond are not exact. */
const ROUNDING_MS = 0.001;

/** What this file says itself is nothing to wait for. */
const OWN_WORDS: readonly string[] = Object.freeze(["scenario", "step", "note", "holds", "failed"]);

interface Level {
  readonly steps: readonly Step[];
  next: number;
  /** How often all of it is still done. */
  times: number;
  /** When each round begins; empty: each as soon as the one before it is done. */
  readonly starts: number[];
  /** When the level is over at the earliest. */
  readonly endAt: number;
}

/** Steps that may not come, from a `never`. */
interface Forbidden {
  readonly step: Step;
  readonly board: number;
  readonly words: readonly string[];
}

export class ScenarioRun {
  readonly #scenario: Scenario;
  readonly #ground: Ground;
  readonly #levels: Level[];
  readonly #held: string[] = [];
  readonly #random: Random;
  readonly #forbidden: Forbidden[] = [];
  /** What each board said since the last deed that was no waiting. */
  readonly #heard = new Map<number, string[]>();
  #steps = 0;
  /** The last word of each board, for the message that nothing else came. */
  readonly #last = new Map<number, string>();
  #condition: (() => boolean) | undefined;
  #deadline: Scheduled | undefined;
  #pending: Scheduled | undefined;
  #finish: (outcome: Outcome) => void = () => undefined;
  #unsubscribe: () => void = () => undefined;
  #isOver = false;

  constructor(scenario: Scenario, ground: Ground) {
    this.#scenario = scenario;
    this.#ground = ground;
    this.#random = new Random(scenario.seed).fork("scenario");
    this.#levels = [{ steps: scenario.steps, next: 0, times: 1, starts: [], endAt: 0 }];
  }

  /** Begins; `done` is called once, never from inside this call. */
  start(done: (outcome: Outcome) => void): void {
    this.#finish = done;
    this.#unsubscribe = this.#ground.stage.on((event) => this.#hear(event));
    this.#ground.tell(this.#ground.boards[0] ?? 0, "scenario", this.#scenario.title);
    this.#proceed();
  }

  /** Ends it early: the outcome says so. */
  stop(): void {
    this.#end("stopped before its end");
  }

  #hear(event: BenchEvent): void {
    if (event.type === "line" && !OWN_WORDS.includes(event.line.word)) {
      const { board, word, detail } = event.line;
      const said = `${word} ${detail}`.trimEnd();
      this.#last.set(board, said);
      const heard = this.#heard.get(board);
      // What nobody waits for need not be kept for ever.
      if (heard === undefined) this.#heard.set(board, [said]);
      else if (heard.length < HEARD_KEPT) heard.push(said);
      this.#forbid(board, said);
    }
    // What panels are told besides comes when they need it, not when it happens.
    if (event.type === "line" || event.type === "board" || event.type === "led" || event.type === "gone") this.#check();
  }

  #forbid(board: number, said: string): void {
    const breach = this.#forbidden.find(
      (each) => this.#number(each.board) === board && each.words.some((word) => begins(said, word)),
    );
    if (breach === undefined) return;
    this.#condition = undefined;
    this.#deadline?.cancel();
    this.#pending?.cancel();
    this.#pending = this.#ground.after(0, () => this.#fail(breach.step, breach.board, `the box has said "${said}"`));
  }

  /** Whoever tells is in the middle of something: what follows is done after it. */
  #check(): void {
    if (this.#condition === undefined || !this.#condition()) return;
    this.#condition = undefined;
    this.#deadline?.cancel();
    this.#proceed();
  }

  #proceed(ms = 0): void {
    if (this.#isOver) return;
    this.#pending = this.#ground.after(ms, () => this.#next());
  }

  /** Does steps until one has to be waited for. */
  #next(): void {
    for (let step = this.#take(); step !== undefined; step = this.#take()) {
      if (step === "later") return;
      this.#steps += 1;
      if (!this.#do(step, step.deed)) return;
    }
    this.#end(undefined);
  }

  /** The next step; "later" when it is not due yet. */
  #take(): Step | "later" | undefined {
    for (let level = this.#levels.at(-1); level !== undefined; level = this.#levels.at(-1)) {
      if (level.times > 0) {
        const due = level.next === 0 ? level.starts[0] : undefined;
        if (due !== undefined && due - this.#ground.now() > ROUNDING_MS) return this.#later(due);
        const step = level.steps[level.next];
        if (step !== undefined) {
          if (level.next === 0) level.starts.shift();
          level.next += 1;
          return step;
        }
        level.times -= 1;
        level.next = 0;
      } else if (level.endAt - this.#ground.now() > ROUNDING_MS) {
        return this.#later(level.endAt);
      } else {
        this.#levels.pop();
      }
    }
    return undefined;
  }

  #later(at: number): "later" {
    this.#proceed(at - this.#ground.now());
    return "later";
  }

  /** Times of the rounds, in order, never too close. */
  #scatter(times: number, overMs: number): number[] {
    const gap = ScenarioLimit.GAP_MS;
    const span = overMs - times * gap;
    const drawn = Array.from({ length: times }, () => Math.floor(this.#random.next() * (span + 1)));
    return drawn.sort((a, b) => a - b).map((at, index) => this.#ground.now() + at + index * gap);
  }

  /** True when the next step may follow at once. */
  #do(step: Step, deed: Deed): boolean {
    switch (deed.type) {
      case "say":
        this.#tell(1, "note", deed.text);
        return true;
      case "after":
        this.#proceed(deed.ms);
        return false;
      case "wait":
        return this.#await(
          step,
          deed.withinMs,
          deed.board,
          () => this.#hasHeard(deed.board, deed.words),
          () => `waited ${durationText(deed.withinMs)} for "${deed.words.join('", "')}"; ${this.#lastOf(deed.board)}`,
        );
      case "until":
        return this.#await(
          step,
          deed.withinMs,
          deed.claim.board,
          () => this.#differences(deed.claim).length === 0,
          () => `waited ${durationText(deed.withinMs)}, and ${this.#differences(deed.claim).join(", ")}`,
        );
      case "expect":
        return this.#expect(step, deed.claim);
      case "repeat":
        this.#repeat(deed);
        return true;
      case "never":
        this.#forbidden.push({ step, board: deed.board, words: deed.words });
        return true;
      case "hold":
        this.#act(step, deed);
        this.#ground.stage.act({ type: "down", board: this.#number(deed.board) });
        this.#ground.after(deed.ms, () => this.#ground.stage.act({ type: "up", board: this.#number(deed.board) }));
        this.#proceed(deed.ms);
        return false;
      case "form":
        return this.#fill(step, deed.board, deed.fields);
      default:
        this.#act(step, deed);
        this.#perform(deed);
        return true;
    }
  }

  #repeat({ times, overMs, steps }: Extract<Deed, { type: "repeat" }>): void {
    const starts = overMs === undefined ? [] : this.#scatter(times, overMs);
    this.#levels.push({ steps, next: 0, times, starts, endAt: this.#ground.now() + (overMs ?? 0) });
  }

  /** From now on new words count. */
  #act(step: Step, deed: Deed): void {
    this.#heard.clear();
    this.#tell("board" in deed ? deed.board : 1, "step", step.text);
  }

  #perform(
    deed: Exclude<Deed, { type: "say" | "after" | "wait" | "until" | "expect" | "never" | "repeat" | "hold" | "form" }>,
  ): void {
    const { stage } = this.#ground;
    switch (deed.type) {
      case "wifi":
      case "broker":
        stage.act({ type: deed.type, on: deed.on });
        return;
      case "forget":
        stage.act({ type: "forget" });
        return;
      case "speed":
        stage.act({ type: "time", speed: deed.speed });
        return;
      case "power":
        stage.act({ type: "power", board: this.#number(deed.board), on: deed.on });
        return;
      case "fault": {
        const { fault, on } = deed;
        const isHome = FAULTS.find(({ name }) => name === fault)?.scope === "home";
        stage.act(
          isHome ? { type: "fault", fault, on } : { type: "fault", fault, on, board: this.#number(deed.board) },
        );
        return;
      }
      default:
        stage.act({ type: deed.type, board: this.#number(deed.board) });
    }
  }

  #await(step: Step, ms: number, board: number, condition: () => boolean, why: () => string): boolean {
    if (condition()) return true;
    this.#condition = condition;
    this.#deadline = this.#ground.after(ms, () => {
      this.#condition = undefined;
      this.#fail(step, board, why());
    });
    return false;
  }

  #expect(step: Step, claim: Claim): boolean {
    const differences = this.#differences(claim);
    if (differences.length > 0) {
      this.#fail(step, claim.board, differences.join(", "));
      return false;
    }
    const { board: _board, ...rest } = claim;
    const words = Object.entries(rest).map(([name, value]) => `${name} ${shown(value)}`);
    this.#tell(claim.board, "holds", words.join(", "));
    if (this.#held.length < HELD_KEPT) this.#held.push(words.join(", "));
    return true;
  }

  #fill(step: Step, board: number, fields: Readonly<Record<string, string>>): boolean {
    if ((this.#view(board)?.setup ?? "") === "") {
      this.#fail(step, board, "the setup is not open: `until: { setup: on }` waits for it");
      return false;
    }
    this.#act(step, { type: "form", board, fields });
    const filled = Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, this.#homeWord(value)]));
    this.#ground.submit(this.#number(board), filled, (status) => {
      if (this.#isOver) return;
      if (status === 200) this.#proceed();
      else this.#fail(step, board, `the box has answered ${status}`);
    });
    return false;
  }

  /** What a person would read off the bench: `$ssid`, `$password`, `$host` and `$port` of the simulated home. */
  #homeWord(value: string): string {
    const { ssid, password, broker } = this.#ground.home;
    const [, host = "", port = ""] = /^(?:[^@]*@)?(.*):(\d+)$/.exec(broker) ?? [];
    const words: Readonly<Record<string, string>> = { $ssid: ssid, $password: password, $host: host, $port: port };
    return words[value] ?? value;
  }

  #hasHeard(board: number, words: readonly string[]): boolean {
    const heard = this.#heard.get(this.#number(board)) ?? [];
    const places = words.map((word) => heard.findIndex((said) => begins(said, word)));
    if (places.includes(-1)) return false;
    // Each is used up: the next wait for the same word is for the next one.
    for (const place of places.sort((a, b) => b - a)) heard.splice(place, 1);
    return true;
  }

  /** What is other than claimed, in words. */
  #differences(claim: Claim): string[] {
    const view = this.#view(claim.board);
    if (view === undefined) return [`there is no board ${claim.board}`];
    const { board: _board, ...rest } = claim;
    const actual: Readonly<Record<string, unknown>> = { ...view, setup: view.setup !== "", mAh: view.chargeMah };
    return Object.entries(rest)
      .filter(([name, value]) => !holds(actual[name], value))
      .map(([name, value]) => `${name} is ${shown(actual[name])}, not ${shown(value)}`);
  }

  #lastOf(board: number): string {
    const last = this.#last.get(this.#number(board));
    return last === undefined ? "the box has said nothing" : `the last that the box said is "${last}"`;
  }

  #view(board: number): BoardView | undefined {
    return this.#ground.view(this.#number(board));
  }

  #number(board: number): number {
    return this.#ground.boards[board - 1] ?? -1;
  }

  #tell(board: number, word: string, detail: string): void {
    this.#ground.tell(this.#number(board), word, detail);
  }

  #fail(step: Step, board: number, why: string): void {
    const where = step.line === 0 ? "" : `line ${step.line}, `;
    const which = this.#ground.boards.length > 1 ? `, board ${board}` : "";
    const failure = `${where}${step.text}${which}: ${why}`;
    this.#tell(board, "failed", failure);
    this.#end(failure);
  }

  #end(failure: string | undefined): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#condition = undefined;
    this.#deadline?.cancel();
    this.#pending?.cancel();
    this.#unsubscribe();
    if (failure === undefined) this.#ground.tell(this.#ground.boards[0] ?? 0, "scenario", "done, all of it held");
    this.#finish({ failure, steps: this.#steps, held: this.#held });
  }
}

/** `config saved` is said by `config` and by `config saved`, not by `con`. */
function begins(said: string, words: string): boolean {
  return said.startsWith(words) && !/^[\w-]/.test(said.slice(words.length));
}

/** A figure may be wanted in a range; of the rest each is what it is. */
function holds(actual: unknown, wanted: Claim[keyof Claim]): boolean {
  return typeof actual === "number" && typeof wanted !== "boolean" && wanted !== undefined
    ? fits(actual, wanted)
    : actual === wanted;
}

function shown(value: unknown): string {
  if (typeof value === "number") return String(Math.round(value * 1000) / 1000);
  if (typeof value === "boolean") return value ? "on" : "off";
  return value === "" ? "unknown" : String(value);
}

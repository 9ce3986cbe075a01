// One board on the bench: its flash file, its gestures, and its story in lines. Turns a board's events into what views
// show and a view's actions into what a finger or a plug would do. Knows its own board only.

import { defaultRoot, type Settings } from "../src/alertbox/settings.js";
import { BoxTimes } from "../src/alertbox/state.js";
import { Board, type BoardEvent, ResetReason } from "./board.js";
import type { Clock, Scheduled } from "./clock.js";
import { Finger } from "./finger.js";
import { FlashFile } from "./flash-file.js";
import { type JournalReport, journalReport, settingsReport } from "./flash-report.js";
import type { BoardFault } from "./home-faults.js";
import type { Network, Traffic } from "./network.js";
import { NorFlash } from "./nor-flash.js";
import type { BrokerAddress } from "./options.js";
import type { FaultName } from "./page/details.js";
import type { Action, BenchEvent, BoardView, Home, Line, PowerState, Presence } from "./page/protocol.js";
import { PressTally } from "./press-tally.js";
import type { Airspace } from "./radio.js";
import type { Random } from "./random.js";

/** How long a blackout lasts, in milliseconds. */
const BLACKOUT_MS = 1000;

/** A hold of so many milliseconds is no alert (DESIGN §9). */
const SETUP_HOLD_MS = 5000;

/** The port of the setup page on the board, and how often its countdown is told, in milliseconds. */
export const SETUP_PORT = 80;
const COUNTDOWN_MS = 1000;

/** GPIO of the button and of the LED: the NodeMCU's FLASH button; for a battery box D1, which boot does not need. */
const Pin = Object.freeze({ FLASH: 0, D1: 5, LED: 2 } as const);

/** What concerns one board. */
export type BoardAction = Exclude<Extract<Action, { readonly board: number }>, { readonly type: "remove" }>;

/** A board to be added; like those of the options unless it says whether it is new. */
export interface AddedBoard {
  readonly mode: BoardView["mode"];
  readonly wiring: BoardView["wiring"];
  readonly factoryNew?: boolean;
}

/** A line before the bench numbers it and adds its times. */
export type Told = Pick<Line, "word" | "detail" | "source"> & { readonly ms?: number; readonly opens?: boolean };

/** What a board is from its beginning to its end. */
export interface BoardPlan {
  /** Its number on the bench; never used again. */
  readonly index: number;
  readonly chipId: number;
  readonly mode: BoardView["mode"];
  /** How its button is soldered. */
  readonly wiring: BoardView["wiring"];
  readonly quiet: boolean;
  readonly factoryNew: boolean;
  /** Topic root; undefined: the firmware's default. */
  readonly root: string | undefined;
  /** Where its flash is kept between runs, if anywhere. */
  readonly flash: string | undefined;
}

export interface Surroundings {
  readonly clock: Clock;
  /** Calls back when what happens now is over, at the same instant. */
  soon(callback: () => void): void;
  readonly network: Network;
  readonly airspace: Airspace;
  readonly random: Random;
  readonly home: Home;
  line(line: Told): void;
  emit(event: BenchEvent): void;
  /** The board is taken away. */
  closed(): void;
  /** The alerts of this board go to another root from now on. */
  moved(root: string): void;
}

const WIRING_WORDS = Object.freeze({
  gpio: "D3",
  rst: "RST",
  "rst+gpio": "RST and a GPIO",
} as const);

/** Settings that the firmware uses as long as its flash holds none: what the manifest's `config` is on the chip. */
function buildConfig(plan: BoardPlan, broker: BrokerAddress, home: Home): Record<string, unknown> {
  const { mode, wiring, quiet, root } = plan;
  const { host, port, user, password } = broker;
  const pins = { led: Pin.LED, button: Pin.FLASH, wakeButton: Pin.D1 };
  if (plan.factoryNew) return pins;
  const wifi = [{ ssid: home.ssid, password: home.password }];
  const settings = { wifi, host, port, user, password, mode, wiring, quiet };
  return { ...pins, settings: root === undefined ? settings : { ...settings, root } };
}

export class BenchBoard {
  readonly index: number;
  readonly board: Board;
  /** What the journal held before the power was switched on. */
  readonly before: JournalReport;
  readonly plan: BoardPlan;
  /** Without saved settings. */
  readonly #firstRoot: string;
  /** What was saved by a setup or a command. */
  #saved: Settings | undefined;
  readonly #surroundings: Surroundings;
  readonly #file: FlashFile | undefined;
  readonly #finger: Finger;
  readonly #tally: PressTally;
  /** When it was put on the table. */
  readonly #since: number;
  #chapterAt: number | undefined;
  #pressedAt = 0;
  #resetAsked = false;
  #crashed = false;
  /** Power is to fail at the next flash operation. */
  #cutsFlash = false;
  #closed = false;
  /** In deep sleep; the contact that chatters on the way up resets a chip that is awake again. */
  #asleep = false;
  #answers = 0;
  #presence: Presence = "";
  #presenceTopic: string | undefined;
  #changed = false;
  /** URL of the setup page while it can be reached, another one for a browser here, and when it closes. */
  #setup = "";
  #door = "";
  #setupUntil = 0;
  #countdown: Scheduled | undefined;

  /** @throws FlashFileError when the flash file cannot be used. */
  constructor(plan: BoardPlan, broker: BrokerAddress, surroundings: Surroundings) {
    const { chipId, root, wiring } = plan;
    const { clock, network, airspace, random, home } = surroundings;
    this.index = plan.index;
    this.#since = clock.now;
    this.#firstRoot = root ?? defaultRoot(chipId);
    this.plan = plan;
    this.#surroundings = surroundings;
    const flash = new NorFlash(undefined, random.fork("flash"));
    if (plan.flash !== undefined) this.#file = new FlashFile(plan.flash, flash);
    this.before = journalReport(flash);
    this.#tally = new PressTally(this.before.pushes);
    this.#saved = settingsReport(flash, chipId);
    const config = buildConfig(plan, broker, home);
    this.board = new Board({ chipId, clock, network, airspace, random, flash, config, wiring });
    this.board.station = this.#file?.station;
    this.#finger = new Finger(clock, this.board.button);
    this.board.on((event) => this.#on(event));
  }

  /** Where its alerts go. */
  get root(): string {
    return this.#saved?.root ?? this.#firstRoot;
  }

  get view(): BoardView {
    const { board } = this;
    const left = this.#setup === "" ? 0 : this.#setupUntil - this.#surroundings.clock.now;
    return {
      index: this.index,
      chipId: board.chipId,
      mode: this.#saved?.mode ?? this.plan.mode,
      wiring: this.plan.wiring,
      root: this.root,
      power: board.state,
      pressed: board.button.isDown,
      led: board.led.on,
      presence: this.#presence,
      setup: this.#door || this.#setup,
      setupSeconds: Math.max(0, Math.round(left / 1000)),
      boots: board.boots,
      presses: this.#tally.presses,
      alerts: this.#tally.alerts,
      duplicates: this.#tally.duplicates,
      chargeMah: board.chargeMah,
      asleep: (100 * board.supply.asleepMs) / Math.max(1, this.#surroundings.clock.now - this.#since),
      faults: this.#faults,
    };
  }

  get #faults(): FaultName[] {
    const faults: FaultName[] = [];
    if (this.#finger.isWorn) faults.push("bounce");
    if (this.#cutsFlash) faults.push("flash-cut");
    return faults;
  }

  get power(): PowerState {
    return this.board.state;
  }

  /** Whether the finger is on the button, or moves. */
  get busy(): boolean {
    return this.#finger.busy;
  }

  /** Presses that were let go again. */
  get presses(): number {
    return this.#tally.presses;
  }

  /** Different alerts of this run's presses that the subscriber has seen. */
  get delivered(): number {
    return this.#tally.alerts - this.#tally.carried;
  }

  /** The same for presses of earlier runs, whose flash was brought along. */
  get carriedDelivered(): number {
    return this.#tally.carried;
  }

  /** Alerts in the journal that are not delivered, from a copy of the flash. */
  get pending(): number {
    return journalReport(this.board.flash).pending;
  }

  /** How many presses the firmware has answered: stored, or said that it could not. */
  get answers(): number {
    return this.#answers;
  }

  /** Milliseconds from the finger to the subscriber, of the latest alerts of this run that arrived. */
  get arrivalMs(): readonly number[] {
    return this.#tally.arrivalMs;
  }

  powerOn(): void {
    if (this.board.state !== "off" || this.#closed) return;
    this.#tell("power on", "", true);
    this.board.powerOn();
  }

  /** Switches a fault of scope `board`. False when it is that already. */
  setFault(fault: BoardFault, on: boolean): boolean {
    if (on === this.#faults.includes(fault)) return false;
    if (fault === "bounce") {
      this.#finger.isWorn = on;
    } else {
      const { flash } = this.board;
      this.#cutsFlash = on;
      flash.cutAt = on ? { operation: flash.operations + 1 } : undefined;
    }
    this.#show();
    return true;
  }

  act(action: BoardAction): void {
    const { board } = this;
    const { clock } = this.#surroundings;
    switch (action.type) {
      case "down":
        this.#finger.down();
        return;
      case "up":
        this.#finger.up();
        return;
      case "press":
      case "double":
      case "long":
        this.#finger.gesture(action.type);
        return;
      case "setup":
      case "factory":
        // Where a press stops the CPU no hold can be measured: presses in a row are counted instead.
        if (this.plan.wiring === "rst") this.#finger.gesture(action.type === "setup" ? "five" : "ten");
        else this.#finger.gesture(action.type);
        return;
      case "crash":
        board.fault(ResetReason.softwareWatchdog);
        return;
      case "reset":
        if (board.state === "off") return;
        this.#resetAsked = true;
        board.reset();
        this.#resetAsked = false;
        return;
      case "power":
        if (action.on) this.powerOn();
        else this.#cutPower();
        return;
      case "blackout":
        this.#cutPower();
        clock.schedule(BLACKOUT_MS, () => this.powerOn());
        return;
    }
  }

  /** The independent subscriber saw an alert of this board. */
  arrived(id: string | undefined, payload: string): void {
    const again = this.#tally.arrived(id, payload, this.#surroundings.clock.now);
    this.#surroundings.line({ source: "alert", word: again ? "arrived again" : "arrived", detail: payload });
    this.#show();
  }

  /**
   * The broker says something new about this board. `topic`: where; one that is cleared says nothing when presence is
   * told under another one by now.
   */
  present(presence: Presence, topic?: string): void {
    if (presence === "" && topic !== undefined && topic !== this.#presenceTopic) return;
    this.#presenceTopic = topic;
    if (presence === this.#presence) return;
    this.#presence = presence;
    this.#show();
  }

  /** What the box tells a phone about its time is heard, and shown on the bench. */
  overheard({ port, direction, bytes }: Traffic): void {
    if (port !== SETUP_PORT || direction !== "up" || this.#setup === "") return;
    const left = /"left":(\d+)/.exec(Buffer.from(bytes).toString("latin1"))?.[1];
    if (left === undefined) return;
    this.#setupUntil = this.#surroundings.clock.now + Number(left) * 1000;
  }

  /** A browser of this computer finds the setup page there, as long as it is open. */
  doorAt(url: string): void {
    if (this.#setup === "") return;
    this.#door = url;
    this.#tell("setup door", `${url}  for a browser here`, false);
    this.#show();
  }

  /** Milliseconds since the chapter began that this line belongs to; it may begin one itself. */
  sinceChapter(now: number, opens: boolean): number | undefined {
    if (opens) this.#chapterAt = now;
    return this.#chapterAt === undefined ? undefined : now - this.#chapterAt;
  }

  /** Takes its power away, in silence and for good; its flash is in its file then. */
  close(): void {
    this.#closed = true;
    this.#surroundings.closed();
    this.#setup = "";
    this.#door = "";
    this.#countdown?.cancel();
    this.#finger.close();
    this.board.close();
    this.#file?.close();
  }

  /** Power has failed; by the fault of that name it did in the middle of a flash operation. */
  #powerFailed(): void {
    if (!this.#cutsFlash || this.board.flash.cutAt !== undefined) return;
    this.#cutsFlash = false;
    this.#file?.save();
    this.#tell("power off", "in the middle of a flash write", false);
    this.#surroundings.clock.schedule(BLACKOUT_MS, () => this.powerOn());
  }

  #cutPower(): void {
    if (this.board.state === "off") return;
    this.board.cutPower();
    // What a cut tore is not told as a finished operation, but it is in the flash.
    this.#file?.save();
    this.#tell("power off", "", false);
  }

  #tell(word: string, detail: string, opens: boolean): void {
    this.#surroundings.line({ source: "bench", word, detail, opens });
  }

  /** Tells the views about this board once, after whatever else happens in the same turn. */
  #show(): void {
    if (this.#changed) return;
    this.#changed = true;
    this.#surroundings.soon(() => {
      this.#changed = false;
      if (!this.#closed) this.#surroundings.emit({ type: "board", board: this.view });
    });
  }

  #on(event: BoardEvent): void {
    if (this.#file !== undefined) this.#file.station = this.board.station;
    switch (event.type) {
      case "led":
        this.#surroundings.emit({ type: "led", board: this.index, on: event.on, at: event.at });
        return;
      case "step":
        if (event.word === "stored" || event.word === "not-stored") this.#answers++;
        this.#surroundings.line({ source: "firmware", word: event.word, detail: event.detail, ms: event.ms });
        if (event.word === "config" || event.word === "factory-reset") this.#onSettings();
        break;
      case "log":
        // Steps come as "step"; whatever else the firmware says is shown as it is.
        if (!/^\[-?\d+\] ./.test(event.text)) {
          this.#surroundings.line({ source: "firmware", word: "log", detail: event.text });
        }
        return;
      case "button":
        this.#onButton(event.down, event.at);
        return;
      case "listening":
        if (event.protocol !== "tcp" || event.port !== SETUP_PORT) return;
        if (event.local === undefined) this.#closeSetup();
        else this.#openSetup(`http://${event.address}${event.local === 80 ? "" : `:${event.local}`}/`);
        return;
      case "reset":
        this.#closeSetup();
        this.#onReset(event.reason);
        return;
      case "fault":
        this.#crashed = true;
        this.#surroundings.line({ source: "crash", word: "crash", detail: "the watchdog bites", opens: true });
        break;
      case "crash":
        this.#crashed = true;
        this.#surroundings.line({ source: "crash", word: "crash", detail: describe(event.error) });
        break;
      case "sleep":
        this.#asleep = true;
        break;
      case "power":
        if (event.state === "off" || event.state === "asleep") this.#closeSetup();
        if (event.state === "off") this.#powerFailed();
        break;
      default:
        return;
    }
    this.#show();
  }

  #onButton(down: boolean, at: number): void {
    if (down) {
      this.#pressedAt = at;
      this.#tally.down(at);
      this.#tell("pressed", "", true);
    } else {
      const held = at - this.#pressedAt;
      this.#tally.up(held < SETUP_HOLD_MS || this.plan.wiring !== "gpio");
      if (held >= 1000) this.#tell("released", `held ${(held / 1000).toFixed(1)} s`, false);
    }
    this.#show();
  }

  #openSetup(url: string): void {
    const { clock, home } = this.#surroundings;
    const { mode, wiring } = this.plan;
    this.#setup = url;
    this.#setupUntil = clock.now + BoxTimes.setup;
    this.#tell("setup open", `${url}  closes in ${BoxTimes.setup / 1000} s`, false);
    const power = mode === "battery" ? `; battery, button on ${WIRING_WORDS[wiring]}` : "";
    this.#tell("home", `Wi-Fi "${home.ssid}", password "${home.password}"; broker ${home.broker}${power}`, false);
    this.#countDown();
  }

  #countDown(): void {
    if (this.#setup === "") return;
    this.#show();
    this.#countdown = this.#surroundings.clock.schedule(COUNTDOWN_MS, () => this.#countDown());
  }

  #closeSetup(): void {
    if (this.#setup === "") return;
    this.#setup = "";
    this.#door = "";
    this.#countdown?.cancel();
    const isNew = this.#saved === undefined && this.plan.factoryNew;
    this.#tell("setup closed", isNew ? "a reset (r) opens it again" : "", false);
    this.#show();
  }

  /** Settings may have been saved or erased: what the bench knows of the box follows. */
  #onSettings(): void {
    const { root } = this;
    const { wiring } = this.plan;
    const before = this.#saved?.wiring;
    this.#saved = settingsReport(this.board.flash, this.board.chipId);
    const now = this.#saved?.wiring;
    if (now !== undefined && now !== before && now !== wiring) {
      const other = `${WIRING_WORDS[now]} by its settings, but soldered to ${WIRING_WORDS[wiring]}`;
      this.#tell("button", `${other}: start with --mode ${this.#saved?.mode} --wiring ${now}`, false);
    }
    if (this.root !== root) this.#surroundings.moved(this.root);
  }

  #onReset(reason: number): void {
    if (this.#resetAsked) this.#tell("reset", "", true);
    else if (this.#asleep && !this.board.button.isDown) this.#tell("woke", "by its timer", true);
    else if (this.#crashed) this.#tell("restart", "after the crash", false);
    else if (reason === ResetReason.softwareRestart) this.#tell("restart", "", true);
    this.#crashed = false;
    this.#asleep = false;
  }
}

/** The message and the place of the first frame: enough for a line. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = error.stack?.split("\n").find((text) => /^\s+at /.test(text));
  return `${error.name}: ${error.message}${frame === undefined ? "" : `,${frame.replace(/^\s+at /, " at ")}`}`;
}

// One virtual ESP8266 board: supply, reset logic, pins with a button and an LED, flash, RTC memory, and the boots of
// its image. What survives what is decided here: flash survives everything, RTC memory survives reset and sleep, all
// else ends with the boot. Knows no module of Moddable and nothing of what the firmware is for.

import {
  type BoardEvent,
  type BoardEventBody,
  type BoardState,
  type FaultReason,
  type LedChange,
  RadioOption,
  ResetReason,
} from "./board-event.js";
import { Boot } from "./boot.js";
import { Button, type Wiring } from "./button.js";
import type { Clock, Scheduled } from "./clock.js";
import { globalsWith, type Image, loadImage, mathWith } from "./image.js";
import { createModules } from "./modules/index.js";
import { createSystem } from "./modules/system.js";
import type { Network } from "./network.js";
import { NorFlash } from "./nor-flash.js";
import { Pins } from "./pins.js";
import type { Airspace, KeptStation } from "./radio.js";
import type { Random } from "./random.js";
import { RtcMemory } from "./rtc.js";
import { keep, SerialLog } from "./serial-log.js";
import { Supply } from "./supply.js";

export * from "./board-event.js";
export type { Wiring } from "./button.js";

export interface BoardOptions {
  clock: Clock;
  network: Network;
  airspace: Airspace;
  random: Random;
  /** `system_get_chip_id()`: 24 bits of the MAC address. 5750 unless given. */
  chipId?: number | undefined;
  /** What people call it; the chip id unless given. */
  name?: string | undefined;
  flash?: NorFlash | undefined;
  /** What `mc/config` gives. `button` (0 unless given) is the button's GPIO, `wakeButton` that of `rst+gpio`. */
  config?: Record<string, unknown> | undefined;
  wiring?: Wiring | undefined;
  /** 3300 unless given. */
  millivolts?: number | undefined;
  /**
   * From the end of reset to the first line of firmware, ms; 120 unless given (113 measured: pokewithastick.net,
   * 2022-02). The short calibration of the radio after most resets is in it.
   */
  bootMs?: number | undefined;
  /** What `Time.ticks` starts from at each boot; for clocks about to wrap. */
  ticksAtBoot?: number | undefined;
  image?: Image | undefined;
  /** Whether GPIO16 is wired to RST, so that the timer can end deep sleep. True unless the wiring is `rst`. */
  timerWake?: boolean | undefined;
}

/** The LED of NodeMCU and D1 mini modules is on GPIO2, lit when low. */
const ledPin = 2;

/**
 * How much longer a boot takes with all of the radio calibrated, ms. "About 200ms", against 20 for the TX power alone,
 * which is what byte 114 of the init data asks for after power-on and other resets (core_esp8266_phy.c of Arduino core
 * 2.3.0), and 2 without any. Those 18 are not taken off the measured boot for RadioOption.noCalibration.
 */
const calibrationMs = 200;

/**
 * What an exception that leaves JavaScript does: XS calls fxAbort, that calls c_exit, and that is `system_restart()` on
 * this chip (xs/platforms/esp/xsHost.h, xsPlatform.c).
 */
const crashReason = ResetReason.softwareRestart;

export class Board {
  readonly chipId: number;
  readonly name: string;
  readonly clock: Clock;
  readonly network: Network;
  readonly airspace: Airspace;
  readonly flash: NorFlash;
  readonly rtc = new RtcMemory();
  readonly pins = new Pins();
  readonly supply: Supply;
  readonly button: Button;
  readonly config: Readonly<Record<string, unknown>>;
  readonly ticksAtBoot: number;
  readonly #random: Random;
  /** What the SDK keeps of the station in flash, over power loss. The radio reads and writes it. */
  station: KeptStation | undefined;
  readonly #image: Image;
  readonly #bootMs: number;
  readonly #timerWake: boolean;
  readonly #serial: SerialLog;
  readonly #listeners = new Set<(event: BoardEvent) => void>();
  readonly #ledHistory: LedChange[] = [];
  #state: BoardState = "off";
  #resetReason: number = ResetReason.powerOn;
  #boot: Boot | undefined;
  #waiting: Scheduled | undefined;
  #rstHeld = false;
  #ledOn = false;
  #radioOn = false;
  #radioOption: number = RadioOption.asInitData;
  #fault = { cause: 0, address: 0 };
  #globals: Readonly<Record<string, unknown>> = {};
  #boots = 0;
  #crashes = 0;

  /** A board without power. `powerOn` boots it. */
  constructor(options: BoardOptions) {
    const wiring = options.wiring ?? "gpio";
    this.chipId = options.chipId ?? 5750;
    this.name = options.name ?? String(this.chipId);
    this.clock = options.clock;
    this.network = options.network;
    this.airspace = options.airspace;
    this.ticksAtBoot = options.ticksAtBoot ?? 0;
    this.config = options.config ?? {};
    this.#random = options.random.fork(`board ${this.chipId}`);
    this.#image = options.image ?? loadImage();
    this.#bootMs = options.bootMs ?? 120;
    this.#timerWake = options.timerWake ?? wiring !== "rst";
    this.supply = new Supply(this.clock, options.millivolts ?? 3300);
    this.flash = options.flash ?? new NorFlash(undefined, this.#random.fork("flash"));
    this.flash.onPowerCut = () => this.cutPower();
    this.flash.on((operation) => this.#emit({ type: "flash", ...operation }));
    this.pins.on((pin) => {
      if (pin === ledPin) this.#showLed();
    });
    this.button = new Button({
      clock: this.clock,
      random: this.#random.fork("button"),
      wiring,
      pins: this.pins,
      pin: buttonPin(this.config, wiring),
      resetLine: { low: () => this.#rstLow(), high: () => this.#rstHigh() },
      changed: (down) => this.#emit({ type: "button", down }),
    });
    this.#serial = new SerialLog((text, step) => {
      this.#emit({ type: "log", text });
      if (step !== undefined) this.#emit({ type: "step", ms: step.ms, word: step.word, detail: step.detail });
    });
  }

  get state(): BoardState {
    return this.#state;
  }

  /** The SDK's `rst_info.reason` of the boot that runs, or of the one to come. */
  get resetReason(): number {
    return this.#resetReason;
  }

  /** `exccause` and `epc1` of the reset before the boot that runs; zeros unless that was a fault. */
  get exception(): { readonly cause: number; readonly address: number } {
    return this.#fault;
  }

  /** Whether the radio can be switched on in this boot. */
  get hasRadio(): boolean {
    return this.#radioOption !== RadioOption.off;
  }

  /** How often firmware was started. */
  get boots(): number {
    return this.#boots;
  }

  /** How often an exception left firmware. */
  get crashes(): number {
    return this.#crashes;
  }

  /** The serial log, a line each, without ends of line. */
  get log(): readonly string[] {
    return this.#serial.lines;
  }

  /** Those lines of the log that tell a step. */
  get steps(): SerialLog["steps"] {
    return this.#serial.steps;
  }

  get led(): { readonly on: boolean; readonly history: readonly LedChange[] } {
    return { on: this.#ledOn, history: this.#ledHistory };
  }

  /** Charge drawn so far, mAh. */
  get chargeMah(): number {
    return this.supply.chargeMah;
  }

  /** The supply, mV; may change at any time. */
  get millivolts(): number {
    return this.supply.millivolts;
  }

  set millivolts(millivolts: number) {
    this.supply.millivolts = millivolts;
  }

  /** Whether the radio draws current. What simulates the radio says so; each boot begins with it off. */
  get radioOn(): boolean {
    return this.#radioOn;
  }

  set radioOn(on: boolean) {
    this.#radioOn = on;
    this.#account();
  }

  /** Gives it power. Nothing happens when it has. */
  powerOn(): void {
    if (this.#state !== "off") return;
    this.rtc.scramble(this.#random);
    this.#radioOption = RadioOption.asInitData;
    this.#emit({ type: "power", state: "on" });
    this.#begin(ResetReason.powerOn);
  }

  /** Takes its power away, at once, in the middle of whatever it does. */
  cutPower(): void {
    if (this.#state === "off") return;
    this.#end("off");
    this.#emit({ type: "power", state: "off" });
  }

  /** A pulse on the RST pin: reset reason 6 when awake, 5 in deep sleep. Nothing happens without power. */
  reset(): void {
    this.#rstLow();
    this.#rstHigh();
  }

  /**
   * A watchdog bites, or the processor meets an exception, while firmware runs; otherwise nothing happens.
   * @param cause EXCCAUSE of an exception, such as 28 for a load from an address without memory.
   * @param address where the program was.
   */
  fault(reason: FaultReason, cause = 0, address = 0x40201234): void {
    if (this.#state !== "running") return;
    this.#emit({ type: "fault", reason, cause, address });
    this.#begin(reason);
    this.#fault = { cause, address };
  }

  /** Ends the board silently. It may be powered on again. */
  close(): void {
    this.button.close();
    this.#listeners.clear();
    this.cutPower();
  }

  /** Calls back with each event as it happens. Gives the way to stop that. */
  on(listener: (event: BoardEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** RST is a wire: it is low as long as it is held, with or without power. */
  #rstLow(): void {
    if (this.#rstHeld) return;
    this.#rstHeld = true;
    // The reason is read by the SDK while it boots, so further edges until then do not change it.
    if (this.#state === "booting") this.#begin(this.#resetReason);
    else if (this.#state === "asleep") this.#begin(ResetReason.deepSleepWake);
    else if (this.#state === "running") this.#begin(ResetReason.external);
  }

  #rstHigh(): void {
    this.#rstHeld = false;
    if (this.#state === "booting") this.#startLater();
  }

  /** Ends what runs and begins anew, as far as RST lets it. */
  #begin(reason: number): void {
    this.#end("booting");
    this.#resetReason = reason;
    this.#fault = { cause: 0, address: 0 };
    this.#emit({ type: "reset", reason });
    this.#emit({ type: "power", state: "booting" });
    if (!this.#rstHeld) this.#startLater();
  }

  #startLater(): void {
    this.#waiting?.cancel();
    const calibrates = this.#resetReason === ResetReason.deepSleepWake && this.#radioOption === RadioOption.calibrate;
    this.#waiting = this.clock.schedule(this.#bootMs + (calibrates ? calibrationMs : 0), () => this.#start());
  }

  /** Ends the boot that runs, or the one that was to begin. */
  #end(next: BoardState): void {
    this.#waiting?.cancel();
    this.#waiting = undefined;
    this.#state = next;
    const boot = this.#boot;
    this.#boot = undefined;
    boot?.end();
    this.#serial.flush(this.clock.now);
    this.#radioOn = false;
    this.pins.reset();
    this.#account();
  }

  #start(): void {
    this.#waiting = undefined;
    if (this.pins.level(0) === 0) {
      this.#serial.write(
        "GPIO0 is low at reset: the chip waits for a download, as it would on the table\n",
        this.clock.now,
      );
      return;
    }
    const boot = new Boot({
      board: this,
      clock: this.clock,
      random: this.#random,
      emit: (event) => this.#emit(event),
      print: (text) => this.#serial.write(text, this.#now),
      crash: (error) => this.#crash(boot, error),
    });
    this.#boot = boot;
    this.#state = "running";
    this.#boots += 1;
    this.#account();
    const modules = createModules(boot);
    const globals = globalsWith({
      trace: (...texts: unknown[]) => boot.print(texts.join("")),
      Math: mathWith(() => this.#random.next()),
      System: createSystem(boot, {
        restart: () => this.#begin(ResetReason.softwareRestart),
        deepSleep: (us, option) => this.#sleep(us, option),
      }),
    });
    this.#globals = globals;
    boot.run(() => this.#image.boot(modules, globals, boot));
  }

  #sleep(us: number, option: number | undefined): void {
    if (option !== undefined) this.#radioOption = option;
    this.#emit({ type: "sleep", us });
    this.#end("asleep");
    this.#emit({ type: "power", state: "asleep" });
    if (us > 0 && this.#timerWake) {
      this.#waiting = this.clock.schedule(us / 1000, () => this.#begin(ResetReason.deepSleepWake));
    }
  }

  /** fxAbort of xs/platforms/esp/xsPlatform.c: the abort hook has its say, then a restart. */
  #crash(boot: Boot, error: unknown): void {
    if (this.#abortHook(error) === false || !boot.alive) return;
    this.#crashes += 1;
    this.#serial.flush(this.clock.now);
    const text = error instanceof Error ? (error.stack ?? String(error)) : String(error);
    this.#serial.write(`XS abort: unhandled exception: ${text}\n`, this.clock.now);
    this.#emit({ type: "crash", error });
    this.#begin(crashReason);
  }

  /** Not called when the stack is full; what it throws is dropped. */
  #abortHook(error: unknown): unknown {
    const hook = this.#globals["abort"];
    const isOverflow = error instanceof RangeError && error.message === "Maximum call stack size exceeded";
    if (typeof hook !== "function" || isOverflow) return undefined;
    try {
      return hook.call(this.#globals, "unhandled exception", error);
    } catch {
      return undefined;
    }
  }

  #showLed(): void {
    const on = this.#state === "running" && this.pins.drives(ledPin, 0);
    if (on === this.#ledOn) return;
    this.#ledOn = on;
    keep(this.#ledHistory, { at: this.#now, on });
    this.#emit({ type: "led", on });
  }

  #account(): void {
    const awake = this.#radioOn ? "radio" : "awake";
    this.supply.draw = this.#state === "running" || this.#state === "booting" ? awake : this.#state;
  }

  /** The time of what happens now: where firmware is in the middle of a call that takes time, later than the clock. */
  get #now(): number {
    return this.#boot?.now ?? this.clock.now;
  }

  #emit(body: BoardEventBody): void {
    const event: BoardEvent = { at: this.#now, ...body };
    for (const listener of [...this.#listeners]) {
      try {
        listener(event);
      } catch (error) {
        // A watcher's fault is not the firmware's: it surfaces from the clock, not as a crash of the board.
        this.clock.schedule(0, () => {
          throw error;
        });
      }
    }
  }
}

/** Where the button is soldered: what the build says for its wiring. */
function buttonPin(config: Readonly<Record<string, unknown>>, wiring: Wiring): number {
  const { button, wakeButton } = config as { button?: number; wakeButton?: number };
  return (wiring === "rst+gpio" ? wakeButton : undefined) ?? button ?? 0;
}

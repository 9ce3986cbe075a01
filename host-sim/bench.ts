// The bench: some boards in a world, real or virtual, and whatever is done to them. Terminal and page are views of it:
// they see a Stage, get its events and send it actions. It decides nothing that the firmware decides; it presses, cuts
// and switches, and tells what came of it. What surrounds the boards is bench-world.ts.

import { type AddedBoard, BenchBoard, type BoardPlan, type Told } from "./bench-board.js";
import type { BenchWorld, Submit } from "./bench-world.js";
import { CaptureFile } from "./capture.js";
import type { Scheduled } from "./clock.js";
import { FlashFileError } from "./flash-file.js";
import { HOME } from "./home.js";
import { faultText, isBoardFault } from "./home-faults.js";
import { HomeSwitches } from "./home-switches.js";
import type { Traffic } from "./network.js";
import { Observers } from "./observers.js";
import { alertFilter, boardRoot, OptionLimits, type Options, shownAddress } from "./options.js";
import type { FaultName } from "./page/details.js";
import {
  type Action,
  type BenchEvent,
  type BenchView,
  type BoardView,
  FASTEST,
  type Home,
  isKind,
  type Line,
  type Snapshot,
  type Stage,
  speedsOf,
} from "./page/protocol.js";
import { presenceIn } from "./presence.js";
import { RealWorld } from "./real-world.js";
import { Ring } from "./ring.js";
import type { Scenario } from "./scenario.js";
import { benchGround } from "./scenario-ground.js";
import { ScenarioRecorder } from "./scenario-recorder.js";
import type { Outcome } from "./scenario-run.js";
import { Scenarios } from "./scenarios.js";
import type { Download } from "./server.js";
import { VirtualWorld } from "./virtual-world.js";
import { Witnesses } from "./witnesses.js";

/** Lines kept for a view that comes later. */
const LINES_KEPT = 2000;

/** `Infinity` does not travel as JSON. */
function shownSpeed(speed: number): number {
  return speed === Number.POSITIVE_INFINITY ? FASTEST : speed;
}

export class Bench implements Stage {
  readonly options: Options;
  /** Shown in the place of a person's own bench. */
  visiting = false;
  /** Plays a scenario that wants a virtual world to itself; undefined: nobody does. */
  onVirtual: ((scenario: Scenario) => void) | undefined;
  readonly #world: BenchWorld;
  readonly #boards = new Map<number, BenchBoard>();
  /** The same in the order of their numbers. */
  #list: readonly BenchBoard[] = [];
  #nextIndex = 0;
  readonly #switches: HomeSwitches;
  readonly #home: Home;
  readonly #witnesses: Witnesses;
  readonly #observers: Observers;
  readonly #listeners = new Set<(event: BenchEvent) => void>();
  #recorder: ScenarioRecorder | undefined;
  readonly #scenarios = new Scenarios({
    add: (board) => this.add(board),
    ground: (boards) => benchGround(this, boards),
    changed: () => this.#emit({ type: "bench", bench: this.view }),
    complain: (text) => this.note(undefined, "scenario", text),
    elsewhere: (scenario) => this.#elsewhere(scenario),
  });
  /** That it was started with. */
  readonly #speed: number;
  readonly #lines = new Ring<Line>(LINES_KEPT);
  #lineId = 0;
  #closed = false;

  private constructor(options: Options, world: BenchWorld, captureFile: CaptureFile | undefined) {
    this.options = options;
    this.#world = world;
    this.#speed = shownSpeed(world.clock.speed);
    const { user, host, port } = world.broker;
    this.#home = { ...HOME, broker: `${user === "" ? "" : `${user}@`}${host}:${port}` };
    world.network.onTraffic((traffic) => this.board(traffic.chipId - options.chip)?.overheard(traffic));
    world.onBreach((chipId, statement, detail) =>
      this.note(chipId - options.chip, "breach", `[${statement}] ${detail}`),
    );
    this.#switches = new HomeSwitches({
      airspace: world.airspace,
      accessPoint: world.accessPoint,
      wire: world.wire,
      broker: world.ownBroker,
      done: (word, detail) => this.#tellAll(word, detail),
      refused: (detail) => this.note(undefined, "broker", detail),
    });
    const { mode, wiring } = options;
    try {
      for (let count = 0; count < options.boards; count++) this.#make({ mode, wiring });
    } catch (error) {
      for (const board of this.boards) board.close();
      throw error;
    }
    this.#observers = this.#observe(captureFile);
    this.#witnesses = new Witnesses(
      alertFilter(options).slice(0, -"/alert".length),
      (root) => world.witness(root),
      ({ topic, id, payload }) => {
        const board = this.boards.find(({ root }) => topic === `${root}/alert`);
        if (board === undefined) return;
        board.arrived(id, payload);
        this.#observers.arrived(board.index, id);
      },
    );
    for (const { root } of this.boards) this.#witnesses.follow(root);
    this.#recorder = new ScenarioRecorder(
      this.boards.map(({ plan }) => plan),
      world.clock.now,
      world.seed,
    );
  }

  /** Those that are there, in the order of their numbers. */
  get boards(): readonly BenchBoard[] {
    return this.#list;
  }

  /** The board with this number, while it is there. */
  board(index: number): BenchBoard | undefined {
    return this.#boards.get(index);
  }

  /** Makes the next board, without power. Throws FlashFileError when its flash file cannot be used. */
  #make(added: AddedBoard): BenchBoard {
    const { clock, network, airspace, random, broker } = this.#world;
    const index = this.#nextIndex;
    let closeDoor: () => void = () => undefined;
    const board = new BenchBoard(this.#plan(index, added), broker, {
      clock,
      soon: (callback) => clock.soon(callback),
      network,
      airspace,
      random: random.fork(`board ${index}`),
      home: this.#home,
      line: (line) => this.#tellLine(index, line),
      emit: (event) => this.#emit(event),
      closed: () => closeDoor(),
      moved: (root) => this.#moved(index, root),
    });
    closeDoor = this.#world.openDoor(board.board, (url) => board.doorAt(url));
    this.#nextIndex += 1;
    this.#boards.set(index, board);
    this.#list = [...this.#boards.values()];
    return board;
  }

  #plan(index: number, { mode, wiring, factoryNew = this.options.factoryNew }: AddedBoard): BoardPlan {
    const { chip, boards, flash, quiet } = this.options;
    const chipId = chip + index;
    // A single board has the root and the file themselves; one that comes later must not share them.
    const options = { ...this.options, boards: index < boards ? boards : boards + 1 };
    return {
      index,
      chipId,
      mode,
      wiring,
      quiet: quiet && mode === "battery",
      factoryNew,
      root: boardRoot(options, chipId),
      flash: flash === undefined || options.boards === 1 ? flash : `${flash}.${chipId}`,
    };
  }

  /** What the panels show beyond the boards themselves. */
  #observe(captureFile: CaptureFile | undefined): Observers {
    if (captureFile !== undefined) {
      captureFile.onFailure = (detail) => this.note(undefined, "capture", detail);
    }
    const observers = new Observers({
      network: this.#world.network,
      brokerLine: this.#world.brokerLine(),
      ownBroker: this.#world.ownBroker,
      everything: !this.options.headless,
      captureFile,
      startedAt: this.#world.startedAt,
      now: () => this.now,
      tell: (event) => this.#emit(event),
      heard: (topic, payload) => {
        for (const board of this.boards) {
          const presence = topic === undefined ? "" : presenceIn(topic, payload, board.root, board.view.chipId);
          if (presence !== undefined) board.present(presence, topic);
        }
      },
    });
    for (const board of this.boards) observers.add(board.index, board.board, board.view.wiring, board.root);
    return observers;
  }

  #moved(index: number, root: string): void {
    this.note(index, "topic root", root);
    this.board(index)?.present("");
    this.#observers.follow(root);
    this.#witnesses.follow(root);
  }

  /**
   * Starts everything and powers the boards on. Waits for the independent subscriber, but not longer than `patienceMs`:
   * a broker that is away or refuses is something to watch, not an error of the bench. Where a scenario is to be played
   * in a virtual world, its time begins with that.
   * @throws Error with `code` "EADDRINUSE" when a port asked for is taken; FlashFileError when `--flash` cannot be
   * used, CaptureFileError when `--pcap` cannot be written.
   */
  static async start(options: Options, patienceMs: number): Promise<Bench> {
    const world = options.virtual ? new VirtualWorld(options) : await RealWorld.open(options);
    let captureFile: CaptureFile | undefined;
    let bench: Bench;
    try {
      captureFile = options.pcap === undefined ? undefined : new CaptureFile(options.pcap);
      bench = new Bench(options, world, captureFile);
    } catch (error) {
      captureFile?.close();
      world.clock.close();
      await world.close();
      throw error;
    }
    await bench.#witnesses.ready(patienceMs, (why) => bench.note(undefined, "observer", why));
    for (const board of bench.boards) board.powerOn();
    if (options.scenario === undefined) world.clock.resume();
    return bench;
  }

  /** The boards' time: milliseconds since the bench began, `--speed` of them in a real one. */
  get now(): number {
    return this.#world.clock.now;
  }

  get view(): BenchView {
    const { broker, clock, kind, ownBroker } = this.#world;
    return {
      build: "",
      now: clock.now,
      broker: shownAddress(broker),
      brokerOurs: ownBroker !== undefined,
      brokerOn: this.#switches.brokerOn,
      wifiOn: this.#switches.wifiOn,
      faults: this.#switches.faults,
      world: kind,
      visiting: this.visiting,
      speed: shownSpeed(clock.speed),
      paused: clock.paused,
      scenario: this.#scenarios.view,
      watch: this.#world.watchLine(alertFilter(this.options)),
      home: this.#home,
    };
  }

  snapshot(): Snapshot {
    return this.#observers.complete({
      type: "snapshot",
      bench: this.view,
      scenarios: this.options.headless ? [] : this.#scenarios.list,
      boards: this.boards.map((board) => board.view),
      lines: this.#lines.items,
    });
  }

  /** Files that a page may offer, by their paths. */
  get downloads(): ReadonlyMap<string, () => Download> {
    return new Map([
      ["/alertbox.pcap", () => ({ type: "application/vnd.tcpdump.pcap", body: this.#observers.capture })],
      ["/scenario.yaml", () => ({ type: "application/yaml", body: Buffer.from(this.recorded()) })],
    ]);
  }

  on(listener: (event: BenchEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Hears all traffic of the boards from now on; gives the function that ends it. */
  onTraffic(listener: (traffic: Traffic) => void): () => void {
    return this.#world.network.onTraffic(listener);
  }

  /** Calls back after so many milliseconds of the boards' time, unless that is cancelled or the bench closed before. */
  after(ms: number, callback: () => void): Scheduled {
    return this.#world.clock.schedule(ms, callback);
  }

  /**
   * Tells a line of the story that is neither the firmware's nor an alert.
   * @param board undefined: what concerns no board more than another stands with the first one.
   */
  note(board: number | undefined, word: string, detail: string): void {
    this.#tellLine(board ?? this.boards[0]?.index ?? 0, { source: "bench", word, detail });
  }

  /** Fills in the setup page of a board as a phone does. */
  submit(index: number, ...[fields, done]: Parameters<Submit>): void {
    const board = this.board(index);
    if (board === undefined) done("the board is not there any more");
    else this.#world.submit(board.board, board.view.setup, fields, done);
  }

  /** What was done on this bench so far, as a scenario. */
  recorded(): string {
    return this.#recorder?.text("What was done on the bench") ?? "";
  }

  act(action: Action): void {
    if (this.#closed) return;
    this.#recorder?.act(action, this.now);
    switch (action.type) {
      case "wifi":
        this.#switches.switchWiFi(action.on);
        return;
      case "broker":
        this.#switches.switchBroker(action.on);
        return;
      case "publish":
        this.#observers.publish(action);
        return;
      case "play":
      case "stop":
        this.#scenarios.act(action);
        return;
      case "forget":
        this.#forget();
        return;
      case "fault":
        this.#switchFault(action.fault, action.on, action.board);
        return;
      case "time":
        this.#setTime(action.speed);
        return;
      case "step":
        if (!this.#world.clock.paused) return;
        this.#world.clock.step();
        this.#emit({ type: "bench", bench: this.view });
        return;
      case "add":
        this.add(action);
        return;
      case "remove":
        this.#remove(action.board);
        return;
      case "back":
        return;
      default:
        this.board(action.board)?.act(action);
    }
  }

  /** Tells what is gathered for the next frame, before a view ends. */
  flush(): void {
    this.#observers.flush();
  }

  /** Ends everything at once; the boards' flash is in its file when this resolves. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#scenarios.stop();
    for (const board of this.boards) board.close();
    this.#world.clock.close();
    this.#listeners.clear();
    await this.#switches.settled();
    await Promise.all([this.#witnesses.close(), this.#observers.close()]);
    await this.#world.close();
  }

  #forget(): void {
    // The subscriber has lost its session, too: it sees nothing until it has subscribed again.
    if (this.#world.ownBroker !== undefined) {
      this.#witnesses.whenBack(() => this.#tellAll("observer", "has subscribed again"));
    }
    this.#switches.forget();
  }

  #switchFault(fault: FaultName, on: boolean, index: number | undefined): void {
    if (!isBoardFault(fault)) {
      this.#switches.switchFault(fault, on);
      return;
    }
    const board = index === undefined ? undefined : this.board(index);
    if (board?.setFault(fault, on)) this.note(board.index, on ? "fault" : "fault over", faultText(fault, on));
  }

  #setTime(speed: number): void {
    const { clock, kind } = this.#world;
    if (speed === 0) {
      clock.pause();
    } else {
      if (!speedsOf({ speed: this.#speed, world: kind }).includes(speed)) return;
      clock.speed = speed === FASTEST ? Number.POSITIVE_INFINITY : speed;
      clock.resume();
    }
    this.#emit({ type: "bench", bench: this.view });
  }

  /** Why such a board cannot be added, if it cannot. */
  #refusal(mode: BoardView["mode"], wiring: BoardView["wiring"]): string | undefined {
    if (!isKind(mode, wiring)) return `no ${mode} box has its button on ${wiring}`;
    if (this.#boards.size >= OptionLimits.BOARDS) return `more than ${OptionLimits.BOARDS} boards`;
    return this.options.chip + this.#nextIndex > OptionLimits.CHIP_ID ? "there is no larger chip id" : undefined;
  }

  /** Puts a board on the table and powers it on. Its number; undefined when it cannot be, and the story says why. */
  add(added: AddedBoard): number | undefined {
    const { mode, wiring } = added;
    const refusal = this.#refusal(mode, wiring);
    if (refusal !== undefined) {
      this.note(undefined, "not added", refusal);
      return undefined;
    }
    let board: BenchBoard;
    try {
      board = this.#make(added);
    } catch (error) {
      if (!(error instanceof FlashFileError)) throw error;
      this.note(undefined, "not added", error.message);
      return undefined;
    }
    this.#observers.add(board.index, board.board, wiring, board.root);
    this.#recorder?.added(board.plan);
    this.#emit({ type: "board", board: board.view });
    this.note(board.index, "added", `${mode}, ${wiring}`);
    this.#witnesses.follow(board.root);
    board.powerOn();
    return board.index;
  }

  /** Plays a scenario on the boards that are there. */
  play(scenario: Scenario, done: (outcome: Outcome) => void): void {
    const boards = this.boards.map(({ index }) => index);
    const { clock } = this.#world;
    this.#scenarios.play(scenario, boards, (outcome) => {
      // Nobody could follow what the boards do from now on.
      if (clock.speed === Number.POSITIVE_INFINITY) this.#setTime(1);
      done(outcome);
    });
    clock.resume();
  }

  /** Whether it is played in another place than on this bench; what is in the way of that is told. */
  #elsewhere(scenario: Scenario): boolean {
    if (scenario.world !== "virtual") return false;
    if (this.onVirtual === undefined) this.note(undefined, "scenario", "it wants a virtual world: --scenario plays it");
    else this.onVirtual(scenario);
    return true;
  }

  /** Cuts its power and takes it off the table. What it had told is forgotten. */
  #remove(index: number): void {
    const board = this.board(index);
    if (board === undefined) return;
    if (this.#boards.size === 1) {
      this.note(undefined, "not removed", "the last board stays");
      return;
    }
    board.close();
    this.#observers.remove(index);
    const { accessPoint, airspace } = this.#world;
    const mac = airspace.radioOn(board.board)?.mac;
    if (mac !== undefined) accessPoint.release(mac);
    this.note(index, "removed", "");
    this.#boards.delete(index);
    this.#list = [...this.#boards.values()];
    this.#lines.retain((line) => line.board !== index);
    this.#emit({ type: "gone", board: index });
    this.#witnesses.keep(this.boards.map(({ root }) => root));
  }

  #tellAll(word: string, detail = ""): void {
    for (const { index } of this.boards) this.note(index, word, detail);
    this.#emit({ type: "bench", bench: this.view });
  }

  #tellLine(index: number, told: Told): void {
    const { now } = this;
    const opens = told.opens ?? false;
    const since = this.board(index)?.sinceChapter(now, opens);
    const { word, detail, source, ms } = told;
    const line: Line = { id: ++this.#lineId, board: index, at: now, since, ms, source, word, detail, opens };
    this.#lines.push(line);
    this.#emit({ type: "line", line });
  }

  #emit(event: BenchEvent): void {
    this.#recorder?.hear(event);
    for (const listener of [...this.#listeners]) listener(event);
  }
}

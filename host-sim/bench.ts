// The bench: one clock of real time, real sockets, an access point, a broker, some boards, and an independent
// subscriber. Terminal and page are views of it: they see a Stage, get its events and send it actions. It decides
// nothing that the firmware decides; it presses, cuts and switches, and tells what came of it.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { AccessPoint } from "./access-point.js";
import { EmbeddedBroker } from "./aedes.js";
import { BenchBoard, type BoardPlan, SETUP_PORT } from "./bench-board.js";
import { CaptureFile } from "./capture.js";
import { RealClock, type Scheduled } from "./clock.js";
import { FlashFileError } from "./flash-file.js";
import { faultText, HomeFaults, isBoardFault } from "./home-faults.js";
import { RealNetwork, type Traffic } from "./network.js";
import { Observers } from "./observers.js";
import {
  alertFilter,
  type BrokerAddress,
  boardRoot,
  OptionLimits,
  type Options,
  shownAddress,
  watchLine,
} from "./options.js";
import type { FaultName } from "./page/details.js";
import {
  type Action,
  type BenchEvent,
  type BenchView,
  type BoardView,
  type Home,
  isKind,
  type Line,
  type Snapshot,
  SPEEDS,
  type Stage,
} from "./page/protocol.js";
import { presenceOf } from "./presence.js";
import { Airspace } from "./radio.js";
import { Random } from "./random.js";
import type { Scenario } from "./scenario.js";
import { benchGround } from "./scenario-ground.js";
import { type RecordedBoard, ScenarioRecorder } from "./scenario-recorder.js";
import type { Outcome } from "./scenario-run.js";
import { Scenarios } from "./scenarios.js";
import type { Download } from "./server.js";
import { WireFaults } from "./wire-faults.js";
import { Witness } from "./witness.js";

/** The home of the virtual boards. Its password is no secret: the network does not exist. */
export const HOME = Object.freeze({ ssid: "home", password: "correct horse" } as const);
/** What else their scans find: an open network that leads nowhere, and one behind a wall. */
const NEIGHBOURS = Object.freeze([
  { ssid: "Café Cvrčak", rssi: -68, channel: 11, hasInternet: false, subnet: "10.1.0" },
  { ssid: "neighbour", password: "not for you", rssi: -84, channel: 1, subnet: "10.2.0" },
] as const);

/** The first board's setup page, unless another port is asked for. */
const FIRST_SETUP_PORT = 8166;

/** Lines kept for a view that comes later. */
const LINES_KEPT = 3000;

function urlOf(broker: BrokerAddress): string {
  const host = broker.host.includes(":") ? `[${broker.host}]` : broker.host;
  const password = broker.password === "" ? "" : `:${encodeURIComponent(broker.password)}`;
  const user = broker.user === "" ? "" : `${encodeURIComponent(broker.user)}${password}@`;
  return `mqtt://${user}${host}:${broker.port}`;
}

/** Throws the system's error when this port of 127.0.0.1 cannot be had: better now than when a setup opens. */
async function requireFree(port: number): Promise<void> {
  const server = createServer().listen({ host: "127.0.0.1", port, exclusive: true });
  await once(server, "listening");
  server.close();
  await once(server, "close");
}

/** A board to be added; like those of the options unless it says whether it is new. */
export interface AddedBoard {
  readonly mode: BoardView["mode"];
  readonly wiring: BoardView["wiring"];
  readonly factoryNew?: boolean;
}

function recordedBoard({ index, view }: BenchBoard, { factoryNew }: Options): RecordedBoard {
  const { mode, wiring } = view;
  return { index, mode, wiring, factoryNew };
}

/** A line before the bench numbers it and adds its times. */
export type Told = Pick<Line, "word" | "detail" | "source"> & { readonly ms?: number; readonly opens?: boolean };

export class Bench implements Stage {
  readonly options: Options;
  readonly broker: BrokerAddress;
  readonly witness: Witness;
  readonly #clock: RealClock;
  readonly #network: RealNetwork;
  readonly #airspace: Airspace;
  /** The access point of the home, and what it was at first. */
  readonly #accessPoint = new AccessPoint(HOME);
  readonly #wire = new WireFaults();
  readonly #random = new Random(randomInt(2 ** 32));
  readonly #boards = new Map<number, BenchBoard>();
  /** The same in the order of their numbers. */
  #list: readonly BenchBoard[] = [];
  #nextIndex = 0;
  readonly #faults = new HomeFaults(this.#accessPoint, this.#wire);
  readonly #embedded: EmbeddedBroker | undefined;
  readonly #home: Home;
  /** The pattern of topic roots that the options ask for. */
  readonly #pattern: string;
  /** The witness and its fellows, by the pattern of topic roots that they watch. */
  readonly #watches = new Map<string, Witness>();
  readonly #observers: Observers;
  readonly #listeners = new Set<(event: BenchEvent) => void>();
  #recorder: ScenarioRecorder | undefined;
  readonly #scenarios = new Scenarios({
    add: (board) => this.add(board),
    ground: (boards) => benchGround(this, boards),
    changed: () => this.#emit({ type: "bench", bench: this.view }),
    complain: (text) => this.#tellFirst({ source: "bench", word: "scenario", detail: text }),
  });
  #lines: Line[] = [];
  #lineId = 0;
  #wifiOn = true;
  #brokerOn = true;
  readonly #farewells: Promise<void>[] = [];
  #brokerWork: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: Options, embedded: EmbeddedBroker | undefined, captureFile: CaptureFile | undefined) {
    this.options = options;
    this.#embedded = embedded;
    this.broker = options.broker ?? { host: "127.0.0.1", port: embedded?.port ?? 1883, user: "", password: "" };
    this.#clock = new RealClock(options.speed);
    this.#airspace = new Airspace(this.#accessPoint, ...NEIGHBOURS);
    const setupPort = options.setupPort ?? FIRST_SETUP_PORT;
    this.#network = new RealNetwork({
      localPort: ({ chipId }, port) => {
        const local = setupPort + chipId - options.chip;
        return port !== SETUP_PORT || setupPort === 0 || local > OptionLimits.PORT ? 0 : local;
      },
      nextFree: options.setupPort === undefined,
      faults: this.#wire,
    });
    this.#network.onTraffic((traffic) => this.board(traffic.chipId - options.chip)?.overheard(traffic));
    const user = this.broker.user === "" ? "" : `${this.broker.user}@`;
    this.#home = { ...HOME, broker: `${user}${this.broker.host}:${this.broker.port}` };
    try {
      for (let count = 0; count < options.boards; count++) this.#make(options.mode, options.wiring);
    } catch (error) {
      for (const board of this.boards) board.close();
      this.#clock.close();
      throw error;
    }
    this.#observers = this.#observe(captureFile);
    this.#pattern = alertFilter(options).slice(0, -"/alert".length);
    this.witness = this.#watch(this.#pattern);
    for (const { root } of this.boards) this.#follow(root);
    this.#recorder = new ScenarioRecorder(
      this.boards.map((board) => recordedBoard(board, options)),
      this.#clock.now,
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
  #make(mode: BoardView["mode"], wiring: BoardView["wiring"], factoryNew = this.options.factoryNew): BenchBoard {
    const index = this.#nextIndex;
    const board = new BenchBoard({ ...this.#plan(index, mode, wiring), factoryNew }, this.broker, {
      clock: this.#clock,
      network: this.#network,
      airspace: this.#airspace,
      random: this.#random.fork(`board ${index}`),
      home: this.#home,
      line: (line) => this.#tellLine(index, line),
      emit: (event) => this.#emit(event),
      moved: (root) => this.#moved(index, root),
    });
    this.#nextIndex += 1;
    this.#boards.set(index, board);
    this.#list = [...this.#boards.values()];
    return board;
  }

  #plan(index: number, mode: BoardView["mode"], wiring: BoardView["wiring"]): BoardPlan {
    const { chip, boards, flash, quiet, factoryNew } = this.options;
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

  /** Watches the alerts of the boards with such a topic root. */
  #watch(pattern: string): Witness {
    const witness = new Witness(urlOf(this.broker), pattern);
    witness.onAlert((alert) => {
      const board = this.boards.find(({ root }) => alert.topic === `${root}/alert`);
      if (board === undefined) return;
      board.arrived(alert.id, alert.payload);
      this.#observers.arrived(board.index, alert.id);
    });
    this.#watches.set(pattern, witness);
    return witness;
  }

  /** What the panels show beyond the boards themselves. */
  #observe(captureFile: CaptureFile | undefined): Observers {
    if (captureFile !== undefined) {
      captureFile.onFailure = (detail) => this.#tellLine(0, { source: "bench", word: "capture", detail });
    }
    const observers = new Observers({
      network: this.#network,
      brokerUrl: urlOf(this.broker),
      ownBroker: this.#embedded,
      everything: !this.options.headless,
      captureFile,
      now: () => this.#clock.now,
      tell: (event) => this.#emit(event),
      heard: (topic, payload) => {
        for (const board of this.boards) {
          if (topic === undefined) board.present("");
          else if (topic === `${board.root}/lwt`) board.present(presenceOf(payload));
        }
      },
    });
    for (const board of this.boards) observers.add(board.index, board.board, board.view.wiring, board.root);
    return observers;
  }

  /** Which of the patterns a topic root is watched by: the first one, with one level for its "+", or itself. */
  #patternOf(root: string): string {
    const first = this.#pattern;
    if (!first.endsWith("/+")) return root;
    const isIn = root.lastIndexOf("/") === first.length - 2 && root.startsWith(first.slice(0, -1));
    return isIn ? first : root;
  }

  /** Watches this root, too. */
  #follow(root: string): void {
    const pattern = this.#patternOf(root);
    if (!this.#watches.has(pattern)) this.#watch(pattern);
  }

  /** Nobody's roots are watched no more, but for the first pattern. */
  #unfollow(): void {
    const patterns = new Set(this.boards.map(({ root }) => this.#patternOf(root)));
    for (const [pattern, witness] of this.#watches) {
      if (pattern === this.#pattern || patterns.has(pattern)) continue;
      this.#watches.delete(pattern);
      this.#farewells.push(witness.close());
    }
  }

  #moved(index: number, root: string): void {
    this.#tellLine(index, { source: "bench", word: "topic root", detail: root });
    this.board(index)?.present("");
    this.#observers.follow(root);
    this.#follow(root);
  }

  /**
   * Starts everything and powers the boards on. Waits for the independent subscriber, but not longer than `patienceMs`:
   * a broker that is away or refuses is something to watch, not an error of the bench.
   * @throws Error with `code` "EADDRINUSE" when a port asked for is taken; FlashFileError when `--flash` cannot be
   * used, CaptureFileError when `--pcap` cannot be written.
   */
  static async start(options: Options, patienceMs: number): Promise<Bench> {
    const port = options.port ?? 1883;
    for (let board = 0; board < options.boards; board++) {
      if (options.setupPort) await requireFree(options.setupPort + board);
    }
    const captureFile = options.pcap === undefined ? undefined : new CaptureFile(options.pcap);
    const embedded =
      options.broker === undefined
        ? await EmbeddedBroker.open({ port, nextFree: options.port === undefined })
        : undefined;
    let bench: Bench;
    try {
      bench = new Bench(options, embedded, captureFile);
    } catch (error) {
      captureFile?.close();
      await embedded?.close();
      throw error;
    }
    await bench.#waitForWitness(patienceMs);
    for (const board of bench.boards) board.powerOn();
    return bench;
  }

  /** The boards' time: milliseconds since the bench began, `--speed` of them in a real one. */
  get now(): number {
    return this.#clock.now;
  }

  get view(): BenchView {
    return {
      build: "",
      now: this.#clock.now,
      broker: shownAddress(this.broker),
      brokerOurs: this.#embedded !== undefined,
      brokerOn: this.#brokerOn,
      wifiOn: this.#wifiOn,
      faults: this.#faults.names,
      speed: this.#clock.speed,
      paused: this.#clock.paused,
      scenario: this.#scenarios.view,
      watch: watchLine(this.broker, alertFilter(this.options)),
      home: this.#home,
    };
  }

  snapshot(): Snapshot {
    return this.#observers.complete({
      type: "snapshot",
      bench: this.view,
      scenarios: this.options.headless ? [] : this.#scenarios.list,
      boards: this.boards.map((board) => board.view),
      lines: this.#lines,
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
    return this.#network.onTraffic(listener);
  }

  /** Calls back after so many milliseconds of the boards' time, unless that is cancelled or the bench closed before. */
  after(ms: number, callback: () => void): Scheduled {
    return this.#clock.schedule(ms, callback);
  }

  /** Tells a line of the story that is neither the firmware's nor an alert. */
  note(board: number, word: string, detail: string): void {
    this.#tellLine(board, { source: "bench", word, detail });
  }

  /** What was done on this bench so far, as a scenario. */
  recorded(): string {
    return this.#recorder?.text("What was done on the bench") ?? "";
  }

  act(action: Action): void {
    if (this.#closed) return;
    this.#recorder?.act(action, this.#clock.now);
    switch (action.type) {
      case "wifi":
        this.#switchWiFi(action.on);
        return;
      case "broker":
        this.#switchBroker(action.on);
        return;
      case "publish":
        this.#observers.publish(action);
        return;
      case "play":
      case "stop":
        this.#scenarios.act(action);
        return;
      case "forget":
        this.#forgetSessions();
        return;
      case "fault":
        this.#switchFault(action.fault, action.on, action.board);
        return;
      case "time":
        this.#setTime(action.speed);
        return;
      case "step":
        if (!this.#clock.paused) return;
        this.#clock.step();
        this.#emit({ type: "bench", bench: this.view });
        return;
      case "add":
        this.add(action);
        return;
      case "remove":
        this.#remove(action.board);
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
    this.#clock.close();
    this.#network.close();
    this.#listeners.clear();
    await this.#brokerWork;
    const watches = [...this.#watches.values(), this.#observers];
    await Promise.all([...watches.map((watch) => watch.close()), ...this.#farewells]);
    await this.#embedded?.close();
  }

  async #waitForWitness(patienceMs: number): Promise<void> {
    const ready = this.witness.ready().catch((error: Error) => {
      this.#tellFirst({ source: "bench", word: "observer", detail: `cannot watch the alerts: ${error.message}` });
    });
    let timer: NodeJS.Timeout | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, patienceMs);
    });
    await Promise.race([ready, patience]);
    clearTimeout(timer);
  }

  #switchWiFi(on: boolean): void {
    if (on === this.#wifiOn) return;
    this.#wifiOn = on;
    for (const accessPoint of this.#airspace.accessPoints) {
      if (on) accessPoint.up();
      else accessPoint.down();
    }
    this.#tellAll(on ? "Wi-Fi on" : "Wi-Fi off");
  }

  #switchBroker(on: boolean): void {
    const embedded = this.#embedded;
    if (embedded === undefined) {
      this.#tellFirst({ source: "bench", word: "broker", detail: "not the bench's own: stop it where it runs" });
      return;
    }
    if (on === this.#brokerOn) return;
    this.#brokerOn = on;
    this.#tellAll(on ? "broker on" : "broker off");
    // One after the other: a second switch waits until the first one has been carried out.
    this.#brokerWork = this.#brokerWork
      .then(() => (on ? embedded.start() : embedded.stop()))
      .catch((error: Error) => {
        this.#brokerOn = embedded.isUp;
        this.#tellAll("broker", error.message);
      });
  }

  #forgetSessions(): void {
    const embedded = this.#embedded;
    if (embedded === undefined) {
      this.#tellFirst({ source: "bench", word: "broker", detail: "not the bench's own: empty it where it runs" });
      return;
    }
    this.#tellAll("broker forgets", "sessions and retained messages are gone");
    this.#tellWitnessBack();
    this.#brokerWork = this.#brokerWork
      .then(() => embedded.forget())
      .catch((error: Error) => {
        this.#brokerOn = embedded.isUp;
        this.#tellAll("broker", error.message);
      });
  }

  /** The subscriber has lost its session, too: it sees nothing until it has subscribed again. */
  #tellWitnessBack(): void {
    let isAway = !this.witness.isReady;
    const end = this.witness.onReady((isReady) => {
      if (isReady && isAway) {
        end();
        this.#tellAll("observer", "has subscribed again");
      }
      isAway = !isReady;
    });
  }

  #switchFault(fault: FaultName, on: boolean, index: number | undefined): void {
    const word = on ? "fault" : "fault over";
    const detail = faultText(fault, on);
    if (!isBoardFault(fault)) {
      if (this.#faults.set(fault, on)) this.#tellAll(word, detail);
      return;
    }
    const board = index === undefined ? undefined : this.board(index);
    if (board?.setFault(fault, on)) this.#tellLine(board.index, { source: "bench", word, detail });
  }

  #setTime(speed: number): void {
    if (speed === 0) {
      this.#clock.pause();
    } else {
      if (speed !== this.options.speed && !SPEEDS.includes(speed)) return;
      this.#clock.speed = speed;
      this.#clock.resume();
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
  add({ mode, wiring, factoryNew }: AddedBoard): number | undefined {
    const refusal = this.#refusal(mode, wiring);
    if (refusal !== undefined) {
      this.#tellFirst({ source: "bench", word: "not added", detail: refusal });
      return undefined;
    }
    let board: BenchBoard;
    try {
      board = this.#make(mode, wiring, factoryNew);
    } catch (error) {
      if (!(error instanceof FlashFileError)) throw error;
      this.#tellFirst({ source: "bench", word: "not added", detail: error.message });
      return undefined;
    }
    this.#observers.add(board.index, board.board, wiring, board.root);
    this.#recorder?.added(recordedBoard(board, this.options));
    this.#emit({ type: "board", board: board.view });
    this.#tellLine(board.index, { source: "bench", word: "added", detail: `${mode}, ${wiring}` });
    this.#follow(board.root);
    board.powerOn();
    return board.index;
  }

  /** Plays a scenario on the boards that are there. */
  play(scenario: Scenario, done: (outcome: Outcome) => void): void {
    const boards = this.boards.map(({ index }) => index);
    this.#scenarios.play(scenario, boards, done);
  }

  /** Cuts its power and takes it off the table. What it had told is forgotten. */
  #remove(index: number): void {
    const board = this.board(index);
    if (board === undefined) return;
    if (this.#boards.size === 1) {
      this.#tellFirst({ source: "bench", word: "not removed", detail: "the last board stays" });
      return;
    }
    board.close();
    this.#observers.remove(index);
    const mac = this.#airspace.radioOn(board.board)?.mac;
    if (mac !== undefined) this.#accessPoint.release(mac);
    this.#tellLine(index, { source: "bench", word: "removed", detail: "" });
    this.#boards.delete(index);
    this.#list = [...this.#boards.values()];
    this.#lines = this.#lines.filter((line) => line.board !== index);
    this.#emit({ type: "gone", board: index });
    this.#unfollow();
  }

  #tellAll(word: string, detail = ""): void {
    for (const { index } of this.boards) this.#tellLine(index, { source: "bench", word, detail });
    this.#emit({ type: "bench", bench: this.view });
  }

  /** What concerns no board more than another. */
  #tellFirst(told: Told): void {
    this.#tellLine(this.boards[0]?.index ?? 0, told);
  }

  #tellLine(index: number, told: Told): void {
    const now = this.#clock.now;
    const opens = told.opens ?? false;
    const since = this.board(index)?.sinceChapter(now, opens);
    const { word, detail, source, ms } = told;
    const line: Line = { id: ++this.#lineId, board: index, at: now, since, ms, source, word, detail, opens };
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines = this.#lines.slice(-LINES_KEPT / 2);
    this.#emit({ type: "line", line });
  }

  #emit(event: BenchEvent): void {
    this.#recorder?.hear(event);
    for (const listener of [...this.#listeners]) listener(event);
  }
}

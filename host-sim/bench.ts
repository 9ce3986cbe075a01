// The bench: one clock of real time, real sockets, an access point, a broker, some boards, and an independent
// subscriber. Terminal and page are views of it: they see a Stage, get its events and send it actions. It decides
// nothing that the firmware decides; it presses, cuts and switches, and tells what came of it.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";
import { EmbeddedBroker } from "./aedes.js";
import { BenchBoard, SETUP_PORT } from "./bench-board.js";
import { CaptureFile } from "./capture.js";
import { RealClock, type Scheduled } from "./clock.js";
import { RealNetwork } from "./network.js";
import { Observers } from "./observers.js";
import { alertFilter, type BrokerAddress, type Options, shownAddress, watchLine } from "./options.js";
import type { Action, BenchEvent, BenchView, Home, Line, Snapshot, Stage } from "./page/protocol.js";
import { presenceOf } from "./presence.js";
import { Airspace } from "./radio.js";
import { Random } from "./random.js";
import type { Download } from "./server.js";
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

/** A line before the bench numbers it and adds its times. */
export type Told = Pick<Line, "word" | "detail" | "source"> & { readonly ms?: number; readonly opens?: boolean };

export class Bench implements Stage {
  readonly options: Options;
  readonly boards: readonly BenchBoard[];
  readonly broker: BrokerAddress;
  readonly witness: Witness;
  readonly #clock: RealClock;
  readonly #network: RealNetwork;
  readonly #airspace: Airspace;
  readonly #embedded: EmbeddedBroker | undefined;
  readonly #home: Home;
  /** The pattern of topic roots that the options ask for. */
  readonly #pattern: string;
  /** The witness and its fellows, by the pattern of topic roots that they watch. */
  readonly #watches = new Map<string, Witness>();
  readonly #observers: Observers;
  readonly #listeners = new Set<(event: BenchEvent) => void>();
  #lines: Line[] = [];
  #lineId = 0;
  #wifiOn = true;
  #brokerOn = true;
  #brokerWork: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(options: Options, embedded: EmbeddedBroker | undefined, captureFile: CaptureFile | undefined) {
    this.options = options;
    this.#embedded = embedded;
    this.broker = options.broker ?? { host: "127.0.0.1", port: embedded?.port ?? 1883, user: "", password: "" };
    this.#clock = new RealClock(options.speed);
    this.#airspace = new Airspace(HOME, ...NEIGHBOURS);
    const setupPort = options.setupPort ?? FIRST_SETUP_PORT;
    this.#network = new RealNetwork({
      localPort: ({ chipId }, port) => (port !== SETUP_PORT || setupPort === 0 ? 0 : setupPort + chipId - options.chip),
      nextFree: options.setupPort === undefined,
    });
    this.#network.onTraffic((traffic) => boards[traffic.chipId - options.chip]?.overheard(traffic));
    const user = this.broker.user === "" ? "" : `${this.broker.user}@`;
    this.#home = { ...HOME, broker: `${user}${this.broker.host}:${this.broker.port}` };
    const random = new Random(randomInt(2 ** 32));
    const boards: BenchBoard[] = [];
    try {
      for (let index = 0; index < options.boards; index++) {
        boards.push(
          new BenchBoard(index, options, this.broker, {
            clock: this.#clock,
            network: this.#network,
            airspace: this.#airspace,
            random: random.fork(`board ${index}`),
            home: this.#home,
            line: (line) => this.#tellLine(index, line),
            emit: (event) => this.#emit(event),
            moved: (root) => this.#moved(index, root),
          }),
        );
      }
    } catch (error) {
      for (const board of boards) board.close();
      this.#clock.close();
      throw error;
    }
    this.boards = boards;
    this.#observers = this.#observe(captureFile);
    this.#pattern = alertFilter(options).slice(0, -"/alert".length);
    this.witness = this.#watch(this.#pattern);
    for (const { root } of boards) this.#follow(root);
  }

  /** Watches the alerts of the boards with such a topic root. */
  #watch(pattern: string): Witness {
    const { boards } = this;
    const witness = new Witness(urlOf(this.broker), pattern);
    witness.onAlert((alert) => {
      const board = boards.find(({ root }) => alert.topic === `${root}/alert`);
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
    for (const { index, board, root } of this.boards) observers.add(index, board, this.options.wiring, root);
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

  #moved(index: number, root: string): void {
    this.#tellLine(index, { source: "bench", word: "topic root", detail: root });
    this.boards[index]?.present("");
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
      faults: [],
      speed: this.options.speed,
      paused: false,
      watch: watchLine(this.broker, alertFilter(this.options)),
      home: this.#home,
    };
  }

  snapshot(): Snapshot {
    return this.#observers.complete({
      type: "snapshot",
      bench: this.view,
      boards: this.boards.map((board) => board.view),
      lines: this.#lines,
    });
  }

  /** Files that a page may offer, by their paths. */
  get downloads(): ReadonlyMap<string, () => Download> {
    const type = "application/vnd.tcpdump.pcap";
    return new Map([["/alertbox.pcap", () => ({ type, body: this.#observers.capture })]]);
  }

  on(listener: (event: BenchEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Calls back after so many milliseconds of the boards' time, unless that is cancelled or the bench closed before. */
  after(ms: number, callback: () => void): Scheduled {
    return this.#clock.schedule(ms, callback);
  }

  act(action: Action): void {
    if (this.#closed) return;
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
      case "fault":
      case "time":
      case "step":
      case "add":
      case "remove":
        return;
      default:
        this.boards[action.board]?.act(action);
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
    for (const board of this.boards) board.close();
    this.#clock.close();
    this.#network.close();
    this.#listeners.clear();
    await this.#brokerWork;
    await Promise.all([...this.#watches.values(), this.#observers].map((watch) => watch.close()));
    await this.#embedded?.close();
  }

  async #waitForWitness(patienceMs: number): Promise<void> {
    const ready = this.witness.ready().catch((error: Error) => {
      this.#tellLine(0, { source: "bench", word: "observer", detail: `cannot watch the alerts: ${error.message}` });
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
      this.#tellLine(0, { source: "bench", word: "broker", detail: "not the bench's own: stop it where it runs" });
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

  #tellAll(word: string, detail = ""): void {
    for (const { index } of this.boards) this.#tellLine(index, { source: "bench", word, detail });
    this.#emit({ type: "bench", bench: this.view });
  }

  #tellLine(index: number, told: Told): void {
    const now = this.#clock.now;
    const opens = told.opens ?? false;
    // While the constructor runs the boards are not there yet.
    const since = (this.boards as BenchBoard[] | undefined)?.[index]?.sinceChapter(now, opens);
    const { word, detail, source, ms } = told;
    const line: Line = { id: ++this.#lineId, board: index, at: now, since, ms, source, word, detail, opens };
    this.#lines.push(line);
    if (this.#lines.length > LINES_KEPT) this.#lines = this.#lines.slice(-LINES_KEPT / 2);
    this.#emit({ type: "line", line });
  }

  #emit(event: BenchEvent): void {
    for (const listener of [...this.#listeners]) listener(event);
  }
}

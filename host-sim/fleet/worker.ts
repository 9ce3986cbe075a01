// A thread of a fleet: some hundred boards, each with the real image, a radio and flash of its own, on one clock of
// real time and the sockets of this computer. It presses and cuts as it is told, and tells what happened, some times a
// second.

import "../globals.js";
import { parentPort, workerData } from "node:worker_threads";
import { AccessPoint } from "../access-point.js";
import { Board, type BoardEvent } from "../board.js";
import { RealClock } from "../clock.js";
import { RealNetwork } from "../network.js";
import { Airspace } from "../radio.js";
import { Random } from "../random.js";
import { type Command, type Happening, instant, type Report, type ThreadOrder, type What } from "./crew.js";

/** How often what happened is told, ms. */
const TELL_MS = 50;
/** How long a finger stays on the button, ms. */
const PRESS_MS = 120;

const HOME = Object.freeze({ ssid: "home", password: "correct horse" } as const);

const WORDS: Readonly<Record<string, What>> = Object.freeze({
  boot: "booted",
  connecting: "connecting",
  stored: "stored",
  "not-stored": "refused",
  delivered: "delivered",
  failed: "offline",
  sleeping: "asleep",
});

class Thread {
  readonly #order: ThreadOrder;
  readonly #clock = new RealClock(1);
  readonly #network = new RealNetwork();
  readonly #random: Random;
  readonly #boards = new Map<number, Board>();
  readonly #accessPoints: AccessPoint[] = [];
  #happenings: Happening[] = [];

  constructor(order: ThreadOrder) {
    this.#order = order;
    this.#random = new Random(order.seed);
    for (let index = order.first; index < order.first + order.count; index += 1) {
      this.#boards.set(index, this.#make(index));
    }
    setInterval(() => this.#tell(), TELL_MS);
  }

  #make(index: number): Board {
    const { chipId, root, mode, host, port, user, password } = this.#order;
    // Each in a home of its own: no access point has room for hundreds.
    const accessPoint = new AccessPoint(HOME);
    this.#accessPoints.push(accessPoint);
    const wiring = mode === "mains" ? "gpio" : "rst";
    const settings = { wifi: HOME, host, port, user, password, mode, wiring, root: `${root}/${chipId + index}` };
    const board = new Board({
      clock: this.#clock,
      network: this.#network,
      airspace: new Airspace(accessPoint),
      random: this.#random,
      chipId: chipId + index,
      wiring,
      config: { button: 0, wakeButton: 5, led: 2, settings },
    });
    board.on((event) => this.#hear(index, event));
    return board;
  }

  #hear(board: number, event: BoardEvent): void {
    if (event.type === "crash") this.#note(board, "crashed");
    if (event.type !== "step") return;
    const { word, detail } = event;
    // The clean session comes first in a new box; what counts is the lasting one.
    if (word === "connected" && detail !== "clean session") this.#note(board, "online");
    const what = WORDS[word];
    if (what === undefined) return;
    this.#note(board, what, what === "stored" || what === "delivered" ? detail : undefined);
  }

  #note(board: number, what: What, id?: string): void {
    this.#happenings.push({ board, what, at: instant(), ...(id === undefined ? {} : { id }) });
  }

  #tell(): void {
    if (this.#happenings.length === 0) return;
    send({ type: "happened", happenings: this.#happenings });
    this.#happenings = [];
  }

  /** Whoever asked may not have heard yet that the board has no power: then nobody hears the press. */
  #press(index: number): void {
    const board = this.#boards.get(index);
    this.#note(index, "pressed");
    if (board?.state === "off") this.#note(index, "unpowered");
    else board?.button.press(PRESS_MS);
  }

  follow(command: Command): void {
    switch (command.type) {
      case "power": {
        const board = this.#boards.get(command.board);
        if (command.on) board?.powerOn();
        else {
          board?.cutPower();
          this.#note(command.board, "unpowered");
        }
        return;
      }
      case "press":
        this.#press(command.board);
        return;
      case "wifi":
        for (const accessPoint of this.#accessPoints) {
          if (command.on) accessPoint.up();
          else accessPoint.down();
        }
        return;
      case "measure":
        send({ type: "usage", heap: process.memoryUsage().heapUsed });
        return;
    }
  }
}

function send(report: Report): void {
  parentPort?.postMessage(report);
}

const thread = new Thread(workerData as ThreadOrder);
parentPort?.on("message", (command: Command) => thread.follow(command));
send({ type: "ready" });

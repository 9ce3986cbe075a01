// The presses of one board and how far each got: what the finger did, what the firmware says, and what passes on the
// wire, put together by the alert's id and its packet id. It listens and decides nothing. Knows no clock: each thing
// comes with its time.

import type { BoardEvent, BoardState } from "./board-event.js";
import type { Wiring } from "./button.js";
import type { PacketView, PressView, StepName } from "./page/details.js";

const Limit = Object.freeze({
  /** Presses kept for a view that comes later. */
  SHOWN: 20,
  /** Presses that are followed: all that a journal may hold. */
  FOLLOWED: 140,
} as const);

// Times of the board, ms.

/** A second press so soon after the first one's release, while that is not stored: one double press (DESIGN §9). */
const GAP_MS = 450;
/** A reset so soon after a press, where the button is on RST, is the press itself; the contact may bounce. */
const OWN_RESET_MS = 60;
/** How long firmware that runs may take to answer a press that was let go; what is not stored then never will be. */
const ANSWER_MS = 3000;

/** What the serial log says when a delivery has to wait. */
const WAIT_WORDS: readonly string[] = Object.freeze(["failed", "join-failed", "not-sent"]);

/** A press as it grows. */
interface Press {
  readonly number: number;
  readonly at: number;
  readonly chargeBefore: number;
  id: string;
  packetId: number | undefined;
  releasedAt: number | undefined;
  readonly steps: Partial<Record<StepName, number>>;
  outcome: PressView["outcome"];
  chargeMah: number;
  /** The chip has slept since, or it was delivered and the chip has lost its power: what it cost is known. */
  isOver: boolean;
}

export interface PressLogOptions {
  readonly board: number;
  readonly wiring: Wiring;
  /** Charge that the board has drawn so far, mAh. */
  chargeMah(): number;
  /** Hears of each press whenever there is more to say of it. */
  tell(press: PressView): void;
}

export class PressLog {
  readonly #options: PressLogOptions;
  readonly #presses: Press[] = [];
  #count = 0;
  /** As its events have told. */
  #state: BoardState = "off";
  /** When firmware began to run, the last time. */
  #runsSince = 0;

  constructor(options: PressLogOptions) {
    this.#options = options;
  }

  /** The last twenty, the oldest first. */
  get presses(): readonly PressView[] {
    return this.#presses.slice(-Limit.SHOWN).map((press) => this.#view(press));
  }

  /** Something happened to the board. */
  heard(event: BoardEvent): void {
    const { at } = event;
    this.#giveUp(at);
    switch (event.type) {
      case "button":
        if (event.down) this.#down(at);
        else this.#up(at);
        return;
      case "reset":
        this.#reset(at);
        return;
      case "power":
        if (event.state === "asleep") this.#sleep(at);
        else if (event.state === "off") this.#off();
        else this.#state = "booting";
        return;
      case "wifi":
        if (event.word === "connected") this.#stepAll("wifi", at);
        else if (event.word === "gotIP") this.#stepAll("address", at);
        return;
      case "step":
        this.#said(event.word, event.detail, at);
        return;
      default:
    }
  }

  /** A packet passed; `payload` is that of a PUBLISH. */
  packet(packet: PacketView, payload: Uint8Array | undefined): void {
    const { at, type, direction, packetId } = packet;
    if (type === "TCP open") this.#stepAll("tcp", at);
    else if (type === "CONNACK" && packet.detail.startsWith("accepted")) this.#stepAll("connack", at);
    else if (type === "PUBLISH" && direction === "up" && payload !== undefined) {
      const press = this.#byId(alertId(payload));
      if (press === undefined) return;
      press.packetId = packetId;
      this.#step(press, "publish", at);
    } else if (direction === "down" && (type === "PUBREC" || type === "PUBCOMP")) {
      // The firmware gives an id again after 32,768 presses, long after the first one was forgotten here.
      const press = this.#presses.findLast((each) => each.packetId === packetId && isOpen(each));
      if (press === undefined) return;
      if (type === "PUBCOMP") this.#deliver(press, at);
      else this.#step(press, "pubrec", at);
    }
  }

  /** The independent subscriber has this alert. */
  arrived(id: string, at: number): void {
    const press = this.#byId(id);
    if (press !== undefined) this.#step(press, "arrived", at);
  }

  #down(at: number): void {
    const last = this.#presses.at(-1);
    const isSecond =
      last !== undefined && isUnanswered(last) && last.releasedAt !== undefined && at - last.releasedAt < GAP_MS;
    if (isSecond) {
      last.releasedAt = undefined;
      return;
    }
    this.#count += 1;
    const press: Press = {
      number: this.#count,
      at,
      chargeBefore: this.#options.chargeMah(),
      id: "",
      packetId: undefined,
      releasedAt: undefined,
      steps: {},
      // A box without power hears nothing.
      outcome: this.#state === "off" ? "refused" : "open",
      chargeMah: 0,
      isOver: false,
    };
    this.#presses.push(press);
    if (this.#presses.length > Limit.FOLLOWED) this.#presses.shift();
    this.#step(press, "pressed", at);
  }

  #up(at: number): void {
    const last = this.#presses.at(-1);
    if (last !== undefined && isUnanswered(last)) last.releasedAt = at;
  }

  /** What ran is over: a press that was not stored is lost, unless this reset is the press. */
  #reset(at: number): void {
    const { wiring } = this.#options;
    const ran = this.#state === "running";
    this.#state = "booting";
    for (const press of this.#presses) {
      if (press.outcome === "delivered") press.isOver = true;
      if (!isOpen(press)) continue;
      const isItself = wiring !== "gpio" && (at - press.at < OWN_RESET_MS || !ran);
      if (press.id === "" && !isItself) {
        press.outcome = "refused";
      } else {
        if (press.id !== "") press.outcome = "waiting";
        press.steps.reset ??= at - press.at;
      }
      this.#tell(press);
    }
  }

  #off(): void {
    this.#state = "off";
    for (const press of this.#presses) {
      if (press.outcome === "delivered") press.isOver = true;
      if (press.outcome !== "open") continue;
      press.outcome = press.id === "" ? "refused" : "waiting";
      this.#tell(press);
    }
  }

  #sleep(at: number): void {
    this.#state = "asleep";
    for (const press of this.#presses) {
      if (press.isOver || press.outcome === "refused") continue;
      press.chargeMah = this.#options.chargeMah() - press.chargeBefore;
      press.isOver = true;
      press.steps.asleep ??= at - press.at;
      if (press.outcome === "open") press.outcome = press.id === "" ? "refused" : "waiting";
      this.#tell(press);
    }
  }

  #said(word: string, detail: string, at: number): void {
    if (word === "boot") {
      this.#state = "running";
      this.#runsSince = at;
      this.#goOn();
      this.#stepAll("boot", at);
    } else if (word === "stored") {
      const press = this.#presses.find(isUnanswered);
      if (press === undefined) return;
      press.id = detail;
      this.#step(press, "stored", at);
    } else if (word === "not-stored") {
      this.#refuse(this.#presses.find(isUnanswered));
    } else if (word === "setup" || word === "factory-reset") {
      for (const press of this.#presses) if (isUnanswered(press)) this.#refuse(press);
    } else if (word === "connected") {
      this.#goOn();
    } else if (WAIT_WORDS.includes(word)) {
      for (const press of this.#presses) {
        if (press.id === "" || press.outcome !== "open") continue;
        press.outcome = "waiting";
        this.#tell(press);
      }
    }
  }

  /** The box works on what waited. */
  #goOn(): void {
    for (const press of this.#presses) {
      if (press.outcome !== "waiting") continue;
      press.outcome = "open";
      this.#tell(press);
    }
  }

  /** Presses that firmware which runs has not answered: too short, or meant for something else. */
  #giveUp(at: number): void {
    if (this.#state !== "running") return;
    for (const press of this.#presses) {
      if (!isUnanswered(press) || press.releasedAt === undefined) continue;
      if (at - Math.max(press.releasedAt, this.#runsSince) > ANSWER_MS) this.#refuse(press);
    }
  }

  #refuse(press: Press | undefined): void {
    if (press === undefined) return;
    press.outcome = "refused";
    this.#tell(press);
  }

  #deliver(press: Press, at: number): void {
    press.steps.pubcomp ??= at - press.at;
    if (!press.isOver) press.chargeMah = this.#options.chargeMah() - press.chargeBefore;
    press.outcome = "delivered";
    this.#tell(press);
  }

  #byId(id: string | undefined): Press | undefined {
    return id === undefined ? undefined : this.#presses.findLast((press) => press.id === id);
  }

  #stepAll(step: StepName, at: number): void {
    for (const press of this.#presses) if (isOpen(press)) this.#step(press, step, at);
  }

  #step(press: Press, step: StepName, at: number): void {
    if (press.steps[step] !== undefined) return;
    press.steps[step] = at - press.at;
    if (isOpen(press) && !press.isOver) press.chargeMah = this.#options.chargeMah() - press.chargeBefore;
    this.#tell(press);
  }

  #tell(press: Press): void {
    this.#options.tell(this.#view(press));
  }

  #view({ number, id, at, steps, outcome, chargeMah }: Press): PressView {
    return { board: this.#options.board, number, id, at, steps: { ...steps }, outcome, chargeMah };
  }
}

/** Something may still become of it. */
function isOpen(press: Press): boolean {
  return press.outcome === "open" || press.outcome === "waiting";
}

function isUnanswered(press: Press): boolean {
  return press.outcome === "open" && press.id === "";
}

/** The id in the payload of an alert; undefined in anything else. */
function alertId(payload: Uint8Array): string | undefined {
  const text = Buffer.from(payload).toString();
  return /^\{"pushes":\d+,.*"id":"(\d+-\d+(?:-\d+)?)"/.exec(text)?.[1];
}

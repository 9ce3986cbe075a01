// Keeps one board's memory view up to date: looks at flash and RTC memory again after something was written there, at
// most once in a frame, and tells it only when it is another. Never touches what it looks at.

import type { Board } from "./board.js";
import type { BoardEvent } from "./board-event.js";
import { Sector } from "./flash-report.js";
import { type JournalView, journalCapacity, journalView, rtcViews, slotViews } from "./memory-report.js";
import { sectorBytes } from "./nor-flash.js";
import type { BudgetView, MemoryView, PacketView, SlotView } from "./page/details.js";
import { WireBudget } from "./wire-budget.js";

const FRAME_MS = 33;

export interface MemoryWatchOptions {
  /** The board's number on the bench. */
  readonly index: number;
  readonly board: Pick<Board, "chipId" | "flash" | "rtc">;
  tell(memory: MemoryView): void;
}

export class MemoryWatch {
  readonly #options: MemoryWatchOptions;
  readonly #wire = new WireBudget();
  readonly #unlisten: () => void;
  #slots: readonly SlotView[] | undefined;
  #erases = 0;
  #writes = 0;
  #frame: NodeJS.Timeout | undefined;
  #told = "";

  constructor(options: MemoryWatchOptions) {
    this.#options = options;
    this.#unlisten = options.board.rtc.onWrite(() => this.#touch());
  }

  /** As it is now. */
  get view(): MemoryView {
    const { index, board } = this.#options;
    this.#slots ??= slotViews(board.flash, board.chipId);
    const journal = journalView(board.flash, board.chipId);
    return {
      board: index,
      ...journal,
      slots: this.#slots,
      rtc: rtcViews(board.rtc),
      budget: [...this.#wire.views, ...journalBudget(journal, journalCapacity(board.flash))],
      erases: this.#erases,
      writes: this.#writes,
    };
  }

  heard(event: BoardEvent): void {
    if (event.type === "flash") {
      if (event.operation === "erase") this.#erases += 1;
      else this.#writes += 1;
      if (event.offset >= Sector.SETTINGS * sectorBytes) this.#slots = undefined;
      this.#touch();
    } else if (event.type === "power" || event.type === "reset") {
      // What a power cut tore is not told as an operation.
      if (event.type === "power" && event.state === "off") this.#slots = undefined;
      this.#wire.clear();
      this.#touch();
    }
  }

  packet(packet: PacketView): void {
    if (this.#wire.heard(packet)) this.#touch();
  }

  close(): void {
    this.#unlisten();
    clearTimeout(this.#frame);
  }

  /** Tells what has changed, without waiting for the end of the frame. */
  flush(): void {
    if (this.#frame === undefined) return;
    clearTimeout(this.#frame);
    this.#frame = undefined;
    const { view } = this;
    const text = JSON.stringify(view);
    if (text === this.#told) return;
    this.#told = text;
    this.#options.tell(view);
  }

  #touch(): void {
    this.#frame ??= setTimeout(() => this.flush(), FRAME_MS).unref();
  }
}

function journalBudget(journal: JournalView, capacity: number): BudgetView[] {
  const { records, journalUsed, journalSize } = journal;
  const waiting = records.filter(({ status }) => status === "queued" || status === "received").length;
  return [
    { name: "alerts stored and not delivered", used: waiting, limit: capacity, unit: "alerts" },
    { name: "journal sector written", used: journalUsed, limit: journalSize, unit: "bytes" },
  ];
}

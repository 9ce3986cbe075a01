// Everything that watches the boards of a bench for its panels: packets, presses, memory, current, the broker. The
// bench makes one, adds each board to it, and passes on what it is asked for. They listen; none changes what it sees.

import type { Board } from "./board.js";
import type { BrokerLine } from "./broker-line.js";
import { BrokerWatch, type ClientList } from "./broker-watch.js";
import type { Wiring } from "./button.js";
import { Capture, type CaptureFile } from "./capture.js";
import { DrawLog } from "./draw-log.js";
import { MemoryWatch } from "./memory-watch.js";
import type { Tapped } from "./network.js";
import { PacketLog } from "./packet-log.js";
import type { Action, BenchEvent, Snapshot } from "./page/protocol.js";
import { PressLog } from "./press-log.js";

interface Observed {
  readonly presses: PressLog;
  readonly memory: MemoryWatch;
  readonly chipId: number;
  end(): void;
}

export interface ObserversOptions {
  readonly network: Tapped;
  readonly brokerLine: BrokerLine;
  /** The broker itself, where it is the bench's own. */
  readonly ownBroker: ClientList | undefined;
  /** Whether somebody may want to see all of the broker, not only what the boards send. */
  readonly everything: boolean;
  /** Gets the capture as it happens. */
  readonly captureFile: CaptureFile | undefined;
  /** When the bench's time began, ms since 1970. */
  readonly startedAt: number;
  /** Milliseconds since the bench started. */
  now(): number;
  tell(event: BenchEvent): void;
  /** A message was seen at the broker; an undefined topic: the broker is away. */
  heard(topic: string | undefined, payload: string): void;
}

/** What of a snapshot the observers know. */
type Known = "packets" | "presses" | "draws" | "memories" | "topics" | "broker";

export class Observers {
  readonly #options: ObserversOptions;
  readonly #packets: PacketLog;
  readonly #draws: DrawLog;
  readonly #capture: Capture;
  readonly #broker: BrokerWatch;
  readonly #boards = new Map<number, Observed>();
  /** Numbers of boards by their chip id. */
  readonly #indices = new Map<number, number>();
  readonly #untap: () => void;

  constructor(options: ObserversOptions) {
    const { network, brokerLine, ownBroker, everything, captureFile, startedAt, now, tell, heard } = options;
    this.#options = options;
    this.#packets = new PacketLog((packet, payload) => {
      const observed = this.#boards.get(packet.board);
      tell({ type: "packet", packet });
      observed?.presses.packet(packet, payload);
      observed?.memory.packet(packet);
    });
    this.#draws = new DrawLog((draw) => tell({ type: "draw", draw }));
    this.#capture = new Capture(startedAt, captureFile);
    this.#broker = new BrokerWatch({ line: brokerLine, own: ownBroker, everything, now, tell, heard });
    this.#untap = network.onTraffic((traffic) => {
      const index = this.#indices.get(traffic.chipId);
      if (index === undefined) return;
      this.#packets.heard(index, traffic);
      this.#capture.heard(traffic);
    });
  }

  /** Watches a board from now on; best before its power is switched on. */
  add(index: number, board: Board, wiring: Wiring, root: string): void {
    const { now, tell } = this.#options;
    const presses = new PressLog({
      board: index,
      wiring,
      chargeMah: () => board.chargeMah,
      tell: (press) => tell({ type: "press", press }),
    });
    const memory = new MemoryWatch({ index, board, tell: (view) => tell({ type: "memory", memory: view }) });
    board.supply.onDraw = (milliamperes) => this.#draws.drew(index, now(), milliamperes, board.chargeMah);
    const unlisten = board.on((event) => {
      presses.heard(event);
      memory.heard(event);
    });
    const end = () => {
      board.supply.onDraw = undefined;
      unlisten();
      memory.close();
    };
    this.#boards.set(index, { presses, memory, chipId: board.chipId, end });
    this.#indices.set(board.chipId, index);
    this.#broker.follow(root);
  }

  /** The board is taken away, and what was known of it. */
  remove(index: number): void {
    const observed = this.#boards.get(index);
    if (observed === undefined) return;
    observed.end();
    this.#boards.delete(index);
    this.#indices.delete(observed.chipId);
    this.#packets.remove(index);
    this.#draws.remove(index);
  }

  /** The last megabytes of the boards' connections as a file for Wireshark. */
  get capture(): Uint8Array {
    return this.#capture.bytes;
  }

  /** A board's topics are here from now on. */
  follow(root: string): void {
    this.#broker.follow(root);
  }

  /** The independent subscriber has an alert of this board. */
  arrived(index: number, id: string | undefined): void {
    if (id !== undefined) this.#boards.get(index)?.presses.arrived(id, this.#options.now());
  }

  /** A person wants a message published. */
  publish(action: Extract<Action, { type: "publish" }>): void {
    this.#broker.publish(action);
  }

  /** The snapshot with what the observers know. That is looked at when it is asked for: most who ask want the rest. */
  complete(rest: Omit<Snapshot, Known>): Snapshot {
    const packets = this.#packets;
    const draws = this.#draws;
    const broker = this.#broker;
    const boards = this.#boards;
    return {
      ...rest,
      get packets() {
        return packets.packets;
      },
      get presses() {
        return [...boards.values()].flatMap(({ presses }) => presses.presses);
      },
      get draws() {
        return draws.draws;
      },
      get memories() {
        return [...boards.values()].map(({ memory }) => memory.view);
      },
      get topics() {
        return broker.topics;
      },
      get broker() {
        return broker.view;
      },
    };
  }

  /** Tells what was to be told with the next frame. */
  flush(): void {
    for (const { memory } of this.#boards.values()) memory.flush();
  }

  async close(): Promise<void> {
    this.#untap();
    for (const { end } of this.#boards.values()) end();
    this.#options.captureFile?.close();
    await this.#broker.close();
  }
}

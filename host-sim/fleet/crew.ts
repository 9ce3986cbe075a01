// The threads of a fleet, and what goes to and fro. Times are milliseconds since 1970 with fractions, the same in all
// threads. Knows how to start and stop them; what a board does is worker.ts's.

import { Worker } from "node:worker_threads";

/** What a thread is made for. */
export interface ThreadOrder {
  readonly first: number;
  readonly count: number;
  readonly chipId: number;
  readonly root: string;
  readonly mode: "mains" | "battery";
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly seed: number;
}

export type Command =
  /** Board `board` gets power, or loses it. */
  | { readonly type: "power"; readonly board: number; readonly on: boolean }
  | { readonly type: "press"; readonly board: number }
  | { readonly type: "wifi"; readonly on: boolean }
  /** Answered by "usage". */
  | { readonly type: "measure" };

export type What =
  | "unpowered"
  | "booted"
  | "connecting"
  | "online"
  | "offline"
  | "pressed"
  | "stored"
  | "refused"
  | "delivered"
  | "asleep"
  | "crashed";

export interface Happening {
  readonly board: number;
  readonly what: What;
  readonly at: number;
  /** The alert's id, of "stored" and "delivered". */
  readonly id?: string;
}

export type Report =
  | { readonly type: "ready" }
  | { readonly type: "happened"; readonly happenings: readonly Happening[] }
  /** Bytes of the thread's own heap. */
  | { readonly type: "usage"; readonly heap: number };

/** A thread takes over no loader: it gets the one for TypeScript first. */
const PROGRAM = `import(${JSON.stringify(import.meta.resolve("tsx/esm/api"))}).then(({ register }) => {
  register();
  return import(${JSON.stringify(import.meta.resolve("./worker.ts"))});
});`;

/** Now, as all threads have it. */
export function instant(): number {
  return performance.timeOrigin + performance.now();
}

export class Crew {
  readonly #workers: Worker[] = [];
  readonly #ends: number[] = [];
  #closing = false;

  /**
   * Starts the threads; `orders` come in the order of their boards. Resolves when all are ready.
   * @throws Error when a thread cannot be started.
   */
  static async start(
    orders: readonly ThreadOrder[],
    heard: (happening: Happening) => void,
    failed: (error: Error) => void,
  ): Promise<Crew> {
    const crew = new Crew();
    await Promise.all(orders.map((order) => crew.#employ(order, heard, failed)));
    return crew;
  }

  #employ(order: ThreadOrder, heard: (happening: Happening) => void, failed: (error: Error) => void): Promise<void> {
    const worker = new Worker(PROGRAM, { eval: true, workerData: order });
    this.#workers.push(worker);
    this.#ends.push(order.first + order.count);
    return new Promise((resolve, reject) => {
      worker.on("message", (report: Report) => {
        if (report.type === "ready") resolve();
        else if (report.type === "happened") for (const happening of report.happenings) heard(happening);
      });
      worker.on("error", (error) => {
        reject(error);
        if (!this.#closing) failed(error as Error);
      });
      worker.on("exit", () => {
        if (!this.#closing) failed(new Error("a thread of the fleet has ended"));
      });
    });
  }

  /** To the thread that has this board. */
  tell(command: Command & { readonly board: number }): void {
    const at = this.#ends.findIndex((end) => command.board < end);
    this.#workers[at]?.postMessage(command);
  }

  tellAll(command: Command): void {
    for (const worker of this.#workers) worker.postMessage(command);
  }

  async close(): Promise<void> {
    this.#closing = true;
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

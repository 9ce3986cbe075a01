// The process of page-home.ts as its parent sees it: started, asked, ended. Knows the messages of both, not what they
// are good for.

import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Ask, HomeMemory, Say } from "./page-home.js";

const PROGRAM = fileURLToPath(new URL("page-home.ts", import.meta.url));

export class HomeProcess {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** @param args as for `npm start`. Throws when the bench does not start. */
  static async start(...args: string[]): Promise<HomeProcess> {
    const execArgv = ["--expose-gc", "--import", "tsx/esm"];
    const child = fork(PROGRAM, args, { execArgv, stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const { url } = await heard(child, "ready");
    return new HomeProcess(child, url);
  }

  /** Each board once in so many milliseconds; 0 ends that. */
  press(everyMs: number): void {
    this.#ask({ ask: "press", everyMs });
  }

  /** Presses so often, in a fast time, and resolves when all of it has arrived. */
  async fill(presses: number): Promise<void> {
    this.#ask({ ask: "fill", presses });
    await heard(this.#child, "filled");
  }

  /** After a collection of garbage. */
  async memory(): Promise<HomeMemory> {
    this.#ask({ ask: "memory" });
    return heard(this.#child, "memory");
  }

  async close(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.disconnect();
    await ended;
  }

  #ask(message: Ask): void {
    this.#child.send(message);
  }
}

/** The next message of this kind. */
function heard<T extends Say["say"]>(child: ChildProcess, kind: T): Promise<Extract<Say, { readonly say: T }>> {
  return new Promise((resolve, reject) => {
    const end = () => {
      child.off("message", onMessage);
      child.off("exit", onExit);
    };
    const onMessage = (message: unknown) => {
      if ((message as Say).say !== kind) return;
      end();
      resolve(message as Extract<Say, { readonly say: T }>);
    };
    const onExit = (code: number | null) => {
      end();
      reject(new Error(`the bench has ended with status ${code}`));
    };
    child.on("message", onMessage);
    child.on("exit", onExit);
  });
}

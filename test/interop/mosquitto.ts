// A real Mosquitto for tests: started on a free port with its own configuration, password file and persistence folder,
// killed and started again on request. Tests that need it are skipped with one clear line where it is not installed,
// and fail instead when ALERTBOX_REQUIRE_ALL is set.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "mocha";

export interface MosquittoOptions {
  /** User names and passwords; without any, anonymous clients are let in. */
  readonly users?: Readonly<Record<string, string>>;
}

/** Path of a program, also where Debian keeps daemons outside a user's PATH; undefined when it is not installed. */
function findProgram(name: string): string | undefined {
  for (const path of [name, `/usr/sbin/${name}`, `/usr/local/sbin/${name}`]) {
    if (spawnSync(path, ["-h"], { stdio: "ignore" }).error === undefined) return path;
  }
  return undefined;
}

/** Skips the test that calls it when Mosquitto is missing, or fails it when everything is required. */
export function needsMosquitto(context: Context): void {
  const missing = ["mosquitto", "mosquitto_passwd", "mosquitto_sub"].filter((name) => findProgram(name) === undefined);
  if (missing.length === 0) return;
  const message = `${missing.join(", ")} not found: install mosquitto and mosquitto-clients to run this check`;
  if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(message);
  console.log(`      skipped: ${message}`);
  context.skip();
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

export class Mosquitto {
  readonly port: number;
  readonly log: string[] = [];
  readonly #folder: string;
  readonly #program: string;
  #process: ChildProcess | undefined;

  private constructor(port: number, folder: string, program: string) {
    this.port = port;
    this.#folder = folder;
    this.#program = program;
  }

  static async start(options: MosquittoOptions = {}): Promise<Mosquitto> {
    const program = findProgram("mosquitto");
    if (program === undefined) throw new Error("mosquitto is not installed");
    const folder = mkdtempSync(join(tmpdir(), "alertbox-mosquitto-"));
    const broker = new Mosquitto(await freePort(), folder, program);
    broker.#configure(options);
    await broker.start();
    return broker;
  }

  #configure(options: MosquittoOptions): void {
    const users = Object.entries(options.users ?? {});
    const passwords = join(this.#folder, "passwords");
    writeFileSync(passwords, "", { mode: 0o600 });
    const passwd = findProgram("mosquitto_passwd") ?? "mosquitto_passwd";
    for (const [user, password] of users) spawnSync(passwd, ["-b", passwords, user, password]);
    const lines = [
      `listener ${this.port} 127.0.0.1`,
      users.length === 0 ? "allow_anonymous true" : `allow_anonymous false\npassword_file ${passwords}`,
      "persistence true",
      `persistence_location ${this.#folder}/`,
      // Written at each change, so that a kill loses nothing that was acknowledged.
      "autosave_on_changes true",
      "autosave_interval 1",
      "log_type all",
      "log_dest stderr",
      // Mosquitto gives up root for another user; the folder belongs to whoever runs the test.
      ...(process.getuid?.() === 0 ? ["user root"] : []),
    ];
    writeFileSync(join(this.#folder, "mosquitto.conf"), `${lines.join("\n")}\n`);
  }

  /** Starts the broker (again) on its port, and resolves when it listens. */
  async start(): Promise<void> {
    const child = spawn(this.#program, ["-c", join(this.#folder, "mosquitto.conf")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.#process = child;
    let partial = "";
    const running = new Promise<void>((resolve, reject) => {
      child.stderr?.on("data", (data: Buffer) => {
        const lines = (partial + data.toString()).split("\n");
        partial = lines.pop() ?? "";
        this.log.push(...lines);
        if (lines.some((line) => /mosquitto version .* running/.test(line))) resolve();
      });
      child.once("exit", (code) =>
        reject(new Error(`mosquitto ended with ${code}:\n${this.log.slice(-5).join("\n")}`)),
      );
    });
    await running;
    if (!(await canConnect(this.port))) throw new Error("mosquitto runs but does not listen");
  }

  /** Ends the process: `SIGTERM` saves first, `SIGKILL` is the power cut. Resolves when it is gone. */
  async stop(signal: "SIGTERM" | "SIGKILL" = "SIGTERM"): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const gone = once(child, "exit");
    child.kill(signal);
    await gone;
  }

  async close(): Promise<void> {
    await this.stop("SIGKILL");
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

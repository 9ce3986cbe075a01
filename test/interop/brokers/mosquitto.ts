// Mosquitto: plain, with a password file, or with persistence. Without persistence it forgets sessions and retained
// messages with its process.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Broker, BrokerKind, Login } from "./broker.js";
import { freePorts, newFolder, Program, printed, programPath, removeFolder, startOrClose } from "./program.js";

export interface MosquittoOptions {
  readonly login?: Login;
  readonly persistence?: boolean;
  readonly webSocket?: boolean;
}

/** The kind of Mosquitto with these options. */
export function mosquitto(options: MosquittoOptions = {}): BrokerKind {
  return {
    name: "Mosquitto",
    needs: { mosquitto: ["mosquitto", "mosquitto_passwd"] },
    version: () => /version (\S+)/.exec(printed("mosquitto", "-h"))?.[1] ?? "unknown",
    open: () => Mosquitto.open(options),
  };
}

class Mosquitto implements Broker {
  readonly port: number;
  readonly webSocketPort: number;
  readonly login: Login | undefined;
  readonly #folder: string;
  readonly #program: Program;

  private constructor(ports: readonly number[], folder: string, options: MosquittoOptions) {
    this.port = ports[0] as number;
    this.webSocketPort = ports[1] as number;
    this.login = options.login;
    this.#folder = folder;
    writeFileSync(join(folder, "mosquitto.conf"), this.#configuration(options));
    this.#program = new Program({
      command: programPath("mosquitto"),
      words: ["-c", join(folder, "mosquitto.conf")],
      ready: /mosquitto version .* running/,
      port: this.port,
    });
  }

  static async open(options: MosquittoOptions): Promise<Mosquitto> {
    const broker = new Mosquitto(await freePorts(2), newFolder("mosquitto"), options);
    await startOrClose(broker);
    return broker;
  }

  #configuration({ login, persistence, webSocket }: MosquittoOptions): string {
    const lines = [
      `listener ${this.port} 127.0.0.1`,
      ...(webSocket ? [`listener ${this.webSocketPort} 127.0.0.1`, "protocol websockets"] : []),
      login === undefined ? "allow_anonymous true" : `allow_anonymous false\npassword_file ${this.#passwords(login)}`,
      "log_type all",
      "log_dest stderr",
      // Mosquitto gives up root for another user; the folder belongs to whoever runs the test.
      ...(process.getuid?.() === 0 ? ["user root"] : []),
    ];
    if (persistence) {
      lines.push("persistence true", `persistence_location ${this.#folder}/`);
      // Written at each change, so that a kill loses nothing that was acknowledged.
      lines.push("autosave_on_changes true", "autosave_interval 1");
    }
    return `${lines.join("\n")}\n`;
  }

  #passwords({ user, password }: Login): string {
    const file = join(this.#folder, "passwords");
    writeFileSync(file, "", { mode: 0o600 });
    spawnSync(programPath("mosquitto_passwd"), ["-b", file, user, password]);
    return file;
  }

  get log(): readonly string[] {
    return this.#program.log;
  }

  start(): Promise<void> {
    return this.#program.start();
  }

  stop(): Promise<void> {
    return this.#program.stop("SIGTERM");
  }

  kill(): Promise<void> {
    return this.#program.stop("SIGKILL");
  }

  async close(): Promise<void> {
    await this.kill();
    removeFolder(this.#folder);
  }
}

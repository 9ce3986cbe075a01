// NATS with JetStream, which its MQTT sessions and retained messages live in: in files, so that they outlive the
// process.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Broker, BrokerKind, Login } from "./broker.js";
import { freePorts, newFolder, Program, printed, programPath, removeFolder, startOrClose } from "./program.js";

export function nats(login: Login): BrokerKind {
  return {
    name: "NATS",
    needs: { "nats-server": ["nats-server"] },
    version: () => /v(\d\S+)/.exec(printed("nats-server", "-v"))?.[1] ?? "unknown",
    open: () => Nats.open(login),
  };
}

class Nats implements Broker {
  readonly port: number;
  readonly login: Login;
  readonly #folder: string;
  readonly #program: Program;

  private constructor(ports: readonly number[], folder: string, login: Login) {
    this.port = ports[0] as number;
    this.login = login;
    this.#folder = folder;
    const file = join(folder, "nats.conf");
    writeFileSync(file, this.#configuration(ports[1] as number), { mode: 0o600 });
    this.#program = new Program({
      command: programPath("nats-server"),
      words: ["-c", file],
      ready: /Server is ready/,
      port: this.port,
    });
  }

  static async open(login: Login): Promise<Nats> {
    const broker = new Nats(await freePorts(2), newFolder("nats"), login);
    await startOrClose(broker);
    return broker;
  }

  #configuration(ownPort: number): string {
    const { user, password } = this.login;
    const lines = [
      // JetStream and MQTT want a name that stays.
      "server_name: alertbox",
      `listen: "127.0.0.1:${ownPort}"`,
      // It sends again what was not acknowledged so long after it was sent, not when the client comes back: 30 s.
      `mqtt { listen: "127.0.0.1:${this.port}", ack_wait: "2s" }`,
      `jetstream { store_dir: ${JSON.stringify(join(this.#folder, "jetstream"))} }`,
      `authorization { user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)} }`,
      // Its 1 MB by default is counted with the topic.
      "max_payload: 2MB",
    ];
    return `${lines.join("\n")}\n`;
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

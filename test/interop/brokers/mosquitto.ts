// Mosquitto: plain, with a password file, or with persistence. Without persistence it forgets sessions and retained
// messages with its process.

import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BrokerKind, type Login, type Ports, ProgramBroker, type Setup } from "./broker.js";
import { printed, programPath } from "./program.js";

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
    open: () => ProgramBroker.open("mosquitto", (folder, ports) => setUp(folder, ports, options)),
  };
}

function setUp(folder: string, [port, webSocketPort]: Ports, options: MosquittoOptions): Setup {
  const { login, persistence, webSocket } = options;
  const file = join(folder, "mosquitto.conf");
  const lines = [
    `listener ${port} 127.0.0.1`,
    ...(webSocket ? [`listener ${webSocketPort} 127.0.0.1`, "protocol websockets"] : []),
    ...(login === undefined
      ? ["allow_anonymous true"]
      : ["allow_anonymous false", `password_file ${passwordFile(folder, login)}`]),
    "log_type all",
    "log_dest stderr",
    // Mosquitto gives up root for another user; the folder belongs to whoever runs the test.
    ...(process.getuid?.() === 0 ? ["user root"] : []),
  ];
  if (persistence) {
    lines.push("persistence true", `persistence_location ${folder}/`);
    // Written at each change, so that a kill loses nothing that was acknowledged.
    lines.push("autosave_on_changes true", "autosave_interval 1");
  }
  writeFileSync(file, `${lines.join("\n")}\n`);
  const program = { command: programPath("mosquitto"), words: ["-c", file], ready: /mosquitto version .* running/ };
  return { login, webSocketPort, program };
}

function passwordFile(folder: string, { user, password }: Login): string {
  const file = join(folder, "passwords");
  writeFileSync(file, "", { mode: 0o600 });
  spawnSync(programPath("mosquitto_passwd"), ["-b", file, user, password]);
  return file;
}

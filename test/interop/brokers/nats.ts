// NATS with JetStream, which its MQTT sessions and retained messages live in: in files, so that they outlive the
// process.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BrokerKind, type Login, type Ports, ProgramBroker, type Setup } from "./broker.js";
import { printed, programPath } from "./program.js";

export function nats(login: Login): BrokerKind {
  return {
    name: "NATS",
    needs: { "nats-server": ["nats-server"] },
    version: () => /v(\d\S+)/.exec(printed("nats-server", "-v"))?.[1] ?? "unknown",
    open: () => ProgramBroker.open("nats", (folder, ports) => setUp(folder, ports, login)),
  };
}

function setUp(folder: string, [port, ownPort]: Ports, login: Login): Setup {
  const { user, password } = login;
  const file = join(folder, "nats.conf");
  const lines = [
    // JetStream and MQTT want a name that stays.
    "server_name: alertbox",
    `listen: "127.0.0.1:${ownPort}"`,
    // It sends again what was not acknowledged so long after it was sent, not when the client comes back: 30 s.
    `mqtt { listen: "127.0.0.1:${port}", ack_wait: "2s" }`,
    `jetstream { store_dir: ${JSON.stringify(join(folder, "jetstream"))} }`,
    `authorization { user: ${JSON.stringify(user)}, password: ${JSON.stringify(password)} }`,
    // Its 1 MB by default is counted with the topic.
    "max_payload: 2MB",
  ];
  writeFileSync(file, `${lines.join("\n")}\n`, { mode: 0o600 });
  return { login, program: { command: programPath("nats-server"), words: ["-c", file], ready: /Server is ready/ } };
}

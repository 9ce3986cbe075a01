// RabbitMQ with its MQTT plugin and no other listener. Its node wants a name and so epmd, which has a process and a
// port of its own here; node name, cookie and data are in the folder. /usr/sbin/rabbitmq-server would change to another
// user.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BrokerKind, type Login, type Ports, ProgramBroker, type Setup } from "./broker.js";
import { applicationVersion, erlangBinary, programPath } from "./program.js";

const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";

export function rabbitmq(login: Login): BrokerKind {
  return {
    name: "RabbitMQ",
    needs: { "rabbitmq-server": [SERVER, "erl", "epmd"] },
    // Of the program's own description of itself: its command line would start an epmd that stays.
    version: () => {
      const place = "/usr/lib/rabbitmq/lib";
      const [server = ""] = readdirSync(place).filter((name) => name.startsWith("rabbitmq_server-"));
      return applicationVersion("rabbit", join(place, server, "plugins"));
    },
    open: () => ProgramBroker.open("rabbitmq", (folder, ports) => setUp(folder, ports, login)),
  };
}

function setUp(folder: string, [port, namesPort, nodesPort]: Ports, login: Login): Setup {
  const lines = [
    "listeners.tcp = none",
    `mqtt.listeners.tcp.default = 127.0.0.1:${port}`,
    "mqtt.allow_anonymous = false",
    "log.console = true",
    "log.console.level = info",
    "log.file = false",
  ];
  writeFileSync(join(folder, "rabbitmq.conf"), `${lines.join("\n")}\n`, { mode: 0o600 });
  // The other file would read text beyond ASCII as Latin-1.
  const [user, password] = [login.user, login.password].map(erlangBinary);
  const account = `[{rabbit, [{default_user, ${user}}, {default_pass, ${password}}]}].\n`;
  writeFileSync(join(folder, "advanced.config"), account, { mode: 0o600 });
  writeFileSync(join(folder, "enabled_plugins"), "[rabbitmq_mqtt].\n");
  mkdirSync(join(folder, "data"));
  const environment = { HOME: folder, ERL_EPMD_PORT: String(namesPort), ERL_EPMD_ADDRESS: "127.0.0.1" };
  const companion = {
    command: programPath("epmd"),
    // Only the second -d says when it listens.
    words: ["-d", "-d", "-port", String(namesPort), "-address", "127.0.0.1"],
    environment,
    ready: /entering the main select/,
    port: namesPort,
  };
  const program = {
    command: SERVER,
    words: [],
    environment: {
      ...environment,
      RABBITMQ_NODENAME: "alertbox@localhost",
      RABBITMQ_CONF_ENV_FILE: join(folder, "none"),
      RABBITMQ_CONFIG_FILE: join(folder, "rabbitmq"),
      RABBITMQ_ADVANCED_CONFIG_FILE: join(folder, "advanced.config"),
      RABBITMQ_ENABLED_PLUGINS_FILE: join(folder, "enabled_plugins"),
      RABBITMQ_MNESIA_BASE: join(folder, "data"),
      RABBITMQ_LOG_BASE: folder,
      RABBITMQ_DIST_PORT: String(nodesPort),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
      ERL_CRASH_DUMP: join(folder, "erl_crash.dump"),
    },
    ready: /Server startup complete/,
  };
  return { login, companion, program };
}

// RabbitMQ with its MQTT plugin and no other listener. Its node wants a name and so epmd, which has a process and a
// port of its own here; node name, cookie and data are in the folder. /usr/sbin/rabbitmq-server would change to another
// user.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Broker, BrokerKind, Login } from "./broker.js";
import {
  applicationVersion,
  freePorts,
  newFolder,
  Program,
  programPath,
  removeFolder,
  startOrClose,
} from "./program.js";

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
    open: () => RabbitMQ.open(login),
  };
}

class RabbitMQ implements Broker {
  readonly port: number;
  readonly login: Login;
  readonly #folder: string;
  readonly #names: Program;
  readonly #program: Program;

  private constructor(ports: readonly number[], folder: string, login: Login) {
    const [port, namesPort, nodesPort] = ports as [number, number, number];
    this.port = port;
    this.login = login;
    this.#folder = folder;
    writeFileSync(join(folder, "rabbitmq.conf"), this.#configuration(), { mode: 0o600 });
    // Text beyond ASCII is bytes here; the other file would read it as Latin-1.
    const [user, password] = [login.user, login.password].map((text) => `<<${[...Buffer.from(text)].join()}>>`);
    const account = `[{rabbit, [{default_user, ${user}}, {default_pass, ${password}}]}].\n`;
    writeFileSync(join(folder, "advanced.config"), account, { mode: 0o600 });
    writeFileSync(join(folder, "enabled_plugins"), "[rabbitmq_mqtt].\n");
    mkdirSync(join(folder, "data"));
    const environment = { HOME: folder, ERL_EPMD_PORT: String(namesPort), ERL_EPMD_ADDRESS: "127.0.0.1" };
    this.#names = new Program({
      command: programPath("epmd"),
      words: ["-d", "-port", String(namesPort), "-address", "127.0.0.1"],
      environment,
      ready: /entering the main select|epmd running|started/,
      port: namesPort,
    });
    this.#program = new Program({
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
      port,
    });
  }

  static async open(login: Login): Promise<RabbitMQ> {
    const broker = new RabbitMQ(await freePorts(3), newFolder("rabbitmq"), login);
    await broker.#names.start();
    await startOrClose(broker);
    return broker;
  }

  #configuration(): string {
    const lines = [
      "listeners.tcp = none",
      `mqtt.listeners.tcp.default = 127.0.0.1:${this.port}`,
      "mqtt.allow_anonymous = false",
      "log.console = true",
      "log.console.level = info",
      "log.file = false",
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
    await this.#names.stop("SIGKILL");
    removeFolder(this.#folder);
  }
}

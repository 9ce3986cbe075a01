// ejabberd with mod_mqtt and nothing else: an Erlang node without a name, so without epmd, cookie and distribution. Its
// own ejabberdctl would change to another user and want a node to talk to.

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

/** Debian's folder of Erlang libraries, ejabberd among them: /usr/lib/x86_64-linux-gnu, or another machine's. */
function libraries(): string {
  const folders = readdirSync("/usr/lib").filter((name) => name.includes("-linux-"));
  const isIn = (folder: string) => readdirSync(`/usr/lib/${folder}`).some((name) => name.startsWith("ejabberd-"));
  return `/usr/lib/${folders.find(isIn) ?? ""}`;
}

/** @param login the user is of the domain localhost, `box@localhost`. */
export function ejabberd(login: Login): BrokerKind {
  return {
    name: "ejabberd",
    needs: { ejabberd: ["ejabberdctl", "erl"] },
    version: () => applicationVersion("ejabberd", libraries()),
    open: () => Ejabberd.open(login),
  };
}

class Ejabberd implements Broker {
  readonly port: number;
  readonly login: Login;
  readonly #folder: string;
  readonly #program: Program;

  private constructor(port: number, folder: string, login: Login) {
    this.port = port;
    this.login = login;
    this.#folder = folder;
    mkdirSync(join(folder, "spool"));
    writeFileSync(join(folder, "ejabberd.yml"), this.#configuration());
    const [user = "", domain = ""] = login.user.split("@");
    const account = [user, domain, login.password].map((text) => `<<${[...Buffer.from(text)].join()}>>`);
    this.#program = new Program({
      command: programPath("erl"),
      words: [
        ...["-noinput", "-mnesia", "dir", JSON.stringify(join(folder, "spool")), "-s", "ejabberd"],
        ...["-eval", `ejabberd_auth:try_register(${account.join()}), io:format("account is there~n").`],
      ],
      environment: {
        HOME: folder,
        ERL_LIBS: libraries(),
        ERL_CRASH_DUMP: join(folder, "erl_crash.dump"),
        EJABBERD_CONFIG_PATH: join(folder, "ejabberd.yml"),
        EJABBERD_LOG_PATH: join(folder, "ejabberd.log"),
      },
      ready: /account is there/,
      port,
    });
  }

  static async open(login: Login): Promise<Ejabberd> {
    const [port] = await freePorts(1);
    const broker = new Ejabberd(port as number, newFolder("ejabberd"), login);
    await startOrClose(broker);
    return broker;
  }

  #configuration(): string {
    const lines = [
      "hosts: [localhost]",
      "loglevel: info",
      "auth_method: [internal]",
      "auth_password_format: plain",
      "listen:",
      `  - { port: ${this.port}, ip: 127.0.0.1, module: mod_mqtt }`,
      "modules:",
      "  mod_mqtt: {}",
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

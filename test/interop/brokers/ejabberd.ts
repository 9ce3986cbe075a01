// ejabberd with mod_mqtt and nothing else: an Erlang node without a name, so without epmd, cookie and distribution. Its
// own ejabberdctl would change to another user and want a node to talk to.

import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type BrokerKind, type Login, type Ports, ProgramBroker, type Setup } from "./broker.js";
import { applicationVersion, erlangBinary, programPath } from "./program.js";

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
    open: () => ProgramBroker.open("ejabberd", (folder, ports) => setUp(folder, ports, login)),
  };
}

function setUp(folder: string, [port]: Ports, login: Login): Setup {
  const lines = [
    "hosts: [localhost]",
    "loglevel: info",
    "auth_method: [internal]",
    "auth_password_format: plain",
    "listen:",
    `  - { port: ${port}, ip: 127.0.0.1, module: mod_mqtt }`,
    "modules:",
    "  mod_mqtt: {}",
  ];
  mkdirSync(join(folder, "spool"));
  writeFileSync(join(folder, "ejabberd.yml"), `${lines.join("\n")}\n`);
  const account = [...login.user.split("@"), login.password].map(erlangBinary);
  const program = {
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
  };
  return { login, program };
}

// What the tests of `alertbox` share: the program as a user starts it, with a home of its own; a real Mosquitto with
// lines of configuration; certificates made for the test by openssl.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "../host-sim/command.js";
import { type Broker, type Ports, ProgramBroker } from "../interop/brokers/broker.js";
import { programPath } from "../interop/brokers/program.js";

/** Debian's packages that these tests need. */
export const NEEDS = Object.freeze({
  mosquitto: ["mosquitto", "mosquitto_passwd"],
  openssl: ["openssl"],
  bsdutils: ["script"],
});

const LAUNCHER = fileURLToPath(new URL("../../shell/alertbox.mjs", import.meta.url));

/** A home, and the programs that were started in it. */
export class Desk {
  readonly home = mkdtempSync(join(tmpdir(), "alertbox-shell-"));
  readonly #commands: Command[] = [];

  get environment(): Record<string, string> {
    const folder = (name: string) => join(this.home, name);
    return {
      HOME: this.home,
      XDG_CONFIG_HOME: folder("config"),
      XDG_STATE_HOME: folder("state"),
      ALERTBOX_BROKER: "",
      ALERTBOX_PASSWORD: "",
      // It runs from a bundle, of which no line counts for the coverage of src.
      NODE_V8_COVERAGE: "",
    };
  }

  /** Starts `alertbox`. */
  start(...args: string[]): Command {
    return this.startWith({}, ...args);
  }

  startWith(environment: Readonly<Record<string, string>>, ...args: string[]): Command {
    return this.#add(new Command(args, { ...this.environment, ...environment }, [process.execPath, LAUNCHER]));
  }

  /** The same where no file may become longer than a kilobyte, as on a disk that is full. */
  startOnFullDisk(...args: string[]): Command {
    const script = 'trap "" XFSZ; ulimit -f 1; exec "$@"';
    return this.#add(
      new Command(args, this.environment, ["/bin/bash", "-c", script, "bash", process.execPath, LAUNCHER]),
    );
  }

  #add(command: Command): Command {
    this.#commands.push(command);
    return command;
  }

  /** The same in a terminal that `script` makes. */
  startInTerminal(...args: string[]): Command {
    const quoted = (word: string) => `'${word.replaceAll("'", "'\\''")}'`;
    const line = [process.execPath, LAUNCHER, ...args].map(quoted).join(" ");
    return this.#add(new Command(["-qefc", line, "/dev/null"], this.environment, [programPath("script")]));
  }

  /** Runs it to its end. */
  async run(...args: string[]): Promise<{ status: number | null; output: string; errors: string }> {
    const command = this.start(...args);
    const status = await command.ended;
    return { status, output: command.output, errors: command.errors };
  }

  file(name: string, text: string, mode = 0o600): string {
    const path = join(this.home, name);
    writeFileSync(path, text, { mode });
    return path;
  }

  async close(): Promise<void> {
    await Promise.all(this.#commands.map((command) => command.kill()));
    rmSync(this.home, { recursive: true, force: true });
  }
}

/** Does work for each case, some at a time: most of a program's start is waiting. */
export async function forAll<T>(cases: readonly T[], work: (each: T) => Promise<void>): Promise<void> {
  const left = [...cases];
  const take = async () => {
    for (let each = left.shift(); each !== undefined; each = left.shift()) await work(each);
  };
  await Promise.all([take(), take(), take(), take()]);
}

/** A Mosquitto with this configuration behind its first listener, which takes everybody unless the lines say no. */
export async function openMosquitto(
  linesOf: (folder: string, ports: Ports) => readonly string[] = () => ["allow_anonymous true"],
): Promise<{ broker: Broker; ports: Ports }> {
  let ports: Ports = [0, 0, 0];
  const broker = await ProgramBroker.open("shell", (folder, free) => {
    ports = free;
    const file = join(folder, "mosquitto.conf");
    const owner = process.getuid?.() === 0 ? ["user root"] : [];
    const head = [
      "per_listener_settings false",
      "log_dest stderr",
      "log_type all",
      ...owner,
      `listener ${free[0]} 127.0.0.1`,
    ];
    writeFileSync(file, `${[...head, ...linesOf(folder, free)].join("\n")}\n`);
    return {
      program: { command: programPath("mosquitto"), words: ["-c", file], ready: /mosquitto version .* running/ },
    };
  });
  return { broker, ports };
}

/** A password file with these accounts. */
export function passwordFile(folder: string, accounts: Readonly<Record<string, string>>): string {
  const file = join(folder, "passwords");
  writeFileSync(file, "", { mode: 0o600 });
  for (const [user, password] of Object.entries(accounts)) {
    const { status } = spawnSync(programPath("mosquitto_passwd"), ["-b", file, user, password]);
    assert.equal(status, 0);
  }
  return file;
}

function openssl(folder: string, ...words: string[]): void {
  const { status, stderr } = spawnSync(programPath("openssl"), words, { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, stderr);
}

/** Keys and certificates for as long as a test runs: ca, server, client, other (made for
 * another name), odd (not signed by the CA). */
export function certificates(folder: string): (name: string) => string {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  openssl(
    folder,
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-subj",
    "/CN=Throw-away CA",
    "-days",
    "2",
  );
  const sign = (name: string, names: string, ...days: string[]) => {
    writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${names}\n`);
    openssl(folder, "req", ...key, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    const signed = ["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"];
    openssl(folder, ...signed, "-out", `${name}.pem`, "-extfile", `${name}.ext`, ...days);
  };
  sign("server", "DNS:localhost,IP:127.0.0.1", "-days", "2");
  sign("other", "DNS:broker.example", "-days", "2");
  sign("client", "DNS:client", "-days", "2");
  openssl(folder, "req", "-x509", ...key, "-keyout", "odd.key", "-out", "odd.pem", "-subj", "/CN=odd", "-days", "2");
  return (name) => join(folder, name);
}

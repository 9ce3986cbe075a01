// The client libraries of the table in docs/interop.md: each as a program of its own that subscribes with QoS 2, says
// that it is ready, prints one message and ends.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Broker } from "../brokers/broker.js";
import { findProgram, newFolder, printed, removeFolder } from "../brokers/program.js";
import { Diary } from "../diary.js";

const here = fileURLToPath(new URL(".", import.meta.url));
const require = createRequire(import.meta.url);

export interface Library {
  readonly name: string;
  /** What is to be installed when it is missing; undefined when all is there. */
  missing(): string | undefined;
  version(): string;
  /** The command line of its program. */
  command(broker: Broker, topic: string): readonly string[];
  /** The line that says that it is subscribed. */
  readonly ready: RegExp;
}

/** Python of Debian, where its packages are; another one may come first in PATH. */
const python = "/usr/bin/python3";

const ts = (name: string) => [process.execPath, "--import", "tsx/esm", join(here, name)];

/** The C program, compiled when it is asked for first. */
let compiled: string | undefined;

function pahoC(): string {
  if (compiled !== undefined) return compiled;
  const folder = newFolder("paho-c");
  process.on("exit", () => removeFolder(folder));
  const program = join(folder, "paho-c");
  const words = ["-Wall", "-Wextra", "-Werror", "-o", program, join(here, "paho-c.c"), "-lpaho-mqtt3c"];
  const { status, stderr } = spawnSync("gcc", words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`gcc: ${stderr}`);
  compiled = program;
  return program;
}

function isResolved(name: string): boolean {
  try {
    require.resolve(name);
    return true;
  } catch {
    return false;
  }
}

function npmVersion(name: string): string {
  const file = join(
    require.resolve(name).split(`node_modules/${name}/`)[0] ?? "",
    "node_modules",
    name,
    "package.json",
  );
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

export const LIBRARIES: readonly Library[] = Object.freeze([
  {
    name: "Paho C",
    missing: () =>
      findProgram("gcc") !== undefined && findProgram("/usr/include/MQTTClient.h") !== undefined
        ? undefined
        : "apt-get install gcc libc6-dev libpaho-mqtt-dev",
    version: () => printed(pahoC(), "--version").trim(),
    command: ({ port }, topic) => [pahoC(), `tcp://127.0.0.1:${port}`, topic],
    ready: /^ready$/,
  },
  {
    name: "Paho Python",
    missing: () =>
      spawnSync(python, ["-c", "import paho.mqtt.client"], { stdio: "ignore" }).status === 0
        ? undefined
        : "apt-get install python3-paho-mqtt",
    version: () => printed(python, join(here, "paho_python.py"), "--version").trim(),
    command: ({ port }, topic) => [python, join(here, "paho_python.py"), String(port), topic],
    ready: /^ready$/,
  },
  {
    name: "Paho JavaScript",
    missing: () => (isResolved("paho-mqtt") ? undefined : "npm install paho-mqtt"),
    version: () => npmVersion("paho-mqtt"),
    command: ({ webSocketPort }, topic) => [...ts("paho-javascript.ts"), String(webSocketPort), topic],
    ready: /^ready$/,
  },
  {
    name: "MQTT.js",
    missing: () => undefined,
    version: () => npmVersion("mqtt"),
    command: ({ port }, topic) => [...ts("mqtt-js.ts"), String(port), topic],
    ready: /^ready$/,
  },
  {
    name: "mosquitto_sub",
    missing: () =>
      findProgram("mosquitto_sub") !== undefined && findProgram("stdbuf") !== undefined
        ? undefined
        : "apt-get install mosquitto-clients coreutils",
    version: () => /version (\S+)/.exec(printed("mosquitto_sub", "--help"))?.[1] ?? "unknown",
    command: ({ port }, topic) => {
      const words = ["-d", "-h", "127.0.0.1", "-p", String(port), "-q", "2", "-C", "1", "-t", topic];
      // It would keep its lines to itself until there are many.
      return ["stdbuf", "-oL", "mosquitto_sub", ...words, "-F", "%q %r %t %p"];
    },
    ready: /^Subscribed \(mid: \d+\): 2$/,
  },
]);

/** What a subscriber has printed of a message. */
export interface Printed {
  readonly qos: number;
  readonly retain: boolean;
  readonly topic: string;
  readonly payload: string;
}

/** A running one. */
export class Subscriber {
  readonly #process: ChildProcess;
  readonly #lines = new Diary<string>();
  readonly #library: Library;

  constructor(library: Library, broker: Broker, topic: string) {
    const [command = "", ...words] = library.command(broker, topic);
    this.#library = library;
    this.#process = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      let partial = "";
      stream?.setEncoding("utf8").on("data", (text: string) => {
        const lines = (partial + text).split("\n");
        partial = lines.pop() ?? "";
        for (const line of lines) this.#lines.add(line);
      });
    }
    this.#process.on("error", (error) => this.#lines.add(String(error)));
  }

  /** Resolves when it is subscribed with QoS 2. */
  async ready(): Promise<void> {
    await this.#lines.first((line) => this.#library.ready.test(line), `subscription of ${this.#library.name}`);
  }

  /** Resolves with the first message. */
  async message(): Promise<Printed> {
    const form = /^([012]) ([01]) (\S+) (\{.*)$/;
    const line = await this.#lines.first((each) => form.test(each), `message for ${this.#library.name}`);
    const [, qos, retain, topic = "", payload = ""] = form.exec(line) ?? [];
    return { qos: Number(qos), retain: retain === "1", topic, payload };
  }

  close(): void {
    this.#process.kill("SIGKILL");
  }
}

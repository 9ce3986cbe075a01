// A made-up computer for the commands for people: a folder with programs that behave as the real ones do, an SDK, the
// ESP8266 parts and serial ports, each of which a test can take away or break. The programs are real processes.

import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type Command, type Context, run } from "../../board/report.js";
import { IMAGE, MAP, SIZES } from "./listing.js";

/** mcconfig: knows `-t build` and `-t deploy`; what it does is in a file, so that a test can change it. */
const MCCONFIG = `#!/bin/sh
case "$*" in no-such-manifest) echo "### Error: 'no-such-manifest': manifest not found!"; exit 1;; esac
echo "$* MODDABLE=$MODDABLE ESP_BASE=$ESP_BASE PORT=$UPLOAD_PORT SPEED=$UPLOAD_SPEED" >> "$MODDABLE/calls"
case "$*" in *deploy*) . "$MODDABLE/deploy.sh";; *) . "$MODDABLE/build.sh";; esac
`;

const SIZE = '#!/bin/sh\n/bin/cat "$(/usr/bin/dirname "$0")/sizes"\n';

export const BUILDS = Object.freeze({
  GOOD: 'echo "# tsc main.ts"\necho "# cc tcp.c.o"\necho "# ld main.bin"\nexit 0\n',
  FAILED: 'echo "# tsc main.ts"\necho "src/main.ts(3,7): error TS2322: wrong type." >&2\nexit 2\n',
} as const);

/** What a command said, and how it ended. */
export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

/**
 * Runs a command to its end on this computer without its files and ports, except what the test gives: for commands that
 * need none of what a Machine has.
 */
export async function say(command: Command, args: readonly string[], given: Partial<Context> = {}): Promise<Said> {
  let out = "";
  let err = "";
  const context: Context = {
    ...{ args, env: process.env, platform: process.platform, home: "/nonexistent", root: "/nonexistent" },
    ...{ devices: "/nonexistent", groups: "/nonexistent", user: "ana", mayOpen: () => false, isTerminal: false },
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    signal: new AbortController().signal,
    ...given,
  };
  const status = await run(command, context);
  return { status, out, err };
}

/** Takes hold of a computer; `end` removes it. */
export class Machine {
  readonly home: string;
  readonly root: string;
  readonly bin: string;
  readonly moddable: string;
  readonly espBase: string;
  readonly devices: string;
  readonly env: Record<string, string | undefined>;
  platform: NodeJS.Platform = "linux";
  isTerminal = false;
  mayOpen = true;
  out = "";
  err = "";
  readonly controller = new AbortController();
  #wake: () => void = () => undefined;

  constructor() {
    this.home = mkdtempSync(join(tmpdir(), "alertbox-board-"));
    this.root = join(this.home, "project");
    this.bin = join(this.home, "bin");
    this.moddable = join(this.home, "sdk");
    this.espBase = join(this.home, "parts");
    this.devices = join(this.home, "dev");
    this.env = { PATH: this.bin };
    mkdirSync(this.bin);
    mkdirSync(this.devices);
    this.file(
      "project/manifest.json",
      '{"include":["$(MODDABLE)/x.json","./src/mqtt/manifest.json"],"modules":{"main":"./src/main","device/*":["./src/device/clock"],"system":"$(IO)/system/*"}}',
    );
    this.file("project/src/mqtt/manifest.json", '{"modules":{"mqtt/*":["./session"]}}');
    this.file("project/src/device/esp8266/chip.c", "");
    this.script("project/node_modules/.bin/tsc", 'echo "Version 7.0.2"');
  }

  /** A machine on which everything is installed and a board is connected. */
  static complete(): Machine {
    const machine = new Machine();
    machine.script("bin/make", "exit 0");
    machine.script("bin/perl", "exit 0");
    machine.script("bin/python", 'case "$1" in --version) echo "Python 3.12.1";; esac');
    machine.installSdk();
    machine.installEsp8266();
    machine.env["MODDABLE"] = machine.moddable;
    machine.env["ESP_BASE"] = machine.espBase;
    machine.plugIn("ttyUSB0");
    return machine;
  }

  installSdk(folder = "sdk", version = "8.2.3"): void {
    this.file(`${folder}/tools/VERSION`, `${version}\n`);
    this.file(`${folder}/build/bin/lin/release/mcconfig`, MCCONFIG, 0o755);
    this.file(`${folder}/build.sh`, BUILDS.GOOD);
    this.file(`${folder}/deploy.sh`, 'echo "Writing at 0x00001000... (1 %)"\nexit 0\n');
    this.result("release", folder);
  }

  /** What a build leaves behind. */
  result(form: string, folder = "sdk"): void {
    this.file(`${folder}/build/bin/esp/nodemcu/${form}/project/main.txt`, MAP);
    this.file(`${folder}/build/tmp/esp/nodemcu/${form}/project/mc.xs.c`, IMAGE);
    this.file(`${folder}/build/tmp/esp/nodemcu/${form}/project/main.elf`, "");
  }

  installEsp8266(folder = "parts"): void {
    const compiler = `${folder}/toolchain/Linux/xtensa-lx106-elf/bin`;
    this.script(`${compiler}/xtensa-lx106-elf-gcc`, "echo 5.2.0");
    this.file(`${compiler}/xtensa-lx106-elf-size`, SIZE, 0o755);
    this.file(`${compiler}/sizes`, SIZES);
    this.file(`${folder}/esp8266-2.3.0/cores/esp8266/Arduino.h`, "");
    this.file(`${folder}/ESP8266_RTOS_SDK/components/esptool_py/esptool/esptool.py`, "");
  }

  plugIn(name: string): string {
    this.file(`dev/${name}`, "");
    return join(this.devices, name);
  }

  file(path: string, text: string, mode = 0o644): void {
    const full = join(this.home, path);
    mkdirSync(dirname(full), { recursive: true });
    writeFileSync(full, text);
    chmodSync(full, mode);
  }

  script(path: string, text: string): void {
    this.file(path, `#!/bin/sh\n${text}\n`, 0o755);
  }

  remove(path: string): void {
    rmSync(join(this.home, path), { recursive: true });
  }

  /** How mcconfig was called so far. */
  get calls(): string[] {
    const path = join(this.moddable, "calls");
    return existsSync(path) ? readFileSync(path, "utf8").trim().split("\n") : [];
  }

  context(args: readonly string[]): Context {
    const { home, root, devices, env, platform, isTerminal } = this;
    return {
      args,
      env,
      platform,
      home,
      root,
      devices,
      groups: join(home, "group"),
      user: "ana",
      mayOpen: () => this.mayOpen,
      out: (text) => {
        this.out += text;
        this.#wake();
      },
      err: (text) => {
        this.err += text;
        this.#wake();
      },
      isTerminal,
      signal: this.controller.signal,
    };
  }

  /** Runs a command to its end; `out` and `err` are of this run only. */
  run(command: Command, ...args: string[]): Promise<number> {
    this.out = "";
    this.err = "";
    return run(command, this.context(args));
  }

  /** Resolves as soon as something was written that matches. */
  async wrote(pattern: RegExp): Promise<void> {
    while (!pattern.test(this.out) && !pattern.test(this.err)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The last line of all, which a person remembers. */
  get lastLine(): string {
    return (this.err === "" ? this.out : this.err).trimEnd().split("\n").at(-1) ?? "";
  }

  end(): void {
    this.controller.abort();
    rmSync(this.home, { recursive: true, force: true });
  }
}

// The Moddable SDK and what it needs to build for the ESP8266: where each part is, whether it is the right one, and how
// a newcomer gets it. Only looks; never installs or changes anything.
//
// Where things are comes from the SDK 8.2.3 itself (tools/mcconfig.js, tools/mcconfig/make.esp.mk and nmake.esp.mk,
// documentation/devices/esp8266.md) and from xs-dev 1.12 (src/toolbox/setup/constants.ts, toolchains/esp8266.ts).

import { existsSync, readFileSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { Wanted } from "./budget.js";
import { ask, findProgram, searchPath } from "./program.js";
import type { Context, Finding } from "./report.js";

export interface Check {
  readonly id: string;
  readonly finding: Finding;
  readonly text: string;
  /** Commands or sentences, in order; empty when there is nothing to do. */
  readonly fix: readonly string[];
}

export interface Sdk {
  readonly checks: readonly Check[];
  readonly moddable: string | undefined;
  readonly mcconfig: string | undefined;
  /** Folder with xtensa-lx106-elf-gcc and its like. */
  readonly toolchain: string | undefined;
  /** What mcconfig and the tools under it must be started with. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const Documentation = Object.freeze({
  MODDABLE:
    "https://github.com/Moddable-OpenSource/moddable/blob/public/documentation/Moddable%20SDK%20-%20Getting%20Started.md",
  ESP8266: "https://github.com/Moddable-OpenSource/moddable/blob/public/documentation/devices/esp8266.md",
} as const);

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

/** Compares "8.2.3" with [8, 2]: negative when older, 0 when the same as far as given, positive when newer. */
function compareVersion(text: string, wanted: readonly number[]): number {
  const numbers = text.split(".").map(Number);
  for (const [index, want] of wanted.entries()) {
    const difference = (numbers[index] ?? 0) - want;
    if (difference !== 0) return difference;
  }
  return 0;
}

function versionIn(text: string): string | undefined {
  return /(\d+\.\d+(\.\d+)?)/.exec(text)?.[1];
}

/** Looks at one machine; every method is one part and adds its findings. */
class Inspection {
  readonly checks: Check[] = [];
  readonly #context: Context;
  readonly env: Record<string, string | undefined>;
  moddable: string | undefined;
  mcconfig: string | undefined;
  toolchain: string | undefined;

  constructor(context: Context) {
    this.#context = context;
    this.env = { ...context.env };
    // Our own tsc stands first, whoever started this command.
    this.#prependPath(join(context.root, "node_modules", ".bin"));
  }

  #prependPath(directory: string): void {
    const path = searchPath(this.env);
    delete this.env["Path"];
    this.env["PATH"] = path === "" ? directory : `${directory}${delimiter}${path}`;
  }

  #add(id: string, finding: Finding, text: string, fix: readonly string[] = []): void {
    this.checks.push({ id, finding, text, fix: finding === "ok" ? [] : fix });
  }

  #find(name: string): string | undefined {
    return findProgram(name, this.env, this.#context.platform);
  }

  /** Words for the operating system: what Linux, macOS and Windows each do. */
  #perSystem(linux: string, mac: string, windows: string): string {
    if (this.#context.platform === "win32") return windows;
    return this.#context.platform === "darwin" ? mac : linux;
  }

  /** Where xs-dev installs. */
  #xsDevFolder(name: string): string {
    const { home, platform } = this.#context;
    return platform === "win32" ? join(home, "xs-dev", name) : join(home, ".local", "share", name);
  }

  #xsDev(command: string): string[] {
    const has = this.#find("xs-dev") !== undefined;
    return has ? [`xs-dev ${command}`] : ["npm install -g xs-dev", `xs-dev ${command}`];
  }

  node(): void {
    const version = process.versions.node;
    const [major, minor] = Wanted.NODE;
    const ok = compareVersion(version, Wanted.NODE) >= 0;
    const text = ok ? `Node.js ${version}` : `Node.js ${version} is too old: ${major}.${minor} or newer is needed`;
    this.#add("node", ok ? "ok" : "missing", text, ["install a newer Node.js: https://nodejs.org"]);
  }

  typescript(): void {
    const tsc = this.#find("tsc");
    if (tsc === undefined) {
      this.#add("typescript", "missing", "TypeScript (tsc) is not installed", ["npm ci"]);
      return;
    }
    const version = versionIn(ask(tsc, ["--version"], this.env).output);
    if (version === undefined) {
      this.#add("typescript", "missing", `TypeScript cannot be run: ${tsc}`, ["npm ci"]);
      return;
    }
    const ok = compareVersion(version, Wanted.TYPESCRIPT) >= 0;
    const text = ok
      ? `TypeScript ${version}`
      : `TypeScript ${version} is too old: ${Wanted.TYPESCRIPT[0]} or newer is needed`;
    this.#add("typescript", ok ? "ok" : "missing", text, ["npm ci"]);
  }

  sdk(): void {
    const fix = [...this.#xsDev("setup"), "open a new terminal", `or by hand: ${Documentation.MODDABLE}`];
    const named = this.#context.env["MODDABLE"];
    const usual = this.#xsDevFolder("moddable");
    if (named !== undefined && named !== "") {
      if (!isDirectory(named)) {
        this.#add("moddable", "missing", `MODDABLE names ${named}, which is not a folder`, fix);
        return;
      }
      this.moddable = named;
      this.#add("moddable", "ok", `Moddable SDK: ${named}`);
    } else if (isDirectory(usual)) {
      this.moddable = usual;
      this.#add("moddable", "ok", `Moddable SDK: ${usual} (MODDABLE is not set; this is where xs-dev puts it)`);
    } else {
      this.#add("moddable", "missing", "the Moddable SDK is not installed (MODDABLE is not set)", fix);
      return;
    }
    this.env["MODDABLE"] = this.moddable;
    this.#version(this.moddable);
  }

  #version(moddable: string): void {
    const file = join(moddable, "tools", "VERSION");
    const version = existsSync(file) ? versionIn(readFileSync(file, "utf8")) : undefined;
    const wanted = Wanted.MODDABLE.join(".");
    const fix = [...this.#xsDev("update"), `or by hand: ${Documentation.MODDABLE}`];
    if (version === undefined) {
      this.#add("version", "unknown", `version of the SDK: not told (no ${file}); ${wanted} is wanted`, fix);
      return;
    }
    const order = compareVersion(version, Wanted.MODDABLE);
    if (order < 0) this.#add("version", "missing", `Moddable SDK ${version} is too old: ${wanted} is wanted`, fix);
    else if (order > 0) this.#add("version", "unknown", `Moddable SDK ${version}: newer than ${wanted}, not tried`);
    else this.#add("version", "ok", `Moddable SDK ${version}`);
  }

  tools(): void {
    const { moddable } = this;
    if (moddable === undefined) {
      this.#add("mcconfig", "unknown", "mcconfig: looked at once the SDK is there");
      return;
    }
    const system = this.#perSystem("lin", "mac", "win");
    const folder = join(moddable, "build", "bin", system, "release");
    const onPath = this.#find("mcconfig");
    // The makefile that mcconfig writes calls xsc and xsl by name, so their folder is on PATH in any case.
    if (onPath === undefined) this.#prependPath(folder);
    const mcconfig = onPath ?? this.#find("mcconfig");
    const makefiles = join(moddable, "build", "makefiles", system);
    const make = this.#perSystem("make", "make", "build");
    const fix = [...this.#xsDev("setup"), `or build them: cd ${makefiles} && ${make}`];
    if (mcconfig === undefined) {
      this.#add(
        "mcconfig",
        "missing",
        `mcconfig is neither on PATH nor in ${folder}: the SDK's tools are not built`,
        fix,
      );
      return;
    }
    // Without a manifest it says so, which shows that it runs.
    const answer = ask(mcconfig, ["no-such-manifest"], this.env, tmpdir());
    if (!/manifest/.test(answer.output)) {
      const reason = (answer.output.trim().split("\n").at(-1) ?? "") || answer.error || `status ${answer.status}`;
      this.#add("mcconfig", "missing", `mcconfig cannot be run: ${mcconfig} (${reason})`, fix);
      return;
    }
    this.mcconfig = mcconfig;
    this.#add(
      "mcconfig",
      "ok",
      onPath === undefined ? `mcconfig: ${mcconfig} (not on PATH; found by MODDABLE)` : `mcconfig: ${mcconfig}`,
    );
  }

  /** make and perl: the makefile of the SDK calls both. */
  make(): void {
    const windows = "start from the x86 Native Tools Command Prompt of Visual Studio";
    const make = this.#perSystem("make", "make", "nmake");
    const fix = this.#perSystem("sudo apt-get install make", "xcode-select --install", windows);
    if (this.#find(make) !== undefined) this.#add("make", "ok", make);
    else this.#add("make", "missing", `${make} is not installed`, [fix]);
    if (this.#context.platform === "win32") return;
    if (this.#find("perl") !== undefined) this.#add("perl", "ok", "perl");
    else
      this.#add("perl", "missing", "perl is not installed", [
        this.#perSystem("sudo apt-get install perl", "brew install perl", ""),
      ]);
  }

  esp8266(): void {
    const fix = [
      ...this.#xsDev("setup --device esp8266"),
      "open a new terminal",
      `or by hand: ${Documentation.ESP8266}`,
    ];
    const { env, home, platform } = this.#context;
    const named = env["ESP_BASE"];
    const usual = [this.#xsDevFolder("esp"), join(home, "esp")];
    const onWindows = join(env["BASE_DIR"] ?? home, "esp");
    const base = platform === "win32" ? onWindows : named || usual.find(isDirectory);
    if (base === undefined || !isDirectory(base)) {
      const text = named ? `ESP_BASE names ${named}, which is not a folder` : "the ESP8266 tools are not installed";
      this.#add("esp8266", "missing", text, fix);
      for (const part of ["compiler", "Arduino core", "ESP8266_RTOS_SDK"])
        this.#add(part, "unknown", `${part}: looked at once the ESP8266 tools are there`);
      return;
    }
    this.env["ESP_BASE"] = base;
    if (platform === "win32") this.env["BASE_DIR"] = env["BASE_DIR"] ?? home;
    this.#add(
      "esp8266",
      "ok",
      `ESP8266 tools: ${base}${named || platform === "win32" ? "" : " (ESP_BASE is not set; found there)"}`,
    );
    this.#compiler(base, fix);
    this.#arduino(base, fix);
    this.#rtos(base, fix);
  }

  #compiler(base: string, fix: readonly string[]): void {
    const { env, platform } = this.#context;
    const root = env["TOOLS_ROOT"] || join(base, "toolchain", platform === "darwin" ? "Darwin" : "Linux");
    const folder = platform === "win32" ? join(base, "xtensa-lx106-elf", "bin") : join(root, "xtensa-lx106-elf", "bin");
    const gcc = join(folder, `xtensa-lx106-elf-gcc${platform === "win32" ? ".exe" : ""}`);
    if (!existsSync(gcc)) {
      this.#add("compiler", "missing", `the compiler is not there: ${gcc}`, fix);
      return;
    }
    const answer = ask(gcc, ["-dumpversion"], this.env);
    if (answer.status !== 0) {
      const reason =
        answer.error === "ENOEXEC" || answer.error === "UNKNOWN" ? "it is for another kind of computer" : answer.error;
      this.#add("compiler", "missing", `the compiler cannot be run: ${gcc}${reason === "" ? "" : ` (${reason})`}`, [
        "the compiler comes for 64-bit Intel only: build on such a computer (on Apple silicon: softwareupdate --install-rosetta)",
      ]);
      return;
    }
    this.toolchain = folder;
    this.#add("compiler", "ok", `compiler: xtensa-lx106-elf-gcc ${answer.output.trim()}`);
  }

  #arduino(base: string, fix: readonly string[]): void {
    // mcconfig sets ARDUINO_ROOT itself, so the folder's name is not ours to choose.
    const folder = join(base, "esp8266-2.3.0");
    if (isDirectory(join(folder, "cores", "esp8266"))) this.#add("Arduino core", "ok", "Arduino core 2.3.0");
    else this.#add("Arduino core", "missing", `the Arduino core 2.3.0 is not there: ${folder}`, fix);
  }

  #rtos(base: string, fix: readonly string[]): void {
    const folder = this.#context.env["ESPRESSIF_SDK_ROOT"] || join(base, "ESP8266_RTOS_SDK");
    const windows = this.#context.platform === "win32";
    const esptool = windows
      ? join(base, "esptool.exe")
      : join(folder, "components", "esptool_py", "esptool", "esptool.py");
    if (!isDirectory(folder)) this.#add("ESP8266_RTOS_SDK", "missing", `ESP8266_RTOS_SDK is not there: ${folder}`, fix);
    else if (!existsSync(esptool))
      this.#add("ESP8266_RTOS_SDK", "missing", `esptool is not there: ${esptool}`, [
        `cd ${folder} && git checkout release/v3.2 && git submodule update --init`,
        ...fix.slice(-1),
      ]);
    else this.#add("ESP8266_RTOS_SDK", "ok", "ESP8266_RTOS_SDK with esptool");
  }

  python(): void {
    const linux = "sudo apt-get install python-is-python3 python3-serial";
    const mac = 'brew install python && export PATH="$(brew --prefix python)/libexec/bin:$PATH"';
    const fix = this.#perSystem(linux, mac, "winget install -e --id Python.Python.3");
    const python = this.#find("python");
    // Debian's package is for Debian's own Python only.
    const isDebians = this.#context.platform === "linux" && python?.startsWith("/usr/bin/") === true;
    const pip = isDebians ? "sudo apt-get install python3-serial" : "python -m pip install pyserial";
    if (python === undefined) {
      const text =
        this.#find("python3") === undefined
          ? "Python 3 is not installed"
          : "there is python3, but no python: the SDK's makefile asks for that name";
      this.#add("python", "missing", text, [fix]);
      this.#add("pyserial", "unknown", "pyserial: looked at once Python is there");
      return;
    }
    const version = versionIn(ask(python, ["--version"], this.env).output) ?? "";
    if (compareVersion(version, Wanted.PYTHON) < 0) {
      const text = version === "" ? `python cannot be run: ${python}` : `python is ${version}: Python 3 is needed`;
      this.#add("python", "missing", text, [fix]);
    } else this.#add("python", "ok", `Python ${version}`);
    // esptool imports it at once, so even building needs it.
    if (ask(python, ["-c", "import serial"], this.env).status === 0) this.#add("pyserial", "ok", "pyserial");
    else this.#add("pyserial", "missing", "pyserial is not installed: esptool needs it, also to build", [pip]);
  }
}

/** Looks at everything that building needs, in the order in which a newcomer would get it. */
export function inspect(context: Context): Sdk {
  const inspection = new Inspection(context);
  inspection.node();
  inspection.typescript();
  inspection.sdk();
  inspection.tools();
  inspection.make();
  inspection.esp8266();
  inspection.python();
  const { checks, moddable, mcconfig, toolchain, env } = inspection;
  return { checks, moddable, mcconfig, toolchain, env };
}

/** The closing line when something is missing; undefined when a build is possible. */
export function notReady(checks: readonly Check[]): string | undefined {
  const missing = checks.filter((check) => check.finding === "missing");
  const first = missing[0]?.fix[0];
  if (missing.length === 0) return undefined;
  const count = missing.length === 1 ? "1 thing is missing" : `${missing.length} things are missing`;
  return `Not ready: ${count}; begin with: ${first ?? "the first of them"}`;
}

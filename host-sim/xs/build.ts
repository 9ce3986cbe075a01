// Builds the two programs of the lab from c/ and the engine's sources: `lab32` for this computer, which also compiles
// JavaScript, and `lab-lx106.elf` for QEMU. A second build finds that nothing has changed and does nothing; a changed
// file is compiled alone. Knows how the programs are called, not what is said to them.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "../../board/report.js";
import type { Engine } from "./engine.js";
import {
  arithmeticPackage,
  arithmeticSources,
  enginePackage,
  engineSources,
  findToolchain,
  finish,
  type Place,
  picolibcSpecs,
  type Toolchain,
} from "./toolchain.js";

const ownSources = join(dirname(fileURLToPath(import.meta.url)), "c");

/** Both programs, and what their figures depend on. */
export interface Build {
  readonly host: Engine;
  readonly target: Engine;
  readonly toolchain: Toolchain;
}

/** Not used by anything here: snapshots, hardened JavaScript, profiles. */
const leftOut: readonly string[] = Object.freeze(["xsLockdown.c", "xsProfile.c", "xsSnapshot.c"]);

/** Only for parsing: the chip has bytecode. */
const parserFiles: readonly string[] = Object.freeze([
  "xsCode.c",
  "xsLexical.c",
  "xsScope.c",
  "xsScript.c",
  "xsSourceMap.c",
  "xsSyntaxical.c",
  "xsTree.c",
]);

/**
 * As the SDK builds for the ESP8266. mx32bitID is not defined there, so names are numbers of 16 bits; mxCESU8 must not
 * be, or ArrayBuffer.fromString is gone. Two are not in the SDK's release: mxBoundsCheck makes a full stack end
 * cleanly, mxInstrument counts collections. They make loops of firmware 3 to 7 percent longer.
 */
const defines: readonly string[] = Object.freeze([
  "-DINCLUDE_XSPLATFORM=1",
  '-DXSPLATFORM="platform.h"',
  "-DmxRun=1",
  "-DmxNoConsole=1",
  "-DmxInstrument=1",
  "-DmxBoundsCheck=1",
]);

const language: readonly string[] = Object.freeze(["-std=gnu11", "-fno-strict-aliasing"]);

/** Of tools/mcconfig/make.esp.mk in the SDK 8.2.3. */
const chipFlags: readonly string[] = Object.freeze([
  "-Os",
  "-mlongcalls",
  "-mtext-section-literals",
  "-falign-functions=4",
  "-ffunction-sections",
  "-fdata-sections",
  "-fno-jump-tables",
  "-fno-inline-functions",
  "-mforce-l32",
  `--specs=${picolibcSpecs}`,
]);

/** What the ESP8266 has in ROM and Debian's libgcc has not: the names that lib1funcs.S knows the functions by. */
const arithmetic: readonly string[] = Object.freeze([
  "_mulsi3",
  "_umulsidi3",
  "_udivsi3",
  "_divsi3",
  "_umodsi3",
  "_modsi3",
  "_negdf2",
  "_addsubdf3",
  "_muldf3",
  "_divdf3",
  "_cmpdf2",
  "_fixdfsi",
  "_fixunsdfsi",
  "_fixdfdi",
  "_fixunsdfdi",
  "_floatsidf",
  "_floatunsidf",
  "_floatdidf",
  "_floatundidf",
  "_truncdfsf2",
  "_extendsfdf2",
]);

/** One file to compile. */
interface Job {
  readonly source: string;
  /** Name of the object without what tells versions apart. */
  readonly name: string;
  readonly args: readonly string[];
  /** Of ours, which it includes. */
  readonly headers: readonly string[];
}

interface Program {
  readonly file: string;
  readonly compiler: string;
  readonly jobs: readonly Job[];
  readonly link: readonly string[];
  /** Behind the objects on the command line. */
  readonly libraries: readonly string[];
}

function filesIn(directory: string, ending: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(ending))
    .sort()
    .map((name) => join(directory, name));
}

function engineFiles(engine: string, isHost: boolean): string[] {
  const unwanted = isHost ? leftOut : [...leftOut, ...parserFiles];
  return filesIn(join(engine, "sources"), ".c").filter((file) => !unwanted.includes(basename(file)));
}

function includes(engine: string): string[] {
  const directories = ["includes", "platforms", "sources"].map((name) => join(engine, name));
  return [ownSources, ...directories].map((directory) => `-I${directory}`);
}

/** Our own code is compiled with all warnings, and has none; what others wrote is not ours to mend. */
function compilations(files: readonly string[], flags: readonly string[], isOurs: boolean): Job[] {
  const args = [...flags, ...(isOurs ? warnings : ["-w"])];
  const headers = isOurs ? ownHeaders() : platformHeaders;
  return files.map((source) => ({ source, name: `${isOurs ? "lab-" : ""}${basename(source)}`, args, headers }));
}

/** What the engine's files include of ours. */
const platformHeaders: readonly string[] = Object.freeze(
  ["platform.h", "heap.h"].map((name) => join(ownSources, name)),
);

/** They are few and small: each counts for every file of ours. */
function ownHeaders(): string[] {
  return [...filesIn(ownSources, ".h"), ...filesIn(join(ownSources, "lx106"), ".h")];
}

const warnings: readonly string[] = Object.freeze(["-Wall", "-Wextra", "-Werror"]);

function hostProgram(toolchain: Toolchain, engine: string, directory: string): Program {
  const flags = ["-m32", "-fno-pie", "-O1", ...language, ...defines, "-DmxParse=1", ...includes(engine)];
  return {
    file: join(directory, "lab32"),
    compiler: toolchain.gcc,
    jobs: [
      ...compilations(engineFiles(engine, true), flags, false),
      ...compilations(filesIn(ownSources, ".c"), flags, true),
    ],
    link: ["-m32", "-no-pie"],
    libraries: ["-lm"],
  };
}

function targetProgram(toolchain: Toolchain, engine: string, libgcc: string, directory: string): Program {
  const chip = join(ownSources, "lx106");
  const flags = [...language, ...chipFlags, ...defines, ...includes(engine)];
  const own = filesIn(ownSources, ".c").filter((file) => !["compile.c", "port-host.c"].includes(basename(file)));
  const assembly = ["-mlongcalls", "-Wa,--text-section-literals"];
  return {
    file: join(directory, "lab-lx106.elf"),
    compiler: toolchain.crossCompiler,
    jobs: [
      ...compilations(engineFiles(engine, false), flags, false),
      ...compilations([...own, ...filesIn(chip, ".c")], flags, true),
      ...compilations(filesIn(chip, ".S"), assembly, true),
      ...arithmetic.map((name) => ({
        source: join(libgcc, "lib1funcs.S"),
        name: `libgcc${name}`,
        args: [...assembly, `-I${chip}`, `-DL${name}`],
        headers: [join(chip, "xtensa-config.h")],
      })),
    ],
    link: [`--specs=${picolibcSpecs}`, "-nostartfiles", "-Wl,--gc-sections", "-T", join(chip, "memory.ld")],
    libraries: ["-lm"],
  };
}

function digest(pieces: readonly (string | Buffer)[]): string {
  const hash = createHash("sha256");
  for (const piece of pieces) hash.update(piece).update("\0");
  return hash.digest("hex").slice(0, 20);
}

/** Everything that a build depends on, as one short word. Versions stand for what was downloaded and installed. */
function fingerprint(toolchain: Toolchain): string {
  const own = [".c", ".h", ".S", ".ld"].flatMap((ending) =>
    [ownSources, join(ownSources, "lx106")].flatMap((directory) => filesIn(directory, ending)),
  );
  return digest([
    readFileSync(fileURLToPath(import.meta.url)),
    enginePackage.integrity,
    arithmeticPackage.sha256,
    JSON.stringify(toolchain.versions),
    toolchain.gcc,
    toolchain.crossCompiler,
    ...own.flatMap((file) => [file, readFileSync(file)]),
  ]);
}

/** Objects are named by all that goes into them, so one that is there is the right one. */
class Objects {
  readonly #directory: string;
  readonly #common: string;
  readonly #place: Place;
  readonly #used = new Set<string>();

  constructor(place: Place, directory: string, common: string) {
    mkdirSync(directory, { recursive: true });
    this.#place = place;
    this.#directory = directory;
    this.#common = common;
  }

  /** @throws Failure with what the compiler said. */
  async make(compiler: string, job: Job): Promise<string> {
    const files = [job.source, ...job.headers].map((file) => readFileSync(file));
    const key = digest([this.#common, compiler, ...job.args, ...files]);
    const object = join(this.#directory, `${job.name}-${key}.o`);
    this.#used.add(basename(object));
    if (existsSync(object)) return object;
    const temporary = `${object}.${process.pid}`;
    const args = [...job.args, "-c", job.source, "-o", temporary];
    const purpose = `cannot compile ${basename(job.source)}`;
    await finish(compiler, args, { cwd: this.#directory, env: this.#place.env }, purpose);
    renameSync(temporary, object);
    return object;
  }

  /** Removes what no program is made of any more. What is new may be of a build that runs beside this one. */
  clean(): void {
    const yesterday = Date.now() - 24 * 3_600_000;
    for (const name of readdirSync(this.#directory)) {
      const file = join(this.#directory, name);
      if (this.#used.has(name)) continue;
      const { mtimeMs } = statSync(file, { throwIfNoEntry: false }) ?? { mtimeMs: yesterday };
      if (mtimeMs < yesterday) rmSync(file, { force: true });
    }
  }
}

/** Does `work` for each item, as many at a time as there are cores. */
async function inParallel<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let index = next++; index < items.length; index = next++) {
      try {
        results[index] = await work(items[index] as T);
      } catch (error) {
        // Nobody will want the others any more.
        next = items.length;
        throw error;
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, worker));
  return results;
}

class Builder {
  readonly #place: Place;
  readonly #objects: Objects;
  #failure: unknown;
  #saidAt = performance.now();

  constructor(place: Place, objects: Objects) {
    this.#place = place;
    this.#objects = objects;
  }

  say(text: string): void {
    this.#place.err(`${text} …\n`);
    this.#saidAt = performance.now();
  }

  /** Compiles nothing further: something else that the programs need cannot be had. */
  stop(failure: unknown): void {
    this.#failure = failure;
  }

  async make(program: Program): Promise<void> {
    let done = 0;
    const objects = await inParallel(program.jobs, async (job) => {
      if (this.#failure !== undefined) throw this.#failure;
      const object = await this.#objects.make(program.compiler, job);
      done += 1;
      if (this.#failure === undefined && performance.now() - this.#saidAt > 2000) {
        this.say(`  ${basename(program.file)}: ${done} of ${program.jobs.length} files`);
      }
      return object;
    });
    const temporary = `${program.file}.${process.pid}`;
    const args = [...program.link, "-o", temporary, ...objects, ...program.libraries];
    const options = { cwd: dirname(program.file), env: this.#place.env };
    await finish(program.compiler, args, options, `cannot link ${basename(program.file)}`);
    renameSync(temporary, program.file);
  }
}

/** QEMU splits its options at commas, and reads two of them as one. */
function qemuCommand(qemu: string, elf: string, values: readonly string[]): string[] {
  const args = ["lab", ...values].map((value) => `,arg=${value.replaceAll(",", ",,")}`).join("");
  const machine = ["-cpu", "lx106", "-M", "sim", "-m", "192M"];
  const quiet = ["-nographic", "-monitor", "none", "-serial", "none"];
  // Counting takes time, and what tests the units counts nothing.
  const counting = values[0] === "unit" ? [] : ["-icount", "shift=5,sleep=off"];
  return [
    qemu,
    ...machine,
    ...quiet,
    ...counting,
    "-semihosting-config",
    `enable=on,target=native${args}`,
    "-kernel",
    elf,
  ];
}

function programsIn(directory: string, toolchain: Toolchain): Build {
  const compiler = join(directory, "lab32");
  const elf = join(directory, "lab-lx106.elf");
  return {
    host: { name: "xs32", compiler, command: (values) => [compiler, ...values] },
    target: { name: "lx106", compiler, command: (values) => qemuCommand(toolchain.qemu, elf, values) },
    toolchain,
  };
}

function isBuilt(directory: string, stamp: string, print: string): boolean {
  const programs = ["lab32", "lab-lx106.elf"].map((name) => join(directory, name));
  return [stamp, ...programs].every((file) => existsSync(file)) && readFileSync(stamp, "utf8") === print;
}

/** Where downloads, objects and programs are kept. */
export function cacheDirectory(root: string): string {
  return join(root, "node_modules/.cache/alertbox/xs");
}

/**
 * Makes sure that both programs are there and up to date. What takes long is told on stderr.
 * @throws Failure in one line: what is missing and what to type, or what went wrong.
 */
export async function build(place: Place, cache: string = cacheDirectory(place.root)): Promise<Build> {
  const toolchain = findToolchain(place);
  const print = fingerprint(toolchain);
  const stamp = join(cache, "built");
  const result = programsIn(cache, toolchain);
  if (isBuilt(cache, stamp, print)) return result;

  const objects = new Objects(
    place,
    join(cache, "objects"),
    digest([enginePackage.integrity, JSON.stringify(toolchain.versions)]),
  );
  const builder = new Builder(place, objects);
  rmSync(stamp, { force: true });
  builder.say(
    "building the engine for this computer and for the ESP8266's instruction set (once, about half a minute)",
  );
  // GCC's part is a large archive: it comes while the host program is compiled.
  const libgcc = arithmeticSources(place, cache);
  libgcc.catch((error: unknown) => builder.stop(error));
  const engine = engineSources(place, cache);
  const hostProgramMade = engine.then((sources) => builder.make(hostProgram(toolchain, sources, cache)));
  const [sources, arithmeticFiles] = await Promise.all([engine, libgcc, hostProgramMade]);
  await builder.make(targetProgram(toolchain, sources, arithmeticFiles, cache));
  objects.clean();
  writeFileSync(stamp, print);
  return result;
}

/** @throws Failure when counts of this build cannot be compared with the committed ones, with what to install. */
export function requireComparable(built: Build): void {
  const { differences } = built.toolchain;
  if (differences.length === 0) return;
  throw new Failure(`counts of instructions are not comparable: ${differences.join("; ")}`);
}

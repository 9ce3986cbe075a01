// What the lab is built from: compilers and QEMU that the user installs, the engine's sources from npm and a part of
// GCC's sources from Debian, each by exact version and hash. It says what is missing and how to get it, and installs
// nothing. None of the downloads is part of the project; they stay in the cache folder.

import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { findProgram } from "../../board/program.js";
import { type Context, Failure } from "../../board/report.js";

/** Where something is built: the environment, the project's folder, and where to say what takes long. */
export type Place = Pick<Context, "env" | "platform" | "root" | "err">;

/** The XS engine 13.3, as Agoric publishes it. Licences: LGPL or Apache, per file. */
export const enginePackage = Object.freeze({
  name: "@agoric/xsnap",
  version: "0.15.0",
  integrity: "sha512-ZBm4DZxbtfacxMHVVdJjZi0Y8zOxN77vpu1WwI5RWfPkaRh0aHkz/dVdTGKXalDNzWfz183lljKxlxl3/h0n+A==",
} as const);

/** Has the arithmetic that the ESP8266 keeps in ROM: libgcc/config/xtensa, GPLv3 with the Runtime Library Exception. */
export const arithmeticPackage = Object.freeze({
  name: "gcc-12-source",
  version: "12.2.0-14+deb12u1",
  sha256: "8f2a5411028dfe216aeb6346b926df0cc7471f375c6a375bf180fbf279af02a1",
  archive: "./usr/src/gcc-12/gcc-12.2.0-dfsg.tar.xz",
  directory: "gcc-12.2.0/libgcc/config/xtensa",
  files: Object.freeze(["lib1funcs.S", "ieee754-df.S", "ieee754-sf.S"] as const),
} as const);

/** What an instruction count depends on. QEMU only executes; any 7 or later counts the same. */
export const pinnedVersions: Readonly<Record<string, string>> = Object.freeze({
  "gcc-xtensa-lx106": "12.2.0-14+deb12u1+13+b2",
  "picolibc-xtensa-lx106-elf": "1.8-1",
});

export const picolibcSpecs = "/usr/lib/xtensa-lx106-elf/picolibc.specs";

const system = "x86-64 Linux of Debian 12 (bookworm), or a container of it";

/** This machine cannot build the lab as it is: something has to be installed, or the network is away. */
export class Unavailable extends Failure {}

export interface Toolchain {
  readonly gcc: string;
  readonly crossCompiler: string;
  readonly qemu: string;
  /** Versions of the packages that decide what is built, as Debian words them; "unknown" on another system. */
  readonly versions: Readonly<Record<string, string>>;
  /** One sentence for each that is not the pinned one: counts of instructions are then not comparable. */
  readonly differences: readonly string[];
}

interface Part {
  readonly name: string;
  readonly package: string;
  readonly isThere: (place: Place) => boolean;
}

function hasProgram(name: string): (place: Place) => boolean {
  return (place) => findProgram(name, place.env, place.platform) !== undefined;
}

/** Headers of the 32-bit C library come with gcc-multilib only. */
function compiles32(place: Place): boolean {
  const gcc = findProgram("gcc", place.env, place.platform);
  if (gcc === undefined) return false;
  const options = { env: place.env, input: "#include <stdio.h>\n" };
  return spawnSync(gcc, ["-m32", "-fsyntax-only", "-xc", "-"], options).status === 0;
}

const parts: readonly Part[] = Object.freeze([
  { name: "gcc for 32-bit programs", package: "gcc-multilib", isThere: compiles32 },
  { name: "xtensa-lx106-elf-gcc", package: "gcc-xtensa-lx106", isThere: hasProgram("xtensa-lx106-elf-gcc") },
  { name: "picolibc", package: "picolibc-xtensa-lx106-elf", isThere: () => existsSync(picolibcSpecs) },
  { name: "qemu-system-xtensa", package: "qemu-system-misc", isThere: hasProgram("qemu-system-xtensa") },
  { name: "xz", package: "xz-utils", isThere: hasProgram("xz") },
]);

/** Looks for all programs. @throws Unavailable that says what is missing and what to type. */
export function findToolchain(place: Place, architecture: string = process.arch): Toolchain {
  if (place.platform !== "linux" || architecture !== "x64") {
    throw new Unavailable(`this needs ${system}: its compilers for the ESP8266's instruction set and its QEMU`);
  }
  const missing = parts.filter((part) => !part.isThere(place));
  if (missing.length > 0) {
    const names = missing.map((part) => part.name).join(", ");
    const packages = missing.map((part) => part.package).join(" ");
    throw new Unavailable(`not installed: ${names}; on Debian 12 type: sudo apt-get install ${packages}`);
  }
  const program = (name: string): string => findProgram(name, place.env, place.platform) ?? name;
  const versions = versionsOf(place);
  return {
    gcc: program("gcc"),
    crossCompiler: program("xtensa-lx106-elf-gcc"),
    qemu: program("qemu-system-xtensa"),
    versions,
    differences: differencesOf(versions),
  };
}

function versionsOf(place: Place): Record<string, string> {
  const names = Object.keys(pinnedVersions);
  const query = spawnSync("dpkg-query", ["-W", ...names], { env: place.env, encoding: "utf8" });
  const versions = Object.fromEntries(names.map((name) => [name, "unknown"]));
  for (const line of (query.stdout ?? "").split("\n")) {
    const [name, version] = line.split("\t");
    if (name !== undefined && version && Object.hasOwn(versions, name)) versions[name] = version;
  }
  return versions;
}

/** In words, for each version that is not the pinned one. */
export function differencesOf(versions: Readonly<Record<string, string>>): string[] {
  return Object.entries(pinnedVersions)
    .filter(([name, wanted]) => versions[name] !== wanted)
    .map(([name, wanted]) => `${name} is ${versions[name] ?? "unknown"} here; the figures were made with ${wanted}`);
}

/** Runs a program to its end, without waiting in between. @throws Failure that begins with `purpose`. */
export function finish(
  file: string,
  args: readonly string[],
  options: { cwd: string; env: Place["env"] },
  purpose: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    let errors = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (errors += text));
    child.on("error", (error) => reject(new Failure(`${purpose}: ${error.message}`)));
    child.on("close", (status) => {
      if (status === 0) resolve(output);
      else reject(new Failure(`${purpose}: ${reasonIn(errors || output) || `${file} ended with ${status}`}`));
    });
  });
}

/** The line that says why a program failed: the first with an error, else the last. */
function reasonIn(text: string): string {
  const lines = text.trim().split("\n");
  // npm names a code first, and further down what happened.
  return (
    lines.find((line) => /failed, reason:/.test(line)) ??
    lines.find((line) => /error|^E:/i.test(line)) ??
    lines.at(-1) ??
    ""
  );
}

/** The hash of a file, as `algorithm-base64` or plain hexadecimal. */
async function hashOf(file: string, algorithm: "sha256" | "sha512"): Promise<Buffer> {
  const hash = createHash(algorithm);
  for await (const piece of createReadStream(file)) hash.update(piece as Buffer);
  return hash.digest();
}

/** @throws Failure when the file is not the one that was reviewed. */
export async function checkIntegrity(file: string, integrity: string): Promise<void> {
  const [algorithm, wanted] = integrity.split(/-(.*)/s) as ["sha256" | "sha512", string];
  const digest = await hashOf(file, algorithm);
  const isHexadecimal = /^[0-9a-f]{64}$/.test(wanted);
  if (digest.toString(isHexadecimal ? "hex" : "base64") !== wanted) {
    throw new Failure(`${file.split("/").at(-1)} is not the file that it should be: its ${algorithm} differs`);
  }
}

/** As `finish`, for what depends on the network. */
async function fetch(...call: Parameters<typeof finish>): Promise<void> {
  try {
    await finish(...call);
  } catch (error) {
    throw error instanceof Failure ? new Unavailable(error.message) : error;
  }
}

/** Fills a directory whole or not at all, unless it is there. */
async function once(directory: string, fill: (directory: string) => Promise<void>): Promise<string> {
  if (existsSync(directory)) return directory;
  mkdirSync(dirname(directory), { recursive: true });
  const temporary = mkdtempSync(`${directory}-`);
  try {
    const content = join(temporary, "content");
    mkdirSync(content);
    await fill(content);
    // Another process may have been faster; its content is the same.
    if (!existsSync(directory)) renameSync(content, directory);
  } finally {
    rmSync(temporary, { recursive: true, force: true });
  }
  return directory;
}

/** The one file that a download left in a directory. */
function onlyFile(directory: string, ending: string): string {
  const name = readdirSync(directory).find((each) => each.endsWith(ending));
  if (name === undefined) throw new Failure(`the download left no file *${ending}`);
  return join(directory, name);
}

/**
 * The engine's sources: a folder with `sources`, `includes` and `platforms`. Scripts of the package are not run.
 * @throws Failure when they cannot be had, or are not the right ones.
 */
export function engineSources(place: Place, cache: string): Promise<string> {
  const { name, version, integrity } = enginePackage;
  return once(join(cache, `xs-${version}`), async (directory) => {
    const options = { cwd: directory, env: place.env };
    place.err(`getting the engine's sources, ${name} ${version}, from npm …\n`);
    const purpose = `cannot get ${name} ${version} from npm (is there a network?)`;
    // Without a network npm tries for minutes, also when it has the package: a second try is enough. And `npm run
    // --silent` would keep it silent.
    const manner = ["--loglevel=error", "--prefer-offline", "--fetch-retries=1", "--fetch-retry-mintimeout=2000"];
    await fetch("npm", ["pack", "--ignore-scripts", ...manner, `${name}@${version}`], options, purpose);
    const archive = onlyFile(directory, ".tgz");
    await checkIntegrity(archive, integrity);
    await finish(
      "tar",
      ["-xzf", archive, "--strip-components=3", "package/moddable/xs"],
      options,
      `cannot unpack ${archive}`,
    );
    rmSync(archive);
  });
}

/** The assembly files of GCC's arithmetic. @throws Failure as above. */
export function arithmeticSources(place: Place, cache: string): Promise<string> {
  const { name, version, sha256, archive, directory, files } = arithmeticPackage;
  return once(join(cache, `libgcc-${version}`), async (target) => {
    const options = { cwd: target, env: place.env };
    place.err(`getting a part of GCC's sources, ${name} ${version}, from Debian (83 MB, kept: some kB) …\n`);
    const purpose = `cannot get ${name} ${version} from Debian (is there a network, is \`apt-get update\` due?)`;
    await fetch("apt-get", ["-q", "download", `${name}=${version}`], options, purpose);
    const file = onlyFile(target, ".deb");
    await checkIntegrity(file, `sha256-${sha256}`);
    const wanted = files.map((each) => `${directory}/${each}`).join(" ");
    // Each tar stops reading when it has what it was asked for, which ends the one before it.
    const pipe = `dpkg-deb --fsys-tarfile '${file}' | tar -xO --occurrence=1 ${archive} | tar -xJ --occurrence=1 --strip-components=4 ${wanted}`;
    await finish("sh", ["-c", pipe], options, `cannot unpack ${file}`);
    rmSync(file);
  });
}

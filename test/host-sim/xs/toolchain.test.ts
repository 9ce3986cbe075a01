import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { Failure } from "../../../board/report.js";
import {
  arithmeticSources,
  checkIntegrity,
  differencesOf,
  engineSources,
  findToolchain,
  type Place,
  pinnedVersions,
} from "../../../host-sim/xs/toolchain.js";

/** A computer whose programs are those that a test puts into a folder. */
class Computer {
  readonly home = mkdtempSync(join(tmpdir(), "alertbox-toolchain-"));
  readonly cache = join(this.home, "cache");
  readonly place: Place;

  constructor(platform: NodeJS.Platform = "linux") {
    mkdirSync(join(this.home, "bin"));
    this.place = { env: { PATH: join(this.home, "bin") }, platform, root: this.home, err: () => {} };
  }

  program(name: string, script: string): void {
    writeFileSync(join(this.home, "bin", name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }

  end(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

describe("host-sim/xs/toolchain", () => {
  let computer: Computer;
  beforeEach(() => {
    computer = new Computer();
  });
  afterEach(() => computer.end());

  it("on another system or processor it says which one it needs", () => {
    const mac: Place = { ...computer.place, platform: "darwin" };
    const words = /^this needs x86-64 Linux of Debian 12 \(bookworm\), or a container of it/;
    assert.throws(() => findToolchain(mac), { message: words, status: 1 });
    assert.throws(() => findToolchain(computer.place, "arm64"), { message: words, status: 1 });
  });

  it("names everything that is missing, and one command that gets it", () => {
    assert.throws(
      () => findToolchain(computer.place, "x64"),
      (error: Failure) => {
        assert.match(
          error.message,
          /^not installed: gcc for 32-bit programs, xtensa-lx106-elf-gcc, .*qemu-system-xtensa/,
        );
        assert.match(
          error.message,
          /type: sudo apt-get install gcc-multilib gcc-xtensa-lx106 .*qemu-system-misc xz-utils$/,
        );
        assert.equal(error.status, 1);
        return true;
      },
    );
  });

  it("a compiler that cannot make 32-bit programs is as none", () => {
    computer.program("gcc", 'case "$*" in *-m32*) exit 1;; esac');
    for (const name of ["xtensa-lx106-elf-gcc", "qemu-system-xtensa", "xz"]) computer.program(name, "exit 0");
    assert.throws(() => findToolchain(computer.place, "x64"), {
      message: /^not installed: gcc for 32-bit programs[;,]/,
    });
  });

  it("only the pinned versions are comparable; for others it says which they are", () => {
    assert.deepEqual(differencesOf(pinnedVersions), []);
    assert.deepEqual(differencesOf({ ...pinnedVersions, "picolibc-xtensa-lx106-elf": "1.9-1" }), [
      "picolibc-xtensa-lx106-elf is 1.9-1 here; the figures were made with 1.8-1",
    ]);
    assert.equal(differencesOf({}).length, 2);
  });

  it("a file with another content is refused, by SHA-512 in base64 and by SHA-256 in hexadecimal", async () => {
    const file = join(computer.home, "archive.tgz");
    writeFileSync(file, "the right one");
    const sha512 = createHash("sha512").update("the right one").digest("base64");
    const sha256 = createHash("sha256").update("the right one").digest("hex");
    await checkIntegrity(file, `sha512-${sha512}`);
    await checkIntegrity(file, `sha256-${sha256}`);
    writeFileSync(file, "a wrong one");
    const words = (algorithm: string) => `archive.tgz is not the file that it should be: its ${algorithm} differs`;
    await assert.rejects(checkIntegrity(file, `sha512-${sha512}`), { message: words("sha512") });
    await assert.rejects(checkIntegrity(file, `sha256-${sha256}`), { message: words("sha256") });
  });

  it("an engine that is not the reviewed one is not unpacked, and leaves nothing behind", async () => {
    computer.program("npm", "echo changed > agoric-xsnap-0.15.0.tgz");
    const wanted = /^agoric-xsnap-0.15.0.tgz is not the file that it should be: its sha512 differs$/;
    await assert.rejects(engineSources(computer.place, computer.cache), { message: wanted, status: 1 });
    assert.deepEqual(readdirSync(computer.cache), []);
  });

  it("npm is told not to run any script of the package", async () => {
    const asked = join(computer.home, "asked");
    computer.program("npm", `echo "$*" > ${asked}\nexit 1`);
    await assert.rejects(engineSources(computer.place, computer.cache));
    assert.match(readFileSync(asked, "utf8"), /^pack --ignore-scripts .*@agoric\/xsnap@0\.15\.0\n$/);
  });

  it("without a network it says what it could not get, and from where, in the words of npm and apt-get", async () => {
    computer.program("npm", "echo 'npm error code ENOTFOUND' >&2; echo 'npm error network request failed' >&2; exit 1");
    await assert.rejects(engineSources(computer.place, computer.cache), {
      message: "cannot get @agoric/xsnap 0.15.0 from npm (is there a network?): npm error code ENOTFOUND",
      status: 1,
    });
    const reason = "npm error request to https://packages.example/ failed, reason: getaddrinfo EAI_AGAIN";
    computer.program("npm", `echo 'npm error code EAI_AGAIN' >&2; echo '${reason}' >&2; exit 1`);
    await assert.rejects(engineSources(computer.place, computer.cache), {
      message: `cannot get @agoric/xsnap 0.15.0 from npm (is there a network?): ${reason}`,
    });
    computer.program("apt-get", "echo 'E: Version was not found' >&2; exit 100");
    await assert.rejects(arithmeticSources(computer.place, computer.cache), {
      message: /^cannot get gcc-12-source 12\.2\.0-14\+deb12u1 from Debian \(.*\): E: Version was not found$/,
    });
  });

  it("what is there is not downloaded again", async () => {
    const directory = join(computer.cache, "xs-0.15.0");
    mkdirSync(directory, { recursive: true });
    assert.equal(await engineSources(computer.place, computer.cache), directory);
  });
});

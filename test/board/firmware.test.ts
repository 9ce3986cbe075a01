import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { ownWarnings } from "../../board/build.js";
import { firmware } from "../../board/firmware.js";
import { readProject } from "../../board/project.js";
import { BUILDS, Machine } from "./machine.js";

describe("board/firmware", () => {
  let machine: Machine;
  beforeEach(() => {
    machine = Machine.complete();
  });
  afterEach(() => machine.end());

  it("without an SDK: what is missing, how to get it, and where to begin, in doctor's words", async () => {
    delete machine.env["MODDABLE"];
    assert.equal(await machine.run(firmware), 1);
    assert.deepEqual(machine.err.split("\n").slice(0, 3), [
      "✗ the Moddable SDK is not installed (MODDABLE is not set)",
      "    npm install -g xs-dev",
      "    xs-dev setup",
    ]);
    assert.equal(
      machine.lastLine,
      "alertbox: Not ready: 1 thing is missing; begin with: npm install -g xs-dev  (npm run doctor says more)",
    );
    assert.equal(machine.out, "");
  });

  it("builds this project with the person's own SDK, and says what it takes", async () => {
    assert.equal(await machine.run(firmware), 0, machine.err);
    assert.deepEqual(machine.calls, [
      `-m -p esp/nodemcu -t build ${machine.root}/manifest.json MODDABLE=${machine.moddable} ESP_BASE=${machine.espBase} PORT= SPEED=`,
    ]);
    assert.match(machine.out, /^Building esp\/nodemcu, release, with /);
    assert.match(machine.out, /\n {2}src\/mqtt +123 +0\n/);
    assert.match(machine.out, /\n {2}total +57,000 +6,000\n {2}budget +720,000 +41,500\n/);
    assert.match(machine.out, /Totals: size -A, as the SDK counts\. Parts: the linker's map/, "says how it was found");
    assert.equal(machine.lastLine, "Built: flash 57,000 bytes, static RAM 6,000 bytes, within the budget.");
  });

  it("tells mcconfig where xs-dev put the SDK and the tools when this terminal does not know", async () => {
    const share = `${machine.home}/.local/share`;
    machine.installSdk(".local/share/moddable");
    machine.installEsp8266(".local/share/esp");
    delete machine.env["MODDABLE"];
    delete machine.env["ESP_BASE"];
    assert.equal(await machine.run(firmware), 0, machine.err);
    const calls = readFileSync(`${share}/moddable/calls`, "utf8");
    assert.ok(calls.includes(` MODDABLE=${share}/moddable ESP_BASE=${share}/esp `), calls);
  });

  it("the other forms, which have no budget", async () => {
    for (const [option, flag, form] of [
      ["--debug", "-d", "debug"],
      ["--instrument", "-i", "instrument"],
    ] as const) {
      machine.result(form);
      assert.equal(await machine.run(firmware, option), 0);
      assert.ok(machine.calls.at(-1)?.startsWith(`${flag} -m -p esp/nodemcu`));
      assert.match(machine.lastLine, new RegExp(`\\(${form}: no budget\\)\\.$`));
    }
  });

  it("another board of the SDK", async () => {
    assert.equal(await machine.run(firmware, "--platform", "esp/moddable_zero"), 0);
    assert.ok(machine.calls[0]?.startsWith("-m -p esp/moddable_zero -t build"));
  });

  it("a build that fails: the log, and the first error as the last line", async () => {
    machine.file("sdk/build.sh", BUILDS.FAILED);
    assert.equal(await machine.run(firmware), 1);
    assert.match(machine.err, /# tsc main\.ts\n/);
    assert.equal(machine.lastLine, "alertbox: the build failed: src/main.ts(3,7): error TS2322: wrong type.");
    machine.file("sdk/build.sh", "exit 2\n");
    assert.equal(await machine.run(firmware), 1);
    assert.equal(machine.lastLine, "alertbox: the build failed");
  });

  it("--verbose: every line of the log, once", async () => {
    assert.equal(await machine.run(firmware, "--verbose"), 0);
    assert.match(machine.out, /\n# tsc main\.ts\n# cc tcp\.c\.o\n# ld main\.bin\n/);
    machine.file("sdk/build.sh", BUILDS.FAILED);
    assert.equal(await machine.run(firmware, "--verbose"), 1);
    assert.equal(`${machine.out}${machine.err}`.split("# tsc main.ts").length, 2);
  });

  it("a sign of life at least every two seconds", async () => {
    machine.file("sdk/build.sh", 'echo "# cc tcp.c.o"\n/bin/sleep 1.9\nexit 0\n');
    assert.equal(await machine.run(firmware), 0);
    assert.match(machine.out, /\n {3}[12] s {2}cc tcp\.c\.o\n/);
  });

  it("a warning from our own sources fails, is shown, and comes again with the next build", async () => {
    const warning = `${machine.root}/src/device/esp8266/chip.c:12:3: warning: unused variable 'x'`;
    machine.file("sdk/build.sh", `echo "${warning}" >&2\nexit 0\n`);
    assert.equal(await machine.run(firmware), 1);
    assert.equal(machine.lastLine, `alertbox: a warning comes from our own sources: ${warning}`);
    assert.match(machine.out, /total +57,000/, "the table all the same");
    const leftover = join(machine.moddable, "build/tmp/esp/nodemcu/release/project");
    assert.ok(!existsSync(leftover), "or make would not compile that file again");
  });

  it("a warning from the SDK's sources is not ours to mend", async () => {
    machine.file("sdk/build.sh", 'echo "/sdk/c_types.h:43: warning: __packed redefined"\nexit 0\n');
    assert.equal(await machine.run(firmware), 0);
  });

  it("over the budget: by how much, of what", async () => {
    const sizes = ".data 1000 1\n.rodata 9000 1\n.bss 32000 1\n.irom0.text 700000 1\n.text 20000 1\n";
    machine.file("parts/toolchain/Linux/xtensa-lx106-elf/bin/sizes", sizes);
    assert.equal(await machine.run(firmware), 1);
    assert.equal(
      machine.lastLine,
      "alertbox: static RAM takes 42,000 bytes, 500 over the budget of 41,500; " +
        "flash takes 730,000 bytes, 10,000 over the budget of 720,000",
    );
  });

  it("an image that size cannot read", async () => {
    machine.file("parts/toolchain/Linux/xtensa-lx106-elf/bin/sizes", "main.elf: file format not recognized\n");
    assert.equal(await machine.run(firmware), 1);
    assert.equal(machine.lastLine, "alertbox: the toolchain's size could not read the linked image");
  });

  it("--json: one object for a script, and nothing else", async () => {
    assert.equal(await machine.run(firmware, "--json"), 0);
    const report = JSON.parse(machine.out);
    assert.deepEqual([report.ok, report.flash, report.ram, report.form], [true, 57_000, 6000, "release"]);
    assert.deepEqual(report.budget, { flash: 720_000, ram: 41_500 });
    assert.deepEqual(report.parts[0], { part: "src/device", flash: 5090, ram: 0 });
    assert.deepEqual(report.complaints, []);
    machine.file("parts/toolchain/Linux/xtensa-lx106-elf/bin/sizes", ".text 800000 1\n");
    assert.equal(await machine.run(firmware, "--json"), 1);
    assert.equal(JSON.parse(machine.out).ok, false);
  });

  it("--modules: each module", async () => {
    assert.equal(await machine.run(firmware, "--modules"), 0);
    assert.match(machine.out, /mqtt\/session +5 +118\n/);
  });

  it("--clean: nothing of the build before is left", async () => {
    const stale = "build/tmp/esp/nodemcu/release/project/stale.o";
    machine.file(`sdk/${stale}`, "");
    assert.equal(await machine.run(firmware), 0);
    assert.ok(existsSync(join(machine.moddable, stale)));
    await machine.run(firmware, "--clean");
    assert.ok(!existsSync(join(machine.moddable, stale)));
  });

  it("Ctrl-C ends the build and all that it started", async () => {
    // A compiler under make under mcconfig, which would go on if only mcconfig heard of it.
    const compiler = `( trap 'echo yes > "$MODDABLE/ended"; exit 0' TERM; echo "# cc x.c"; while :; do /bin/sleep 0.05; done )`;
    machine.file("sdk/build.sh", `${compiler} &\nwait\n`);
    const status = machine.run(firmware, "--verbose");
    await machine.wrote(/# cc x\.c/);
    machine.controller.abort();
    assert.equal(await status, 1);
    assert.equal(machine.lastLine, "alertbox: interrupted; nothing was flashed");
    assert.ok(existsSync(join(machine.moddable, "ended")));
  });

  it("--help and mistakes on the command line", async () => {
    assert.equal(await machine.run(firmware, "-h"), 0);
    assert.match(machine.out, /^Usage: npm run firmware/);
    assert.equal(await machine.run(firmware, "--relase"), 2);
    assert.match(
      machine.err,
      /there is no option --relase; there are --platform, --debug, --instrument, --clean, --verbose, --modules, --json, --help$/m,
    );
    assert.equal(await machine.run(firmware, "--platform"), 2);
    assert.match(machine.err, /--platform needs a value/);
    assert.equal(await machine.run(firmware, "--platform", "esp32"), 2);
    assert.match(machine.err, /--platform is esp\/ and a board, for example esp\/nodemcu, not "esp32"/);
    assert.equal(await machine.run(firmware, "--debug", "--instrument"), 2);
    assert.deepEqual(machine.calls, []);
  });
});

describe("board/build: which warnings are ours", () => {
  const machine = new Machine();
  const project = readProject(machine.root);
  const root = "/home/ana/alertbox";
  const isOurs = (line: string) => ownWarnings(line, root, project).length === 1;
  machine.end();

  it("those of the compilers for files of src", () => {
    assert.ok(isOurs(`${root}/src/device/esp8266/chip.c:59:2: warning: #warning "x" [-Wcpp]`));
    assert.ok(
      isOurs(`/tmp/sdk/build/tmp/esp/nodemcu/release/a/tsc/main${root}/src/main.js:5: warning: no assignment!`),
    );
    assert.ok(isOurs("src/main.ts(3,7): warning TS6133: never read"));
    assert.ok(isOurs("C:\\x\\src\\a.c:1: warning: w") === false);
    assert.ok(ownWarnings("C:\\x\\src\\a.c:1: warning: w", "C:\\x", project).length === 1);
  });

  it("those of xsl for modules of ours", () => {
    assert.ok(isOurs("### warning: mqtt/session.Table: not frozen"));
    assert.ok(!isOurs("### warning: wifi.x: not frozen"));
  });

  it("those of mcconfig for our manifest", () => {
    assert.ok(isOurs(`${root}/manifest.json:1: warning: modules do not match`));
  });

  it("not those that only pass through our files, nor plain lines", () => {
    assert.ok(!isOurs(`                 from ${root}/src/device/esp8266/chip.c:7:`));
    assert.ok(!isOurs('/esp/sdk/include/c_types.h:43: warning: "__packed" redefined'));
    assert.ok(!isOurs(`# tsc ${root}/src/main.ts`));
  });
});

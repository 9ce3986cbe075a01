import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { doctor } from "../../board/doctor.js";
import { Machine } from "./machine.js";

const GUIDE = "https://github.com/Moddable-OpenSource/moddable/blob/public/documentation";

describe("board/doctor: a computer with nothing on it", () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine();
  });
  afterEach(() => machine.end());

  it("names everything that is missing, how to get it, and where to begin", async () => {
    machine.remove("project/node_modules");
    assert.equal(await machine.run(doctor), 1);
    assert.deepEqual(machine.out.split("\n").slice(1), [
      "✗ TypeScript (tsc) is not installed",
      "    npm ci",
      "✗ the Moddable SDK is not installed (MODDABLE is not set)",
      "    npm install -g xs-dev",
      "    xs-dev setup",
      "    open a new terminal",
      `    or by hand: ${GUIDE}/Moddable%20SDK%20-%20Getting%20Started.md`,
      "– mcconfig: looked at once the SDK is there",
      "✗ make is not installed",
      "    sudo apt-get install make",
      "✗ perl is not installed",
      "    sudo apt-get install perl",
      "✗ the ESP8266 tools are not installed",
      "    npm install -g xs-dev",
      "    xs-dev setup --device esp8266",
      "    open a new terminal",
      `    or by hand: ${GUIDE}/devices/esp8266.md`,
      "– compiler: looked at once the ESP8266 tools are there",
      "– Arduino core: looked at once the ESP8266 tools are there",
      "– ESP8266_RTOS_SDK: looked at once the ESP8266 tools are there",
      "✗ Python 3 is not installed",
      "    sudo apt-get install python-is-python3 python3-serial",
      "– pyserial: looked at once Python is there",
      "– no board is connected: plug it in with a USB cable that carries data (many only charge); on Windows and old " +
        "macOS install the driver of its USB chip (CP210x or CH340)",
      "",
      "Not ready: 6 things are missing; begin with: npm ci",
      "",
    ]);
    assert.match(machine.out, /^✓ Node\.js \d+\.\d+\.\d+\n/);
  });

  it("says so for macOS", async () => {
    machine.platform = "darwin";
    assert.equal(await machine.run(doctor), 1);
    assert.match(machine.out, /✗ make is not installed\n {4}xcode-select --install/);
    assert.match(machine.out, /✗ perl is not installed\n {4}brew install perl/);
    assert.match(machine.out, /✗ Python 3 is not installed\n {4}brew install python && export PATH=/);
  });

  it("says so for Windows, which needs no perl", async () => {
    machine.platform = "win32";
    assert.equal(await machine.run(doctor), 1);
    assert.match(machine.out, /✗ nmake is not installed\n {4}start from the x86 Native Tools Command Prompt/);
    assert.match(machine.out, /✗ Python 3 is not installed\n {4}winget install/);
    assert.doesNotMatch(machine.out, /perl/);
  });

  it("leaves out the installation of xs-dev where it is installed", async () => {
    machine.script("bin/xs-dev", "exit 0");
    await machine.run(doctor);
    assert.doesNotMatch(machine.out, /npm install -g xs-dev/);
    assert.equal(machine.lastLine, "Not ready: 5 things are missing; begin with: xs-dev setup");
  });

  it("finds what xs-dev installed in a terminal that does not know of it yet", async () => {
    machine.installSdk(".local/share/moddable");
    machine.installEsp8266(".local/share/esp");
    for (const name of ["make", "perl", "python"]) machine.script(`bin/${name}`, "echo Python 3.12.1");
    assert.equal(await machine.run(doctor), 0);
    const share = join(machine.home, ".local/share");
    assert.ok(
      machine.out.includes(`✓ Moddable SDK: ${share}/moddable (MODDABLE is not set; this is where xs-dev puts it)`),
    );
    assert.ok(machine.out.includes(`mcconfig (not on PATH; found by MODDABLE)`));
    assert.ok(machine.out.includes(`✓ ESP8266 tools: ${share}/esp (ESP_BASE is not set; found there)`));
  });

  it("finds the ESP8266 tools in ~/esp, where Moddable's own guide puts them", async () => {
    machine.installEsp8266("esp");
    await machine.run(doctor);
    assert.ok(machine.out.includes(`✓ ESP8266 tools: ${machine.home}/esp (ESP_BASE is not set; found there)`));
  });
});

describe("board/doctor: a computer with one thing amiss", () => {
  let machine: Machine;
  beforeEach(() => {
    machine = Machine.complete();
  });
  afterEach(() => machine.end());

  const missing = async (pattern: RegExp, beginning: RegExp) => {
    assert.equal(await machine.run(doctor), 1, machine.out);
    assert.match(machine.out, pattern);
    assert.match(machine.lastLine, /^Not ready: 1 thing is missing; begin with: /);
    assert.match(machine.lastLine, beginning);
  };

  it("nothing amiss: ready to build and flash", async () => {
    assert.equal(await machine.run(doctor), 0);
    assert.doesNotMatch(machine.out, /✗|–/);
    assert.equal(machine.lastLine, "Ready to build and flash.");
  });

  it("no board connected: ready to build, and that is no failure", async () => {
    machine.remove("dev/ttyUSB0");
    assert.equal(await machine.run(doctor), 0);
    assert.equal(machine.lastLine, "Ready to build; no board is connected.");
  });

  it("a port that may not be opened: the command that mends it, with the port's own group", async () => {
    machine.mayOpen = false;
    assert.equal(await machine.run(doctor), 0, "building works");
    assert.match(machine.out, /✗ serial port .*ttyUSB0: no permission to open it/);
    assert.equal(
      machine.lastLine,
      'Ready to build, not to flash: sudo usermod -a -G dialout "$USER"  and log out and in again',
    );
  });

  it("MODDABLE names a folder that is not there", async () => {
    machine.env["MODDABLE"] = "/nowhere";
    assert.equal(await machine.run(doctor), 1);
    assert.match(machine.out, /✗ MODDABLE names \/nowhere, which is not a folder\n {4}npm install -g xs-dev/);
  });

  it("an SDK that is too old, of unknown age, or newer than was tried", async () => {
    machine.file("sdk/tools/VERSION", "8.1.0\n");
    await missing(/✗ Moddable SDK 8\.1\.0 is too old: 8\.2 is wanted/, /npm install -g xs-dev$/);
    assert.match(machine.out, /xs-dev update/);
    machine.file("sdk/tools/VERSION", "9.0.1\n");
    assert.equal(await machine.run(doctor), 0);
    assert.match(machine.out, /– Moddable SDK 9\.0\.1: newer than 8\.2, not tried/);
    machine.remove("sdk/tools/VERSION");
    assert.equal(await machine.run(doctor), 0);
    assert.match(machine.out, /– version of the SDK: not told \(no .*VERSION\); 8\.2 is wanted/);
  });

  it("an SDK whose tools were never built", async () => {
    machine.remove("sdk/build/bin/lin/release/mcconfig");
    await missing(/✗ mcconfig is neither on PATH nor in .*release: the SDK's tools are not built/, /npm install/);
    assert.match(machine.out, /or build them: cd .*\/sdk\/build\/makefiles\/lin && make/);
  });

  it("an mcconfig that cannot run here", async () => {
    machine.script("sdk/build/bin/lin/release/mcconfig", "echo \"version 'GLIBC_2.38' not found\" >&2; exit 1");
    await missing(/✗ mcconfig cannot be run: .*\(version 'GLIBC_2\.38' not found\)/, /npm install/);
  });

  it("mcconfig on PATH is taken first", async () => {
    machine.script("bin/mcconfig", "echo no manifest!; exit 1");
    assert.equal(await machine.run(doctor), 0);
    assert.ok(machine.out.includes(`✓ mcconfig: ${machine.bin}/mcconfig\n`));
  });

  it("TypeScript that is too old or broken", async () => {
    machine.script("project/node_modules/.bin/tsc", 'echo "Version 5.9.2"');
    await missing(/✗ TypeScript 5\.9\.2 is too old: 6 or newer is needed/, /npm ci$/);
    machine.script("project/node_modules/.bin/tsc", "exit 1");
    await missing(/✗ TypeScript cannot be run: /, /npm ci$/);
  });

  it("ESP_BASE names a folder that is not there", async () => {
    machine.env["ESP_BASE"] = "/nowhere";
    await missing(/✗ ESP_BASE names \/nowhere, which is not a folder/, /npm install/);
  });

  it("each part of the ESP8266 tools", async () => {
    machine.remove("parts/esp8266-2.3.0");
    await missing(/✗ the Arduino core 2\.3\.0 is not there: .*esp8266-2\.3\.0/, /npm install/);
    machine.installEsp8266();
    machine.remove("parts/ESP8266_RTOS_SDK");
    await missing(/✗ ESP8266_RTOS_SDK is not there: /, /npm install/);
    mkdirSync(join(machine.espBase, "ESP8266_RTOS_SDK"));
    await missing(/✗ esptool is not there: .*esptool\.py/, /git checkout release\/v3\.2/);
    machine.installEsp8266();
    machine.remove("parts/toolchain");
    await missing(/✗ the compiler is not there: .*xtensa-lx106-elf-gcc/, /npm install/);
  });

  it("a compiler for another kind of computer", async () => {
    // An ELF file that no machine runs.
    machine.file("parts/toolchain/Linux/xtensa-lx106-elf/bin/xtensa-lx106-elf-gcc", "\x7fELF\x01\x01\x01", 0o755);
    await missing(/✗ the compiler cannot be run: .*gcc/, /comes for 64-bit Intel only/);
    machine.script("parts/toolchain/Linux/xtensa-lx106-elf/bin/xtensa-lx106-elf-gcc", "exit 3");
    await missing(/✗ the compiler cannot be run: \S*gcc\n/, /comes for 64-bit Intel only/);
  });

  it("Python under another name, too old, broken, or without pyserial", async () => {
    machine.remove("bin/python");
    machine.script("bin/python3", "exit 0");
    await missing(/✗ there is python3, but no python: the SDK's makefile asks for that name/, /python-is-python3/);
    machine.script("bin/python", 'case "$1" in --version) echo "Python 2.7.18";; esac');
    await missing(/✗ python is 2\.7\.18: Python 3 is needed/, /python-is-python3/);
    machine.script("bin/python", 'case "$1" in -c) exit 0;; esac; exit 1');
    await missing(/✗ python cannot be run: /, /python-is-python3/);
    machine.script("bin/python", 'case "$1" in --version) echo "Python 3.12.1";; *) exit 1;; esac');
    await missing(/✗ pyserial is not installed: esptool needs it, also to build/, /python -m pip install pyserial/);
  });

  it("--json says the same to a script", async () => {
    machine.remove("bin/make");
    assert.equal(await machine.run(doctor, "--json"), 1);
    const report = JSON.parse(machine.out);
    assert.deepEqual(report.ready, { build: false, flash: false });
    assert.equal(report.line, "Not ready: 1 thing is missing; begin with: sudo apt-get install make");
    assert.deepEqual(
      report.checks.filter((check: { finding: string }) => check.finding === "missing"),
      [{ id: "make", finding: "missing", text: "make is not installed", fix: ["sudo apt-get install make"] }],
    );
    machine.script("bin/make", "exit 0");
    assert.equal(await machine.run(doctor, "--json"), 0);
    assert.deepEqual(JSON.parse(machine.out).ready, { build: true, flash: true });
  });

  it("marks have colours for a person only", async () => {
    machine.isTerminal = true;
    await machine.run(doctor);
    assert.ok(machine.out.includes("\x1b[32m✓\x1b[0m make"));
  });

  it("--help and mistakes on the command line", async () => {
    assert.equal(await machine.run(doctor, "--help"), 0);
    assert.match(machine.out, /^Usage: npm run doctor/);
    assert.equal(await machine.run(doctor, "--jsn"), 2);
    assert.equal(machine.err, "alertbox: there is no option --jsn; there are --json, --help\n");
    assert.equal(await machine.run(doctor, "--json=yes"), 2);
    assert.match(machine.err, /--json takes no value/);
    assert.equal(await machine.run(doctor, "now"), 2);
    assert.match(machine.err, /every argument starts with --/);
  });
});

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, existsSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, it } from "mocha";
import { monitor, shownLine } from "../../board/monitor.js";
import { Machine } from "./machine.js";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));

// The port is a pipe with a name: bytes are written at one end, the monitor reads the other with the system's cat. What
// stty was asked for is written down instead of done, because a pipe has no speed.
describe("board/monitor", () => {
  let machine: Machine;
  let port: string;

  const makePort = () => {
    const made = spawnSync("mkfifo", [port]);
    assert.equal(made.status, 0, String(made.stderr));
  };
  /** Opens the board's end; opening for reading and writing never waits. */
  const plug = () => openSync(port, "r+");
  const unplug = (board: number) => {
    rmSync(port);
    closeSync(board);
  };

  beforeEach(() => {
    machine = new Machine();
    port = join(machine.devices, "ttyUSB0");
    makePort();
    machine.script("bin/stty", `echo "$*" >> ${machine.home}/stty`);
    machine.script("bin/cat", 'exec /bin/cat "$@"');
  });
  afterEach(() => machine.end());

  it("shows the log at 921600 baud, line by line, until Ctrl-C", async () => {
    const board = plug();
    const status = machine.run(monitor);
    await machine.wrote(/ttyUSB0 at 921600 baud; Ctrl-C ends/);
    writeSync(board, "[742] deliv");
    writeSync(board, "ered 5750-42-40146\r\n[900] sleeping\n[901] half");
    await machine.wrote(/\[900\] sleeping\n/);
    machine.controller.abort();
    assert.equal(await status, 1);
    assert.equal(machine.out.split("[901]")[0], "[742] delivered 5750-42-40146\n[900] sleeping\n");
    assert.equal(readFileSync(join(machine.home, "stty"), "utf8"), "921600 raw -echo clocal -hupcl\n");
    closeSync(board);
  });

  it("waits for a board that was unplugged, and goes on", async () => {
    let board = plug();
    const status = machine.run(monitor, "--baud", "74880");
    writeSync(board, "before\n");
    await machine.wrote(/before\n/);
    unplug(board);
    await machine.wrote(/-- .*ttyUSB0 went away; plug the board in again\n/);
    makePort();
    board = plug();
    await machine.wrote(/-- .*ttyUSB0 is back\n/);
    writeSync(board, "after\n");
    await machine.wrote(/after\n/);
    machine.controller.abort();
    await status;
    assert.equal(machine.out, "before\nafter\n");
    closeSync(board);
  });

  it("a port that came back and refuses for a moment is tried again", async () => {
    let board = plug();
    const status = machine.run(monitor);
    writeSync(board, "before\n");
    await machine.wrote(/before\n/);
    // The first two times that the new port is set, stty refuses.
    machine.script(
      "bin/stty",
      `n=$(/bin/cat ${machine.home}/n 2>/dev/null || echo 0); echo $((n+1)) > ${machine.home}/n; [ "$n" -ge 2 ]`,
    );
    unplug(board);
    await machine.wrote(/went away/);
    makePort();
    board = plug();
    writeSync(board, "after\n");
    await machine.wrote(/after\n/);
    machine.controller.abort();
    await status;
    assert.equal(readFileSync(join(machine.home, "n"), "utf8"), "3\n");
    closeSync(board);
  });

  it("Ctrl-C while it waits ends it, too", async () => {
    const board = plug();
    const status = machine.run(monitor);
    writeSync(board, "before\n");
    await machine.wrote(/before\n/);
    unplug(board);
    await machine.wrote(/went away/);
    machine.controller.abort();
    assert.equal(await status, 1);
    assert.doesNotMatch(machine.err, /alertbox:/);
  });

  it("what cannot be read, in a sentence each", async () => {
    machine.script("bin/stty", "echo \"stty: 'standard input': Inappropriate ioctl for device\" >&2; exit 1");
    assert.equal(await machine.run(monitor), 1);
    assert.equal(machine.lastLine, `alertbox: ${port} is not a serial port`);
    machine.script("bin/stty", "echo 'stty: 921600: illegal speed' >&2; exit 1");
    assert.equal(await machine.run(monitor), 1);
    assert.equal(
      machine.lastLine,
      `alertbox: stty cannot set 921600 baud on ${port}; this shows the log instead: python -m serial.tools.miniterm ${port} 921600`,
    );
    machine.remove("bin/stty");
    assert.equal(await machine.run(monitor), 1);
    assert.equal(machine.lastLine, "alertbox: stty is not installed; it sets the port's speed");
    rmSync(port);
    assert.equal(await machine.run(monitor), 1);
    assert.match(machine.lastLine, /^alertbox: no board is connected: plug it in/);
  });

  it("Windows: PowerShell reads the port", async () => {
    machine.platform = "win32";
    machine.script(
      "bin/powershell.exe",
      `case "$*" in *GetPortNames*) echo COM3;; *) echo "$*" > ${machine.home}/script; echo "[1] boot"; exec /bin/sleep 60;; esac`,
    );
    const status = machine.run(monitor);
    await machine.wrote(/\[1\] boot\n/);
    machine.controller.abort();
    assert.equal(await status, 1);
    assert.match(readFileSync(join(machine.home, "script"), "utf8"), /SerialPort COM3,921600; \$p\.Open\(\)/);
  });

  it("Windows without PowerShell", async () => {
    machine.platform = "win32";
    assert.equal(await machine.run(monitor, "--port", "COM3"), 1);
    assert.equal(machine.lastLine, "alertbox: PowerShell is not found; it reads the port on Windows");
  });

  it("the word of a line has a colour for a person, and nothing in it steers the terminal", () => {
    machine.isTerminal = true;
    const person = machine.context([]);
    assert.equal(
      shownLine(person, "[742] delivered 5750-42-40146"),
      "\x1b[90m[742]\x1b[0m \x1b[32mdelivered\x1b[0m 5750-42-40146",
    );
    assert.equal(shownLine(person, "[3] not-stored full"), "\x1b[90m[3]\x1b[0m \x1b[31mnot-stored\x1b[0m full");
    assert.equal(shownLine(person, "[3] joined home"), "\x1b[90m[3]\x1b[0m joined home");
    machine.isTerminal = false;
    const script = machine.context([]);
    assert.equal(shownLine(script, "[742] delivered 5750-42-40146"), "[742] delivered 5750-42-40146");
    assert.equal(shownLine(script, "\x1b[2Jgone\x07 žic\ta"), "\u00b7[2Jgone\u00b7 žic\ta");
    assert.equal(shownLine(script, "ets Jan  8 2013,rst cause:2"), "ets Jan  8 2013,rst cause:2");
  });

  it("--help and mistakes on the command line", async () => {
    assert.equal(await machine.run(monitor, "--help"), 0);
    assert.match(machine.out, /^Usage: npm run monitor/);
    assert.equal(await machine.run(monitor, "--speed", "9600"), 2);
    assert.match(machine.err, /there is no option --speed; there are --port, --baud, --help/);
    assert.equal(await machine.run(monitor, "--baud", "12"), 2);
  });
});

describe("board: the commands as npm starts them", () => {
  const start = (name: string, ...args: string[]) =>
    spawn(process.execPath, ["--import", "tsx/esm", `board/${name}.ts`, ...args], {
      cwd: PROJECT,
      env: { PATH: process.env["PATH"], HOME: "/nonexistent" },
      stdio: ["ignore", "pipe", "pipe"],
    });
  const output = async (name: string, ...args: string[]) => {
    const child = start(name, ...args);
    let text = "";
    child.stdout.on("data", (bytes) => {
      text += bytes;
    });
    child.stderr.on("data", (bytes) => {
      text += bytes;
    });
    const [status] = await once(child, "close");
    return { status: status as number, text };
  };

  for (const name of ["doctor", "firmware", "flash", "monitor"]) {
    it(`npm run ${name} -- --help, and an unknown option`, async () => {
      const help = await output(name, "--help");
      assert.equal(help.status, 0, help.text);
      assert.match(help.text, new RegExp(`^Usage: npm run ${name}`));
      const wrong = await output(name, "--nonsense");
      assert.equal(wrong.status, 2);
      assert.match(wrong.text, /^alertbox: there is no option --nonsense; there are .*\n$/);
    });
  }

  it("npm run doctor without an SDK: no stack trace, a closing line, status 1", async () => {
    const { status, text } = await output("doctor");
    assert.equal(status, 1);
    assert.match(text, /✗ the Moddable SDK is not installed \(MODDABLE is not set\)/);
    assert.match(text, /\nNot ready: \d+ things are missing; begin with: .+\n$/);
    assert.doesNotMatch(text, /\n\s+at /);
  });

  it("npm run monitor ends with 130 on Ctrl-C", async () => {
    const machine = new Machine();
    const port = machine.plugIn("pipe");
    rmSync(port);
    spawnSync("mkfifo", [port]);
    const board = openSync(port, "r+");
    machine.script("bin/stty", "exit 0");
    const child = spawn(process.execPath, ["--import", "tsx/esm", "board/monitor.ts", "--port", port], {
      cwd: PROJECT,
      env: { ...process.env, PATH: `${machine.bin}:${process.env["PATH"]}` },
      stdio: ["ignore", "pipe", "ignore"],
    });
    writeSync(board, "[1] boot\n");
    await once(child.stdout, "data");
    child.kill("SIGINT");
    const [status] = await once(child, "close");
    assert.equal(status, 130);
    closeSync(board);
    machine.end();
    assert.ok(!existsSync(port));
  });
});

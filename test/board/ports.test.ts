import assert from "node:assert/strict";
import { chownSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, it } from "mocha";
import { choosePort, listPorts, permissionFix } from "../../board/ports.js";
import { Machine } from "./machine.js";

describe("board/ports", () => {
  let machine: Machine;
  beforeEach(() => {
    machine = new Machine();
  });
  afterEach(() => machine.end());

  const names = () => listPorts(machine.context([])).map((port) => port.replace(`${machine.devices}/`, ""));
  const choose = (given?: string) => choosePort(machine.context([]), given);

  it("Linux: ttyUSB and ttyACM in the order of their numbers, and nothing else", () => {
    for (const name of ["ttyUSB10", "ttyUSB2", "ttyACM0", "ttyS0", "tty1", "sda"]) machine.plugIn(name);
    assert.deepEqual(names(), ["ttyACM0", "ttyUSB2", "ttyUSB10"]);
  });

  it("macOS: cu.*, without those that are never a board", () => {
    machine.platform = "darwin";
    for (const name of ["cu.usbserial-0001", "cu.Bluetooth-Incoming-Port", "cu.debug-console", "tty.usbserial-0001"])
      machine.plugIn(name);
    assert.deepEqual(names(), ["cu.usbserial-0001"]);
  });

  it("Windows: what PowerShell lists", () => {
    machine.platform = "win32";
    assert.deepEqual(names(), [], "no PowerShell, no ports");
    machine.script("bin/powershell.exe", 'echo "COM10"; echo "COM3"');
    assert.deepEqual(names(), ["COM3", "COM10"]);
    assert.equal(choose("com3"), "COM3");
    assert.throws(() => choose("/dev/ttyUSB0"), {
      message: '--port is a name such as COM3, not "/dev/ttyUSB0"; there are COM3, COM10',
    });
  });

  it("another system, or one without /dev, has none", () => {
    machine.plugIn("ttyUSB0");
    machine.platform = "freebsd";
    assert.deepEqual(names(), []);
    machine.platform = "linux";
    rmSync(machine.devices, { recursive: true });
    assert.deepEqual(names(), []);
  });

  it("without --port the only one is taken; of several one must be named; none is said", () => {
    assert.throws(() => choose(), { message: /^no board is connected: plug it in/, status: 1 });
    const first = machine.plugIn("ttyUSB0");
    assert.equal(choose(), first);
    const second = machine.plugIn("ttyUSB1");
    assert.throws(() => choose(), {
      message: `several serial ports: say which one with --port; there are ${first}, ${second}`,
    });
    assert.equal(choose(second), second);
  });

  it("a port that is not there", () => {
    assert.throws(() => choose("/dev/nowhere"), {
      message: "/dev/nowhere is not there: is the board plugged in? Ports that a board may be on: there is none now",
    });
  });

  it("permission: the group of the device, and what is left to do for a member", () => {
    const port = machine.plugIn("ttyUSB0");
    machine.mayOpen = false;
    // Root's own group is never the answer, so root lends the device to another one.
    if (process.getuid?.() === 0) chownSync(port, 0, 986);
    const { gid } = statSync(port);
    const fix = () => permissionFix(machine.context([]), port);
    machine.file("group", `root:x:0:\nuucp:x:${gid}:bob\n`);
    assert.equal(fix(), 'sudo usermod -a -G uucp "$USER"  and log out and in again');
    machine.file("group", `root:x:0:\nlock:x:${gid}:bob,ana\n`);
    assert.equal(fix(), "log out and in again: you are in the group lock, but not yet in this session");
    machine.file("group", "root:x:0:\n");
    if (process.getuid?.() === 0) chownSync(port, 0, 0);
    assert.equal(fix(), 'sudo usermod -a -G dialout "$USER"  and log out and in again', "nobody is told to join root");
    rmSync(join(machine.home, "group"));
    assert.equal(fix(), 'sudo usermod -a -G dialout "$USER"  and log out and in again');
    assert.throws(() => choose(), { message: /^no permission to open .*ttyUSB0: sudo usermod/ });
    machine.mayOpen = true;
    assert.equal(fix(), undefined);
  });

  it("permission on macOS", () => {
    machine.platform = "darwin";
    machine.mayOpen = false;
    const port = machine.plugIn("cu.usbserial-1");
    assert.equal(permissionFix(machine.context([]), port), `sudo chmod a+rw ${port}`);
  });
});

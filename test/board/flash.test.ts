import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import { flash, remedyFor } from "../../board/flash.js";
import { BUILDS, Machine } from "./machine.js";

describe("board/flash", () => {
  let machine: Machine;
  beforeEach(() => {
    machine = Machine.complete();
  });
  afterEach(() => machine.end());

  const port = () => `${machine.devices}/ttyUSB0`;

  it("builds, then deploys to the only port there is, at full speed", async () => {
    assert.equal(await machine.run(flash), 0, machine.err);
    const end = `MODDABLE=${machine.moddable} ESP_BASE=${machine.espBase}`;
    assert.deepEqual(machine.calls, [
      `-m -p esp/nodemcu -t build ${machine.root}/manifest.json ${end} PORT= SPEED=`,
      `-m -p esp/nodemcu -t deploy ${machine.root}/manifest.json ${end} PORT=${port()} SPEED=921600`,
    ]);
    assert.match(
      machine.out,
      /Flashing .*ttyUSB0 at 921600 baud; settings and stored alerts stay\nWriting at 0x00001000/,
    );
    assert.equal(machine.lastLine, `Flashed. Its log: npm run monitor -- --port ${port()}`);
  });

  it("another port and speed", async () => {
    const other = machine.plugIn("ttyACM3");
    assert.equal(await machine.run(flash, "--port", other, "--baud", "115200"), 0);
    assert.match(machine.calls[1] ?? "", new RegExp(`PORT=${other} SPEED=115200$`));
  });

  it("says at once, before any build, what is wrong with the port", async () => {
    machine.plugIn("ttyUSB1");
    assert.equal(await machine.run(flash), 1);
    assert.match(machine.lastLine, /^alertbox: several serial ports: say which one with --port; there are /);
    assert.equal(await machine.run(flash, "--port", "/dev/nowhere"), 1);
    assert.match(machine.lastLine, /^alertbox: \/dev\/nowhere is not there: is the board plugged in\?/);
    machine.mayOpen = false;
    assert.equal(await machine.run(flash, "--port", port()), 1);
    assert.match(machine.lastLine, /^alertbox: no permission to open .*: sudo usermod -a -G /);
    assert.deepEqual(machine.calls, []);
  });

  it("without an SDK: doctor's words", async () => {
    delete machine.env["MODDABLE"];
    assert.equal(await machine.run(flash), 1);
    assert.match(machine.lastLine, /^alertbox: Not ready: 1 thing is missing; begin with: npm install -g xs-dev/);
  });

  it("a build that failed is never flashed", async () => {
    machine.file("sdk/build.sh", BUILDS.FAILED);
    assert.equal(await machine.run(flash), 1);
    assert.equal(machine.calls.length, 1);
  });

  it("an image over the budget is flashed, and said so", async () => {
    machine.file("parts/toolchain/Linux/xtensa-lx106-elf/bin/sizes", ".text 730000 1\n");
    assert.equal(await machine.run(flash), 0);
    assert.match(machine.out, /\nNote: flash takes 730,000 bytes, 10,000 over the budget of 720,000\nFlashed\./);
  });

  it("a chip that does not answer: the log, and what to do with one's hands", async () => {
    const said = "A fatal error occurred: Failed to connect to ESP8266: Timed out waiting for packet header";
    machine.file("sdk/deploy.sh", `echo "Connecting........_____"\necho "${said}"\nexit 2\n`);
    assert.equal(await machine.run(flash), 1);
    assert.match(machine.err, /A fatal error occurred/);
    assert.equal(
      machine.lastLine,
      `alertbox: the chip on ${port()} does not answer: hold FLASH, press and release RST, let FLASH go, and try again`,
    );
  });

  it("--verbose shows the log as it comes, and not twice", async () => {
    machine.file("sdk/deploy.sh", 'echo "esptool.py v2.4.0"\necho "A fatal error occurred: something new"\nexit 2\n');
    assert.equal(await machine.run(flash, "--verbose"), 1);
    assert.match(machine.out, /esptool\.py v2\.4\.0/);
    assert.equal(machine.err, "alertbox: flashing failed: something new\n");
  });

  it("Ctrl-C while flashing says that the board may not start", async () => {
    machine.file("sdk/deploy.sh", 'echo "Writing at 0x00001000... (1 %)"\n/bin/sleep 60\n');
    const status = machine.run(flash);
    await machine.wrote(/Writing at/);
    machine.controller.abort();
    assert.equal(await status, 1);
    assert.equal(machine.lastLine, "alertbox: interrupted while flashing: the board may not start; flash it again");
  });

  it("each way in which esptool gives up has its sentence", () => {
    const say = (log: string) => remedyFor(log, "COM3");
    assert.match(
      say("could not open port '/dev/ttyUSB0': [Errno 13] Permission denied"),
      /^no permission to open COM3/,
    );
    assert.match(
      say("could not open port 'COM3': PermissionError(13, 'Access is denied.')"),
      /^no permission to open COM3/,
    );
    assert.match(say("[Errno 16] Device or resource busy: '/dev/cu.x'"), /^COM3 is in use: end the monitor/);
    assert.match(say("could not open port x: [Errno 2] No such file or directory"), /^COM3 went away/);
    assert.match(say("OSError: [Errno 6] Device not configured"), /^COM3 went away/);
    assert.match(say("Pyserial is not installed for /usr/bin/python"), /^pyserial is missing/);
    assert.match(say("ModuleNotFoundError: No module named 'serial'"), /^pyserial is missing/);
    assert.match(
      say("Failed to connect to ESP8266: Invalid head of packet (0x65)"),
      /^the chip on COM3 does not answer/,
    );
    assert.match(say("A fatal error occurred: Timed out waiting for packet content"), /--baud 115200/);
    assert.match(say("A fatal error occurred: MD5 of file does not match data in flash!"), /--baud 115200/);
    assert.equal(say("A fatal error occurred: the moon is full"), "flashing failed: the moon is full");
    assert.equal(say("make: *** Error 1"), "flashing failed; the log is above");
  });

  it("--help and mistakes on the command line", async () => {
    assert.equal(await machine.run(flash, "--help"), 0);
    assert.match(machine.out, /Settings and stored alerts on the board stay as they are\./);
    assert.equal(await machine.run(flash, "--prot", "x"), 2);
    assert.match(machine.err, /there is no option --prot; there are --port, --baud, --platform, --verbose, --help/);
    assert.equal(await machine.run(flash, "--baud", "fast"), 2);
    assert.match(machine.err, /--baud is a whole number from 9600 to 2000000, not "fast"/);
  });
});

// The bench as a whole: its time, and boards that come and go while it runs. Its faults: home-faults.test.ts.

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Aedes } from "aedes";
import { afterEach, describe, it } from "mocha";
import { OptionLimits } from "../../host-sim/options.js";
import { RunningBench } from "./running-bench.js";

describe("host-sim/bench", () => {
  let running: RunningBench;

  afterEach(() => running?.close());

  async function start(...args: string[]): Promise<RunningBench> {
    running = await RunningBench.start(...args);
    return running;
  }

  function indexes(): number[] {
    return running.bench.snapshot().boards.map(({ index }) => index);
  }

  describe("time", () => {
    it("stands still in a pause: a press waits, and steps bring it to the broker one by one", async () => {
      await start();
      await running.online();
      running.act({ type: "time", speed: 0 });
      const { now, paused, speed } = running.bench.view;
      assert.deepEqual([paused, speed], [true, 10]);
      running.act({ type: "press", board: 0 });
      assert.deepEqual(running.words().at(-1), "pressed", "the finger is there");
      // Real time passes, for sockets too.
      await fetch(`http://127.0.0.1:${running.port}/`).catch(() => undefined);
      assert.equal(running.bench.view.now, now);
      assert.equal(running.words().includes("stored"), false);
      const from = running.seen.length;
      const instants = [now];
      for (let step = 0; !running.wire(from).includes("up publish"); step++) {
        assert.ok(step < 1000, "it gets there");
        running.act({ type: "step" });
        instants.push(running.bench.now);
      }
      assert.ok(running.words().includes("stored"));
      assert.deepEqual(
        instants,
        instants.toSorted((a, b) => a - b),
      );
      assert.ok(new Set(instants).size > 3);
      assert.deepEqual([running.bench.view.paused, running.view().alerts], [true, 0]);
      const event = running.events.findLast((each) => each.type === "bench");
      assert.equal(event?.bench.now, running.bench.now, "views hear of each step");
      running.act({ type: "time", speed: 100 });
      await running.until(() => running.view().alerts === 1);
      assert.deepEqual([running.bench.view.paused, running.bench.view.speed], [false, 100]);
    });

    it("has the usual speeds and the one that was asked for; a step is for pauses only", async () => {
      await start("--speed", "7");
      const speeds: number[] = [];
      for (const speed of [1, 2, 10, 7, 99, 100]) {
        running.act({ type: "time", speed });
        speeds.push(running.bench.view.speed);
      }
      assert.deepEqual(speeds, [1, 1, 10, 7, 7, 100]);
      const told = running.events.length;
      running.act({ type: "step" });
      assert.equal(running.events.length, told);
    });
  });

  describe("boards that come and go", () => {
    it("adds a board of its own kind, which delivers its own alerts", async () => {
      await start("--speed", "50");
      await running.online();
      running.act({ type: "add", mode: "battery", wiring: "rst" });
      const { chipId, mode, wiring, root } = running.view(1);
      assert.deepEqual([chipId, mode, wiring, root], [5751, "battery", "rst", "mresetar/alertbox/5751"]);
      const first = running.events.findIndex((event) => event.type === "board" && event.board.index === 1);
      const line = running.events.findIndex((event) => event.type === "line" && event.line.board === 1);
      assert.ok(first < line, "it is there before it says something");
      await running.until(() => running.view(1).power === "asleep");
      running.act({ type: "press", board: 1 });
      await running.until(() => running.view(1).alerts === 1);
      assert.equal(running.view(0).alerts, 0);
    });

    it("takes a board away: no power, no packets, no lines, and its number is never used again", async () => {
      await start("--boards", "3", "--speed", "50");
      for (const index of [0, 1, 2]) await running.online(index);
      running.act({ type: "power", board: 1, on: false });
      running.act({ type: "remove", board: 2 });
      assert.deepEqual(indexes(), [0, 1]);
      assert.deepEqual(running.events.at(-1), { type: "gone", board: 2 });
      assert.equal(
        running.lines.some(({ board }) => board === 2),
        false,
      );
      const seen = running.seen.length;
      // What is asked of it from now on is nobody's; a hole in the numbers hurts nobody.
      running.act({ type: "press", board: 2 });
      running.act({ type: "remove", board: 2 });
      running.act({ type: "add", mode: "mains", wiring: "gpio" });
      running.act({ type: "remove", board: 1 });
      assert.deepEqual(indexes(), [0, 3]);
      assert.equal(running.view(3).chipId, 5753);
      await running.online(3);
      running.act({ type: "press", board: 3 });
      await running.until(() => running.view(3).alerts === 1);
      assert.equal(
        running.seen.slice(seen).some(({ chipId }) => chipId === 5752),
        false,
      );
      // The broker notices as it does with any box that vanishes.
      assert.deepEqual(
        running.bench.snapshot().lines.filter(({ board }) => board === 1 || board === 2),
        [],
      );
    });

    it("a removed board does nothing more: no blackout ends, no gesture goes on, no setup counts down", async () => {
      await start("--boards", "2", "--factory-new", "--speed", "50");
      await running.until(() => running.view(1).setup !== "");
      const board = running.board(1);
      running.act({ type: "factory", board: 1 });
      running.act({ type: "remove", board: 1 });
      const told = running.events.length;
      const isIts = (event: object) =>
        JSON.stringify(event).includes('"board":1') || /"index":1\b/.test(JSON.stringify(event));
      await new Promise<void>((resolve) => running.bench.after(15_000, resolve));
      assert.deepEqual(running.events.slice(told).filter(isIts), []);
      assert.equal(board.power, "off");
      running.act({ type: "add", mode: "mains", wiring: "gpio" });
      await running.until(() => running.view(2).setup !== "");
      const dark = running.board(2);
      running.act({ type: "blackout", board: 2 });
      running.act({ type: "remove", board: 2 });
      await new Promise<void>((resolve) => running.bench.after(5_000, resolve));
      assert.equal(dark.power, "off");
    });

    it("keeps the last board, and says so; and no more boards than the command line may ask for", async () => {
      await start();
      running.act({ type: "remove", board: 0 });
      assert.deepEqual(indexes(), [0]);
      assert.equal(running.lines.at(-1)?.detail, "the last board stays");
      // Paused, so that they need not all boot.
      running.act({ type: "time", speed: 0 });
      for (let count = 0; count < OptionLimits.BOARDS; count++)
        running.act({ type: "add", mode: "mains", wiring: "gpio" });
      assert.equal(indexes().length, OptionLimits.BOARDS);
      assert.deepEqual(
        [running.lines.at(-1)?.word, running.lines.at(-1)?.detail],
        ["not added", `more than ${OptionLimits.BOARDS} boards`],
      );
      running.act({ type: "remove", board: 5 });
      running.act({ type: "add", mode: "mains", wiring: "gpio" });
      assert.deepEqual(indexes().at(-1), OptionLimits.BOARDS);
    });

    it("adds no board whose chip id would be too large", async () => {
      await start("--chip", `${OptionLimits.CHIP_ID}`);
      running.act({ type: "add", mode: "mains", wiring: "gpio" });
      assert.deepEqual([indexes(), running.lines.at(-1)?.word], [[0], "not added"]);
    });

    it("leaves addresses for those who come, however many have gone", async () => {
      await start("--speed", "100");
      await running.online();
      for (let index = 1; index <= 160; index++) {
        running.act({ type: "add", mode: "mains", wiring: "gpio" });
        // An address is leased without waiting for the air.
        const { board } = running.board(index);
        const [home] = board.airspace.accessPoints;
        await running.until(() => board.steps.length > 0);
        const mac = board.airspace.radioOn(board)?.mac ?? "";
        assert.match(home?.lease(mac) ?? "", /^10\.0\.0\.10[01]$/);
        running.act({ type: "remove", board: index });
      }
    });

    it("watches the topics of boards that are there, and of no others", async () => {
      const aedes = await Aedes.createBroker();
      const server = createServer((socket) => aedes.handle(socket)).listen(0, "127.0.0.1");
      await once(server, "listening");
      try {
        const { port } = server.address() as AddressInfo;
        await start("--broker", `mqtt://127.0.0.1:${port}`, "--root", "house/box", "--speed", "50");
        await running.online();
        const before = aedes.connectedClients;
        running.act({ type: "add", mode: "mains", wiring: "gpio" });
        await running.online(1);
        assert.ok(aedes.connectedClients > before + 1, "the box, and who watches its topics");
        running.act({ type: "remove", board: 1 });
        while (aedes.connectedClients > before + 1) await once(aedes, "clientDisconnect");
        running.act({ type: "press", board: 0 });
        await running.until(() => running.view(0).alerts === 1);
      } finally {
        await running.close();
        server.close();
        await new Promise<void>((resolve) => aedes.close(resolve));
      }
    });

    it("gives each board its own topic root and flash file, also beside a single one with names of its own", async () => {
      const folder = mkdtempSync(join(tmpdir(), "bench-"));
      try {
        const file = join(folder, "box.flash");
        await start("--root", "house/box", "--flash", file, "--speed", "50");
        await running.online();
        running.act({ type: "add", mode: "mains", wiring: "gpio" });
        assert.deepEqual([running.view(0).root, running.view(1).root], ["house/box", "house/box/5751"]);
        await running.online(1);
        running.act({ type: "press", board: 1 });
        await running.until(() => running.view(1).alerts === 1);
        running.act({ type: "press", board: 0 });
        await running.until(() => running.view(0).alerts === 1);
        assert.ok(existsSync(file) && existsSync(`${file}.5751`));
        running.act({ type: "remove", board: 1 });
        // A folder is in the way of the next one's file.
        mkdirSync(`${file}.5752`);
        running.act({ type: "add", mode: "mains", wiring: "gpio" });
        assert.deepEqual([indexes(), running.lines.at(-1)?.word], [[0], "not added"]);
        assert.match(running.lines.at(-1)?.detail ?? "", /box\.flash\.5752: it is a folder/);
        await running.close();
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
});

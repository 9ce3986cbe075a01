// What the bench itself knows of a board with its setup open: where it is, how long, and that a hold is no press.

import assert from "node:assert/strict";
import { afterEach, describe, it } from "mocha";
import { Bench } from "../../host-sim/bench.js";
import { BenchBoard } from "../../host-sim/bench-board.js";
import { SteppedClock } from "../../host-sim/clock.js";
import { freePort } from "../../host-sim/free-port.js";
import { RealNetwork } from "../../host-sim/network.js";
import { parseOptions } from "../../host-sim/options.js";
import type { BoardView } from "../../host-sim/page/protocol.js";
import { Airspace } from "../../host-sim/radio.js";
import { Random } from "../../host-sim/random.js";

describe("host-sim/bench-board", () => {
  let bench: Bench | undefined;

  afterEach(() => bench?.close());

  async function start(...args: string[]): Promise<Bench> {
    const parsed = parseOptions(["--port", `${await freePort()}`, "--setup-port", "0", "--speed", "10", ...args]);
    assert.equal(parsed.kind, "run");
    bench = await Bench.start((parsed as { options: Bench["options"] }).options, 5000);
    return bench;
  }

  /** Resolves with the first board's view as soon as it is as wanted. */
  function view(wanted: (board: BoardView) => boolean): Promise<BoardView> {
    const { boards, on } = bench as Bench;
    return new Promise((resolve) => {
      const check = () => {
        const now = boards[0]?.view;
        if (now !== undefined && wanted(now)) resolve(now);
      };
      on.call(bench, check);
      check();
    });
  }

  it("counts down to the end of the setup, and follows the box when a phone asks for more time", async () => {
    await start("--factory-new");
    const { setup, setupSeconds } = await view((board) => board.setup !== "");
    assert.ok(setupSeconds <= 120 && setupSeconds > 60, `${setupSeconds}`);
    await view((board) => board.setupSeconds < 60);
    const answer = await fetch(`${setup}more`, { method: "POST", headers: { origin: setup.slice(0, -1) } });
    assert.equal(answer.status, 200);
    // As the page does every few seconds.
    await fetch(`${setup}status`);
    await view((board) => board.setupSeconds > 60);
  });

  it("forgets the setup when the power goes, and opens it again with it", async () => {
    await start("--factory-new");
    await view((board) => board.setup !== "");
    bench?.act({ type: "blackout", board: 0 });
    const dark = await view((board) => board.setup === "");
    assert.deepEqual([dark.power, dark.setupSeconds], ["off", 0]);
    await view((board) => board.setup !== "");
  });

  it("a hold that opens the setup is no press, and the next press is the first", async () => {
    await start();
    await view((board) => board.presence === "online");
    bench?.act({ type: "setup", board: 0 });
    await view((board) => board.setup !== "");
    assert.equal((await view((board) => !board.pressed)).presses, 0);
    bench?.act({ type: "reset", board: 0 });
    await view((board) => board.power === "booting");
    await view((board) => board.presence === "online" && board.power === "running" && board.setup === "");
    bench?.act({ type: "press", board: 0 });
    await view((board) => board.alerts === 1);
    assert.equal(bench?.boards[0]?.view.presses, 1);
    assert.equal(bench?.boards[0]?.arrivalMs.length, 1);
  });

  it("shows several setups on ports of their own, counted up from the one that was asked for", async () => {
    const port = await freePort();
    await start("--factory-new", "--boards", "2", "--setup-port", `${port}`);
    await view((board) => board.setup !== "");
    await view(() => bench?.boards[1]?.view.setup !== "");
    assert.deepEqual(
      bench?.boards.map((board) => board.view.setup),
      [`http://127.0.0.1:${port}/`, `http://127.0.0.1:${port + 1}/`],
    );
  });

  it("leaves nothing behind that waits, when it is closed with its setup open and a finger on its button", async () => {
    const clock = new SteppedClock();
    const network = new RealNetwork();
    let changed: () => void = () => undefined;
    const board = new BenchBoard(
      {
        index: 0,
        chipId: 5750,
        mode: "mains",
        wiring: "gpio",
        quiet: false,
        factoryNew: true,
        root: undefined,
        flash: undefined,
      },
      { host: "127.0.0.1", port: 1883, user: "", password: "" },
      {
        clock,
        soon: queueMicrotask,
        network,
        airspace: new Airspace(),
        random: new Random(7),
        home: { ssid: "home", password: "correct horse", broker: "127.0.0.1:1883" },
        line: () => undefined,
        emit: () => changed(),
        closed: () => undefined,
        moved: () => undefined,
      },
    );
    try {
      board.powerOn();
      clock.run(3000);
      // The port of the setup page opens in real time.
      while (board.view.setup === "") await new Promise<void>((resolve) => (changed = resolve));
      board.act({ type: "press", board: 0 });
      clock.run(20);
      board.close();
      assert.deepEqual([clock.pending, board.view.setup, board.power], [0, "", "off"]);
    } finally {
      board.close();
      network.close();
    }
  });
});

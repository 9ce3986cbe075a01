// Each fault that a view can switch on, proved by what it does on the wire or to the box, with the firmware, once with
// a real broker and real sockets and once in a virtual world: the same table for both; and that every alert has arrived
// exactly once when the fault is over.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, describe, it } from "mocha";
import { FAULTS, type FaultName } from "../../host-sim/page/details.js";
import { RunningBench } from "./running-bench.js";

/** What a bench is started with for each world. */
const WORLDS = Object.freeze({ real: ["--speed", "50"], virtual: ["--virtual", "--speed", "max"] } as const);

for (const world of ["real", "virtual"] as const)
  describe(`host-sim/home-faults, ${world}`, () => {
    let running: RunningBench;

    afterEach(() => running?.close());

    async function start(...args: string[]): Promise<RunningBench> {
      running = await RunningBench.start(...WORLDS[world], ...args);
      running.holdsStill = world === "virtual";
      await running.until(() => running.view().presence !== "");
      return running;
    }

    function fault(name: FaultName, on: boolean): void {
      const isBoards = name === "bounce" || name === "flash-cut";
      running.act({ type: "fault", fault: name, on, ...(isBoards ? { board: 0 } : {}) });
      const shown = isBoards ? running.view().faults : running.bench.view.faults;
      assert.deepEqual(shown, on ? [name] : []);
    }

    /** Presses, and resolves when the box has it in its journal. */
    async function stored(): Promise<void> {
      const said = running.said("stored");
      running.act({ type: "press", board: 0 });
      await said;
    }

    /** Resolves when all presses have arrived and their deliveries are finished; each has arrived once. */
    async function settled(presses: number): Promise<void> {
      await running.until(() => running.view().alerts === presses && running.board().pending === 0);
      assert.deepEqual([running.view().presses, running.view().duplicates], [presses, 0]);
    }

    it("wrong password: those who are in are sent away, and nobody gets in until the password is the old one", async () => {
      await start();
      await running.online();
      const failed = running.until(() => running.lines.some(({ detail }) => detail === "no Wi-Fi: wrong password"));
      fault("wrong-password", true);
      assert.equal(
        running.board().board.airspace.radioOn(running.board().board)?.address,
        undefined,
        "sent away at once",
      );
      const from = running.seen.length;
      await stored();
      await failed;
      assert.deepEqual(running.wire(from), [], "not a byte");
      fault("wrong-password", false);
      await settled(1);
    });

    it("other channel: who is connected hears no more and has to search; what a sleeper remembers leads nowhere", async () => {
      await start();
      await running.online();
      const { board } = running.board();
      const reasons: string[] = [];
      board.on((event) => {
        if (event.type === "wifi") reasons.push(event.word);
      });
      fault("moved-channel", true);
      const from = running.seen.length;
      await stored();
      // On a busy machine it may have given the connection up by now.
      const passed = running.wire(from).filter((each) => !each.endsWith("reset"));
      assert.deepEqual(passed, [], "it believes that it is connected, and nothing passes");
      assert.equal(board.airspace.radioOn(board)?.status, 5);
      await settled(1);
      assert.deepEqual(reasons.filter((word) => word === "waiting" || word === "searching").slice(0, 2), [
        "waiting",
        "searching",
      ]);
      assert.equal(board.airspace.radioOn(board)?.channel, 11);
      await running.close();

      await start("--mode", "battery");
      await running.until(() => running.view().power === "asleep");
      fault("moved-channel", true);
      const cache = running.said("cache");
      await stored();
      await cache;
      await settled(1);
      fault("moved-channel", false);
    });

    it("slow DHCP: eight seconds from the association to the address", async () => {
      await start();
      await running.online();
      const { board } = running.board();
      const at = new Map<string, number>();
      board.on((event) => {
        if (event.type === "wifi") at.set(event.word, event.at);
      });
      fault("slow-dhcp", true);
      const from = running.lastLine;
      running.act({ type: "blackout", board: 0 });
      await running.said("joined", 0, from);
      assert.equal(Math.round((at.get("online") ?? 0) - (at.get("addressing") ?? 0)), 8000);
      fault("slow-dhcp", false);
      running.act({ type: "blackout", board: 0 });
      await running.said("joined", 0, running.lastLine);
      assert.equal(Math.round((at.get("online") ?? 0) - (at.get("addressing") ?? 0)), 780);
    });

    it("broker refuses: CONNACK 5, and the alert that left with CONNECT does not count as sent", async () => {
      await start();
      await running.online();
      const from = running.seen.length;
      const refused = running.until(() =>
        running.lines.some(({ detail }) => detail.startsWith("refused: not authorized")),
      );
      fault("broker-refuses", true);
      running.act({ type: "reset", board: 0 });
      await running.said("boot");
      await stored();
      await refused;
      const answers = running.seen.slice(from).filter(({ direction }) => direction === "down");
      assert.deepEqual(
        answers.map(({ what, returnCode }) => [what, returnCode]),
        [
          ["connack", 5],
          ["end", undefined],
        ],
      );
      assert.ok(running.wire(from).includes("up publish"), "it was on the wire with CONNECT");
      assert.equal(running.view().alerts, 0);
      fault("broker-refuses", false);
      running.act({ type: "reset", board: 0 });
      await settled(1);
      const connack = running.seen.findLast(({ what }) => what === "connack");
      assert.deepEqual([connack?.returnCode, connack?.sessionPresent], [0, true], "the broker has kept its session");
    });

    it("slow network: every answer comes a second after what it answers, and all arrives in order", async () => {
      await start();
      await running.online();
      fault("slow-network", true);
      const from = running.seen.length;
      await stored();
      await settled(1);
      const at = (what: string) => running.seen.slice(from).find((each) => each.what === what)?.at ?? Number.NaN;
      // What goes up is seen when it arrives there, what comes down when it arrives here.
      const [publish, pubrec, pubrel, pubcomp] = [at("publish"), at("pubrec"), at("pubrel"), at("pubcomp")];
      assert.ok(
        pubrec - publish >= 500 && pubrel - pubrec >= 500 && pubcomp - pubrel >= 500,
        running.wire(from).join(),
      );
      fault("slow-network", false);
      await stored();
      await settled(2);
    });

    it("half-open: silence both ways; connections that were open stay dead, new ones pass when it is over", async () => {
      await start();
      await running.online();
      const old = running.seen.at(-1)?.connection;
      const from = running.seen.length;
      fault("half-open", true);
      await stored();
      const begun = running.lastLine;
      // The box finds out by itself, and its next connections get no answer.
      await running.said("failed", 0, begun);
      await running.said("connecting", 0, begun);
      await running.until(() => running.lines.some(({ detail }) => detail === "no answer"));
      assert.deepEqual(
        running.wire(from).filter((each) => !each.endsWith("reset")),
        [],
        "not a byte",
      );
      fault("half-open", false);
      await settled(1);
      const later = running.seen.slice(from).filter(({ what }) => what !== "reset");
      assert.ok(later.every(({ connection }) => connection !== old));
      assert.ok(later.some(({ what, sessionPresent }) => what === "connack" && sessionPresent === true));
    });

    it("lost PUBCOMP: the connection breaks in its place, and the box sends PUBREL again until it gets one", async () => {
      await start();
      await running.online();
      const from = running.seen.length;
      fault("lost-pubcomp", true);
      await stored();
      const pubrels = () => running.seen.slice(from).filter(({ what }) => what === "pubrel");
      await running.until(() => pubrels().length >= 3 && running.seen.at(-1)?.what === "reset");
      assert.equal(running.wire(from).includes("down pubcomp"), false);
      assert.equal(new Set(pubrels().map(({ connection }) => connection)).size, pubrels().length, "one on each");
      // Before PUBREC a busy machine may be later than the box waits, and it asks again.
      const wire = running.wire(from);
      assert.equal(wire.indexOf("up publish", wire.indexOf("down pubrec")), -1, "and PUBLISH no more");
      assert.equal(running.view().alerts, 1, "the broker has it and passes it on");
      assert.equal(running.board().pending, 1, "and the box knows only that it was received");
      fault("lost-pubcomp", false);
      await settled(1);
    });

    it("bouncing button: the contact chatters for 30 ms, and it is one alert for each press", async () => {
      await start();
      await running.online();
      const { board } = running.board();
      const edges: number[] = [];
      board.pins.on((pin) => {
        if (pin === 0) edges.push(board.clock.now);
      });
      fault("bounce", true);
      for (let press = 1; press <= 3; press++) {
        await running.until(() => !running.board().busy);
        edges.length = 0;
        await stored();
        await running.until(() => !running.board().busy);
        const down = edges[0] ?? 0;
        const chatter = edges.filter((at) => at <= down + 31);
        assert.ok(chatter.length >= 3, `${edges}`);
        // Beyond what a sound contact does, in at least one of the presses, is a matter of chance: 2 to 6 touches.
        assert.ok(chatter.every((at) => at - down <= 30));
      }
      await settled(3);
      fault("bounce", false);
      await running.until(() => !running.board().busy);
      edges.length = 0;
      await stored();
      const down = edges[0] ?? 0;
      assert.ok(
        edges.filter((at) => at < down + 80).every((at) => at - down <= 8),
        `${edges}`,
      );
      await settled(4);
    });

    it("flash cut: power fails within the next write, comes back, and what was said to be stored arrives", async () => {
      const folder = mkdtempSync(join(tmpdir(), "faults-"));
      after(() => rmSync(folder, { recursive: true }));
      const file = join(folder, "box.flash");
      await start("--mode", "battery", "--flash", file);
      await running.until(() => running.view().power === "asleep");
      const { board } = running.board();
      fault("flash-cut", true);
      const operations = board.flash.operations;
      const from = running.lastLine;
      // Looked at in the moment in which it strikes: the clock may go on before a promise does.
      const struck: unknown[] = [];
      running.bench.on((event) => {
        if (event.type !== "line" || event.line.word !== "power off") return;
        const { faults, power } = running.view();
        const said = running.words(0, from);
        struck.push({ faults, power, writes: board.flash.operations - operations, stored: said.includes("stored") });
        const bytes = board.flash.save();
        assert.deepEqual(readFileSync(file).subarray(0, bytes.byteLength).equals(bytes), true, "torn in the file, too");
      });
      running.act({ type: "press", board: 0 });
      await running.said("power off", 0, from);
      assert.deepEqual(struck, [{ faults: [], power: "off", writes: 1, stored: false }], "it has struck, and is over");
      await running.said("power on", 0, from);
      await running.until(() => running.view().power === "asleep");
      await stored();
      await running.until(() => running.board().pending === 0);
      assert.equal(running.view().duplicates, 0);
      assert.ok(running.view().alerts >= 1);
    });

    it("flash cut: can be taken back before it strikes", async () => {
      await start();
      await running.online();
      fault("flash-cut", true);
      fault("flash-cut", false);
      await stored();
      await settled(1);
      assert.equal(running.view().boots, 1);
    });

    it("tells each switch once, to every board that it concerns, with what it does", async () => {
      await start("--boards", "2");
      const from = running.lastLine;
      for (let time = 0; time < 2; time++) running.act({ type: "fault", fault: "slow-dhcp", on: true });
      for (let time = 0; time < 2; time++) running.act({ type: "fault", fault: "bounce", on: true, board: 1 });
      running.act({ type: "fault", fault: "slow-dhcp", on: false });
      // Without a board, and a board that does not exist.
      running.act({ type: "fault", fault: "bounce", on: true });
      running.act({ type: "fault", fault: "bounce", on: true, board: 7 });
      const told = running.lines.filter(
        ({ id, source, word }) => id > from && source === "bench" && /fault/.test(word),
      );
      assert.deepEqual(
        told.map(({ board, word, detail }) => `${board} ${word}: ${detail}`),
        [
          "0 fault: Slow DHCP: An address takes 8 seconds.",
          "1 fault: Slow DHCP: An address takes 8 seconds.",
          "1 fault: Bouncing button: The contact chatters for 30 ms, each way.",
          "0 fault over: Slow DHCP",
          "1 fault over: Slow DHCP",
        ],
      );
      assert.deepEqual(running.view(1).faults, ["bounce"]);
      const events = running.events.filter((event) => event.type === "bench");
      assert.deepEqual(
        events.map(({ bench }) => bench.faults),
        [["slow-dhcp"], []],
      );
    });

    it("has a test for every fault", function () {
      const titles = this.test?.parent?.tests.map(({ title }) => title.toLowerCase()) ?? [];
      const names: Partial<Record<FaultName, string>> = {
        "moved-channel": "other channel",
        bounce: "bouncing button",
      };
      for (const { name } of FAULTS) {
        const text = names[name] ?? name.replace("-", " ");
        assert.ok(
          titles.some((title) => title.replace("-", " ").startsWith(text)),
          name,
        );
      }
    });
  });

// The judge of sessions over the bench as it runs: what the real firmware and the bench's broker say to each other
// breaks no rule, whatever a scenario or a fault does to them.

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import type { FaultName, PacketView } from "../../host-sim/page/details.js";
import { RunningBench } from "./running-bench.js";

describe("host-sim/session-rules, on a bench", () => {
  let running: RunningBench;

  beforeEach(async () => {
    running = await RunningBench.start();
    await running.online();
  });

  afterEach(() => running.close());

  function packets(): PacketView[] {
    return running.events.flatMap((event) => (event.type === "packet" ? [event.packet] : []));
  }

  function assertClean(): void {
    assert.deepEqual(
      packets().flatMap(({ direction, type, breach }) =>
        breach === undefined ? [] : [`${direction} ${type} ${breach.statement} ${breach.detail}`],
      ),
      [],
    );
  }

  for (const name of ["first-setup", "router-boots", "power-cut", "lost-session"]) {
    it(`finds nothing in the scenario ${name}`, async () => {
      running.act({ type: "play", name });
      await running.until(() => !["playing", undefined].includes(running.bench.view.scenario?.outcome));
      assert.equal(running.bench.view.scenario?.failure, "");
      assert.ok(packets().some(({ type }) => type === "PUBREL"));
      assertClean();
    });
  }

  const faults: readonly (readonly [fault: FaultName, met: () => boolean])[] = [
    ["broker-refuses", () => packets().some(({ detail }) => detail.startsWith("refused"))],
    ["half-open", () => running.words().includes("failed")],
    ["lost-pubcomp", () => packets().filter(({ type }) => type === "PUBREL").length > 1],
    ["flash-cut", () => running.view().boots > 1],
  ];
  for (const [fault, met] of faults) {
    it(`finds nothing in what follows the fault ${fault}`, async () => {
      const isHome = fault !== "flash-cut";
      const set = (on: boolean) => running.act({ type: "fault", fault, on, ...(isHome ? {} : { board: 0 }) });
      set(true);
      // The box notices what is wrong with the network when it has something to say; with CONNECT, after a reset.
      if (fault === "broker-refuses") running.act({ type: "reset", board: 0 });
      running.act({ type: "press", board: 0 });
      await running.until(met);
      set(false);
      running.act({ type: "press", board: 0 });
      await running.until(() => running.view().alerts >= 1 && running.board().pending === 0);
      await running.online();
      assertClean();
    });
  }
});

// `npm run fleet` as people run it: real threads, the real firmware, real sockets, a real broker.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { after, describe, it } from "mocha";
import { EmbeddedBroker } from "../../../host-sim/aedes.js";
import { Crew } from "../../../host-sim/fleet/crew.js";
import type { FleetReport } from "../../../host-sim/fleet/report.js";
import { Tally } from "../../../host-sim/fleet/tally.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

const NOWHERE = Object.freeze({ host: "127.0.0.1", port: 1, user: "", password: "" });

interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

function fleet(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve, reject) => {
    const program = ["--import", "tsx/esm", "host-sim/fleet/fleet.ts", ...args];
    const child = spawn(process.execPath, program, { cwd: ROOT });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    child.once("error", reject);
    child.once("close", (status) => resolve({ status, out, err }));
  });
}

async function report(...args: readonly string[]): Promise<FleetReport> {
  const { status, out, err } = await fleet(...args, "--json", "-");
  assert.equal(status, 0, `${err}\n${out.slice(0, 2000)}`);
  return JSON.parse(out) as FleetReport;
}

describe("host-sim/fleet", () => {
  const home = mkdtempSync(join(tmpdir(), "alertbox-fleet-"));
  after(() => rmSync(home, { recursive: true, force: true }));

  it("every press of every box arrives once, while the broker restarts under them", async () => {
    const svg = join(home, "fleet.svg");
    const { complete, presses, delivered, lost, duplicates, crashes, away, latency, faults, everySecond, threads } =
      await report(
        ...["--boards", "30", "--rate", "4/s", "--duration", "12", "--ramp", "30", "--threads", "2"],
        ...["--faults", "broker-restart@4", "--svg", svg],
      );
    assert.deepEqual([complete, lost, duplicates, crashes, away, threads], [30, 0, 0, 0, 0, 2]);
    assert.ok(presses > 10 && delivered === presses, `${delivered} of ${presses}`);
    assert.ok((latency.p50 ?? 0) > 0);
    const [restart] = faults;
    assert.equal(restart?.before, 30);
    assert.equal(restart.connected.count, 30, "all came back");
    assert.ok((restart.connected.most ?? 0) > (restart.connected.p50 ?? 0), "not all at once");
    assert.ok(everySecond.some(({ online }) => online < 30));
    assert.match(readFileSync(svg, "utf8"), /^<svg .*<\/svg>\n$/s);
  });

  it("boxes on batteries, an outage of all of them: those that were pressed deliver when power is back", async () => {
    const { complete, presses, delivered, cutShort, lost, duplicates } = await report(
      ...["--boards", "6", "--mode", "battery", "--rate", "1/s", "--duration", "14", "--faults", "outage@6..8"],
    );
    assert.deepEqual([complete, lost, duplicates], [6, 0, 0]);
    assert.ok(presses > 3 && delivered > 0 && delivered + cutShort === presses, `${delivered} of ${presses}`);
  });

  it("a press that comes just behind a power cut is none that is lost: nobody has heard it", async () => {
    const tally = new Tally("battery");
    let wake: () => void = () => undefined;
    const crew = await Crew.start(
      [{ first: 0, count: 1, chipId: 7, root: "r", mode: "battery", ...NOWHERE, seed: 1 }],
      (happening) => {
        tally.hear(happening);
        wake();
      },
      (error) => assert.fail(error),
    );
    const until = async (holds: () => boolean) => {
      while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
    };
    try {
      crew.tell({ type: "power", board: 0, on: true });
      await until(() => tally.boots === 1);
      crew.tell({ type: "power", board: 0, on: false });
      crew.tell({ type: "press", board: 0 });
      await until(() => tally.presses === 1);
      assert.deepEqual([tally.cutShort, tally.lost, tally.isSettled], [1, 0, true]);
    } finally {
      await crew.close();
    }
  });

  it("a broker of somebody else's: with its account, and a command that restarts it", async () => {
    const broker = await EmbeddedBroker.open({ port: 0 });
    const marker = join(home, "restarted");
    try {
      const {
        lost,
        presses,
        faults,
        broker: shown,
      } = await report(
        ...[
          "--boards",
          "5",
          "--rate",
          "2/s",
          "--duration",
          "8",
          "--broker",
          `mqtt://me:secret@127.0.0.1:${broker.port}`,
        ],
        ...["--faults", "no-wifi@2..4,broker-restart@5", "--restart-command", `echo done > ${marker}`],
      );
      assert.equal(lost, 0);
      assert.ok(presses > 0);
      assert.equal(shown, `mqtt://me@127.0.0.1:${broker.port}`);
      assert.deepEqual(
        faults.map(({ kind }) => kind),
        ["no-wifi", "broker-restart"],
      );
      assert.equal(readFileSync(marker, "utf8"), "done\n");
    } finally {
      await broker.close();
    }
  });

  it("says with status 1 that a broker cannot be reached, and what to look at", async () => {
    const { status, err } = await fleet("--broker", "127.0.0.1:1", "--boards", "1", "--patience", "1");
    assert.equal(status, 1);
    assert.match(err, /the broker at mqtt:\/\/127\.0\.0\.1:1 cannot be used: .*Is it running/);
  });

  it("says with status 1 that a box did not come back, also when nobody pressed it", async () => {
    const broker = await EmbeddedBroker.open({ port: 0 });
    // What is said to restart it stops it for good.
    const off = createServer((socket) => {
      socket.resume().on("error", () => undefined);
      void broker.stop();
    }).listen(0, "127.0.0.1");
    try {
      await once(off, "listening");
      const { port } = off.address() as AddressInfo;
      const command = `"${process.execPath}" -e 'require("net").connect(${port}).on("close", () => {}).end()'`;
      const { status, out } = await fleet(
        ...["--boards", "1", "--rate", "1/h", "--duration", "4", "--patience", "15"],
        ...["--broker", `127.0.0.1:${broker.port}`, "--faults", "broker-restart@1", "--restart-command", command],
      );
      assert.equal(status, 1, out);
      assert.match(out, /✗ 1 box did not come back\n$/);
    } finally {
      off.close();
      await broker.close();
    }
  });

  it("says with status 1 what the command that restarts the broker said", async () => {
    const broker = await EmbeddedBroker.open({ port: 0 });
    try {
      const { status, err } = await fleet(
        ...["--boards", "1", "--duration", "5", "--broker", `127.0.0.1:${broker.port}`],
        ...["--faults", "broker-restart@1", "--restart-command", "echo no such service >&2; exit 3"],
      );
      assert.equal(status, 1);
      assert.match(err, /--restart-command: .*no such service/s);
    } finally {
      await broker.close();
    }
  });

  it("helps, and refuses with status 2", async () => {
    const help = await fleet("--help");
    assert.deepEqual([help.status, help.err], [0, ""]);
    assert.match(help.out, /--boards N .*\n[\s\S]*broker-restart/);
    const wrong = await fleet("--boards", "many");
    assert.deepEqual([wrong.status, wrong.out], [2, ""]);
    assert.match(wrong.err, /^alertbox: --boards is a whole number/);
  });
});

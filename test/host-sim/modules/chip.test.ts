// `chip`: who the board is, what its reset was, RTC memory, the serial port; joining with a configuration that is kept,
// and with a lease of one's own.

import assert from "node:assert/strict";
import type chipModule from "chip";
import { describe, it } from "mocha";
import { ResetReason } from "../../../host-sim/board.js";
import { crc32 } from "../../../host-sim/modules/chip.js";
import { Server, Table } from "../online.js";
import { running } from "../rig.js";

type ChipModule = typeof chipModule;

function chipOf(table: Table): ChipModule {
  return table.chip.use<ChipModule>("chip");
}

function bytes(...values: number[]): ArrayBuffer {
  return Uint8Array.from(values).buffer;
}

/** Notes what a WiFi instance is told, with the time since now. */
function listen(table: Table): string[] {
  const told: string[] = [];
  const startedAt = table.clock.now;
  new table.WiFi(undefined, (message) => told.push(`${Math.round(table.clock.now - startedAt)} ${message}`));
  return told;
}

/** Joins and gives how long it took, ms. */
function joinMs(table: Table, join: (chip: ChipModule) => void): number {
  const startedAt = table.clock.now;
  join(chipOf(table));
  assert.ok(table.clock.runUntil(() => table.board.airspace.radioOn(table.board)?.address !== undefined, 20_000));
  return Math.round(table.clock.now - startedAt);
}

const keptJoin = (chip: ChipModule): void => chip.join("home", "correct horse", undefined, 6, true);

describe("chip", () => {
  it("tells who it is and how it started", () => {
    const { board, chip } = running({ chipId: 1234, millivolts: 3012 });
    const module = chip.use<ChipModule>("chip");
    assert.deepEqual([module.id(), module.resetReason(), module.millivolts()], [1234, 0, 3012]);
    assert.deepEqual([module.exceptionCause(), module.exceptionAddress()], [0, 0]);
    assert.ok(module.freeHeap() > 0);
    board.cutPower();
    for (const call of [module.id, module.resetReason, module.freeHeap, module.forget, module.lease]) {
      assert.throws(call, /boot has ended/);
    }
  });

  it("prints a line where trace prints, and a step is a step", () => {
    const { board, chip } = running();
    chip.use<ChipModule>("chip").log("[742] delivered 5750-42-40146");
    chip.trace("half ");
    chip.use<ChipModule>("chip").log("a line");
    assert.deepEqual(board.log, ["[742] delivered 5750-42-40146", "half a line"]);
    assert.deepEqual([board.steps[0]?.word, board.steps[0]?.ms], ["delivered", 742]);
  });

  describe("memory", () => {
    it("is a CRC-32 at word 32 and the bytes behind it", () => {
      const { board, chip } = running();
      const module = chip.use<ChipModule>("chip");
      assert.equal(crc32(new TextEncoder().encode("123456789")), 0xcbf43926);
      module.writeMemory(bytes(1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff));
      assert.deepEqual([board.rtc.read(33), board.rtc.read(34)], [0x04030201, 0xffffffff]);
      assert.equal(board.rtc.read(32), crc32(new Uint8Array(bytes(1, 2, 3, 4, 255, 255, 255, 255))));
      assert.deepEqual(module.readMemory(8), bytes(1, 2, 3, 4, 255, 255, 255, 255));
      assert.notEqual(module.readMemory(8), module.readMemory(8), "a fresh buffer each time");
    });

    it("survives reset and sleep, and nothing else: power loss, another length and a torn write read as nothing", () => {
      const table = new Table();
      assert.equal(chipOf(table).readMemory(4), undefined, "noise after power-on");
      const all = Uint8Array.from({ length: 380 }, (_, index) => index).buffer;
      chipOf(table).writeMemory(all);
      table.board.reset();
      table.boot();
      assert.deepEqual(chipOf(table).readMemory(380), all);
      assert.equal(chipOf(table).readMemory(376), undefined);
      table.chip.System.deepSleep(1_000_000);
      table.boot();
      assert.deepEqual(chipOf(table).readMemory(380), all);
      table.board.rtc.write(33, 0);
      assert.equal(chipOf(table).readMemory(380), undefined);
      chipOf(table).writeMemory(all);
      table.board.cutPower();
      table.board.powerOn();
      table.boot();
      assert.equal(chipOf(table).readMemory(380), undefined);
    });

    for (const length of [0, 2, 6, 384, 1.5, -4]) {
      it(`has no place for ${length} bytes`, () => {
        const module = running().chip.use<ChipModule>("chip");
        assert.throws(() => module.readMemory(length), RangeError);
        if (length >= 0) assert.throws(() => module.writeMemory(new ArrayBuffer(Math.ceil(length))), RangeError);
      });
    }
  });

  describe("loops over bytes", () => {
    const text = new TextEncoder().encode("xx123456789yy");

    it("crc gives the published check value, signed, of a view or a buffer, in one piece or more", () => {
      const module = running().chip.use<ChipModule>("chip");
      assert.equal(module.crc(text, 2, 11, 0), 0xcbf43926 | 0);
      assert.equal(module.crc(text.subarray(2), 0, 9, 0), 0xcbf43926 | 0);
      assert.equal(module.crc(text, 5, 11, module.crc(text, 2, 5, 0)), 0xcbf43926 | 0);
      assert.equal(module.crc(text, 2, 2, 0), 0);
    });

    it("span finds the first byte outside the limits, or the one that is excepted", () => {
      const module = running().chip.use<ChipModule>("chip");
      assert.equal(module.span(text, 0, 13, 0, 0x77, -1), 0);
      assert.equal(module.span(text, 2, 13, 0x30, 0x39, -1), 11);
      assert.equal(module.span(text, 2, 11, 0x30, 0x39, -1), 11, "none");
      assert.equal(module.span(text, 2, 11, 0, 0xff, 0x35), 6);
      assert.equal(module.span(text, 4, 4, 0, 0, -1), 4);
    });

    it("refuse a range outside the bytes", () => {
      const module = running().chip.use<ChipModule>("chip");
      for (const [from, to] of [
        [-1, 2],
        [3, 2],
        [0, 14],
      ] as const) {
        assert.throws(() => module.crc(text, from, to, 0), RangeError);
        assert.throws(() => module.span(text, from, to, 0, 0xff, -1), RangeError);
      }
    });
  });

  describe("join", () => {
    it("takes 1,067 ms and the address with a known channel, and 889 ms less when name and password are kept", () => {
      const table = new Table({ wifi: { dhcpMs: 0 } });
      assert.equal(joinMs(table, keptJoin), 1_067 + 46, "the first time it is written to flash");
      table.board.cutPower();
      table.board.powerOn();
      table.boot();
      assert.equal(joinMs(table, keptJoin), 178);
      assert.equal(table.WiFi.mode, 1);
    });

    it("derives the key again when it is not kept, when power failed before it was known, or another one was kept", () => {
      const table = new Table({ wifi: { dhcpMs: 0 } });
      const again = (): void => {
        table.board.cutPower();
        table.board.powerOn();
        table.boot();
      };
      assert.equal(
        joinMs(table, (chip) => chip.join("home", "correct horse", undefined, 6, false)),
        1_067,
      );
      again();
      assert.equal(table.Net.get("SSID"), undefined);
      keptJoin(chipOf(table));
      table.clock.run(500);
      again();
      assert.equal(table.Net.get("SSID"), "home", "the SDK reads its configuration when it boots");
      assert.equal(joinMs(table, keptJoin), 1_067, "kept without a key, and not written again");
      again();
      assert.equal(joinMs(table, keptJoin), 178);
      table.wifi.password = "another one";
      again();
      assert.equal(
        joinMs(table, (chip) => chip.join("home", "another one", undefined, 6, true)),
        1_067 + 46,
      );
      chipOf(table).forget();
      again();
      assert.equal(table.Net.get("SSID"), undefined);
      assert.equal(
        joinMs(table, (chip) => chip.join("home", "another one", undefined, 6, false)),
        1_067,
      );
    });

    it("keeps at once what was used before in this boot, key and all", () => {
      const table = new Table({ wifi: { dhcpMs: 0 } });
      joinMs(table, (chip) => chip.join("home", "correct horse", undefined, 6, false));
      table.WiFi.disconnect();
      assert.equal(joinMs(table, keptJoin), 178 + 46);
      table.board.reset();
      table.boot();
      assert.equal(joinMs(table, keptJoin), 178);
    });

    it("wants the BSSID that it is told, searches all channels for 0, and knows wrong values", () => {
      const table = new Table();
      const told = listen(table);
      chipOf(table).join("home", "correct horse", bytes(1, 2, 3, 4, 5, 6), 0, false);
      table.clock.run(3_000);
      assert.deepEqual(told, ["2080 disconnect"]);
      assert.throws(() => chipOf(table).join("x".repeat(33), "", undefined, 0, false), RangeError);
      assert.throws(() => chipOf(table).join("x", "y".repeat(65), undefined, 0, false), RangeError);
      assert.throws(() => chipOf(table).join("x", "", bytes(1), 0, false), /6 bytes/);
    });
  });

  describe("lease", () => {
    const own = bytes(10, 0, 0, 100, 255, 255, 255, 0, 10, 0, 0, 1, 10, 0, 0, 1);

    it("is what DHCP gave, and undefined before", () => {
      const table = new Table();
      assert.equal(chipOf(table).lease(), undefined);
      table.join();
      assert.deepEqual(chipOf(table).lease(), own);
    });

    it("saves DHCP when it is given, shows at once, and DHCP comes back with undefined", () => {
      const table = new Table();
      chipOf(table).useLease(own);
      assert.deepEqual(chipOf(table).lease(), own);
      assert.equal(table.Net.get("IP"), "10.0.0.100", "an address is not yet a connection");
      const told = listen(table);
      keptJoin(chipOf(table));
      table.clock.run(5_000);
      assert.deepEqual(told, ["1113 connect", "1113 gotIP"]);
      assert.deepEqual(table.Net.get("DNS"), ["10.0.0.1"]);
      chipOf(table).useLease(undefined);
      const second = listen(table);
      keptJoin(chipOf(table));
      table.clock.run(5_000);
      assert.deepEqual(second, ["0 disconnect", "178 connect", "958 gotIP"]);
      assert.throws(() => chipOf(table).useLease(bytes(1, 2, 3)), RangeError);
    });

    const wrong: [string, (table: Table) => void, ArrayBuffer][] = [
      ["of another subnet", () => {}, bytes(192, 168, 9, 9, 255, 255, 255, 0, 192, 168, 9, 1, 192, 168, 9, 1)],
      ["that belongs to another device now", (table) => table.wifi.giveAway("10.0.0.100"), own],
      ["that another station has leased", (table) => assert.equal(table.wifi.lease("other"), "10.0.0.100"), own],
    ];
    for (const [what, change, lease] of wrong) {
      it(`an address ${what} is noticed by nobody: TCP and DNS get no answer`, () => {
        const table = new Table();
        const server = new Server(table);
        table.network.name("broker.local", "10.0.0.2");
        change(table);
        chipOf(table).useLease(lease);
        keptJoin(chipOf(table));
        table.clock.run(2_000);
        assert.equal(table.WiFi.mode, 1);
        const { told } = table.open();
        const resolved: (string | undefined)[] = [];
        table.Net.resolve("broker.local", (_name, address) => resolved.push(address));
        table.clock.run(18_000);
        assert.deepEqual([told, resolved, server.told], [[], [undefined], []]);
        table.clock.run(1_000);
        assert.deepEqual(told, ["error"], "after six SYN, 18.5 s");
      });
    }

    it("a wrong gateway cuts off what is outside the subnet only", () => {
      const table = new Table();
      const outside = new Server(table, 1883, "93.184.216.34");
      const inside = new Server(table);
      chipOf(table).useLease(bytes(10, 0, 0, 50, 255, 255, 255, 0, 10, 0, 0, 9, 10, 0, 0, 1));
      keptJoin(chipOf(table));
      table.clock.run(2_000);
      table.open({ address: "93.184.216.34" });
      table.open();
      table.clock.run(1_000);
      assert.deepEqual([outside.told, inside.told], [[], ["open"]]);
    });

    it("a station whose address was given away gets another one from DHCP next time", () => {
      const table = new Table().join();
      table.wifi.giveAway("10.0.0.100");
      const { told } = table.open();
      table.clock.run(5_000);
      assert.deepEqual(told, []);
      table.WiFi.disconnect();
      table.clock.run(10);
      table.join();
      assert.equal(table.Net.get("IP"), "10.0.0.101");
    });
  });
});

describe("faults", () => {
  for (const [name, reason] of [
    ["the hardware watchdog", ResetReason.hardwareWatchdog],
    ["an exception of the processor", ResetReason.exception],
    ["the software watchdog", ResetReason.softwareWatchdog],
  ] as const) {
    it(`a board told of ${name} resets with reason ${reason}, cause and address; the next reset forgets them`, () => {
      const table = new Table();
      table.board.fault(reason, 28, 0x40212345);
      assert.equal(table.board.state, "booting");
      table.boot();
      const chip = chipOf(table);
      assert.deepEqual([chip.resetReason(), chip.exceptionCause(), chip.exceptionAddress()], [reason, 28, 0x40212345]);
      table.board.reset();
      table.boot();
      assert.deepEqual([chipOf(table).resetReason(), chipOf(table).exceptionCause()], [ResetReason.external, 0]);
      assert.equal(table.board.crashes, 0);
    });
  }

  it("nothing happens to a board that sleeps", () => {
    const table = new Table();
    table.chip.System.deepSleep(0);
    table.clock.run(10);
    table.board.fault(ResetReason.hardwareWatchdog);
    assert.equal(table.board.state, "asleep");
  });
});

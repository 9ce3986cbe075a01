// The sectors of the journal, bit by bit: what a power cut leaves in them, and flash that does not keep what was
// written.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { AlertEvent, AlertStatus } from "../../src/alertbox/journal.js";
import { long } from "../effort.js";
import { opened, recordAt, SMALL, sequences, view } from "./journal-rig.js";
import { Nor, PowerCut } from "./nor.js";

const { QUEUED, RECEIVED } = AlertStatus;

describe("what a power cut leaves", () => {
  it("cannot look like a record, since the CRC is the last word of it to be written", () => {
    const nor = new Nor();
    const journal = opened(nor);
    const written: number[] = [];
    const write = nor.write.bind(nor);
    nor.write = (offset: number, bytes: Uint8Array): void => {
      for (let at = 0; at < bytes.length; at += 4) written.push(offset + at);
      write(offset, bytes);
    };
    journal.append(AlertEvent.PRESS, 3000);
    const slot = recordAt(nor, 0, 0);
    assert.deepEqual(written, [slot, slot + 4, slot + 8, slot + 12]);
    written.length = 0;
    journal.eraseAlerts();
    assert.deepEqual(
      written,
      [0, 4, 8, 12, 16, 20].map((at) => 4096 + at),
    );
  });

  it("a slot with any cleared bit is not used again", () => {
    for (let at = 0; at < 20; at += 1) {
      const nor = new Nor();
      const journal = opened(nor);
      journal.append(AlertEvent.PRESS, 3000);
      nor.bytes[recordAt(nor, 0, 1) + at] = 0xfe;
      const again = opened(nor);
      const { steps } = nor;
      assert.equal(again.append(AlertEvent.PRESS, 3000), 2);
      assert.equal(nor.steps, steps + 16, "one attempt");
      assert.deepEqual(sequences(opened(nor)), [1, 2]);
    }
  });

  long.it("a torn record is no alert, and hides neither those before it nor those after it", () => {
    for (let cut = 0; cut < 16; cut += 1) {
      for (let seed = 0; seed < 20; seed += 1) {
        const nor = new Nor({ seed: seed * 100 + cut });
        const journal = opened(nor);
        journal.append(AlertEvent.PRESS, 3000);
        nor.cutAfter(cut);
        assert.throws(() => journal.append(AlertEvent.LONG, 0x5555), PowerCut);
        nor.powerOn();
        const again = opened(nor);
        // Only the last byte of the CRC can be torn so that every bit that matters is written.
        if (again.pushes === 2) assert.ok(cut >= 12, `cut after ${cut} bytes`);
        assert.deepEqual(sequences(again), again.pushes === 2 ? [1, 2] : [1]);
        const sequence = again.append(AlertEvent.DOUBLE, 3000);
        assert.equal(sequence, again.pushes);
        assert.equal(sequences(opened(nor)).at(-1), sequence);
        assert.equal(sequences(opened(nor)).length, sequence);
      }
    }
  });

  it("any cleared bit of the received group means received, and the next boot makes it firm", () => {
    for (let bit = 0; bit < 8; bit += 1) {
      const nor = new Nor();
      const journal = opened(nor);
      journal.append(AlertEvent.PRESS, 3000);
      const at = recordAt(nor, 0, 0) + 16;
      nor.bytes[at] = 0xff & ~(1 << bit);
      assert.equal(opened(nor).first()?.status, RECEIVED);
      assert.equal(nor.bytes[at], 0, "the rest of the group is cleared");
    }
  });

  it("any cleared bit of the done group means done", () => {
    for (let bit = 0; bit < 8; bit += 1) {
      const nor = new Nor();
      const journal = opened(nor);
      journal.append(AlertEvent.PRESS, 3000);
      const at = recordAt(nor, 0, 0) + 17;
      nor.bytes[at] = 0xff & ~(1 << bit);
      const again = opened(nor);
      assert.deepEqual([again.pushes, again.pending, again.dropped], [1, 0, 0]);
      assert.equal(nor.bytes[at], 0, "the rest of the group is cleared");
    }
  });

  it("a boot with nothing torn writes nothing", () => {
    const nor = new Nor();
    const journal = opened(nor);
    for (let press = 1; press <= 60; press += 1) journal.append(AlertEvent.PRESS, 3000);
    for (let press = 1; press <= 50; press += 1) journal.received(press);
    for (let press = 1; press <= 40; press += 1) journal.done(press);
    const { steps } = nor;
    assert.equal(opened(nor).pending, 20);
    assert.equal(nor.steps, steps);
  });

  it("records that an incomplete erase left behind the last one are not alerts", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor);
    journal.append(AlertEvent.PRESS, 3000);
    const old = nor.bytes.slice(recordAt(nor, 0, 0), recordAt(nor, 0, 1));
    journal.append(AlertEvent.PRESS, 3000);
    journal.append(AlertEvent.PRESS, 3000);
    journal.done(1);
    nor.bytes.set(old, recordAt(nor, 0, 3));
    assert.deepEqual(sequences(opened(nor)), [2, 3]);
    assert.equal(opened(nor).pushes, 3);
  });

  it("a finished record with a broken number does not disturb the press count", () => {
    const nor = new Nor();
    const journal = opened(nor);
    for (let press = 1; press <= 3; press += 1) journal.done(journal.append(AlertEvent.PRESS, 3000));
    nor.bytes[recordAt(nor, 0, 1) + 7] = 0x7f;
    nor.bytes[recordAt(nor, 0, 2) + 1] = 0;
    assert.equal(opened(nor).pushes, 1);
  });
});

describe("worn flash", () => {
  it("a record that does not read back is written to the next slot, once", () => {
    for (const [at, value] of [
      [0, 0xff],
      [1, 0x00],
      [6, 0x80],
      [13, 0xff],
      [16, 0xfe],
      [17, 0x00],
      [18, 0x7f],
      [19, 0x00],
    ] as const) {
      const nor = new Nor();
      const journal = opened(nor);
      journal.append(AlertEvent.PRESS, 3000);
      nor.stick(recordAt(nor, 0, 1) + at, value);
      assert.equal(journal.append(AlertEvent.LONG, 3001), 2);
      assert.equal(journal.append(AlertEvent.PRESS, 3002), 3);
      const expected = {
        life: journal.life,
        pushes: 3,
        dropped: 0,
        needsCleanSession: true,
        alerts: [
          { sequence: 1, event: AlertEvent.PRESS, millivolts: 3000, status: QUEUED },
          { sequence: 2, event: AlertEvent.LONG, millivolts: 3001, status: QUEUED },
          { sequence: 3, event: AlertEvent.PRESS, millivolts: 3002, status: QUEUED },
        ],
      };
      assert.deepEqual(view(opened(nor)), expected, `byte ${at} stuck at ${value}`);
      assert.deepEqual(nor.erases, [0]);
    }
  });

  it("slots that stay blank are a gap that the next boot looks over", () => {
    for (const [from, to] of [
      [1, 2],
      [9, 15],
      [12, 18],
      [5, 11],
    ] as const) {
      const nor = new Nor();
      const journal = opened(nor);
      for (let slot = from; slot <= to; slot += 1) {
        for (let at = 0; at < 20; at += 1) nor.stick(recordAt(nor, 0, slot) + at, 0xff);
      }
      for (let press = 1; press <= 20; press += 1) assert.equal(journal.append(AlertEvent.PRESS, 3000), press);
      const again = opened(nor);
      assert.equal(again.pushes, 20);
      assert.equal(again.append(AlertEvent.PRESS, 3000), 21);
      assert.equal(sequences(opened(nor)).length, 21);
      assert.deepEqual(nor.erases, [0]);
    }
  });

  it("a sector that takes no records is left for the other one, with all that is pending", () => {
    const nor = new Nor();
    const journal = opened(nor);
    journal.sessionCleaned();
    journal.append(AlertEvent.PRESS, 3000);
    journal.received(1);
    for (let slot = 1; slot < 201; slot += 1) nor.stick(recordAt(nor, 0, slot) + 3, 0xff);
    for (let press = 2; press <= 100; press += 1) assert.equal(journal.append(AlertEvent.PRESS, 3000), press);
    assert.deepEqual(nor.erases, [0, 1]);
    assert.equal(sequences(opened(nor)).length, 100);
    assert.equal(opened(nor).first()?.status, RECEIVED);
    assert.equal(opened(nor).needsCleanSession, false);
  });

  it("skips bad slots while it compacts", () => {
    const nor = new Nor({ sectorSize: SMALL });
    for (const slot of [0, 2, 3]) nor.stick(recordAt(nor, 1, slot) + 5, 0xff);
    const journal = opened(nor);
    for (let press = 1; press <= 4; press += 1) journal.append(AlertEvent.PRESS, 3000);
    for (let press = 5; press <= 20; press += 1) journal.done(journal.append(AlertEvent.PRESS, 3000));
    assert.ok(nor.erases.includes(1));
    assert.deepEqual(sequences(opened(nor)), [1, 2, 3, 4]);
    assert.equal(opened(nor).pushes, 20);
  });

  it("mounts and formats the second sector when the first is dead", () => {
    const nor = new Nor();
    nor.deadSectors.add(0);
    nor.bytes[2] = 0;
    const journal = opened(nor);
    assert.equal(journal.append(AlertEvent.PRESS, 3000), 1);
    assert.deepEqual(sequences(opened(nor)), [1]);
    assert.deepEqual(nor.erases, [1]);
  });

  it("begins in the second sector when a bit of the journal's life does not take in the first", () => {
    for (const at of [18, 19]) {
      for (const value of [0x00, 0xff]) {
        const nor = new Nor({ sectorSize: SMALL });
        nor.stick(at, value);
        const journal = opened(nor, "reject", 0x5a5a);
        assert.deepEqual(nor.erases, [0, 1]);
        journal.append(AlertEvent.PRESS, 3000);
        assert.deepEqual([opened(nor).life, sequences(opened(nor))], [0x5a5a, [1]]);
        // Full, it would move to the first sector, and cannot.
        for (let press = 2; press <= 8; press += 1) journal.append(AlertEvent.PRESS, 3000);
        for (let press = 1; press <= 8; press += 1) journal.done(press);
        for (let press = 9; press <= 13; press += 1) journal.append(AlertEvent.PRESS, 3000);
        assert.throws(() => journal.append(AlertEvent.PRESS, 3000), /worn out/);
        assert.equal(opened(nor).life, 0x5a5a);
      }
    }
  });

  it("does not count bits that an erase left cleared in a header", () => {
    for (let at = 20; at < 64; at += 1) {
      const nor = new Nor({ sectorSize: SMALL });
      nor.stick(at, 0x7f);
      const journal = opened(nor);
      assert.equal(journal.dropped, 0);
      assert.equal(journal.needsCleanSession, true);
      assert.equal(journal.append(AlertEvent.PRESS, 3000), 1);
      assert.deepEqual(view(opened(nor)), view(journal));
      assert.equal(opened(nor).dropped, 0);
    }
  });

  it("append says so when neither sector keeps a record, and what was stored stays", () => {
    const nor = new Nor();
    const journal = opened(nor);
    journal.append(AlertEvent.PRESS, 3000);
    nor.deadSectors.add(0).add(1);
    assert.throws(
      () => journal.append(AlertEvent.PRESS, 3000),
      /^Error: journal: flash is worn out.*write fail|erase fail/,
    );
    assert.deepEqual([journal.pushes, journal.pending], [1, 1]);
    nor.deadSectors.clear();
    assert.equal(journal.append(AlertEvent.PRESS, 3000), 2);
    assert.deepEqual(sequences(opened(nor)), [1, 2]);
  });

  it("append says so when a blank journal cannot be formatted, without any error from the chip too", () => {
    const dead = new Nor();
    dead.deadSectors.add(0).add(1);
    const journal = opened(dead);
    const { life } = journal;
    assert.deepEqual(view(journal), { life, pushes: 0, dropped: 0, needsCleanSession: true, alerts: [] });
    assert.throws(() => journal.append(AlertEvent.PRESS, 3000), /worn out.*fail/);
    assert.throws(() => journal.sessionCleaned(), /worn out/);
    assert.equal(journal.needsCleanSession, true);
    assert.throws(() => journal.eraseAlerts(), /worn out/);
    assert.equal(journal.life, life, "what the box has said of it stays true");
    const mute = new Nor();
    mute.stick(0, 0xff);
    mute.stick(4096, 0xff);
    assert.throws(() => opened(mute).append(AlertEvent.PRESS, 3000), /keeps what is written; replace the board/);
  });

  it("append says so when the other sector takes a header but no record", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor);
    for (let sector = 0; sector < 2; sector += 1) {
      for (let slot = 0; slot < 13; slot += 1) nor.stick(recordAt(nor, sector, slot) + 1, 0xff);
    }
    assert.throws(() => journal.append(AlertEvent.PRESS, 3000), /worn out/);
    assert.deepEqual([opened(nor).pushes, opened(nor).pending], [0, 0]);
  });

  it("received moves to the other sector, or throws so that PUBREL does not leave", () => {
    const nor = new Nor();
    const journal = opened(nor);
    journal.append(AlertEvent.PRESS, 3000);
    journal.append(AlertEvent.PRESS, 3000);
    nor.stick(recordAt(nor, 0, 0) + 16, 0xff);
    journal.received(1);
    assert.deepEqual(nor.erases, [0, 1]);
    assert.deepEqual(
      view(opened(nor)).alerts.map((alert) => alert.status),
      [RECEIVED, QUEUED],
    );
    nor.deadSectors.add(0).add(1);
    assert.throws(() => journal.received(2), /worn out/);
    assert.equal(journal.next(1)?.status, QUEUED);
  });

  it("done moves to the other sector; where that fails too, the alert returns as received at worst", () => {
    const nor = new Nor();
    const journal = opened(nor);
    journal.append(AlertEvent.PRESS, 3000);
    journal.append(AlertEvent.PRESS, 3000);
    journal.received(1);
    journal.received(2);
    nor.stick(recordAt(nor, 0, 0) + 17, 0xff);
    journal.done(1);
    assert.deepEqual(nor.erases, [0, 1]);
    assert.deepEqual(sequences(opened(nor)), [2]);
    nor.deadSectors.add(0).add(1);
    journal.done(2);
    assert.equal(journal.pending, 0);
    assert.equal(opened(nor).first()?.status, RECEIVED);
  });

  it("keeps the clean-session mark and the count of refused presses by moving", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor);
    nor.stick(27, 0xff);
    journal.sessionCleaned();
    assert.deepEqual(nor.erases, [0, 1]);
    assert.equal(opened(nor).needsCleanSession, false);
    for (let press = 1; press <= journal.capacity; press += 1) journal.append(AlertEvent.PRESS, 3000);
    nor.stick(SMALL + 35, 0xff);
    assert.equal(journal.append(AlertEvent.PRESS, 3000), 0);
    assert.equal(opened(nor).dropped, 1);
    assert.equal(opened(nor).needsCleanSession, false);
  });

  it("moves when a later change of the clean-session mark does not take", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor);
    journal.sessionCleaned();
    nor.stick(27, 0x7f);
    journal.requireCleanSession();
    assert.equal(opened(nor).needsCleanSession, true);
    assert.deepEqual(nor.erases, [0, 1]);
  });

  it("gives an alert up by moving when it cannot be marked", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor, "drop-oldest");
    for (let press = 1; press <= journal.capacity; press += 1) journal.append(AlertEvent.PRESS, 3000);
    nor.stick(recordAt(nor, 0, 4) + 18, 0xff);
    journal.append(AlertEvent.PRESS, 3000);
    assert.deepEqual(nor.erases, [0, 1]);
    assert.deepEqual(sequences(opened(nor, "drop-oldest")).slice(3, 5), [4, 6]);
    assert.equal(opened(nor, "drop-oldest").dropped, 1);
  });

  it("eraseAlerts throws when it cannot, and the journal is as it was", () => {
    const nor = new Nor();
    const journal = opened(nor);
    journal.sessionCleaned();
    journal.append(AlertEvent.PRESS, 3000);
    nor.deadSectors.add(1);
    const before = view(journal);
    assert.throws(() => journal.eraseAlerts(), /worn out/);
    assert.deepEqual(view(journal), before);
    assert.deepEqual(view(opened(nor)), before);
  });
});

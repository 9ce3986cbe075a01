// The journal on a NOR flash whose power fails at every byte: what was stored is there, in order, as often as it was
// stored, and what was done never comes back. What a cut leaves in a sector and what worn flash does to it is in
// journal-sectors.test.ts.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { AlertEvent, AlertStatus, FIRST_SESSION_ID, Journal, packetId } from "../../src/alertbox/journal.js";
import { long, rounds, share, veryLong } from "../effort.js";
import { crc32 } from "./crc.js";
import { opened, type Policy, recordAt, SMALL, sequences, type View, view } from "./journal-rig.js";
import { Nor, PowerCut, randomFrom } from "./nor.js";

const { QUEUED, RECEIVED } = AlertStatus;

describe("packet ids of alerts", () => {
  it("run from 1 to 32768 and begin again", () => {
    assert.deepEqual([1, 2, 32767, 32768, 32769, 65536, 65537].map(packetId), [1, 2, 32767, 32768, 1, 32768, 1]);
  });

  it("stay below the session's own", () => {
    assert.equal(FIRST_SESSION_ID, 32769);
  });
});

describe("a journal on new flash", () => {
  it("starts at 0 with nothing pending and wants a clean session", () => {
    const journal = opened(new Nor(), "reject", 7);
    assert.deepEqual(view(journal), { life: 7, pushes: 0, dropped: 0, needsCleanSession: true, alerts: [] });
    assert.equal(journal.first(), undefined);
  });

  it("is the same after the next boot, without formatting again", () => {
    const nor = new Nor();
    opened(nor);
    assert.deepEqual(nor.erases, [0]);
    const before = nor.snapshot();
    assert.equal(opened(nor).pushes, 0);
    assert.deepEqual(nor.bytes, before);
  });

  it("formats what holds no journal: noise, zeros, another system's data", () => {
    const random = randomFrom(3);
    const noise = new Uint8Array(8192).map(() => Math.floor(random() * 256));
    for (const contents of [noise, new Uint8Array(8192), new Uint8Array(8192).fill(0x41)]) {
      const nor = new Nor({ contents });
      const journal = opened(nor);
      assert.equal(journal.pushes, 0);
      assert.equal(journal.append(AlertEvent.PRESS, 3000), 1);
      assert.deepEqual(sequences(opened(nor)), [1]);
    }
  });

  it("formats what has a right CRC but another magic: another layout", () => {
    const nor = new Nor();
    opened(nor).append(AlertEvent.PRESS, 3000);
    const header = new DataView(nor.bytes.buffer, 0, 24);
    header.setUint8(3, 0x32);
    header.setUint32(20, crc32(nor.bytes, 0, 20), true);
    assert.equal(opened(nor).pushes, 0);
    assert.equal(opened(nor).pending, 0);
  });

  it("formats again when the power fails in the middle of formatting", () => {
    const whole = new Nor();
    opened(whole);
    for (let cut = 0; cut < whole.steps; cut += 1) {
      const nor = new Nor({ seed: cut, contents: new Uint8Array(8192).fill(0x5a) });
      nor.cutAfter(cut);
      assert.throws(() => opened(nor), PowerCut);
      nor.powerOn();
      const expected = { life: 7, pushes: 0, dropped: 0, needsCleanSession: true, alerts: [] };
      assert.deepEqual(view(opened(nor, "reject", 7)), expected);
    }
  });

  it("uses the two sectors it was given and no other", () => {
    const nor = new Nor({ sectors: 5, sectorSize: SMALL, contents: new Uint8Array(5 * SMALL).fill(0x77) });
    const journal = new Journal(nor, 2, "reject");
    journal.open(7);
    for (let press = 1; press <= 100; press += 1) journal.done(journal.append(AlertEvent.PRESS, 3000));
    assert.deepEqual([...new Set(nor.erases)].sort(), [2, 3]);
    for (const sector of [0, 1, 4]) {
      const bytes = nor.read(sector * SMALL, SMALL);
      assert.ok(bytes.every((byte) => byte === 0x77));
    }
  });
});

describe("an alert in the journal", () => {
  it("is there after a boot, as it was stored", () => {
    const nor = new Nor();
    const journal = opened(nor);
    assert.equal(journal.append(AlertEvent.PRESS, 3012), 1);
    assert.equal(journal.append(AlertEvent.DOUBLE, 2999), 2);
    assert.equal(journal.append(AlertEvent.LONG, 65535), 3);
    const expected = [
      { sequence: 1, event: AlertEvent.PRESS, millivolts: 3012, status: QUEUED },
      { sequence: 2, event: AlertEvent.DOUBLE, millivolts: 2999, status: QUEUED },
      { sequence: 3, event: AlertEvent.LONG, millivolts: 65535, status: QUEUED },
    ];
    assert.deepEqual(view(journal).alerts, expected);
    assert.deepEqual(view(opened(nor)).alerts, expected);
  });

  it("is received before it is done, over boots", () => {
    const nor = new Nor();
    const journal = opened(nor);
    journal.append(AlertEvent.PRESS, 3000);
    journal.received(1);
    assert.equal(journal.first()?.status, RECEIVED);
    const next = opened(nor);
    assert.equal(next.first()?.status, RECEIVED);
    next.done(1);
    assert.equal(next.first(), undefined);
    assert.equal(opened(nor).pending, 0);
    assert.equal(opened(nor).pushes, 1);
  });

  it("may be done in any order", () => {
    const nor = new Nor();
    const journal = opened(nor);
    for (let press = 1; press <= 5; press += 1) journal.append(AlertEvent.PRESS, 3000);
    journal.done(3);
    journal.done(1);
    assert.deepEqual(sequences(journal), [2, 4, 5]);
    journal.done(5);
    assert.deepEqual(sequences(opened(nor)), [2, 4]);
    assert.equal(journal.next(2)?.sequence, 4);
    assert.equal(journal.next(3)?.sequence, 4);
    assert.equal(journal.next(4), undefined);
    assert.equal(journal.first()?.sequence, 2);
  });

  it("may be received and done twice; nothing is written the second time", () => {
    const nor = new Nor();
    const journal = opened(nor);
    journal.append(AlertEvent.PRESS, 3000);
    journal.append(AlertEvent.PRESS, 3000);
    journal.received(1);
    const received = nor.steps;
    journal.received(1);
    assert.equal(nor.steps, received);
    journal.done(1);
    const done = nor.steps;
    journal.done(1);
    journal.received(1);
    assert.equal(nor.steps, done);
    assert.deepEqual(sequences(journal), [2]);
  });

  it("that the journal does not know is ignored", () => {
    const nor = new Nor();
    const journal = opened(nor);
    journal.received(7);
    journal.append(AlertEvent.PRESS, 3000);
    const before = nor.snapshot();
    for (const unknown of [0, 2, 99, -1]) {
      journal.received(unknown);
      journal.done(unknown);
    }
    assert.deepEqual(nor.bytes, before);
    assert.deepEqual(sequences(journal), [1]);
  });

  it("is a copy: changing it changes nothing", () => {
    const journal = opened(new Nor());
    journal.append(AlertEvent.PRESS, 3000);
    const alert = journal.first();
    assert.ok(alert);
    alert.status = AlertStatus.DONE;
    assert.equal(journal.first()?.status, QUEUED);
  });

  it("is stored whatever the voltage measurement says", () => {
    const journal = opened(new Nor());
    for (const millivolts of [Number.NaN, -5, 1e9, Number.POSITIVE_INFINITY, 3000.7]) {
      journal.append(AlertEvent.PRESS, millivolts);
    }
    assert.deepEqual(
      view(journal).alerts.map((alert) => alert.millivolts),
      [0, 0, 65535, 65535, 3000],
    );
  });
});

describe("misuse of the journal", () => {
  it("throws at once and says what to do", () => {
    const nor = new Nor();
    const closed = new Journal(nor, 0, "reject");
    for (const call of [
      () => closed.append(AlertEvent.PRESS, 3000),
      () => closed.received(1),
      () => closed.done(1),
      () => closed.sessionCleaned(),
      () => closed.requireCleanSession(),
      () => closed.eraseAlerts(),
    ]) {
      assert.throws(call, { name: "TypeError", message: /call open\(\) first/ });
    }
    assert.equal(nor.steps, 0);
    const journal = opened(nor);
    for (const event of [3, -1, 0.5, Number.NaN]) {
      assert.throws(() => journal.append(event, 3000), { name: "RangeError", message: /AlertEvent/ });
    }
    assert.equal(journal.pushes, 0);
    assert.throws(() => new Journal(new Nor({ sectorSize: 64 }), 0, "reject"), { name: "RangeError", message: /4096/ });
    assert.throws(() => new Journal(new Nor({ sectorSize: 65536 }), 0, "reject"), RangeError);
  });
});

describe("a full journal", () => {
  it("holds 128 alerts in 4 KB sectors and gives all of them back in order", () => {
    const nor = new Nor();
    const journal = opened(nor);
    assert.equal(journal.capacity, 128);
    for (let press = 1; press <= 128; press += 1) assert.equal(journal.append(AlertEvent.PRESS, 2000 + press), press);
    const again = opened(nor);
    assert.deepEqual(
      sequences(again),
      Array.from({ length: 128 }, (_, index) => index + 1),
    );
  });

  it("refuses a press by policy reject, counts it and stays full until an alert is done", () => {
    const nor = new Nor();
    const journal = opened(nor);
    for (let press = 1; press <= 128; press += 1) journal.append(AlertEvent.PRESS, 3000);
    assert.equal(journal.append(AlertEvent.PRESS, 3000), 0);
    assert.equal(journal.append(AlertEvent.PRESS, 3000), 0);
    assert.deepEqual([journal.pushes, journal.pending, journal.dropped], [128, 128, 2]);
    const again = opened(nor);
    assert.deepEqual([again.pushes, again.pending, again.dropped], [128, 128, 2]);
    again.done(1);
    assert.equal(again.append(AlertEvent.PRESS, 3000), 129);
    assert.equal(again.append(AlertEvent.PRESS, 3000), 0);
    assert.equal(opened(nor).dropped, 3);
  });

  it("counts any number of refused presses, over boots and compactions", () => {
    const nor = new Nor();
    let journal = opened(nor);
    for (let press = 1; press <= 128; press += 1) journal.append(AlertEvent.PRESS, 3000);
    for (let refused = 1; refused <= 1000; refused += 1) {
      assert.equal(journal.append(AlertEvent.PRESS, 3000), 0);
      if (refused % 37 === 0) journal = opened(nor);
      assert.equal(journal.dropped, refused);
    }
    assert.ok(nor.erases.length < 6, `${nor.erases.length} erases for 1000 refused presses`);
    assert.equal(journal.pending, 128);
  });

  it("gives up the oldest alert that cannot be on its way by policy drop-oldest, and counts it", () => {
    const nor = new Nor();
    const journal = opened(nor, "drop-oldest");
    for (let press = 1; press <= 130; press += 1) assert.equal(journal.append(AlertEvent.PRESS, 3000), press);
    assert.deepEqual([journal.pushes, journal.pending, journal.dropped], [130, 128, 2]);
    // Four at a time are handed to the session.
    assert.deepEqual(sequences(journal).slice(0, 6), [1, 2, 3, 4, 7, 8]);
    const again = opened(nor, "drop-oldest");
    assert.deepEqual([again.pushes, again.pending, again.dropped], [130, 128, 2]);
    assert.deepEqual(sequences(again).slice(0, 6), [1, 2, 3, 4, 7, 8]);
    for (let press = 131; press <= 1000; press += 1) again.append(AlertEvent.PRESS, 3000);
    assert.deepEqual(sequences(opened(nor, "drop-oldest")).slice(0, 5), [1, 2, 3, 4, 1000 - 123]);
    assert.equal(opened(nor, "drop-oldest").dropped, 1000 - 128);
  });

  it("never gives up an alert that the broker has received while there is another", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor, "drop-oldest");
    for (let press = 1; press <= journal.capacity; press += 1) journal.append(AlertEvent.PRESS, 3000);
    journal.received(5);
    journal.received(7);
    journal.append(AlertEvent.PRESS, 3000);
    journal.append(AlertEvent.PRESS, 3000);
    assert.deepEqual(sequences(journal), [1, 2, 3, 4, 5, 7, 9, 10]);
    assert.deepEqual(sequences(opened(nor, "drop-oldest")), [1, 2, 3, 4, 5, 7, 9, 10]);
  });

  it("gives up the oldest of the received ones rather than the press that was just made", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor, "drop-oldest");
    for (let press = 1; press <= journal.capacity; press += 1) {
      journal.append(AlertEvent.PRESS, 3000);
      journal.received(press);
    }
    journal.append(AlertEvent.LONG, 3000);
    assert.deepEqual(sequences(journal), [2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(sequences(opened(nor, "drop-oldest")), [2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it("ignores what comes late for an alert given up", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor, "drop-oldest");
    for (let press = 1; press <= journal.capacity + 1; press += 1) journal.append(AlertEvent.PRESS, 3000);
    const before = nor.snapshot();
    journal.received(5);
    journal.done(5);
    assert.deepEqual(nor.bytes, before);
    assert.equal(journal.dropped, 1);
  });
});

describe("packet ids in the journal", () => {
  /** One alert stays pending for ever while others come and go. */
  function lagging(policy: Policy, presses: number): { nor: Nor; journal: Journal } {
    const nor = new Nor();
    const journal = opened(nor, policy);
    journal.append(AlertEvent.PRESS, 3000);
    journal.received(1);
    for (let press = 2; press <= presses; press += 1) journal.done(journal.append(AlertEvent.PRESS, 3000));
    return { nor, journal };
  }

  long.it("are never shared by two pending alerts: reject refuses the press", () => {
    const { nor, journal } = lagging("reject", 32768);
    assert.equal(packetId(32769), packetId(1));
    assert.equal(journal.append(AlertEvent.PRESS, 3000), 0);
    assert.deepEqual([journal.pushes, journal.pending, journal.dropped], [32768, 1, 1]);
    journal.done(1);
    assert.equal(opened(nor).append(AlertEvent.PRESS, 3000), 32769);
  });

  long.it("are never shared by two pending alerts: drop-oldest gives up the one that lags, not the others", () => {
    const { nor, journal } = lagging("drop-oldest", 32767);
    journal.append(AlertEvent.PRESS, 3000);
    journal.append(AlertEvent.PRESS, 3000);
    assert.deepEqual(sequences(journal), [32768, 32769]);
    assert.deepEqual(sequences(opened(nor, "drop-oldest")), [32768, 32769]);
    assert.equal(journal.dropped, 1);
  });
});

describe("compaction", () => {
  long.it("keeps counts, pending alerts and their status over any number of sectors", () => {
    const nor = new Nor();
    let journal = opened(nor, "reject", 40146);
    journal.sessionCleaned();
    journal.append(AlertEvent.LONG, 2500);
    journal.append(AlertEvent.DOUBLE, 2600);
    journal.received(2);
    for (let press = 3; press <= 2000; press += 1) {
      assert.equal(journal.append(AlertEvent.PRESS, 3000), press);
      journal.received(press);
      journal.done(press);
      if (press % 150 === 0) journal = opened(nor);
    }
    assert.ok(nor.erases.length >= 10);
    assert.deepEqual(view(opened(nor)), {
      life: 40146,
      pushes: 2000,
      dropped: 0,
      needsCleanSession: false,
      alerts: [
        { sequence: 1, event: AlertEvent.LONG, millivolts: 2500, status: QUEUED },
        { sequence: 2, event: AlertEvent.DOUBLE, millivolts: 2600, status: RECEIVED },
      ],
    });
  });

  long.it("wears both sectors alike and erases one per 200 delivered presses", () => {
    const nor = new Nor();
    const journal = opened(nor);
    for (let press = 1; press <= 20000; press += 1) journal.done(journal.append(AlertEvent.PRESS, 3000));
    const first = nor.erases.filter((sector) => sector === 0).length;
    assert.ok(nor.erases.length <= 101, `${nor.erases.length} erases`);
    assert.ok(Math.abs(nor.erases.length - 2 * first) <= 1);
  });

  it("chooses the newer of two valid sectors, also when the generation passes 2^31 and 2^32", () => {
    for (const generation of [0x7fffffff, 0xffffffff]) {
      const nor = new Nor({ sectorSize: SMALL });
      opened(nor);
      const header = new DataView(nor.bytes.buffer, 0, 24);
      header.setUint32(4, generation, true);
      header.setUint32(20, crc32(nor.bytes, 0, 20), true);
      const journal = opened(nor);
      for (let press = 1; press <= 20; press += 1) journal.done(journal.append(AlertEvent.PRESS, 3000));
      assert.deepEqual(nor.erases, [0, 1]);
      assert.equal(opened(nor).pushes, 20);
      for (let press = 21; press <= 33; press += 1) journal.done(journal.append(AlertEvent.PRESS, 3000));
      assert.deepEqual(nor.erases, [0, 1, 0]);
      assert.equal(opened(nor).pushes, 33);
    }
  });

  it("falls back to the other sector when one header does not read", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor);
    journal.append(AlertEvent.PRESS, 3000);
    for (let press = 2; press <= 13; press += 1) journal.done(journal.append(AlertEvent.PRESS, 3000));
    journal.append(AlertEvent.PRESS, 3000);
    assert.deepEqual(nor.erases, [0, 1]);
    nor.bytes[SMALL + 8] = 0;
    assert.equal(opened(nor).pushes, 13);
    assert.deepEqual(sequences(opened(nor)), [1]);
  });
});

describe("where the journal looks next", () => {
  it("is right after a compaction has moved the records", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor);
    for (let press = 1; press <= 12; press += 1) {
      journal.append(AlertEvent.PRESS, 3000);
      if (press <= 9) journal.done(press);
    }
    // The journal has just looked at slot 11; the compaction moves that record to slot 2.
    assert.equal(journal.next(11)?.sequence, 12);
    journal.append(AlertEvent.PRESS, 3000);
    journal.append(AlertEvent.PRESS, 3000);
    assert.deepEqual(nor.erases, [0, 1]);
    assert.equal(journal.next(12)?.sequence, 13);
    assert.equal(journal.next(11)?.sequence, 12);
    journal.next(13);
    for (let press = 15; press <= 16; press += 1) journal.append(AlertEvent.PRESS, 3000);
    journal.done(15);
    journal.done(12);
    assert.deepEqual(sequences(journal), [10, 11, 13, 14, 16]);
  });

  it("is right after a compaction inside received", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor);
    for (let press = 1; press <= 8; press += 1) journal.append(AlertEvent.PRESS, 3000);
    for (let press = 1; press <= 5; press += 1) journal.done(press);
    nor.stick(recordAt(nor, 0, 6) + 16, 0xff);
    assert.equal(journal.next(6)?.sequence, 7);
    journal.received(7);
    assert.equal(journal.next(7)?.sequence, 8);
    journal.received(8);
    assert.deepEqual(
      view(opened(nor)).alerts.map((alert) => [alert.sequence, alert.status]),
      [
        [6, QUEUED],
        [7, RECEIVED],
        [8, RECEIVED],
      ],
    );
  });

  it("is right when open() is called again", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor);
    for (let press = 1; press <= 8; press += 1) journal.append(AlertEvent.PRESS, 3000);
    assert.equal(journal.next(7)?.sequence, 8);
    const other = opened(nor);
    for (let press = 1; press <= 6; press += 1) other.done(press);
    for (let press = 9; press <= 14; press += 1) other.append(AlertEvent.PRESS, 3000);
    assert.deepEqual(nor.erases, [0, 1]);
    journal.open(7);
    assert.equal(journal.next(8)?.sequence, 9);
    assert.deepEqual(sequences(journal), [7, 8, 9, 10, 11, 12, 13, 14]);
  });
});

describe("the need for a clean session", () => {
  it("is over after sessionCleaned(), comes back with requireCleanSession(), over boots", () => {
    const nor = new Nor();
    opened(nor).sessionCleaned();
    assert.equal(opened(nor).needsCleanSession, false);
    opened(nor).requireCleanSession();
    assert.equal(opened(nor).needsCleanSession, true);
    opened(nor).sessionCleaned();
    assert.equal(opened(nor).needsCleanSession, false);
  });

  it("is written only when it changes", () => {
    const nor = new Nor();
    const journal = opened(nor);
    const steps = nor.steps;
    journal.requireCleanSession();
    assert.equal(nor.steps, steps);
    journal.sessionCleaned();
    journal.sessionCleaned();
    assert.equal(nor.steps, steps + 4);
  });

  it("may change any number of times, with alerts pending", () => {
    const nor = new Nor();
    const journal = opened(nor);
    journal.append(AlertEvent.PRESS, 3000);
    for (let round = 1; round <= 100; round += 1) {
      journal.sessionCleaned();
      assert.equal(opened(nor).needsCleanSession, false);
      journal.requireCleanSession();
      assert.equal(opened(nor).needsCleanSession, true);
    }
    assert.deepEqual(sequences(opened(nor)), [1]);
  });
});

describe("eraseAlerts, the factory reset", () => {
  it("removes what is pending, keeps the counts and wants a clean session", () => {
    const nor = new Nor({ sectorSize: SMALL });
    const journal = opened(nor);
    journal.sessionCleaned();
    for (let press = 1; press <= journal.capacity + 3; press += 1) journal.append(AlertEvent.PRESS, 3000);
    journal.eraseAlerts();
    const expected = { life: journal.life, pushes: 8, dropped: 3, needsCleanSession: true, alerts: [] };
    assert.deepEqual(view(journal), expected);
    assert.deepEqual(view(opened(nor)), expected);
    assert.equal(journal.append(AlertEvent.PRESS, 3000), 9);
    assert.deepEqual(sequences(opened(nor)), [9]);
  });
});

describe("the life of a journal", () => {
  /** Presses once and boots again: the life that the alert was stored under, which must be the one found then. */
  function lifeOfFirst(nor: Nor, offered: number): number {
    const journal = opened(nor, "reject", offered);
    const { life } = journal;
    journal.append(AlertEvent.PRESS, 3000);
    assert.equal(journal.life, life);
    const again = opened(nor);
    assert.deepEqual([again.life, again.pushes, sequences(again)], [life, 1, [1]]);
    return life;
  }

  it("is the number that its first boot was given, whole, and no later boot changes it", () => {
    for (const life of [1, 2, 32767, 32768, 40146, 65535]) {
      const nor = new Nor();
      assert.equal(lifeOfFirst(nor, life), life);
      assert.equal(new DataView(nor.bytes.buffer).getUint16(18, true), life);
      assert.equal(opened(nor).needsCleanSession, true);
    }
  });

  it("is another one after the flash was erased, so that the numbers, which are the same, name other alerts", () => {
    assert.equal(lifeOfFirst(new Nor(), 40146), 40146);
    assert.equal(lifeOfFirst(new Nor(), 7), 7);
  });

  long.it(
    "is there or drawn anew, wherever in the first format the power fails, and never changes under an alert",
    () => {
      const contents = new Uint8Array(8192).fill(0x5a);
      const whole = new Nor({ contents });
      opened(whole);
      const found = new Set<number>();
      for (let cut = 0; cut <= whole.steps; cut += 1) {
        for (let second = 0; second < whole.steps; second += 4) {
          const nor = new Nor({ seed: cut, contents });
          nor.cutAfter(cut);
          if (cut < whole.steps) assert.throws(() => opened(nor, "reject", 11), PowerCut);
          else opened(nor, "reject", 11);
          nor.powerOn();
          // The power fails once more, in the format of the next boot.
          nor.cutAfter(second);
          if (cut < whole.steps) assert.throws(() => opened(nor, "reject", 12), PowerCut);
          else opened(nor, "reject", 12);
          nor.powerOn();
          found.add(lifeOfFirst(nor, 13));
        }
      }
      assert.deepEqual([...found].sort(), [11, 13]);
    },
  );

  it("is in flash before the first alert, where the first format has failed", () => {
    const life = 11;
    // Both sectors refuse the header at the boot, and take it when somebody presses.
    const unformatted = () => {
      const nor = new Nor({ contents: new Uint8Array(8192).fill(0x5a) });
      nor.deadSectors.add(0).add(1);
      const journal = opened(nor, "reject", life);
      assert.equal(journal.life, life);
      nor.deadSectors.clear();
      return { nor, journal };
    };
    const whole = unformatted();
    whole.journal.append(AlertEvent.PRESS, 3000);
    assert.equal(opened(whole.nor).life, life);
    let kept = 0;
    for (let cut = 0; cut < whole.nor.steps; cut += 1) {
      const { nor, journal } = unformatted();
      nor.cutAfter(cut);
      assert.throws(() => journal.append(AlertEvent.PRESS, 3000), PowerCut);
      nor.powerOn();
      const again = opened(nor, "reject", 12);
      if (again.pending > 0) {
        assert.equal(again.life, life);
        kept += 1;
      } else {
        assert.deepEqual([again.life === life || again.life === 12, again.pushes], [true, 0]);
        assert.equal(lifeOfFirst(nor, 13), again.life);
      }
    }
    assert.ok(whole.nor.steps > 40 && kept < whole.nor.steps);
  });

  it("outlives compactions, factory resets, and changes of the session, from whatever firmware it is", () => {
    for (const life of [0, 40146]) {
      const nor = new Nor({ sectorSize: SMALL });
      const journal = opened(nor, "drop-oldest", life);
      for (let round = 1; round <= 30; round += 1) {
        journal.sessionCleaned();
        for (let press = 1; press <= 20; press += 1) journal.append(AlertEvent.PRESS, 3000);
        assert.equal(opened(nor, "drop-oldest").life, life);
        journal.requireCleanSession();
        assert.equal(opened(nor, "drop-oldest").needsCleanSession, true);
        journal.eraseAlerts();
        assert.equal(opened(nor, "drop-oldest").life, life);
      }
      assert.equal(journal.life, life);
      assert.ok(nor.erases.length > 40);
    }
  });

  it("is 0 for a journal of a firmware that drew none, and its flash is as valid as before", () => {
    const nor = new Nor();
    const header = new DataView(nor.bytes.buffer, 0, 24);
    [0x314a4241, 5, 41, 2, 0].forEach((word, at) => {
      header.setInt32(at * 4, word, true);
    });
    header.setUint32(20, crc32(nor.bytes, 0, 20), true);
    const expected = { life: 0, pushes: 41, dropped: 2, needsCleanSession: false, alerts: [] };
    const journal = opened(nor);
    assert.deepEqual(view(journal), expected);
    assert.equal(journal.append(AlertEvent.PRESS, 3000), 42);
    journal.eraseAlerts();
    assert.deepEqual(view(opened(nor)), { ...expected, pushes: 42, needsCleanSession: true });
    assert.deepEqual([...new Int32Array(nor.bytes.buffer, 4096, 5)], [0x314a4241, 6, 42, 2, 1]);
  });
});

// The property behind "never lost, never twice": a model of plain arrays against the journal, with the power failing at
// every step of every operation.

type Step =
  | { readonly kind: "append"; readonly event: number; readonly millivolts: number }
  | { readonly kind: "received" | "done"; readonly place: number }
  | { readonly kind: "cleaned" | "require" | "eraseAlerts" };

function randomStep(random: () => number): Step {
  const dice = random();
  if (dice < 0.5) {
    return { kind: "append", event: Math.floor(random() * 3), millivolts: Math.floor(random() * 65536) };
  }
  if (dice < 0.7) return { kind: "received", place: Math.floor(random() * 4) };
  if (dice < 0.92) return { kind: "done", place: Math.floor(random() * 4) };
  if (dice < 0.95) return { kind: "cleaned" };
  if (dice < 0.98) return { kind: "require" };
  return { kind: "eraseAlerts" };
}

/** What the journal should be after a step. */
function expected(before: View, step: Step, policy: Policy, capacity: number): View {
  const after: View = { ...before, alerts: before.alerts.map((alert) => ({ ...alert })) };
  const alert = "place" in step ? after.alerts[step.place] : undefined;
  switch (step.kind) {
    case "append": {
      if (policy === "reject" && after.alerts.length >= capacity) {
        after.dropped += 1;
        return after;
      }
      after.pushes += 1;
      const { event, millivolts } = step;
      after.alerts.push({ sequence: after.pushes, event, millivolts, status: QUEUED });
      if (after.alerts.length > capacity) {
        // The first four may be on their way.
        const victim = after.alerts.findIndex((one, place) => place >= 4 && one.status === QUEUED);
        after.alerts.splice(victim === after.alerts.length - 1 ? 0 : victim, 1);
        after.dropped += 1;
      }
      return after;
    }
    case "received":
      if (alert !== undefined) alert.status = RECEIVED;
      return after;
    case "done":
      if (alert !== undefined) after.alerts.splice(step.place, 1);
      return after;
    case "cleaned":
      after.needsCleanSession = false;
      return after;
    case "require":
      after.needsCleanSession = true;
      return after;
    case "eraseAlerts":
      after.alerts = [];
      after.needsCleanSession = true;
      return after;
  }
}

function perform(journal: Journal, state: View, step: Step): void {
  const sequence = "place" in step ? (state.alerts[step.place]?.sequence ?? 9999) : 0;
  switch (step.kind) {
    case "append":
      journal.append(step.event, step.millivolts);
      return;
    case "received":
      journal.received(sequence);
      return;
    case "done":
      journal.done(sequence);
      return;
    case "cleaned":
      journal.sessionCleaned();
      return;
    case "require":
      journal.requireCleanSession();
      return;
    case "eraseAlerts":
      journal.eraseAlerts();
      return;
  }
}

function isSame(a: View, b: View): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

/**
 * Does one step with a power cut after each possible number of flash steps, boots again and expects the state before or
 * after it. Every second of these boots is cut as well. Then the step is done again where it had not happened.
 */
function cutEverywhere(contents: Uint8Array, before: View, step: Step, policy: Policy, seed: number): Uint8Array {
  const whole = new Nor({ sectorSize: SMALL, contents, seed });
  const journal = opened(whole, policy);
  const { steps } = whole;
  const after = expected(before, step, policy, journal.capacity);
  perform(journal, before, step);
  assert.deepEqual(view(journal), after, `${step.kind} in RAM`);
  assert.deepEqual(view(opened(whole, policy)), after, `${step.kind} in flash`);
  const count = whole.steps - steps;
  for (let cut = 0; cut < count; cut += 1) {
    const nor = new Nor({ sectorSize: SMALL, contents, seed: seed * 1000 + cut });
    const victim = opened(nor, policy);
    nor.cutAfter(cut);
    assert.throws(() => perform(victim, before, step), PowerCut);
    nor.powerOn();
    if (cut % 2 === 1) {
      // The boot may have repairs to write: the power fails in the middle of these too.
      nor.cutAfter(cut % 5);
      try {
        opened(nor, policy);
      } catch (error) {
        assert.ok(error instanceof PowerCut);
      }
      nor.powerOn();
    }
    const rebooted = opened(nor, policy);
    const found = view(rebooted);
    const where = `${step.kind} cut after ${cut} of ${count} steps, seed ${seed}`;
    if (!isSame(found, after)) {
      assert.deepEqual(found, before, where);
      perform(rebooted, before, step);
      assert.deepEqual(view(rebooted), after, `${where}, done again`);
    }
    assert.deepEqual(view(opened(nor, policy)), after, `${where}, next boot`);
  }
  return whole.bytes;
}

describe("the journal with the power failing at every step of every operation", () => {
  for (const policy of ["reject", "drop-oldest"] as const) {
    for (let seed = 1; seed <= 6; seed += 1) {
      const kind = seed > 2 ? veryLong : long;
      kind.it(`is as before or as after, never in between (${policy}, seed ${seed})`, () => {
        const random = randomFrom(seed);
        const nor = new Nor({ sectorSize: SMALL, seed });
        let state = view(opened(nor, policy));
        let contents: Uint8Array = nor.bytes;
        for (let count = 0; count < 70; count += 1) {
          const step = randomStep(random);
          const capacity = new Journal(nor, 0, policy).capacity;
          contents = cutEverywhere(contents, state, step, policy, seed * 100 + count);
          state = expected(state, step, policy, capacity);
        }
        assert.ok(state.pushes > 20);
      });
    }
  }

  it("keeps order and counts over 20,000 operations with 2,000 random cuts", () => {
    const random = randomFrom(99);
    const nor = new Nor({ sectorSize: SMALL, seed: 99 });
    let journal = opened(nor);
    let state = view(journal);
    let cuts = 0;
    for (let count = 0; count < rounds(20000); count += 1) {
      const step = randomStep(random);
      const after = expected(state, step, "reject", journal.capacity);
      const isCut = random() < 0.25;
      if (isCut) nor.cutAfter(Math.floor(random() * 20));
      try {
        perform(journal, state, step);
      } catch (error) {
        assert.ok(error instanceof PowerCut);
      }
      if (nor.isOff || random() < 0.05) {
        if (nor.isOff) cuts += 1;
        nor.powerOn();
        journal = opened(nor);
      }
      nor.powerOn();
      const found = view(journal);
      assert.ok(found.pushes >= state.pushes, "the press count never goes back");
      if (!isSame(found, after)) assert.deepEqual(found, state, `operation ${count}: ${step.kind}`);
      state = found;
    }
    assert.ok(cuts > share(2000), `${cuts} cuts`);
    assert.ok(nor.erases.length > share(300), `${nor.erases.length} erases`);
  });
});

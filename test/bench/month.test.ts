// Three days of a box on a battery: everything arrives once, and the account is complete.

import assert from "node:assert/strict";
import { before, describe, it } from "mocha";
import { Ledger, liveMonth, type Month } from "../../bench/month.js";
import { World } from "../../host-sim/world.js";
import { ALERT, asleep, pressAndSleep } from "../scenario/story.js";

describe("bench/month", () => {
  const months = new Map<string, Month>();
  const days: number[] = [];

  before(() => {
    for (const wiring of ["rst", "rst+gpio"] as const) {
      const passed = (day: number) => void (wiring === "rst" && days.push(day));
      months.set(wiring, liveMonth({ days: 3, presses: 20, seed: 1, wiring, passed }));
    }
  });

  for (const wiring of ["rst", "rst+gpio"] as const) {
    const month = () => months.get(wiring) as Month;

    it(`${wiring}: every press arrives, once, with an evening without router and one without broker`, () => {
      const { presses, delivered, lost, duplicates, phantoms, crashes, violations } = month();
      assert.deepEqual(
        { presses, delivered, lost, duplicates, phantoms, crashes, violations },
        { presses: 60, delivered: 60, lost: 0, duplicates: 0, phantoms: 0, crashes: 0, violations: 0 },
      );
    });

    it(`${wiring}: both evenings happened: some came late, and only those`, () => {
      const { late, withoutRouter, withoutBroker, worstDelayMs, medianDelayMs } = month();
      assert.ok(withoutRouter.wakes > 0 && withoutBroker.wakes > 0);
      assert.ok(late > 0 && late <= withoutRouter.wakes + withoutBroker.wakes);
      assert.ok(worstDelayMs > 10_000);
      assert.ok(medianDelayMs < 2000, `${medianDelayMs} ms`);
    });

    it(`${wiring}: the shares are all of the charge and all of the time`, () => {
      const { asleep, pressed, withoutRouter, withoutBroker, fitted, mah, meanDayMah } = month();
      const shares = [asleep, pressed, withoutRouter, withoutBroker, fitted];
      const sum = shares.reduce((so, each) => so + each.mah, 0);
      assert.ok(Math.abs(sum - mah) < 1e-6, `${sum} of ${mah} mAh`);
      const ms = shares.reduce((so, each) => so + each.ms, 0);
      assert.ok(Math.abs(ms - 3 * 86_400_000) < 1, `${ms} ms`);
      assert.ok(Math.abs(3 * meanDayMah - mah) < 1e-6);
    });

    it(`${wiring}: asleep it draws what the board draws asleep, and no more`, () => {
      const { asleep } = month();
      assert.ok(Math.abs(asleep.mah - (asleep.ms / 3_600_000) * 0.084) < 1e-6);
    });

    it(`${wiring}: the battery was fitted once, and an evening that goes wrong costs more than a day that does not`, () => {
      const { fitted, medianDayMah, routerDayMah, brokerDayMah } = month();
      assert.equal(fitted.wakes, 1);
      assert.ok(routerDayMah > medianDayMah && brokerDayMah > medianDayMah);
    });
  }

  it("without a retry timer there is a wake for each press and no other", () => {
    const { pressed, withoutRouter, withoutBroker } = months.get("rst") as Month;
    assert.equal(pressed.wakes + withoutRouter.wakes + withoutBroker.wakes, 60);
  });

  it("with a retry timer the evening's alerts arrive in the night, without one in the morning", () => {
    const [without, retried] = [months.get("rst") as Month, months.get("rst+gpio") as Month];
    assert.ok(without.worstDelayMs > 8 * 3_600_000);
    assert.ok(retried.worstDelayMs < 6.1 * 3_600_000, `${retried.worstDelayMs} ms`);
    assert.ok(retried.withoutRouter.wakes > without.withoutRouter.wakes);
  });

  it("tells of each day", () => {
    assert.deepEqual(days, [1, 2, 3]);
  });

  it("a seed is the same month each time, another seed another", () => {
    const options = { days: 3, presses: 4, wiring: "rst+gpio" } as const;
    const first = liveMonth({ ...options, seed: 7 });
    assert.deepEqual(liveMonth({ ...options, seed: 7 }), first);
    assert.notDeepEqual(liveMonth({ ...options, seed: 8 }), first);
  });

  it("an alert that comes again is a duplicate, one that no box has stored a phantom, one that never came lost", () => {
    const world = new World({ board: { wiring: "rst" } });
    const ledger = new Ledger(world, "rst");
    assert.ok(pressAndSleep(asleep(world)));
    assert.deepEqual(ledger.counts(1), { delivered: 1, lost: 0, duplicates: 0, phantoms: 0 });
    const [alert] = world.broker.messages(ALERT);
    assert.ok(alert);
    world.broker.publish(ALERT, alert.payload);
    assert.deepEqual(ledger.counts(1), { delivered: 1, lost: 0, duplicates: 1, phantoms: 0 });
    world.broker.publish(ALERT, '{"id":"5750-99"}');
    assert.deepEqual(ledger.counts(2), { delivered: 1, lost: 1, duplicates: 1, phantoms: 1 });
    // One press must not become two alerts.
    assert.equal(ledger.counts(0).phantoms, 2);
  });

  it("more presses in one evening than the journal holds are lost, and counted as that", () => {
    const month = liveMonth({ days: 3, presses: 500, seed: 1, wiring: "rst" });
    assert.ok(month.lost > 0);
    assert.equal(month.lost, month.notStored);
    assert.equal(month.delivered + month.lost, 1500);
    assert.equal(month.duplicates + month.phantoms, 0);
  });

  it("two days are too few for two evenings and a morning", () => {
    assert.throws(() => liveMonth({ days: 2, presses: 1, seed: 1, wiring: "rst" }), RangeError);
  });
});

// Led: what a person sees, as a list of "time on|off", taken by an owner who writes the level at each deadline.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { LED_TIMINGS, Led } from "../../src/alertbox/led.js";
import { LedPattern, ledTiming } from "./led-timing.js";

/** The changes of level that a person sees from `from` to `to`, beginning with the level at `from`. */
function watch(led: Led, from: number, to: number): string[] {
  const seen: string[] = [];
  let lit: boolean | undefined;
  const look = (at: number) => {
    const level = led.level(at | 0);
    if (level !== lit) seen.push(`${at} ${level ? "on" : "off"}`);
    lit = level;
  };
  look(from);
  let at = from;
  for (;;) {
    const deadline = led.deadline();
    if (deadline === undefined) return seen;
    const step = (deadline - at) | 0;
    assert.ok(step > 0, `the deadline ${deadline} must lie after ${at}`);
    assert.equal(deadline, deadline | 0, "a deadline is an int32 as the clock is");
    at += step;
    if (at > to) return seen;
    look(at);
  }
}

function shown(pattern: number, to: number, base: number = LedPattern.OFF): string[] {
  const led = new Led();
  led.rest(base, -500);
  led.show(pattern, 0);
  return watch(led, 0, to);
}

/** The level in each 5 ms of the first ten seconds, as a person would recognise it. */
function picture(pattern: number): string {
  const led = new Led();
  led.show(pattern, 0);
  let text = "";
  for (let at = 0; at < 10000; at += 5) text += led.level(at) ? "#" : ".";
  return text;
}

const FINITE = [LedPattern.SENT, LedPattern.NOT_SENT, LedPattern.LOW_BATTERY];

describe("led: patterns", () => {
  it("off: dark, with nothing to come", () => {
    const led = new Led();
    assert.equal(led.level(0), false);
    assert.equal(led.deadline(), undefined);
    assert.equal(led.busy, false);
    assert.deepEqual(shown(LedPattern.OFF, 9999), ["0 off"]);
  });

  it("on and stored: steady, with nothing to come", () => {
    assert.deepEqual(shown(LedPattern.ON, 99999), ["0 on"]);
    assert.deepEqual(shown(LedPattern.STORED, 99999), ["0 on"]);
  });

  it("joining: 200 ms blink", () => {
    assert.deepEqual(shown(LedPattern.JOINING, 800), ["0 on", "200 off", "400 on", "600 off", "800 on"]);
  });

  it("connecting: 500 ms blink", () => {
    assert.deepEqual(shown(LedPattern.CONNECTING, 2000), ["0 on", "500 off", "1000 on", "1500 off", "2000 on"]);
  });

  it("setup: 1000 ms blink", () => {
    assert.deepEqual(shown(LedPattern.SETUP, 3000), ["0 on", "1000 off", "2000 on", "3000 off"]);
  });

  it("sent: 1 s of 100 ms blink, then the base", () => {
    const changes = [
      "0 on",
      "100 off",
      "200 on",
      "300 off",
      "400 on",
      "500 off",
      "600 on",
      "700 off",
      "800 on",
      "900 off",
    ];
    assert.deepEqual(shown(LedPattern.SENT, 99999), changes);
    assert.deepEqual(shown(LedPattern.SENT, 99999, LedPattern.ON), [...changes, "1000 on"]);
  });

  it("not sent: three long, then the base", () => {
    const changes = ["0 on", "600 off", "900 on", "1500 off", "1800 on", "2400 off"];
    assert.deepEqual(shown(LedPattern.NOT_SENT, 99999), changes);
  });

  it("low battery: two short, then the base", () => {
    assert.deepEqual(shown(LedPattern.LOW_BATTERY, 99999), ["0 on", "150 off", "300 on", "450 off"]);
  });

  it("countdown: quicker each second for 5 s, then steady", () => {
    const changes = shown(LedPattern.COUNTDOWN, 99999);
    const flashes = [0, 0, 0, 0, 0, 0];
    for (const change of changes) {
      const [at = "", level] = change.split(" ");
      const second = Math.min(5, Math.floor(Number(at) / 1000));
      if (level === "on") flashes[second] = (flashes[second] ?? 0) + 1;
    }
    assert.deepEqual(flashes, [1, 2, 4, 8, 20, 1]);
    assert.equal(changes.at(-1), "5000 on");
  });

  it("refused, shown: long, short, short, pause, twice; then the base", () => {
    const round = ["0 on", "700 off", "900 on", "1000 off", "1200 on", "1300 off"];
    const second = ["2000 on", "2700 off", "2900 on", "3000 off", "3200 on", "3300 off"];
    assert.deepEqual(shown(LedPattern.REFUSED, 99999), [...round, ...second]);
  });

  it("refused as the base goes on for ever", () => {
    const led = new Led();
    led.rest(LedPattern.REFUSED, 0);
    assert.equal(led.busy, false);
    led.rest(LedPattern.REFUSED, 0);
    assert.equal(led.busy, false);
    assert.equal(watch(led, 0, 200_000).length, 601);
  });

  it("safe mode: three quick flashes and a long pause, for ever", () => {
    assert.deepEqual(shown(LedPattern.SAFE, 2200), [
      "0 on",
      "60 off",
      "200 on",
      "260 off",
      "400 on",
      "460 off",
      "2200 on",
    ]);
  });

  it("all begin lit, but for off", () => {
    for (const pattern of Object.values(LedPattern)) {
      const led = new Led();
      led.show(pattern, 1234);
      assert.equal(led.level(1234), pattern !== LedPattern.OFF, `pattern ${pattern}`);
    }
  });

  it("look different from each other, but for the two that are steady light", () => {
    const pictures = new Map<string, number>();
    for (const pattern of Object.values(LedPattern)) {
      if (pattern === LedPattern.STORED) continue;
      const text = picture(pattern);
      assert.equal(pictures.get(text), undefined, `${pattern} looks like ${pictures.get(text)}`);
      pictures.set(text, pattern);
    }
  });

  it("have times that are data: whole positive milliseconds, frozen, one entry for each pattern", () => {
    assert.ok(Object.isFrozen(LED_TIMINGS));
    let count = Object.keys(LedPattern).length;
    for (const pattern of Object.values(LedPattern)) {
      const { steps, length, ...entry } = ledTiming(pattern);
      assert.ok(steps.every((step) => Number.isInteger(step) && step > 0));
      assert.equal(steps.length % 3, 0);
      count += steps.length / 3;
      if (entry.after === "base") assert.ok(entry.rounds > 0);
      if (entry.rounds > 0 || entry.after === "again") assert.ok(length > 0);
    }
    assert.equal(LED_TIMINGS.length, count);
  });
});

describe("led: show and rest", () => {
  it("a finite pattern is busy until its last dark phase is over, not longer", () => {
    for (const pattern of [...FINITE, LedPattern.REFUSED]) {
      const led = new Led();
      led.show(pattern, 0);
      assert.equal(led.busy, true);
      let at = 0;
      for (let next = led.deadline(); next !== undefined; next = led.deadline()) {
        assert.equal(led.busy, true, `${pattern} at ${at}`);
        at = next;
        led.level(at);
      }
      const { length, rounds } = ledTiming(pattern);
      assert.equal(at, length * rounds);
      assert.equal(led.busy, false);
    }
  });

  it("an endless pattern is never busy", () => {
    const led = new Led();
    for (const pattern of [
      LedPattern.ON,
      LedPattern.STORED,
      LedPattern.JOINING,
      LedPattern.COUNTDOWN,
      LedPattern.OFF,
    ]) {
      led.show(pattern, 0);
      assert.equal(led.busy, false);
    }
  });

  it("rest is seen at once when nothing else runs", () => {
    const led = new Led();
    led.rest(LedPattern.JOINING, 0);
    led.level(150);
    led.rest(LedPattern.CONNECTING, 300);
    assert.deepEqual(watch(led, 300, 1300), ["300 on", "800 off", "1300 on"]);
  });

  it("rest during a finite pattern waits for its end, and begins there", () => {
    const led = new Led();
    led.show(LedPattern.LOW_BATTERY, 0);
    led.level(100);
    led.rest(LedPattern.JOINING, 100);
    assert.deepEqual(watch(led, 100, 1000), ["100 on", "150 off", "300 on", "450 off", "600 on", "800 off", "1000 on"]);
  });

  it("rest called again and again with the same pattern does not disturb it", () => {
    const led = new Led();
    led.rest(LedPattern.CONNECTING, 0);
    for (let at = 0; at < 5000; at += 70) {
      led.rest(LedPattern.CONNECTING, at);
      assert.equal(led.level(at), at % 1000 < 500, `at ${at}`);
    }
  });

  it("an endless pattern that is shown lies over the base until a finite one has ended", () => {
    const led = new Led();
    led.rest(LedPattern.ON, 0);
    led.show(LedPattern.COUNTDOWN, 0);
    assert.equal(led.level(600), false);
    led.show(LedPattern.LOW_BATTERY, 600);
    assert.deepEqual(watch(led, 600, 9999), ["600 on", "750 off", "900 on", "1050 off", "1200 on"]);
  });

  it("rest ends an endless pattern that was shown", () => {
    const led = new Led();
    led.show(LedPattern.COUNTDOWN, 0);
    led.rest(LedPattern.SETUP, 700);
    assert.deepEqual(watch(led, 700, 1700), ["700 on", "1700 off"]);
  });

  it("rest with the endless pattern that is shown makes it the base without a break", () => {
    const led = new Led();
    led.show(LedPattern.SETUP, 0);
    led.rest(LedPattern.SETUP, 300);
    assert.deepEqual(watch(led, 300, 2000), ["300 on", "1000 off", "2000 on"]);
    led.show(LedPattern.SENT, 2100);
    assert.deepEqual(watch(led, 3000, 5100), ["3000 off", "3100 on", "4100 off", "5100 on"]);
  });

  it("showing an endless pattern that is seen already does not disturb it", () => {
    const led = new Led();
    led.show(LedPattern.JOINING, 0);
    led.show(LedPattern.JOINING, 150);
    assert.deepEqual(watch(led, 150, 400), ["150 on", "200 off", "400 on"]);
  });

  it("showing a finite pattern while it runs begins it anew: two alerts in a row", () => {
    const led = new Led();
    led.show(LedPattern.SENT, 0);
    led.level(550);
    led.show(LedPattern.SENT, 550);
    const changes = watch(led, 550, 99999);
    assert.equal(changes[0], "550 on");
    assert.equal(changes.at(-1), "1450 off");
    assert.equal(led.level(1550), false);
    assert.equal(led.busy, false);
  });

  it("the newest finite pattern wins", () => {
    const led = new Led();
    led.show(LedPattern.NOT_SENT, 0);
    led.show(LedPattern.SENT, 200);
    assert.equal(watch(led, 200, 99999).length, 10);
  });

  it("off shown ends a finite pattern at once", () => {
    const led = new Led();
    led.show(LedPattern.NOT_SENT, 0);
    led.show(LedPattern.OFF, 100);
    assert.equal(led.level(100), false);
    assert.equal(led.busy, false);
    assert.equal(led.deadline(), undefined);
  });

  it("refused shown over refused as the base: twice as shown, then for ever", () => {
    const led = new Led();
    led.rest(LedPattern.REFUSED, 0);
    led.show(LedPattern.REFUSED, 500);
    assert.equal(led.busy, true);
    assert.equal(watch(led, 500, 4499).length, 12);
    assert.equal(led.level(4500), true);
    assert.equal(led.busy, false);
    assert.equal(led.deadline(), 5200);
  });

  it("misuse is told: no such pattern, a finite pattern as the base", () => {
    const led = new Led();
    assert.throws(() => led.show(12, 0), RangeError);
    assert.throws(() => led.show(-1, 0), RangeError);
    assert.throws(() => led.rest(1.5, 0), RangeError);
    for (const pattern of FINITE) assert.throws(() => led.rest(pattern, 0), /use show/);
    assert.equal(led.level(0), false, "and nothing has changed");
  });
});

describe("led: an owner who is late, and the clock", () => {
  it("phases do not drift: a late look shows what a punctual one would have seen", () => {
    for (const pattern of Object.values(LedPattern)) {
      const punctual = new Led();
      const late = new Led();
      for (const led of [punctual, late]) {
        led.rest(LedPattern.SETUP, -300);
        led.show(pattern, 0);
      }
      for (let at = 0; at < 12000; at += 5) {
        const expected = punctual.level(at);
        if (at % 335 === 0) {
          assert.equal(late.level(at), expected, `pattern ${pattern} at ${at}`);
          assert.equal(late.deadline(), punctual.deadline());
          assert.equal(late.busy, punctual.busy);
        }
      }
    }
  });

  it("a finite pattern that ended long ago has left the base, in the right phase", () => {
    const led = new Led();
    led.rest(LedPattern.CONNECTING, 0);
    led.show(LedPattern.SENT, 100);
    assert.equal(led.level(1100 + 7 * 1000 + 501), false);
    assert.equal(led.busy, false);
    assert.equal(led.deadline(), 1100 + 8 * 1000);
  });

  it("rest takes note of a finite pattern that ended unseen: the new base begins now, not then", () => {
    const led = new Led();
    led.show(LedPattern.LOW_BATTERY, 0);
    led.rest(LedPattern.CONNECTING, 5300);
    assert.equal(led.busy, false);
    assert.deepEqual(watch(led, 5300, 6300), ["5300 on", "5800 off", "6300 on"]);
  });

  it("show takes note of a finite pattern that ended unseen: the base that is seen now goes on", () => {
    const led = new Led();
    led.rest(LedPattern.CONNECTING, 0);
    led.show(LedPattern.LOW_BATTERY, 0);
    led.show(LedPattern.CONNECTING, 5300);
    assert.deepEqual(watch(led, 5300, 5600), ["5300 off", "5600 on"]);
  });

  it("an endless pattern that does not repeat begins at the end of the finite one, too", () => {
    const led = new Led();
    led.rest(LedPattern.COUNTDOWN, 0);
    led.show(LedPattern.SENT, 0);
    assert.equal(led.level(1400), true);
    assert.equal(led.level(1600), false);
    assert.equal(led.deadline(), 2000);
  });

  it("a look at an instant before the last one changes nothing", () => {
    const led = new Led();
    led.show(LedPattern.JOINING, 1000);
    assert.equal(led.level(1250), false);
    assert.equal(led.level(1190), false);
    assert.equal(led.deadline(), 1400);
  });

  it("the clock may wrap at any place of any pattern", () => {
    for (const pattern of Object.values(LedPattern)) {
      const expected = shown(pattern, 9000, LedPattern.CONNECTING);
      for (const origin of [0x7fffffff, 0x7fffffff - 777, -1, -1555]) {
        const led = new Led();
        led.rest(LedPattern.CONNECTING, (origin - 500) | 0);
        led.show(pattern, origin | 0);
        const seen = watch(led, origin, origin + 9000);
        const moved = seen.map((change) => {
          const [at = "", level] = change.split(" ");
          return `${Number(at) - origin} ${level}`;
        });
        assert.deepEqual(moved, expected, `pattern ${pattern} from ${origin}`);
      }
    }
  });

  it("a pattern that runs for two months keeps its rate", () => {
    const led = new Led();
    led.rest(LedPattern.JOINING, 0);
    const day = 86_400_000;
    for (let at = 0; at <= 60 * day; at += day) assert.equal(led.level(at | 0), true, `day ${at / day}`);
    const deadline = led.deadline() ?? 0;
    assert.equal((deadline - ((60 * day) | 0)) | 0, 200);
  });
});

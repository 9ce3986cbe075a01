// A board: power, reset, sleep, crash, and what survives each; the LED, the button in its three wirings, the battery.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Board, type BoardEvent, type BoardOptions, ResetReason } from "../../host-sim/board.js";
import { SteppedClock } from "../../host-sim/clock.js";
import { NorFlash } from "../../host-sim/nor-flash.js";
import { type Chip, rig, running } from "./rig.js";

interface ChipModule {
  resetReason(): number;
  exceptionCause(): number;
  exceptionAddress(): number;
  readMemory(length: number): ArrayBuffer | undefined;
  writeMemory(bytes: ArrayBuffer): void;
}
interface TimerModule {
  set(callback: () => void, interval?: number): unknown;
}
interface DigitalClass {
  new (options: object): { read(): number; write(value: number): void };
}
type Firmware = (chip: Chip) => void;

/** Firmware that notes the reset reason of each boot. */
function reasons(options: Partial<BoardOptions> = {}, then: Firmware = () => {}) {
  const noted: number[] = [];
  const made = rig((chip) => {
    noted.push(chip.use<ChipModule>("chip").resetReason());
    then(chip);
  }, options);
  return { ...made, noted };
}

describe("Board: power", () => {
  it("boots its firmware 120 ms after power came, with reset reason 0", () => {
    const { clock, board, noted } = reasons();
    assert.equal(board.state, "booting");
    clock.run(119);
    assert.deepEqual([board.state, board.boots], ["booting", 0]);
    clock.run(1);
    assert.deepEqual([board.state, board.boots, noted], ["running", 1, [ResetReason.powerOn]]);
    board.powerOn();
    clock.run(1000);
    assert.equal(board.boots, 1, "power that is there already changes nothing");
  });

  it("stops at once when power is cut: timers, queued calls and the LED with it", () => {
    const { clock, board, chip } = running();
    const Digital = chip.use<DigitalClass>("embedded:io/digital");
    new Digital({ pin: 2, mode: 8 });
    chip.use<TimerModule>("timer").set(() => assert.fail("no power"), 10);
    assert.equal(board.led.on, true);
    board.cutPower();
    assert.deepEqual([board.state, board.led.on, clock.pending], ["off", false, 0]);
    assert.throws(() => chip.use<TimerModule>("timer").set(() => {}), /boot has ended/);
    chip.trace("nobody hears this\n");
    clock.run(1000);
    assert.deepEqual(board.log, []);
    board.cutPower();
    board.reset();
    clock.run(1000);
    assert.equal(board.state, "off");
  });

  it("unwinds firmware whose power fails within a flash write, whatever it catches", () => {
    let after = false;
    const flash = new NorFlash();
    flash.cutAt = { operation: 1, byte: 1 };
    const { clock, board } = rig(
      (chip) => {
        const Flash = chip.use<new (name: string) => { write(o: number, l: number, b: Uint8Array): void }>("flash");
        const storage = new Flash("storage");
        try {
          storage.write(0, 2, Uint8Array.of(1, 2));
          after = true;
        } catch {
          chip.trace("caught\n");
        }
        storage.write(0, 1, Uint8Array.of(0));
        after = true;
      },
      { flash },
    );
    clock.run(1000);
    assert.deepEqual([board.state, board.crashes, after, board.log.length], ["off", 0, false, 0]);
    assert.deepEqual([flash.read(0, 1)[0], flash.read(1, 1)[0] === 0], [1, false]);
    board.powerOn();
    clock.run(1000);
    assert.equal(board.state, "running");
  });

  it("takes nothing for a crash that firmware does after its boot has ended", () => {
    const { clock, board } = rig((chip) => {
      try {
        chip.System.restart();
      } catch {
        throw new TypeError("stumbled");
      }
    });
    clock.run(1000);
    assert.equal(board.crashes, 0);
    assert.ok(board.boots > 2);
  });

  it("keeps what firmware had said of a line when power went", () => {
    const { board, chip } = running();
    chip.trace("[1] half a");
    board.cutPower();
    assert.deepEqual(board.log, ["[1] half a"]);
  });

  it("keeps flash over a power cut, and RTC memory over reset and sleep only", () => {
    const { clock, board } = running();
    board.rtc.write(32, 0xdeadbeef);
    board.rtc.write(127, -1);
    board.flash.write(0, Uint8Array.of(7));
    board.reset();
    clock.run(200);
    assert.deepEqual([board.rtc.read(32), board.rtc.read(127)], [0xdeadbeef, 0xffffffff]);
    board.cutPower();
    board.powerOn();
    assert.notEqual(board.rtc.read(32), 0xdeadbeef);
    assert.equal(board.flash.read(0, 1)[0], 7);
    assert.throws(() => board.rtc.read(31), RangeError);
    assert.throws(() => board.rtc.write(128, 0), RangeError);
  });
});

describe("Board: reset", () => {
  it("gives reason 6 for RST while awake, 4 for a restart, and the rest of that turn does not happen", () => {
    let after = false;
    const { clock, board, noted } = reasons({}, (chip) => {
      if (board.boots === 2) {
        chip.System.restart();
        after = true;
      }
    });
    clock.run(200);
    board.reset();
    clock.run(1000);
    assert.deepEqual(noted, [ResetReason.powerOn, ResetReason.external, ResetReason.softwareRestart]);
    assert.equal(after, false);
  });

  it("keeps the reason while further edges come before the firmware runs", () => {
    const { clock, board, noted } = reasons({}, (chip) => {
      if (board.boots === 1) chip.System.deepSleep(0);
    });
    clock.run(200);
    assert.equal(board.state, "asleep");
    board.reset();
    clock.run(100);
    board.reset();
    clock.run(119);
    assert.equal(board.boots, 1, "the boot begins anew");
    clock.run(1);
    assert.deepEqual(noted, [ResetReason.powerOn, ResetReason.deepSleepWake]);
  });

  it("does not boot while GPIO0 is low at reset: the chip waits for a download", () => {
    const { clock, board } = reasons();
    board.pins.hold(0, 0);
    clock.run(1000);
    assert.deepEqual([board.state, board.boots], ["booting", 0]);
    assert.match(board.log[0] ?? "", /GPIO0 is low at reset/);
    board.pins.hold(0, undefined);
    board.reset();
    clock.run(120);
    assert.equal(board.state, "running");
  });

  it("reboots after an exception that left firmware, with its stack in the log", () => {
    const { clock, board, noted } = reasons({}, (chip) => {
      if (board.boots === 1) {
        chip.trace("half a li");
        chip.use<TimerModule>("timer").set(() => {
          throw new RangeError("too far");
        }, 5);
        chip.use<TimerModule>("timer").set(() => assert.fail("the boot has ended"), 6);
      }
      if (board.boots === 2) throw "a string";
    });
    clock.run(125);
    assert.equal(board.crashes, 1);
    assert.equal(board.log[0], "half a li");
    assert.match(board.log[1] ?? "", /^XS abort: unhandled exception: RangeError: too far$/);
    assert.match(board.log[2] ?? "", /board\.test\.ts/);
    clock.run(1000);
    assert.equal(board.crashes, 2);
    assert.deepEqual(noted, [0, ResetReason.softwareRestart, ResetReason.softwareRestart]);
  });

  it("blames a watcher that throws on the watcher, not on the firmware", () => {
    const { clock, board } = reasons();
    board.on((event) => {
      if (event.type === "reset") throw new Error("the watcher's own");
    });
    clock.run(200);
    board.reset();
    assert.throws(() => clock.run(200), /the watcher's own/);
    clock.run(200);
    assert.deepEqual([board.crashes, board.boots], [0, 2]);
  });
});

describe("Board: the abort hook", () => {
  /** Firmware that throws in a callback, with a hook; what the hook was told. */
  function aborting(hook: (chip: Chip) => unknown, thrown: () => void = () => assert.fail("broken")) {
    const told: unknown[][] = [];
    const made = reasons({}, (chip) => {
      if (made.board.boots > 1) return;
      chip.globalThis.abort = function (this: unknown, ...told_: unknown[]) {
        told.push([this === chip.globalThis, ...told_]);
        return hook(chip);
      };
      chip.use<TimerModule>("timer").set(thrown, 5);
      chip.use<TimerModule>("timer").set(() => chip.trace("still here\n"), 20);
    });
    made.clock.run(200);
    return { ...made, told };
  }

  it("hears of an exception that left firmware before the restart, and may still write", () => {
    const error = new RangeError("too far");
    const { clock, board, told, noted } = aborting(
      (chip) => {
        chip.use<ChipModule>("chip").writeMemory(Uint8Array.of(1, 2, 3, 4).buffer);
        chip.trace("dying\n");
      },
      () => {
        throw error;
      },
    );
    assert.deepEqual(told, [[true, "unhandled exception", error]]);
    assert.deepEqual([board.log[0], board.crashes], ["dying", 1]);
    assert.match(board.log[1] ?? "", /^XS abort: unhandled exception: RangeError: too far/);
    clock.run(1000);
    assert.deepEqual(noted, [ResetReason.powerOn, ResetReason.softwareRestart]);
    assert.notEqual(board.rtc.read(33), 0);
  });

  it("goes on when the hook gives false, and for nothing else", () => {
    const goesOn = aborting(() => false);
    assert.deepEqual([goesOn.board.crashes, goesOn.board.boots, goesOn.board.log], [0, 1, ["still here"]]);
    for (const value of [0, undefined, true]) assert.equal(aborting(() => value).board.crashes, 1);
  });

  it("drops what the hook throws, and lets it restart or sleep by itself", () => {
    const throwing = aborting(() => assert.fail("twice broken"));
    assert.equal(throwing.board.crashes, 1);
    assert.ok(!throwing.board.log.some((line) => line.includes("twice")));
    const restarting = aborting((chip) => chip.System.restart());
    assert.deepEqual([restarting.board.crashes, restarting.noted], [0, [0]]);
    restarting.clock.run(200);
    assert.deepEqual(restarting.noted, [0, ResetReason.softwareRestart]);
  });

  it("is not called for a stack overflow, and is gone with its boot", () => {
    const deeper = (): number => 1 + deeper();
    const { told, board, clock } = aborting(() => {}, deeper);
    assert.deepEqual([told, board.crashes], [[], 1]);
    clock.run(200);
    board.reset();
    clock.run(1000);
    assert.equal(board.crashes, 1);
    const number = reasons({}, (chip) => {
      Object.assign(chip.globalThis, { abort: 5 });
      if (number.board.boots === 1) throw new Error("no hook");
    });
    number.clock.run(500);
    assert.deepEqual([number.board.crashes, number.board.boots], [1, 2]);
  });
});

describe("Board: RF options of deep sleep", () => {
  /** Sleeps for 1 s with these arguments and gives the time to firmware's first line, ms. */
  function wakeMs(...modes: (number | undefined)[]): number[] {
    const times: number[] = [];
    const { clock, board } = reasons({}, (chip) => {
      if (board.boots > 1) times.push(clock.now - startedAt - 1000);
      const mode = modes[board.boots - 1];
      if (board.boots > modes.length) return;
      startedAt = clock.now;
      if (mode === undefined) chip.System.deepSleep(1_000_000);
      else chip.System.deepSleep(1_000_000, mode);
    });
    let startedAt = 0;
    clock.run(20_000);
    return times;
  }

  it("calibrate the radio in 200 ms more with 1, not with 0 and 2; without an argument it stays as it was", () => {
    assert.deepEqual(wakeMs(undefined, 1, undefined, 2, 0), [120, 320, 320, 120, 120]);
  });

  it("forget 1 with the power, and a reset while awake does not calibrate", () => {
    const { clock, board } = reasons({}, (chip) => {
      if (board.boots === 1) chip.System.deepSleep(0, 1);
    });
    clock.run(200);
    board.reset();
    clock.run(319);
    assert.equal(board.boots, 1);
    clock.run(1);
    assert.equal(board.boots, 2);
    board.reset();
    clock.run(120);
    assert.equal(board.boots, 3);
    board.cutPower();
    board.powerOn();
    clock.run(120);
    assert.equal(board.boots, 4);
  });

  it("switch the radio off with 4: nothing can join or open until another option is given or power is lost", () => {
    const failures: unknown[] = [];
    const { clock, board } = reasons({}, (chip) => {
      const WiFi = chip.use<{ mode: number; connect(options: object): void; accessPoint(options: object): void }>(
        "wifi",
      );
      for (const use of [() => WiFi.connect({ ssid: "home" }), () => WiFi.accessPoint({ ssid: "own" })]) {
        try {
          use();
        } catch (error) {
          failures.push(`${board.boots} ${(error as Error).message.slice(0, 21)}`);
        }
      }
      WiFi.mode = 0;
      if (board.boots < 3) chip.System.deepSleep(1_000_000, board.boots === 1 ? 4 : 2);
    });
    clock.run(10_000);
    assert.deepEqual(failures, ["2 no radio in this boot", "2 no radio in this boot"]);
    assert.equal(board.radioOn, false);
  });
});

describe("Board: deep sleep", () => {
  it("begins when the call that asked for it has returned, and ends by timer with reason 5", () => {
    const told: string[] = [];
    const { clock, board, noted } = reasons({}, (chip) => {
      if (board.boots > 1) return;
      chip.System.deepSleep(2_000_000);
      told.push(board.state);
      chip.use<TimerModule>("timer").set(() => assert.fail("asleep"), 100);
    });
    clock.run(120);
    assert.deepEqual([told, board.state], [["running"], "asleep"]);
    clock.run(1999);
    assert.equal(board.state, "asleep");
    clock.run(121);
    assert.deepEqual(noted, [ResetReason.powerOn, ResetReason.deepSleepWake]);
  });

  it("lasts until RST for 0 microseconds, and where the timer is not wired", () => {
    for (const [us, options] of [
      [0, {}],
      [1000, { timerWake: false }],
      [1000, { wiring: "rst" }],
    ] as const) {
      const { clock, board, noted } = reasons(options, (chip) => chip.System.deepSleep(us));
      clock.run(3_600_000);
      assert.deepEqual([board.state, board.boots], ["asleep", 1]);
      board.reset();
      clock.run(200);
      assert.deepEqual(noted, [ResetReason.powerOn, ResetReason.deepSleepWake]);
    }
  });

  it("counts its microseconds modulo 2^32, as the SDK's argument is", () => {
    const { clock, board } = reasons({}, (chip) => {
      if (board.boots === 1) chip.System.deepSleep(2 ** 32 + 5_000_000);
    });
    clock.run(120 + 5000 + 120);
    assert.equal(board.boots, 2);
  });
});

describe("Board: what it shows", () => {
  it("tells its events in order, with the clock's time", () => {
    const heard: BoardEvent[] = [];
    const clock = new SteppedClock();
    const { board } = rig(
      (chip) => {
        chip.trace("[7] boot power-on\n[8] bo");
        chip.trace("red\nplain line\n");
        chip.System.deepSleep(0);
      },
      { clock },
    );
    const stop = board.on((event) => heard.push(event));
    clock.run(120);
    stop();
    board.reset();
    assert.deepEqual(heard, [
      { at: 120, type: "log", text: "[7] boot power-on" },
      { at: 120, type: "step", ms: 7, word: "boot", detail: "power-on" },
      { at: 120, type: "log", text: "[8] bored" },
      { at: 120, type: "step", ms: 8, word: "bored", detail: "" },
      { at: 120, type: "log", text: "plain line" },
      { at: 120, type: "sleep", us: 0 },
      { at: 120, type: "power", state: "asleep" },
    ]);
    assert.deepEqual(board.steps[1], { at: 120, ms: 8, word: "bored", detail: "" });
    assert.deepEqual(board.log, ["[7] boot power-on", "[8] bored", "plain line"]);
  });

  it("shows power, boot and reset, flash and button", () => {
    const heard: string[] = [];
    const { clock, board } = rig(() => {});
    board.on((event) => heard.push(event.type === "power" ? `power ${event.state}` : event.type));
    board.cutPower();
    board.powerOn();
    clock.run(200);
    board.flash.erase(0);
    board.button.press(10);
    clock.run(20);
    const power = ["power off", "power on", "reset", "power booting"];
    assert.deepEqual(heard, [...power, "flash", "button", "button"]);
  });

  it("lights its LED when GPIO2 is an output and low, and keeps the history", () => {
    const { clock, board, chip } = running();
    const Digital = chip.use<DigitalClass>("embedded:io/digital");
    assert.equal(board.led.on, false);
    const pin = new Digital({ pin: 2, mode: 8, initialValue: 1 });
    clock.run(10);
    pin.write(0);
    clock.run(10);
    pin.write(0);
    pin.write(1);
    assert.deepEqual(board.led.history, [
      { at: 130, on: true },
      { at: 140, on: false },
    ]);
  });

  it("forgets the oldest of a log that never ends", () => {
    const { board, chip } = running();
    for (let line = 0; line < 21_000; line++) chip.trace(`[${line}] step ${line}\n`);
    assert.ok(board.log.length <= 20_000 && board.steps.length <= 20_000);
    assert.equal(board.log.at(-1), "[20999] step 20999");
  });

  it("is silent after close", () => {
    const { clock, board } = running();
    board.button.press(1000);
    board.on(() => assert.fail("closed"));
    board.close();
    clock.run(2000);
    assert.deepEqual([board.state, clock.pending], ["off", 0]);
  });
});

describe("Board: button", () => {
  it("pulls its GPIO low while it is down", () => {
    const { clock, board } = running();
    const levels: string[] = [];
    board.pins.on((pin, level) => levels.push(`${clock.now} ${pin}:${level}`));
    board.button.press();
    assert.equal(board.button.isDown, true);
    board.button.down();
    clock.run(200);
    board.button.up();
    assert.deepEqual(levels, ["120 0:0", "240 0:1"]);
  });

  it("is on the GPIO that the configuration says", () => {
    const { board } = running({ config: { button: 14 } });
    board.button.down();
    assert.equal(board.pins.level(14), 0);
    assert.equal(board.pins.level(0), 1);
  });

  it("bounces for a while when asked to, by chance, and ends where the finger is", () => {
    const { clock, board } = running();
    const levels: number[] = [];
    board.pins.on((_, level) => levels.push(level));
    board.button.bounceMs = 5;
    board.button.press(100);
    clock.run(5);
    assert.ok(levels.length >= 3, "it chatters");
    assert.equal(levels.at(-1), 0);
    clock.run(100);
    assert.equal(levels.at(-1), 1);
  });

  it("on RST holds the chip still until it is let go", () => {
    const { clock, board, noted } = reasons({ wiring: "rst" });
    clock.run(200);
    board.button.press(300);
    clock.run(419);
    assert.deepEqual([board.state, board.boots], ["booting", 1]);
    clock.run(1);
    assert.deepEqual(noted, [ResetReason.powerOn, ResetReason.external]);
    board.button.down();
    board.cutPower();
    board.powerOn();
    clock.run(1000);
    assert.equal(board.boots, 2, "RST is still low");
    board.button.up();
    clock.run(120);
    assert.equal(board.boots, 3);
  });

  it("on RST wakes a sleeper with reason 5, bounces or not, one boot", () => {
    const { clock, board, noted } = reasons({ wiring: "rst" }, (chip) => chip.System.deepSleep(0));
    clock.run(200);
    board.button.bounceMs = 10;
    board.button.press();
    clock.run(1000);
    assert.deepEqual(noted, [ResetReason.powerOn, ResetReason.deepSleepWake]);
  });

  it("on RST and a GPIO pulses RST, and holds the GPIO until after the boot", () => {
    const levels: number[] = [];
    const { clock, board, noted } = reasons({ wiring: "rst+gpio", config: { button: 4 } }, (chip) => {
      const Digital = chip.use<DigitalClass>("embedded:io/digital");
      levels.push(new Digital({ pin: 4, mode: 1 }).read());
    });
    clock.run(200);
    board.button.press(50);
    clock.run(120);
    assert.deepEqual(noted, [ResetReason.powerOn, ResetReason.external]);
    assert.deepEqual(levels, [1, 0]);
    clock.run(429);
    assert.equal(board.pins.level(4), 0);
    clock.run(1);
    assert.equal(board.pins.level(4), 1);
  });

  it("keeps the GPIO low through every bounce", () => {
    const { clock, board } = reasons({ wiring: "rst+gpio", config: { button: 4 } }, (chip) => {
      new (chip.use<DigitalClass>("embedded:io/digital"))({ pin: 4, mode: 1 });
    });
    clock.run(200);
    board.button.bounceMs = 30;
    board.button.down();
    for (let ms = 0; ms < 1000; ms++) {
      clock.run(1);
      assert.equal(board.pins.level(4), 0, `${ms} ms after the finger came down`);
    }
    assert.equal(board.boots, 2);
  });

  it("pressed again before the capacitor is empty keeps the GPIO low", () => {
    const { clock, board } = reasons({ wiring: "rst+gpio", config: { button: 4 } }, (chip) => {
      new (chip.use<DigitalClass>("embedded:io/digital"))({ pin: 4, mode: 1 });
    });
    board.button.press(50);
    clock.run(300);
    board.button.down();
    clock.run(1000);
    assert.equal(board.pins.level(4), 0);
    board.button.up();
    clock.run(499);
    assert.equal(board.pins.level(4), 0);
    clock.run(200);
    assert.equal(board.pins.level(4), 1);
  });
});

describe("Board: supply", () => {
  it("adds up what each state draws", () => {
    const { clock, board } = reasons({}, (chip) => {
      if (board.boots === 1) chip.use<TimerModule>("timer").set(() => chip.System.deepSleep(0), 7_200_000 - 120);
    });
    clock.run(3_600_000);
    assert.ok(Math.abs(board.chargeMah - 15) < 1e-9, "an hour awake with the radio off");
    board.radioOn = true;
    clock.run(3_600_000);
    assert.ok(Math.abs(board.chargeMah - 90) < 1e-9, "an hour with it on");
    assert.deepEqual([board.state, board.radioOn], ["asleep", false]);
    clock.run(3_600_000);
    assert.ok(Math.abs(board.chargeMah - 90.084) < 1e-9, "an hour asleep");
    board.cutPower();
    clock.run(3_600_000);
    assert.ok(Math.abs(board.chargeMah - 90.084) < 1e-9, "an hour off");
  });

  it("has a voltage that may change", () => {
    const { board, chip } = running({ millivolts: 2900 });
    const { millivolts } = chip.use<{ millivolts(): number }>("chip");
    assert.equal(millivolts(), 2900);
    board.millivolts = 2500;
    assert.deepEqual([millivolts(), board.millivolts], [2500, 2500]);
  });
});

describe("Board: several", () => {
  it("shares a clock without sharing chance, flash or boots", () => {
    const clock = new SteppedClock();
    const first = rig(() => {}, { clock });
    const second = rig(() => {}, { clock, chipId: 5751, name: "kitchen" });
    assert.ok(second.board instanceof Board);
    assert.deepEqual([first.board.name, second.board.name], ["5750", "kitchen"]);
    first.board.flash.write(0, Uint8Array.of(0));
    assert.equal(second.board.flash.read(0, 1)[0], 255);
    clock.run(200);
    first.board.cutPower();
    assert.deepEqual([first.board.state, second.board.state], ["off", "running"]);
    assert.notEqual(first.board.rtc.read(40), second.board.rtc.read(40));
  });
});

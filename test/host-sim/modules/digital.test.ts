// `embedded:io/digital` as digitalbank.c has it on an ESP8266, quirks included.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { running } from "../rig.js";

interface Digital {
  read(): number;
  write(value: number): void;
  close(): void;
  format: string;
  target?: unknown;
}
interface DigitalClass {
  new (options: object): Digital;
  readonly Input: number;
  readonly InputPullUp: number;
  readonly InputPullDown: number;
  readonly InputPullUpDown: number;
  readonly Output: number;
  readonly OutputOpenDrain: number;
  readonly Rising: number;
  readonly Falling: number;
}

function bench() {
  const { clock, board, chip } = running();
  const Digital = chip.use<DigitalClass>("embedded:io/digital");
  return { clock, board, pins: board.pins, Digital, both: Digital.Rising | Digital.Falling };
}

describe("embedded:io/digital", () => {
  it("has the constants of digitalbank.js", () => {
    const { Digital } = bench();
    const { Input, InputPullUp, InputPullDown, InputPullUpDown, Output, OutputOpenDrain, Rising, Falling } = Digital;
    assert.deepEqual([Input, InputPullUp, InputPullDown, InputPullUpDown, Output, OutputOpenDrain], [0, 1, 2, 3, 8, 9]);
    assert.deepEqual([Rising, Falling], [1, 2]);
  });

  it("calls back after an edge that was asked for, later, once for many, with the level of then", () => {
    const { clock, pins, Digital } = bench();
    const heard: string[] = [];
    const pin = new Digital({
      pin: 0,
      mode: Digital.InputPullUp,
      edge: Digital.Falling,
      onReadable(this: Digital) {
        heard.push(`${this === pin} ${pin.read()}`);
      },
    });
    for (const level of [0, 1, 0, 1, 0] as const) pins.hold(0, level);
    assert.deepEqual(heard, [], "never from inside the change");
    clock.run(0);
    assert.deepEqual(heard, ["true 0"]);
    pins.hold(0, 1);
    clock.run(10);
    assert.deepEqual(heard, ["true 0"], "a rising edge was not asked for");
    pins.hold(0, 0);
    pins.hold(0, 1);
    clock.run(10);
    assert.deepEqual(heard, ["true 0", "true 1"], "a short pulse is heard, and gone when it is read");
  });

  it("hears nothing for the level that it opens with, and both edges when asked", () => {
    const { clock, pins, Digital, both } = bench();
    pins.hold(5, 0);
    let count = 0;
    new Digital({ pin: 5, mode: Digital.InputPullUp, edge: both, onReadable: () => count++ });
    clock.run(1);
    assert.equal(count, 0);
    pins.hold(5, 1);
    clock.run(1);
    pins.hold(5, 0);
    clock.run(1);
    assert.equal(count, 2);
  });

  it("never hears an edge on GPIO16", () => {
    const { clock, pins, Digital, both } = bench();
    const pin = new Digital({
      pin: 16,
      mode: Digital.Input,
      edge: both,
      onReadable: () => assert.fail("no interrupt"),
    });
    pins.hold(16, 1);
    clock.run(10);
    assert.equal(pin.read(), 1);
  });

  it("lets one callback close another pin that waits for its own", () => {
    const { clock, pins, Digital } = bench();
    const falling = (pin: number, onReadable: () => void) =>
      new Digital({ pin, mode: Digital.InputPullUp, edge: Digital.Falling, onReadable });
    const heard: number[] = [];
    const first = falling(4, () => assert.fail("closed by the newer one"));
    falling(5, () => {
      heard.push(5);
      first.close();
    });
    pins.hold(4, 0);
    pins.hold(5, 0);
    clock.run(1);
    assert.deepEqual(heard, [5]);
  });

  it("starts an output low unless told otherwise, and keeps its level after close", () => {
    const { board, Digital } = bench();
    const low = new Digital({ pin: 2, mode: Digital.Output });
    assert.equal(board.led.on, true, "lit when low: it flashes");
    low.close();
    assert.equal(board.led.on, true, "close leaves the pin as it is");
    const high = new Digital({ pin: 2, mode: Digital.Output, initialValue: 1 });
    assert.equal(board.led.on, false);
    high.write(0);
    assert.equal(board.led.on, true);
  });

  it("turns levels and edges round for activeLow", () => {
    const { clock, pins, board, Digital } = bench();
    const led = new Digital({ pin: 2, mode: Digital.Output, activeLow: true, initialValue: 0 });
    assert.equal(board.led.on, false);
    led.write(1);
    assert.equal(board.led.on, true);
    let rises = 0;
    const button = new Digital({
      pin: 4,
      mode: Digital.InputPullUp,
      activeLow: true,
      edge: Digital.Rising,
      onReadable: () => rises++,
    });
    assert.equal(button.read(), 0);
    pins.hold(4, 0);
    clock.run(1);
    assert.deepEqual([rises, button.read()], [1, 1]);
    pins.hold(4, 1);
    clock.run(1);
    assert.equal(rises, 1);
  });

  it("pulls up and down, and releases as open drain", () => {
    const { pins, Digital } = bench();
    const up = new Digital({ pin: 4, mode: Digital.InputPullUp });
    const down = new Digital({ pin: 5, mode: Digital.InputPullDown });
    assert.deepEqual([up.read(), down.read()], [1, 0]);
    const drain = new Digital({ pin: 0, mode: Digital.OutputOpenDrain, initialValue: 1 });
    assert.equal(pins.level(0), 1);
    drain.write(0);
    assert.equal(pins.level(0), 0);
  });

  it("refuses pins in use, pins of the flash chip, and what an ESP8266 cannot do", () => {
    const { Digital } = bench();
    const { Input, InputPullUp, InputPullUpDown, Output, Falling } = Digital;
    const open = (options: object) => () => new Digital(options);
    const first = new Digital({ pin: 4, mode: Input });
    assert.throws(open({ pin: 4, mode: Input }), /in use/);
    assert.throws(open({ pin: 36, mode: Input }), /in use/, "pin numbers count modulo 32: this is GPIO4");
    assert.throws(open({ pin: 6, mode: Input }), /in use/);
    assert.throws(open({ mode: Input }), /invalid/);
    assert.throws(open({ pin: 5, mode: 7 }), RangeError);
    assert.throws(open({ pin: 5, mode: InputPullUpDown }), RangeError);
    assert.throws(open({ pin: 16, mode: InputPullUp }), RangeError);
    const onReadable = () => {};
    assert.throws(open({ pin: 5, mode: Output, edge: Falling, onReadable }), /invalid mode/);
    assert.throws(open({ pin: 5, mode: Input, onReadable }), /invalid edges/);
    assert.throws(open({ pin: 5, mode: Input, edge: Falling, onReadable: 1 }), /not a function/);
    assert.throws(open({ pin: 5, mode: Input, format: "buffer" }), /invalid format/);
    first.close();
    const again = new Digital({ pin: { pin: 4 }, mode: Input, target: "mine", onReadable: null, format: "number" });
    assert.equal(again.target, "mine");
    assert.equal(again.format, "number");
    assert.throws(() => {
      again.format = "buffer";
    }, RangeError);
  });

  it("neither writes inputs nor reads outputs, nor does anything once closed; closing twice is fine", () => {
    const { clock, pins, Digital } = bench();
    const input = new Digital({
      pin: 4,
      mode: Digital.InputPullUp,
      edge: Digital.Falling,
      onReadable: () => assert.fail("closed"),
    });
    const output = new Digital({ pin: 5, mode: Digital.Output });
    assert.throws(() => input.write(1), /can't write input/);
    assert.throws(() => output.read(), /can't read output/);
    pins.hold(4, 0);
    input.close();
    input.close();
    clock.run(1);
    assert.throws(() => input.read(), TypeError);
  });

  it("frees its pins and its ears with the boot", () => {
    const { clock, board, Digital } = bench();
    const pin = new Digital({ pin: 4, mode: Digital.InputPullUp, edge: 3, onReadable: () => assert.fail("rebooted") });
    board.reset();
    board.pins.hold(4, 0);
    clock.run(1000);
    assert.equal(board.boots, 2);
    assert.throws(() => pin.read(), /boot has ended/);
  });
});

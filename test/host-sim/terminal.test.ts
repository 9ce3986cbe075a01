// The bench in a terminal: what it writes to a terminal and to a pipe, and what its keys do.

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { afterEach, describe, it } from "mocha";
import { FASTEST, type Line } from "../../host-sim/page/protocol.js";
import { formatLine, type Look, lookOf, Terminal } from "../../host-sim/terminal.js";
import { boardView, FakeStage } from "./fake-stage.js";

class FakeOutput extends EventEmitter {
  text = "";
  readonly isTTY: boolean;
  columns: number;

  constructor(isTTY: boolean, columns = 80) {
    super();
    this.isTTY = isTTY;
    this.columns = columns;
  }

  write(text: string): void {
    this.text += text;
  }

  /** What was written since the last look. */
  take(): string {
    const { text } = this;
    this.text = "";
    return text;
  }
}

class FakeInput extends EventEmitter {
  readonly isTTY = true;
  raw: boolean[] = [];
  flowing = false;

  setRawMode(raw: boolean): void {
    this.raw.push(raw);
  }
  resume(): void {
    this.flowing = true;
  }
  pause(): void {
    this.flowing = false;
  }
  type(text: string): void {
    this.emit("data", Buffer.from(text));
  }
}

/** The rows that a terminal of this width shows after these bytes; knows the few sequences that Terminal writes. */
function screen(text: string, columns: number): string[] {
  const rows: string[] = [""];
  let row = 0;
  let column = 0;
  for (let index = 0; index < text.length; index++) {
    const sequence = /^␛\[(\??)(\d*)([a-zA-Z])/.exec(visible(text.slice(index, index + 12)));
    if (sequence !== null) {
      index += sequence[0].length - 1;
      if (sequence[3] === "A") row -= Number(sequence[2]);
      if (sequence[3] === "J") {
        rows.length = row + 1;
        rows[row] = (rows[row] ?? "").slice(0, column);
      }
      continue;
    }
    const character = text[index] ?? "";
    if (character === "\r") column = 0;
    else if (character === "\n") {
      row++;
      column = 0;
      rows[row] ??= "";
    } else {
      if (column === columns) {
        row++;
        column = 0;
        rows[row] ??= "";
      }
      const old = rows[row] ?? "";
      rows[row] = old.slice(0, column).padEnd(column) + character + old.slice(column + 1);
      column++;
    }
  }
  return rows;
}

/** The same text with its control characters to be seen: ESC as ␛, CR as ␍. */
function visible(text: string): string {
  return text.replaceAll("\x1b", "␛").replaceAll("\r", "␍");
}

const PLAIN: Look = Object.freeze({ colour: false, unicode: true });
const PAINTED: Look = Object.freeze({ colour: true, unicode: true });

describe("host-sim/terminal", () => {
  let stage: FakeStage;
  let output: FakeOutput;
  let input: FakeInput;
  let terminal: Terminal;
  let quits: number;

  function start({ isTTY = true, columns = 80, boards = 1, look = PLAIN, keys = true } = {}): void {
    stage = new FakeStage(boards);
    output = new FakeOutput(isTTY, columns);
    input = new FakeInput();
    quits = 0;
    terminal = new Terminal({
      stage,
      output,
      input: keys ? input : undefined,
      look,
      page: "http://127.0.0.1:8080/",
      quit: () => quits++,
    });
  }

  afterEach(() => terminal?.close());

  it("first says where the page and the broker are, and how to watch the alerts", () => {
    start({ isTTY: false });
    const text = output.take();
    assert.match(text, /Page +http:\/\/127\.0\.0\.1:8080\//);
    assert.match(text, /Broker +mqtt:\/\/127\.0\.0\.1:1883 {2}\(started here\)/);
    assert.match(text, /mosquitto_sub -h 127\.0\.0\.1 -p 1883 -t 'mresetar\/alertbox\/\+\/alert' -v\n/);
    assert.match(text, /space press.*\n.*q quit/);
  });

  it("writes one line per step with its milliseconds", () => {
    start({ isTTY: false });
    output.take();
    stage.tell("delivered", "5750-1-40146", { since: 186.4 });
    assert.equal(output.take(), "    186 ms  delivered    5750-1-40146\n");
    stage.tell("pressed", "", { since: 0, source: "bench" });
    assert.equal(output.take(), "      0 ms  pressed\n");
  });

  it("shows what was told before it was there", () => {
    stage = new FakeStage();
    stage.tell("boot", "power");
    output = new FakeOutput(false);
    terminal = new Terminal({ stage, output, input: undefined, look: PLAIN, page: undefined, quit: () => undefined });
    assert.match(output.take(), /boot {9}power\n$/);
  });

  it("names the board in each line when there are several", () => {
    start({ isTTY: false, boards: 2 });
    output.take();
    stage.tell("stored", "5751-1", { board: 1, since: 52 });
    assert.equal(output.take(), "     52 ms  5751     stored       5751-1\n");
  });

  it("on a pipe writes no escape sequence and no bottom line, whatever happens", () => {
    start({ isTTY: false, look: lookOf(new FakeOutput(false), { LANG: "C.UTF-8" }, "linux") });
    stage.tell("stored", "5750-1-40146");
    stage.emit({ type: "led", board: 0, on: true, at: 1 });
    stage.show(0, { presence: "lost" });
    input.type("?");
    terminal.close();
    assert.doesNotMatch(visible(output.text), /[␛␍]/);
    assert.doesNotMatch(output.text, /lost/);
  });

  it("lets no payload move the cursor", () => {
    start({ isTTY: false });
    output.take();
    stage.tell("arrived", "\x1b[2Jgone\r\n\x9b31m");
    assert.match(output.take(), /arrived {6}\?\[2Jgone\?\?\?31m\n$/);
  });

  it("keeps one bottom line with the LED, the board and the switches under the lines", () => {
    start();
    stage.boards[0] = { ...stage.snapshot().boards[0], led: true, presses: 2, alerts: 1 } as never;
    stage.emit({ type: "led", board: 0, on: true, at: 1 });
    stage.tell("stored", "5750-1-40146");
    stage.tell("sent", "5750-1-40146");
    const rows = screen(output.text, 80);
    assert.match(rows.at(-1) ?? "", /^ ● {2}5750 awake, online {3}Wi-Fi on {3}broker on {3}2 pressed, 1 arrived$/);
    assert.match(rows.at(-2) ?? "", /sent {9}5750-1-40146$/);
    assert.match(rows.at(-3) ?? "", /stored {7}5750-1-40146$/);
    assert.equal(rows.filter((row) => /awake/.test(row)).length, 1);
  });

  it("says how long the last twenty alerts of the chosen board took", () => {
    start({ columns: 120 });
    const press = (number: number, arrived: number | undefined) => {
      const steps = arrived === undefined ? { pressed: 0 } : { pressed: 0, arrived };
      const rest = { id: `5750-${number}-40146`, at: 0, outcome: "delivered", chargeMah: 0 } as const;
      stage.emit({ type: "press", press: { board: 0, number, steps, ...rest } });
      return screen(output.text, 120).at(-1) ?? "";
    };
    assert.doesNotMatch(press(1, undefined), /p50/);
    assert.match(press(1, 9000.4), /0 arrived, p50 9000 ms, p90 9000 ms$/);
    for (let number = 2; number <= 21; number++) press(number, 10 * number);
    terminal.resume();
    assert.match(screen(output.text, 120).at(-1) ?? "", /, p50 110 ms, p90 190 ms$/);
    stage.emit({ type: "gone", board: 0 });
    terminal.resume();
    assert.doesNotMatch(screen(output.text, 120).at(-1) ?? "", /p50/);
  });

  it("draws the LED at once when it changes", () => {
    start();
    output.take();
    stage.boards[0] = { ...stage.boards[0], led: true } as never;
    stage.emit({ type: "led", board: 0, on: true, at: 1 });
    assert.match(output.take(), /●/);
  });

  it("never lets the bottom line wrap, and cleans up after a terminal that became narrower", () => {
    start({ columns: 40 });
    assert.ok((screen(output.text, 40).at(-1) ?? "").length < 40);
    output.take();
    output.columns = 12;
    output.emit("resize");
    // The terminal itself has wrapped the old line into four rows; they are erased, one short line stands there.
    assert.match(visible(output.take()), /^␍␛\[3A␛\[0J ○ {2}5750 aw$/);
  });

  it("draws a lamp for each of several boards, as many as fit", () => {
    start({ boards: 64, columns: 20 });
    const bottom = screen(output.text, 20).at(-1) ?? "";
    assert.ok(bottom.length <= 19, bottom);
    assert.ok([...bottom].filter((sign) => sign === "○").length >= 8);
  });

  it("uses only ASCII where the locale has no more", () => {
    start({ look: { colour: false, unicode: false } });
    assert.ok([...output.text].every((character) => character < "\x80"));
    assert.match(output.text, /\( \)/);
  });

  it("gives keys their actions", () => {
    start({ boards: 2 });
    input.type(" ldsxrpwb");
    assert.deepEqual(stage.actions, [
      { type: "press", board: 0 },
      { type: "long", board: 0 },
      { type: "double", board: 0 },
      { type: "setup", board: 0 },
      { type: "crash", board: 0 },
      { type: "reset", board: 0 },
      { type: "blackout", board: 0 },
      { type: "wifi", on: false },
      { type: "broker", on: false },
    ]);
  });

  it("erases settings only when it is asked twice, for the same board", () => {
    start({ boards: 2 });
    output.take();
    input.type("f");
    assert.match(output.take(), /f again: factory reset, settings and stored alerts are erased/);
    input.type("\tf");
    assert.deepEqual(stage.actions, []);
    input.type("f");
    assert.deepEqual(stage.actions, [{ type: "factory", board: 1 }]);
    input.type("f");
    assert.equal(stage.actions.length, 1);
  });

  it("pauses, goes on, and steps only in a pause", () => {
    start();
    stage.bench = { ...stage.bench, speed: 10 };
    input.type(".\r\n,");
    stage.bench = { ...stage.bench, paused: true };
    input.type(".\rz");
    assert.deepEqual(stage.actions, [
      { type: "time", speed: 0 },
      { type: "step" },
      { type: "step" },
      { type: "time", speed: 10 },
    ]);
  });

  it("goes through the speeds, with the one that the bench was started with", () => {
    stage = new FakeStage();
    stage.bench = { ...stage.bench, speed: 7 };
    output = new FakeOutput(true);
    input = new FakeInput();
    terminal = new Terminal({ stage, output, input, look: PLAIN, page: undefined, quit: () => undefined });
    const speeds: number[] = [];
    for (const key of ["<", "<", ">", ">", ">", ">", "<"]) {
      const asked = stage.actions.length;
      input.type(key);
      const action = stage.actions[asked];
      if (action?.type === "time") stage.bench = { ...stage.bench, speed: action.speed };
      speeds.push(stage.bench.speed);
    }
    assert.deepEqual(speeds, [1, 1, 7, 10, 100, 100, 10]);
    assert.equal(stage.actions.length, 5, "there is no slower than the slowest, no faster than the fastest");
  });

  it("shows another bench from its beginning, goes back by a key, and has its speeds", () => {
    start({ columns: 160 });
    stage.show(1, {});
    output.take();
    stage.bench = { ...stage.bench, world: "virtual", visiting: true, watch: "", speed: FASTEST };
    stage.boards.length = 0;
    stage.boards.push(boardView(7));
    stage.tell("visit", "a world of its own", { board: 7 });
    output.take();
    stage.emit(stage.snapshot());
    const text = output.take();
    assert.match(text, /visit +a world of its own/);
    assert.match(screen(text, 160).at(-1) ?? "", /5757 awake.*VISIT, e: back {3}as fast as it goes/);
    input.type(" <e");
    assert.deepEqual(stage.actions, [{ type: "press", board: 7 }, { type: "time", speed: 100 }, { type: "back" }]);
  });

  it("says in its banner what a virtual world is, and no command that would lead nowhere", () => {
    stage = new FakeStage();
    stage.bench = { ...stage.bench, world: "virtual", watch: "" };
    output = new FakeOutput(true);
    input = new FakeInput();
    terminal = new Terminal({ stage, output, input, look: PLAIN, page: undefined, quit: () => undefined });
    assert.match(output.text, /World +virtual: nothing is real/);
    assert.doesNotMatch(output.text, /Watch/);
  });

  it("shows speed, pause and faults in the bottom line", () => {
    start({ columns: 160 });
    stage.bench = { ...stage.bench, speed: 10, paused: true, now: 12_345.6, faults: ["slow-dhcp"] };
    stage.show(0, { faults: ["bounce"] });
    assert.match(
      screen(output.text, 160).at(-1) ?? "",
      /PAUSED at 12\.346 s {3}5750 awake.*broker on {3}SLOW DHCP {3}BOUNCING BUTTON {3}10 x {3}0 pressed/,
    );
  });

  it("lists the faults with their digits and crosses, and the next digit switches one", () => {
    start({ boards: 2, columns: 120 });
    stage.bench = { ...stage.bench, faults: ["slow-dhcp"] };
    stage.boards[1] = { ...stage.boards[1], faults: ["flash-cut"] } as never;
    input.type("2");
    output.take();
    input.type("m");
    const rows = screen(output.take(), 120);
    const list = rows.filter((row) => /^ {2}\d/.test(row)).map((row) => row.slice(0, 30).trimEnd());
    assert.deepEqual(list, [
      "  1  [ ]  Wrong password",
      "  2  [ ]  Other channel",
      "  3  [x]  Slow DHCP",
      "  4  [ ]  Broker refuses",
      "  5  [ ]  Slow network",
      "  6  [ ]  Half-open",
      "  7  [ ]  Lost PUBCOMP",
      "  8  [ ]  Bouncing button",
      "  9  [x]  Power cut at a write",
      "  0       mends all of it",
    ]);
    assert.match(rows.at(-1) ?? "", /1 to 9 breaks or mends, 0 mends all {3}5751/);
    input.type("1m3m8m9");
    assert.deepEqual(stage.actions, [
      { type: "fault", fault: "wrong-password", on: true },
      { type: "fault", fault: "slow-dhcp", on: false },
      { type: "fault", fault: "bounce", on: true, board: 1 },
      { type: "fault", fault: "flash-cut", on: false, board: 1 },
    ]);
    stage.actions.length = 0;
    input.type("m0");
    assert.deepEqual(stage.actions, [
      { type: "fault", fault: "slow-dhcp", on: false },
      { type: "fault", fault: "flash-cut", on: false, board: 1 },
    ]);
    stage.actions.length = 0;
    // Closed by itself, by Escape, by any other key, which then means what it means.
    input.type("1 mm2 ml");
    input.type("m");
    input.type("\x1b");
    input.type("2 ");
    assert.deepEqual(stage.actions, [
      { type: "press", board: 0 },
      { type: "press", board: 1 },
      { type: "long", board: 1 },
      { type: "press", board: 1 },
    ]);
  });

  it("adds a board like the chosen one, and takes one away when it is asked twice", () => {
    start();
    stage.boards[0] = { ...stage.boards[0], mode: "battery", wiring: "rst" } as never;
    output.take();
    input.type("+-");
    assert.match(output.take(), /- again: board 5750 is taken away/);
    input.type("f-");
    assert.deepEqual(stage.actions, [{ type: "add", mode: "battery", wiring: "rst" }]);
    input.type("-");
    assert.deepEqual(stage.actions[1], { type: "remove", board: 0 });
  });

  it("goes on with the next board when the chosen one is gone; digits and tab know only those that are there", () => {
    start({ boards: 4 });
    input.type("2 ");
    stage.boards.splice(1, 1);
    stage.emit({ type: "gone", board: 1 });
    input.type(" \t \t \t 2 3 4 ");
    stage.boards.splice(2, 1);
    stage.emit({ type: "gone", board: 3 });
    input.type(" ");
    assert.deepEqual(
      stage.actions.map((action) => ("board" in action ? action.board : -1)),
      [1, 2, 3, 0, 2, 2, 3, 3, 0],
    );
  });

  it("names boards in lines from the moment that there are two, also the last words of one that is gone", () => {
    start({ isTTY: false });
    output.take();
    stage.tell("stored", "5750-1-40146", { since: 1 });
    stage.boards.push(boardView(1));
    stage.emit({ type: "board", board: boardView(1) });
    stage.tell("added", "", { board: 1, since: 1 });
    stage.boards.pop();
    stage.tell("removed", "", { board: 1, since: 1 });
    stage.emit({ type: "gone", board: 1 });
    stage.tell("stored", "5750-2-40146", { since: 1 });
    assert.deepEqual(output.take().trimEnd().split("\n"), [
      "      1 ms  stored       5750-1-40146",
      "      1 ms  5751     added",
      "      1 ms  5751     removed",
      "      1 ms  5750     stored       5750-2-40146",
    ]);
  });

  it("draws for what it shows only: packets and panels of the page cost it nothing", () => {
    start();
    output.take();
    stage.emit({ type: "draw", draw: { board: 0, at: 1, milliamperes: 75, chargeMah: 0 } });
    stage.emit({ type: "broker", broker: { connected: true, trouble: "", clients: undefined, sys: [] } });
    assert.equal(output.take(), "");
  });

  it("tells in the bottom line that the setup is open and when it closes", () => {
    start();
    stage.show(0, { setup: "http://127.0.0.1:8166/", setupSeconds: 118, presence: "" });
    assert.match(screen(output.text, 80).at(-1) ?? "", /5750 awake {3}setup open, closes in 118 s {3}Wi-Fi on/);
  });

  it("switches Wi-Fi and broker on again when they are off, also with caps lock", () => {
    start();
    stage.bench = { ...stage.bench, wifiOn: false, brokerOn: false };
    input.type("WB");
    assert.deepEqual(stage.actions, [
      { type: "wifi", on: true },
      { type: "broker", on: true },
    ]);
  });

  it("chooses a board with its digit and with tab", () => {
    start({ boards: 3 });
    input.type("3 \t 9 ");
    assert.deepEqual(
      stage.actions.map((action) => ("board" in action ? action.board : -1)),
      [2, 0, 0],
    );
  });

  it("takes arrows and function keys for nothing", () => {
    start();
    input.type("\x1b[D");
    input.type("\x1bOP");
    input.type("\x1b[15~");
    input.type("y\n\r");
    assert.deepEqual(stage.actions, []);
    assert.equal(quits, 0);
  });

  it("explains its keys with ?", () => {
    start();
    output.take();
    input.type("?");
    const help = output.take();
    for (const word of [
      "press",
      "long press",
      "setup",
      "factory reset",
      "crash",
      "reset",
      "cut the power",
      "Wi-Fi off or on",
      "broker off or on",
      "more that can break",
      "pause",
      "slower",
      "faster",
      "next event",
      "one more board",
      "take this board away",
      "quit",
    ]) {
      assert.ok(help.includes(word), word);
    }
  });

  for (const [name, key] of [
    ["q", "q"],
    ["Ctrl-C", "\x03"],
    ["Ctrl-D", "\x04"],
  ] as const) {
    it(`quits with ${name}`, () => {
      start();
      input.type(key);
      assert.equal(quits, 1);
    });
  }

  it("gives the terminal back: raw mode off, cursor shown, bottom line gone, nothing written later", () => {
    start();
    assert.deepEqual(input.raw, [true]);
    assert.match(visible(output.take()), /^␛\[\?25l/);
    terminal.close();
    terminal.close();
    assert.deepEqual(input.raw, [true, false]);
    assert.equal(input.flowing, false);
    assert.equal(output.take(), "\r\x1b[0J\x1b[?25h");
    stage.tell("late", "");
    output.emit("resize");
    input.type(" ");
    assert.equal(output.take(), "");
    assert.equal(stage.listeners, 0);
    assert.deepEqual(stage.actions, []);
  });

  it("gives the terminal to the shell and takes it back", () => {
    start();
    output.take();
    terminal.pause();
    assert.deepEqual(input.raw, [true, false]);
    assert.equal(output.take(), "\r\x1b[0J\x1b[?25h");
    terminal.resume();
    assert.deepEqual(input.raw, [true, false, true]);
    assert.match(visible(output.take()), /^␛\[\?25l.*awake/);
  });

  it("paints only terminals, and only for people who want colours", () => {
    const tty = new FakeOutput(true);
    assert.equal(lookOf(tty, {}, "darwin").colour, true);
    assert.equal(lookOf(tty, { NO_COLOR: "" }, "darwin").colour, true);
    assert.equal(lookOf(tty, { NO_COLOR: "1" }, "darwin").colour, false);
    assert.equal(lookOf(tty, { TERM: "dumb" }, "darwin").colour, false);
    assert.equal(lookOf(new FakeOutput(false), {}, "darwin").colour, false);
    assert.equal(lookOf(tty, { LANG: "hr_HR.UTF-8" }, "linux").unicode, true);
    assert.equal(lookOf(tty, { LC_ALL: "C", LANG: "hr_HR.UTF-8" }, "linux").unicode, false);
    assert.equal(lookOf(tty, {}, "linux").unicode, false);
    assert.equal(lookOf(tty, {}, "win32").unicode, true);
  });

  it("paints words by what they mean and never leaves a colour on", () => {
    const line: Line = {
      id: 1,
      board: 0,
      at: 5,
      since: undefined,
      ms: 5,
      source: "firmware",
      word: "delivered",
      detail: "5750-1-40146",
      opens: false,
    };
    const text = visible(formatLine(line, "", PAINTED));
    assert.match(text, /␛\[32mdelivered +␛\[0m/);
    assert.equal(text.match(/␛\[0m/g)?.length, text.match(/␛\[[1-9]\d*m/g)?.length);
    assert.match(formatLine(line, "", PLAIN), /^ {6}5 ms/);
  });
});

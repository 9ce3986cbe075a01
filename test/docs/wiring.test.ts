// docs/wiring.md and its drawings against the code and against arithmetic: pin orders, links, names, times, and every
// figure that is said to be calculated. It knows nothing of how a drawing looks; that was judged by eye.

import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { before, describe, it } from "mocha";
import { capacitorMs } from "../../host-sim/button.js";
import { BUTTON_TIMES } from "../../src/alertbox/button.js";
import { courseOf, Recovery } from "../../src/alertbox/recovery.js";
import { checkSettings, type Settings } from "../../src/alertbox/settings.js";
import { BoxTimes } from "../../src/alertbox/state.js";
import { ResetReason, wakeCause } from "../../src/alertbox/wake.js";
import { LedPattern, ledTiming } from "../alertbox/led-timing.js";

const ROOT = new URL("../..", import.meta.url).pathname;
const DRAWINGS = `${ROOT}docs/wiring/`;
const page = readFileSync(`${ROOT}docs/wiring.md`, "utf8");
/** The page in one line, so that where a sentence breaks does not matter. */
const plain = page.replace(/\s+/g, " ");

const Board = Object.freeze({
  NODEMCU: {
    left: "A0 RSV RSV SD3 SD2 SD1 CMD SD0 CLK GND 3V3 EN RST GND Vin",
    right: "D0 D1 D2 D3 D4 3V3 GND D5 D6 D7 D8 RX TX GND 3V3",
  },
  D1_MINI: { left: "RST A0 D0 D5 D6 D7 D8 3V3", right: "TX RX D1 D2 D3 D4 G 5V" },
} as const);

const BOARD_OF: Readonly<Record<string, (typeof Board)[keyof typeof Board]>> = Object.freeze({
  "nodemcu-gpio.svg": Board.NODEMCU,
  "nodemcu-rst.svg": Board.NODEMCU,
  "d1-mini-rst.svg": Board.D1_MINI,
  "d1-mini-rst-gpio.svg": Board.D1_MINI,
});

interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  text: string;
}

/** The elements of an XML text in order; fails at whatever is not well-formed among what our drawings use. */
function elementsOf(xml: string): Element[] {
  const found: Element[] = [];
  const open: Element[] = [];
  let rest = xml;
  const text = (end: number) => {
    const content = rest.slice(0, end);
    assert.doesNotMatch(content, /&(?!amp;|lt;|gt;|quot;|#\d+;)/, `a bare & in ${content}`);
    const inside = open.at(-1);
    if (inside === undefined) assert.equal(content.trim(), "", "text outside of the root");
    else inside.text += content;
  };
  while (rest !== "") {
    const start = rest.indexOf("<");
    text(start < 0 ? rest.length : start);
    if (start < 0) break;
    rest = rest.slice(start);
    const tag = /^<(\/?)([A-Za-z][\w-]*)((?:\s+[A-Za-z][\w-]*="[^"<]*")*)\s*(\/?)>/.exec(rest);
    assert.ok(tag, `no tag: ${rest.slice(0, 60)}`);
    const [all, closing, name = "", inner = "", single] = tag;
    if (closing === "/") {
      assert.equal(open.pop()?.name, name, `</${name}> closes something else`);
    } else {
      assert.ok(found.length === 0 || open.length > 0, `<${name}> is a second root`);
      const attributes: Record<string, string> = {};
      for (const [, key = "", value = ""] of inner.matchAll(/([A-Za-z][\w-]*)="([^"]*)"/g)) {
        assert.ok(!(key in attributes), `${key} twice in <${name}>`);
        attributes[key] = value;
      }
      const element = { name, attributes, text: "" };
      found.push(element);
      if (single !== "/") open.push(element);
    }
    rest = rest.slice(all.length);
  }
  assert.equal(open.length, 0, `not closed: ${open.map((each) => each.name).join(", ")}`);
  return found;
}

function drawing(file: string): Element[] {
  return elementsOf(readFileSync(DRAWINGS + file, "utf8"));
}

/** The cells of the table rows below a heading's line. */
function rowsBelow(heading: string): string[][] {
  const from = page.indexOf(heading);
  assert.ok(from >= 0, `no heading ${heading}`);
  const rows: string[][] = [];
  for (const line of page.slice(from).split("\n")) {
    if (line.startsWith("|"))
      rows.push(
        line
          .slice(1, -1)
          .split(" | ")
          .map((cell) => cell.trim()),
      );
    else if (rows.length > 0) break;
  }
  return rows.slice(2);
}

/** How GitHub makes an anchor of a heading. */
function anchors(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replace(/[^\w\- ]/g, "")
      .replaceAll(" ", "-"),
  );
}

function says(sentence: string): void {
  assert.ok(plain.includes(sentence), `docs/wiring.md does not say: ${sentence}`);
}

const seconds = (ms: number) => String(ms / 1000);

describe("docs/wiring.md", () => {
  it("has no line longer than 120 characters", () => {
    const long = page.split("\n").filter((line) => line.length > 120 && !line.startsWith("["));
    assert.deepEqual(long, []);
  });

  it("shows every drawing, each with a description for who cannot see it", () => {
    const images = [...page.matchAll(/!\[([^\]]*)\]\(([^)]*)\)/g)];
    for (const [, alt = "", path = ""] of images) {
      assert.ok(existsSync(`${ROOT}docs/${path}`), path);
      assert.ok(alt.length > 30, `${path}: "${alt}" says too little`);
    }
    const shown = images.map(([, , path = ""]) => path.replace("wiring/", "")).sort();
    assert.deepEqual(shown, readdirSync(DRAWINGS).sort());
    assert.deepEqual(shown, Object.keys(BOARD_OF).sort());
  });

  it("links to files and headings that exist, and uses and defines every reference", () => {
    for (const [, target = ""] of page.matchAll(/\]\(([^)]*)\)/g)) {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? `${ROOT}docs/wiring.md` : `${ROOT}docs/${path}`;
      assert.ok(existsSync(file), target);
      if (anchor !== undefined) assert.ok(anchors(readFileSync(file, "utf8")).includes(anchor), target);
    }
    const used = new Set([...page.matchAll(/\]\[([^\]]+)\]/g)].map(([, key]) => key));
    const defined = [...page.matchAll(/^\[([^\]]+)\]: https?:\/\/\S+$/gm)].map(([, key]) => key);
    assert.deepEqual([...used].sort(), [...new Set(defined)].sort());
    assert.equal(defined.length, new Set(defined).size, "a reference is defined twice");
  });

  it("says at the top that nothing was tried on hardware", () => {
    assert.ok(page.indexOf("None of this has been tried on hardware") < page.indexOf("\n## "));
  });

  it("names the wirings that the settings know, and which mode allows which", () => {
    const names = rowsBelow("## Which wiring for what").map(([name = ""]) => name.replaceAll("`", ""));
    const allowed = (mode: string) =>
      names.filter((wiring) => {
        const data = { host: "10.0.0.3", ssid: "home", wifiPassword: "", mode, wiring };
        return typeof checkSettings(data, 1) !== "string";
      });
    assert.deepEqual(names, ["gpio", "rst", "rst+gpio"]);
    assert.deepEqual(allowed("mains"), ["gpio", "rst+gpio"]);
    assert.deepEqual(allowed("battery"), ["rst", "rst+gpio"]);
    says("Mode `mains` needs `gpio` or `rst+gpio`; mode `battery` needs `rst` or `rst+gpio`.");
  });

  it("tells presses from wakes as the firmware does", () => {
    const { DEEP_SLEEP, EXTERNAL, POWER_ON } = ResetReason;
    says("each reset is taken for a press");
    assert.equal(wakeCause(DEEP_SLEEP, "rst", false, false), "press");
    says("Board's RST key: the box starts and sends nothing new.");
    assert.notEqual(wakeCause(EXTERNAL, "rst+gpio", false, false), "press");
    assert.equal(wakeCause(EXTERNAL, "rst+gpio", true, false), "press");
    says("Fitting a battery is never a press.");
    for (const wiring of ["gpio", "rst", "rst+gpio"] as const) {
      assert.notEqual(wakeCause(POWER_ON, wiring, true, false), "press");
    }
  });

  it("quotes the times of the button, the setup and the recovery", () => {
    const { gapMs, longMs, setupMs, resetMs } = BUTTON_TIMES;
    says(`two presses within ${gapMs} ms`);
    says(`hold ${seconds(longMs)} to ${seconds(setupMs)} s |`);
    says(`| hold ${seconds(setupMs)} to ${seconds(resetMs)} s | five quick presses |`);
    says(`| hold ${seconds(resetMs)} s | ten quick presses |`);
    assert.deepEqual(
      [4, 5, 9, 10].map((quick) => courseOf("press", quick, 0)),
      ["normal", "setup", "setup", "erase"],
    );
    says(`each within ${seconds(new Recovery(0).until ?? 0)} s of the one before`);
    says(`the setup is open, for ${seconds(BoxTimes.setup)} s`);
    says(`${seconds(BoxTimes.awake)} s awake are 0.4 mAh, an open setup of ${seconds(BoxTimes.setup)} s 2.5 mAh`);
    says(`The simulator reckons with ${seconds(capacitorMs)} s.`);
  });

  it("quotes the delays of the retry timer that main.ts sets", () => {
    const main = readFileSync(`${ROOT}src/main.ts`, "utf8");
    const found = /const WAKE = Object\.freeze\(\{ baseMs: (\d+), capMs: (\d+)/.exec(main);
    assert.ok(found, "main.ts sets no delays for the wakes");
    says(`at most ${Number(found[1]) / 60000} minute at first, then 2, 4 and so on`);
    says(`at most ${Number(found[2]) / 3600000} hour`);
  });

  it("quotes the LED's rhythms", () => {
    const step = (pattern: number) => ledTiming(pattern).steps[0] ?? 0;
    says(`blinks of ${step(LedPattern.JOINING)} ms, joining the Wi-Fi`);
    says(`of ${step(LedPattern.CONNECTING)} ms, connecting to the broker`);
    says(`blinks slowly, ${seconds(step(LedPattern.SETUP))} s on and 1 s off: the setup is open`);
    says(`blinks quickly for ${seconds(ledTiming(LedPattern.SENT).length)} s when the broker has it`);
  });

  it("quotes the limits of lowMillivolts", () => {
    const least = { host: "broker.local", ssid: "home", wifiPassword: "" };
    const { lowMillivolts } = checkSettings(least, 5750) as Settings;
    const range = String(checkSettings({ ...least, lowMillivolts: 0 }, 5750)).match(/[0-9]+ to [0-9]+$/)?.[0];
    says(`\`lowMillivolts\` (${lowMillivolts} unless you set ${range})`);
  });

  it("names the pins of the build, and what the firmware refuses", () => {
    const manifest = JSON.parse(readFileSync(`${ROOT}manifest.json`, "utf8")) as {
      readonly config: { readonly led: number; readonly button: number };
    };
    says(`\`"led": ${manifest.config.led}\` and \`"button": ${manifest.config.button}\` as it comes`);
    for (const file of ["button-pin", "led-pin"]) {
      assert.match(readFileSync(`${ROOT}src/device/${file}.ts`, "utf8"), /=== 16/, `${file} takes GPIO16`);
    }
  });

  it("gives each label of a pin its GPIO number", () => {
    const gpio = new Map<string, string>();
    for (const [labels = "", numbers = ""] of rowsBelow("## Pins never to use")) {
      const list = numbers.split(", ");
      labels.split(", ").forEach((label, index) => {
        gpio.set(label, list[index] ?? "");
      });
    }
    // `variants/nodemcu/pins_arduino.h` and `variants/d1_mini/pins_arduino.h` of the Arduino core have the same ones.
    const known = { D3: "0", D4: "2", D8: "15", D0: "16", TX: "1", RX: "3", D5: "14", D6: "12", D7: "13" };
    for (const [label, number] of Object.entries(known)) assert.equal(gpio.get(label), number, label);
    says("holds D1 (GPIO5) low");
    says("D2 (GPIO4) will do as well");
  });

  describe("arithmetic", () => {
    const supply = 3.3;
    const low = 0.25 * supply;
    const high = 0.75 * supply;
    /** From `from` volts to `to` through R·C `tau`. */
    const rise = (tau: number, from: number, to: number) => tau * Math.log((supply - from) / (supply - to));

    it("of the capacitor at RST", () => {
      const milliseconds = (nanofarads: number) => rise(12e3 * nanofarads * 1e-9, 0, high) * 1000;
      says(`= ${(12e3 * 100e-9 * 1000).toFixed(1)} ms; RST counts as high at 0.75 · 3.3 V = ${high.toFixed(1)} V`);
      says(
        `1.2 ms · ln 4 = ${milliseconds(100).toFixed(1)} ms. With 100 nF more it is ${milliseconds(200).toFixed(1)} ms.`,
      );
      says(`With 10 µF RST needs ${milliseconds(10_100).toFixed(0)} ms`);
    });

    it("of the reset pulse through C1", () => {
      const drop = (c1: number) => (supply * 0.1) / (c1 + 0.1);
      says(`3.3 V · 0.1 / (1 + 0.1) = ${drop(1).toFixed(2)} V`);
      says(`With 100 nF for C1 RST would only come to ${drop(0.1).toFixed(2)} V`);
      const tau = 12e3 * 1.1e-6;
      says(`12 kΩ · 1.1 µF = ${(tau * 1000).toFixed(1)} ms bring it back`);
      says(`${(rise(tau, drop(1), low) * 1000).toFixed(1)} ms below ${Math.round(low * 100) / 100} V`);
      says(`after ${(rise(tau, drop(1), high) * 1000).toFixed(0)} ms it is high`);
      says(`the pulse then has ${(rise(2e3 * 1.1e-6, drop(1), low) * 1000).toFixed(1)} ms`);
      says(`it lifts D1 to ${(supply + (supply * 1) / (1 + 2.2)).toFixed(1)} V`);
    });

    it("of the level at boot, which outlasts both the slowest boot measured and what the simulator assumes", () => {
      const tau = 1e6 * 3.2e-6;
      const held = rise(tau, 0, low);
      says(`1 MΩ · 3.2 µF = ${tau.toFixed(1)} s`);
      says(`ln (4/3) = ${held.toFixed(2)} s; with capacitors 20 % too small, ${(0.8 * held).toFixed(2)} s`);
      assert.ok(0.8 * held > 0.3 + 0.02 && 0.8 * held * 1000 > capacitorMs);
    });

    it("of the LED's resistor and of the supply's capacitor", () => {
      says(`/ 470 Ω = ${(((supply - 1.9) / 470) * 1000).toFixed(1)} mA`);
      const sag = (microfarads: number) => ((0.35 * 1e-3) / (microfarads * 1e-6)).toFixed(2);
      says(`350 mA for 1 ms take ${sag(470)} V from 470 µF and ${sag(1000)} V from 1000 µF`);
      says(`0.01 · 470 µF · 6.3 V = ${(0.01 * 470 * 6.3).toFixed(0)} µA`);
    });

    it("of the days that a battery lasts", () => {
      const presses = (20 * 1.5 * 75) / 3600;
      says(`20 presses of 1.5 s at 75 mA (${presses.toFixed(1)} mAh a day)`);
      assert.equal(((BoxTimes.awake / 3_600_000) * 75).toFixed(1), "0.4");
      assert.equal(((BoxTimes.setup / 3_600_000) * 75).toFixed(1), "2.5");
      const rows = rowsBelow("### What drains while the box sleeps");
      assert.ok(rows.length >= 5);
      for (const [board, current, days] of rows) {
        assert.equal(days, `${Math.round(1000 / (Number(current) * 24 + 0.6))} days`, board);
      }
    });
  });
});

describe("docs/wiring/*.svg", () => {
  for (const [file, board] of Object.entries(BOARD_OF)) {
    describe(file, () => {
      let elements: Element[] = [];
      const named = (name: string) => elements.filter((each) => each.name === name);

      before("it is well-formed", () => {
        elements = drawing(file);
      });

      it("scales, and is described for screen readers", () => {
        const [root] = elements;
        assert.equal(root?.name, "svg");
        assert.match(root?.attributes["viewBox"] ?? "", /^0 0 \d+ \d+$/);
        assert.equal(root?.attributes["role"], "img");
        const ids = (root?.attributes["aria-labelledby"] ?? "").split(" ");
        const [title] = named("title");
        const [desc] = named("desc");
        assert.deepEqual(ids, [title?.attributes["id"], desc?.attributes["id"]]);
        assert.ok((title?.text ?? "").length > 10 && (desc?.text ?? "").length > 60);
      });

      it("is drawn on a ground of its own, light or dark as the reader has it, and loads nothing", () => {
        assert.ok(named("rect").some((each) => each.attributes["class"] === "paper"));
        assert.match(named("style")[0]?.text ?? "", /prefers-color-scheme: dark/);
        assert.doesNotMatch(readFileSync(DRAWINGS + file, "utf8"), /url\(|href=|<script|@import/);
      });

      it("has the pins of the board in their order", () => {
        for (const side of ["left", "right"] as const) {
          const pins = named("text").filter((each) => each.attributes["data-pin"]?.startsWith(side));
          pins.sort((a, b) => Number(a.attributes["y"]) - Number(b.attributes["y"]));
          assert.equal(pins.map((each) => each.text).join(" "), board[side]);
          pins.forEach((each, row) => {
            assert.equal(each.attributes["data-pin"], `${side}-${row}`);
          });
        }
      });

      it("uses only classes that it defines, in sizes that can be read at 360 pixels", () => {
        const style = named("style")[0]?.text ?? "";
        for (const each of elements) {
          for (const name of (each.attributes["class"] ?? "").split(" ").filter((part) => part !== "")) {
            assert.ok(new RegExp(`\\.${name}\\b`).test(style) || name === "wire", `.${name} has no style`);
          }
        }
        const width = Number(named("svg")[0]?.attributes["viewBox"]?.split(" ")[2]);
        assert.ok((14 * 360) / width >= 11.5, `text of 14 is ${(14 * 360) / width} at 360 pixels`);
      });
    });
  }

  it("wires the parts that the page lists, with the same values", () => {
    const labels = drawing("d1-mini-rst-gpio.svg")
      .filter((each) => each.name === "text")
      .map((each) => each.text);
    for (const [part = "", value = ""] of rowsBelow("## Battery with a retry timer")) {
      for (const name of part.split(", ").filter((each) => /^[RC]\d$/.test(each))) {
        assert.ok(labels.includes(name), name);
      }
      for (const [size] of value.matchAll(/[\d.]+ [MkµnΩF]+/g)) assert.ok(labels.includes(size), `${part}: ${size}`);
    }
    assert.ok(drawing("nodemcu-gpio.svg").some((each) => each.text === "470 Ω"));
  });
});

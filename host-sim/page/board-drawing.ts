// The drawing of a NodeMCU DevKit with an ESP-12 module, its labelled pins, its LED and the wires to the button.
// Knows only what it is told to show: power, LED, wiring, pressed. Drawn for this project, to scale by eye.

import { draw, make } from "./element.js";
import type { BoardView } from "./protocol.js";

// The silkscreen from the antenna down to the USB socket, seen from above.
const LEFT = Object.freeze("A0 RSV RSV SD3 SD2 SD1 CMD SD0 CLK GND 3V3 EN RST GND Vin".split(" "));
const RIGHT = Object.freeze("D0 D1 D2 D3 D4 3V3 GND D5 D6 D7 D8 RX TX GND 3V3".split(" "));

const Place = Object.freeze({
  WIDTH: 392,
  HEIGHT: 440,
  LEFT_X: 26,
  RIGHT_X: 214,
  TOP_Y: 76,
  PITCH: 21.4,
  BUTTON_X: 314,
  BUTTON_Y: 226,
  LED_X: 170,
  LED_Y: 150,
} as const);

function pinY(row: number): number {
  return Place.TOP_Y + row * Place.PITCH;
}

function drawPins(svg: Element): void {
  for (const [side, x, names] of [
    ["left", Place.LEFT_X, LEFT],
    ["right", Place.RIGHT_X, RIGHT],
  ] as const) {
    names.forEach((name, row) => {
      const y = pinY(row);
      draw(svg, "circle", { cx: x, cy: y, r: 6.2, class: "pad" });
      draw(svg, "circle", { cx: x, cy: y, r: 2.6, class: "hole" });
      const text = { x: side === "left" ? x + 11 : x - 11, y: y + 3.9, class: "silk" };
      draw(
        svg,
        "text",
        { ...text, "text-anchor": side === "left" ? "start" : "end", "data-pin": `${side}-${row}` },
        name,
      );
    });
  }
}

function drawModule(svg: Element): void {
  draw(svg, "rect", { x: 64, y: 24, width: 112, height: 150, rx: 3, class: "module" });
  // The antenna of the ESP-12: a meander on bare board.
  draw(svg, "path", {
    d: "M74 64 V34 H84 V54 H94 V34 H104 V54 H114 V34 H124 V54 H134 V34 H144 V54 H154 V34 H166 V58",
    class: "antenna",
  });
  draw(svg, "rect", { x: 72, y: 70, width: 88, height: 96, rx: 4, class: "shield" });
  draw(svg, "text", { x: 116, y: 114, class: "etched", "text-anchor": "middle" }, "ESP8266");
  draw(svg, "text", { x: 116, y: 130, class: "etched small", "text-anchor": "middle" }, "ESP-12");
  draw(svg, "circle", { cx: Place.LED_X, cy: Place.LED_Y, r: 34, class: "glow", fill: "url(#led-glow)" });
  draw(svg, "rect", { x: Place.LED_X - 4, y: Place.LED_Y - 6, width: 8, height: 12, rx: 1.5, class: "led" });
}

function drawBase(svg: Element): void {
  draw(svg, "rect", { x: 12, y: 12, width: 216, height: 412, rx: 12, class: "pcb" });
  for (const [x, y] of [
    [26, 28],
    [214, 28],
    [26, 408],
    [214, 408],
  ] as const) {
    draw(svg, "circle", { cx: x, cy: y, r: 7, class: "screw" });
  }
  // Serial converter, voltage regulator, a few parts around them.
  draw(svg, "rect", { x: 92, y: 236, width: 48, height: 48, rx: 3, class: "chip" });
  draw(svg, "circle", { cx: 100, cy: 244, r: 2.4, class: "dot" });
  draw(svg, "rect", { x: 92, y: 310, width: 34, height: 22, rx: 2, class: "chip" });
  for (const [x, y] of [
    [82, 200],
    [104, 200],
    [126, 200],
    [148, 300],
    [148, 316],
    [82, 352],
    [150, 352],
  ] as const) {
    draw(svg, "rect", { x, y, width: 12, height: 6, rx: 1, class: "part" });
  }
  draw(svg, "rect", { x: 90, y: 384, width: 60, height: 48, rx: 4, class: "usb" });
  draw(svg, "rect", { x: 98, y: 424, width: 44, height: 8, rx: 2, class: "usb-mouth" });
  for (const [x, name] of [
    [54, "RST"],
    [164, "FLASH"],
  ] as const) {
    draw(svg, "rect", { x, y: 388, width: 24, height: 20, rx: 3, class: "key" });
    draw(svg, "circle", { cx: x + 12, cy: 398, r: 6, class: "key-top", "data-key": name });
    draw(svg, "text", { x: x + 12, y: 420, class: "silk small", "text-anchor": "middle" }, name);
  }
}

/** Wires of each wiring: [from pin, to the button's terminal or to another pin, class]. */
function wirePaths(wiring: BoardView["wiring"]): readonly (readonly [string, string])[] {
  const { BUTTON_X, BUTTON_Y, LEFT_X, RIGHT_X } = Place;
  const ground = `M${RIGHT_X} ${pinY(13)} C 260 ${pinY(13)} 264 330 ${BUTTON_X} ${BUTTON_Y + 40}`;
  const gpio = `M${RIGHT_X} ${pinY(3)} C 250 ${pinY(3)} 262 170 ${BUTTON_X - 44} ${BUTTON_Y - 22}`;
  const other = `M${RIGHT_X} ${pinY(1)} C 256 ${pinY(1)} 270 130 ${BUTTON_X - 36} ${BUTTON_Y - 34}`;
  const reset = `M${LEFT_X} ${pinY(12)} C 90 ${pinY(12) - 34} 190 ${pinY(12) - 30} ${BUTTON_X - 44} ${BUTTON_Y + 22}`;
  const wake = `M${RIGHT_X} ${pinY(0)} C 174 ${pinY(0) + 20} 184 150 179 214 C 172 292 66 256 ${LEFT_X} ${pinY(12)}`;
  if (wiring === "gpio") {
    return [
      ["ground", ground],
      ["signal", gpio],
    ];
  }
  if (wiring === "rst") {
    return [
      ["ground", ground],
      ["reset", reset],
    ];
  }
  return [
    ["wake", wake],
    ["ground", ground],
    ["reset", reset],
    ["signal", other],
  ];
}

export class BoardDrawing {
  readonly #svg: SVGElement;
  readonly #wires: SVGElement;
  readonly #title: SVGElement;
  #wiring: BoardView["wiring"] | "" = "";

  constructor(place: Element) {
    this.#svg = draw(place, "svg", { viewBox: `0 0 ${Place.WIDTH} ${Place.HEIGHT}`, role: "img", class: "board" });
    this.#title = draw(this.#svg, "title", {});
    const glow = draw(draw(this.#svg, "defs", {}), "radialGradient", { id: "led-glow" });
    draw(glow, "stop", { offset: "0", class: "glow-inner" });
    draw(glow, "stop", { offset: "1", class: "glow-outer" });
    drawBase(this.#svg);
    drawPins(this.#svg);
    drawModule(this.#svg);
    this.#wires = draw(this.#svg, "g", { class: "wires" });
    draw(this.#svg, "circle", { cx: Place.BUTTON_X, cy: Place.BUTTON_Y, r: 70, class: "button-base" });
  }

  /** The LED alone: the one thing that changes many times a second. */
  led(on: boolean): void {
    this.#svg.classList.toggle("lit", on);
  }

  show(board: BoardView): void {
    this.led(board.led);
    this.#svg.setAttribute("data-power", board.power);
    this.#svg.classList.toggle("pressed", board.pressed);
    if (board.wiring === this.#wiring) return;
    this.#wiring = board.wiring;
    this.#wires.replaceChildren();
    for (const [kind, path] of wirePaths(board.wiring)) draw(this.#wires, "path", { d: path, class: `wire ${kind}` });
    const pins = { gpio: "pin D3 (GPIO0)", rst: "pin RST", "rst+gpio": "the pins RST and D1 (GPIO5)" }[board.wiring];
    this.#title.textContent = `A NodeMCU board; its button is wired to ${pins} and ground.`;
  }
}

/** A small lamp for the list of boards. */
export function lamp(): HTMLElement {
  const element = make("span", "lamp");
  element.setAttribute("aria-hidden", "true");
  return element;
}

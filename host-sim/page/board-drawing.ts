// The drawing of a NodeMCU or a D1 mini with its labelled pins, its LED, the button and the wiring between them. Knows
// what it is told to show: power, LED, wiring, pressed, which board. Drawn for this project, to scale by eye.

import { html, nothing, type SVGTemplateResult, svg } from "lit";
import { guard } from "lit/directives/guard.js";
import {
  BUTTON,
  CIRCUIT,
  diodeAt,
  type Model,
  type Pin,
  SHAPES,
  type Shape,
  SIZE,
  usedPins,
  wiresOf,
} from "./board-shape.js";
import type { BoardView } from "./protocol.js";

function pinMark({ name, side, row, x, y }: Pin): SVGTemplateResult {
  const isLeft = side === "left";
  return svg`
    <circle class="pad" cx=${x} cy=${y} r="6.2"></circle>
    <circle class="hole" cx=${x} cy=${y} r="2.6"></circle>
    <text class="silk" x=${isLeft ? x + 11 : x - 11} y=${y + 3.9} text-anchor=${isLeft ? "start" : "end"}
      data-pin=${`${side}-${row}`}>${name}</text>`;
}

const PARTS = Object.freeze([
  [84, 206],
  [104, 206],
  [124, 206],
  [150, 306],
  [150, 322],
  [84, 356],
  [148, 356],
] as const);

const NODEMCU = svg`
  <rect class="pcb" x="18" y="14" width="208" height="412" rx="12"></rect>
  ${[30, 214].map((x) => [30, 410].map((y) => svg`<circle class="screw" cx=${x} cy=${y} r="6.5"></circle>`))}
  <rect class="chip" x="94" y="236" width="48" height="48" rx="3"></rect>
  <circle class="dot" cx="102" cy="244" r="2.4"></circle>
  <rect class="chip" x="94" y="310" width="34" height="22" rx="2"></rect>
  ${PARTS.map(([x, y]) => svg`<rect class="part" x=${x} y=${y} width="12" height="6" rx="1"></rect>`)}
  <rect class="usb" x="92" y="386" width="60" height="48" rx="4"></rect>
  <rect class="usb-mouth" x="100" y="426" width="44" height="8" rx="2"></rect>
  ${[
    [56, "RST"],
    [164, "FLASH"],
  ].map(
    ([x, name]) => svg`
    <rect class="key" x=${Number(x)} y="386" width="24" height="20" rx="3"></rect>
    <circle class="key-top" cx=${Number(x) + 12} cy="396" r="6"></circle>
    <text class="silk small" x=${Number(x) + 12} y="418" text-anchor="middle">${name}</text>`,
  )}
  <rect class="module" x="68" y="24" width="110" height="150" rx="3"></rect>
  <path class="antenna" d="M76 64V34H84V54H94V34H104V54H114V34H124V54H134V34H144V54H154V34H166V58"></path>
  <rect class="shield" x="74" y="70" width="86" height="96" rx="4"></rect>
  <text class="etched" x="117" y="114" text-anchor="middle">ESP8266</text>
  <text class="etched small" x="117" y="130" text-anchor="middle">ESP-12</text>`;

const D1_MINI = svg`
  <path class="pcb" d="M34 58H210A12 12 0 0 1 222 70V384A12 12 0 0 1 210 396H62L22 358V70A12 12 0 0 1 34 58Z"></path>
  <rect class="chip" x="100" y="268" width="46" height="40" rx="3"></rect>
  <circle class="dot" cx="108" cy="276" r="2.4"></circle>
  <rect class="part" x="86" y="322" width="12" height="6" rx="1"></rect>
  <rect class="part" x="150" y="322" width="12" height="6" rx="1"></rect>
  <rect class="usb" x="94" y="352" width="58" height="52" rx="4"></rect>
  <rect class="usb-mouth" x="102" y="396" width="42" height="8" rx="2"></rect>
  <rect class="key" x="52" y="352" width="24" height="18" rx="3"></rect>
  <circle class="key-top" cx="64" cy="361" r="5.5"></circle>
  <text class="silk small" x="64" y="347" text-anchor="middle">RST</text>
  <rect class="module" x="74" y="66" width="98" height="186" rx="3"></rect>
  <path class="antenna" d="M84 106V76H94V96H104V76H114V96H124V76H134V96H144V76H154V96H162V80"></path>
  <rect class="shield" x="80" y="114" width="76" height="128" rx="4"></rect>
  <text class="etched" x="118" y="176" text-anchor="middle">ESP8266</text>
  <text class="etched small" x="118" y="192" text-anchor="middle">ESP-12</text>`;

/** The parts of `rst+gpio` with their names and values, over the ends of their wires. */
function circuit(shape: Shape): SVGTemplateResult {
  const { c1, r1, c2, joint } = CIRCUIT;
  const [x, y] = diodeAt(shape);
  const plates = (at: number, height: number) =>
    svg`<path class="plate" d=${`M${at - 10} ${height}h20m-20 9h20`}></path>`;
  const name = (at: number, height: number, text: string) =>
    svg`<text class="part-name" x=${at} y=${height}>${text}</text>`;
  return svg`
    <path class="solid" d=${`M${x - 7} ${y - 12}h14l-7 11z`}></path>
    <path class="plate" d=${`M${x - 7} ${y}h14`}></path>
    ${plates(c1, 96)}
    <rect class="body" x=${r1 - 6} y="76" width="12" height="38" rx="2"></rect>
    ${plates(c2, 65)}
    <rect class="body" x=${c2 - 6} y="92" width="12" height="36" rx="2"></rect>
    ${[c1, r1, BUTTON.x].map((at) => svg`<circle class="joint" cx=${at} cy=${joint} r="4"></circle>`)}
    ${name(c1 + 3, 122, "C1")}${name(c1 + 3, 134, "1µ")}
    ${name(r1 + 9, 92, "R1")}${name(r1 + 9, 104, "1M")}
    ${name(c2 + 13, 72, "C2")}${name(c2 + 9, 107, "R2")}${name(c2 + 9, 119, "100")}`;
}

function still(shape: Shape, wiring: BoardView["wiring"]): SVGTemplateResult {
  const [x, y] = shape.led;
  return svg`
    ${shape.model === "nodemcu" ? NODEMCU : D1_MINI}
    ${shape.pins.map(pinMark)}
    ${usedPins(shape, wiring).map((pin) => svg`<circle class="used" cx=${pin.x} cy=${pin.y} r="8.2"></circle>`)}
    <circle class="glow" cx=${x} cy=${y} r="36" fill="url(#led-glow)"></circle>
    <rect class="led" x=${x - 4} y=${y - 6} width="8" height="12" rx="1.5"></rect>
    ${wiresOf(shape, wiring).map(({ kind, path }) => svg`<path class=${`wire ${kind}`} d=${path}></path>`)}
    ${wiring === "rst+gpio" ? circuit(shape) : nothing}
    <circle class="button-base" cx=${BUTTON.x} cy=${BUTTON.y} r=${BUTTON.radius}></circle>`;
}

const WIRED = Object.freeze({
  gpio: "pin D3 (GPIO0)",
  rst: "pin RST",
  "rst+gpio": "the pins RST and D1 (GPIO5), with a diode from RST to D0",
} as const);

/** The drawing. Only its classes change with LED and button; the rest is drawn again for another board or wiring. */
export function boardDrawing({ wiring, power, led, pressed }: BoardView, model: Model): unknown {
  const shape = SHAPES[model];
  const title = `A ${shape.title} board; its button is wired to ${WIRED[wiring]} and ground.`;
  return html`<svg class=${`board${led ? " lit" : ""}${pressed ? " pressed" : ""}`} data-power=${power} role="img"
    aria-label=${title} viewBox=${`0 0 ${SIZE.width} ${SIZE.height}`}>
    <defs>
      <radialGradient id="led-glow">
        <stop offset="0" class="glow-inner"></stop>
        <stop offset="1" class="glow-outer"></stop>
      </radialGradient>
    </defs>
    ${guard([model, wiring], () => still(shape, wiring))}
  </svg>`;
}

// Where things are on the two boards that are drawn, in units of the drawing (392 × 440, antenna up), and how the
// three wirings of docs/wiring.md run between them and the button. Numbers and paths; nothing of how they are coloured.

import type { BoardView } from "./protocol.js";

export type Model = "nodemcu" | "d1-mini";

export interface Pin {
  readonly name: string;
  readonly side: "left" | "right";
  readonly row: number;
  readonly x: number;
  readonly y: number;
}

export interface Shape {
  readonly model: Model;
  readonly title: string;
  readonly pins: readonly Pin[];
  readonly led: readonly [x: number, y: number];
}

export interface Wire {
  readonly kind: "ground" | "signal" | "reset" | "wake" | "power";
  readonly path: string;
}

export const SIZE = Object.freeze({ width: 392, height: 440 } as const);
/** The button's middle and radius. The page lays its own button over it (style/board.css has the same numbers). */
export const BUTTON = Object.freeze({ x: 312, y: 250, radius: 62 } as const);

// The silkscreens from the antenna down to the USB socket, seen from above.
const NODEMCU_LEFT = "A0 RSV RSV SD3 SD2 SD1 CMD SD0 CLK GND 3V3 EN RST GND Vin".split(" ");
const NODEMCU_RIGHT = "D0 D1 D2 D3 D4 3V3 GND D5 D6 D7 D8 RX TX GND 3V3".split(" ");
const MINI_LEFT = "RST A0 D0 D5 D6 D7 D8 3V3".split(" ");
const MINI_RIGHT = "TX RX D1 D2 D3 D4 G 5V".split(" ");

function pinsOf(names: readonly string[], side: Pin["side"], x: number, top: number, pitch: number): Pin[] {
  return names.map((name, row) => ({ name, side, row, x, y: Math.round((top + row * pitch) * 10) / 10 }));
}

export const SHAPES: Readonly<Record<Model, Shape>> = Object.freeze({
  nodemcu: {
    model: "nodemcu",
    title: "NodeMCU",
    pins: [...pinsOf(NODEMCU_LEFT, "left", 34, 76, 21.4), ...pinsOf(NODEMCU_RIGHT, "right", 210, 76, 21.4)],
    led: [166, 150],
  },
  "d1-mini": {
    model: "d1-mini",
    title: "D1 mini",
    pins: [...pinsOf(MINI_LEFT, "left", 38, 134, 27), ...pinsOf(MINI_RIGHT, "right", 206, 134, 27)],
    led: [163, 148],
  },
});

/** The pins that a wiring uses, by their name on the silkscreen; "GND" stands for the ground that is used. */
export function usedPins(shape: Shape, wiring: BoardView["wiring"]): readonly Pin[] {
  const isMini = shape.model === "d1-mini";
  const pin = (name: string, side?: Pin["side"]) =>
    shape.pins.find((one) => one.name === name && (side === undefined || one.side === side));
  const ground = isMini ? pin("G") : shape.pins.findLast(({ name }) => name === "GND");
  const power = isMini ? pin("3V3") : pin("3V3", "right");
  const used = {
    gpio: [pin("D3"), ground],
    rst: [pin("RST"), ground],
    "rst+gpio": [pin("RST"), pin("D0"), power, pin("D1"), ground],
  }[wiring];
  return used.filter((one) => one !== undefined);
}

/** Where wires run around the board: left of it, above it, below it, in the columns right of it. */
const Rail = Object.freeze({ LEFT: 7, TOP: 7, BOTTOM: 433, BESIDE: 240, GROUND: 380, POWER: 389, LOW: 336 } as const);

/** The circuit of `rst+gpio`: columns of its parts, and the heights of their upper ends and of their joint. */
export const CIRCUIT = Object.freeze({ c1: 268, r1: 302, c2: 346, top: 58, joint: 150 } as const);

/** Where the ring of the diode is, with the wire to D0 below it. */
export function diodeAt(shape: Shape): readonly [x: number, y: number] {
  return shape.model === "d1-mini" ? [Rail.LEFT, 164] : [232, 44];
}

/**
 * The wires of a wiring. `rst+gpio` is the circuit of docs/wiring.md: a diode from RST to D0, C1 from RST to the joint,
 * R1 from 3V3 to the joint, C2 and R2 from the joint to ground; D1 and the button are on the joint, too.
 */
export function wiresOf(shape: Shape, wiring: BoardView["wiring"]): readonly Wire[] {
  const { x, y, radius } = BUTTON;
  const upper = y - radius + 6;
  const lower = y + radius - 6;
  const pins = usedPins(shape, wiring);
  const from = (index: number) => `M${pins[index]?.x} ${pins[index]?.y}`;
  const grounded = `${from(pins.length - 1)}H${Rail.BESIDE}V${Rail.LOW}H${x}V${lower}`;
  if (wiring === "gpio") {
    return [
      { kind: "ground", path: grounded },
      { kind: "signal", path: `${from(0)}H${Rail.BESIDE}V166H${x}V${upper}` },
    ];
  }
  const around = `${from(0)}H${Rail.LEFT}V${Rail.TOP}`;
  if (wiring === "rst") {
    return [
      { kind: "ground", path: grounded },
      { kind: "reset", path: `${around}H${x}V${upper}` },
    ];
  }
  const { c1, r1, c2, top, joint } = CIRCUIT;
  const isMini = shape.model === "d1-mini";
  const [ringX] = diodeAt(shape);
  const supply = isMini ? `H${Rail.LEFT}V${Rail.BOTTOM}H${Rail.POWER}V30` : `H${Rail.BESIDE}V30`;
  return [
    { kind: "wake", path: `${from(1)}H${ringX}V${isMini ? pins[0]?.y : Rail.TOP}` },
    { kind: "reset", path: `${around}H${c1}V96` },
    { kind: "power", path: `${from(2)}${supply}H${r1}V${top + 18}` },
    { kind: "ground", path: `${grounded}M${x} ${Rail.LOW}H${Rail.GROUND}V44H${c2}V${top + 6}` },
    { kind: "signal", path: `${from(3)}H252V${joint}H${c2}M${c1} ${joint}V105M${r1} ${joint}V114` },
    { kind: "signal", path: `M${c2} ${joint}V128M${c2} ${top + 16}V92M${x} ${joint}V${upper}` },
  ];
}

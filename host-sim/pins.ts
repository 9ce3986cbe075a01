// The 17 GPIO pins of an ESP8266 as wires: what the chip does to each, what the world outside does, and the level that
// comes of it. Knows nothing of buttons, LEDs or JavaScript callbacks.

export type Level = 0 | 1;
export type Pull = "none" | "up" | "down";
export type Drive = "input" | "output" | "open drain";

interface Pin {
  drive: Drive;
  pull: Pull;
  /** What the output register holds. It outlives a change of direction. */
  output: Level;
  /** What a button or another part outside holds the wire to. Stronger than the chip. */
  outside: Level | undefined;
}

const pinCount = 17;

/** Resistors on NodeMCU and D1 mini boards: the chip needs these levels to boot from flash. */
const boardPull: Readonly<Record<number, Level>> = Object.freeze({ 0: 1, 2: 1, 15: 0 });

export class Pins {
  readonly #pins: Pin[] = [];
  readonly #listeners = new Set<(pin: number, level: Level) => void>();

  constructor() {
    for (let index = 0; index < pinCount; index++) {
      this.#pins.push({ drive: "input", pull: "none", output: 0, outside: undefined });
    }
  }

  /** The level on the wire. A pin that nothing holds reads 0: code that relies on a floating pin shall fail here. */
  level(pin: number): Level {
    const state = this.#pin(pin);
    if (state.outside !== undefined) return state.outside;
    if (state.drive === "output") return state.output;
    if (state.drive === "open drain" && state.output === 0) return 0;
    if (state.pull !== "none") return state.pull === "up" ? 1 : 0;
    return boardPull[pin] ?? 0;
  }

  /** Whether the chip itself pulls the wire to this level. */
  drives(pin: number, level: Level): boolean {
    const state = this.#pin(pin);
    if (state.drive === "input" || state.output !== level) return false;
    return state.drive === "output" || level === 0;
  }

  /** The chip's side: direction, pull resistor, and for an output its first level. */
  configure(pin: number, drive: Drive, pull: Pull, output?: Level): void {
    this.#change(pin, (state) => {
      state.drive = drive;
      state.pull = pull;
      if (output !== undefined) state.output = output;
    });
  }

  /** The chip's output register. */
  write(pin: number, output: Level): void {
    this.#change(pin, (state) => {
      state.output = output;
    });
  }

  /** The outside: holds the wire to a level, or lets it go. */
  hold(pin: number, outside: Level | undefined): void {
    this.#change(pin, (state) => {
      state.outside = outside;
    });
  }

  /** The chip's side as a reset leaves it: all inputs. The outside stays as it is. */
  reset(): void {
    for (let index = 0; index < pinCount; index++) this.configure(index, "input", "none", 0);
  }

  /**
   * Calls back at once when a level changes or the chip begins or ends to drive a pin. Gives the way to stop that.
   */
  on(listener: (pin: number, level: Level) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #change(pin: number, edit: (state: Pin) => void): void {
    const state = this.#pin(pin);
    const levelBefore = this.level(pin);
    const driveBefore = state.drive;
    edit(state);
    const level = this.level(pin);
    if (level === levelBefore && state.drive === driveBefore) return;
    for (const listener of [...this.#listeners]) listener(pin, level);
  }

  #pin(pin: number): Pin {
    const state = this.#pins[pin];
    if (state === undefined) throw new RangeError(`an ESP8266 has GPIO0 to GPIO16, not GPIO${pin}`);
    return state;
  }
}

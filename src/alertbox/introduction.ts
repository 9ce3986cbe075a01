// What the box introduces itself with, where a convention wants that: one retained message that says what it is and
// what it can. Pure: facts come as arguments. Such a message is longer than RAM allows to build: it is made piece by
// piece, whenever bytes are asked for.

import type { PayloadSource } from "../mqtt/session.js";
import { type Flash, flashWord } from "./flash.js";
import { CONVENTIONS, type Settings } from "./settings.js";

/**
 * A number that is another one when the introduction would be, or would go to another broker: what was told last is
 * kept with the settings, and told again only when it changes. In its low 4 bits are the conventions that may have
 * something retained, a bit for each, which is one only when the introduction has arrived. With 0 in the others it
 * stands for no introduction.
 */
export function introductionMark(settings: Settings, chipId: number, firmware: string, flash: Flash): number {
  const { host, port, root, mode, wiring, double } = settings;
  const text = `${firmware} ${chipId} ${host} ${port} ${mode} ${wiring} ${double} ${root}`;
  const bytes = new Uint8Array(ArrayBuffer.fromString(text));
  return flashWord((flash.crc(bytes, 0, bytes.length, 0) << 4) | (1 << CONVENTIONS.indexOf(settings.convention)));
}

export abstract class Introduction implements PayloadSource {
  /** Where in the message the next byte is, and the piece that was made last begins and ends. */
  private place = 0;
  private end = 0;
  private start = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  /** Bytes, once `step` has found them. */
  length = 0;
  /** The piece's number. */
  private at = -1;
  /** That of the last one. */
  private readonly last: number;

  constructor(pieces: number) {
    this.last = pieces - 1;
  }

  /** A piece of the message; it may be empty. */
  protected abstract text(at: number): string;

  /**
   * A step of finding the length: false when it is known, and the first piece at hand. Each takes a turn of its own.
   */
  step(): boolean {
    if (this.at < this.last) {
      this.next();
      return true;
    }
    this.length = this.end;
    this.restart();
    return false;
  }

  /** What is left of a piece: to make the next one takes long enough for a turn. */
  get available(): number {
    while (this.place >= this.end) this.next();
    return this.end - this.place;
  }

  read(offset: number, into: Uint8Array, at: number, count: number): void {
    if (offset < this.start) this.restart();
    const last = offset + count;
    let place = offset;
    for (;;) {
      while (place >= this.end) this.next();
      const { bytes, start, end } = this;
      const isLast = last <= end;
      const stop = isLast ? last : end;
      const isWhole = place === start && stop === end;
      into.set(isWhole ? bytes : bytes.subarray(place - start, stop - start), at + place - offset);
      place = stop;
      if (isLast) break;
    }
    this.place = last;
  }

  private restart(): void {
    this.at = -1;
    this.end = 0;
    this.place = 0;
    this.next();
  }

  private next(): void {
    this.at += 1;
    this.bytes = new Uint8Array(ArrayBuffer.fromString(this.text(this.at)));
    this.start = this.end;
    this.end += this.bytes.length;
  }
}

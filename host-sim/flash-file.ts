// Keeps a board's flash in a file between runs: read once at the start, written after every change, each time as a
// whole and under another name first, so that a file is never half a flash. The firmware's region comes first as it is,
// then as JSON what the SDK keeps elsewhere in flash, the station's configuration. Knows bytes and files, nothing of
// journals.

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import type { NorFlash } from "./nor-flash.js";
import type { KeptStation, StationConfig } from "./radio.js";

/** A problem with the file that the user can mend; the message says how. */
export class FlashFileError extends Error {}

function explain(path: string, error: unknown): never {
  const { code } = error as NodeJS.ErrnoException;
  const why: Readonly<Record<string, string>> = {
    ENOENT: "its folder does not exist; make it first",
    ENOTDIR: "its folder is a file; name another one",
    EACCES: "no permission; name a file that you may write",
    EROFS: "the disk is read-only; name a file elsewhere",
    EISDIR: "it is a folder; name a file in it",
    ENOSPC: "the disk is full",
  };
  const text = code === undefined ? undefined : why[code];
  if (text === undefined) throw error;
  throw new FlashFileError(`--flash ${path}: ${text}`);
}

/** What follows the firmware's region. */
interface Trailer {
  readonly station?: { readonly config: Partial<StationConfig>; readonly hasKey: boolean };
}

export class FlashFile {
  readonly #path: string;
  readonly #flash: NorFlash;
  readonly #unsubscribe: () => void;
  #station: KeptStation | undefined;

  /**
   * Loads the file into the flash when there is one, and makes one when there is none.
   * @throws FlashFileError when the file cannot be read or written, or holds something else.
   */
  constructor(path: string, flash: NorFlash) {
    this.#path = path;
    this.#flash = flash;
    this.#load();
    this.save();
    this.#unsubscribe = flash.on(() => this.save());
  }

  /** What the SDK keeps of the station. Setting it to something else writes the file. */
  get station(): KeptStation | undefined {
    return this.#station;
  }

  set station(station: KeptStation | undefined) {
    if (station === this.#station) return;
    this.#station = station;
    this.save();
  }

  /** Writes the flash as it is now. */
  save(): void {
    const draft = `${this.#path}.${process.pid}.new`;
    const station = this.#station;
    const trailer: Trailer = station === undefined ? {} : { station };
    try {
      writeFileSync(draft, Buffer.concat([this.#flash.save(), Buffer.from(`${JSON.stringify(trailer)}\n`)]));
      renameSync(draft, this.#path);
    } catch (error) {
      rmSync(draft, { force: true });
      explain(this.#path, error);
    }
  }

  /** Writes it a last time, and no more from then on. */
  close(): void {
    this.#unsubscribe();
    this.save();
  }

  #load(): void {
    let bytes: Uint8Array;
    try {
      bytes = readFileSync(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
      explain(this.#path, error);
    }
    // An empty file is what `mktemp` and `touch` leave: a place for a new flash.
    if (bytes.byteLength === 0) return;
    const region = this.#flash.byteLength;
    const trailer = bytes.byteLength < region ? undefined : trailerOf(Buffer.from(bytes.subarray(region)).toString());
    if (trailer === undefined) {
      throw new FlashFileError(
        `--flash ${this.#path}: ${basename(this.#path)} is no flash of this bench; it was left as it is. ` +
          "Name another file, or remove this one",
      );
    }
    this.#flash.load(bytes.slice(0, region));
    const { station } = trailer;
    if (station === undefined) return;
    const { ssid = "", password = "", bssid, channel } = station.config;
    this.#station = { config: { ssid, password, bssid, channel }, hasKey: station.hasKey };
  }
}

/** Undefined when it is something else. Nothing at all is a file of before there was one. */
function trailerOf(text: string): Trailer | undefined {
  if (text === "") return {};
  try {
    const trailer = JSON.parse(text) as Partial<Trailer> | null;
    if (typeof trailer !== "object" || trailer === null) return undefined;
    const { station } = trailer;
    if (station === undefined) return {};
    return typeof station.config?.ssid === "string" && typeof station.hasKey === "boolean" ? { station } : undefined;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined;
    throw error;
  }
}

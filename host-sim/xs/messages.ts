// The language between the simulator and a lab process: frames over two FIFOs, little endian, and the values in them.
// Both sides have the same layout; c/ has the other one. Pure: bytes in, bytes out. It knows what an object or a
// callback is only as a number.

/** Frames of the process. */
export const FromLab = Object.freeze({ CALL: 1, DONE: 2, LIVE: 3, READY: 4, PRINT: 5, DIED: 255 } as const);

/** Frames to the process. Each body begins with the objects and the callbacks that it may forget. */
export const ToLab = Object.freeze({
  BOOT: 16,
  INVOKE: 17,
  COLLECT: 18,
  END: 19,
  ABORT: 20,
  RETURN: 32,
  FILL: 33,
  THROW: 34,
  HALT: 35,
} as const);

/** How a call into firmware ended. */
export const Ended = Object.freeze({ OK: 0, EXCEPTION: 1, HALTED: 2, ABORTED: 3 } as const);

const Tag = Object.freeze({
  UNDEFINED: 0,
  NULL: 1,
  FALSE: 2,
  TRUE: 3,
  INTEGER: 4,
  NUMBER: 5,
  STRING: 6,
  BYTES: 7,
  OBJECT: 8,
  OPTIONS: 9,
  CALLBACK: 10,
  NATIVE: 11,
  /** Bytes that have properties, as a UDP packet has its sender. */
  PACKET: 12,
} as const);

/** The class of an object that has none of the table. */
export const noClass = 0xffff;

/** What stands behind the numbers of objects and callbacks. */
export interface References {
  /** The object of a number that the process names. */
  object(handle: number): object;
  /** A function that calls the callback of that number. */
  callback(id: number): (...values: unknown[]) => unknown;
  /** The class or function of a line of the table. */
  native(line: number): unknown;
  /** The number of an object, and the line of its class; undefined for plain data. */
  reference(object: object): { readonly handle: number; readonly line: number } | undefined;
}

/** What the process may forget. */
export interface Released {
  readonly objects: readonly number[];
  readonly callbacks: readonly number[];
}

export const nothingReleased: Released = Object.freeze({ objects: Object.freeze([]), callbacks: Object.freeze([]) });

/** What the engine was measured to do during one call into firmware. */
export interface Meter {
  /** Of the engine alone: without the simulator's modules, without the harness. 0 on the host. */
  readonly instructions: number;
  /** Collections of garbage inside. */
  readonly collections: number;
  /** Deepest JavaScript stack, slots. */
  readonly stackSlots: number;
  /** Deepest C stack, bytes. */
  readonly cStackBytes: number;
  readonly slotsBefore: number;
  readonly chunkBytesBefore: number;
  readonly slotsAfter: number;
  readonly chunkBytesAfter: number;
  /** What the harness took for the calls of native functions; not in `instructions`. */
  readonly remoteInstructions: number;
}

/** What is left after a collection. */
export interface Live {
  readonly slots: number;
  readonly chunkBytes: number;
  /** Bytes of the static block that nobody has. */
  readonly free: number;
  /** The least that it ever was since the boot began. */
  readonly smallestFree: number;
  /** What this collection took; 0 on the host. */
  readonly instructions: number;
  /** What the heap and the chunks have taken of the block, whether used or not. */
  readonly slotsReserved: number;
  readonly chunkBytesReserved: number;
  /** Names that firmware has made. */
  readonly keys: number;
}

/** A slot of XS on a 32-bit machine, bytes. */
export const slotBytes = 16;

/** Bytes of what lives. */
export function bytesOf(live: Pick<Live, "slots" | "chunkBytes">): number {
  return slotBytes * live.slots + live.chunkBytes;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A frame under construction. One writer serves for all frames of a process. */
export class Writer {
  #bytes = new Uint8Array(4096);
  #view = new DataView(this.#bytes.buffer);
  #end = 0;

  /** Starts a frame, with what may be released before it, and with what the clock shows, where there is one. */
  begin(type: number, { objects, callbacks }: Released, ticks: number | undefined): this {
    this.#end = 4;
    this.u8(type).#numbers(objects).#numbers(callbacks);
    return ticks === undefined ? this : this.u32(ticks >>> 0);
  }

  #numbers(numbers: readonly number[]): this {
    this.u16(numbers.length);
    for (const number of numbers) this.u32(number);
    return this;
  }

  /** The finished frame; valid until the next `begin`. */
  finish(): Uint8Array {
    this.#view.setUint32(0, this.#end - 4, true);
    return this.#bytes.subarray(0, this.#end);
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#view.setUint8(this.#end, value);
    this.#end += 1;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#view.setUint16(this.#end, value, true);
    this.#end += 2;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#view.setUint32(this.#end, value, true);
    this.#end += 4;
    return this;
  }

  bytes(bytes: Uint8Array): this {
    this.u32(bytes.byteLength);
    this.#reserve(bytes.byteLength);
    this.#bytes.set(bytes, this.#end);
    this.#end += bytes.byteLength;
    return this;
  }

  string(text: string): this {
    return this.bytes(encoder.encode(text));
  }

  /** @throws TypeError for what the chip's modules never give: functions, arrays. */
  value(value: unknown, references: References): this {
    switch (typeof value) {
      case "undefined":
        return this.u8(Tag.UNDEFINED);
      case "boolean":
        return this.u8(value ? Tag.TRUE : Tag.FALSE);
      case "number":
        return this.#number(value);
      case "string":
        return this.u8(Tag.STRING).string(value);
      case "object":
        return value === null ? this.u8(Tag.NULL) : this.#object(value, references);
      default:
        throw new TypeError(`a module of the simulator gave a ${typeof value}, which the lab cannot pass on`);
    }
  }

  #number(value: number): this {
    if ((value | 0) === value && !Object.is(value, -0)) return this.u8(Tag.INTEGER).u32(value >>> 0);
    this.u8(Tag.NUMBER);
    this.#reserve(8);
    this.#view.setFloat64(this.#end, value, true);
    this.#end += 8;
    return this;
  }

  #object(value: object, references: References): this {
    if (Array.isArray(value)) {
      throw new TypeError("a module of the simulator gave an array, which the lab cannot pass on");
    }
    const bytes = bytesIn(value);
    if (bytes !== undefined) {
      const properties = ArrayBuffer.isView(value) ? [] : Object.entries(value);
      this.u8(properties.length === 0 ? Tag.BYTES : Tag.PACKET).bytes(bytes);
      return properties.length === 0 ? this : this.#properties(properties, references);
    }
    const reference = references.reference(value);
    if (reference !== undefined) return this.u8(Tag.OBJECT).u32(reference.handle).u16(reference.line);
    return this.u8(Tag.OPTIONS).#properties(Object.entries(value), references);
  }

  #properties(properties: readonly (readonly [string, unknown])[], references: References): this {
    this.u16(properties.length);
    for (const [key, value] of properties) this.string(key).value(value, references);
    return this;
  }

  #reserve(count: number): void {
    if (this.#end + count <= this.#bytes.byteLength) return;
    const bytes = new Uint8Array(2 * (this.#end + count));
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer);
  }
}

/** The bytes of a buffer or a view; undefined for anything else. */
function bytesIn(value: object): Uint8Array | undefined {
  if (value instanceof ArrayBuffer || value instanceof SharedArrayBuffer) return new Uint8Array(value);
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  return undefined;
}

/** A frame that is taken apart. A frame that is too short is a fault of the harness, and throws. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  /** @param body of a frame, behind its type. */
  constructor(body: Uint8Array) {
    this.#bytes = body;
    this.#view = new DataView(body.buffer, body.byteOffset, body.byteLength);
    this.#at = 0;
  }

  u8(): number {
    return this.#view.getUint8(this.#move(1));
  }

  u16(): number {
    return this.#view.getUint16(this.#move(2), true);
  }

  u32(): number {
    return this.#view.getUint32(this.#move(4), true);
  }

  /** Valid as long as the frame is. */
  bytes(): Uint8Array {
    const length = this.u32();
    const from = this.#move(length);
    return this.#bytes.subarray(from, from + length);
  }

  string(): string {
    return decoder.decode(this.bytes());
  }

  value(references: References): unknown {
    const tag = this.u8();
    switch (tag) {
      case Tag.UNDEFINED:
        return undefined;
      case Tag.NULL:
        return null;
      case Tag.FALSE:
        return false;
      case Tag.TRUE:
        return true;
      case Tag.INTEGER:
        return this.u32() | 0;
      case Tag.NUMBER:
        return this.#view.getFloat64(this.#move(8), true);
      case Tag.STRING:
        return this.string();
      case Tag.BYTES:
        return this.bytes().slice().buffer;
      case Tag.OBJECT: {
        const handle = this.u32();
        this.u16();
        return references.object(handle);
      }
      case Tag.OPTIONS:
        return this.#options(references);
      case Tag.CALLBACK:
        return references.callback(this.u32());
      case Tag.NATIVE:
        return references.native(this.u16());
      default:
        throw new RangeError(`the lab sent a value with the unknown tag ${tag}`);
    }
  }

  #options(references: References): Record<string, unknown> {
    const options: Record<string, unknown> = {};
    const count = this.u16();
    for (let index = 0; index < count; index++) {
      const key = this.string();
      options[key] = this.value(references);
    }
    return options;
  }

  meter(): Meter {
    return {
      instructions: this.u32() + 2 ** 32 * this.u32(),
      collections: this.u32(),
      stackSlots: this.u32(),
      cStackBytes: this.u32(),
      slotsBefore: this.u32(),
      chunkBytesBefore: this.u32(),
      slotsAfter: this.u32(),
      chunkBytesAfter: this.u32(),
      remoteInstructions: this.u32(),
    };
  }

  live(): Live {
    return {
      slots: this.u32(),
      chunkBytes: this.u32(),
      free: this.u32(),
      smallestFree: this.u32(),
      instructions: this.u32(),
      slotsReserved: this.u32(),
      chunkBytesReserved: this.u32(),
      keys: this.u32(),
    };
  }

  #move(count: number): number {
    const from = this.#at;
    if (from + count > this.#bytes.byteLength) throw new RangeError("the lab sent a frame that is too short");
    this.#at += count;
    return from;
  }
}

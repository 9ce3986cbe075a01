// Cuts a stream of bytes into whole MQTT packets, by the fixed header alone, so that the model broker can judge the raw
// bytes of each before mqtt-packet reads it. Knows packet lengths and nothing else.

export class PacketFramer {
  readonly #header: number[] = [];
  readonly #chunks: Uint8Array[] = [];
  #missing = 0;
  #isMalformed = false;

  /** Bytes of a packet that is not whole yet. */
  get pending(): number {
    return this.#chunks.reduce((sum, chunk) => sum + chunk.byteLength, this.#header.length);
  }

  /**
   * Takes bytes in and gives the packets that they complete, in order. A remaining length of more than four bytes ends
   * the stream: `malformed` is called once, and nothing is taken any more.
   */
  feed(bytes: Uint8Array, malformed: (detail: string) => void): Uint8Array[] {
    const packets: Uint8Array[] = [];
    let offset = 0;
    while (offset < bytes.byteLength && !this.#isMalformed) {
      if (this.#missing > 0) {
        const part = bytes.slice(offset, offset + this.#missing);
        this.#chunks.push(part);
        this.#missing -= part.byteLength;
        offset += part.byteLength;
      } else {
        this.#takeHeader(bytes[offset++] ?? 0, malformed);
      }
      if (this.#isComplete) packets.push(this.#join());
    }
    return packets;
  }

  get #isComplete(): boolean {
    const last = this.#header.at(-1);
    return this.#missing === 0 && this.#header.length > 1 && last !== undefined && last < 128;
  }

  #takeHeader(byte: number, malformed: (detail: string) => void): void {
    this.#header.push(byte);
    if (this.#header.length === 1) return;
    if (byte >= 128) {
      // The standard's section 2.2.3: four bytes at most, so the fourth has no continuation bit.
      if (this.#header.length < 5) return;
      this.#isMalformed = true;
      malformed(`the remaining length ${hex(this.#header.slice(1))} has more than four bytes`);
      return;
    }
    this.#missing = this.#header.slice(1).reduceRight((sum, each) => sum * 128 + (each & 127), 0);
  }

  #join(): Uint8Array {
    const packet = new Uint8Array(this.pending);
    packet.set(this.#header);
    let offset = this.#header.length;
    for (const chunk of this.#chunks) {
      packet.set(chunk, offset);
      offset += chunk.byteLength;
    }
    this.#header.length = 0;
    this.#chunks.length = 0;
    return packet;
  }
}

/** `0a ff` */
export function hex(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

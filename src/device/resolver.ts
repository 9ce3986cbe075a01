// Host names to addresses, over `net`. Hides that a lookup cannot be cancelled (an answer to an old question is dropped
// here), that dotted addresses need no lookup, and that the four lookups of lwIP may all be taken.

import Net from "net";

export class Resolver {
  /** Number of the latest question; answers to earlier ones are dropped. */
  private question = 0;

  /** Calls back once, never from inside this call: with an address, or with undefined when the name is not known. */
  resolve(host: string, callback: (address: string | undefined) => void): void {
    this.question += 1;
    const question = this.question;
    Net.resolve(host, (_, address) => {
      if (question === this.question) callback(address);
    });
  }

  /** Drops the answer to come. */
  cancel(): void {
    this.question += 1;
  }
}

/** Four bytes as dotted text. */
export function dotted(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Dotted text, as lookups give it, into four bytes. */
export function putAddress(text: string, bytes: Uint8Array, at: number): void {
  let place = at;
  bytes[at] = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      place += 1;
      bytes[place] = 0;
    } else bytes[place] = (bytes[place] as number) * 10 + code - 0x30;
  }
}

/** True for dotted IPv4 text, which needs no lookup. */
export function isAddress(host: string): boolean {
  let dots = 0;
  for (let i = 0; i < host.length; i += 1) {
    const code = host.charCodeAt(i);
    if (code === 0x2e) dots += 1;
    else if (code < 0x30 || code > 0x39) return false;
  }
  return dots === 3;
}

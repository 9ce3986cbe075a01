// Host names to addresses, over `net`. Hides that a lookup cannot be cancelled (an answer to an old question is dropped
// here), that dotted addresses need no lookup, and that the four lookups of lwIP may all be taken.

import Net from "net";

export class Resolver {
  /** Number of the latest question; answers to earlier ones are dropped. */
  private _question = 0;

  /** Calls back once, never from inside this call: with an address, or with undefined when the name is not known. */
  resolve(host: string, callback: (address: string | undefined) => void): void {
    this._question += 1;
    const question = this._question;
    Net.resolve(host, (_name, address) => {
      if (question === this._question) callback(address);
    });
  }

  /** Drops the answer to come. */
  cancel(): void {
    this._question += 1;
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

// What a phone gets back over one connection: the bytes as they come, and an HTTP answer made of them. Written for the
// tests of a server, so it takes nothing of the firmware's own code. Knows no network; phone.ts feeds it.

/** How a conversation failed. `cut short`: it ended before the answer was complete. */
export type Failure = "refused" | "no answer" | "reset" | "cut short" | "malformed" | "too late";

/** One connection. */
export class Conversation {
  /** Milliseconds of the clock, when it was begun and when it came to its end. */
  readonly startedAt: number;
  endedAt: number | undefined;
  failure: Failure | undefined;
  /** The handshake was completed. */
  isOpen = false;
  /** The box has said that it will send nothing more. */
  hasEnded = false;
  #received = new Uint8Array(0);
  #whenDone: (() => void) | undefined;

  constructor(now: number) {
    this.startedAt = now;
  }

  /** All bytes so far. */
  get bytes(): Uint8Array {
    return this.#received;
  }

  /** The same as text. */
  get text(): string {
    return new TextDecoder().decode(this.#received);
  }

  /** It is over: complete, ended or failed. */
  get isDone(): boolean {
    return this.endedAt !== undefined;
  }

  receive(bytes: Uint8Array, _now: number): void {
    const all = new Uint8Array(this.#received.byteLength + bytes.byteLength);
    all.set(this.#received);
    all.set(bytes, this.#received.byteLength);
    this.#received = all;
  }

  end(now: number): void {
    this.hasEnded = true;
    this.finish(now);
  }

  fail(failure: Failure, now: number): void {
    if (this.isDone) return;
    this.failure = failure;
    this.finish(now);
  }

  /** Calls back once, as soon as it is over; never from inside this call. For those who cannot look again. */
  whenDone(callback: () => void): void {
    this.#whenDone = callback;
  }

  protected finish(now: number): void {
    if (this.isDone) return;
    this.endedAt = now;
    this.#whenDone?.();
  }
}

/** The answer to a request. Fields are there when `isDone` and there was no `failure`. */
export class Answer extends Conversation {
  status = 0;
  /** Names in small letters. */
  readonly headers: Record<string, string> = {};
  body = "";
  readonly #hasBody: boolean;

  /** @param method of the request: a HEAD has no body in its answer. */
  constructor(now: number, method: string) {
    super(now);
    this.#hasBody = method !== "HEAD";
  }

  override receive(bytes: Uint8Array, now: number): void {
    if (this.isDone) return;
    super.receive(bytes, now);
    this.#parse(now);
  }

  override end(now: number): void {
    if (this.isDone) return;
    this.hasEnded = true;
    this.#parse(now);
    if (!this.isDone) this.fail("cut short", now);
  }

  #parse(now: number): void {
    if (this.#isMalformed(now)) this.fail("malformed", now);
  }

  #isMalformed(now: number): boolean {
    const head = indexOf(this.bytes, "\r\n\r\n");
    if (head < 0) return false;
    const lines = new TextDecoder().decode(this.bytes.subarray(0, head)).split("\r\n");
    const status = /^HTTP\/1\.[01] (\d{3})( .*)?$/.exec(lines[0] ?? "");
    if (status === null) return true;
    this.status = Number(status[1]);
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(":");
      if (colon < 1) return true;
      this.headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const body = this.#bodyOf(this.bytes.subarray(head + 4));
    if (body === undefined) return false;
    if (body === "malformed") return true;
    this.body = new TextDecoder().decode(body);
    this.finish(now);
    return false;
  }

  /** Undefined while there is more to come. */
  #bodyOf(rest: Uint8Array): Uint8Array | "malformed" | undefined {
    if (!this.#hasBody || this.status === 204 || this.status === 304) return new Uint8Array(0);
    const length = this.headers["content-length"];
    if (this.headers["transfer-encoding"] === "chunked") return unchunk(rest);
    if (length === undefined) return this.hasEnded ? rest : undefined;
    if (!/^\d+$/.test(length)) return "malformed";
    return rest.byteLength >= Number(length) ? rest.slice(0, Number(length)) : undefined;
  }
}

function unchunk(rest: Uint8Array): Uint8Array | "malformed" | undefined {
  const body: number[] = [];
  let offset = 0;
  for (;;) {
    const end = indexOf(rest, "\r\n", offset);
    if (end < 0) return undefined;
    const size = /^[0-9a-f]+/i.exec(new TextDecoder().decode(rest.subarray(offset, end)));
    if (size === null) return "malformed";
    const length = Number.parseInt(size[0], 16);
    if (rest.byteLength < end + 2 + length + 2) return undefined;
    if (length === 0) return Uint8Array.from(body);
    body.push(...rest.subarray(end + 2, end + 2 + length));
    offset = end + 2 + length + 2;
  }
}

function indexOf(bytes: Uint8Array, text: string, from = 0): number {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).indexOf(text, from);
}

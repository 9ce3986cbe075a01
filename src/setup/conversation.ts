// One connection of a phone: one HTTP request in, in any fragments, one answer out, in any pieces (RFC 9112). It keeps
// the start of one line at a time and a body only where one is expected, so that no request, however slow, long or
// broken, costs more than that. It knows no socket and no timer; what is asked for is the portal's.

import { position, type Scanner } from "./form.js";
import { PAGE, PAGE_LENGTH } from "./page.js";
import type { Portal } from "./portal.js";

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

// Limits, bytes and milliseconds: 80 bytes are kept of a line (methods, paths and headers that matter are shorter), a
// head has 2,048 and a body 2,048, 256 are copied at a time, so that the page never stands in RAM as a whole; 5 s from
// the connection to the end of the request, 15 s to the end of all. Numbers stand in the code: a named constant takes
// some 60 bytes of flash. Bytes of text are named beside it; a mask of 0x20 turns capital letters into small ones, and
// no other byte of a header's name into a letter or a hyphen.

// request line ──▶ headers ──▶ body ──▶ answer ──▶ over
//       │             │ ▲        │        ▲
//       │             └─┘        │        │  a refusal, a redirection or a request without body comes here at once
//       └─────────────┴──────────┴────────┘  `until` and end(): from anywhere to over
// Numbers in the code: 0 request, 1 headers, 2 body, 3 answer, 4 over.
type State = 0 | 1 | 2 | 3 | 4;

/** What is asked for: 1 "/", 2 "/status", 3 "/try", 4 "/more", 5 "/scan", 0 everything else, which leads to "/". */
type Route = 0 | 1 | 2 | 3 | 4 | 5;

export class Conversation {
  /** The instant at which it is given up at the latest. */
  until: number;
  private readonly portal: Portal;
  private state: State = 0;
  private readonly line = new Uint8Array(80);
  /** Bytes of the present line, those included that are not kept. */
  private lineLength = 0;
  private headLength = 0;
  private route: Route = 0;
  private isHead = false;
  private isPost = false;
  private is11 = false;
  private expects = false;
  /** Address and port; "" when it was something else. */
  private host: string | undefined;
  private origin: Uint8Array | undefined;
  /** Content-Length, -1 when not given, -2 when not usable; in the body, what is still to come. */
  private length: number = -1;
  private body: Uint8Array | undefined;
  /** What goes out now, how much of it is out, and what follows it. Texts are ASCII. */
  private part: string | Uint8Array = "";
  private sent = 0;
  private next: string | Uint8Array | undefined;
  /** The piece of the page that follows it; PAGE.length when the page is not asked for, or has gone out. */
  private page = PAGE.length;

  constructor(portal: Portal, now: number) {
    this.portal = portal;
    this.until = (now + 5000) | 0;
  }

  /** Everything has been given to `transmit`, or it is over: the connection is to be closed when TCP has it. */
  get finished(): boolean {
    const isOut = this.next === undefined && this.page === PAGE.length && this.sent === this.part.length;
    return this.state === 4 /* over */ || (this.state === 3 /* answer */ && isOut);
  }

  /** Bytes of the phone, `bytes[start..end)`, any fragments. Never throws on any bytes; keeps none of the array. */
  receive(bytes: Uint8Array, start: number, end: number, now: number): void {
    if (this.isLate(now)) return;
    let at = start;
    while (at < end && (this.state === 0 /* request */ || this.state === 1) /* headers */) {
      at = this.onHead(bytes, at, end, now);
    }
    if (this.state !== 2 /* body */ || at === end) return;
    const { body } = this;
    const count = Math.min(end - at, this.length);
    if (body !== undefined) body.set(bytes.subarray(at, at + count), body.length - this.length);
    this.length -= count;
    if (this.length === 0) this.onBodyEnd(now);
  }

  /** Writes what is to be sent next, at most `limit` bytes, into `into` from 0; 0 when there is nothing now. */
  transmit(into: Uint8Array, limit: number, now: number): number {
    if (this.isLate(now)) return 0;
    let size = 0;
    for (;;) {
      const part = this.part;
      const from = this.sent;
      const count = Math.min(limit - size, part.length - from, 256);
      if (count > 0) {
        this.sent = from + count;
        const isText = typeof part === "string";
        into.set(isText ? encoded(part.substring(from, from + count)) : part.subarray(from, from + count), size);
        size += count;
      } else if (size < limit && this.next !== undefined) {
        this.part = this.next;
        this.next = undefined;
        this.sent = 0;
      } else if (size < limit && this.page < PAGE.length) {
        this.part = PAGE[this.page] as string;
        this.page += 1;
        this.sent = 0;
      } else return size;
    }
  }

  /** The connection is gone (closed, reset or given up): frees its place and its memory. May be called twice. */
  end(): void {
    if (this.state === 4 /* over */) return;
    this.state = 4 /* over */;
    this.portal.over(this.body);
    this.body = undefined;
    this.part = "";
    this.next = undefined;
    this.page = PAGE.length;
  }

  private isLate(now: number): boolean {
    if (((now - this.until) | 0) >= 0) this.end();
    return this.state === 4 /* over */;
  }

  // --- Head ---------------------------------------------------------------------------------------------------------

  /** Bytes up to the end of a line, or all there are. Gives where the next begin. */
  private onHead(bytes: Uint8Array, at: number, end: number, now: number): number {
    const stop = position(bytes, 0x0a, at, end, this.portal.scanner);
    const isWhole = stop < end;
    const kept = Math.min(stop - at, 80 - this.lineLength);
    if (kept > 0) this.line.set(bytes.subarray(at, at + kept), this.lineLength);
    this.lineLength += stop - at;
    const next = isWhole ? stop + 1 : stop;
    this.headLength += next - at;
    if (this.headLength > 2048) {
      this.refuse("431 Request Header Fields Too Large", "The request is too long.");
    } else if (isWhole) this.onLine(now);
    return next;
  }

  private onLine(now: number): void {
    let length = this.lineLength;
    this.lineLength = 0;
    const isCut = length > 80;
    if (isCut) length = 80;
    else if (this.line[length - 1] === 0x0d) length -= 1;
    if (this.state === 1 /* headers */) {
      if (length === 0) this.onHeadEnd(now);
      // Nothing in the headers matters to a request that has no body.
      else if (this.isPost) this.onHeader(length);
    } else if (length > 0) this.onRequest(length, isCut);
    // Else an empty line before the request, which RFC 9112 §2.2 asks to ignore.
  }

  private onRequest(end: number, isCut: boolean): void {
    const line = this.line;
    const space = position(line, 0x20, 0, end, this.portal.scanner);
    let from = space + 1;
    const stop = position(line, 0x20, from, end, this.portal.scanner);
    if (!isCut && !spells(line, stop + 1, end - 1, "HTTP/1.", 0)) {
      this.refuse("400 Bad Request", "This is not HTTP/1.");
      return;
    }
    this.state = 1 /* headers */;
    this.is11 = line[end - 1] === 0x31;
    // RFC 9112 §3.2.2: a server takes the whole address too, as a proxy would send it.
    if (spells(line, from, from + 7, "http://", 0)) from = position(line, 0x2f, from + 7, stop, this.portal.scanner);
    const to = position(line, 0x3f, from, stop, this.portal.scanner);
    this.isHead = spells(line, 0, space, "HEAD", 0);
    if (this.isHead || spells(line, 0, space, "GET", 0)) {
      if (spells(line, from, to, "/", 0)) this.route = 1;
      else if (spells(line, from, to, "/status", 0)) this.route = 2;
    } else if (spells(line, 0, space, "POST", 0)) {
      if (spells(line, from, to, "/try", 0)) this.route = 3;
      else if (spells(line, from, to, "/more", 0)) this.route = 4;
      else if (spells(line, from, to, "/scan", 0)) this.route = 5;
      this.isPost = true;
    }
  }

  private onHeader(end: number): void {
    const line = this.line;
    const colon = position(line, 0x3a, 0, end, this.portal.scanner);
    let from = Math.min(colon + 1, end);
    let to = end;
    while (from < to && (line[from] === 0x20 || line[from] === 0x09)) from += 1;
    while (from < to && (line[to - 1] === 0x20 || line[to - 1] === 0x09)) to -= 1;
    if (spells(line, 0, colon, "host", 0x20)) this.host = addressText(line, from, to, this.portal.scanner);
    else if (spells(line, 0, colon, "origin", 0x20)) {
      this.origin = new Uint8Array(to - from);
      this.origin.set(line.subarray(from, to));
    } else if (spells(line, 0, colon, "content-length", 0x20)) {
      const length = decimal(line, from, to);
      this.length = this.length === -1 || this.length === length ? length : -2;
      // A body in chunks has no length that could be known before.
    } else if (spells(line, 0, colon, "transfer-encoding", 0x20)) this.isPost = false;
    else if (spells(line, 0, colon, "expect", 0x20)) this.expects = spells(line, from, to, "100-continue", 0x20);
  }

  private onHeadEnd(now: number): void {
    switch (this.route) {
      case 1: // "/"
        this.answer("200 OK", "text/html", undefined, "");
        return;
      case 2: // "/status"
        this.portal.pageOpened();
        this.answerStatus(now);
        return;
      case 0:
        this.answer(
          "302 Found",
          "text/html",
          // For a browser that does not follow by itself. Apple looks for "Success" in the text: it must not be in it.
          '<html><body><a href="http://192.168.4.1/">AlertBox setup</a></body></html>',
          "Location: http://192.168.4.1/\r\n",
        );
        return;
      default:
        this.onPost(now);
    }
  }

  /** A request that changes something: who may ask, and whether its body can be taken. */
  private onPost(now: number): void {
    const { host, origin } = this;
    // A browser says from which page a request comes; another site's page must not set up a box. Nor may one whose name
    // was pointed at the box after it was loaded (DNS rebinding): so a name is no host here, only an address is.
    if (host === "" || (origin !== undefined && !spells(origin, 0, origin.length, `http://${host}`, 0))) {
      this.refuse("403 Forbidden", "Only the box's own page may do this.");
    } else if (!this.isPost || this.length === -1) {
      this.refuse("411 Length Required", "Send Content-Length.");
    } else if (this.length === -2) this.refuse("400 Bad Request", "Content-Length is not a number.");
    else if (this.length > 2048) this.refuse("413 Content Too Large", "The form is too long.");
    else if (this.route !== 3 /* /try */) this.awaitBody(now);
    else if (this.portal.isTrying) this.refuse("409 Conflict", "The box is trying other settings. Wait for it.");
    else {
      this.body = this.portal.lend(this.length);
      if (this.body === undefined) this.refuse("503 Service Unavailable", "The box is busy. Try again.");
      else this.awaitBody(now);
    }
  }

  // --- Body ---------------------------------------------------------------------------------------------------------

  private awaitBody(now: number): void {
    this.state = 2 /* body */;
    if (this.length === 0) this.onBodyEnd(now);
    else if (this.expects && this.is11) this.part = "HTTP/1.1 100 Continue\r\n\r\n";
  }

  private onBodyEnd(now: number): void {
    const body = this.body;
    this.body = undefined;
    if (this.route === 4 /* /more */) this.portal.more();
    else if (this.route === 5 /* /scan */) this.portal.scan();
    else if (!this.portal.submit(body as Uint8Array)) {
      this.refuse("400 Bad Request", "The form could not be read. Load the page again.");
      return;
    }
    this.answerStatus(now);
  }

  // --- Answer -------------------------------------------------------------------------------------------------------

  private answerStatus(now: number): void {
    this.answer("200 OK", "application/json", this.portal.status(now), "");
  }

  /** `problem` is ASCII without quotes and backslashes. */
  private refuse(status: string, problem: string): void {
    this.answer(status, "application/json", `{"problem":"${problem}"}`, "");
  }

  /** Without `content` the page is meant. */
  private answer(status: string, type: string, content: string | Uint8Array | undefined, header: string): void {
    // The portal's handler may have ended it meanwhile.
    if (this.state === 4 /* over */) return;
    this.state = 3 /* answer */;
    this.until = (this.until + 10000) | 0;
    // What is left of 100 Continue goes first.
    this.part =
      `${(this.part as string).substring(this.sent)}HTTP/1.1 ${status}\r\n${header}Content-Type: ${type}\r\n` +
      `Content-Length: ${content === undefined ? PAGE_LENGTH : content.length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n`;
    this.sent = 0;
    if (this.isHead) return;
    this.next = content;
    if (content === undefined) this.page = 0;
  }
}

function encoded(text: string): Uint8Array {
  return new Uint8Array(ArrayBuffer.fromString(text));
}

/** Whether a range spells `text`, each byte with the bits of `mask` set. */
function spells(bytes: Uint8Array, start: number, end: number, text: string, mask: number): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i += 1) {
    if (((bytes[start + i] as number) | mask) !== text.charCodeAt(i)) return false;
  }
  return true;
}

/** A Content-Length. */
function decimal(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return -2;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return -2;
    value = value * 10 + digit;
  }
  return value;
}

/** An IPv4 address with or without a port, as text; "" for anything else, also for what was too long to be kept. */
function addressText(bytes: Uint8Array, start: number, end: number, scanner: Scanner | undefined): string {
  // ":" and "."
  const stop = position(bytes, 0x3a, start, end, scanner);
  let dots = 0;
  for (let at = start; at < stop; at += 1) {
    if (bytes[at] === 0x2e) dots += 1;
    else if (decimal(bytes, at, at + 1) < 0) return "";
  }
  if (dots !== 3 || end - start > 21 || (stop < end && decimal(bytes, stop + 1, end) < 0)) return "";
  return (String.fromArrayBuffer as FromArrayBuffer)(bytes.buffer, start, end - start);
}

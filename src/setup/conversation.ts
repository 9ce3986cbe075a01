// One connection of a phone: one HTTP request in, in any fragments, one answer out, in any pieces (RFC 9112). It keeps
// the start of one line at a time and a body only where one is expected, so that no request, however slow, long or
// broken, costs more than that. It knows no socket and no timer; what is asked for is the portal's.

import { PAGE } from "./page.js";
import type { Portal } from "./portal.js";

const HttpLimits = Object.freeze({
  /** Of a line, this much is kept: methods, paths and headers that matter are shorter. */
  LINE_BYTES: 80,
  HEAD_BYTES: 2048,
  BODY_BYTES: 2048,
  /** Copied at a time, so that the page never stands in RAM as a whole. */
  PIECE_BYTES: 512,
  /** From the connection to the end of the request, and to the end of all. */
  REQUEST_MS: 5000,
  TOTAL_MS: 15000,
} as const);

const LF = 0x0a;
const CR = 0x0d;
const TAB = 0x09;
const SPACE = 0x20;
const SLASH = 0x2f;
const COLON = 0x3a;
const QUESTION = 0x3f;
/** Turns capital letters into small ones; no other byte of a header's name changes into a letter or a hyphen. */
const SMALL = 0x20;

/** Content-Length: not given, and not usable. */
const NO_LENGTH = -1;
const BAD_LENGTH = -2;

const JSON_TYPE = "application/json";

// request line ──▶ headers ──▶ body ──▶ answer ──▶ over
//       │             │ ▲        │        ▲
//       │             └─┘        │        │  a refusal, a redirection or a request without body comes here at once
//       └─────────────┴──────────┴────────┘  `until` and end(): from anywhere to over
type State = "request" | "headers" | "body" | "answer" | "over";

/** What is asked for: the path of a known request, or "" for everything else, which leads to the page. */
type Route = "" | "/" | "/status" | "/try" | "/more" | "/scan";

export class Conversation {
  /** The instant at which it is given up at the latest. */
  until: number;
  private readonly _portal: Portal;
  private _state: State = "request";
  private readonly _line = new Uint8Array(HttpLimits.LINE_BYTES);
  /** Bytes of the present line, those included that are not kept. */
  private _lineLength = 0;
  private _headLength = 0;
  private _route: Route = "";
  private _isHead = false;
  private _isPost = false;
  private _is11 = false;
  private _expects = false;
  private _host: Uint8Array | undefined;
  private _origin: Uint8Array | undefined;
  /** Content-Length; in the body, what is still to come. */
  private _length: number = NO_LENGTH;
  private _body: Uint8Array | undefined;
  /** What goes out now, how much of it is out, and what follows it. Texts are ASCII. */
  private _part: string | Uint8Array = "";
  private _sent = 0;
  private _next: string | Uint8Array | undefined;

  constructor(portal: Portal, now: number) {
    this._portal = portal;
    this.until = (now + HttpLimits.REQUEST_MS) | 0;
  }

  /** Everything has been given to `transmit`, or it is over: the connection is to be closed when TCP has it. */
  get finished(): boolean {
    const isOut = this._next === undefined && this._sent === this._part.length;
    return this._state === "over" || (this._state === "answer" && isOut);
  }

  /** Bytes of the phone, `bytes[start..end)`, any fragments. Never throws on any bytes; keeps none of the array. */
  receive(bytes: Uint8Array, start: number, end: number, now: number): void {
    if (this._isLate(now)) return;
    let at = start;
    while (at < end && (this._state === "request" || this._state === "headers")) {
      at = this._onHead(bytes, at, end, now);
    }
    if (this._state === "body" && at < end) this._onBody(bytes, at, end, now);
  }

  /** Writes what is to be sent next, at most `limit` bytes, into `into` from 0; 0 when there is nothing now. */
  transmit(into: Uint8Array, limit: number, now: number): number {
    if (this._isLate(now)) return 0;
    let size = 0;
    for (;;) {
      const part = this._part;
      const from = this._sent;
      const count = Math.min(limit - size, part.length - from, HttpLimits.PIECE_BYTES);
      if (count > 0) {
        this._sent = from + count;
        const isText = typeof part === "string";
        into.set(isText ? encoded(part.slice(from, from + count)) : part.subarray(from, from + count), size);
        size += count;
      } else if (size < limit && this._next !== undefined) {
        this._part = this._next;
        this._next = undefined;
        this._sent = 0;
      } else return size;
    }
  }

  /** The connection is gone (closed, reset or given up): frees its place and its memory. May be called twice. */
  end(): void {
    if (this._state === "over") return;
    this._state = "over";
    this._portal.over(this._body);
    this._body = undefined;
    this._part = "";
    this._next = undefined;
  }

  private _isLate(now: number): boolean {
    if (((now - this.until) | 0) >= 0) this.end();
    return this._state === "over";
  }

  // --- Head ---------------------------------------------------------------------------------------------------------

  /** Bytes up to the end of a line, or all there are. Gives where the next begin. */
  private _onHead(bytes: Uint8Array, at: number, end: number, now: number): number {
    const found = bytes.indexOf(LF, at);
    const isWhole = found >= 0 && found < end;
    const stop = isWhole ? found : end;
    const kept = Math.min(stop - at, HttpLimits.LINE_BYTES - this._lineLength);
    if (kept > 0) this._line.set(bytes.subarray(at, at + kept), this._lineLength);
    this._lineLength += stop - at;
    const next = isWhole ? stop + 1 : stop;
    this._headLength += next - at;
    if (this._headLength > HttpLimits.HEAD_BYTES) {
      this._refuse("431 Request Header Fields Too Large", "The request is too long.");
    } else if (isWhole) this._onLine(now);
    return next;
  }

  private _onLine(now: number): void {
    let length = this._lineLength;
    this._lineLength = 0;
    const isCut = length > HttpLimits.LINE_BYTES;
    if (isCut) length = HttpLimits.LINE_BYTES;
    else if (this._line[length - 1] === CR) length -= 1;
    if (this._state === "headers") {
      if (length === 0) this._onHeadEnd(now);
      // Nothing in the headers matters to a request that has no body.
      else if (this._isPost) this._onHeader(length);
    } else if (length > 0) this._onRequest(length, isCut);
    // Else an empty line before the request, which RFC 9112 §2.2 asks to ignore.
  }

  private _onRequest(end: number, isCut: boolean): void {
    const line = this._line;
    const space = position(line, SPACE, 0, end);
    let from = space + 1;
    const stop = position(line, SPACE, from, end);
    if (!isCut && !spells(line, stop + 1, end - 1, "HTTP/1.", 0)) {
      this._refuse("400 Bad Request", "This is not HTTP/1.");
      return;
    }
    this._state = "headers";
    this._is11 = line[end - 1] === 0x31;
    // RFC 9112 §3.2.2: a server takes the whole address too, as a proxy would send it.
    if (spells(line, from, from + 7, "http://", 0)) from = position(line, SLASH, from + 7, stop);
    const to = position(line, QUESTION, from, stop);
    this._isHead = spells(line, 0, space, "HEAD", 0);
    if (this._isHead || spells(line, 0, space, "GET", 0)) {
      if (spells(line, from, to, "/", 0)) this._route = "/";
      else if (spells(line, from, to, "/status", 0)) this._route = "/status";
    } else if (spells(line, 0, space, "POST", 0)) {
      if (spells(line, from, to, "/try", 0)) this._route = "/try";
      else if (spells(line, from, to, "/more", 0)) this._route = "/more";
      else if (spells(line, from, to, "/scan", 0)) this._route = "/scan";
      this._isPost = true;
    }
  }

  private _onHeader(end: number): void {
    const line = this._line;
    const colon = position(line, COLON, 0, end);
    let from = colon + 1;
    let to = end;
    while (from < to && isBlank(line[from])) from += 1;
    while (from < to && isBlank(line[to - 1])) to -= 1;
    if (spells(line, 0, colon, "host", SMALL)) this._host = line.slice(from, to);
    else if (spells(line, 0, colon, "origin", SMALL)) this._origin = line.slice(from, to);
    else if (spells(line, 0, colon, "content-length", SMALL)) {
      const length = decimal(line, from, to);
      this._length = this._length === NO_LENGTH || this._length === length ? length : BAD_LENGTH;
      // A body in chunks has no length that could be known before.
    } else if (spells(line, 0, colon, "transfer-encoding", SMALL)) this._isPost = false;
    else if (spells(line, 0, colon, "expect", SMALL)) this._expects = spells(line, from, to, "100-continue", SMALL);
  }

  private _onHeadEnd(now: number): void {
    switch (this._route) {
      case "/":
        this._answer("200 OK", "text/html", PAGE, "");
        return;
      case "/status":
        this._portal.pageOpened();
        this._answerStatus(now);
        return;
      case "":
        this._answer("302 Found", "text/html", ELSEWHERE, "Location: http://192.168.4.1/\r\n");
        return;
      default:
        this._onPost(now);
    }
  }

  /** A request that changes something: who may ask, and whether its body can be taken. */
  private _onPost(now: number): void {
    if (!isSameOrigin(this._origin, this._host)) {
      // A browser says from which page a request comes; another site's page must not set up a box.
      this._refuse("403 Forbidden", "Only the box's own page may do this.");
    } else if (!this._isPost || this._length === NO_LENGTH) {
      this._refuse("411 Length Required", "Send Content-Length.");
    } else if (this._length === BAD_LENGTH) this._refuse("400 Bad Request", "Content-Length is not a number.");
    else if (this._length > HttpLimits.BODY_BYTES) this._refuse("413 Content Too Large", "The form is too long.");
    else if (this._route !== "/try") this._awaitBody(now);
    else if (this._portal.isTrying) this._refuse("409 Conflict", "The box is trying other settings. Wait for it.");
    else {
      this._body = this._portal.lend(this._length);
      if (this._body === undefined) this._refuse("503 Service Unavailable", "The box is busy. Try again.");
      else this._awaitBody(now);
    }
  }

  // --- Body ---------------------------------------------------------------------------------------------------------

  private _awaitBody(now: number): void {
    this._state = "body";
    if (this._length === 0) this._onBodyEnd(now);
    else if (this._expects && this._is11) this._part = "HTTP/1.1 100 Continue\r\n\r\n";
  }

  private _onBody(bytes: Uint8Array, at: number, end: number, now: number): void {
    const body = this._body;
    const count = Math.min(end - at, this._length);
    if (body !== undefined) body.set(bytes.subarray(at, at + count), body.length - this._length);
    this._length -= count;
    if (this._length === 0) this._onBodyEnd(now);
  }

  private _onBodyEnd(now: number): void {
    const body = this._body;
    this._body = undefined;
    if (this._route === "/more") this._portal.more();
    else if (this._route === "/scan") this._portal.scan();
    else if (!this._portal.submit(body as Uint8Array)) {
      this._refuse("400 Bad Request", "The form could not be read. Load the page again.");
      return;
    }
    this._answerStatus(now);
  }

  // --- Answer -------------------------------------------------------------------------------------------------------

  private _answerStatus(now: number): void {
    this._answer("200 OK", JSON_TYPE, this._portal.status(now), "");
  }

  /** `problem` is ASCII without quotes and backslashes. */
  private _refuse(status: string, problem: string): void {
    this._answer(status, JSON_TYPE, `{"problem":"${problem}"}`, "");
  }

  private _answer(status: string, type: string, content: string | Uint8Array, header: string): void {
    // The portal's handler may have ended it meanwhile.
    if (this._state === "over") return;
    this._state = "answer";
    this.until = (this.until + HttpLimits.TOTAL_MS - HttpLimits.REQUEST_MS) | 0;
    // What is left of 100 Continue goes first.
    this._part =
      `${this._part.slice(this._sent)}HTTP/1.1 ${status}\r\n${header}Content-Type: ${type}\r\n` +
      `Content-Length: ${content.length}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n`;
    this._sent = 0;
    if (!this._isHead) this._next = content;
  }
}

/** For a browser that does not follow by itself. Apple looks for "Success" in the text, so that must not be in it. */
const ELSEWHERE = '<html><body><a href="http://192.168.4.1/">AlertBox setup</a></body></html>';

function encoded(text: string): Uint8Array {
  return new Uint8Array(ArrayBuffer.fromString(text));
}

/** Where a byte is found first in `bytes[at..end)`; `end` when it is not there. */
function position(bytes: Uint8Array, byte: number, at: number, end: number): number {
  const found = bytes.indexOf(byte, at);
  return found < 0 || found > end ? end : found;
}

/** Whether a range spells `text`, each byte with the bits of `mask` set. */
function spells(bytes: Uint8Array, start: number, end: number, text: string, mask: number): boolean {
  if (end - start !== text.length) return false;
  for (let i = 0; i < text.length; i += 1) {
    if (((bytes[start + i] as number) | mask) !== text.charCodeAt(i)) return false;
  }
  return true;
}

function isBlank(byte: number | undefined): boolean {
  return byte === SPACE || byte === TAB;
}

/** A Content-Length. */
function decimal(bytes: Uint8Array, start: number, end: number): number {
  if (start === end) return BAD_LENGTH;
  let value = 0;
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] as number) - 0x30;
    if (digit < 0 || digit > 9) return BAD_LENGTH;
    value = value * 10 + digit;
  }
  return value;
}

/** Whether a request comes from a page of this box, under whatever name, or from no page at all. */
function isSameOrigin(origin: Uint8Array | undefined, host: Uint8Array | undefined): boolean {
  if (origin === undefined) return true;
  if (host === undefined || !spells(origin, 0, origin.length - host.length, "http://", 0)) return false;
  for (let i = 0; i < host.length; i += 1) if (origin[i + 7] !== host[i]) return false;
  return true;
}

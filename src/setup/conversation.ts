// One connection of a phone: one HTTP request in, in any fragments, one answer out, in any pieces (RFC 9112). It keeps
// the start of one line at a time and a body only where one is expected, so that no request, however slow, long or
// broken, costs more than that. It knows no socket and no timer; what is asked for is the portal's.

import { position, type Scanner } from "./form.js";
import { PAGE, PAGE_LENGTH } from "./page.js";
import type { Portal, StatusDraft } from "./portal.js";

/** XS takes a range (xsString.c, fx_String_fromArrayBuffer); its typings name the buffer only. */
type FromArrayBuffer = (buffer: ArrayBufferLike, byteOffset: number, byteLength: number) => string;

// Limits, bytes and milliseconds: 80 bytes are kept of a line (methods, paths and headers that matter are shorter), a
// head has 2,048 and a body 2,048, and the page goes out in pieces, so that it never stands in RAM as a whole; 5 s from
// the connection to the end of the request, 15 s to the end of all. Numbers stand in the code: a named constant takes
// some 60 bytes of flash. Bytes of text are named beside it; a mask of 0x20 turns capital letters into small ones, and
// no other byte of a header's name into a letter or a hyphen.

// request line ──▶ headers ──▶ body ──▶ asked ──▶ answer ──▶ over
//       │             │ ▲        │        ▲ │       ▲
//       │             └─┘        │        │ └─work()┘  a status or a form takes turns of its own
//       └─────────────┴──────────┴────────┘  a request without body comes here at once; a refusal, a redirection or the
//                                            page goes on to the answer; `until` and end(): from anywhere to over
// Numbers in the code: 0 request, 1 headers, 2 body, 3 answer, 4 over, 5 asked.
type State = 0 | 1 | 2 | 3 | 4 | 5;

/** What is asked for: 1 "/", 2 "/status", 3 "/try", 4 "/more", 5 "/scan", 0 everything else, which leads to "/". */
type Route = 0 | 1 | 2 | 3 | 4 | 5;

export class Conversation {
  /** The instant at which it is given up at the latest. */
  until: number;
  private readonly portal: Portal;
  private state: State = 0;
  /** The start of a line of which the end has not come. */
  private line: Uint8Array | undefined;
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
  private origin: string | undefined;
  /** Content-Length, -1 when not given, -2 when not usable; in the body, what is still to come. */
  private length: number = -1;
  private body: Uint8Array | undefined;
  private status: StatusDraft | undefined;
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

  /** What was asked for is to be worked out: `work` does it. */
  get isAsked(): boolean {
    return this.state === 5 /* asked */;
  }

  /**
   * Bytes of the phone, `bytes[start..end)`, any fragments. Never throws on any bytes; keeps none of the array.
   *
   * @returns where it has stopped, because lines take long: the rest is for another turn; `end` when it took all.
   */
  receive(bytes: Uint8Array, start: number, end: number, now: number): number {
    if (this.isLate(now)) return end;
    let at = start;
    for (let lines = 0; at < end && (this.state === 0 /* request */ || this.state === 1) /* headers */; lines += 1) {
      if (lines === 2) return at;
      at = this.onHead(bytes, at, end);
    }
    if (this.state !== 2 /* body */ || at === end) return end;
    const { body } = this;
    const count = Math.min(end - at, this.length);
    if (body !== undefined) body.set(bytes.subarray(at, at + count), body.length - this.length);
    this.length -= count;
    if (this.length === 0) this.state = 5 /* asked */;
    return end;
  }

  /** The next step of what was asked for. To be called in a turn of its own, as long as `isAsked`. */
  work(now: number): void {
    if (this.isLate(now) || this.state !== 5 /* asked */) return;
    const { body, portal, status } = this;
    if (status !== undefined) {
      const content = portal.extend(status);
      if (content === undefined) return;
      this.status = undefined;
      this.answer("200 OK", "application/json", content, "");
      return;
    }
    if (this.route === 2 /* /status */) portal.pageOpened();
    else if (this.route === 4 /* /more */) portal.more();
    else if (this.route === 5 /* /scan */) portal.scan();
    else if (body !== undefined) {
      const isRead = portal.submit(body);
      if (isRead === undefined) return;
      this.body = undefined;
      if (!isRead) {
        this.refuse("400 Bad Request", "The form could not be read. Load the page again.");
        return;
      }
    }
    // The answer is the status as it is then. The portal's handler may have ended it meanwhile.
    if (this.isAsked) this.status = portal.begin(now);
  }

  /** What is to be sent next, at most `limit` bytes; undefined when there is nothing now. */
  transmit(limit: number, now: number): Uint8Array | undefined {
    if (this.isLate(now)) return undefined;
    let { part } = this;
    if (this.sent === part.length) {
      if (this.next !== undefined) {
        part = this.next;
        this.next = undefined;
      } else if (this.page < PAGE.length) {
        part = PAGE[this.page] as string;
        this.page += 1;
      } else return undefined;
      this.part = part;
      this.sent = 0;
    }
    const from = this.sent;
    const to = Math.min(from + limit, part.length);
    this.sent = to;
    const isWhole = from === 0 && to === part.length;
    if (typeof part === "string") return encoded(isWhole ? part : part.substring(from, to));
    return isWhole ? part : part.subarray(from, to);
  }

  /** The connection is gone (closed, reset or given up): frees its place and its memory. May be called twice. */
  end(): void {
    if (this.state === 4 /* over */) return;
    this.state = 4 /* over */;
    this.portal.over(this.body);
    this.body = undefined;
    this.status = undefined;
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
  private onHead(bytes: Uint8Array, at: number, end: number): number {
    const stop = position(bytes, 0x0a, at, end, this.portal.scanner);
    const isWhole = stop < end;
    const next = isWhole ? stop + 1 : stop;
    const before = this.lineLength;
    const length = before + stop - at;
    this.headLength += next - at;
    this.lineLength = isWhole ? 0 : length;
    if (this.headLength > 2048) {
      this.refuse("431 Request Header Fields Too Large", "The request is too long.");
    } else if (isWhole && before === 0) this.onLine(bytes, at, length);
    else if (!isWhole || before > 0) {
      const line = this.line ?? new Uint8Array(80);
      this.line = line;
      const kept = Math.min(stop - at, 80 - before);
      if (kept > 0) line.set(bytes.subarray(at, at + kept), before);
      if (isWhole) {
        this.line = undefined;
        this.onLine(line, 0, length);
      }
    }
    return next;
  }

  /** A whole line of `length` bytes from `start` on, of which at most 80 are there. */
  private onLine(bytes: Uint8Array, start: number, length: number): void {
    let size = length;
    const isCut = size > 80;
    if (isCut) size = 80;
    else if (size > 0 && bytes[start + size - 1] === 0x0d) size -= 1;
    if (this.state === 1 /* headers */) {
      if (size === 0) this.onHeadEnd();
      // Nothing in the headers matters to a request that has no body.
      else if (this.isPost) this.onHeader(textOf(bytes, start, size));
    } else if (size > 0) this.onRequest(textOf(bytes, start, size), isCut);
    // Else an empty line before the request, which RFC 9112 §2.2 asks to ignore.
  }

  private onRequest(line: string, isCut: boolean): void {
    const end = line.length;
    const space = before(line, " ", 0, end);
    let from = space + 1;
    const stop = before(line, " ", from, end);
    if (!isCut && line.substring(stop + 1, end - 1) !== "HTTP/1.") {
      this.refuse("400 Bad Request", "This is not HTTP/1.");
      return;
    }
    this.state = 1 /* headers */;
    this.is11 = line.substring(end - 1) === "1";
    // RFC 9112 §3.2.2: a server takes the whole address too, as a proxy would send it.
    if (line.substring(from, from + 7) === "http://") from = before(line, "/", from + 7, stop);
    const path = line.substring(from, before(line, "?", from, stop));
    const method = line.substring(0, space);
    this.isHead = method === "HEAD";
    if (this.isHead || method === "GET") this.route = path === "/" ? 1 : path === "/status" ? 2 : 0;
    else if (method === "POST") {
      this.route = path === "/try" ? 3 : path === "/more" ? 4 : path === "/scan" ? 5 : 0;
      this.isPost = true;
    }
  }

  private onHeader(line: string): void {
    const colon = before(line, ":", 0, line.length);
    const name = line.substring(0, colon);
    const value = line.substring(colon + 1).trim();
    if (is(name, "Host")) this.host = isAddress(value, this.portal.scanner) ? value : "";
    else if (is(name, "Origin")) this.origin = value;
    else if (is(name, "Content-Length")) {
      const length = decimal(value);
      this.length = this.length === -1 || this.length === length ? length : -2;
      // A body in chunks has no length that could be known before.
    } else if (is(name, "Transfer-Encoding")) this.isPost = false;
    else if (is(name, "Expect")) this.expects = is(value, "100-continue");
  }

  private onHeadEnd(): void {
    switch (this.route) {
      case 1: // "/"
        this.answer("200 OK", "text/html", undefined, "");
        return;
      case 2: // "/status"
        this.state = 5 /* asked */;
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
        this.onPost();
    }
  }

  /** A request that changes something: who may ask, and whether its body can be taken. */
  private onPost(): void {
    const { host, origin } = this;
    // A browser says from which page a request comes; another site's page must not set up a box. Nor may one whose name
    // was pointed at the box after it was loaded (DNS rebinding): so a name is no host here, only an address is.
    if (host === "" || (origin !== undefined && origin !== `http://${host}`)) {
      this.refuse("403 Forbidden", "Only the box's own page may do this.");
    } else if (!this.isPost || this.length === -1) {
      this.refuse("411 Length Required", "Send Content-Length.");
    } else if (this.length === -2) this.refuse("400 Bad Request", "Content-Length is not a number.");
    else if (this.length > 2048) this.refuse("413 Content Too Large", "The form is too long.");
    else if (this.route !== 3 /* /try */) this.awaitBody();
    else if (this.portal.isTrying) this.refuse("409 Conflict", "The box is trying other settings. Wait for it.");
    else {
      this.body = this.portal.lend(this.length);
      if (this.body === undefined) this.refuse("503 Service Unavailable", "The box is busy. Try again.");
      else this.awaitBody();
    }
  }

  private awaitBody(): void {
    this.state = this.length === 0 ? 5 /* asked */ : 2 /* body */;
    if (this.length > 0 && this.expects && this.is11) this.part = "HTTP/1.1 100 Continue\r\n\r\n";
  }

  // --- Answer -------------------------------------------------------------------------------------------------------

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

/** A range as text; "" when it is none that the engine takes. */
function textOf(bytes: Uint8Array, start: number, length: number): string {
  try {
    return (String.fromArrayBuffer as FromArrayBuffer)(bytes.buffer, bytes.byteOffset + start, length);
  } catch {
    return "";
  }
}

/** Where a character is found first from `from` on; `end` when it is not there before it. */
function before(text: string, character: string, from: number, end: number): number {
  const found = text.indexOf(character, from);
  return found < 0 || found > end ? end : found;
}

/** Whether a text is a word of letters and hyphens, whatever its case. */
function is(text: string, word: string): boolean {
  // As browsers write it.
  if (text === word) return true;
  if (text.length !== word.length) return false;
  for (let i = 0; i < word.length; i += 1)
    if ((text.charCodeAt(i) | 0x20) !== (word.charCodeAt(i) | 0x20)) return false;
  return true;
}

/** A Content-Length. */
function decimal(text: string): number {
  if (text === "") return -2;
  let value = 0;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -2;
    value = value * 10 + digit;
  }
  return value;
}

/** Whether a text is an IPv4 address with or without a port; it is not when it was too long to be kept. */
function isAddress(text: string, scanner: Scanner | undefined): boolean {
  const bytes = encoded(text);
  const end = bytes.length;
  // Digits and dots, with one colon among them.
  const stop = onlyIn(bytes, 0, end, 0x2e, scanner);
  const isPlain =
    stop === end || (bytes[stop] === 0x3a && stop + 1 < end && onlyIn(bytes, stop + 1, end, 0x30, scanner) === end);
  if (!isPlain || end > 21) return false;
  let dots = 0;
  for (let at = text.indexOf("."); at >= 0; at = text.indexOf(".", at + 1)) dots += 1;
  return dots === 3;
}

/** Where the first byte is that is no digit; from `least` on, with the slash left out. */
function onlyIn(bytes: Uint8Array, from: number, to: number, least: number, scanner: Scanner | undefined): number {
  if (scanner !== undefined) return scanner.span(bytes, from, to, least, 0x39, 0x2f);
  let at = from;
  while (at < to && (bytes[at] as number) >= least && (bytes[at] as number) <= 0x39 && bytes[at] !== 0x2f) at += 1;
  return at;
}

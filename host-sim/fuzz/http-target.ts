// The setup portal under attack: phones (up to four, of which three find a place) that say anything over their
// connections, in any pieces, hang up, wait too long, or send a form that is none. Each input is played twice, in one
// piece and in random ones, and the answers must be the same. The form reader is compared with a plain one as well.
//
// An input: mode · two bytes for the knife · what the box answers to a trial · then, with bit 0 of the mode set, a
// form, else steps: what is done and with which connection, a number, and what that needs.

import type { Random } from "../random.js";
import { SCANNER } from "./bare-flash.js";
import { Draft, Knife, once, spoilSome } from "./draft.js";
import { FORMS, putForm, putRequest, REQUESTS } from "./requests.js";
import { Script } from "./session-script.js";
import type { Sources } from "./sources.js";
import { Breach, count, hold, type Target } from "./target.js";

const HEAD = 4;
const PLACES = 4;
/** The page, with room for its head. */
const MOST_OUT = 9000;
const FIELDS: readonly string[] = Object.freeze([
  ...["ssid", "wifiPassword", "host", "port", "user", "password", "root", "mode", "wiring", "convention"],
]);

/** Steps; bits 4 and 5 of theirs say which connection. */
const Step = Object.freeze({ SAY: 0, TURN: 1, PASS: 2, HANG_UP: 3, HEARD: 4, REPORT: 5, OPEN: 6, ANSWER: 7 } as const);
const STEPS = 8;

type Talk = NonNullable<ReturnType<InstanceType<Sources["portal"]["Portal"]>["accept"]>>;
type Fields = Record<string, string | undefined>;

/** One connection of a phone. */
interface Line {
  readonly talk: Talk;
  said: string;
  out: string;
  /** What the box was asked to do by it. */
  readonly asked: string[];
  hasEnded: boolean;
  /** Ended by the phone, or by time. */
  isCut: boolean;
}

export function httpTarget(sources: Sources): Target {
  const { Portal } = sources.portal;
  const { FormReader } = sources.form;
  const { quoted } = sources.json;
  const reached: Record<string, number> = {};
  const draft = new Draft();

  class Play {
    readonly portal;
    readonly lines: (Line | undefined)[] = [];
    /** Answers of all connections, in the order of their ends. */
    readonly answers: string[] = [];
    now: number;
    #busy: Line | undefined;
    #isTrying = false;
    #tries: number;
    readonly #trial: number;
    readonly #knife: Knife | undefined;

    constructor(input: Uint8Array, knife: Knife | undefined) {
      this.#trial = input[3] as number;
      this.#tries = this.#trial & 3;
      this.#knife = knife;
      this.now = (input[0] as number) > 127 ? 0x7ffffff0 : 0;
      const text = (input[0] as number) > 63 ? 'a"\\\u0001é' : "home";
      const facts = { chipId: 5750, firmware: "1.0.0", ssid: text, host: "broker.local", port: 1883, root: text };
      const scanner = (this.#trial & 64) === 0 ? SCANNER : undefined;
      const handler = {
        closesAt: 90_000,
        quoted: (text: string) => quoted(text, scanner),
        onTry: (fields: object) => this.#try(fields as Fields),
        onMore: () => void this.#busy?.asked.push("more"),
        onScan: () => void this.#busy?.asked.push("scan"),
      };
      const rest = { mode: "mains", wiring: "gpio", convention: "home-assistant", hasUser: true };
      this.portal = new Portal(handler, { ...facts, ...rest }, scanner);
    }

    #try(fields: Fields): string | undefined {
      this.#busy?.asked.push("try");
      for (const [name, value] of Object.entries(fields)) {
        hold(FIELDS.includes(name), "only known fields come through", () => name);
        hold(value === undefined || (typeof value === "string" && value.length <= 2048), "a field is text", () => name);
      }
      if (this.#tries > 0) {
        this.#tries -= 1;
        return undefined;
      }
      this.#tries = this.#trial & 3;
      if ((this.#trial & 4) !== 0) return 'host: not "one"; give \\ another';
      this.#isTrying = true;
      if ((this.#trial & 8) !== 0) this.portal.report("trying", "broker", "");
      return "";
    }

    play(script: Script): void {
      for (let steps = 0; steps < 100; steps += 1) {
        const step = script.next();
        if (step === undefined) break;
        const value = script.next() ?? 0;
        this.#step(step % STEPS, (step >> 4) % PLACES, value, script);
      }
      for (let place = 0; place < PLACES; place += 1) this.#finish(place);
      if (this.#knife !== undefined) this.#afterAll();
    }

    #step(kind: number, place: number, value: number, script: Script): void {
      const line = this.lines[place];
      switch (kind) {
        case Step.SAY: {
          const bytes = script.bytes(value);
          const to = line ?? this.#open(place);
          if (to !== undefined) this.#say(to, bytes);
          return;
        }
        case Step.OPEN:
          if (line === undefined) this.#open(place);
          return;
        case Step.TURN:
          if (line !== undefined) this.#turn(line, 1 + (value & 63) * 8);
          return;
        case Step.ANSWER:
          if (line !== undefined) for (let turns = 0; turns < 60 && this.#turn(line, 512); turns += 1);
          return;
        case Step.PASS:
          this.now = (this.now + value * 30) | 0;
          // As portal-server.ts does at the end of a conversation's time.
          for (const [place, line] of this.lines.entries()) {
            if (line !== undefined && this.#isLate(line)) this.#end(place);
          }
          return;
        case Step.HANG_UP:
          if (line === undefined) return;
          line.isCut = true;
          this.#end(place);
          return;
        case Step.HEARD: {
          const name = String.fromCharCode(...script.bytes(value % 36));
          this.portal.heard(name, -(value & 127), (value & 1) !== 0);
          return;
        }
        default: {
          // Only the trial that goes on is told of.
          if (!this.#isTrying) return;
          const phase = ["trying", "trying", "failed", "done"][value & 3] as string;
          this.#isTrying = phase === "trying";
          this.portal.report(phase, "wifi", 'x"\\\n'.repeat(value));
        }
      }
    }

    #open(place: number): Line | undefined {
      const open = this.lines.filter((line) => line !== undefined).length;
      const talk = this.portal.accept(this.now);
      hold((talk !== undefined) === open < 3, "three phones find a place", () => `${open} are there`);
      if (talk === undefined) return undefined;
      const line: Line = { talk, said: "", out: "", asked: [], hasEnded: false, isCut: false };
      this.lines[place] = line;
      return line;
    }

    /** Whether the box's patience is over. */
    #isLate(line: Line): boolean {
      if (((this.now - line.talk.until) | 0) < 0) return false;
      line.isCut = true;
      return true;
    }

    #say(line: Line, bytes: Uint8Array): void {
      this.#isLate(line);
      line.said += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
      for (let from = 0; from < bytes.length; ) {
        const size = this.#knife === undefined ? bytes.length - from : this.#knife.next(bytes.length - from);
        // As on the chip: a buffer that is gone afterwards.
        const buffer = bytes.slice(from, from + size);
        for (let at = 0; at < size; ) {
          const next = line.talk.receive(buffer, at, size, this.now);
          hold(next > at && next <= size, "what is said is taken", () => `${next} after ${at} of ${size}`);
          at = next;
        }
        buffer.fill(0x0a);
        from += size;
      }
      this.#checkSize(line.talk);
    }

    /** The budget: a line of 80 bytes, a body of 2,048, texts of an answer. */
    #checkSize(talk: Talk): void {
      for (const value of Object.values(talk)) {
        const isLarge = (typeof value === "string" || value instanceof Uint8Array) && value.length > 2300;
        if (isLarge || (typeof value === "number" && Number.isNaN(value))) {
          throw new Breach("nothing grows", `${typeof value === "number" ? value : value.length}`);
        }
      }
    }

    /** One turn, as portal-server.ts has it; whether there was something to do. */
    #turn(line: Line, limit: number): boolean {
      const { talk } = line;
      this.#isLate(line);
      if (talk.isAsked) {
        this.#busy = line;
        talk.work(this.now);
        this.#busy = undefined;
        return true;
      }
      const bytes = talk.transmit(limit, this.now);
      if (bytes === undefined) return false;
      hold(bytes.length > 0 && bytes.length <= limit, "no more leaves than may", () => `${bytes.length} of ${limit}`);
      hold(!line.hasEnded, "nothing leaves after the end", () => line.said);
      line.out += Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
      if (line.out.length > MOST_OUT) throw new Breach("an answer has an end", `${line.out.length} bytes`);
      return true;
    }

    /** The phone waits for what comes: an answer, or the end of the box's patience. */
    #finish(place: number): void {
      const line = this.lines[place];
      if (line === undefined) return;
      for (let turns = 0; this.#turn(line, 512); turns += 1) {
        hold(turns < 100, "nothing loops", () => `${turns} turns`);
      }
      if (!line.talk.finished) {
        const left = (line.talk.until - this.now) | 0;
        hold(left <= 15_000, "every wait has an end", () => `${left} ms`);
        if (left > 0) this.now = line.talk.until;
        line.isCut = true;
        hold(!this.#turn(line, 512) && line.talk.finished, "at its end a conversation is over", () => line.said);
      }
      this.#end(place);
    }

    #end(place: number): void {
      const line = this.lines[place] as Line;
      line.talk.end();
      line.talk.end();
      line.hasEnded = true;
      this.lines[place] = undefined;
      hold(!this.#turn(line, 512) && line.talk.finished, "after the end nothing comes", () => line.said);
      line.talk.receive(Uint8Array.of(0x47), 0, 1, this.now);
      this.answers.push(line.out);
      checkAnswer(line);
    }

    /** All phones have gone: three others find a place, and the status can be read. */
    #afterAll(): void {
      const talks = [0, 1, 2].map(() => this.portal.accept(this.now));
      hold(!talks.includes(undefined), "places become free", () => String(talks.indexOf(undefined)));
      for (const talk of talks) talk?.end();
      const begun = this.portal.begin(this.now);
      let done = this.portal.extend(begun);
      while (done === undefined) done = this.portal.extend(begun);
      const status = Buffer.from(done);
      hold(status.length <= 1500, "a status has an end", () => `${status.length} bytes`);
      JSON.parse(status.toString());
      const body = this.portal.lend(10);
      hold(body !== undefined, "the room for a form becomes free", () => "it is lent");
      this.portal.giveBack(body);
    }
  }

  /** Exactly one answer of HTTP/1.1, complete unless it was cut; none only to what was no whole request. */
  function checkAnswer(line: Line): void {
    const { said, isCut, asked } = line;
    const fail = (rule: string): never => {
      throw new Breach(rule, JSON.stringify([said.slice(0, 600), line.out.slice(0, 300)]));
    };
    let { out } = line;
    checkAsked(line);
    if (out === "") {
      if (!isCut) fail("who asks is answered");
      count(reached, "cut");
      return;
    }
    const interim = "HTTP/1.1 100 Continue\r\n\r\n";
    if (out.startsWith(interim)) out = out.slice(interim.length);
    const head = /^HTTP\/1\.1 (\d{3}) [A-Z][A-Za-z ]+\r\n((?:[A-Z][A-Za-z-]*: [^\r\n]+\r\n)*)\r\n/.exec(out);
    if (head === null) {
      if (!isCut) fail("an answer is HTTP");
      return;
    }
    const [start, status, lines] = head as unknown as [string, string, string];
    count(reached, `answer ${status}`);
    const body = out.slice(start.length);
    const lengths = [...lines.matchAll(/^Content-Length: (\d+)\r$/gm)].map(([, length]) => Number(length));
    if (lengths.length !== 1) fail("an answer has one length");
    // A request line that cannot be read says nothing about what is asked for.
    const [first = ""] = said.replace(/^(?:\r?\n)+/, "").split("\n");
    const isHead = status !== "400" && first.startsWith("HEAD ") && isUtf8(first);
    const length = isHead ? 0 : (lengths[0] as number);
    if (body.length > length || (!isCut && body.length !== length)) fail("an answer is as long as it says");
    if (!lines.includes("Connection: close\r\n")) fail("an answer says that it is the last");
    if ((status === "302") !== lines.includes("Location: http://192.168.4.1/\r\n")) fail("302 says where to");
    if (body.length === length && length > 0 && lines.includes("application/json")) {
      JSON.parse(Buffer.from(body, "latin1").toString());
    }
    const request = said.replace(/^(?:\r?\n)+/, "");
    const ends = [request.indexOf("\n\n"), request.indexOf("\n\r\n")].filter((at) => at >= 0);
    const isLong = ends.length > 0 && Math.min(...ends) > 2048;
    if (isLong && !["400", "431"].includes(status)) fail("a head has an end");
    if (asked.includes("try") && !isCut && status !== "200") fail("a trial is answered by the status");
  }

  /** What the box does, it does for its own page only. */
  function checkAsked({ said, asked }: Line): void {
    if (asked.length === 0) return;
    const head = said.replace(/^(?:\r?\n)+/, "").split(/\r?\n\r?\n/)[0] as string;
    const [request = "", ...headers] = head.split("\n");
    if (!request.startsWith("POST ")) {
      const isPage = /^(?:GET|HEAD) [^ ]*\/status(?:\?| )/.test(request);
      if (!isPage || asked.join() !== "scan")
        throw new Breach("only a POST does something", JSON.stringify([said, asked]));
      return;
    }
    let origin: string | undefined;
    for (const header of headers) {
      // A line that is no UTF-8 is not read; browsers write ASCII.
      if (/^origin:/i.test(header) && isUtf8(header)) origin = header.slice(7, 80).trim();
    }
    if (origin !== undefined && !/^http:\/\/[\d.]+(?::\d+)?$/.test(origin)) {
      throw new Breach("nothing is done for a stranger", JSON.stringify([said.slice(0, 600), asked]));
    }
    count(reached, `asked ${asked.at(-1)}`);
  }

  function compareForms(body: Uint8Array): void {
    const before = body.slice();
    const parseForm = (scanner?: typeof SCANNER): Fields | undefined => {
      const reader = new FormReader(body, 0, body.length, scanner);
      while (reader.step());
      return reader.fields as Fields | undefined;
    };
    const ours = parseForm();
    const native = parseForm(SCANNER);
    hold(Buffer.compare(before, body) === 0, "a form is left as it is", () => Buffer.from(body).toString("hex"));
    const expected = formByTheBook(body);
    count(reached, expected === undefined ? "form refused" : "form read");
    for (const fields of [ours, native]) {
      const isSame =
        (fields === undefined) === (expected === undefined) &&
        FIELDS.every((name) => fields?.[name] === expected?.[name]);
      hold(isSame, "a form says what it says", () =>
        JSON.stringify([Buffer.from(body).toString("latin1"), fields ?? "refused", expected ?? "refused"]),
      );
    }
  }

  return {
    reached,

    draw(random: Random): Uint8Array {
      draft.clear();
      const isForm = once(random, 4);
      draft.push((random.integer(256) & 0xfe) | (isForm ? 1 : 0));
      draft.word(random.integer(65536));
      draft.push(random.integer(256));
      if (isForm) {
        putForm(draft, random);
        spoilSome(draft, random, HEAD, FORMS);
        return draft.view;
      }
      for (let left = 1 + random.integer(once(random, 6) ? 5 : 2); left > 0; left -= 1) {
        const place = random.integer(PLACES) << 4;
        drawSaying(draft, random, place);
        if (once(random, 2)) {
          draft.push(Step.ANSWER | place);
          draft.push(0);
        }
        while (once(random, 2)) {
          draft.push(random.integer(STEPS) | place);
          draft.push(random.integer(40));
        }
      }
      return draft.view;
    },

    run(input: Uint8Array): void {
      if (input.length < HEAD) return;
      if (((input[0] as number) & 1) !== 0) {
        compareForms(input.slice(HEAD));
        return;
      }
      const whole = new Play(input, undefined);
      whole.play(new Script(input, HEAD));
      const cut = new Play(input, new Knife(((input[1] as number) << 8) | (input[2] as number)));
      cut.play(new Script(input, HEAD));
      for (const [index, answer] of whole.answers.entries()) {
        hold(answer === cut.answers[index], "fragments do not matter", () =>
          JSON.stringify([answer.slice(0, 300), cut.answers[index]?.slice(0, 300)]),
        );
      }
    },
  };
}

/** A request, spoilt or not, in steps of at most 255 bytes each. */
function drawSaying(draft: Draft, random: Random, place: number): void {
  request.clear();
  putRequest(request, random);
  if (once(random, 2)) spoilSome(request, random, 0, REQUESTS);
  for (let from = 0; from < request.length; from += 255) {
    const part = request.bytes.subarray(from, Math.min(request.length, from + 255));
    draft.push(Step.SAY | place);
    draft.push(part.length);
    draft.put(part);
  }
}

const request = new Draft();
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The fields of a form as the URL standard has them, and our own rules: undefined where these refuse it. */
function formByTheBook(body: Uint8Array): Fields | undefined {
  const fields: Fields = {};
  for (const part of Buffer.from(body).toString("latin1").split("&")) {
    if (part === "") continue;
    const at = part.indexOf("=");
    const name = unescaped(at < 0 ? part : part.slice(0, at));
    const value = unescaped(at < 0 ? "" : part.slice(at + 1));
    if (name === undefined || value === undefined || !FIELDS.includes(name) || name in fields) return undefined;
    fields[name] = value;
  }
  return fields;
}

function isUtf8(text: string): boolean {
  if (/^[\0-\x7f]*$/.test(text)) return true;
  try {
    utf8.decode(Buffer.from(text.slice(0, 80), "latin1"));
    return true;
  } catch {
    // That is the answer.
    return false;
  }
}

function unescaped(text: string): string | undefined {
  if (/%(?![0-9a-fA-F]{2})/.test(text)) return undefined;
  const bytes = text
    .replaceAll("+", " ")
    .replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number(`0x${hex}`)));
  try {
    return utf8.decode(Buffer.from(bytes, "latin1"));
  } catch {
    // That is the answer.
    return undefined;
  }
}

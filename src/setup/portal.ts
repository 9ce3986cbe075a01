// The setup portal: what a phone may see of the box and ask of it. It keeps the networks that were heard and how a
// trial goes, and gives out conversations, which speak HTTP. It knows no socket, no radio and no rule for settings, and
// it is never told a secret that it could show.

import { Conversation } from "./conversation.js";
import { FormReader, type Scanner, type SetupFields } from "./form.js";

export interface PortalHandler {
  /** When setup closes, for the page's countdown. */
  readonly closesAt: number;
  /**
   * A person asks the box to try these. "" when it will; else a sentence that names the field and what to do. Undefined
   * when it has not judged all of them: called again, with the same object, in another turn.
   */
  onTry(fields: SetupFields): string | undefined;
  /** A person asks for more time. */
  onMore(): void;
  /** Text as a JSON string (RFC 8259 §7). */
  quoted(text: string): string;
  /** A page wants to know which networks there are now: its button, or the first page when nothing was heard yet. */
  onScan(): void;
}

/**
 * What the page may show of the settings in force: never a secret, no user name. Only `ssid` and `root` need escapes.
 */
export interface PortalFacts {
  readonly chipId: number;
  readonly firmware: string;
  readonly ssid: string;
  readonly host: string;
  readonly port: number;
  readonly root: string;
  readonly mode: string;
  readonly wiring: string;
  /** Whether a broker user is set. */
  readonly hasUser: boolean;
  readonly convention: string;
}

/** Conversations at a time: a phone opens one or two, and each costs TCP's memory too. */
export const MAX_CONVERSATIONS = 3;
// Numbers that stand in the code, because a named constant takes some 60 bytes of flash:
// - 12: networks that are kept.
// - 32: longest name of a network in bytes (IEEE 802.11, 9.4.2.2).
// - 200: longest detail that is shown, in characters.
// - 1400: room for a status in bytes. Settings and our own sentences take at most some 1,300 of it.

export class Portal {
  private readonly handler: PortalHandler;
  /** For the bytes that phones send. */
  readonly scanner: Scanner | undefined;
  /** What never changes while setup is open, as JSON. */
  private readonly first: string;
  private readonly last: string;
  /**
   * Networks that were heard: their names as JSON strings, and of each three numbers in one: bytes of the name, from
   * bit 10 on; the signal in dBm + 256; in bit 0 whether it is open.
   */
  private names: string[] = [];
  private levels: number[] = [];
  private isAsked = false;
  /** Whether settings are being tried now. Set here, only read elsewhere. */
  isTrying = false;
  /** How the trial goes, as JSON. */
  private trial = "";
  private conversations = 0;
  /** A form on its way, and its reader as long as it is read or judged. */
  private body: Uint8Array | undefined;
  private reader: FormReader | undefined;

  constructor(handler: PortalHandler, facts: PortalFacts, scanner?: Scanner) {
    this.handler = handler;
    this.scanner = scanner;
    const { ssid, host, root, mode, wiring } = facts;
    this.first = `{"chip":${facts.chipId},"fw":"${facts.firmware}","left":`;
    this.last =
      `],"now":{"ssid":${handler.quoted(ssid)},"host":"${host}","port":${facts.port},"root":${handler.quoted(root)},` +
      `"mode":"${mode}","wiring":"${wiring}","auth":${facts.hasUser},` +
      `"convention":"${facts.convention}"}}`;
    this.report("idle", "", "");
  }

  /**
   * A network that the radio has heard. Kept are the strongest, each name once, strongest first; names that are empty
   * (hidden networks) or too long to be joined are left out.
   *
   * @param rssi signal strength in dBm.
   */
  heard(ssid: string, rssi: number, open: boolean): void {
    if (ssid === "" || encoded(ssid).length > 32) return;
    const name = this.handler.quoted(ssid);
    const { names, levels } = this;
    let from = 0;
    while (from < names.length && names[from] !== name) from += 1;
    if (from === 12) from -= 1;
    const known = levels[from];
    const level = ((rssi + 256) << 1) | (open ? 1 : 0);
    if (known !== undefined && (known & 1023) >> 1 >= level >> 1) return;
    // From its place, or the place that is given up, it moves up past the weaker ones.
    while (from > 0 && ((levels[from - 1] as number) & 1023) >> 1 < level >> 1) {
      names[from] = names[from - 1] as string;
      levels[from] = levels[from - 1] as number;
      from -= 1;
    }
    names[from] = name;
    levels[from] = level | (encoded(name).length << 10);
  }

  clearHeard(): void {
    this.names = [];
    this.levels = [];
  }

  /**
   * How the trial goes.
   *
   * @param phase "idle", "trying", "failed" or "done".
   * @param step "form", "wifi", "address", "name", "broker", "login" or "".
   * @param detail a sentence, of which 200 characters are shown, or "".
   */
  report(phase: string, step: string, detail: string): void {
    this.isTrying = phase === "trying";
    const text = this.handler.quoted(detail.substring(0, 200));
    this.trial = `,"phase":"${phase}","step":"${step}","detail":${text},"networks":[`;
  }

  /** A place for one more connection from a phone, or undefined when all are taken. */
  accept(now: number): Conversation | undefined {
    if (this.conversations === MAX_CONVERSATIONS) return undefined;
    this.conversations += 1;
    return new Conversation(this, now);
  }

  // --- For conversations --------------------------------------------------------------------------------------------

  /** A conversation is over. `body`: what it got from `lend` and still has. */
  over(body: Uint8Array | undefined): void {
    this.conversations -= 1;
    this.giveBack(body);
  }

  /** Room for a body of `length` bytes; undefined while another one is on its way, because RAM has room for one. */
  lend(length: number): Uint8Array | undefined {
    if (this.body !== undefined) return undefined;
    this.body = new Uint8Array(length);
    return this.body;
  }

  giveBack(body: Uint8Array | undefined): void {
    if (body !== this.body) return;
    this.body = undefined;
    // The phone has gone while its form was judged: nothing comes of it.
    if (this.reader !== undefined && this.isTrying) this.report("idle", "", "");
    this.reader = undefined;
  }

  /**
   * The form was sent: reads it, then has it judged, in steps. Undefined: there is more, call again in another turn.
   * Else whether it could be read; what became of it is in the status. Takes `body` back then.
   */
  submit(body: Uint8Array): boolean | undefined {
    const reader = this.reader ?? new FormReader(body, 0, body.length, this.scanner);
    this.reader = reader;
    if (!this.isTrying) {
      if (reader.step()) return undefined;
      if (reader.fields === undefined) {
        this.giveBack(body);
        return false;
      }
      // The handler may report the next step at once.
      this.report("trying", "wifi", "");
      return undefined;
    }
    const problem = this.handler.onTry(reader.fields as SetupFields);
    if (problem === undefined) return undefined;
    this.reader = undefined;
    this.giveBack(body);
    if (problem !== "") this.report("failed", "form", problem);
    return true;
  }

  more(): void {
    this.handler.onMore();
  }

  scan(): void {
    this.isAsked = true;
    this.handler.onScan();
  }

  /** The first page asks for the status as soon as it is there: the time to look for networks, unless it was done. */
  pageOpened(): void {
    if (!this.isAsked && this.names.length === 0) this.scan();
  }

  /**
   * Begins a status: what the page shows, as JSON in UTF-8, for `extend`. The weakest networks are left out beyond
   * 1,400 bytes.
   */
  begin(now: number): StatusDraft {
    const left = (this.handler.closesAt - now) | 0;
    const bytes = encoded(`${this.first}${left > 0 ? (left / 1000) | 0 : 0}${this.trial}`);
    const least = bytes.length + encoded(this.last).length;
    let room = least;
    for (let i = 0; i < this.levels.length; i += 1) room += ((this.levels[i] as number) >> 10) + 36;
    const draft = { bytes: new Uint8Array(Math.max(Math.min(1400, room), least)), end: bytes.length, count: 0 };
    draft.bytes.set(bytes);
    return draft;
  }

  /**
   * Puts up to three networks into a status, piece by piece into place: a text that grows would be copied with each.
   * Undefined: there is more, call again in another turn; what is heard meanwhile may be missing or stand there twice.
   */
  extend(draft: StatusDraft): Uint8Array | undefined {
    const { bytes } = draft;
    const last = encoded(this.last);
    const most = bytes.length - last.length;
    let { end } = draft;
    for (let left = 3; draft.count < this.names.length; left -= 1) {
      draft.end = end;
      if (left === 0) return undefined;
      const i = draft.count;
      const level = this.levels[i] as number;
      const text = encoded(
        `${i > 0 ? "," : ""}{"ssid":${this.names[i]},"rssi":${((level & 1023) >> 1) - 256},"open":${(level & 1) !== 0}}`,
      );
      if (end + text.length > most) break;
      bytes.set(text, end);
      end += text.length;
      draft.count = i + 1;
    }
    bytes.set(last, end);
    return bytes.subarray(0, end + last.length);
  }
}

/** A status on its way: its bytes, how many there are, and how many networks are among them. */
export interface StatusDraft {
  readonly bytes: Uint8Array;
  end: number;
  count: number;
}

function encoded(text: string): Uint8Array {
  return new Uint8Array(ArrayBuffer.fromString(text));
}

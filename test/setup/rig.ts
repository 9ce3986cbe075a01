// A setup portal with a handler that writes down what it is asked, one phone that speaks with it in fragments of any
// size, and a TCP server around it for browsers and other real clients. Shared by the tests of setup.

import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { span } from "../../host-sim/modules/chip.js";
import { quoted } from "../../src/alertbox/json.js";
import type { SetupFields } from "../../src/setup/form.js";
import { Portal, type PortalFacts, type PortalHandler } from "../../src/setup/portal.js";

export const FACTS: PortalFacts = Object.freeze({
  chipId: 5750,
  firmware: "1.0.0",
  ssid: "home",
  host: "broker.local",
  port: 1883,
  root: "mresetar/alertbox/5750",
  mode: "mains",
  wiring: "gpio",
  hasUser: true,
  convention: "home-assistant",
});

/** A box that was never set up. */
export const NEW: PortalFacts = Object.freeze({ ...FACTS, ssid: "", host: "", hasUser: false });

/** Writes down what the portal asks for. */
export class Box implements PortalHandler {
  closesAt = 97_000;
  readonly asked: string[] = [];
  fields: SetupFields | undefined;
  /** What `onTry` answers, and what else happens in it. */
  onTryDo: (fields: SetupFields) => string | undefined = () => "";

  onTry(fields: SetupFields): string | undefined {
    this.asked.push("try");
    this.fields = fields;
    return this.onTryDo(fields);
  }

  quoted(text: string): string {
    return quoted(text, { span });
  }

  onMore(): void {
    this.asked.push("more");
  }

  onScan(): void {
    this.asked.push("scan");
  }
}

export function open(facts: PortalFacts = FACTS): { box: Box; portal: Portal } {
  const box = new Box();
  const portal = new Portal(box, facts, { span });
  return { box, portal };
}

/** A whole status. */
export function wholeStatus(portal: Portal, now: number): Uint8Array {
  const draft = portal.begin(now);
  let status = portal.extend(draft);
  while (status === undefined) status = portal.extend(draft);
  return status;
}

export interface Answer {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
  /** What came before the answer: "HTTP/1.1 100 Continue" or nothing. */
  readonly interim: string;
}

/** Takes an answer apart as RFC 9112 says; its length must be as announced. */
export function parseAnswer(bytes: Uint8Array, isHead = false): Answer {
  let text = Buffer.from(bytes).toString("latin1");
  let interim = "";
  const first = /^HTTP\/1\.1 1\d\d [^\r\n]*\r\n\r\n/.exec(text);
  if (first !== null) {
    interim = first[0].trim();
    text = text.slice(first[0].length);
  }
  const end = text.indexOf("\r\n\r\n");
  assert.ok(end > 0, `no head in ${JSON.stringify(text.slice(0, 80))}`);
  const [start = "", ...lines] = text.slice(0, end).split("\r\n");
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(": ");
    assert.ok(colon > 0, line);
    headers.set(line.slice(0, colon).toLowerCase(), line.slice(colon + 2));
  }
  const match = /^HTTP\/1\.1 (\d{3}) \S/.exec(start);
  assert.ok(match !== null, start);
  const body = Buffer.from(text.slice(end + 4), "latin1");
  const announced = Number(headers.get("content-length"));
  assert.equal(body.length, isHead ? 0 : announced, "Content-Length tells the length");
  return { status: Number(match[1]), headers, body, interim };
}

type Talk = NonNullable<ReturnType<Portal["accept"]>>;

/** Bytes for a conversation, in as many turns as it wants for them. */
export function hear(conversation: Talk, bytes: Uint8Array, start: number, end: number, now: number): void {
  for (let at = start; at < end; ) at = conversation.receive(bytes, at, end, now);
}

/**
 * What a conversation works out, as the server has it done; then everything it has to send, at most `limit` at once.
 */
export function drain(conversation: Talk, now = 0, limit = 536): Buffer {
  const pieces: Buffer[] = [];
  while (conversation.isAsked) conversation.work(now);
  for (;;) {
    const bytes = conversation.transmit(limit, now);
    if (bytes === undefined) return Buffer.concat(pieces);
    assert.ok(bytes.length > 0 && bytes.length <= limit);
    pieces.push(Buffer.from(bytes));
  }
}

/** Says `request` in fragments of `size` bytes over a connection of its own, and takes the answer. */
export function ask(portal: Portal, request: string | Uint8Array, size = 536, now = 0): Answer {
  const bytes = typeof request === "string" ? Buffer.from(request) : request;
  const conversation = portal.accept(now);
  assert.ok(conversation !== undefined, "a place is free");
  // As on the chip: one buffer for all, with the remains of others in it.
  const buffer = new Uint8Array(size + 2).fill(0x0a);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) {
    const part = bytes.subarray(at, at + size);
    buffer.set(part, 1);
    hear(conversation, buffer, 1, 1 + part.length, now);
    parts.push(drain(conversation, now, size));
  }
  assert.ok(conversation.finished, "the whole answer is out");
  conversation.end();
  return parseAnswer(Buffer.concat(parts), /^HEAD /.test(Buffer.from(bytes.subarray(0, 5)).toString()));
}

/** A POST as the page sends it. */
export function post(path: string, body = "", headers = ""): string {
  return (
    `POST ${path} HTTP/1.1\r\nHost: 192.168.4.1\r\nOrigin: http://192.168.4.1\r\n` +
    `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`
  );
}

export interface Status {
  readonly chip: number;
  readonly fw: string;
  readonly left: number;
  readonly phase: string;
  readonly step: string;
  readonly detail: string;
  readonly networks: readonly { readonly ssid: string; readonly rssi: number; readonly open: boolean }[];
  readonly now: Readonly<Record<string, unknown>>;
}

export function statusOf(portal: Portal, now = 0): Status {
  return JSON.parse(Buffer.from(wholeStatus(portal, now)).toString()) as Status;
}

/** The portal on a port of this machine, for real clients. */
export class PortalHost {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets: Set<Socket>;
  /** The phone has lost the access point: nothing is accepted, nothing answered. */
  isAway: boolean;

  private constructor(server: Server, sockets: Set<Socket>, port: number) {
    this.#server = server;
    this.#sockets = sockets;
    this.url = `http://127.0.0.1:${port}`;
    this.isAway = false;
  }

  static async start(portal: () => Portal, clock: () => number): Promise<PortalHost> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
      socket.on("error", () => {});
      const conversation = host.isAway ? undefined : portal().accept(clock());
      if (conversation === undefined) {
        if (!host.isAway) socket.destroy();
        return;
      }
      socket.on("close", () => conversation.end());
      socket.on("data", (data) => {
        hear(conversation, data, 0, data.length, clock());
        const out = drain(conversation, clock());
        if (out.length > 0) socket.write(out);
        if (conversation.finished) socket.end();
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const host = new PortalHost(server, sockets, (server.address() as { port: number }).port);
    return host;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

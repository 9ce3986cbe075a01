// The words in which the conformance tests are written: bytes as hexadecimal, and one session that is told what a
// server sends and watched for what it answers. Knows no statement; those are in statements.ts. A whole client with its
// transport is in wire.ts.

import assert from "node:assert/strict";
import type { Budget, SessionOptions } from "../../src/mqtt/session.js";
import { Rig } from "../mqtt/peer.js";
import { hex, toHex } from "../mqtt/recorder.js";

export const MESSAGE = Object.freeze({ topic: "a", payload: "x", qos: 2, retain: false } as const);

/** What the owner was told since the last look, and then, after ">", the bytes that left. */
export function said(rig: Rig): string[] {
  const told = rig.events();
  const out = sent(rig);
  return out === "" ? told : [...told, `> ${out}`];
}

/** The bytes that leave now. */
export function sent(rig: Rig): string {
  return toHex(rig.bytes());
}

/**
 * What a connected session says to bytes from its server: those in one fragment, and the same byte by byte, for which
 * it must be the same.
 */
export function answer(
  bytes: string,
  options: Partial<SessionOptions> = {},
  budget: Partial<Budget> = {},
): readonly string[] {
  const whole = new Rig(options, budget).open();
  whole.raw(hex(bytes));
  const first = said(whole);
  const bitten = new Rig(options, budget).open();
  for (const byte of hex(bytes)) bitten.raw([byte]);
  assert.deepEqual(said(bitten), first, "byte by byte");
  return first;
}

/** The server sends these bytes: the session ends with the reason and statement, and says nothing more to anybody. */
export function closes(bytes: string, why: string, options: Partial<SessionOptions> = {}): void {
  assert.deepEqual(answer(bytes, options), [`closed ${why}`], bytes);
}

/** Our own code asks for something illegal: it throws, and no byte leaves. */
export function refuses(rig: Rig, work: () => unknown, error: RegExp): void {
  assert.throws(work, error);
  assert.equal(sent(rig), "");
}

/** CONNECT with these options, without its fixed header. */
export function connectBody(options: Partial<SessionOptions> = {}): Uint8Array {
  const rig = new Rig(options, { send: 70_000 });
  rig.connect();
  const bytes = rig.bytes(70_000);
  let start = 1;
  while ((bytes[start] as number) > 127) start += 1;
  return bytes.subarray(start + 1);
}

/** The byte of CONNECT's flags. */
export function connectFlags(options: Partial<SessionOptions> = {}): number {
  return connectBody(options)[7] as number;
}

/** Every combination of what CONNECT may or may not have. */
export function mixes(): Partial<SessionOptions>[] {
  const found: Partial<SessionOptions>[] = [];
  for (const clean of [false, true]) {
    for (const login of [{}, { user: "u" }, { user: "u", password: "p" }]) {
      found.push({ clean, ...login });
      for (const qos of [0, 1, 2] as const) {
        for (const retain of [false, true]) {
          found.push({ clean, ...login, will: { topic: "w", payload: "m", qos, retain } });
        }
      }
    }
  }
  return found;
}

/** Texts that are none: half a surrogate pair, alone, in the middle, and the halves in the wrong order. */
export const HALVES: readonly string[] = Object.freeze(["\ud800", "a\udfffb", "\udc00\ud800"]);

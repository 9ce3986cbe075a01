// Inputs that are kept: what once failed, made small, and what must stay reached. One file each, hexadecimal, with
// lines that say what it is; the folder is the target's name.

import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { TARGETS, type TargetName } from "./targets.js";

export interface Kept {
  readonly target: TargetName;
  readonly file: string;
  readonly input: Uint8Array;
}

export function isTargetName(name: string): name is TargetName {
  return Object.hasOwn(TARGETS, name);
}

/** Bytes from text: hexadecimal with any white space; lines that begin with # are for people. */
export function parseInput(text: string): Uint8Array | undefined {
  const digits = text.replaceAll(/^#.*$/gm, "").replaceAll(/\s+/g, "");
  return /^(?:[0-9a-f]{2})*$/i.test(digits) ? new Uint8Array(Buffer.from(digits, "hex")) : undefined;
}

export function formatInput(input: Uint8Array, comment: readonly string[]): string {
  const lines = comment.flatMap((each) => each.split("\n")).map((line) => `# ${line.slice(0, 200)}`.trimEnd());
  for (let at = 0; at < input.length; at += 32) lines.push(Buffer.from(input.subarray(at, at + 32)).toString("hex"));
  return `${lines.join("\n")}\n`;
}

/** The target that a kept input is for, by its folder. */
export function targetOf(file: string): TargetName | undefined {
  const name = basename(dirname(file));
  return isTargetName(name) ? name : undefined;
}

/** All that is kept in a folder with a folder for each target. */
export function readCorpus(folder: string): Kept[] {
  const kept: Kept[] = [];
  for (const target of Object.keys(TARGETS) as TargetName[]) {
    const own = join(folder, target);
    if (!existsSync(own)) continue;
    for (const name of readdirSync(own).sort()) {
      const input = parseInput(readFileSync(join(own, name), "utf8"));
      if (input === undefined) throw new Error(`${join(target, name)} is not hexadecimal`);
      kept.push({ target, file: join(target, name), input });
    }
  }
  return kept;
}

/** Keeps an input; gives its path from the folder. */
export function keepInput(
  folder: string,
  target: TargetName,
  name: string,
  input: Uint8Array,
  comment: readonly string[],
): string {
  mkdirSync(join(folder, target), { recursive: true });
  writeFileSync(join(folder, target, name), formatInput(input, comment));
  return join(target, name);
}

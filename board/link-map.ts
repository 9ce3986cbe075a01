// The linker's map, taken apart: which object file brought how many bytes into which section of the image. It says
// nothing about what an object is for. Pure: text in, numbers out.
//
// The SDK's makefile asks ld for the map (-Map, tools/mcconfig/make.esp.mk); `size -A` gives the totals that the
// contributions must add up to.

/** The sections that the SDK's "# Memory usage" lines count, and what each of them takes. */
export const Sections = Object.freeze({
  ".data": Object.freeze({ ram: true, flash: true }),
  ".rodata": Object.freeze({ ram: true, flash: true }),
  ".bss": Object.freeze({ ram: true, flash: false }),
  ".irom0.text": Object.freeze({ ram: false, flash: true }),
  ".text": Object.freeze({ ram: false, flash: true }),
} as const);

export interface Bytes {
  readonly flash: number;
  readonly ram: number;
}

/**
 * What one object file brought. `object` is its path as the linker saw it; "" is nobody's: alignment and words of the
 * linker script.
 */
export interface Contribution extends Bytes {
  readonly object: string;
}

function costOf(section: string): { ram: boolean; flash: boolean } | undefined {
  return Object.hasOwn(Sections, section) ? Sections[section as keyof typeof Sections] : undefined;
}

/** Static RAM and flash of an ELF file from `size -A`; undefined when the text is something else. */
export function parseSizes(text: string): Bytes | undefined {
  let flash = 0;
  let ram = 0;
  let found = false;
  for (const line of text.split("\n")) {
    const match = /^(\.\S+)\s+(\d+)\s/.exec(line);
    const cost = costOf(match?.[1] ?? "");
    if (cost === undefined) continue;
    found = true;
    if (cost.flash) flash += Number(match?.[2]);
    if (cost.ram) ram += Number(match?.[2]);
  }
  return found ? { flash, ram } : undefined;
}

/**
 * Contributions by object file, in the order of their first appearance. A line of a map is `section address size
 * object`, where a long section name stands on a line of its own before the rest; `*fill*` has no object; symbols and
 * "(size before relaxing)" lines have no size and are passed over. A string that was merged with an equal one still has
 * its size there, but the next line begins at its address: it took nothing. Bytes that no line covers count as
 * alignment.
 */
export function parseMap(text: string): Contribution[] {
  const found = new Map<string, { flash: number; ram: number }>();
  const of = (object: string) => {
    const entry = found.get(object) ?? { flash: 0, ram: 0 };
    found.set(object, entry);
    return entry;
  };
  let cost: { ram: boolean; flash: boolean } | undefined;
  let entry = { flash: 0, ram: 0 };
  let end = 0;
  for (const line of text.split("\n")) {
    if (line !== "" && line[0] !== " ") {
      cost = costOf(/^(\.\S+)\s+0x[0-9a-f]+\s+0x[0-9a-f]+/.exec(line)?.[1] ?? "");
      end = 0;
      continue;
    }
    if (cost === undefined) continue;
    const match = /^ \S*\s+0x([0-9a-f]+)\s+0x([0-9a-f]+)(?: (.*))?$/.exec(line);
    const size = Number.parseInt(match?.[2] ?? "0", 16);
    if (match === null || size === 0) continue;
    const address = Number.parseInt(match[1] ?? "0", 16);
    const merged = end === 0 ? 0 : end - address;
    if (merged < 0) entry = of("");
    if (cost.flash) entry.flash -= merged;
    if (cost.ram) entry.ram -= merged;
    end = address + size;
    // LONG and its like are words that the linker script itself puts there.
    const object = (match[3] ?? "").trim().replace(/^(BYTE|SHORT|LONG|QUAD) .*/, "");
    entry = of(object);
    if (cost.flash) entry.flash += size;
    if (cost.ram) entry.ram += size;
  }
  return [...found].map(([object, bytes]) => ({ object, ...bytes }));
}

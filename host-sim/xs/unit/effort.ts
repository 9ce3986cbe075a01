// How much of the long tests an engine is asked to do. Node does all of it; on XS the same loops take a hundred times
// as long, and on the emulated chip a thousand. What is shortened or left out stands here by name, is told in the
// output, and must exist: a test that was renamed is found out. `--full` does everything.

import type { EngineName } from "../engine.js";

/** Parts of loops over cases by chance, and of what is expected of their sum: the number in each may be smaller. */
const loops: Readonly<Record<string, readonly string[]>> = Object.freeze({
  "test/mqtt/decoder.test.ts": ["seed <= 20_000", "sent < 1_000_000", "breaches > 100"],
  "test/mqtt/exactly-once.test.ts": ["seed <= 300"],
  "test/mqtt/resume.test.ts": ["count < 10000"],
  "test/mqtt/text.test.ts": ["round < 50_000", "round < 100_000", "matched > 3000"],
  "test/alertbox/command.test.ts": ["round < 20_000"],
  "test/alertbox/journal.test.ts": ["count < 20000", "cuts > 2000", "erases.length > 300"],
  "test/alertbox/json.test.ts": ["i < 2000", "round < 30_000", "valid > 3000", "round < 50_000"],
  "test/alertbox/setup-form.test.ts": ["i < 4000", "sentences > 1000"],
  "test/setup/conversation.test.ts": ["round < 200", "round < 6000"],
  "test/setup/dns.test.ts": ["round < 20_000"],
  "test/setup/form.test.ts": ["round < 3000", "round < 20_000", "valid > 1000"],
});

/** The number is divided by this. */
const divisors: Readonly<Record<EngineName, number>> = Object.freeze({ xs32: 4, lx106: 100 });

export interface LeftOut {
  readonly file: string;
  /** What a test's whole title matches, the titles of its suites included. */
  readonly title: RegExp;
  readonly engines: readonly EngineName[];
  readonly why: string;
  /** It would run, given time. */
  readonly isLong: boolean;
}

const both: readonly EngineName[] = Object.freeze(["xs32", "lx106"]);
const chip: readonly EngineName[] = Object.freeze(["lx106"]);

/** Takes long: so many cases that only a fast machine goes through them all. */
function long(file: string, title: RegExp, engines: readonly EngineName[] = chip): LeftOut {
  return { file, title, engines, why: "has too many cases", isLong: true };
}

const leftOut: readonly LeftOut[] = Object.freeze([
  {
    file: "test/setup/page.test.ts",
    title: /script that small browsers/,
    engines: both,
    why: "needs a parser of JavaScript, and the chip has bytecode only",
    isLong: false,
  },
  long("test/mqtt/payload.test.ts", /2097\d{3} bytes.*, 1 at a time/, both),
  long("test/mqtt/payload.test.ts", /2097\d{3} bytes/),
  long("test/mqtt/payload.test.ts", /16383 bytes.*, 1 at a time/),
  long("test/mqtt/payload.test.ts", /bytes, text and a source give the same stream/),
  long("test/mqtt/decoder.test.ts", /with 2097\d{3} bytes of/, both),
  long("test/mqtt/decoder.test.ts", /with 163(78|79|83) bytes of/),
  long("test/mqtt/decoder.test.ts", /as long as a topic can be/),
  long("test/mqtt/oracle.test.ts", /PUBLISH: remaining lengths at the borders/, both),
  long("test/mqtt/oracle.test.ts", /publish: 320 variants/),
  long("test/mqtt/oracle.test.ts", /PUBLISH: every mix/),
  long("test/mqtt/oracle.test.ts", /all of them in one stream/),
  long("test/mqtt/oracle.test.ts", /CONNECT: every mix/),
  long("test/mqtt/exactly-once.test.ts", /one cut after every byte (.*pipelined|.*journal|server)/),
  long("test/mqtt/resume.test.ts", /over the 65,535 wrap/),
  long("test/mqtt/packet.test.ts", /larger than any packet may be/),
  long("test/alertbox/journal.test.ts", /never in between .*seed [3-6]/, both),
  long("test/alertbox/journal.test.ts", /as before or as after, never in between/),
  long("test/alertbox/journal.test.ts", /never shared by two pending alerts/),
  long("test/alertbox/journal.test.ts", /wears both sectors alike/),
  long("test/alertbox/journal.test.ts", /a torn record is no alert/),
  long("test/alertbox/journal.test.ts", /over any number of sectors/),
  long("test/alertbox/button.test.ts", /random scripts/),
  long("test/alertbox/json.test.ts", /65,536 units/),
  long("test/alertbox/settings.test.ts", /after a cut at any step/),
  long("test/setup/conversation.test.ts", /comes the same whatever the pieces/),
  long("test/setup/conversation.test.ts", /settings to try, in fragments of every size/),
  long("test/setup/portal.test.ts", /full to the last byte/),
]);

/** What an engine leaves out of a file. */
export function leftOutOf(file: string, engine: EngineName): readonly LeftOut[] {
  return leftOut.filter((entry) => entry.file === file && entry.engines.includes(engine));
}

/** Test files that the lists know are long; a run begins with these. */
export function isLong(file: string): boolean {
  return Object.hasOwn(loops, file) || leftOut.some((entry) => entry.file === file && entry.isLong);
}

/**
 * The source of a test with fewer rounds in its loops.
 * @throws Error when a part that the list names is not there exactly once.
 */
export function shortened(source: string, file: string, engine: EngineName): string {
  const divisor = divisors[engine];
  if (divisor === 1) return source;
  let text = source;
  for (const part of loops[file] ?? []) {
    if (text.split(part).length !== 2) {
      throw new Error(`host-sim/xs/unit/effort.ts: ${JSON.stringify(part)} is not in ${file} exactly once any more`);
    }
    // What few cases bring strays further from what all of them bring.
    const by = isExpectation(part) ? 2 * divisor : divisor;
    text = text.replace(
      part,
      part.replace(/\d[\d_]*$/, (number) => fewer(number, by)),
    );
  }
  return text;
}

/** How many loops of a file turn fewer times on an engine, and how much fewer. */
export function shorteningOf(file: string, engine: EngineName): { readonly loops: number; readonly divisor: number } {
  const divisor = divisors[engine];
  const parts = loops[file] ?? [];
  return { loops: divisor === 1 ? 0 : parts.filter((part) => !isExpectation(part)).length, divisor };
}

function isExpectation(part: string): boolean {
  return part.includes(">");
}

function fewer(number: string, divisor: number): string {
  return String(Math.ceil(Number(number.replaceAll("_", "")) / divisor));
}

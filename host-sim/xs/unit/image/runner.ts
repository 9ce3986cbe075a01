// What the tests use of mocha, with mocha's order and rules: suites, tests, hooks, tests that return a promise. Runs
// inside XS, where it takes mocha's place. Tells the outside what happens, one event a line; it decides nothing about
// what is shown.

import { AssertionError } from "./assert.js";
import { inspect } from "./inspect.js";

/** Given by the lab. */
declare const print: (text: string) => void;

type Act = (this: Context) => unknown;

/** One line to the outside: a test begins, then how it ended; "end" when all have. */
export type RunEvent =
  | { readonly event: "begin"; readonly title: readonly string[] }
  /** `isShort`: with fewer rounds than in Node. */
  | { readonly event: "passed"; readonly isShort: boolean }
  | { readonly event: "skipped" }
  | { readonly event: "left out"; readonly why: string }
  | { readonly event: "failed"; readonly message: string; readonly stack: string }
  | { readonly event: "end" };

/** What `this` is in a test. Time cannot interrupt XS, so the timeout is for the outside to keep. */
class Context {
  timeout(_ms: number): this {
    return this;
  }

  skip(): never {
    throw new Skipped();
  }
}

class Skipped extends Error {}

interface Test {
  readonly title: string;
  /** Undefined: to be written, or skipped. */
  readonly act: Act | undefined;
  /** Why it is not run here; undefined: it is. */
  readonly leftOut: string | undefined;
}

class Suite {
  readonly title: string;
  readonly tests: Test[] = [];
  readonly suites: Suite[] = [];
  readonly before: Act[] = [];
  readonly beforeEach: Act[] = [];
  readonly afterEach: Act[] = [];
  readonly after: Act[] = [];

  constructor(title: string) {
    this.title = title;
  }
}

const root = new Suite("");
let current = root;

export function describe(title: string, define: () => void): void {
  const suite = new Suite(title);
  current.suites.push(suite);
  const outer = current;
  current = suite;
  define();
  current = outer;
}

export function it(title: string, act?: Act): void {
  current.tests.push({ title, act, leftOut: undefined });
}

/** A test that is told and not run. */
export function leaveOut(title: string, why: string): void {
  current.tests.push({ title, act: undefined, leftOut: why });
}

let isShort = false;

/** The test that runs does less than in Node. */
export function noteShortened(): void {
  isShort = true;
}

describe.skip = (title: string): void => it(title);
it.skip = (title: string): void => it(title);

export function before(act: Act): void {
  current.before.push(act);
}

export function beforeEach(act: Act): void {
  current.beforeEach.push(act);
}

export function afterEach(act: Act): void {
  current.afterEach.push(act);
}

export function after(act: Act): void {
  current.after.push(act);
}

/** Runs what was defined: tests whose whole title matches, undefined: all. */
export async function run(grep: RegExp | undefined): Promise<void> {
  await runSuite(root, [], [], [], grep);
  tell({ event: "end" });
}

/** A line of JSON in plain ASCII: titles may hold what no terminal and no pipe likes. */
function tell(event: RunEvent): void {
  let line = "";
  for (const character of JSON.stringify(event)) {
    const point = character.codePointAt(0) as number;
    if (point < 0x7f) line += character;
    else if (point < 0x10000) line += escaped(point);
    else line += escaped(0xd7c0 + (point >> 10)) + escaped(0xdc00 | (point & 0x3ff));
  }
  print(line);
}

function escaped(unit: number): string {
  return `\\u${unit.toString(16).padStart(4, "0")}`;
}

function tellFailure(error: unknown): void {
  const { message, stack } = explained(error);
  tell({ event: "failed", message, stack });
}

function explained(error: unknown): { message: string; stack: string } {
  if (!(error instanceof Error)) return { message: `thrown: ${inspect(error)}`, stack: "" };
  const message = error instanceof AssertionError ? error.message : `${error.name}: ${error.message}`;
  const lines = String(error.stack).slice(`${error.name}: ${error.message}`.length);
  return {
    message,
    stack: error instanceof AssertionError && error.place !== "" ? `\n at ${error.place}${lines}` : lines,
  };
}

/** Whether any test of it is run. */
function hasTests(suite: Suite, titles: readonly string[], grep: RegExp | undefined): boolean {
  if (suite.tests.some(({ title, leftOut }) => leftOut === undefined && isChosen([...titles, title], grep)))
    return true;
  return suite.suites.some((inner) => hasTests(inner, [...titles, inner.title], grep));
}

function isChosen(title: readonly string[], grep: RegExp | undefined): boolean {
  return grep === undefined || grep.test(title.join(" "));
}

async function runSuite(
  suite: Suite,
  titles: readonly string[],
  beforeEach: readonly Act[],
  afterEach: readonly Act[],
  grep: RegExp | undefined,
): Promise<void> {
  const opening = [...beforeEach, ...suite.beforeEach];
  const closing = [...suite.afterEach, ...afterEach];
  // As mocha does: no hooks where there is nothing to run.
  const isEmpty = !hasTests(suite, titles, grep);
  if (!isEmpty && !(await runHooks(suite.before, [...titles, '"before all" hook']))) return;
  for (const test of suite.tests) {
    const title = [...titles, test.title];
    if (!isChosen(title, grep)) continue;
    tell({ event: "begin", title });
    if (test.leftOut !== undefined) tell({ event: "left out", why: test.leftOut });
    else await runTest(test, opening, closing);
  }
  for (const inner of suite.suites) await runSuite(inner, [...titles, inner.title], opening, closing, grep);
  if (!isEmpty) await runHooks(suite.after, [...titles, '"after all" hook']);
}

/** Runs hooks that belong to no test; a failure counts as a failed test of its own. */
async function runHooks(hooks: readonly Act[], title: readonly string[]): Promise<boolean> {
  for (const hook of hooks) {
    try {
      await hook.call(new Context());
    } catch (error) {
      tell({ event: "begin", title });
      if (error instanceof Skipped) tell({ event: "skipped" });
      else tellFailure(error);
      return false;
    }
  }
  return true;
}

async function runTest(test: Test, opening: readonly Act[], closing: readonly Act[]): Promise<void> {
  if (test.act === undefined) return tell({ event: "skipped" });
  const context = new Context();
  isShort = false;
  let failure: { error: unknown } | undefined;
  try {
    for (const hook of opening) await hook.call(context);
    await test.act.call(context);
  } catch (error) {
    failure = { error };
  }
  for (const hook of closing) {
    try {
      await hook.call(context);
    } catch (error) {
      failure ??= { error };
    }
  }
  if (failure === undefined) tell({ event: "passed", isShort });
  else if (failure.error instanceof Skipped) tell({ event: "skipped" });
  else tellFailure(failure.error);
}

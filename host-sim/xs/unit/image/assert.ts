// What the tests use of Node's `node:assert/strict`, with Node's meaning and with messages that show both values. Runs
// inside XS, where it takes that module's place. The bundler gives each call its place in the source (`at`), because a
// release build of XS knows no line numbers.

import { equal as deepEqual } from "./equality.js";
import { inspect } from "./inspect.js";

type Message = string | Error | undefined;
/** A class that the error is of, a pattern of its text, a check of its own, or the properties that it must have. */
type Expected = RegExp | (new (...args: never[]) => unknown) | ((error: unknown) => boolean) | object;

export class AssertionError extends Error {
  readonly code = "ERR_ASSERTION";
  readonly actual: unknown;
  readonly expected: unknown;
  /** File and line of the assertion, or "". */
  readonly place: string;

  constructor(message: string, actual: unknown, expected: unknown, place: string) {
    super(message);
    this.name = "AssertionError";
    this.actual = actual;
    this.expected = expected;
    this.place = place;
  }
}

/** The assertions of one place in the source. */
class Assertions {
  readonly #place: string;
  /** For a test that expects an assertion to fail. */
  readonly AssertionError = AssertionError;

  constructor(place: string) {
    this.#place = place;
  }

  /** The same assertions, which name this place when they fail. */
  at(place: string): Assertions {
    return new Assertions(place);
  }

  ok(value: unknown, message?: Message): void {
    if (!value) this.#fail(message, `${inspect(value)} is not truthy`, value, true);
  }

  equal(actual: unknown, expected: unknown, message?: Message): void {
    if (!Object.is(actual, expected)) this.#differ(message, actual, expected);
  }

  notEqual(actual: unknown, expected: unknown, message?: Message): void {
    if (Object.is(actual, expected)) this.#fail(message, `${inspect(actual)} is what it may not be`, actual, expected);
  }

  deepEqual(actual: unknown, expected: unknown, message?: Message): void {
    if (!deepEqual(actual, expected)) this.#differ(message, actual, expected);
  }

  notDeepEqual(actual: unknown, expected: unknown, message?: Message): void {
    if (!deepEqual(actual, expected)) return;
    this.#fail(message, `${inspect(actual)} is what it may not be`, actual, expected);
  }

  match(text: string, pattern: RegExp, message?: Message): void {
    if (typeof text === "string" && pattern.test(text)) return;
    this.#fail(message, `${inspect(text)} does not match ${pattern}`, text, pattern);
  }

  doesNotMatch(text: string, pattern: RegExp, message?: Message): void {
    if (typeof text === "string" && !pattern.test(text)) return;
    this.#fail(message, `${inspect(text)} matches ${pattern}`, text, pattern);
  }

  fail(message?: Message): never {
    return this.#fail(message, "failed", undefined, undefined);
  }

  throws(act: () => unknown, expected?: Expected | string, message?: Message): void {
    let error: unknown;
    try {
      act();
    } catch (caught) {
      error = caught;
      this.#check(error, expected, message);
      return;
    }
    this.#missing(expected, message);
  }

  doesNotThrow(act: () => unknown): void {
    act();
  }

  async rejects(promise: Promise<unknown> | (() => Promise<unknown>), expected?: Expected | string): Promise<void> {
    try {
      await (typeof promise === "function" ? promise() : promise);
    } catch (error) {
      this.#check(error, expected, undefined);
      return;
    }
    this.#missing(expected, undefined);
  }

  #missing(expected: Expected | string | undefined, message: Message): never {
    const why = typeof expected === "string" ? expected : message;
    const wanted = typeof expected === "string" || expected === undefined ? "" : `, expected ${inspect(expected)}`;
    return this.#fail(why, `nothing was thrown${wanted}`, undefined, expected);
  }

  /** As Node's `throws` judges what was thrown. */
  #check(error: unknown, expected: Expected | string | undefined, message: Message): void {
    if (expected === undefined || typeof expected === "string") return;
    if (expected instanceof RegExp) {
      if (expected.test(String(error))) return;
      this.#fail(message, `${inspect(String(error))} does not match ${expected}`, error, expected);
    }
    if (typeof expected === "function") {
      if (expected.prototype !== undefined && error instanceof expected) return;
      const isClass = expected === Error || Object.prototype.isPrototypeOf.call(Error, expected);
      if (!isClass && (expected as (error: unknown) => unknown).call({}, error) === true) return;
      this.#fail(message, `${inspect(error)} is not ${isClass ? "a" : "right for"} ${expected.name}`, error, expected);
    }
    const wanted = expected as Record<string, unknown>;
    const found = error as Record<string, unknown>;
    const keys = Object.keys(wanted);
    if (expected instanceof Error) keys.push("name", "message");
    for (const key of keys) {
      const [value, mark] = [found[key], wanted[key]];
      const fits = mark instanceof RegExp && typeof value === "string" ? mark.test(value) : deepEqual(value, mark);
      if (!fits) this.#fail(message, `${key} is ${inspect(value)}, expected ${inspect(mark)}`, error, expected);
    }
  }

  #differ(message: Message, actual: unknown, expected: unknown): never {
    const told = typeof message === "string" ? `${message}: ` : "";
    return this.#fail(
      message instanceof Error ? message : undefined,
      `${told}values differ\n  actual:   ${inspect(actual)}\n  expected: ${inspect(expected)}`,
      actual,
      expected,
    );
  }

  #fail(message: Message, otherwise: string, actual: unknown, expected: unknown): never {
    if (message instanceof Error) throw message;
    const text = message === undefined ? otherwise : `${message}: ${otherwise}`;
    throw new AssertionError(text, actual, expected, this.#place);
  }
}

const assert = new Assertions("");

export default assert;

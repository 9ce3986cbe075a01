// What a program for Node finds on a simulated board: timers on the board's Timer, and a queue for what it wants done
// after the present turn. esbuild puts these names in place of the globals (peer-image.ts). Everything that the board
// calls goes through `turn`, so that nothing waits for Node's own event loop: the world stays stepped.

import Timer from "timer";

const queue = [];

/** Wraps a callback of the board: afterwards everything that it queued is done. */
export function turn(callback) {
  return function (...values) {
    callback.apply(this, values);
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) next();
  };
}

export const process = {
  env: {},
  version: "v20.0.0",
  versions: {},
  browser: false,
  stderr: { fd: 2, isTTY: false, write: () => true },
  nextTick: (callback, ...values) => queue.push(() => callback(...values)),
};

// Some packages ask the global object for it.
globalThis.process = process;

export const queueMicrotask = (callback) => queue.push(callback);

function timer(once, callback, ms, values) {
  const call = turn(() => callback(...values));
  const wait = Math.max(0, Math.min(ms ?? 0, 0x7fffffff));
  const id = once ? Timer.set(call, wait) : Timer.repeat(call, Math.max(1, wait));
  return { id, ref() {}, unref() {}, hasRef: () => true };
}

export const setTimeout = (callback, ms, ...values) => timer(true, callback, ms, values);
export const setInterval = (callback, ms, ...values) => timer(false, callback, ms, values);
export const setImmediate = (callback, ...values) => timer(true, callback, 0, values);

export function clearTimeout(handle) {
  if (handle === undefined || handle === null || handle.id === undefined) return;
  Timer.clear(handle.id);
  handle.id = undefined;
}

export const clearInterval = clearTimeout;
export const clearImmediate = clearTimeout;

// Waiting for something, but not for ever.

/**
 * Resolves to whether `wanted` is fulfilled before `limitMs` real milliseconds have passed; to true as soon as it is.
 * Rejects when it is rejected before that, and never after.
 */
export async function isWithin(limitMs: number, wanted: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<boolean>((resolve) => {
    timer = setTimeout(resolve, limitMs, false);
  });
  try {
    return await Promise.race([wanted.then(() => true), limit]);
  } finally {
    clearTimeout(timer);
  }
}

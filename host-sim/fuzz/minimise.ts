// Makes an input that fails small: leaves out bytes, then makes those that are left plain, as long as the same promise
// stays broken. Knows nothing of what the bytes mean.

/** The smallest input found that still fails. `input` itself must. At most `tries` are tried. */
export function minimise(input: Uint8Array, fails: (input: Uint8Array) => boolean, tries = 20_000): Uint8Array {
  let best: Uint8Array = input.slice();
  let left = tries;
  const take = (candidate: Uint8Array): boolean => {
    left -= 1;
    if (left < 0 || !fails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (;;) {
    const before = best;
    for (let size = best.length >> 1; size >= 1; size >>= 1) {
      for (let at = 0; at + size <= best.length; ) {
        const shorter = new Uint8Array(best.length - size);
        shorter.set(best.subarray(0, at));
        shorter.set(best.subarray(at + size), at);
        if (!take(shorter)) at += size;
      }
    }
    for (let at = 0; at < best.length; at += 1) {
      for (const value of [0, 1, (best[at] as number) >> 1, (best[at] as number) - 1]) {
        if (value >= (best[at] as number)) continue;
        const plainer = best.slice();
        plainer[at] = value;
        if (take(plainer)) break;
      }
    }
    if (best === before || left <= 0) return best;
  }
}

// The smallest machine in which a story still runs to its end: a search by halves, so it relies on a larger block never
// being worse. Knows nothing of stories.

/**
 * The smallest of `low`, `low + step` … `high` for which `runs` is true.
 * @returns undefined when it is not even for `high`.
 */
export function smallest(low: number, high: number, step: number, runs: (size: number) => boolean): number | undefined {
  if (!runs(high)) return undefined;
  let failing = low - step;
  let running = high;
  while (running - failing > step) {
    const middle = failing + step * Math.floor((running - failing) / step / 2);
    if (runs(middle)) running = middle;
    else failing = middle;
  }
  return running;
}

// Percentiles of a few times, for the page and the terminal alike. Knows numbers only.

/**
 * The nearest-rank percentile: the smallest value that so many per cent of all are not above. Undefined when there are
 * no values.
 * @param percent more than 0, at most 100.
 */
export function percentile(values: readonly number[], percent: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)];
}

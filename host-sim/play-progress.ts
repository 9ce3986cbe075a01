// How far a scenario is, for a person who waits for it: one line that is written over itself. Nothing where nobody
// looks, and nothing for what is over soon. Knows a bench's time and a stream.

/** What is over by then needs no progress; how often it is told after that. Real ms. */
const PATIENCE_MS = 2000;
const EVERY_MS = 250;

const DAY_MS = 86_400_000;

/** `day 12, 07:05` of the boards. */
export function dayText(ms: number): string {
  const minutes = Math.floor((ms % DAY_MS) / 60_000);
  const two = (number: number): string => String(number).padStart(2, "0");
  return `day ${Math.floor(ms / DAY_MS) + 1}, ${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}

/**
 * Tells from now on; gives the function that ends it and takes the line away.
 * @param output where errors go, so that it is not in what is kept.
 * @param now the boards' time, ms.
 */
export function showProgress(
  output: { readonly isTTY?: boolean; write(text: string): unknown },
  now: () => number,
): () => void {
  if (output.isTTY !== true) return () => undefined;
  let isShown = false;
  const show = () => {
    isShown = true;
    output.write(`\r\x1b[K  ${dayText(now())} of the boards`);
  };
  let every: NodeJS.Timeout | undefined;
  const first = setTimeout(() => {
    show();
    every = setInterval(show, EVERY_MS);
  }, PATIENCE_MS);
  return () => {
    clearTimeout(first);
    clearInterval(every);
    if (isShown) output.write("\r\x1b[K");
  };
}

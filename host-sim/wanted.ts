// What a figure is wanted to be: a number, or a range in words, as scenario files have it. Pure.

/** `3`, `"above 99.9 %"`, `"below 70"`, `"60 to 70"`. */
export type Wanted = number | string;

const RANGE = /^(?:(above|below) )?(\d+(?:\.\d+)?)(?: to (\d+(?:\.\d+)?))?(?: ?%)?$/;

/** Whether these words say a range. */
export function isWanted(text: string): boolean {
  const [, side, first, last] = RANGE.exec(text) ?? [];
  if (side !== undefined) return last === undefined;
  return last !== undefined && Number(first) <= Number(last);
}

/** Whether a figure is as wanted; the ends of `60 to 70` belong to it. */
export function fits(figure: number, wanted: Wanted): boolean {
  if (typeof wanted === "number") return figure === wanted;
  const [, side, first, last] = RANGE.exec(wanted) ?? [];
  if (side === "above") return figure > Number(first);
  if (side === "below") return figure < Number(first);
  return figure >= Number(first) && figure <= Number(last);
}

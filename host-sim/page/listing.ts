// Arrow keys in lists whose entries can have the focus (WAI-ARIA: roving tabindex). Knows elements only.

/** The entry to which a key leads from the focused one, and takes the key; undefined when the key leads nowhere. */
export function moved(event: KeyboardEvent, entries: string): HTMLElement | undefined {
  const list = event.currentTarget as HTMLElement;
  const all = [...list.querySelectorAll<HTMLElement>(entries)];
  const here = all.indexOf(event.target as HTMLElement);
  const end = all.length - 1;
  const next = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: end, PageDown: here + 10, PageUp: here - 10 }[
    event.key
  ];
  if (next === undefined) return undefined;
  event.preventDefault();
  return all[Math.min(end, Math.max(0, next))];
}

// A directive of Lit's for lists whose rows are known by a key and keep their order: what is gone goes, what is new
// comes, the others stay the elements that they are. Lit's own `repeat` does the same and leaves a comment in the
// document for each row that goes (lit/lit#5010, open with lit-html 3.3.3): a page that is kept open grows by it.

import { noChange } from "lit";
import { type ChildPart, Directive, directive } from "lit/directive.js";
import { insertPart, removePart, setChildPartValue, setCommittedValue } from "lit/directive-helpers.js";

interface Row {
  readonly key: unknown;
  readonly part: ChildPart;
}

class Rows extends Directive {
  #rows: Row[] = [];

  override update(list: ChildPart, [keys, draw]: [readonly unknown[], (index: number) => unknown]): unknown {
    const wanted = new Set(keys);
    this.#rows = this.#rows.filter(({ key, part }) => wanted.has(key) || remove(part));
    for (const [index, key] of keys.entries()) {
      const known = this.#rows[index];
      if (known !== undefined && known.key === key) {
        setChildPartValue(known.part, draw(index));
        continue;
      }
      // The same key at another place: such a row is made anew.
      const other = this.#rows.findIndex((row) => row.key === key);
      const [moved] = other < 0 ? [] : this.#rows.splice(other, 1);
      if (moved !== undefined) remove(moved.part);
      const part = insertPart(list, this.#rows[index]?.part);
      this.#rows.splice(index, 0, { key, part });
      setChildPartValue(part, draw(index));
    }
    setCommittedValue(
      list,
      this.#rows.map(({ part }) => part),
    );
    return noChange;
  }

  render(_keys: readonly unknown[], _draw: (index: number) => unknown): unknown {
    return noChange;
  }
}

/** Takes a row out of the document, with both of its marks. False. */
function remove(part: ChildPart): false {
  const { endNode } = part;
  removePart(part);
  endNode?.parentNode?.removeChild(endNode);
  return false;
}

const list = directive(Rows);

/** One row for each item. @param key tells an item from all others; @param draw gives what is seen of it. */
export function rows<T>(
  items: readonly T[],
  key: (item: T) => unknown,
  draw: (item: T, index: number) => unknown,
): unknown {
  return list(items.map(key), (index) => draw(items[index] as T, index));
}

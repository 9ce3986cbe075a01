// A directive of Lit's for CSS variables: `<i ${vars({ "--at": 0.5 })}>`. They are set property by property, because
// the page's content security policy forbids style attributes, which is what Lit's own styleMap begins with.

import { noChange } from "lit";
import { Directive, directive, type ElementPart, type PartInfo, PartType } from "lit/directive.js";

type Values = Readonly<Record<`--${string}`, string | number>>;

class Vars extends Directive {
  readonly #shown = new Map<string, string>();

  constructor(part: PartInfo) {
    super(part);
    if (part.type !== PartType.ELEMENT) throw new TypeError("vars() stands in a tag, not in an attribute or a text");
  }

  override update(part: ElementPart, [values]: [Values]): unknown {
    for (const [name, value] of Object.entries(values)) {
      const text = String(value);
      if (this.#shown.get(name) === text) continue;
      this.#shown.set(name, text);
      (part.element as HTMLElement | SVGElement).style.setProperty(name, text);
    }
    return noChange;
  }

  render(_values: Values): unknown {
    return noChange;
  }
}

export const vars = directive(Vars);

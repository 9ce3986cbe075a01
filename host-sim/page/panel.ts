// What all elements of the page have in common: they live in the document itself (one style sheet, no shadow), hear of
// the store's topics that they name, and do no work while nobody can see them. Knows Lit and the store.

import { LitElement, type PropertyValues } from "lit";
import { store, type Topic } from "./store.js";

export abstract class Panel extends LitElement {
  /** Changes of these make the element draw itself again. */
  protected abstract readonly topics: readonly Topic[];
  #active = true;
  #leave: (() => void) | undefined;

  /** False while the element cannot be seen: it then draws nothing, and all at once when it is true again. */
  get active(): boolean {
    return this.#active;
  }

  set active(active: boolean) {
    if (active === this.#active) return;
    this.#active = active;
    if (active) this.requestUpdate();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#leave = store.on(this.topics, () => {
      if (this.#active) this.requestUpdate();
    });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#leave?.();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override shouldUpdate(_changed: PropertyValues): boolean {
    return this.#active;
  }

  /** The element inside this one with such an id. Throws when template and code have drifted apart. */
  protected inside<T extends Element = HTMLElement>(id: string): T {
    const element = this.querySelector<T>(`#${id}`);
    if (element === null) throw new Error(`<${this.localName}> draws no element with the id "${id}"`);
    return element;
  }
}

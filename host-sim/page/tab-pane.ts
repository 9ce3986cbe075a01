// A place for several panels of which one is seen: tabs after the WAI-ARIA pattern (arrow keys, Home, End). Panels that
// are not seen stay in the document and do no work. Knows no panel.

import { html, LitElement, type TemplateResult } from "lit";
import { Panel } from "./panel.js";

export interface Tab {
  readonly id: string;
  readonly title: string;
  /** The single key that shows it. */
  readonly key: string;
  readonly panel: TemplateResult;
}

export class TabPane extends LitElement {
  #tabs: readonly Tab[] = [];
  #shown = "";
  #name = "";
  /** What a tab says beside its title: how many faults are on, how many rules were broken. */
  #counts: Readonly<Record<string, number>> = {};

  set tabs(tabs: readonly Tab[]) {
    if (tabs === this.#tabs) return;
    this.#tabs = tabs;
    const kept = localStorage.getItem(this.#key);
    this.#shown = (tabs.find(({ id }) => id === kept) ?? tabs[0])?.id ?? "";
    this.requestUpdate();
  }

  /** Names the group of tabs for a screen reader; set before `tabs`. */
  set name(name: string) {
    this.#name = name;
  }

  set counts(counts: Readonly<Record<string, number>>) {
    const isSame = this.#tabs.every(({ id }) => counts[id] === this.#counts[id]);
    this.#counts = counts;
    if (!isSame) this.requestUpdate();
  }

  /** Shows a panel and puts the focus on its tab; false when it is not one of these. */
  show(id: string): boolean {
    if (!this.#tabs.some((tab) => tab.id === id)) return false;
    this.#shown = id;
    localStorage.setItem(this.#key, id);
    this.requestUpdate();
    this.updateComplete.then(() => this.querySelector<HTMLElement>(`#tab-${id}`)?.focus());
    return true;
  }

  get #key(): string {
    return `alertbox-${this.id}`;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): unknown {
    return html`<div class="tabs" role="tablist" aria-label=${this.#name} @keydown=${this.#move}>
        ${this.#tabs.map((tab) => this.#tab(tab))}
      </div>
      ${this.#tabs.map(
        ({ id, panel }) => html`<div id=${`panel-${id}`} class="sheet" role="tabpanel" aria-labelledby=${`tab-${id}`}
          ?hidden=${id !== this.#shown}>${panel}</div>`,
      )}`;
  }

  protected override updated(): void {
    for (const { id } of this.#tabs) {
      const panel = this.querySelector(`#panel-${id}`)?.firstElementChild;
      if (panel instanceof Panel) panel.active = id === this.#shown;
    }
  }

  #tab({ id, title, key }: Tab): unknown {
    const isShown = id === this.#shown;
    const count = this.#counts[id] ?? 0;
    return html`<button id=${`tab-${id}`} type="button" role="tab" aria-selected=${isShown} tabindex=${isShown ? 0 : -1}
      aria-controls=${`panel-${id}`} aria-keyshortcuts=${key} @click=${() => this.show(id)}
      >${title}<span class="count" ?hidden=${count === 0}>${count}</span></button>`;
  }

  #move(event: KeyboardEvent): void {
    const here = this.#tabs.findIndex(({ id }) => id === this.#shown);
    const count = this.#tabs.length;
    const next = { ArrowRight: here + 1, ArrowLeft: here - 1, Home: 0, End: count - 1 }[event.key];
    if (next === undefined) return;
    event.preventDefault();
    const tab = this.#tabs[(next + count) % count];
    if (tab !== undefined) this.show(tab.id);
  }
}

customElements.define("tab-pane", TabPane);

// The foot of the page: where the broker is, and a command that shows every alert in a terminal. Knows the store.

import { html, nothing } from "lit";
import { Panel } from "./panel.js";
import { store, type Topic } from "./store.js";

export class WatchBar extends Panel {
  protected readonly topics: readonly Topic[] = ["bench"];
  #copied = false;

  protected override render(): unknown {
    const { bench } = store;
    if (bench === undefined) return nothing;
    return html`
      <p>Broker <code id="address">${bench.broker}</code></p>
      ${bench.watch === "" ? nothing : this.#line(bench.watch)}`;
  }

  #line(watch: string): unknown {
    return html`<p class="line"><span>Watch the alerts:</span> <code id="watch">${watch}</code>
      <button id="copy" class="plain small" type="button" @click=${this.#copy}
        >${this.#copied ? "Copied" : "Copy"}</button>
    </p>`;
  }

  #copy(): void {
    const line = this.inside("watch");
    const show = (copied: boolean) => {
      this.#copied = copied;
      this.requestUpdate();
    };
    navigator.clipboard.writeText(line.textContent ?? "").then(
      () => show(true),
      // Without permission the line is selected, ready for the reader's own copy key.
      () => getSelection()?.selectAllChildren(line),
    );
    setTimeout(() => show(false), 1500);
  }
}

customElements.define("watch-bar", WatchBar);

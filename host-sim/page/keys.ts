// The single keys, and the dialog that lists them: both from one list, most of it key-table.ts. Single keys may be
// switched off, because they get in the way of speech input [WCAG 2.1.4]. Knows key events; what a key does it is told.

import { html, LitElement } from "lit";

export interface Key {
  /** As `KeyboardEvent.key` says it, letters small. */
  readonly key: string;
  readonly text: string;
  readonly down: () => void;
  readonly up?: () => void;
  /** As it is listed; the key itself unless given. */
  readonly show?: string;
}

const KEYS_OFF = "alertbox-keys-off";

export class KeysDialog extends LitElement {
  #keys: readonly Key[] = [];

  set keys(keys: readonly Key[]) {
    this.#keys = keys;
    this.requestUpdate();
  }

  override connectedCallback(): void {
    super.connectedCallback();
    // For as long as the page lives: there is one such dialog.
    addEventListener("keydown", (event) => this.#down(event));
    addEventListener("keyup", (event) => this.#find(event)?.up?.());
  }

  open(): void {
    this.#dialog?.showModal();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  protected override render(): unknown {
    const isOn = localStorage.getItem(KEYS_OFF) === null;
    const store = (event: Event) => {
      if ((event.target as HTMLInputElement).checked) localStorage.removeItem(KEYS_OFF);
      else localStorage.setItem(KEYS_OFF, "1");
    };
    return html`<dialog id="keys" aria-labelledby="keys-name">
      <h2 id="keys-name">Keys</h2>
      <dl>
        ${this.#keys.map(
          ({ key, text, show }) =>
            html`<div><dt>${(show ?? key)
              .split(" ")
              .map((each) => html`<kbd>${each}</kbd> `)}</dt><dd>${text}</dd></div>`,
        )}
      </dl>
      <p class="soft">Within tabs, lists and the topic tree the arrow keys, Home and End move.</p>
      <label><input id="keys-on" type="checkbox" .checked=${isOn} @change=${store}> Single keys act on the bench</label>
      <form method="dialog"><button class="plain" type="submit">Close</button></form>
    </dialog>`;
  }

  get #dialog(): HTMLDialogElement | null {
    return this.querySelector("dialog");
  }

  /** A key that belongs to the focused control, or to the browser, is not ours. */
  #isOurs(event: KeyboardEvent): boolean {
    if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return false;
    if (localStorage.getItem(KEYS_OFF) !== null || this.#dialog?.open) return false;
    if (!(event.target instanceof HTMLElement)) return true;
    if (event.target.matches("input:not([type=radio], [type=checkbox]), textarea, select")) return false;
    const isNative = event.target.closest("button, input, a, summary, [role=treeitem]") !== null;
    return !(isNative && (event.key === " " || event.key === "Enter"));
  }

  /** Also with caps lock. */
  #find(event: KeyboardEvent): Key | undefined {
    return this.#keys.find(({ key }) => key === event.key.toLowerCase());
  }

  #down(event: KeyboardEvent): void {
    if (!this.#isOurs(event)) return;
    const key = this.#find(event);
    if (key === undefined) return;
    event.preventDefault();
    if (!event.repeat) key.down();
  }
}

customElements.define("keys-dialog", KeysDialog);

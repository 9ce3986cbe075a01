// The setup as a person meets it: a phone with the box's own setup page in it, and beside it what there is to type.
// Knows where the page is, not what it says; that page belongs to the box.

import { html, nothing } from "lit";
import { Panel } from "./panel.js";
import type { Home } from "./protocol.js";
import { store, type Topic } from "./store.js";

export class PhonePanel extends Panel {
  protected readonly topics: readonly Topic[] = ["board", "bench", "tiles"];
  /** Where the setup page was last, and of which board; what the frame shows may be older. */
  #url = "";
  #board = -1;
  #wasOpen = false;

  protected override firstUpdated(): void {
    this.#show();
  }

  protected override updated(): void {
    this.#show();
  }

  protected override render(): unknown {
    const board = store.board?.view;
    const isSetup = board !== undefined && board.setup !== "";
    const isBlank = this.#url === "" && !isSetup;
    const close = () => this.dispatchEvent(new CustomEvent("phone", { bubbles: true, detail: false }));
    return html`<section id="phone" class="panel phone" aria-labelledby="phone-name">
      <header>
        <h2 id="phone-name">Phone</h2>
        <button id="phone-close" class="plain small" type="button" @click=${close}>Close</button>
      </header>
      ${store.bench === undefined ? nothing : typed(store.bench.home)}
      <p class="empty" ?hidden=${!isBlank}>
        The setup is closed. “Hold for setup” opens it, and so does the first start of a box without settings.
      </p>
      <iframe id="phone-page" title="The setup page, on a phone" referrerpolicy="no-referrer"
        ?hidden=${isBlank}></iframe>
    </section>`;
  }

  /** Gives the frame its page when the setup has opened; when it closes, the page's last word can still be read. */
  #show(): void {
    const board = store.board?.view;
    const setup = board?.setup ?? "";
    const isOther = (board?.index ?? -1) !== this.#board;
    const frame = this.inside<HTMLIFrameElement>("phone-page");
    const isOpening = setup !== "" && (setup !== this.#url || isOther || !this.#wasOpen);
    if (isOther && !isOpening) frame.removeAttribute("src");
    if (isOpening) frame.src = setup;
    if (isOther || isOpening) this.requestUpdate();
    this.#board = board?.index ?? -1;
    this.#wasOpen = setup !== "";
    if (setup !== "" || isOther) this.#url = setup;
  }

  /** An empty frame asks the box for nothing. */
  blank(): void {
    this.inside("phone-page").removeAttribute("src");
    this.#url = "";
    this.#wasOpen = false;
  }
}

function typed({ ssid, password, broker }: Home): unknown {
  const pair = (id: string, term: string, value: string) =>
    html`<div class="pair"><dt>${term}</dt><dd><code id=${id}>${value}</code></dd></div>`;
  return html`<dl class="typed" aria-label="What to type">
    ${pair("home-ssid", "Home Wi-Fi", ssid)}${pair("home-password", "password", password)}
    ${pair("home-broker", "broker", broker)}
  </dl>`;
}

customElements.define("phone-panel", PhonePanel);

// The page as a whole: which panels there are, where they stand, and the keys that reach them. Knows the panels by
// their names and what each may be asked for; what they show is their own affair.

import { html, nothing } from "lit";
import "./board-panel.js";
import type { BoardPanel } from "./board-panel.js";
import "./board-strip.js";
import "./broker-panel.js";
import "./keys.js";
import { actionOf, KEY_TABLE, type KeyRow, keyName, SecondThought } from "./key-table.js";
import type { Key, KeysDialog } from "./keys.js";
import { Panel } from "./panel.js";
import "./phone-panel.js";
import { faultCount } from "./faults-panel.js";
import type { PhonePanel } from "./phone-panel.js";
import "./memory-panel.js";
import "./packets-panel.js";
import "./steps-panel.js";
import "./supply-panel.js";
import "./timeline-panel.js";
import { hasLink } from "./scenarios-panel.js";
import { store, type Topic } from "./store.js";
import "./tab-pane.js";
import type { Tab, TabPane } from "./tab-pane.js";
import "./top-bar.js";
import "./watch-bar.js";

const UPPER: readonly Tab[] = Object.freeze([
  { id: "steps", title: "What happens", key: "1", panel: html`<steps-panel></steps-panel>` },
  { id: "timeline", title: "Timeline", key: "2", panel: html`<timeline-panel></timeline-panel>` },
]);

const LOWER: readonly Tab[] = Object.freeze([
  { id: "packets", title: "Packets", key: "3", panel: html`<packets-panel></packets-panel>` },
  { id: "broker", title: "Broker", key: "4", panel: html`<broker-panel></broker-panel>` },
  { id: "memory", title: "Memory", key: "5", panel: html`<memory-panel></memory-panel>` },
  { id: "supply", title: "Supply", key: "6", panel: html`<supply-panel></supply-panel>` },
  { id: "faults", title: "Faults", key: "7", panel: html`<faults-panel></faults-panel>` },
  { id: "scenarios", title: "Scenarios", key: "9", panel: html`<scenarios-panel></scenarios-panel>` },
]);

export class BenchApp extends Panel {
  protected readonly topics: readonly Topic[] = ["connection", "bench", "board", "packets"];
  #isPhoneOpen = false;
  #isLinkShown = false;
  #phoneBoard = -1;
  readonly #second = new SecondThought();
  readonly #keys: readonly Key[] = this.#table();

  protected override willUpdate(): void {
    document.body.classList.toggle("away", !store.connected && store.bench !== undefined);
    // The phone belongs to the board beside which it was opened.
    if (this.#isPhoneOpen && store.chosen !== this.#phoneBoard) this.#isPhoneOpen = false;
  }

  protected override render(): unknown {
    // Nothing of the bench is drawn before it has said what there is: so nothing has to move then.
    const isKnown = store.bench !== undefined;
    return html`
      <header class="top"><top-bar @help=${() => this.#dialog.open()}></top-bar></header>
      <main class=${this.#isPhoneOpen ? "with-phone" : ""}
        @phone=${(event: CustomEvent<boolean>) => this.#phone(event.detail)}>
        ${isKnown ? this.#panels() : nothing}
      </main>
      <footer class="watch"><watch-bar></watch-bar></footer>
      <keys-dialog .keys=${this.#keys}></keys-dialog>`;
  }

  /** Whoever follows a link to a scenario sees first what it is. */
  protected override updated(): void {
    if (this.#isLinkShown || store.bench === undefined) return;
    this.#isLinkShown = true;
    if (hasLink()) this.#show("scenarios");
  }

  #panels(): unknown {
    return html`
      <board-strip></board-strip>
      <board-panel .phoneOpen=${this.#isPhoneOpen}></board-panel>
      <phone-panel ?hidden=${!this.#isPhoneOpen} .active=${this.#isPhoneOpen}></phone-panel>
      <tab-pane id="upper" class="panel" .name=${"The story of this board"} .tabs=${UPPER}></tab-pane>
      <tab-pane id="lower" class="panel" .name=${"Behind it"} .tabs=${LOWER} .counts=${counts()}></tab-pane>`;
  }

  /** Undefined until the bench has said what there is. */
  get #board(): BoardPanel | undefined {
    return this.querySelector<BoardPanel>("board-panel") ?? undefined;
  }

  get #dialog(): KeysDialog {
    return this.querySelector("keys-dialog") as KeysDialog;
  }

  async #phone(open: boolean): Promise<void> {
    const phone = this.querySelector<PhonePanel>("phone-panel");
    if (phone === null) return;
    this.#isPhoneOpen = open;
    this.#phoneBoard = store.chosen;
    this.requestUpdate();
    await this.updateComplete;
    if (open) {
      await phone.updateComplete;
      phone.scrollIntoView({ block: "nearest" });
      return;
    }
    phone.blank();
    const opener = this.querySelector<HTMLElement>("#phone-open");
    (opener?.checkVisibility() ? opener : this.querySelector<HTMLElement>("#press"))?.focus();
  }

  #show(id: string): void {
    for (const pane of this.querySelectorAll<TabPane>("tab-pane")) {
      if (pane.show(id)) pane.scrollIntoView({ block: "nearest" });
    }
  }

  /** The board before or after the chosen one. */
  #chooseNext(by: 1 | -1): void {
    const all = [...store.boards.keys()];
    const next = all[(all.indexOf(store.chosen) + by + all.length) % all.length];
    if (next !== undefined) store.choose(next);
  }

  #table(): readonly Key[] {
    const panels = [...UPPER, ...LOWER].map(
      ({ id, title, key }): Key => ({ key, text: title, down: () => this.#show(id) }),
    );
    const phone = { key: "8", text: "the phone: open or close", down: () => void this.#phone(!this.#isPhoneOpen) };
    const deeds = KEY_TABLE.filter(({ only }) => only === undefined).map((row): Key => {
      const key = { key: row.key, show: keyName(row), text: row.text, down: () => this.#do(row) };
      if (row.deed !== "press") return key;
      return { ...key, text: "the button: down while you hold it", up: () => this.#board?.up() };
    });
    return [...deeds, ...panels, phone];
  }

  #do({ deed, key, asks }: KeyRow): void {
    switch (deed) {
      case "press":
        this.#board?.down();
        return;
      case "faults":
        this.#show("faults");
        return;
      case "before":
      case "after":
        this.#chooseNext(deed === "after" ? 1 : -1);
        return;
      case "help":
        this.#dialog.open();
        return;
    }
    const { bench, board } = store;
    if (bench === undefined || board === undefined) return;
    // Its switch says why it cannot be switched.
    if (deed === "broker" && !bench.brokerOurs) return;
    const isMeant = asks === undefined || this.#second.isMeant(key, store.chosen, performance.now());
    this.#board?.say(isMeant ? "" : `${key} again: ${asks}`);
    const action = isMeant ? actionOf(deed, bench, board.view) : undefined;
    if (action !== undefined) store.act(action);
  }
}

/** What the tabs say beside their titles. */
function counts(): Readonly<Record<string, number>> {
  return { faults: faultCount(), packets: store.board?.breaches ?? 0 };
}

customElements.define("bench-app", BenchApp);

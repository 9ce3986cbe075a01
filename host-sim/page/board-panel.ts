// The chosen board: its drawing with the button over it, what a finger or a hand could do to it, and its figures. Knows
// the store; the notice that the setup is open stands here, too, because a person meets it while pressing.

import { html, nothing } from "lit";
import { boardDrawing } from "./board-drawing.js";
import type { Model } from "./board-shape.js";
import { hint, holdText, POWER_WORDS } from "./board-words.js";
import { HoldButton } from "./hold-button.js";
import { Panel } from "./panel.js";
import type { BoardView } from "./protocol.js";
import { store, type Topic } from "./store.js";

const MODEL = "alertbox-board";

export class BoardPanel extends Panel {
  protected readonly topics: readonly Topic[] = ["board", "led", "connection"];
  #model: Model = localStorage.getItem(MODEL) === "d1-mini" ? "d1-mini" : "nodemcu";
  /** What stands under the button instead of the hint, while it is held or a key asks back. */
  #said = "";
  #button: HoldButton | undefined;
  /** The board whose button the finger is on. */
  #held = 0;
  #phoneOpen = false;

  /** Whether the phone lies beside the board. */
  set phoneOpen(open: boolean) {
    if (open === this.#phoneOpen) return;
    this.#phoneOpen = open;
    this.requestUpdate();
  }

  /** The button goes down, as by a finger, until `up`. */
  down(): void {
    this.#button?.down();
  }

  up(): void {
    this.#button?.up();
  }

  /** Puts a sentence in the place of the hint; an empty one brings the hint back. */
  say(text: string): void {
    this.#said = text;
    this.requestUpdate();
  }

  protected override firstUpdated(): void {
    this.#button = new HoldButton(
      this.inside<HTMLButtonElement>("press"),
      () => {
        this.#held = store.chosen;
        store.act({ type: "down", board: this.#held });
      },
      () => store.act({ type: "up", board: this.#held }),
      (heldMs) => this.say(heldMs === undefined ? "" : holdText(heldMs, store.board?.view.wiring)),
    );
  }

  protected override willUpdate(): void {
    // Another board, or no bench: nobody holds that button any more.
    if (!store.connected || store.chosen !== this.#held) this.#button?.up();
  }

  protected override render(): unknown {
    const board = store.board?.view;
    return html`<section class="panel bench" aria-labelledby="board-name" ?data-none=${board === undefined}>
      <header>
        <h2 id="board-name">${board === undefined ? "No board" : `AlertBox ${board.chipId}`}</h2>
        ${board === undefined ? nothing : badges(board)}
      </header>
      <p class="empty" ?hidden=${board !== undefined}>All boards are gone. Add one in the row above.</p>
      <div class="place" ?hidden=${board === undefined}><div class="stage">
        ${board === undefined ? nothing : boardDrawing(board, this.#model)}
        <button id="press" class="big" type="button" aria-describedby="press-hint"><span>Press</span></button>
      </div></div>
      ${board === undefined ? nothing : this.#below(board)}
    </section>`;
  }

  #below(board: BoardView): unknown {
    const isSetup = board.setup !== "" && this.#said === "";
    return html`
      <div class="line"><p class="kind">${board.mode}, ${board.wiring}</p>${this.#models()}</div>
      <div class="said">
        <p id="press-hint" class="hint" ?data-behind=${isSetup}>${this.#said || hint(board.wiring)}</p>
        <div id="setup" class="notice" ?hidden=${!isSetup}>${this.#notice(board)}</div>
      </div>
      ${controls(board)}
      <dl class="figures">
        ${[
          ["presses", "Presses", board.presses],
          ["alerts", "Alerts arrived", board.alerts],
          ["duplicates", "Twice", board.duplicates],
          ["boots", "Boots", board.boots],
          ["charge", "Charge used", `${board.chargeMah.toFixed(3)} mAh`],
        ].map(([id, term, value]) => html`<div><dt>${term}</dt><dd id=${id}>${value}</dd></div>`)}
      </dl>`;
  }

  #notice(board: BoardView): unknown {
    const open = () => this.dispatchEvent(new CustomEvent("phone", { bubbles: true, detail: true }));
    return html`
      <p><strong id="setup-said" role="status">${board.setup === "" ? "" : "Setup is open"}</strong>
        <span id="setup-left">closes in ${board.setupSeconds} s</span></p>
      <p>
        <button id="phone-open" class="plain small" type="button" aria-controls="phone" @click=${open}
          aria-expanded=${this.#phoneOpen}
          aria-label="Open the setup page as a phone sees it">Open the setup page</button>
        <a id="phone-link" href=${board.setup || "#phone"} target="_blank" rel="noopener"
          aria-label="Open the setup page in a new tab">New tab</a>
      </p>`;
  }

  #models(): unknown {
    const choose = (model: Model) => {
      this.#model = model;
      localStorage.setItem(MODEL, model);
      this.requestUpdate();
    };
    const choice = (model: Model, text: string) =>
      html`<label><input type="radio" name="model" .checked=${this.#model === model} @change=${() => choose(model)}>
        <span>${text}</span></label>`;
    return html`<fieldset class="choice models" aria-label="Which board is drawn">
      ${choice("nodemcu", "NodeMCU")}${choice("d1-mini", "D1 mini")}
    </fieldset>`;
  }
}

function badges({ power, presence, root }: BoardView): unknown {
  return html`<p class="badges">
    <span id="power" class="badge" data-power=${power}>${POWER_WORDS[power]}</span>
    <span id="presence" class="badge" data-presence=${presence}
      title=${`What the broker says about this box: ${root}/lwt, or where its convention has it`}>${presence || "unknown"}</span>
  </p>`;
}

function controls({ index, power, wiring }: BoardView): unknown {
  const isOnReset = wiring === "rst";
  const ask = (type: "reset" | "blackout" | "setup" | "factory" | "crash") => () => store.act({ type, board: index });
  const erases = "erases settings and stored alerts";
  return html`
    <fieldset class="actions" aria-label="This board">
      <button id="reset" class="plain" type="button" aria-keyshortcuts="r" @click=${ask("reset")}>Reset</button>
      <button id="blackout" class="plain" type="button" aria-keyshortcuts="p" @click=${ask("blackout")}
        >Cut power for 1 s</button>
      <button id="power-switch" class="switch" type="button" role="switch" aria-checked=${power !== "off"}
        @click=${() => store.act({ type: "power", board: index, on: power === "off" })}><span>Power</span></button>
    </fieldset>
    <fieldset class="actions" aria-label="Setup and recovery">
      <button id="open-setup" class="plain" type="button" aria-keyshortcuts="s" @click=${ask("setup")}
        title=${isOnReset ? "Presses five times, quickly" : "Holds the button for 6 s"}
        >${isOnReset ? "Five presses: setup" : "Hold for setup"}</button>
      <button id="factory-reset" class="plain" type="button" @click=${ask("factory")}
        title=${`${isOnReset ? "Presses ten times, quickly" : "Holds the button for 11 s"}: ${erases}`}
        >Factory reset</button>
      <button id="crash" class="plain" type="button" aria-keyshortcuts="x" @click=${ask("crash")}
        title="The watchdog bites: the chip restarts. Three times within a minute each lead to safe mode."
        >Crash</button>
    </fieldset>`;
}

customElements.define("board-panel", BoardPanel);

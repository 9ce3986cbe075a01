// All boards as tiles, one of them chosen, and the way to add one or to take the chosen one away. Knows the store.

import { html, nothing } from "lit";
import { guard } from "lit/directives/guard.js";
import { KINDS, POWER_WORDS } from "./board-words.js";
import { Panel } from "./panel.js";
import type { BoardView } from "./protocol.js";
import { rows } from "./rows.js";
import { store, type Topic } from "./store.js";

export class BoardStrip extends Panel {
  protected readonly topics: readonly Topic[] = ["tiles", "connection"];

  protected override render(): unknown {
    const boards = [...store.boards.values()];
    return html`
      <nav id="boards" class="boards" aria-label="Boards">
        ${rows(
          boards,
          ({ view }) => view.index,
          // With fifty boards some LED blinks in every frame: only the tile of that one is drawn again.
          ({ view }) => guard([view, view.index === store.chosen], () => tile(view)),
        )}
      </nav>
      <form class="more" aria-label="Add or remove a board" @submit=${this.#add}>
        <select id="kind" aria-label="Supply and wiring of a new board">
          ${KINDS.map(({ text }, index) => html`<option value=${index}>${text}</option>`)}
        </select>
        <button id="add" class="plain small" type="submit">Add</button>
        ${this.#remove(boards.length)}
      </form>`;
  }

  #remove(count: number): unknown {
    const board = store.board?.view;
    const name = board === undefined ? "Remove" : `Remove ${board.chipId}`;
    return html`<button id="remove" class="plain small" type="button" ?disabled=${count < 2} aria-label=${name}
      title=${count < 2 ? "The last board stays" : "Takes the chosen board away"}
      @click=${() => store.act({ type: "remove", board: store.chosen })}>Remove</button>`;
  }

  #add(event: SubmitEvent): void {
    event.preventDefault();
    const kind = KINDS[Number(this.inside<HTMLSelectElement>("kind").value)];
    if (kind !== undefined) store.act({ type: "add", mode: kind.mode, wiring: kind.wiring });
  }
}

function tile(board: BoardView): unknown {
  const { index, chipId, led, power, presence, setup } = board;
  const state = power === "running" ? presence || "awake" : POWER_WORDS[power];
  const isChosen = index === store.chosen;
  return html`<button class=${`tile${led ? " lit" : ""}`} type="button" aria-pressed=${isChosen}
    @click=${() => store.choose(index)}><span class="lamp" aria-hidden="true"></span><b>${chipId}</b><small
    data-presence=${presence}>${setup === "" ? state : "setup open"}</small>${
      board.faults.length === 0 ? nothing : html`<span class="count">${board.faults.length}</span>`
    }</button>`;
}

customElements.define("board-strip", BoardStrip);

// What happens: the chapters of the chosen board in their order, each with its steps and their milliseconds as a small
// timeline, and under a power cut why nothing was lost. The end is followed until the reader scrolls up. Knows the
// store; what is told of a power cut is put together in account.ts.

import { html } from "lit";
import { guard } from "lit/directives/guard.js";
import { type Account, accountsOf } from "./account.js";
import type { Chapter } from "./chapter.js";
import { Panel } from "./panel.js";
import type { Line } from "./protocol.js";
import { rows } from "./rows.js";
import { store, type Topic } from "./store.js";
import { vars } from "./vars.js";

/** Pixels from the end within which a reader counts as being there. */
const NEAR = 24;

export class StepsPanel extends Panel {
  protected readonly topics: readonly Topic[] = ["lines", "packets"];
  /** True while the reader is at the end: it then stays there. */
  #follows = true;
  #board = -1;
  /** Pixels of chapters that are gone: their room is kept while the end is followed, so that nothing jumps. */
  #gone = 0;
  /** Tells after the layout of a frame, when heights can be asked for without another one. */
  readonly #sizes = new ResizeObserver(() => this.#follow());

  protected override firstUpdated(): void {
    for (const id of ["steps-list", "story"]) this.#sizes.observe(this.inside(id));
  }

  protected override willUpdate(): void {
    const first = store.board?.chapters.list[0];
    if (this.#board !== store.chosen || first === undefined) {
      this.#follows = true;
      this.#gone = 0;
    }
    this.#board = store.chosen;
    if (!this.#follows || first === undefined) return;
    for (const chapter of this.querySelectorAll<HTMLElement>(".chapter")) {
      if (Number(chapter.dataset["id"]) >= first.id) return;
      this.#gone += chapter.offsetHeight;
    }
  }

  #follow(): void {
    if (!this.#follows) return;
    const list = this.inside("steps-list");
    list.scrollTop = list.scrollHeight;
  }

  protected override render(): unknown {
    const chapters = store.board?.chapters.list ?? [];
    const accounts = accountsOf(chapters, store.board?.packets ?? []);
    const scrolled = ({ currentTarget }: Event) => {
      const { scrollTop, clientHeight, scrollHeight } = currentTarget as HTMLElement;
      this.#follows = scrollTop + clientHeight >= scrollHeight - NEAR;
      if (!this.#follows && this.#gone > 0) this.#forget(currentTarget as HTMLElement);
    };
    return html`
      <h2 class="unseen">What happens</h2>
      <button id="clear" class="plain small corner" type="button" @click=${() => store.clearLines()}>Clear</button>
      <p id="empty" class="empty" ?hidden=${chapters.length > 0}>
        Press the button: every step of the firmware appears here, with its milliseconds.
      </p>
      <div id="steps-list" class="story" role="log" tabindex="0" aria-live="polite" aria-relevant="additions" aria-label="Steps"
        @scroll=${scrolled}>
        <ol id="story" ${vars({ "--gone": `${this.#gone}px` })}>
          ${rows(
            chapters,
            ({ id }) => id,
            (chapter) =>
              html`<li class="chapter" data-id=${chapter.id}>
                ${guard([chapter.id, chapter.lines.length, JSON.stringify(accounts.get(chapter.id))], () => [
                  draw(chapter),
                  accounts.get(chapter.id)?.map(tell),
                ])}
              </li>`,
          )}
        </ol>
      </div>`;
  }

  /** Somebody scrolls up: the room of what is gone goes, too, and what is seen stays where it is. */
  #forget(list: HTMLElement): void {
    const gone = this.#gone;
    this.#gone = 0;
    this.requestUpdate();
    this.updateComplete.then(() => {
      list.scrollTop -= gone;
    });
  }
}

function draw({ heading, at, lines, span, result, resultWord }: Chapter): unknown {
  return html`
    <h3>${heading} <span class="when">at ${(at / 1000).toFixed(1)} s</span>
      <span class="result" data-word=${resultWord}>${result}</span></h3>
    <ol class="steps">${lines.map((line) => step(line, span))}</ol>`;
}

function tell({ alert, state, points }: Account): unknown {
  const rows = points.map(([title, sentence]) => html`<div><dt>${title}</dt><dd>${sentence}</dd></div>`);
  return html`<section class="account" data-state=${state} aria-label=${`Why ${alert} is not lost`}>
    <h4>Why ${alert} ${state === "ended" ? "was" : "is"} not lost</h4>
    <dl>${rows}</dl>
  </section>`;
}

function step({ word, detail, source, since }: Line, span: number): unknown {
  const after = Math.max(0, since ?? 0);
  return html`<li class="step" data-word=${word} data-source=${source}>
    <span class="ms">${Math.round(after)} ms</span>
    <span class="track" aria-hidden="true"><i ${vars({ "--at": after / span })}></i></span>
    <span class="word">${word}</span>
    <span class="detail">${detail}</span>
  </li>`;
}

customElements.define("steps-panel", StepsPanel);

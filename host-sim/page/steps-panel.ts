// What happens: the chapters of the chosen board, newest first, each with its steps and their milliseconds as a small
// timeline. Knows the store.

import { html } from "lit";
import { guard } from "lit/directives/guard.js";
import { repeat } from "lit/directives/repeat.js";
import type { Chapter } from "./chapter.js";
import { Panel } from "./panel.js";
import type { Line } from "./protocol.js";
import { store, type Topic } from "./store.js";
import { vars } from "./vars.js";

export class StepsPanel extends Panel {
  protected readonly topics: readonly Topic[] = ["lines"];

  protected override render(): unknown {
    const chapters = store.board?.chapters.list ?? [];
    return html`
      <h2 class="unseen">What happens</h2>
      <button id="clear" class="plain small corner" type="button" @click=${() => store.clearLines()}>Clear</button>
      <p id="empty" class="empty" ?hidden=${chapters.length > 0}>
        Press the button: every step of the firmware appears here, with its milliseconds.
      </p>
      <div role="log" aria-live="polite" aria-relevant="additions" aria-label="Steps"><ol id="story">
        ${repeat(
          chapters,
          ({ id }) => id,
          (chapter) => html`<li class="chapter">${guard([chapter.id, chapter.lines.length], () => draw(chapter))}</li>`,
        )}
      </ol></div>`;
  }
}

function draw({ heading, at, lines, span, result, resultWord }: Chapter): unknown {
  return html`
    <h3>${heading} <span class="when">at ${(at / 1000).toFixed(1)} s</span>
      <span class="result" data-word=${resultWord}>${result}</span></h3>
    <ol class="steps">${lines.map((line) => step(line, span))}</ol>`;
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

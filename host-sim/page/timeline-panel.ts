// The timeline: one press as a waterfall of its steps to scale, beside the last twenty presses, with what is usual for
// each step. A step that is pointed at or focused is explained. Knows the store; the reckoning is in timeline.ts.

import { html, nothing } from "lit";
import { type PressView, STEP_TEXTS, type StepName } from "./details.js";
import { moved } from "./listing.js";
import { Panel } from "./panel.js";
import { percentile } from "./percentile.js";
import { store, type Topic } from "./store.js";
import { deliveredAfter, rowsOf, type StepRow, spanOf } from "./timeline.js";
import { vars } from "./vars.js";

const OUTCOMES = Object.freeze({
  open: "under way",
  delivered: "delivered",
  waiting: "stored, waits",
  refused: "refused",
} as const);

function ms(time: number | undefined): string {
  if (time === undefined) return "–";
  return Math.abs(time) < 100_000 ? `${Math.round(time)} ms` : `${Math.round(time / 1000)} s`;
}

/** For a column of figures: as wide as the widest, in spaces that are as wide as a digit. */
function column(time: number | undefined): string {
  return ms(time).padStart(8, "\u2007");
}

export class TimelinePanel extends Panel {
  protected readonly topics: readonly Topic[] = ["presses"];
  /** The press that the reader has chosen; undefined follows the newest. */
  #number: number | undefined;
  #board = -1;
  #step: StepName = "pressed";

  protected override render(): unknown {
    const presses = store.board?.presses.slice(-20) ?? [];
    if (this.#board !== store.chosen) this.#number = undefined;
    this.#board = store.chosen;
    const press = presses.find(({ number }) => number === this.#number) ?? presses.at(-1);
    return html`<h2 class="unseen">Timeline</h2>
      ${
        press === undefined
          ? html`<p class="empty">No press yet: press the button, and each step of it appears here to scale.</p>`
          : html`<div class="timeline">${this.#waterfall(press, presses)}${this.#presses(press, presses)}</div>`
      }`;
  }

  #waterfall(press: PressView, presses: readonly PressView[]): unknown {
    const rows = rowsOf(press, presses);
    const [first, last] = spanOf(press);
    const explained = rows.find(({ step }) => step === this.#step);
    return html`<div class="waterfall">
      <p class="headline"><b>${press.id || `press ${press.number}`}</b>
        <span class="outcome" data-outcome=${press.outcome}>${OUTCOMES[press.outcome]}</span>
        <span class="soft">${press.chargeMah.toFixed(3)} mAh</span></p>
      <div class="steprow head" aria-hidden="true">
        <span>step</span><span></span><span>after</span><span>p50</span><span>p90</span>
      </div>
      <ol role="listbox" aria-label="Steps of this press" aria-describedby="step-said" @keydown=${this.#onStepKey}>
        ${rows.map((row) => this.#row(row, first, last))}
      </ol>
      <p id="step-said" class="said soft" aria-live="polite"
        >${explained === undefined ? nothing : explain(explained)}</p>
    </div>`;
  }

  #row({ step, phase, at, from, p50, p90 }: StepRow, first: number, last: number): unknown {
    const [title] = STEP_TEXTS[step];
    const share = (time: number) => Math.min(1, Math.max(0, (time - first) / (last - first)));
    const point = () => {
      if (this.#step === step) return;
      this.#step = step;
      this.requestUpdate();
    };
    const isHere = step === this.#step;
    const lane = (name: string, start: number, end: number) =>
      html`<i class=${name} ${vars({ "--from": share(start), "--to": share(end) })}></i>`;
    return html`<li class="steprow" role="option" data-step=${step} data-phase=${phase}
      ?data-missing=${at === undefined}
      aria-selected=${isHere} tabindex=${isHere ? 0 : -1} @pointerenter=${point} @focus=${point}>
      <span>${title}</span>
      <span class="lane">
        ${p50 === undefined || p90 === undefined ? nothing : lane("usual", p50, p90)}
        ${at === undefined ? nothing : lane("bar", from, at)}
      </span>
      <span class="number">${column(at)}${unseen(at === undefined ? " has not happened" : " after the press")}</span>
      <span class="number soft">${unseen("p50 ")}${column(p50)}</span>
      <span class="number soft">${unseen("p90 ")}${column(p90)}</span>
    </li>`;
  }

  #presses(shown: PressView, presses: readonly PressView[]): unknown {
    const longest = Math.max(1, ...presses.map((press) => spanOf(press)[1]));
    const done = presses.map(deliveredAfter).filter((time) => time !== undefined);
    return html`<div class="presses">
      <p class="headline"><b>Last ${presses.length}</b>
        <span class="soft" title="Until delivered: half of them took as long at most, nine in ten as long"
          >${`p50 ${ms(percentile(done, 50))}, p90 ${ms(percentile(done, 90))}`}</span></p>
      <ol role="listbox" aria-label="Last presses" @keydown=${this.#onPressKey}>
        ${[...presses].reverse().map((press) => this.#press(press, press.number === shown.number, longest, presses))}
      </ol>
    </div>`;
  }

  #press(press: PressView, isShown: boolean, longest: number, presses: readonly PressView[]): unknown {
    const after = deliveredAfter(press);
    const words = after === undefined ? OUTCOMES[press.outcome] : column(after);
    return html`<li class="pressrow" role="option" aria-selected=${isShown} tabindex=${isShown ? 0 : -1}
      data-number=${press.number}
      @click=${() => this.#choose(press.number, presses)} @focus=${() => this.#choose(press.number, presses)}>
      <span>${press.id || press.number}</span>
      <span class="lane">${rowsOf(press, []).map(({ at, from, phase }) =>
        at === undefined
          ? nothing
          : html`<i class="bar" data-phase=${phase}
              ${vars({ "--from": Math.max(0, from) / longest, "--to": Math.max(0, at) / longest })}></i>`,
      )}</span>
      <span class="number outcome" data-outcome=${press.outcome}
        >${words}${after === undefined ? nothing : unseen(" delivered")}</span>
    </li>`;
  }

  /** Rows stay and presses move through them: the focus goes along with the press that is shown. */
  protected override updated(): void {
    const focused = this.querySelector<HTMLElement>(".pressrow:focus");
    if (focused === null || focused.tabIndex === 0) return;
    this.querySelector<HTMLElement>('.pressrow[tabindex="0"]')?.focus({ preventScroll: true });
  }

  /** The newest press is followed, any other one stays. */
  #choose(number: number, presses: readonly PressView[]): void {
    const chosen = number === presses.at(-1)?.number ? undefined : number;
    if (chosen === this.#number) return;
    this.#number = chosen;
    this.requestUpdate();
  }

  #onStepKey(event: KeyboardEvent): void {
    moved(event, ".steprow[role=option]")?.focus();
  }

  #onPressKey(event: KeyboardEvent): void {
    moved(event, ".pressrow")?.focus();
  }
}

/** What eyes see from the place of a number, in words. */
function unseen(text: string): unknown {
  return html`<span class="unseen">${text}</span>`;
}

function explain({ step, at, before, from }: StepRow): string {
  const [title, sentence] = STEP_TEXTS[step];
  if (at === undefined) return `${title}: ${sentence} It has not happened in this press.`;
  const took = before === undefined ? "" : ` ${ms(at - from)} after ${STEP_TEXTS[before][0]}.`;
  return `${title}: ${sentence}${took}`;
}

customElements.define("timeline-panel", TimelinePanel);

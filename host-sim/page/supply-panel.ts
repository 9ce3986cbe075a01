// The supply of the chosen board: its current over time, what the last press cost, and how long a battery would last.
// Knows the store and uPlot; the reckoning is in battery.ts. Figures are of the simulator's model, not measured.

import { html, nothing } from "lit";
import uPlot from "uplot";
import { lastCharge, lifeDays, sleepMilliamperes } from "./battery.js";
import { Panel } from "./panel.js";
import { store, type Topic } from "./store.js";

const CAPACITY = "alertbox-capacity";
const PRESSES = "alertbox-presses-a-day";

/** How often the plot's right edge moves while nothing changes, in milliseconds. */
const TICK_MS = 500;

/** A number that is kept in the browser, or what it is at first. */
function kept(name: string, first: number): number {
  const value = Number(localStorage.getItem(name) ?? first);
  return Number.isFinite(value) && value > 0 ? value : first;
}

export class SupplyPanel extends Panel {
  protected readonly topics: readonly Topic[] = ["draws", "presses"];
  #capacity = kept(CAPACITY, 1000);
  #presses = kept(PRESSES, 20);
  #plot: uPlot | undefined;
  #resized: ResizeObserver | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  /** Seconds that the plot shows. */
  #span = 30;

  override connectedCallback(): void {
    super.connectedCallback();
    this.#timer = setInterval(() => {
      if (this.active && document.visibilityState === "visible") this.#draw();
    }, TICK_MS);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", this.#restart);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    clearInterval(this.#timer);
    matchMedia("(prefers-color-scheme: dark)").removeEventListener("change", this.#restart);
    this.#restart();
  }

  protected override updated(): void {
    this.#draw();
  }

  protected override render(): unknown {
    const { draws, presses } = store.board ?? { draws: [], presses: [] };
    const now = draws.at(-1);
    return html`<h2 class="unseen">Supply</h2>
      <p class="empty" ?hidden=${now !== undefined}>No current yet: switch the board's power on.</p>
      <div class="supply" ?hidden=${now === undefined}>
        <div class="current">
          <p class="headline"><b class="now">${`${now?.milliamperes ?? 0} mA`}</b> <span class="soft">now</span>
            ${this.#spans()}</p>
          <div id="plot" role="img"
            aria-label=${`Current over the last ${this.#span} seconds; now ${now?.milliamperes ?? 0} mA`}></div>
        </div>
        ${this.#life(sleepMilliamperes(draws), lastCharge(presses))}
      </div>`;
  }

  #spans(): unknown {
    const choose = (span: number) => {
      this.#span = span;
      this.requestUpdate();
    };
    return html`<span class="choice" role="group" aria-label="Seconds shown">${[10, 30, 120, 600].map(
      (
        span,
      ) => html`<label><input type="radio" name="span" .checked=${span === this.#span} @change=${() => choose(span)}>
        <span>${span} s</span></label>`,
    )}</span>`;
  }

  #life(sleep: number | undefined, press: number | undefined): unknown {
    const isMains = store.board?.view.mode === "mains";
    const isKnown = sleep !== undefined && press !== undefined;
    const battery = { capacityMah: this.#capacity, pressesADay: this.#presses };
    const days = isKnown ? lifeDays({ ...battery, pressMah: press, sleepMilliamperes: sleep }) : undefined;
    const field = (id: string, title: string, value: number, unit: string, set: (value: number) => void) =>
      html`<label class="field"><span>${title}</span>
        <input id=${id} type="number" min="1" max="1000000" .value=${String(value)}
          @input=${(event: Event) => this.#set(id, (event.target as HTMLInputElement).valueAsNumber, set)}>
        <span class="soft">${unit}</span></label>`;
    return html`<section class="life" aria-label="Battery life">
      <dl class="figures">
        <div><dt>The last press</dt>
          <dd id="press-charge">${press === undefined ? "–" : `${press.toFixed(3)} mAh`}</dd></div>
        <div><dt>Asleep</dt><dd id="sleep-current">${sleep === undefined ? "–" : `${sleep} mA`}</dd></div>
        <div><dt>Battery lasts</dt>
          <dd id="life-days">${days === undefined ? "–" : `${Math.round(days)} days`}</dd></div>
      </dl>
      ${field(CAPACITY, "Battery", this.#capacity, "mAh", (value) => {
        this.#capacity = value;
      })}
      ${field(PRESSES, "Presses", this.#presses, "a day", (value) => {
        this.#presses = value;
      })}
      <p class="soft formula">days = capacity ÷ (24 h × asleep + presses × charge of a press)${
        days === undefined
          ? nothing
          : html`<br>${Math.round(days)} = ${this.#capacity} ÷
              (24 × ${sleep} + ${this.#presses} × ${press?.toFixed(3)})`
      }</p>
      <p class="soft" ?hidden=${isKnown}>${
        isMains
          ? "This box runs on mains and never sleeps: add one with a battery to see how long that lasts."
          : "Press the button, and wait until the box is asleep again."
      }</p>
      <p class="soft">Currents are the simulator's model of a D1 mini; docs/wiring.md has what others have measured.</p>
    </section>`;
  }

  #set(id: string, value: number, set: (value: number) => void): void {
    if (!Number.isFinite(value) || value <= 0) return;
    localStorage.setItem(id, String(value));
    set(value);
    this.requestUpdate();
  }

  /** Colours of the plot are taken when it is made: other colours need another plot. */
  #restart = (): void => {
    this.#resized?.disconnect();
    this.#plot?.destroy();
    this.#plot = undefined;
    if (this.isConnected) this.requestUpdate();
  };

  #draw(): void {
    const place = this.querySelector<HTMLElement>("#plot");
    if (place === null || place.clientWidth === 0) return;
    if (this.#plot === undefined) {
      this.#plot = plotIn(place);
      this.#resized = new ResizeObserver(() => {
        if (place.clientWidth > 0) this.#plot?.setSize({ width: place.clientWidth, height: place.clientHeight });
      });
      this.#resized.observe(place);
    }
    const now = store.now / 1000;
    const draws = store.board?.draws ?? [];
    // A step lasts until the next one: the newest lasts until now.
    const last = draws.at(-1);
    const times = draws.map(({ at }) => at / 1000);
    const currents = draws.map(({ milliamperes }) => milliamperes);
    if (last !== undefined) {
      times.push(Math.max(now, last.at / 1000));
      currents.push(last.milliamperes);
    }
    this.#plot.setData([times, currents], false);
    const end = times.at(-1) ?? now;
    this.#plot.setScale("x", { min: Math.max(0, end - this.#span), max: Math.max(end, this.#span) });
  }
}

function plotIn(place: HTMLElement): uPlot {
  const style = getComputedStyle(place);
  const colour = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: colour("--soft"),
    font: "12px system-ui, sans-serif",
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1 },
  };
  return new uPlot(
    {
      width: place.clientWidth,
      height: place.clientHeight,
      legend: { show: false },
      cursor: { show: false },
      scales: { x: { time: false }, y: { range: [0, 90] } },
      axes: [
        { ...axis, size: 28, values: (_plot, marks) => marks.map((mark) => `${mark} s`) },
        { ...axis, size: 56, values: (_plot, marks) => marks.map((mark) => `${mark} mA`) },
      ],
      series: [
        {},
        {
          stroke: colour("--blue"),
          fill: `${colour("--blue")}22`,
          width: 2,
          points: { show: false },
          ...(uPlot.paths.stepped === undefined ? {} : { paths: uPlot.paths.stepped({ align: 1 }) }),
        },
      ],
    },
    [[], []],
    place,
  );
}

customElements.define("supply-panel", SupplyPanel);

// Scenarios: those that come along, the one that is played, the one that a link has brought, and what was done here to
// be kept as a file or as a link. Knows the store; what a scenario means is the bench's affair.

import { html, nothing } from "lit";
import type { ScenarioView } from "./details.js";
import { Panel } from "./panel.js";
import { store, type Topic } from "./store.js";

/** What a link has behind its #: the name of a scenario that comes along, or a whole file. */
const LINK = "#scenario=";
/** How long "copied" stands on the button, ms. */
const COPIED_MS = 2000;

const OUTCOMES: Readonly<Record<ScenarioView["outcome"], string>> = Object.freeze({
  playing: "is played",
  held: "all of it held",
  failed: "failed",
});

export class ScenariosPanel extends Panel {
  protected readonly topics: readonly Topic[] = ["bench"];
  #copied = "";
  /** The first board of the scenario that was shown last. */
  #followed = -1;

  override connectedCallback(): void {
    super.connectedCallback();
    // For as long as the page lives: there is one such panel.
    addEventListener("hashchange", () => this.requestUpdate());
  }

  protected override render(): unknown {
    const { bench } = store;
    this.#follow(bench?.scenario);
    return html`<h2 class="unseen">Scenarios</h2>
      <div class="scenarios">
        ${bench?.scenario === undefined ? nothing : this.#now(bench.scenario)}
        ${this.#fromLink()}
        <section aria-labelledby="scenarios-known">
          <h3 id="scenarios-known">Played on a board of their own, or in a world of their own</h3>
          <ul>
            ${store.scenarios.map(
              ({ name, title, about }) => html`<li class="scenario">
                <button class="plain small" type="button" aria-label=${`Play: ${title}`}
                  @click=${() => store.act({ type: "play", name })}>Play</button>
                <div><b>${title}</b><p class="soft">${about}</p></div>
              </li>`,
            )}
          </ul>
        </section>
        <section aria-labelledby="scenarios-own">
          <h3 id="scenarios-own">What you did here</h3>
          <p class="soft">Every press, switch and fault since the bench started, with what the box said in between: plays
            again here, with <code>npm start -- --scenario file</code>, and on another computer.</p>
          <p class="row">
            <a class="plain small" href="/scenario.yaml" download="scenario.yaml">Save as a file</a>
            <button id="scenario-link" class="plain small" type="button" @click=${() => void this.#copyLink()}>Copy a link</button>
            <span role="status">${this.#copied}</span>
          </p>
        </section>
      </div>`;
  }

  #now({ title, step, outcome, failure }: ScenarioView): unknown {
    return html`<section class="scenario-now" data-outcome=${outcome} aria-labelledby="scenario-now" aria-live="polite">
      <h3 id="scenario-now">${title}: <span>${OUTCOMES[outcome]}</span></h3>
      <p class="soft">${failure === "" ? step || "\u00a0" : failure}</p>
      <button class="plain small" type="button" ?disabled=${outcome !== "playing"}
        @click=${() => store.act({ type: "stop" })}>Stop</button>
    </section>`;
  }

  /** A link plays nothing by itself: whoever opened it shall see first what it is. */
  #fromLink(): unknown {
    const link = linked();
    if (link === undefined) return nothing;
    const { title, play } = link;
    return html`<section class="scenario-now" aria-labelledby="scenario-linked">
      <h3 id="scenario-linked">From the link: ${title}</h3>
      <p class="soft">It is played when you say so.</p>
      <button id="scenario-linked-play" class="plain small" type="button" @click=${play}>Play</button>
    </section>`;
  }

  /** The page goes to the board on which it is played, once. */
  #follow(scenario: ScenarioView | undefined): void {
    const first = scenario?.boards[0];
    if (first === undefined || first === this.#followed) return;
    this.#followed = first;
    if (scenario?.outcome === "playing") store.choose(first);
  }

  async #copyLink(): Promise<void> {
    const answer = await fetch("/scenario.yaml");
    const bytes = new TextEncoder().encode(await answer.text());
    const code = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
    const safe = code.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
    const link = `${location.origin}/${LINK}${safe}`;
    try {
      await navigator.clipboard.writeText(link);
      this.#copied = "Copied.";
    } catch {
      // Without permission the link stands where it can be copied from by hand.
      location.hash = link.slice(link.indexOf("#"));
      this.#copied = "It is in the address line.";
    }
    this.requestUpdate();
    setTimeout(() => {
      this.#copied = "";
      this.requestUpdate();
    }, COPIED_MS);
  }
}

function linked(): { title: string; play: () => void } | undefined {
  if (!location.hash.startsWith(LINK)) return undefined;
  const code = location.hash.slice(LINK.length);
  const known = store.scenarios.find(({ name }) => name === code);
  if (known !== undefined) return { title: known.title, play: () => store.act({ type: "play", name: code }) };
  const text = decoded(code);
  if (text === undefined) return undefined;
  const title = /^title: *(.+)$/m.exec(text)?.[1] ?? "a scenario";
  return { title, play: () => store.act({ type: "play", text }) };
}

function decoded(code: string): string | undefined {
  try {
    const letters = atob(code.replaceAll("-", "+").replaceAll("_", "/"));
    return new TextDecoder("utf-8", { fatal: true }).decode(Uint8Array.from(letters, (letter) => letter.charCodeAt(0)));
  } catch {
    // Half a link, or another's: there is nothing to show.
    return undefined;
  }
}

/** Whether the address line has brought one. */
export function hasLink(): boolean {
  return location.hash.startsWith(LINK);
}

customElements.define("scenarios-panel", ScenariosPanel);

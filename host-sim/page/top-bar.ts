// The head of the page: whether the bench is there, its time, its surroundings, and the way to the keys. Knows the
// store.

import { html, nothing } from "lit";
import { Panel } from "./panel.js";
import { FASTEST, speedsOf, speedText } from "./protocol.js";
import { store, type Topic } from "./store.js";

export class TopBar extends Panel {
  protected readonly topics: readonly Topic[] = ["connection", "bench"];

  protected override render(): unknown {
    const { bench, connected } = store;
    const isAway = !connected && bench !== undefined;
    return html`
      <h1>alertbox <span>bench</span></h1>
      <p id="connection" class="connection" role="status" ?data-away=${isAway}>${
        connected ? "Live" : isAway ? "The bench is not running. This page comes back with it." : "Connecting…"
      }</p>
      ${this.#world()}
      ${this.#time()}
      <fieldset class="switches" aria-label="Surroundings">
        <button id="wifi" class="switch" type="button" role="switch" aria-checked=${bench?.wifiOn ?? true}
          aria-keyshortcuts="w" @click=${() => toggleWiFi()}><span>Wi-Fi</span></button>
        <button id="broker" class="switch" type="button" role="switch" aria-checked=${bench?.brokerOn ?? true}
          aria-keyshortcuts="b" ?disabled=${bench?.brokerOurs === false} @click=${() => toggleBroker()}
          title=${bench?.brokerOurs === false ? "This broker is not the bench's own: stop it where it runs." : ""}
          ><span>Broker</span></button>
        <button id="help" class="round" type="button" aria-label="Keys and help" aria-keyshortcuts="?"
          @click=${() => this.dispatchEvent(new CustomEvent("help", { bubbles: true }))}>?</button>
      </fieldset>`;
  }

  /** Where the boards are, when that is not this computer's network. */
  #world(): unknown {
    const { bench } = store;
    if (bench?.world !== "virtual") return nothing;
    const what = "Nothing in it is real, and the same deeds give the same bytes";
    return html`<p id="world" class="connection" title=${what}>Virtual world</p>${
      bench.visiting
        ? html`<button id="back" class="plain small" type="button"
            @click=${() => store.act({ type: "back" })}>Back to your bench</button>`
        : nothing
    }`;
  }

  #time(): unknown {
    const { speed, paused, world } = store.bench ?? { speed: 1, paused: false, world: "real" };
    return html`<fieldset class="time" aria-label="Time of the boards">
      <div class="choice">
        ${speedsOf({ speed, world }).map(
          (each) => html`<label title=${
            each === FASTEST ? "As fast as it goes" : `${each} of the boards' milliseconds pass in a real one`
          }>
            <input type="radio" name="speed" .checked=${!paused && each === speed}
              @change=${() => store.act({ type: "time", speed: each })}><span>${speedText(each)}</span></label>`,
        )}
        <label title="The boards' time stands still"><input type="radio" name="speed" .checked=${paused}
          @change=${() => store.act({ type: "time", speed: 0 })}><span>Pause</span></label>
      </div>
      <button id="step" class="plain small" type="button" aria-keyshortcuts="." ?disabled=${!paused}
        title="While the time stands still: lets the next thing happen"
        @click=${() => store.act({ type: "step" })}>Step</button>
    </fieldset>`;
  }
}

export function toggleWiFi(): void {
  if (store.bench !== undefined) store.act({ type: "wifi", on: !store.bench.wifiOn });
}

export function toggleBroker(): void {
  if (store.bench?.brokerOurs) store.act({ type: "broker", on: !store.bench.brokerOn });
}

customElements.define("top-bar", TopBar);

// What can be broken on purpose, each a switch with one sentence. Knows the list of faults and the store; that a switch
// is on is what the bench says, not what was clicked.

import { html } from "lit";
import { FAULTS, type FaultName } from "./details.js";
import { Panel } from "./panel.js";
import { store, type Topic } from "./store.js";
import { toggleBroker, toggleWiFi } from "./top-bar.js";

interface Switch {
  readonly name: string;
  readonly title: string;
  readonly text: string;
  readonly isOn: boolean;
  readonly isPossible?: boolean;
  readonly flip: () => void;
}

export class FaultsPanel extends Panel {
  protected readonly topics: readonly Topic[] = ["bench", "board"];

  protected override render(): unknown {
    const { bench, board } = store;
    const name = board === undefined ? "this board" : `AlertBox ${board.view.chipId}`;
    return html`<h2 class="unseen">Faults</h2>
      <div class="faults">
        <section aria-labelledby="faults-home">
          <h3 id="faults-home">In the home, for all boards</h3>
          <ul>
            ${showSwitch({
              name: "no-wifi",
              title: "No Wi-Fi",
              text: "The access point is off: nothing on the air.",
              isOn: bench?.wifiOn === false,
              flip: toggleWiFi,
            })}
            ${showSwitch({
              name: "no-broker",
              title: "Broker down",
              text:
                bench?.brokerOurs === false
                  ? "This broker is not the bench's own: stop it where it runs."
                  : "Nobody listens on the broker's port.",
              isOn: bench?.brokerOn === false,
              isPossible: bench?.brokerOurs !== false,
              flip: toggleBroker,
            })}
            ${this.#scope("home", bench?.faults ?? [])}
          </ul>
        </section>
        <section aria-labelledby="faults-board">
          <h3 id="faults-board">At ${name}</h3>
          <ul>
            ${this.#scope("board", board?.view.faults ?? [])}
            <li class="fault-row">
              <button id="cut-now" class="plain small" type="button" ?disabled=${board === undefined}
                @click=${() => store.act({ type: "blackout", board: store.chosen })}>Cut power now</button>
              <span class="soft about">The supply is gone this instant, and back after a second.</span>
            </li>
          </ul>
        </section>
      </div>`;
  }

  #scope(scope: "home" | "board", on: readonly FaultName[]): unknown {
    return FAULTS.filter((fault) => fault.scope === scope).map(({ name, title, text }) => {
      const isOn = on.includes(name);
      const flip = () =>
        store.act(
          scope === "home"
            ? { type: "fault", fault: name, on: !isOn }
            : { type: "fault", fault: name, on: !isOn, board: store.chosen },
        );
      return showSwitch({ name, title, text, isOn, flip, isPossible: scope === "home" || store.board !== undefined });
    });
  }
}

function showSwitch({ name, title, text, isOn, isPossible = true, flip }: Switch): unknown {
  return html`<li class="fault-row">
    <button id=${`fault-${name}`} class="switch fault" type="button" role="switch" aria-checked=${isOn}
      ?disabled=${!isPossible} aria-describedby=${`about-${name}`} @click=${flip}><span>${title}</span></button>
    <span id=${`about-${name}`} class="soft about">${text}</span>
  </li>`;
}

/** How many faults are on: of the home, and of the chosen board. */
export function faultCount(): number {
  const { bench, board } = store;
  const away = (bench?.wifiOn === false ? 1 : 0) + (bench?.brokerOn === false ? 1 : 0);
  return away + (bench?.faults.length ?? 0) + (board?.view.faults.length ?? 0);
}

customElements.define("faults-panel", FaultsPanel);

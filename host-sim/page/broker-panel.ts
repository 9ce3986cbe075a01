// The broker as one of its clients sees it: its topics as a tree with their retained values, a form to publish, who is
// connected, its own figures, and what it knows of each box. Knows the store; the tree is reckoned in topic-tree.ts.

import { html, nothing, type PropertyValues } from "lit";
import type { TopicView } from "./details.js";
import { Panel } from "./panel.js";
import { rows } from "./rows.js";
import { store, type Topic } from "./store.js";
import { rowsOf, type TopicRow } from "./topic-tree.js";
import { vars } from "./vars.js";

const ROWS = 400;

export class BrokerPanel extends Panel {
  protected readonly topics: readonly Topic[] = ["topics", "broker", "tiles", "connection"];
  /** Topics that the reader has opened or closed. */
  readonly #turned = new Map<string, boolean>();
  #rows: readonly TopicRow[] = [];
  #picked = "";
  #movesFocus = false;

  protected override willUpdate(): void {
    this.#rows = rowsOf(store.topics.values(), this.#turned, ROWS);
  }

  protected override updated(_changed: PropertyValues): void {
    if (!this.#movesFocus) return;
    this.#movesFocus = false;
    this.querySelector<HTMLElement>('[role="treeitem"][tabindex="0"]')?.focus();
  }

  protected override render(): unknown {
    const { connected, trouble } = store.broker;
    return html`<h2 class="unseen">Broker</h2>
      <div class="broker">
        <div class="topics">
          <p class="trouble" role="status" ?hidden=${connected || trouble === ""}
            >The observer is not connected: ${trouble}</p>
          ${
            this.#rows.length === 0
              ? html`<p class="empty">No topic yet: press the button, or publish something here.</p>`
              : this.#tree()
          }
        </div>
        <div class="beside">${this.#value()} ${this.#form()} ${boxes()} ${clients()} ${figures()}</div>
      </div>`;
  }

  #tree(): unknown {
    const focused = this.#rows.some(({ path }) => path === this.#picked) ? this.#picked : this.#rows[0]?.path;
    return html`<ul role="tree" aria-label="Topics" @keydown=${this.#key}>
        ${rows(
          this.#rows,
          ({ path }) => path,
          (row) => this.#row(row, row.path === focused),
        )}
      </ul>
      ${this.#rows.length < ROWS ? nothing : html`<p class="soft">More topics are not shown: close some.</p>`}`;
  }

  #row({ path, name, level, isOpen, below, view }: TopicRow, isFocused: boolean): unknown {
    const branch = below > 0 ? (isOpen ? "▾" : "▸") : "";
    return html`<li role="treeitem" class="topicrow" aria-level=${level} aria-expanded=${below > 0 ? isOpen : nothing}
      aria-selected=${path === this.#picked} tabindex=${isFocused ? 0 : -1} data-topic=${path}
      ${vars({ "--level": level })}
      @click=${() => this.#click(path, below > 0, isOpen)}>
      <span class="branch" aria-hidden="true">${branch}</span><b>${name === "" ? html`<i>empty</i>` : name}</b>
      ${view?.retained ? html`<span class="retained" title="Retained: the broker keeps it">retained</span>` : nothing}
      <span class="value">${view === undefined ? `${below} ${below === 1 ? "topic" : "topics"}` : view.payload}</span>
    </li>`;
  }

  #value(): unknown {
    const view = store.topics.get(this.#picked);
    if (view === undefined) {
      return html`<section class="value-pane">
        <h3>Topic</h3><p class="soft">Pick one on the left to see its value.</p>
      </section>`;
    }
    const { topic, payload, bytes, qos, retained, count } = view;
    const clear = () => store.act({ type: "publish", topic, payload: "", qos: 1, retain: true });
    return html`<section class="value-pane">
      <h3><code>${topic}</code></h3>
      <p class="soft">QoS ${qos}, ${bytes} bytes, ${count} seen${retained ? ", retained" : ""}</p>
      <pre tabindex="0" aria-label="Payload">${pretty(payload)}</pre>
      <p class="actions">
        <button class="plain small" type="button" ?disabled=${!retained} @click=${clear}>Clear retained</button>
        <button class="plain small" type="button" @click=${() => this.#copy(view)}>Into the form</button>
      </p>
    </section>`;
  }

  #form(): unknown {
    return html`<form class="publish" aria-label="Publish" @submit=${this.#publish}>
      <h3>Publish</h3>
      <input id="publish-topic" aria-label="Topic" placeholder="topic" required pattern="[^+#]+"
        title="A topic, without + or #">
      <textarea id="publish-payload" aria-label="Payload to publish" placeholder="payload" rows="2"
        maxlength="30000"></textarea>
      <p class="actions">
        <select id="publish-qos" aria-label="QoS">
          ${[0, 1, 2].map((qos) => html`<option value=${qos}>QoS ${qos}</option>`)}
        </select>
        <label class="check"><input id="publish-retain" type="checkbox"> retain</label>
        <button class="plain small" type="submit">Publish</button>
      </p>
    </form>`;
  }

  #publish(event: SubmitEvent): void {
    event.preventDefault();
    store.act({
      type: "publish",
      topic: this.inside<HTMLInputElement>("publish-topic").value,
      payload: this.inside<HTMLTextAreaElement>("publish-payload").value,
      qos: Number(this.inside<HTMLSelectElement>("publish-qos").value) as 0 | 1 | 2,
      retain: this.inside<HTMLInputElement>("publish-retain").checked,
    });
  }

  #copy({ topic, payload, qos, retained }: TopicView): void {
    this.inside<HTMLInputElement>("publish-topic").value = topic;
    this.inside<HTMLTextAreaElement>("publish-payload").value = payload;
    this.inside<HTMLSelectElement>("publish-qos").value = String(qos);
    this.inside<HTMLInputElement>("publish-retain").checked = retained;
    this.inside("publish-payload").focus();
  }

  #click(path: string, isBranch: boolean, isOpen: boolean): void {
    // A second click on a branch closes or opens it; the first one picks it.
    if (isBranch && (this.#picked === path || !store.topics.has(path))) this.#turned.set(path, !isOpen);
    this.#go(path);
  }

  #go(path: string | undefined): void {
    if (path === undefined) return;
    this.#picked = path;
    this.#movesFocus = true;
    this.requestUpdate();
  }

  /** The keys of a tree after WAI-ARIA. */
  #key(event: KeyboardEvent): void {
    const here = this.#rows.findIndex(({ path }) => path === (event.target as HTMLElement).dataset["topic"]);
    const row = this.#rows[here];
    if (row === undefined) return;
    const to = (index: number) => this.#go(this.#rows[Math.min(this.#rows.length - 1, Math.max(0, index))]?.path);
    const parent = this.#rows.slice(0, here).findLastIndex(({ level }) => level < row.level);
    const keys: Readonly<Record<string, () => void>> = {
      ArrowDown: () => to(here + 1),
      ArrowUp: () => to(here - 1),
      Home: () => to(0),
      End: () => to(this.#rows.length - 1),
      ArrowRight: () => (row.isOpen || row.below === 0 ? to(here + (row.isOpen ? 1 : 0)) : this.#turn(row.path, true)),
      ArrowLeft: () => (row.isOpen ? this.#turn(row.path, false) : to(parent < 0 ? here : parent)),
      Enter: () => this.#turn(row.path, !row.isOpen),
      " ": () => to(here),
    };
    const act = Object.hasOwn(keys, event.key) ? keys[event.key] : undefined;
    if (act === undefined) return;
    event.preventDefault();
    act();
  }

  #turn(path: string, open: boolean): void {
    this.#turned.set(path, open);
    this.#go(path);
  }
}

function pretty(payload: string): string {
  try {
    return JSON.stringify(JSON.parse(payload), null, 2);
  } catch (error) {
    if (error instanceof SyntaxError) return payload;
    throw error;
  }
}

function boxes(): unknown {
  const views = [...store.boards.values()].map(({ view }) => view);
  return html`<section><h3>Boxes</h3><table class="boxes">
    <tbody>${views.slice(0, 60).map(
      ({ chipId, presence, root }) => html`<tr><th scope="row">${chipId}</th>
        <td><span class="badge" data-presence=${presence}>${presence || "unknown"}</span></td>
        <td><code>${root}</code></td></tr>`,
    )}</tbody>
  </table></section>`;
}

function clients(): unknown {
  const { clients: all } = store.broker;
  return html`<section><h3>Clients ${all === undefined ? "" : `(${all.length})`}</h3>
    ${
      all === undefined
        ? html`<p class="soft">Only the bench's own broker tells who is connected.</p>`
        : html`<table><tbody>${all.slice(0, 60).map(
            ({
              id,
              clean,
              since,
            }) => html`<tr><th scope="row"><code>${id}</code></th><td>${clean ? "clean" : "session kept"}</td>
                <td class="number">since ${(since / 1000).toFixed(1)} s</td></tr>`,
          )}</tbody></table>`
    }</section>`;
}

function figures(): unknown {
  const { sys } = store.broker;
  return html`<section><h3>$SYS</h3>
    ${
      sys.length === 0
        ? html`<p class="soft">This broker says nothing under $SYS.</p>`
        : html`<table><tbody>${sys.map(
            ([topic, value]) =>
              html`<tr><th scope="row"><code>${topic.replace(/^\$SYS\//, "")}</code></th>
                <td class="number">${value}</td></tr>`,
          )}</tbody></table>`
    }</section>`;
}

customElements.define("broker-panel", BrokerPanel);

// The packets of the chosen board's connections, oldest first, as a table of which only the rows in sight exist. The
// newest are followed while the reader is at the end. Knows the store; what is filtered and how is in packet-filter.ts.

import { html, nothing } from "lit";
import type { PacketView } from "./details.js";
import { dump, fits, KINDS, type Kind } from "./packet-filter.js";
import { Panel } from "./panel.js";
import { rows } from "./rows.js";
import { store, type Topic } from "./store.js";
import { vars } from "./vars.js";

/** Pixels; style/packets.css has the same number. */
const ROW = 24;
/** Rows drawn above and below what is seen. */
const SPARE = 6;

export class PacketsPanel extends Panel {
  protected readonly topics: readonly Topic[] = ["packets"];
  readonly #kinds = new Set<Kind>();
  #withPings = false;
  #text = "";
  /** Id of the packet that the reader has picked. */
  #picked: number | undefined;
  #rows: readonly PacketView[] = [];
  /** True while the reader is at the end of the list: it then stays there. */
  #follows = true;
  /** Id of the packet at the upper edge, so that it stays there when older ones are dropped. */
  #anchor = 0;
  #top = 0;
  #height = 300;
  /** The place in the list has changed, and it has to be scrolled there. */
  #moves = false;
  /** Tells after the layout of a frame, when sizes can be asked for without another one. */
  readonly #sizes = new ResizeObserver(() => this.#measure());
  #observed: Element | undefined;

  protected override willUpdate(): void {
    const wish = { kinds: this.#kinds, withPings: this.#withPings, text: this.#text };
    this.#rows = store.board?.packets.filter((packet) => fits(packet, wish)) ?? [];
    const end = Math.max(0, this.#rows.length * ROW - this.#height);
    if (this.#follows) {
      this.#top = end;
      return;
    }
    const anchor = this.#rows.findIndex(({ id }) => id >= this.#anchor);
    const top = anchor < 0 ? this.#top : anchor * ROW + (this.#top % ROW);
    this.#moves ||= top !== this.#top;
    this.#top = top;
  }

  protected override updated(): void {
    const list = this.querySelector<HTMLElement>(".packetlist");
    if (list !== null && list !== this.#observed) {
      this.#sizes.disconnect();
      this.#sizes.observe(list);
      this.#sizes.observe(this.inside("packet-room"));
    }
    this.#observed = list ?? undefined;
    if (!this.#moves || list === null) return;
    this.#moves = false;
    list.scrollTop = this.#top;
  }

  /** The list or what is in it has another size. */
  #measure(): void {
    const list = this.querySelector<HTMLElement>(".packetlist");
    if (list === null || list.clientHeight === 0) return;
    if (list.clientHeight !== this.#height) {
      this.#height = list.clientHeight;
      this.requestUpdate();
    }
    if (this.#follows) list.scrollTop = list.scrollHeight;
  }

  protected override render(): unknown {
    const packets = store.board?.packets ?? [];
    const picked = packets.find(({ id }) => id === this.#picked);
    return html`<h2 class="unseen">Packets</h2>
      <div class="tools">${this.#tools()}</div>
      ${
        packets.length === 0
          ? html`<p class="empty">
              No packet yet. Press the button, or reset the board: it connects and says so here.
            </p>`
          : html`<div class="packets" ?data-picked=${picked !== undefined}>
              ${this.#list()} ${picked === undefined ? nothing : this.#detail(picked)}
            </div>`
      }`;
  }

  #tools(): unknown {
    const flip = (kind: Kind) => {
      if (!this.#kinds.delete(kind)) this.#kinds.add(kind);
      this.requestUpdate();
    };
    const pings = (event: Event) => {
      this.#withPings = !(event.target as HTMLInputElement).checked;
      this.requestUpdate();
    };
    const type = (event: Event) => {
      this.#text = (event.target as HTMLInputElement).value.trim();
      this.requestUpdate();
    };
    return html`
      <input id="packet-text" type="search" placeholder="Filter" aria-label="Filter by text" @input=${type}>
      ${KINDS.map(
        ({ name, title }) => html`<button class="chip" type="button" aria-pressed=${this.#kinds.has(name)}
          @click=${() => flip(name)}>${title}</button>`,
      )}
      <label class="check">
        <input id="no-pings" type="checkbox" .checked=${!this.#withPings} @change=${pings}> Hide pings</label>
      <a class="last" href="/alertbox.pcap" download>Save as pcap</a>`;
  }

  #list(): unknown {
    const first = Math.max(0, Math.floor(this.#top / ROW) - SPARE);
    const last = Math.min(this.#rows.length, Math.ceil((this.#top + this.#height) / ROW) + SPARE);
    const isPickedSeen = this.#rows.slice(first, last).some(({ id }) => id === this.#picked);
    const heads = ["time", "", "type", "QoS", "flags", "id", "topic", "payload"];
    return html`<div class="packetlist" role="grid" tabindex="0" aria-label="Packets"
      aria-rowcount=${this.#rows.length + 1}
      aria-activedescendant=${isPickedSeen ? `packet-${this.#picked}` : nothing}
      @scroll=${this.#scrolled} @keydown=${this.#key}>
      <div class="packet head" role="row" aria-rowindex="1">
        ${heads.map(
          (head) => html`<span role="columnheader">${head || html`<span class="unseen">direction</span>`}</span>`,
        )}
      </div>
      <div id="packet-room" class="room" role="rowgroup" ${vars({ "--room": `${this.#rows.length * ROW}px` })}>
        <div class="window" role="presentation" ${vars({ "--top": `${first * ROW}px` })}>
          ${rows(
            this.#rows.slice(first, last),
            ({ id }) => id,
            (packet, index) => this.#row(packet, first + index),
          )}
        </div>
      </div>
      ${
        this.#rows.length > 0
          ? nothing
          : html`<div role="row"><p class="empty" role="gridcell">No packet fits the filter.</p></div>`
      }
    </div>`;
  }

  #row(packet: PacketView, index: number): unknown {
    const { id, at, direction, type, qos, retain, dup, packetId, topic, detail, breach } = packet;
    const cell = (name: string, text: unknown) => html`<span role="gridcell" class=${name}>${text}</span>`;
    const arrow = html`<span aria-hidden="true">${direction === "up" ? "↑" : "↓"}</span>`;
    return html`<div id=${`packet-${id}`} class="packet" role="row" aria-rowindex=${index + 2}
      aria-selected=${id === this.#picked}
      data-direction=${direction} data-type=${type} ?data-breach=${breach !== undefined} @click=${() => this.#pick(id)}>
      ${cell("number", (at / 1000).toFixed(3).padStart(9, "\u2007"))}
      ${cell("direction", html`${arrow}<span class="unseen">${direction}</span>`)}
      ${cell("type", type)} ${cell("number", qos ?? "")}
      ${cell("flags", `${retain ? "retain " : ""}${dup ? "DUP" : ""}`)} ${cell("id", packetId ?? "")}
      ${cell("topic", topic)}
      ${cell("payload", breach === undefined ? detail : `${breach.statement}: ${breach.detail}`)}
    </div>`;
  }

  #detail(packet: PacketView): unknown {
    const { type, direction, length, connection, hex, breach, topic, detail } = packet;
    const shown = hex === "" ? 0 : hex.split(" ").length;
    return html`<div class="detail-pane" role="region" aria-label="The packet that is picked" tabindex="0">
      <p class="headline"><b>${type}</b>
        <span class="soft">${direction === "up" ? "from" : "to"} the board, ${length} bytes,
          connection ${connection}</span>
        <button class="plain small" type="button" aria-label="Close the packet"
          @click=${() => this.#pick(undefined)}>Close</button></p>
      ${breach === undefined ? nothing : html`<p class="breach"><b>[${breach.statement}]</b> ${breach.detail}</p>`}
      ${topic === "" ? nothing : html`<p><code>${topic}</code></p>`}
      ${detail === "" ? nothing : html`<p class="said-payload">${detail}</p>`}
      <pre>${dump(hex)}</pre>
      ${shown < length ? html`<p class="soft">The first ${shown} bytes.</p>` : nothing}
    </div>`;
  }

  #pick(id: number | undefined): void {
    this.#picked = id;
    if (id === undefined) this.querySelector<HTMLElement>(".packetlist")?.focus();
    this.requestUpdate();
  }

  #scrolled(event: Event): void {
    const list = event.currentTarget as HTMLElement;
    this.#top = list.scrollTop;
    this.#follows = list.scrollTop + list.clientHeight >= list.scrollHeight - ROW;
    this.#anchor = this.#rows[Math.floor(this.#top / ROW)]?.id ?? 0;
    this.requestUpdate();
  }

  #key(event: KeyboardEvent): void {
    const here = this.#rows.findIndex(({ id }) => id === this.#picked);
    const end = this.#rows.length - 1;
    const page = Math.max(1, Math.floor(this.#height / ROW) - 2);
    const from = here < 0 ? end + 1 : here;
    const next = {
      ArrowDown: here + 1,
      ArrowUp: from - 1,
      Home: 0,
      End: end,
      PageDown: here + page,
      PageUp: from - page,
    }[event.key];
    if (event.key === "Escape") this.#pick(undefined);
    if (next === undefined || end < 0) return;
    event.preventDefault();
    const index = Math.min(end, Math.max(0, next));
    this.#picked = this.#rows[index]?.id;
    this.#show(index);
    this.requestUpdate();
  }

  /** Scrolls so far that the row is seen. */
  #show(index: number): void {
    const above = index * ROW;
    const below = above + 2 * ROW - this.#height;
    this.#follows = index === this.#rows.length - 1;
    this.#moves = true;
    if (this.#top > above) this.#top = above;
    else if (this.#top < below) this.#top = below;
    this.#anchor = this.#rows[Math.floor(this.#top / ROW)]?.id ?? 0;
  }
}

customElements.define("packets-panel", PacketsPanel);

// The memory of the chosen board: journal records with their status bits, settings slots, RTC words, and what of the
// MQTT client's budget is in use. Knows the store.

import { html, nothing } from "lit";
import type { BudgetView, MemoryView, RecordView } from "./details.js";
import { Panel } from "./panel.js";
import { store, type Topic } from "./store.js";
import { vars } from "./vars.js";

/** Rows of the journal that are drawn: the newest. A sector holds more, and they are done. */
const RECORDS = 60;

const STATUS_WORDS = Object.freeze({
  queued: "queued: not yet at the broker",
  received: "received: PUBREC has come",
  done: "done: delivered",
  torn: "torn: its write was cut, it is skipped",
  base: "base: carries the press count over",
} as const);

export class MemoryPanel extends Panel {
  protected readonly topics: readonly Topic[] = ["memory"];

  protected override render(): unknown {
    const memory = store.board?.memory;
    return html`<h2 class="unseen">Memory</h2>
      ${
        memory === undefined
          ? html`<p class="empty">
              Nothing read yet: the memory is shown when the board has written to its flash. Press the button.
            </p>`
          : html`<div class="memory">${journal(memory)}
              <div class="beside">${budget(memory)} ${slots(memory)} ${rtc(memory)}</div></div>`
      }`;
  }
}

function journal({ records, journalUsed, journalSize, erases, writes }: MemoryView): unknown {
  const newest = [...records].reverse().slice(0, RECORDS);
  return html`<section tabindex="0" aria-label="Journal">
    <h3>Journal
      <span class="soft">${`${journalUsed} of ${journalSize} bytes; ${writes} writes, ${erases} erases`}</span></h3>
    <span class="gauge" aria-hidden="true"><i ${vars({ "--share": journalUsed / Math.max(1, journalSize) })}></i></span>
    ${
      newest.length === 0
        ? html`<p class="empty">
            The journal is empty: press the button, and its record comes before anything else happens.
          </p>`
        : html`<table class="records">
            <thead><tr>
              ${["alert", "status", "bits", "place", "kind"].map((head) => html`<th scope="col">${head}</th>`)}
            </tr></thead>
            <tbody>${newest.map(record)}</tbody>
          </table>`
    }
    ${records.length > RECORDS ? html`<p class="soft">And ${records.length - RECORDS} older records.</p>` : nothing}
  </section>`;
}

function record({ id, sequence, sector, offset, bits, status, text }: RecordView): unknown {
  return html`<tr data-status=${status}>
    <th scope="row">${id || sequence}</th>
    <td><span class="status" data-status=${status} title=${STATUS_WORDS[status]}>${status}</span></td>
    <td><code>${bits}</code></td>
    <td class="number">${sector}, 0x${offset.toString(16)}</td>
    <td class="soft">${text}</td>
  </tr>`;
}

function budget({ budget: all }: MemoryView): unknown {
  return html`<section><h3>Budget of the MQTT client</h3><ul>${all.map(limit)}</ul></section>`;
}

function limit({ name, used, limit: most, unit }: BudgetView): unknown {
  return html`<li class="limit"><span>${name}</span>
    <span class="gauge" aria-hidden="true"><i ${vars({ "--share": used / Math.max(1, most) })}></i></span>
    <span class="number">${`${used} of ${most} ${unit}`}</span></li>`;
}

function slots({ slots: all }: MemoryView): unknown {
  return html`<section><h3>Settings</h3><ul>${all.map(
    ({ slot, state, inForce, generation, text }) => html`<li class="slot" ?data-in-force=${inForce}>
      <b>slot ${slot}</b>
      <span class="status" data-status=${inForce ? "done" : state}>${inForce ? "in force" : state}</span>
      ${generation === undefined ? nothing : html`<span class="soft">generation ${generation}</span>`}
      <span class="text">${text}</span></li>`,
  )}</ul></section>`;
}

function rtc({ rtc: words }: MemoryView): unknown {
  return html`<section><h3>RTC memory</h3>
    ${
      words.length === 0
        ? html`<p class="soft">Nothing in use.</p>`
        : html`<table><tbody>${words.map(
            ({ index, value, meaning }) => html`<tr><th scope="row" class="number">${index}</th>
              <td><code>${(value >>> 0).toString(16).padStart(8, "0")}</code></td>
              <td class="soft">${meaning}</td></tr>`,
          )}</tbody></table>`
    }</section>`;
}

customElements.define("memory-panel", MemoryPanel);

// The post: alerts out of the journal to the session, what the session says of them back to journal and box, commands
// in, and what of all this, and of the settings, is written to flash. Pure: flash comes as an interface, instants as
// arguments. It decides nothing; main.ts builds on it.

import type { Flash } from "./flash.js";
import type { Journal } from "./journal.js";
import type { Outbox, Publisher } from "./outbox.js";
import type { Settings } from "./settings.js";
import { SettingsStore } from "./settings-store.js";
import { topicOf } from "./topics.js";
import { Turns } from "./turns.js";

export abstract class Post extends Turns {
  protected abstract readonly outbox: Outbox;
  protected abstract readonly journal: Journal;
  protected abstract settings: Settings | undefined;
  protected abstract readonly flash: Flash;
  /** Settings are being saved, step by step. */
  private saving: SettingsStore | undefined;

  /** A line of the serial log. */
  protected abstract log(word: string, detail: string): void;

  /**
   * Hands the session what it has room for, a step in each turn. `rssi` in dBm; `failuresBefore`: attempts that failed
   * in earlier boots.
   */
  protected deliver(session: Publisher | undefined, rssi: number, failuresBefore: number, now: number): void {
    if (session === undefined) return;
    const circumstances = {
      box: this.box,
      topic: topicOf(this.root, "alert"),
      rssi,
      failures: this.box.failures,
      failuresBefore,
    };
    const step = this.outbox.handOver(session, circumstances, now);
    if (step === 0) return;
    // What follows has a turn of its own.
    this.performed -= 1;
    if (step === 2) this.busy = 2;
  }

  onReceived(id: number): void {
    const sequence = this.outbox.sequenceOf(id);
    // Written down before PUBREL leaves. Not by the outbox: the session stands below this, and the stack is short.
    if (sequence !== 0 && this.journal.received(sequence)) this.note({ type: 13 /* received */, sequence });
  }

  onDelivered(id: number, type: number): void {
    const sequence = this.outbox.delivered(id);
    const isAlert = sequence !== 0 && this.journal.done(sequence);
    if (isAlert && type === 4 /* PUBACK */) this.log("granted", "QoS 1: this broker may deliver twice");
    if (!isAlert) this.uplink.acknowledged(id);
    this.note(isAlert ? { type: 14 /* delivered */, sequence } : { type: 16 /* acknowledged */ });
  }

  onSubscribed(_: number, codes: readonly number[]): void {
    this.note({ type: 15 /* subscribed */, refused: codes[0] === 128 });
  }

  onUnsubscribed(): void {}

  protected onCommand(name: string, text: string | undefined, why: string): void {
    // Empty is our own clearing of a command; to a convention it may be a question.
    if (name === "" || (text === "" && name !== "light")) return;
    // What is dropped comes again if it is retained.
    if (this.crowded) {
      this.log("command-dropped", `cmd/${name}: too many at once`);
      return;
    }
    this.note({ type: 17 /* command */, name, text, why });
  }

  onFlushed(_ok: boolean): void {
    this.note({ type: 18 /* flushed */ });
  }

  /**
   * Writes to flash: 0 an alert (`subject` is its event), 1 settings (`subject`), 2 no settings, 3 and 4 whether the
   * session has to be cleaned (it has, it was), 5 no alerts, 6 the mark of an introduction (`subject`).
   * Worn flash must not become a crash at each boot: it is said, and the box goes on.
   *
   * @returns a text that says why it failed, else a number: the alert's sequence, 0 when the journal is full; of
   * settings 1 when there is more to do: call again then.
   */
  protected writeFlash(what: 0 | 1 | 2 | 3 | 4 | 5 | 6, subject?: Settings | number, millivolts = 0): string | number {
    const { journal } = this;
    try {
      switch (what) {
        case 0:
          return journal.append(subject as number, millivolts);
        case 1:
          if (this.saving === undefined) {
            this.saving = this.store;
            this.saving.begin(subject as Settings);
          }
          if (this.saving.step()) return 1;
          this.saving = undefined;
          break;
        case 2:
          this.store.erase();
          break;
        case 3:
          journal.requireCleanSession();
          break;
        case 4:
          journal.sessionCleaned();
          break;
        case 5:
          journal.eraseAlerts();
          break;
        case 6:
          this.store.append(subject as number);
          break;
      }
      return 0;
    } catch (error) {
      this.saving = undefined;
      this.log("flash-failed", String(error));
      return String(error);
    }
  }

  protected storeAlert(event: number, millivolts: number, now: number): void {
    const sequence = this.writeFlash(0, event, millivolts);
    if (typeof sequence === "string" || sequence === 0) {
      this.tell({ type: 4 /* not-stored */, why: sequence === 0 ? "the journal is full" : sequence });
      return;
    }
    this.outbox.pressed(sequence, now, this.box.failures);
    this.tell({ type: 3 /* stored */, sequence, pending: this.journal.pending });
  }

  /** Made for each use: it keeps nothing. */
  protected get store(): SettingsStore {
    return new SettingsStore(this.flash, 2);
  }

  /** The topics' root; asked for only while there are settings. */
  protected get root(): string {
    return (this.settings as Settings).root;
  }
}

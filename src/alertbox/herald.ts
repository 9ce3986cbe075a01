// The herald: what the box tells of itself beside its alerts (presence, LED, state, gestures, an introduction), in the
// words of the convention that was chosen. Pure: the way to the broker comes as an interface. It decides nothing;
// main.ts builds on it.

import type { Message, Subscription, Will } from "../mqtt/session.js";
import {
  figureTold,
  gestureTold,
  introductionTopic,
  isLightCommand,
  lightCommands,
  lightTold,
  presenceText,
  presenceTopic,
  retainedTopic,
  type Told,
} from "./convention.js";
import { Discovery } from "./home-assistant.js";
import { Description } from "./homie.js";
import { type Introduction, introductionMark } from "./introduction.js";
import { Post } from "./post.js";
import { CONVENTIONS, type Settings } from "./settings.js";
import type { SettingsStore } from "./settings-store.js";
import { commandOf, type Presence, type StateFacts, statePayload, topicOf } from "./topics.js";
import type { Outlet } from "./turns.js";

/** Version of the firmware, as the box tells it. */
export const FIRMWARE = "1.0.0";

/** Where announcements go. */
export interface Announcer extends Outlet {
  /** The announcement whose end matters; its packet id, 0 before it has one, -1 once acknowledged. */
  watched: Message | undefined;
  watchedId: number;
  readonly waits: boolean;
  /** Whether something that was to be said would be cut off by a DISCONNECT now. */
  readonly isCutOff: boolean;
  announce(topic: string, payload: Message["payload"], isRetained: boolean): Message;
}

/** An introduction under way, from its first step until it has arrived. */
interface Telling {
  /** Its mark, 0 when that is kept already. */
  readonly mark: number;
  /** It rises with each change of settings, and with a factory reset, behind which their count begins anew. */
  readonly version: number;
  /** Where taking back is: 8 topics for each convention; from bit 8 on those that may have something retained. */
  taking: number;
  /** The last topic that was taken back. */
  taken: Message | undefined;
  /** While it is measured. */
  introduction: Introduction | undefined;
}

export abstract class Herald extends Post {
  protected abstract override readonly uplink: Announcer;
  /** As its place among CONVENTIONS: of the settings that the connection was made with. */
  private convention = 0;
  /** Those before, while settings that were built in leave no place for that in flash: a bit for each. */
  private former = 0;
  /** The next of a state's figures. */
  private figured = 0;
  private telling: Telling | undefined;

  /** What a broker is to tell when the box is gone without a word. Asked for before each first connection. */
  protected will(): Will {
    const { chipId } = this.box;
    const convention = CONVENTIONS.indexOf((this.settings as Settings).convention);
    this.convention = convention;
    return {
      topic: presenceTopic(convention, this.root, chipId),
      payload: presenceText(convention, "lost", chipId, FIRMWARE),
      qos: 1,
      retain: true,
    };
  }

  /** What the box listens to. A sleeper's LED is dark: it takes no commands for it but its own. */
  protected filters(qos: 0 | 1): readonly Subscription[] {
    const own = { topic: topicOf(this.root, "cmd/+"), qos };
    if (this.convention < 2 || this.settings?.mode === "battery") return [own];
    return [own, { topic: lightCommands(this.convention, this.box.chipId), qos }];
  }

  /** The name of the command that came under a topic; "" for none. */
  protected nameOf(topic: string): string {
    const name = commandOf(this.root, topic);
    if (name !== "") return name;
    return isLightCommand(this.convention, this.box.chipId, topic) ? "light" : "";
  }

  protected tellPresence(presence: Presence): void {
    const { chipId } = this.box;
    const { convention } = this;
    this.announce(presenceTopic(convention, this.root, chipId), presenceText(convention, presence, chipId, FIRMWARE));
  }

  protected tellLight(isLit: boolean): void {
    // A sleeper of Homie has no LED in its description.
    if (this.convention === 2 && this.settings?.mode === "battery") return;
    this.relay(lightTold(this.convention, this.root, this.box.chipId, isLit));
  }

  protected tellGesture(sequence: number): void {
    this.relay(gestureTold(this.convention, this.box.chipId, this.outbox.eventOf(sequence)));
  }

  /** Tells the state, or the next of the figures behind it; true when there is more. */
  protected tellState(facts: StateFacts): boolean {
    const { figured } = this;
    const told = figureTold(this.convention, figured, this.box.chipId, facts);
    if (figured === 0) this.announce(topicOf(this.root, "state"), statePayload(facts, this.flash));
    this.relay(told);
    this.figured = told === undefined ? 0 : figured + 1;
    return told !== undefined;
  }

  /**
   * Introduces the box, or takes back what was said of it; true when there is more to do. `anew`: also when nothing has
   * changed.
   */
  protected introduce(anew: boolean): boolean {
    const { uplink } = this;
    // It may be on its way since the connection before.
    if (uplink.watched === undefined && this.isIntroducing(anew)) return true;
    if (this.convention === 2 /* homie */) this.tellPresence("ready");
    return false;
  }

  private isIntroducing(anew: boolean): boolean {
    const { telling, uplink, convention } = this;
    const { chipId } = this.box;
    if (telling === undefined) return this.begins(anew);
    const { introduction } = telling;
    if (introduction === undefined) {
      const topic = this.nextTaken(telling);
      if (topic !== undefined) {
        telling.taken = this.announce(topic, undefined);
        return true;
      }
      if (convention === 0 || convention === 2) {
        const settings = this.settings as Settings;
        telling.introduction =
          convention === 0
            ? new Discovery(settings, chipId, FIRMWARE, this.flash)
            : new Description(settings, chipId, telling.version);
        return true;
      }
      uplink.watched = telling.taken;
      if (telling.taken === undefined) this.arrived();
    } else if (introduction.step()) return true;
    else uplink.watched = this.announce(introductionTopic(convention, chipId), introduction);
    return false;
  }

  /** Whether there is anything to say. */
  private begins(anew: boolean): boolean {
    const settings = this.settings as Settings;
    const { store } = this;
    const mark = introductionMark(settings, this.box.chipId, FIRMWARE, this.flash);
    const isMarked = store.isMarked(mark);
    if (isMarked && !anew) return false;
    this.telling = {
      mark: isMarked ? 0 : mark,
      version: this.journal.generation * 65536 + store.generation,
      taking: ((formerOf(store) | this.former) << 8) | (isMarked ? 32 : 0),
      taken: undefined,
      introduction: undefined,
    };
    return true;
  }

  /** The next topic to be taken back, if there is one. */
  private nextTaken(telling: Telling): string | undefined {
    const { convention } = this;
    while ((telling.taking & 32) === 0) {
      const { taking } = telling;
      const former = (taking >> 3) & 3;
      const at = taking & 7;
      const isMeant = ((taking >> (8 + former)) & 1) !== 0;
      const topic = isMeant ? retainedTopic(former, at, this.root, this.box.chipId) : undefined;
      telling.taking = topic === undefined ? (taking | 7) + 1 : taking + 1;
      // Of its own convention only the LED of a box that sleeps now. Two of them have presence and LED in common.
      const isKept =
        former === convention
          ? at < 4 || this.settings?.mode !== "battery"
          : at < 2 && former < 2 && (convention < 2 || (former === 1 && (taking & 256) !== 0));
      if (topic !== undefined && !isKept) return topic;
    }
    return undefined;
  }

  /**
   * Other settings may have another convention, and another broker. From now on its broker may tell a will of theirs,
   * whatever becomes of them.
   */
  protected forgetIntroduction(settings: Settings): void {
    this.telling = undefined;
    const { store } = this;
    const convention = CONVENTIONS.indexOf(settings.convention);
    if (this.settings === undefined || settings.convention === this.settings.convention) return;
    this.former |= (1 << this.convention) | (1 << convention);
    store.isMarked(0);
    this.writeFlash(6, formerOf(store) | this.former);
  }

  /** What was told may be lost: it is told again, also when the power fails before. */
  protected disown(): void {
    const { store } = this;
    store.isMarked(0);
    if (store.former >> 4 !== 0) this.writeFlash(6, formerOf(store));
  }

  /** Goes on with announcements that wait, and notes when the introduction has arrived. */
  protected goOn(): void {
    const { uplink } = this;
    this.announcing = uplink.waits;
    if (uplink.watchedId >= 0) return;
    uplink.watched = undefined;
    uplink.watchedId = 0;
    this.arrived();
  }

  override onFlushed(ok: boolean): void {
    // The box asks again with each acknowledgement: what waits for a place belongs to a farewell, too.
    if (!ok || !this.uplink.isCutOff || !this.box.isLeaving) super.onFlushed(ok);
  }

  private arrived(): void {
    const mark = this.telling?.mark ?? 0;
    this.telling = undefined;
    this.former = 0;
    if (mark !== 0) this.writeFlash(6, mark);
  }

  private relay(told: Told | undefined): void {
    if (told !== undefined) this.announce(told.topic, told.payload, told.isRetained);
  }

  /** Without a payload it clears the topic. Without a place for it, it waits for one. */
  protected announce(topic: string, payload: Message["payload"], isRetained = true): Message {
    this.announcing = true;
    return this.uplink.announce(topic, payload, isRetained);
  }
}

/** Of the mark that was read last. Without one it may have been Home Assistant. */
function formerOf({ former }: SettingsStore): number {
  return former === 0 ? 1 : former & 15;
}

// The post of a box with a journal in a model flash: what is stored, handed over, received, delivered and heard, and
// what the box is told of it. A test is the session and the flash that may be worn.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Box } from "../../src/alertbox/alertbox.js";
import { Button } from "../../src/alertbox/button.js";
import type { BoxEvent, Effect } from "../../src/alertbox/effect.js";
import { FIRST_SESSION_ID, Journal } from "../../src/alertbox/journal.js";
import { Outbox } from "../../src/alertbox/outbox.js";
import { Post } from "../../src/alertbox/post.js";
import type { Settings } from "../../src/alertbox/settings.js";
import { SettingsStore } from "../../src/alertbox/settings-store.js";
import type { Message } from "../../src/mqtt/session.js";
import { boxOf, CHIP, settingsOf } from "./box-rig.js";
import { Nor } from "./nor.js";

class Office extends Post {
  protected readonly box: Box;
  protected readonly button = new Button(false);
  readonly flash: Nor;
  readonly journal: Journal;
  protected readonly outbox: Outbox;
  protected settings: Settings | undefined = settingsOf();
  protected readonly light = { set: () => {} };
  protected readonly alarm = { set: () => {}, wait: () => {} };
  protected readonly uplink = {
    pump: () => {},
    announceNext: () => false,
    acknowledged: (id: number) => this.acknowledged.push(id),
  };
  /** Packets that were no alert. */
  readonly acknowledged: number[] = [];
  protected readonly quick = 0;
  /** What the box was told, and the lines of the log. */
  readonly told: BoxEvent[] = [];
  readonly logged: string[] = [];
  readonly published: Message[] = [];
  readonly session = {
    publish: (message: Message) => this.published.push(message),
    release: (id: number) => id,
  };
  isCrowded = false;

  constructor(flash = new Nor({ sectors: 4 })) {
    super(0);
    this.flash = flash;
    this.journal = new Journal(flash, 0, "reject");
    this.journal.open(40146);
    this.outbox = new Outbox(this.journal, 0);
    this.box = boxOf({ settings: this.settings, life: this.journal.life });
  }

  protected forget(): void {}
  protected act(_: Effect): void {}
  protected log(word: string, detail: string): void {
    this.logged.push(`${word} ${detail}`);
  }
  protected override note(event: BoxEvent): void {
    this.told.push(event);
  }
  protected override tell(event: BoxEvent): void {
    this.told.push(event);
  }
  protected override get crowded(): boolean {
    return this.isCrowded;
  }

  press(event = 0, now = 0): this {
    this.storeAlert(event, 3012, now);
    return this;
  }

  /** A step of handing over: whether it is to be called again, and whether something is to leave. */
  handOver(now = 0): { again: boolean; leaves: boolean } {
    this.performed = 1;
    this.busy = 0;
    this.deliver(this.session, -61, 0, now);
    return { again: this.performed === 0, leaves: (this.busy as number) === 2 };
  }

  withoutSession(): boolean {
    this.performed = 1;
    this.deliver(undefined, -61, 0, 0);
    return this.performed === 1;
  }

  write(what: 1 | 2 | 3 | 4 | 5, settings?: Settings): string | number {
    return this.writeFlash(what, settings);
  }

  hear(name: string, text: string | undefined, why = ""): void {
    this.onCommand(name, text, why);
  }

  get topics(): string {
    return this.root;
  }

  /** The settings that are kept. */
  get kept(): Settings | undefined {
    return new SettingsStore(this.flash, 2).load(CHIP);
  }
}

describe("post: alerts out", () => {
  it("a press is in the journal before the box hears of it", () => {
    const office = new Office().press(0, 100);
    assert.deepEqual(office.told, [{ type: 3, sequence: 1, pending: 1 }]);
    const again = new Journal(office.flash, 0, "reject");
    again.open(7);
    assert.deepEqual([again.pending, again.first()?.millivolts], [1, 3012]);
  });

  it("one that the full journal refuses, and one that worn flash does not keep, are told as not stored", () => {
    const full = new Office();
    while (full.journal.pending < full.journal.capacity) full.journal.append(0, 3000);
    full.press();
    assert.deepEqual(full.told, [{ type: 4, why: "the journal is full" }]);
    assert.deepEqual(full.logged, []);
    const flash = new Nor({ sectors: 4 });
    const worn = new Office(flash);
    flash.deadSectors.add(0).add(1);
    worn.press();
    const [told] = worn.told;
    assert.ok(told?.type === 4 && /worn out/.test(told.why));
    assert.deepEqual(worn.logged, [`flash-failed ${told.why}`], "said, and the box goes on");
  });

  it("is handed over in two steps, each of which asks for a turn of its own; the second leaves", () => {
    const office = new Office().press(0, 100);
    assert.deepEqual(office.handOver(842), { again: true, leaves: false });
    assert.deepEqual(office.handOver(842), { again: true, leaves: true });
    assert.deepEqual(office.handOver(842), { again: false, leaves: false });
    const [message] = office.published;
    assert.equal(message?.topic, `${office.topics}/alert`);
    assert.deepEqual(JSON.parse(String(message?.payload)), {
      pushes: 1,
      event: "press",
      id: `${CHIP}-1-40146`,
      vcc: 3012,
      rssi: -61,
      ms: 742,
      try: 1,
    });
    assert.ok(office.withoutSession());
  });

  it("PUBREC is in the journal when onReceived returns; PUBCOMP makes it done; the box hears of both", () => {
    const office = new Office().press();
    office.onReceived(1);
    assert.equal(office.journal.first()?.status, 1);
    office.onDelivered(1, 7);
    assert.equal(office.journal.pending, 0);
    assert.deepEqual(office.told.slice(1), [
      { type: 13, sequence: 1 },
      { type: 14, sequence: 1 },
    ]);
    assert.deepEqual(office.logged, []);
  });

  it("packets of the session's own are no alerts, and an alert that is not known changes nothing", () => {
    const office = new Office().press();
    office.onReceived(FIRST_SESSION_ID);
    office.onReceived(2);
    assert.equal(office.told.length, 1);
    office.onDelivered(FIRST_SESSION_ID, 4);
    office.onDelivered(2, 7);
    assert.deepEqual(office.told.slice(1), [{ type: 16 }, { type: 16 }]);
    assert.deepEqual(office.acknowledged, [FIRST_SESSION_ID, 2]);
    assert.equal(office.journal.pending, 1);
  });

  it("an alert that was granted QoS 1 only is delivered, and that is said", () => {
    const office = new Office().press();
    office.onDelivered(1, 4);
    assert.deepEqual(office.told.slice(1), [{ type: 14, sequence: 1 }]);
    assert.deepEqual(office.logged, ["granted QoS 1: this broker may deliver twice"]);
  });
});

describe("post: what comes in", () => {
  it("a command is told with its text, or with why it has none", () => {
    const office = new Office();
    office.hear("led", "ON");
    office.hear("config", undefined, "not UTF-8 text");
    assert.deepEqual(office.told, [
      { type: 17, name: "led", text: "ON", why: "" },
      { type: 17, name: "config", text: undefined, why: "not UTF-8 text" },
    ]);
  });

  it("an empty one, our own clearing, and a topic that is none are not", () => {
    const office = new Office();
    office.hear("led", "");
    office.hear("", "ON");
    assert.deepEqual(office.told, []);
  });

  it("one more than can be kept is dropped, and said without its payload", () => {
    const office = new Office();
    office.isCrowded = true;
    office.hear("config", "secret");
    assert.deepEqual([office.told, office.logged], [[], ["command-dropped cmd/config: too many at once"]]);
  });

  it("SUBACK and the answer to a flush", () => {
    const office = new Office();
    office.onSubscribed(1, [128]);
    office.onSubscribed(2, [1]);
    office.onUnsubscribed();
    office.onFlushed(true);
    assert.deepEqual(office.told, [{ type: 15, refused: true }, { type: 15, refused: false }, { type: 18 }]);
  });
});

describe("post: what is written", () => {
  it("settings are saved in steps: none are kept until all of them are", () => {
    const office = new Office();
    const settings = settingsOf({ host: "other.local" });
    let steps = 1;
    while (office.write(1, settings) === 1) {
      steps += 1;
      const { kept } = office;
      assert.deepEqual(kept, kept && settings);
    }
    assert.ok(steps > 2);
    assert.equal(office.kept?.host, "other.local");
    assert.equal(office.write(2), 0);
    assert.equal(office.kept, undefined);
  });

  it("settings that worn flash does not keep: why, as text; the next ones begin from the start", () => {
    const flash = new Nor({ sectors: 4 });
    const office = new Office(flash);
    assert.equal(office.write(1, settingsOf({ host: "first.local" })), 1);
    flash.deadSectors.add(2).add(3);
    let why = office.write(1);
    while (why === 1) why = office.write(1);
    assert.equal(typeof why, "string");
    assert.deepEqual(office.logged, [`flash-failed ${why}`]);
    flash.deadSectors.clear();
    while (office.write(1, settingsOf({ host: "second.local" })) === 1);
    assert.equal(office.kept?.host, "second.local");
  });

  it("whether the session has to be cleaned, and that no alert is left", () => {
    const office = new Office().press();
    assert.equal(office.write(4), 0);
    assert.equal(office.journal.needsCleanSession, false);
    assert.equal(office.write(3), 0);
    assert.equal(office.journal.needsCleanSession, true);
    assert.equal(office.write(5), 0);
    assert.equal(office.journal.pending, 0);
  });
});

// The composition root: builds the adapters and the parts of the box, and wires them together. It performs the box's
// effects in one switch and tells it what came of them. No decisions are made here; calling the default export boots
// the box.

import config from "mc/config";
import { Box } from "./alertbox/alertbox.js";
import { Button } from "./alertbox/button.js";
import { parseCommand } from "./alertbox/command.js";
import type { BoxEvent, Effect } from "./alertbox/effect.js";
import { FIRST_SESSION_ID, Journal } from "./alertbox/journal.js";
import { Led } from "./alertbox/led.js";
import { Outbox } from "./alertbox/outbox.js";
import { checkSettings, type Settings, SettingsStore } from "./alertbox/settings.js";
import { earlier } from "./alertbox/state.js";
import { presencePayload, statePayload, Topics } from "./alertbox/topics.js";
import { resetName, wakeCause } from "./alertbox/wake.js";
import { Alarm } from "./device/alarm.js";
import { ButtonPin } from "./device/button-pin.js";
import { now } from "./device/clock.js";
import { FlashRegion } from "./device/flash-region.js";
import { LedPin } from "./device/led-pin.js";
import { type LinkHandler, MqttLink } from "./device/mqtt-link.js";
import { Power } from "./device/power.js";
import { isAddress, Resolver } from "./device/resolver.js";
import { RtcMemory } from "./device/rtc-memory.js";
import { logStep } from "./device/serial-log.js";
import { type WiFiHandler, WiFiStation } from "./device/wifi-station.js";
import { Backoff } from "./mqtt/backoff.js";
import { type Closed, type Inbound, Session, type SessionHandler } from "./mqtt/session.js";
import { isUtf8, readUtf8 } from "./mqtt/utf8.js";

/** Version of the firmware, as `lwt` and `state` show it. */
const FIRMWARE = "1.0.0";

/** Sectors of the storage region: two for the journal, two for the settings. */
const JOURNAL_SECTOR = 0;
const SETTINGS_SECTOR = 2;

/** RAM of the MQTT session in bytes and entries. `send` holds the largest CONNECT that the settings allow. */
const BUDGET = Object.freeze({ receive: 768, send: 768, inFlight: 10, inbound: 1, topic: 128 });
/** RAM of the session that only clears what the broker remembers of an earlier life. */
const CLEAN_BUDGET = Object.freeze({ receive: 64, send: 768, inFlight: 1, inbound: 0, topic: 64 });
/** Bytes on their way between session and socket: one small segment. */
const LINK_BUFFER = 536;

/** What the manifest's `config` gives to the build. */
interface BuildConfig {
  /** GPIO numbers. */
  readonly led: number;
  readonly button: number;
  /** Settings used until setup or a command stores others. */
  readonly settings?: unknown;
}

class Firmware implements WiFiHandler, LinkHandler, SessionHandler {
  readonly #bootAt = now();
  readonly #power = new Power();
  readonly #rtc = new RtcMemory();
  readonly #station = new WiFiStation(this);
  readonly #resolver = new Resolver();
  readonly #journal: Journal;
  readonly #store: SettingsStore;
  readonly #outbox: Outbox;
  readonly #box: Box;
  readonly #button: Button;
  readonly #buttonPin: ButtonPin;
  readonly #led = new Led();
  readonly #ledPin: LedPin;
  readonly #alarm = new Alarm(() => this.#ring());
  readonly #chipId: number;
  #settings: Settings | undefined;
  #topics: Topics | undefined;
  #session: Session | undefined;
  #link: MqttLink | undefined;
  /** The session in use was made for clean session = 1. */
  #clean = false;
  #joinedAt = this.#bootAt;
  #wifiMs = 0;
  #mqttMs = 0;
  #address = "";

  constructor() {
    const chipId = this.#power.chipId;
    const build = config as unknown as BuildConfig;
    this.#chipId = chipId;
    this.#ledPin = new LedPin(build.led, false);
    this.#buttonPin = new ButtonPin(build.button, (down) => this.#onButton(down));
    const flash = new FlashRegion();
    this.#store = new SettingsStore(flash, SETTINGS_SECTOR);
    this.#settings = this.#store.load(chipId) ?? this.#builtIn(build.settings);
    this.#journal = new Journal(flash, JOURNAL_SECTOR, this.#settings?.full ?? "reject");
    this.#journal.open();
    this.#outbox = new Outbox(this.#journal, this.#bootAt);
    this.#button = new Button(this.#settings?.double ?? false);
    const wake = new Backoff({ baseMs: 60000, capMs: 3600000, stableMs: 0 });
    wake.restore(this.#rtc.attempt);
    this.#box = new Box({
      chipId,
      settings: this.#settings,
      pending: this.#journal.pending,
      needsCleanSession: this.#journal.needsCleanSession,
      millivolts: this.#power.millivolts,
      retry: new Backoff({ baseMs: 1000, capMs: 60000, stableMs: 60000 }),
      wake,
      random: Math.random,
    });
  }

  boot(): void {
    const down = this.#buttonPin.down;
    const cause = wakeCause(this.#power.resetReason, this.#settings?.wiring ?? "gpio", down);
    // A hold that began with this press may become a setup or a reset; one from before it (a stuck button) counts from
    // its next press only.
    if (down && cause === "press") this.#button.edge(true, now());
    this.#tell({ type: "booted", cause });
  }

  // --- What happens -------------------------------------------------------------------------------------------------

  #tell(event: BoxEvent): void {
    this.#perform(this.#box.step(event, now()));
    this.#tick();
  }

  #onButton(down: boolean): void {
    this.#button.edge(down, now());
    this.#ring();
  }

  /** An instant that button, LED or box asked for has come. */
  #ring(): void {
    for (;;) {
      const event = this.#button.poll(now());
      if (event === undefined) break;
      this.#perform(this.#box.step({ type: "button", event }, now()));
    }
    this.#tick();
  }

  #tick(): void {
    this.#ledPin.set(this.#led.level(now()));
    this.#perform(this.#box.tick(now(), this.#button.idle && !this.#led.busy));
    this.#ledPin.set(this.#led.level(now()));
    this.#alarm.set(earlier(earlier(this.#box.deadline(), this.#button.deadline()), this.#led.deadline()));
  }

  onJoined(address: string): void {
    this.#address = address;
    this.#wifiMs = (now() - this.#joinedAt) | 0;
    this.#tell({ type: "joined", address });
  }

  onJoinFailed(why: string): void {
    this.#tell({ type: "join-failed", why });
  }

  onLost(): void {
    this.#tell({ type: "wifi-lost" });
  }

  onOpen(): void {
    this.#tell({ type: "opened" });
  }

  onUnreachable(why: string): void {
    this.#tell({ type: "unreachable", why });
  }

  onDown(closed: Closed): void {
    this.#tell({ type: "down", down: closed });
  }

  onConnected(sessionPresent: boolean): void {
    this.#mqttMs = (now() - this.#joinedAt - this.#wifiMs) | 0;
    this.#tell({ type: "connected", sessionPresent });
  }

  onReceived(id: number): void {
    const sequence = this.#outbox.received(id);
    if (sequence !== 0) this.#tell({ type: "received", sequence });
  }

  onDelivered(id: number): void {
    const sequence = this.#outbox.delivered(id);
    if (sequence !== 0) this.#tell({ type: "delivered", sequence });
    // An announcement has given its place free, and an alert may have found none.
    else if (this.#box.pending > 0) this.#deliver();
  }

  onSubscribed(_id: number, codes: readonly number[]): void {
    this.#tell({ type: "subscribed", refused: codes[0] === 128 });
  }

  onUnsubscribed(): void {}

  onMessage(message: Inbound): void {
    const name = this.#topics?.command(message.topic) ?? "";
    if (name === "") return;
    const { bytes, start, end } = message;
    const isText = isUtf8(bytes, start, end);
    const command = isText
      ? parseCommand(name, readUtf8(bytes, start, end))
      : ({ kind: "invalid", why: `cmd/${name}: not UTF-8 text` } as const);
    this.#tell({ type: "command", name, command });
  }

  onOverflow(message: Inbound): void {
    const name = this.#topics?.command(message.topic) ?? "";
    const why = `cmd/${name}: ${message.length} bytes are too many; at most ${BUDGET.receive} fit`;
    this.#tell({ type: "command", name, command: { kind: "invalid", why } });
  }

  onFlushed(): void {
    this.#tell({ type: "flushed" });
  }

  onClosed(closed: Closed): void {
    this.#link?.ended(closed);
  }

  // --- What the box asks for ----------------------------------------------------------------------------------------

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#performOne(effect);
    this.#link?.pump();
  }

  #performOne(effect: Effect): void {
    switch (effect.do) {
      case "store":
        this.#storeAlert(effect.event);
        return;
      case "show":
        this.#led.show(effect.pattern, now());
        return;
      case "rest":
        this.#led.rest(effect.pattern, now());
        return;
      case "join":
        this.#join(effect.network);
        return;
      case "leave":
        this.#station.leave();
        return;
      case "open":
        this.#open(effect.clean);
        return;
      case "deliver":
        this.#deliver();
        return;
      case "announce":
        this.#publish(this.#topics?.lwt, presencePayload(effect.presence, this.#chipId, FIRMWARE));
        return;
      case "state":
        this.#publish(this.#topics?.state, this.#stateText(effect.config));
        return;
      case "light":
        this.#publish(this.#topics?.led, effect.on ? "ON" : "OFF");
        return;
      case "subscribe":
        this.#session?.subscribe([{ filter: this.#topics?.commands ?? "", qos: effect.qos }], now());
        return;
      case "clear":
        this.#publish(new Topics(effect.root).commandTopic(effect.name), undefined);
        return;
      case "flush":
        this.#session?.flush((now() + effect.withinMs) | 0, now());
        return;
      case "disconnect":
        this.#session?.disconnect(now());
        return;
      case "abort":
        this.#resolver.cancel();
        this.#link?.drop();
        return;
      case "use":
        this.#use(effect.settings);
        return;
      case "save":
        this.#store.save(effect.settings);
        return;
      case "require-clean-session":
        this.#journal.requireCleanSession();
        return;
      case "session-cleaned":
        this.#journal.sessionCleaned();
        return;
      case "plain-order":
        this.#rtc.write(this.#rtc.attempt, true);
        this.#forgetSession();
        return;
      case "remember":
        this.#rtc.write(effect.attempt, this.#rtc.plainOrder);
        return;
      case "open-setup":
        this.#station.openAccessPoint(`AlertBox-${this.#chipId}`);
        return;
      case "close-setup":
        this.#station.closeAccessPoint();
        return;
      case "factory-reset":
        // The alerts first: a cut in between must not leave them to whoever sets the box up next.
        this.#journal.eraseAlerts();
        this.#store.erase();
        return;
      case "restart":
        this.#power.restart();
        return;
      case "sleep":
        this.#alarm.set(undefined);
        this.#power.sleep(effect.ms);
        return;
      case "say":
        logStep(effect.word, effect.detail);
        return;
    }
  }

  #storeAlert(event: number): void {
    let sequence = 0;
    let why = "the journal is full";
    try {
      sequence = this.#journal.append(event, this.#power.millivolts);
    } catch (error) {
      why = String(error);
    }
    if (sequence === 0) {
      this.#tell({ type: "not-stored", why });
      return;
    }
    this.#outbox.pressed(sequence, now(), this.#box.failures);
    this.#tell({ type: "stored", sequence });
  }

  #join(index: number): void {
    const network = this.#settings?.wifi[index];
    if (network === undefined) return;
    this.#joinedAt = now();
    this.#station.join(network.ssid, network.password);
  }

  #open(clean: boolean): void {
    const settings = this.#settings;
    if (settings === undefined) return;
    if (this.#session === undefined || this.#clean !== clean) this.#makeSession(settings, clean);
    const link = this.#link;
    if (isAddress(settings.host)) {
      link?.open(settings.host, settings.port);
      return;
    }
    this.#resolver.resolve(settings.host, (address) => {
      if (address === undefined) this.onUnreachable(`no address for ${settings.host}`);
      else link?.open(address, settings.port);
    });
  }

  #makeSession(settings: Settings, clean: boolean): void {
    const topics = new Topics(settings.root);
    this.#topics = topics;
    this.#clean = clean;
    const options = {
      id: `alertbox${this.#chipId}`,
      clean,
      keepAliveSeconds: settings.keepAliveSeconds,
      pipeline: !this.#rtc.plainOrder,
      firstId: FIRST_SESSION_ID,
      will: {
        topic: topics.lwt,
        payload: presencePayload("lost", this.#chipId, FIRMWARE),
        qos: 1,
        retain: true,
      },
      ...(settings.user === "" ? {} : { user: settings.user }),
      ...(settings.user === "" || settings.password === "" ? {} : { password: settings.password }),
    } as const;
    this.#session = new Session(options, clean ? CLEAN_BUDGET : BUDGET, this);
    this.#link = new MqttLink(this.#session, LINK_BUFFER, this);
    this.#outbox.restart();
  }

  #forgetSession(): void {
    this.#link?.drop();
    this.#session = undefined;
    this.#link = undefined;
  }

  #use(settings: Settings): void {
    this.#forgetSession();
    this.#settings = settings;
  }

  #deliver(): void {
    const session = this.#session;
    const topics = this.#topics;
    if (session === undefined || topics === undefined) return;
    const circumstances = {
      chipId: this.#chipId,
      topic: topics.alert,
      rssi: this.#station.rssi,
      failures: this.#box.failures,
      failuresBefore: this.#rtc.attempt,
    };
    this.#outbox.fill(session, circumstances, now());
  }

  /** Publishes a retained message with QoS 1; an empty one clears the topic. */
  #publish(topic: string | undefined, payload: string | undefined): void {
    if (topic === undefined) return;
    const result = this.#session?.publish({ topic, payload, qos: 1, retain: true }, now()) ?? -1;
    if (result < 0) logStep("not-published", topic);
  }

  #stateText(result: string): string {
    return statePayload({
      pushes: this.#journal.pushes,
      pending: this.#journal.pending,
      dropped: this.#journal.dropped,
      millivolts: this.#power.millivolts,
      rssi: this.#station.rssi,
      reset: resetName(this.#power.resetReason),
      firmware: FIRMWARE,
      ip: this.#address,
      heap: this.#power.freeHeap,
      bootMs: this.#bootAt,
      wifiMs: this.#wifiMs,
      mqttMs: this.#mqttMs,
      config: result,
    });
  }

  #builtIn(given: unknown): Settings | undefined {
    if (given === undefined) return undefined;
    const settings = checkSettings(given, this.#chipId);
    if (typeof settings !== "string") return settings;
    logStep("config-invalid", settings);
    return undefined;
  }
}

export default function (): void {
  new Firmware().boot();
}

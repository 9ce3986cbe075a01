// The composition root: builds the adapters and the parts of the box, and wires them together. It performs the box's
// effects in one switch and tells it what came of them. No decisions are made here; calling the default export boots
// the box.

import config from "mc/config";
import { Box } from "./alertbox/alertbox.js";
import { Button } from "./alertbox/button.js";
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
import { type Closed, type Inbound, type Message, Session, type SessionHandler } from "./mqtt/session.js";
import { isUtf8, readUtf8 } from "./mqtt/utf8.js";

/** Version of the firmware, as `lwt` and `state` show it. */
const FIRMWARE = "1.0.0";

/** Sectors of the storage region: two for the journal, two for the settings. */
const JOURNAL_SECTOR = 0;
const SETTINGS_SECTOR = 2;

/** RAM of the MQTT session in bytes and entries. `send` holds the largest CONNECT that the settings allow. */
const BUDGET = Object.freeze({ receive: 768, send: 768, inFlight: 6, inbound: 1, topic: 128 });
/**
 * What happened and waits for its turn, at most; commands beyond it are dropped, and come again if they are retained.
 */
const MAX_EVENTS = 8;
/** Announcements that wait for a place in the session, at most. */
const MAX_WAITING = 8;
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
  readonly #alarm = new Alarm(() => this.#run());
  readonly #chipId: number;
  #settings: Settings | undefined;
  #topics: Topics | undefined;
  #session: Session | undefined;
  #link: MqttLink | undefined;
  /** Options of the session that may change between its connections. */
  #options = { clean: false, pipeline: true };
  /** What happened and waits for its turn. */
  readonly #events: BoxEvent[] = [];
  /** Announcements that found no place in the session. */
  readonly #waiting: Message[] = [];
  #running = false;
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

  /**
   * Notes what happened, to be handled in a turn of its own. Session and link call back from deep inside; the chip's
   * stack has no room to decide and act on top of that (256 slots by default).
   */
  #note(event: BoxEvent): void {
    this.#events.push(event);
    this.#alarm.set(now());
  }

  /** Notes what happened and handles it at once, for callers with nothing beneath them. */
  #tell(event: BoxEvent): void {
    this.#events.push(event);
    this.#run();
  }

  #onButton(down: boolean): void {
    this.#button.edge(down, now());
    this.#run();
  }

  /** Handles all that has happened, then what is due. Events of its own effects are handled before it returns. */
  #run(): void {
    if (this.#running) return;
    this.#running = true;
    for (;;) {
      const event = this.#events.shift() ?? this.#buttonEvent();
      if (event === undefined) break;
      this.#perform(this.#box.step(event, now()));
    }
    this.#ledPin.set(this.#led.level(now()));
    this.#perform(this.#box.tick(now(), this.#button.idle && !this.#led.busy));
    this.#ledPin.set(this.#led.level(now()));
    this.#running = false;
    this.#link?.pump();
    this.#schedule();
  }

  #buttonEvent(): BoxEvent | undefined {
    const event = this.#button.poll(now());
    return event === undefined ? undefined : { type: "button", event };
  }

  #schedule(): void {
    const due = earlier(earlier(this.#box.deadline(), this.#button.deadline()), this.#led.deadline());
    this.#alarm.set(this.#events.length > 0 ? now() : due);
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
    this.#note({ type: "opened" });
  }

  onUnreachable(why: string): void {
    this.#note({ type: "unreachable", why });
  }

  onDown(closed: Closed): void {
    this.#note({ type: "down", down: closed });
  }

  onConnected(sessionPresent: boolean): void {
    this.#mqttMs = (now() - this.#joinedAt - this.#wifiMs) | 0;
    this.#note({ type: "connected", sessionPresent });
  }

  onReceived(id: number): void {
    const sequence = this.#outbox.received(id);
    if (sequence !== 0) this.#note({ type: "received", sequence });
  }

  onDelivered(id: number): void {
    const sequence = this.#outbox.delivered(id);
    this.#note(sequence === 0 ? { type: "acknowledged" } : { type: "delivered", sequence });
  }

  onSubscribed(_id: number, codes: readonly number[]): void {
    this.#note({ type: "subscribed", refused: codes[0] === 128 });
  }

  onUnsubscribed(): void {}

  onMessage(message: Inbound): void {
    const { bytes, start, end } = message;
    const name = this.#topics?.command(message.topic) ?? "";
    const isText = isUtf8(bytes, start, end);
    this.#onCommand(name, isText ? readUtf8(bytes, start, end) : undefined, "not UTF-8 text");
  }

  onOverflow(message: Inbound): void {
    const name = this.#topics?.command(message.topic) ?? "";
    this.#onCommand(name, undefined, `${message.length} bytes are too many; at most ${BUDGET.receive} fit`);
  }

  #onCommand(name: string, text: string | undefined, why: string): void {
    if (name === "" || text === "") return;
    if (this.#events.length >= MAX_EVENTS) {
      logStep("command-dropped", `cmd/${name}: too many at once`);
      return;
    }
    this.#note({ type: "command", name, text, why });
  }

  onFlushed(): void {
    this.#note({ type: "flushed" });
  }

  onClosed(closed: Closed): void {
    this.#link?.ended(closed);
  }

  // --- What the box asks for ----------------------------------------------------------------------------------------

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#performOne(effect);
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
      case "announce-waiting":
        this.#announceWaiting();
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
      case "save": {
        const why = this.#tryFlash(() => this.#store.save(effect.settings));
        if (why !== "") this.#tell({ type: "not-saved", why });
        return;
      }
      case "require-clean-session":
        this.#tryFlash(() => this.#journal.requireCleanSession());
        return;
      case "session-cleaned":
        this.#tryFlash(() => this.#journal.sessionCleaned());
        return;
      case "plain-order":
        this.#rtc.write(this.#rtc.attempt, true);
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
        this.#tryFlash(() => this.#journal.eraseAlerts());
        this.#tryFlash(() => this.#store.erase());
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

  /** Worn flash must not become a crash at each boot: it is said, and the box goes on. Gives why, or "". */
  #tryFlash(write: () => void): string {
    try {
      write();
      return "";
    } catch (error) {
      logStep("flash-failed", String(error));
      return String(error);
    }
  }

  #storeAlert(event: number): void {
    let sequence = 0;
    const failed = this.#tryFlash(() => {
      sequence = this.#journal.append(event, this.#power.millivolts);
    });
    if (sequence === 0) {
      this.#tell({ type: "not-stored", why: failed === "" ? "the journal is full" : failed });
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
    if (this.#session === undefined) this.#makeSession(settings);
    this.#options.clean = clean;
    this.#options.pipeline = !this.#rtc.plainOrder;
    const link = this.#link;
    if (isAddress(settings.host)) {
      link?.open(settings.host, settings.port);
      return;
    }
    this.#resolver.resolve(settings.host, (address) => {
      if (address === undefined) this.#tell({ type: "unreachable", why: `no address for ${settings.host}` });
      else link?.open(address, settings.port);
    });
  }

  #makeSession(settings: Settings): void {
    const topics = new Topics(settings.root);
    this.#topics = topics;
    const options = {
      id: `alertbox${this.#chipId}`,
      clean: false,
      keepAliveSeconds: settings.keepAliveSeconds,
      pipeline: true,
      firstId: FIRST_SESSION_ID,
      will: {
        topic: topics.lwt,
        payload: presencePayload("lost", this.#chipId, FIRMWARE),
        qos: 1,
        retain: true,
      } as const,
      ...(settings.user === "" ? {} : { user: settings.user }),
      ...(settings.user === "" || settings.password === "" ? {} : { password: settings.password }),
    };
    this.#options = options;
    this.#session = new Session(options, BUDGET, this);
    this.#link = new MqttLink(this.#session, LINK_BUFFER, this);
  }

  /** Other settings are another session; the next connection makes it. */
  #use(settings: Settings): void {
    this.#link?.drop();
    this.#session = undefined;
    this.#link = undefined;
    this.#outbox.restart();
    this.#waiting.length = 0;
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

  /**
   * Publishes a retained message with QoS 1; an empty one clears the topic. Without a place for it, it waits for one.
   */
  #publish(topic: string | undefined, payload: string | undefined): void {
    if (topic === undefined) return;
    if (this.#waiting.length === MAX_WAITING) {
      logStep("not-published", topic);
      return;
    }
    this.#waiting.push({ topic, payload, qos: 1, retain: true });
    this.#announceWaiting();
  }

  #announceWaiting(): void {
    for (;;) {
      const message = this.#waiting[0];
      if (message === undefined || (this.#session?.publish(message, now()) ?? -1) < 0) return;
      this.#waiting.shift();
    }
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

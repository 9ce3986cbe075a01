// The composition root: builds the adapters and the parts of the box, and wires them together. It performs the box's
// effects in one switch and tells it what came of them. No decisions are made here; calling the default export boots
// the box.

import config from "mc/config";
import { Box } from "./alertbox/alertbox.js";
import { Button } from "./alertbox/button.js";
import { crc32 } from "./alertbox/crc.js";
import type { BoxEvent, Effect } from "./alertbox/effect.js";
import { FIRST_SESSION_ID, Journal } from "./alertbox/journal.js";
import { Led } from "./alertbox/led.js";
import { Outbox } from "./alertbox/outbox.js";
import { badBoots, courseOf, quickPresses, Recovery } from "./alertbox/recovery.js";
import { checkSettings, defaultRoot, type Settings, SettingsLimits, SettingsStore } from "./alertbox/settings.js";
import { setupSettings } from "./alertbox/setup-form.js";
import { earlier } from "./alertbox/state.js";
import { presencePayload, statePayload, Topics } from "./alertbox/topics.js";
import { resetName, wakeCause } from "./alertbox/wake.js";
import { Alarm } from "./device/alarm.js";
import { ButtonPin } from "./device/button-pin.js";
import { now } from "./device/clock.js";
import { FlashRegion } from "./device/flash-region.js";
import { LedPin } from "./device/led-pin.js";
import { type LinkHandler, MqttLink } from "./device/mqtt-link.js";
import { PortalServer, type PortalTalk } from "./device/portal-server.js";
import { Power } from "./device/power.js";
import { dotted, isAddress, putAddress, Resolver } from "./device/resolver.js";
import { RtcAt, RtcFlag, RtcMemory } from "./device/rtc-memory.js";
import { logStep } from "./device/serial-log.js";
import { type Found, type WiFiHandler, WiFiStation } from "./device/wifi-station.js";
import { Backoff } from "./mqtt/backoff.js";
import { type Closed, type Inbound, type Message, Session, type SessionHandler } from "./mqtt/session.js";
import { isUtf8, readUtf8 } from "./mqtt/text.js";
import type { Conversation } from "./setup/conversation.js";
import { dnsAnswer } from "./setup/dns.js";
import type { SetupFields } from "./setup/form.js";
import { Portal, type PortalHandler } from "./setup/portal.js";

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
/** The radio is calibrated at one wake in so many: that takes some 200 ms, and temperatures change slowly. */
const WAKES_PER_CALIBRATION = 16;
/** The SDK's address for its own access point. */
const SETUP_ADDRESS = "192.168.4.1";

/** What the manifest's `config` gives to the build. */
interface BuildConfig {
  /** GPIO numbers. */
  readonly led: number;
  readonly button: number;
  /** For the wiring rst+gpio, where the button is held while the chip starts: never 0, 2 or 15. */
  readonly wakeButton: number;
  /** Settings used until setup or a command stores others. */
  readonly settings?: unknown;
  /** Password of the setup's access point, 8 to 63 characters; open without. */
  readonly setupPassword?: string;
}

/** What the chip calls before it restarts over an exception, or because memory ran out (xsPlatform.c, fxAbort). */
type Abort = (message: string, exception: unknown) => void;

class Firmware implements WiFiHandler, LinkHandler, SessionHandler, PortalHandler, PortalTalk {
  private readonly _bootAt = now();
  private readonly _recovery = new Recovery(this._bootAt);
  private readonly _power = new Power();
  private readonly _rtc = new RtcMemory();
  private readonly _station = new WiFiStation(this);
  private readonly _resolver = new Resolver();
  private readonly _journal: Journal;
  private readonly _store: SettingsStore;
  private readonly _outbox: Outbox;
  private readonly _box: Box;
  private readonly _button: Button;
  private readonly _buttonPin: ButtonPin;
  private readonly _led = new Led();
  private readonly _ledPin: LedPin;
  private readonly _alarm = new Alarm(() => this._run());
  private readonly _chipId: number;
  private _settings: Settings | undefined;
  private _topics: Topics | undefined;
  private _session: Session | undefined;
  private _link: MqttLink | undefined;
  /** Options of the session that may change between its connections. */
  private _options = { clean: false, pipeline: true };
  /** What happened and waits for its turn, from `_handled` on. */
  private readonly _events: BoxEvent[] = [];
  private _handled = 0;
  /** Announcements that found no place in the session. */
  private readonly _waiting: Message[] = [];
  /** Where the broker was last reached, dotted. */
  private _broker = "";
  private _portal: Portal | undefined;
  private _running = false;
  private _joinedAt = this._bootAt;
  private _wifiMs = 0;
  private _mqttMs = 0;
  private _address = "";

  constructor() {
    const chipId = this._power.chipId;
    const build = config as unknown as BuildConfig;
    this._chipId = chipId;
    this._ledPin = new LedPin(build.led, false);
    const flash = new FlashRegion();
    this._store = new SettingsStore(flash, SETTINGS_SECTOR);
    this._settings = this._store.load(chipId) ?? this._builtIn(build.settings);
    const isHeldAtBoot = this._settings?.wiring === "rst+gpio";
    this._buttonPin = new ButtonPin(isHeldAtBoot ? build.wakeButton : build.button, (down) => this._onButton(down));
    this._journal = new Journal(flash, JOURNAL_SECTOR, this._settings?.full ?? "reject");
    this._journal.open();
    this._outbox = new Outbox(this._journal, this._bootAt);
    this._button = new Button(this._settings?.double ?? false);
    const wake = new Backoff({ baseMs: 60000, capMs: 3600000, stableMs: 0 });
    wake.restore(this._rtc.bytes[RtcAt.ATTEMPT] as number);
    this._box = new Box({
      chipId,
      settings: this._settings,
      pending: this._journal.pending,
      needsCleanSession: this._journal.needsCleanSession,
      cachedNetwork: this._cachedNetwork(),
      millivolts: this._power.millivolts,
      retry: new Backoff({ baseMs: 1000, capMs: 60000, stableMs: 60000 }),
      wake,
      random: Math.random,
    });
  }

  boot(): void {
    const down = this._buttonPin.down;
    const { bytes } = this._rtc;
    const flags = bytes[RtcAt.FLAGS] as number;
    const wiring = this._settings?.wiring ?? "gpio";
    const cause = wakeCause(this._power.resetReason, wiring, down, (flags & RtcFlag.PLANNED) !== 0);
    const quick = quickPresses(cause, wiring, bytes[RtcAt.QUICK] as number);
    const bad = badBoots(cause, bytes[RtcAt.BAD] as number);
    bytes[RtcAt.QUICK] = quick;
    bytes[RtcAt.BAD] = bad;
    bytes[RtcAt.FLAGS] = flags & ~(RtcFlag.PLANNED | RtcFlag.TOLD);
    // A stack that overflows leaves no word.
    if (cause !== "crash" || (flags & RtcFlag.TOLD) !== 0) this._rtc.save();
    else this._rtc.crash = this._power.fault === "" ? "restarted without a word" : this._power.fault;
    (globalThis as unknown as { abort: Abort }).abort = (message, exception) => this._crashed(message, exception);
    // A hold that began with this press may become a setup or a reset; one from before it (a stuck button) counts from
    // its next press only.
    if (down && cause === "press") this._button.edge(true, now());
    this._tell({ type: "booted", cause, course: courseOf(cause, quick, bad) });
  }

  /** Nobody pressed again, or this boot has lasted: it counts no more. */
  private _recover(): void {
    const past = this._recovery.passed(now());
    if (past === undefined) return;
    this._rtc.bytes[past === "presses" ? RtcAt.QUICK : RtcAt.BAD] = 0;
    this._rtc.save();
  }

  private _crashed(message: string, exception: unknown): void {
    this._rtc.bytes[RtcAt.FLAGS] = (this._rtc.bytes[RtcAt.FLAGS] as number) | RtcFlag.TOLD;
    this._rtc.crash = exception === undefined ? message : `${message}: ${String(exception)}`;
  }

  // --- What happens -------------------------------------------------------------------------------------------------

  /**
   * Notes what happened, to be handled in a turn of its own. Session and link call back from deep inside; the chip's
   * stack has no room to decide and act on top of that (256 slots by default).
   */
  private _note(event: BoxEvent): void {
    this._events.push(event);
    this._alarm.set(now());
  }

  /** Notes what happened and handles it at once, for callers with nothing beneath them. */
  private _tell(event: BoxEvent): void {
    this._events.push(event);
    this._run();
  }

  private _onButton(down: boolean): void {
    this._button.edge(down, now());
    this._run();
  }

  /** Handles all that has happened, then what is due. Events of its own effects are handled before it returns. */
  private _run(): void {
    if (this._running) return;
    this._running = true;
    for (;;) {
      const event = this._events[this._handled] ?? this._buttonEvent();
      if (event === undefined) break;
      if (this._handled < this._events.length) this._handled += 1;
      this._perform(this._box.step(event, now()));
    }
    this._events.length = 0;
    this._handled = 0;
    this._ledPin.set(this._led.level(now()));
    this._recover();
    const { quick } = this._recovery;
    // Between the second and the fifth of several quick presses the chip must not fall asleep and forget them.
    const ready = this._button.idle && !(quick && (this._rtc.bytes[RtcAt.QUICK] as number) > 1);
    this._perform(this._box.tick(now(), ready, !this._led.busy));
    this._ledPin.set(this._led.level(now()));
    this._running = false;
    if (this._portal !== undefined) this._portal.closesAt = this._box.setupUntil;
    this._link?.pump();
    this._schedule();
  }

  private _buttonEvent(): BoxEvent | undefined {
    const event = this._button.poll(now());
    return event === undefined ? undefined : { type: "button", event };
  }

  private _schedule(): void {
    const due = earlier(
      earlier(this._box.deadline(), this._button.deadline()),
      earlier(this._led.deadline(), this._recovery.until),
    );
    this._alarm.set(this._events.length > 0 ? now() : due);
  }

  onJoined(address: string): void {
    this._address = address;
    this._wifiMs = (now() - this._joinedAt) | 0;
    this._tell({ type: "joined", address });
  }

  onAssociated(): void {
    this._tell({ type: "associated" });
  }

  onJoinFailed(why: string): void {
    this._tell({ type: "join-failed", why });
  }

  onLost(): void {
    this._tell({ type: "wifi-lost" });
  }

  onOpen(): void {
    this._note({ type: "opened" });
  }

  onUnreachable(why: string): void {
    this._note({ type: "unreachable", why, step: "broker" });
  }

  onDown(closed: Closed): void {
    this._note({ type: "down", down: closed });
  }

  onConnected(sessionPresent: boolean): void {
    this._mqttMs = (now() - this._joinedAt - this._wifiMs) | 0;
    this._note({ type: "connected", sessionPresent });
  }

  onReceived(id: number): void {
    const sequence = this._outbox.received(id);
    if (sequence !== 0) this._note({ type: "received", sequence });
  }

  onDelivered(id: number): void {
    const sequence = this._outbox.delivered(id);
    this._note(sequence === 0 ? { type: "acknowledged" } : { type: "delivered", sequence });
  }

  onSubscribed(_id: number, codes: readonly number[]): void {
    this._note({ type: "subscribed", refused: codes[0] === 128 });
  }

  onUnsubscribed(): void {}

  onMessage(message: Inbound): void {
    const { bytes, start, end } = message;
    const name = this._topics?.command(message.topic) ?? "";
    const isText = isUtf8(bytes, start, end);
    this._onCommand(name, isText ? readUtf8(bytes, start, end) : undefined, "not UTF-8 text");
  }

  onOverflow(message: Inbound): void {
    const name = this._topics?.command(message.topic) ?? "";
    this._onCommand(name, undefined, `${message.length} bytes are too many; at most ${BUDGET.receive} fit`);
  }

  private _onCommand(name: string, text: string | undefined, why: string): void {
    if (name === "" || text === "") return;
    if (this._events.length >= MAX_EVENTS) {
      logStep("command-dropped", `cmd/${name}: too many at once`);
      return;
    }
    this._note({ type: "command", name, text, why });
  }

  onFlushed(): void {
    this._note({ type: "flushed" });
  }

  onClosed(closed: Closed): void {
    this._link?.ended(closed);
  }

  // The setup page.

  accept(instant: number): Conversation | undefined {
    return this._portal?.accept(instant);
  }

  answer(query: Uint8Array): Uint8Array | undefined {
    const address = new Uint8Array(4);
    putAddress(SETUP_ADDRESS, address, 0);
    return dnsAnswer(query, address);
  }

  onTry(fields: SetupFields): string {
    if (this._box.state !== "setup") return "The box is busy. Wait a moment, then try again.";
    const settings = setupSettings(this._settings, fields, this._chipId);
    if (typeof settings === "string") return settings;
    this._note({ type: "try", settings });
    return "";
  }

  onMore(): void {
    this._note({ type: "more-time" });
  }

  onScan(): void {
    const portal = this._portal;
    portal?.clearHeard();
    this._station.scan(
      (ssid, rssi, open) => portal?.heard(ssid, rssi, open),
      () => {},
    );
  }

  // --- What the box asks for ----------------------------------------------------------------------------------------

  private _perform(effects: readonly Effect[]): void {
    for (const effect of effects) this._performOne(effect);
  }

  private _performOne(effect: Effect): void {
    switch (effect.do) {
      case "store":
        this._storeAlert(effect.event);
        return;
      case "show":
        this._led.show(effect.pattern, now());
        return;
      case "rest":
        this._led.rest(effect.pattern, now());
        return;
      case "join":
        this._join(effect.network, effect.fast, effect.keep);
        return;
      case "leave":
        this._station.leave();
        return;
      case "radio-off":
        this._station.off();
        return;
      case "open":
        this._open(effect.clean, effect.fast);
        return;
      case "keep-cache":
        this._keepCache(effect.network);
        return;
      case "forget-cache":
        this._setFlag(RtcFlag.CACHED, false);
        return;
      case "deliver":
        this._deliver();
        return;
      case "announce-waiting":
        this._announceWaiting();
        return;
      case "announce":
        this._publish(this._topics?.lwt, presencePayload(effect.presence, this._chipId, FIRMWARE));
        return;
      case "state":
        this._publish(this._topics?.state, this._stateText(effect.config));
        return;
      case "light":
        this._publish(this._topics?.led, effect.on ? "ON" : "OFF");
        return;
      case "subscribe":
        this._session?.subscribe([{ topic: this._topics?.commands ?? "", qos: effect.qos }], now());
        return;
      case "clear":
        this._publish(new Topics(effect.root).commandTopic(effect.name), undefined);
        return;
      case "flush":
        this._session?.flush((now() + effect.withinMs) | 0, now());
        return;
      case "disconnect":
        this._session?.disconnect(now());
        return;
      case "abort":
        this._resolver.cancel();
        this._link?.drop();
        return;
      case "use":
        this._use(effect.settings);
        return;
      case "save": {
        const why = this._tryFlash(() => this._store.save(effect.settings));
        if (why !== "") this._tell({ type: "not-saved", why });
        return;
      }
      case "require-clean-session":
        this._tryFlash(() => this._journal.requireCleanSession());
        this._outbox.restart();
        return;
      case "session-cleaned":
        this._tryFlash(() => this._journal.sessionCleaned());
        return;
      case "plain-order":
        this._setFlag(RtcFlag.PLAIN_ORDER, true);
        return;
      case "remember":
        if (this._rtc.bytes[RtcAt.ATTEMPT] === (effect.attempt & 255)) return;
        this._rtc.bytes[RtcAt.ATTEMPT] = effect.attempt;
        this._rtc.save();
        return;
      case "open-setup":
        this._openSetup();
        return;
      case "tell-setup":
        this._portal?.report(effect.phase, effect.step, effect.detail);
        return;
      case "factory-reset":
        // The alerts first: a cut in between must not leave them to whoever sets the box up next.
        this._tryFlash(() => this._journal.eraseAlerts());
        this._tryFlash(() => this._store.erase());
        this._station.forget();
        this._rtc.bytes[RtcAt.FLAGS] = 0;
        return;
      case "restart":
        this._rtc.bytes[RtcAt.QUICK] = 0;
        this._rtc.bytes[RtcAt.BAD] = 0;
        this._setFlag(RtcFlag.PLANNED, true);
        this._power.restart();
        return;
      case "sleep":
        this._sleep(effect.ms);
        return;
      case "say":
        logStep(effect.word, effect.detail);
        return;
    }
  }

  /** Worn flash must not become a crash at each boot: it is said, and the box goes on. Gives why, or "". */
  private _tryFlash(write: () => void): string {
    try {
      write();
      return "";
    } catch (error) {
      logStep("flash-failed", String(error));
      return String(error);
    }
  }

  private _storeAlert(event: number): void {
    let sequence = 0;
    const failed = this._tryFlash(() => {
      sequence = this._journal.append(event, this._power.millivolts);
    });
    if (sequence === 0) {
      this._tell({ type: "not-stored", why: failed === "" ? "the journal is full" : failed });
      return;
    }
    this._outbox.pressed(sequence, now(), this._box.failures);
    this._tell({ type: "stored", sequence });
  }

  private _sleep(ms: number): void {
    const { bytes } = this._rtc;
    this._alarm.set(undefined);
    bytes[RtcAt.QUICK] = 0;
    bytes[RtcAt.BAD] = 0;
    const wakes = ((bytes[RtcAt.WAKES] as number) + 1) % WAKES_PER_CALIBRATION;
    bytes[RtcAt.WAKES] = wakes;
    this._rtc.save();
    this._power.sleep(ms, wakes === 0);
  }

  private _setFlag(flag: number, on: boolean): void {
    const { bytes } = this._rtc;
    const flags = bytes[RtcAt.FLAGS] as number;
    bytes[RtcAt.FLAGS] = on ? flags | flag : flags & ~flag;
    if (bytes[RtcAt.FLAGS] !== flags) this._rtc.save();
  }

  private _join(index: number, fast: boolean, keep: boolean): void {
    const network = this._settings?.wifi[index];
    if (network === undefined) return;
    this._joinedAt = now();
    let found: Found | undefined;
    if (fast) {
      const { bytes } = this._rtc;
      const buffer = bytes.buffer as ArrayBuffer;
      found = {
        channel: bytes[RtcAt.CHANNEL] as number,
        bssid: buffer.slice(RtcAt.BSSID, RtcAt.BSSID + 6),
        lease: buffer.slice(RtcAt.LEASE, RtcAt.LEASE + 16),
      };
    }
    this._station.join(network.ssid, network.password, keep, found);
  }

  /** Index of the network that the cache is about; -1 without a cache for these settings. */
  private _cachedNetwork(): number {
    const { bytes } = this._rtc;
    const network = bytes[RtcAt.NETWORK] as number;
    if (((bytes[RtcAt.FLAGS] as number) & RtcFlag.CACHED) === 0) return -1;
    const mark = this._mark(network);
    for (let i = 0; i < 4; i += 1) if (bytes[RtcAt.MARK + i] !== ((mark >>> (8 * i)) & 255)) return -1;
    return network;
  }

  private _keepCache(network: number): void {
    const { bytes } = this._rtc;
    const found = this._station.found;
    if (found?.lease === undefined) return;
    const mark = this._mark(network);
    for (let i = 0; i < 4; i += 1) bytes[RtcAt.MARK + i] = (mark >>> (8 * i)) & 255;
    bytes[RtcAt.NETWORK] = network;
    bytes[RtcAt.CHANNEL] = found.channel;
    bytes.set(new Uint8Array(found.bssid), RtcAt.BSSID);
    bytes.set(new Uint8Array(found.lease), RtcAt.LEASE);
    putAddress(this._broker, bytes, RtcAt.BROKER);
    bytes[RtcAt.FLAGS] = (bytes[RtcAt.FLAGS] as number) | RtcFlag.CACHED;
    this._rtc.save();
  }

  /** What a cache depends on: other settings, also from another build, have another mark. */
  private _mark(network: number): number {
    const text = `${this._settings?.wifi[network]?.ssid} ${this._settings?.host}`;
    const bytes = new Uint8Array(ArrayBuffer.fromString(text));
    return crc32(bytes, 0, bytes.length);
  }

  private _openSetup(): void {
    const settings = this._settings;
    // The session's memory is the portal's as long as it is open.
    if (settings !== undefined) this._use(settings);
    const build = config as unknown as BuildConfig;
    this._station.openAccessPoint(`AlertBox-${this._chipId}`, build.setupPassword ?? "");
    this._portal = new Portal(this, {
      chipId: this._chipId,
      firmware: FIRMWARE,
      ssid: settings?.wifi[0]?.ssid ?? "",
      host: settings?.host ?? "",
      port: settings?.port ?? SettingsLimits.PORT,
      root: settings?.root ?? defaultRoot(this._chipId),
      mode: settings?.mode ?? "mains",
      wiring: settings?.wiring ?? "gpio",
      hasUser: settings !== undefined && settings.user !== "",
    });
    // Its sockets keep it alive: a listener is never collected (xsRemember in tcp.c).
    new PortalServer(this);
    this.onScan();
  }

  private _open(clean: boolean, fast: boolean): void {
    const settings = this._settings;
    if (settings === undefined) return;
    if (this._session === undefined) this._makeSession(settings);
    this._options.clean = clean;
    this._options.pipeline = ((this._rtc.bytes[RtcAt.FLAGS] as number) & RtcFlag.PLAIN_ORDER) === 0;
    if (fast) this._reach(dotted(this._rtc.bytes, RtcAt.BROKER), settings.port);
    else if (isAddress(settings.host)) this._reach(settings.host, settings.port);
    else {
      this._resolver.resolve(settings.host, (address) => {
        if (address !== undefined) this._reach(address, settings.port);
        else this._tell({ type: "unreachable", why: `no address for ${settings.host}`, step: "name" });
      });
    }
  }

  private _reach(address: string, port: number): void {
    this._broker = address;
    this._link?.open(address, port);
  }

  private _makeSession(settings: Settings): void {
    const topics = new Topics(settings.root);
    this._topics = topics;
    const options = {
      id: `alertbox${this._chipId}`,
      clean: false,
      keepAliveSeconds: settings.keepAliveSeconds,
      pipeline: true,
      firstId: FIRST_SESSION_ID,
      will: {
        topic: topics.lwt,
        payload: presencePayload("lost", this._chipId, FIRMWARE),
        qos: 1,
        retain: true,
      } as const,
      ...(settings.user === "" ? {} : { user: settings.user }),
      ...(settings.user === "" || settings.password === "" ? {} : { password: settings.password }),
    };
    this._options = options;
    this._session = new Session(options, BUDGET, this);
    this._link = new MqttLink(this._session, LINK_BUFFER, this);
  }

  /** Other settings are another session; the next connection makes it. */
  private _use(settings: Settings): void {
    this._link?.drop();
    this._session = undefined;
    this._link = undefined;
    this._outbox.restart();
    this._waiting.length = 0;
    this._settings = settings;
  }

  private _deliver(): void {
    const session = this._session;
    const topics = this._topics;
    if (session === undefined || topics === undefined) return;
    const circumstances = {
      chipId: this._chipId,
      topic: topics.alert,
      rssi: this._station.rssi,
      failures: this._box.failures,
      failuresBefore: this._rtc.bytes[RtcAt.ATTEMPT] as number,
    };
    this._outbox.handOver(session, circumstances, now());
  }

  /**
   * Publishes a retained message with QoS 1; an empty one clears the topic. Without a place for it, it waits for one.
   */
  private _publish(topic: string | undefined, payload: string | undefined): void {
    if (topic === undefined) return;
    if (this._waiting.length === MAX_WAITING) {
      logStep("not-published", topic);
      return;
    }
    this._waiting.push({ topic, payload, qos: 1, retain: true });
    this._announceWaiting();
  }

  private _announceWaiting(): void {
    for (;;) {
      const message = this._waiting[0];
      if (message === undefined || (this._session?.publish(message, now()) ?? -1) < 0) return;
      this._waiting.splice(0, 1);
    }
  }

  private _stateText(result: string): string {
    return statePayload({
      pushes: this._journal.pushes,
      pending: this._journal.pending,
      dropped: this._journal.dropped,
      millivolts: this._power.millivolts,
      rssi: this._station.rssi,
      reset: resetName(this._power.resetReason),
      firmware: FIRMWARE,
      ip: this._address,
      heap: this._power.freeHeap,
      bootMs: this._bootAt,
      wifiMs: this._wifiMs,
      mqttMs: this._mqttMs,
      config: result,
      crash: this._rtc.crash,
    });
  }

  private _builtIn(given: unknown): Settings | undefined {
    if (given === undefined) return undefined;
    const settings = checkSettings(given, this._chipId);
    if (typeof settings !== "string") return settings;
    logStep("config-invalid", settings);
    return undefined;
  }
}

export default function (): void {
  new Firmware().boot();
}

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

// Some numbers stand in the code, with a comment, because a named constant takes some 60 bytes of flash.

/** RAM of the MQTT session in bytes and entries. `send` holds the largest CONNECT that the settings allow. */
const BUDGET = Object.freeze({ receive: 768, send: 768, inFlight: 6, inbound: 1, topic: 128 });

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
  private readonly bootAt = now();
  private readonly recovery = new Recovery(this.bootAt);
  private readonly power = new Power();
  private readonly rtc = new RtcMemory();
  private readonly station = new WiFiStation(this);
  private readonly resolver = new Resolver();
  private readonly journal: Journal;
  private readonly store: SettingsStore;
  private readonly outbox: Outbox;
  private readonly box: Box;
  private readonly button: Button;
  private readonly buttonPin: ButtonPin;
  private readonly led = new Led();
  private readonly ledPin: LedPin;
  private readonly alarm = new Alarm(() => this.run());
  private readonly chipId: number;
  private settings: Settings | undefined;
  private topics: Topics | undefined;
  private session: Session | undefined;
  private link: MqttLink | undefined;
  /** Options of the session that may change between its connections. */
  private options = { clean: false, pipeline: true };
  /** What happened and waits for its turn, from `handled` on. */
  private readonly events: BoxEvent[] = [];
  private handled = 0;
  /** Announcements that found no place in the session. */
  private readonly waiting: Message[] = [];
  /** Where the broker was last reached, dotted. */
  private broker = "";
  private portal: Portal | undefined;
  private running = false;
  private joinedAt = this.bootAt;
  private wifiMs = 0;
  private mqttMs = 0;
  private address = "";

  constructor() {
    const chipId = this.power.chipId;
    const build = config as unknown as BuildConfig;
    this.chipId = chipId;
    this.ledPin = new LedPin(build.led, false);
    const flash = new FlashRegion();
    // Sectors of the storage region: two for the journal, then two for the settings.
    this.store = new SettingsStore(flash, 2);
    this.settings = this.store.load(chipId) ?? this.builtIn(build.settings);
    const isHeldAtBoot = this.settings?.wiring === "rst+gpio";
    this.buttonPin = new ButtonPin(isHeldAtBoot ? build.wakeButton : build.button, (down) => this.onButton(down));
    this.journal = new Journal(flash, 0, this.settings?.full ?? "reject");
    this.journal.open();
    this.outbox = new Outbox(this.journal, this.bootAt);
    this.button = new Button(this.settings?.double ?? false);
    const wake = new Backoff({ baseMs: 60000, capMs: 3600000, stableMs: 0 });
    wake.restore(this.rtc.bytes[RtcAt.ATTEMPT] as number);
    this.box = new Box({
      chipId,
      settings: this.settings,
      pending: this.journal.pending,
      needsCleanSession: this.journal.needsCleanSession,
      cachedNetwork: this.cachedNetwork(),
      millivolts: this.power.millivolts,
      retry: new Backoff({ baseMs: 1000, capMs: 60000, stableMs: 60000 }),
      wake,
      random: Math.random,
    });
  }

  boot(): void {
    const down = this.buttonPin.down;
    const { bytes } = this.rtc;
    const flags = bytes[RtcAt.FLAGS] as number;
    const wiring = this.settings?.wiring ?? "gpio";
    const cause = wakeCause(this.power.resetReason, wiring, down, (flags & RtcFlag.PLANNED) !== 0);
    const quick = quickPresses(cause, wiring, bytes[RtcAt.QUICK] as number);
    const bad = badBoots(cause, bytes[RtcAt.BAD] as number);
    bytes[RtcAt.QUICK] = quick;
    bytes[RtcAt.BAD] = bad;
    bytes[RtcAt.FLAGS] = flags & ~(RtcFlag.PLANNED | RtcFlag.TOLD);
    // A stack that overflows leaves no word.
    if (cause !== "crash" || (flags & RtcFlag.TOLD) !== 0) this.rtc.save();
    else this.rtc.crash = this.power.fault === "" ? "restarted without a word" : this.power.fault;
    (globalThis as unknown as { abort: Abort }).abort = (message, exception) => this.crashed(message, exception);
    // A hold that began with this press may become a setup or a reset; one from before it (a stuck button) counts from
    // its next press only.
    if (down && cause === "press") this.button.edge(true, now());
    this.tell({ type: "booted", cause, course: courseOf(cause, quick, bad) });
  }

  /** Nobody pressed again, or this boot has lasted: it counts no more. */
  private recover(): void {
    const past = this.recovery.passed(now());
    if (past === undefined) return;
    this.rtc.bytes[past === "presses" ? RtcAt.QUICK : RtcAt.BAD] = 0;
    this.rtc.save();
  }

  private crashed(message: string, exception: unknown): void {
    this.rtc.bytes[RtcAt.FLAGS] = (this.rtc.bytes[RtcAt.FLAGS] as number) | RtcFlag.TOLD;
    this.rtc.crash = exception === undefined ? message : `${message}: ${String(exception)}`;
  }

  // --- What happens -------------------------------------------------------------------------------------------------

  /**
   * Notes what happened, to be handled in a turn of its own. Session and link call back from deep inside; the chip's
   * stack has no room to decide and act on top of that (256 slots by default).
   */
  private note(event: BoxEvent): void {
    this.events.push(event);
    this.alarm.set(now());
  }

  /** Notes what happened and handles it at once, for callers with nothing beneath them. */
  private tell(event: BoxEvent): void {
    this.events.push(event);
    this.run();
  }

  private onButton(down: boolean): void {
    this.button.edge(down, now());
    this.run();
  }

  /** Handles all that has happened, then what is due. Events of its own effects are handled before it returns. */
  private run(): void {
    if (this.running) return;
    this.running = true;
    for (;;) {
      let event = this.events[this.handled];
      if (event !== undefined) this.handled += 1;
      else {
        const gesture = this.button.poll(now());
        if (gesture === undefined) break;
        event = { type: "button", event: gesture };
      }
      this.perform(this.box.step(event, now()));
    }
    this.events.length = 0;
    this.handled = 0;
    this.ledPin.set(this.led.level(now()));
    this.recover();
    const { quick } = this.recovery;
    // Between the second and the fifth of several quick presses the chip must not fall asleep and forget them.
    const ready = this.button.idle && !(quick && (this.rtc.bytes[RtcAt.QUICK] as number) > 1);
    this.perform(this.box.tick(now(), ready, !this.led.busy));
    this.ledPin.set(this.led.level(now()));
    this.running = false;
    if (this.portal !== undefined) this.portal.closesAt = this.box.setupUntil;
    this.link?.pump();
    this.schedule();
  }

  private schedule(): void {
    const due = earlier(
      earlier(this.box.deadline(), this.button.deadline()),
      earlier(this.led.deadline(), this.recovery.until),
    );
    this.alarm.set(this.events.length > 0 ? now() : due);
  }

  onJoined(address: string): void {
    this.address = address;
    this.wifiMs = (now() - this.joinedAt) | 0;
    this.tell({ type: "joined", address });
  }

  onAssociated(): void {
    this.tell({ type: "associated" });
  }

  onJoinFailed(why: string): void {
    this.tell({ type: "join-failed", why });
  }

  onLost(): void {
    this.tell({ type: "wifi-lost" });
  }

  onOpen(): void {
    this.note({ type: "opened" });
  }

  onUnreachable(why: string): void {
    this.note({ type: "unreachable", why, step: "broker" });
  }

  onDown(closed: Closed): void {
    this.note({ type: "down", down: closed });
  }

  onConnected(sessionPresent: boolean): void {
    this.mqttMs = (now() - this.joinedAt - this.wifiMs) | 0;
    this.note({ type: "connected", sessionPresent });
  }

  onReceived(id: number): void {
    const sequence = this.outbox.received(id);
    if (sequence !== 0) this.note({ type: "received", sequence });
  }

  onDelivered(id: number): void {
    const sequence = this.outbox.delivered(id);
    this.note(sequence === 0 ? { type: "acknowledged" } : { type: "delivered", sequence });
  }

  onSubscribed(_: number, codes: readonly number[]): void {
    this.note({ type: "subscribed", refused: codes[0] === 128 });
  }

  onUnsubscribed(): void {}

  onMessage(message: Inbound): void {
    const { bytes, start, end } = message;
    const name = this.topics?.command(message.topic) ?? "";
    const isText = isUtf8(bytes, start, end);
    this.onCommand(name, isText ? readUtf8(bytes, start, end) : undefined, "not UTF-8 text");
  }

  onOverflow(message: Inbound): void {
    const name = this.topics?.command(message.topic) ?? "";
    this.onCommand(name, undefined, `${message.length} bytes are too many; at most ${BUDGET.receive} fit`);
  }

  private onCommand(name: string, text: string | undefined, why: string): void {
    if (name === "" || text === "") return;
    // What is dropped comes again if it is retained.
    if (this.events.length >= 8) {
      logStep("command-dropped", `cmd/${name}: too many at once`);
      return;
    }
    this.note({ type: "command", name, text, why });
  }

  onFlushed(): void {
    this.note({ type: "flushed" });
  }

  onClosed(closed: Closed): void {
    this.link?.ended(closed);
  }

  // The setup page.

  accept(instant: number): Conversation | undefined {
    return this.portal?.accept(instant);
  }

  answer(query: Uint8Array): Uint8Array | undefined {
    const address = new Uint8Array(4);
    // The SDK's address for its own access point.
    putAddress("192.168.4.1", address, 0);
    return dnsAnswer(query, address);
  }

  onTry(fields: SetupFields): string {
    if (this.box.state !== "setup") return "The box is busy. Wait a moment, then try again.";
    const settings = setupSettings(this.settings, fields, this.chipId);
    if (typeof settings === "string") return `${settings}.`;
    this.note({ type: "try", settings });
    return "";
  }

  onMore(): void {
    this.note({ type: "more-time" });
  }

  onScan(): void {
    const portal = this.portal;
    portal?.clearHeard();
    this.station.scan(
      (ssid, rssi, open) => portal?.heard(ssid, rssi, open),
      () => {},
    );
  }

  // --- What the box asks for ----------------------------------------------------------------------------------------

  private perform(effects: readonly Effect[]): void {
    for (const effect of effects)
      switch (effect.do) {
        case "store":
          this.storeAlert(effect.event);
          break;
        case "show":
          this.led.show(effect.pattern, now());
          break;
        case "rest":
          this.led.rest(effect.pattern, now());
          break;
        case "join":
          this.join(effect.network, effect.fast, effect.keep);
          break;
        case "leave":
          this.station.leave();
          break;
        case "radio-off":
          this.station.off();
          break;
        case "open":
          this.open(effect.clean, effect.fast);
          break;
        case "keep-cache":
          this.keepCache(effect.network);
          break;
        case "forget-cache":
          this.setFlag(RtcFlag.CACHED, false);
          break;
        case "deliver":
          this.deliver();
          break;
        case "announce-waiting":
          this.announceWaiting();
          break;
        case "announce":
          this.publish(this.topics?.lwt, presencePayload(effect.presence, this.chipId, FIRMWARE));
          break;
        case "state":
          this.publish(this.topics?.state, this.stateText(effect.config));
          break;
        case "light":
          this.publish(this.topics?.led, effect.on ? "ON" : "OFF");
          break;
        case "subscribe":
          this.session?.subscribe([{ topic: this.topics?.commands ?? "", qos: effect.qos }], now());
          break;
        case "clear":
          this.publish(new Topics(effect.root).commandTopic(effect.name), undefined);
          break;
        case "flush":
          this.session?.flush((now() + effect.withinMs) | 0, now());
          break;
        case "disconnect":
          this.session?.disconnect(now());
          break;
        case "abort":
          this.resolver.cancel();
          this.link?.close();
          break;
        case "use":
          this.use(effect.settings);
          break;
        case "save": {
          const why = this.tryFlash(() => this.store.save(effect.settings));
          if (why !== "") this.tell({ type: "not-saved", why });
          break;
        }
        case "require-clean-session":
          this.tryFlash(() => this.journal.requireCleanSession());
          this.outbox.restart();
          break;
        case "session-cleaned":
          this.tryFlash(() => this.journal.sessionCleaned());
          break;
        case "plain-order":
          this.setFlag(RtcFlag.PLAIN_ORDER, true);
          break;
        case "remember":
          if (this.rtc.bytes[RtcAt.ATTEMPT] === (effect.attempt & 255)) break;
          this.rtc.bytes[RtcAt.ATTEMPT] = effect.attempt;
          this.rtc.save();
          break;
        case "open-setup":
          this.openSetup();
          break;
        case "tell-setup":
          // The page appends a sentence.
          this.portal?.report(effect.phase, effect.step, effect.detail === "" ? "" : `${effect.detail}.`);
          break;
        case "factory-reset":
          // The alerts first: a cut in between must not leave them to whoever sets the box up next.
          this.tryFlash(() => this.journal.eraseAlerts());
          this.tryFlash(() => this.store.erase());
          this.station.forget();
          this.rtc.bytes[RtcAt.FLAGS] = 0;
          break;
        case "restart":
          this.rtc.bytes[RtcAt.QUICK] = 0;
          this.rtc.bytes[RtcAt.BAD] = 0;
          this.setFlag(RtcFlag.PLANNED, true);
          this.power.restart();
          break;
        case "sleep":
          this.sleep(effect.ms);
          break;
        case "say":
          logStep(effect.word, effect.detail);
          break;
      }
  }

  /** Worn flash must not become a crash at each boot: it is said, and the box goes on. Gives why, or "". */
  private tryFlash(write: () => void): string {
    try {
      write();
      return "";
    } catch (error) {
      logStep("flash-failed", String(error));
      return String(error);
    }
  }

  private storeAlert(event: number): void {
    let sequence = 0;
    const failed = this.tryFlash(() => {
      sequence = this.journal.append(event, this.power.millivolts);
    });
    if (sequence === 0) {
      this.tell({ type: "not-stored", why: failed === "" ? "the journal is full" : failed });
      return;
    }
    this.outbox.pressed(sequence, now(), this.box.failures);
    this.tell({ type: "stored", sequence });
  }

  private sleep(ms: number): void {
    const { bytes } = this.rtc;
    this.alarm.set(undefined);
    bytes[RtcAt.QUICK] = 0;
    bytes[RtcAt.BAD] = 0;
    // The radio is calibrated at one wake in 16: that takes some 200 ms, and temperatures change slowly.
    const wakes = ((bytes[RtcAt.WAKES] as number) + 1) % 16;
    bytes[RtcAt.WAKES] = wakes;
    this.rtc.save();
    this.power.sleep(ms, wakes === 0);
  }

  private setFlag(flag: number, on: boolean): void {
    const { bytes } = this.rtc;
    const flags = bytes[RtcAt.FLAGS] as number;
    bytes[RtcAt.FLAGS] = on ? flags | flag : flags & ~flag;
    if (bytes[RtcAt.FLAGS] !== flags) this.rtc.save();
  }

  private join(index: number, fast: boolean, keep: boolean): void {
    const network = this.settings?.wifi[index];
    if (network === undefined) return;
    this.joinedAt = now();
    let found: Found | undefined;
    if (fast) {
      const { bytes } = this.rtc;
      found = {
        channel: bytes[RtcAt.CHANNEL] as number,
        bssid: this.rtc.copy(RtcAt.BSSID, 6),
        lease: this.rtc.copy(RtcAt.LEASE, 16),
      };
    }
    this.station.join(network.ssid, network.password, keep, found);
  }

  /** Index of the network that the cache is about; -1 without a cache for these settings. */
  private cachedNetwork(): number {
    const { bytes } = this.rtc;
    const network = bytes[RtcAt.NETWORK] as number;
    if (((bytes[RtcAt.FLAGS] as number) & RtcFlag.CACHED) === 0) return -1;
    const mark = this.mark(network);
    for (let i = 0; i < 4; i += 1) if (bytes[RtcAt.MARK + i] !== ((mark >>> (8 * i)) & 255)) return -1;
    return network;
  }

  private keepCache(network: number): void {
    const { bytes } = this.rtc;
    const found = this.station.found;
    if (found?.lease === undefined) return;
    const mark = this.mark(network);
    for (let i = 0; i < 4; i += 1) bytes[RtcAt.MARK + i] = (mark >>> (8 * i)) & 255;
    bytes[RtcAt.NETWORK] = network;
    bytes[RtcAt.CHANNEL] = found.channel;
    bytes.set(new Uint8Array(found.bssid), RtcAt.BSSID);
    bytes.set(new Uint8Array(found.lease), RtcAt.LEASE);
    putAddress(this.broker, bytes, RtcAt.BROKER);
    bytes[RtcAt.FLAGS] = (bytes[RtcAt.FLAGS] as number) | RtcFlag.CACHED;
    this.rtc.save();
  }

  /** What a cache depends on: other settings, also from another build, have another mark. */
  private mark(network: number): number {
    const text = `${this.settings?.wifi[network]?.ssid} ${this.settings?.host}`;
    const bytes = new Uint8Array(ArrayBuffer.fromString(text));
    return crc32(bytes, 0, bytes.length);
  }

  private openSetup(): void {
    const settings = this.settings;
    // The session's memory is the portal's as long as it is open.
    if (settings !== undefined) this.use(settings);
    const build = config as unknown as BuildConfig;
    this.station.openAccessPoint(`AlertBox-${this.chipId}`, build.setupPassword ?? "");
    this.portal = new Portal(this, {
      chipId: this.chipId,
      firmware: FIRMWARE,
      ssid: settings?.wifi[0]?.ssid ?? "",
      host: settings?.host ?? "",
      port: settings?.port ?? SettingsLimits.PORT,
      root: settings?.root ?? defaultRoot(this.chipId),
      mode: settings?.mode ?? "mains",
      wiring: settings?.wiring ?? "gpio",
      hasUser: settings !== undefined && settings.user !== "",
    });
    // Its sockets keep it alive: a listener is never collected (xsRemember in tcp.c).
    new PortalServer(this);
    this.onScan();
  }

  private open(clean: boolean, fast: boolean): void {
    const settings = this.settings;
    if (settings === undefined) return;
    if (this.session === undefined) this.makeSession(settings);
    this.options.clean = clean;
    this.options.pipeline = ((this.rtc.bytes[RtcAt.FLAGS] as number) & RtcFlag.PLAIN_ORDER) === 0;
    if (fast) this.reach(dotted(this.rtc.bytes, RtcAt.BROKER), settings.port);
    else if (isAddress(settings.host)) this.reach(settings.host, settings.port);
    else {
      this.resolver.resolve(settings.host, (address) => {
        if (address !== undefined) this.reach(address, settings.port);
        else this.tell({ type: "unreachable", why: `no address for ${settings.host}`, step: "name" });
      });
    }
  }

  private reach(address: string, port: number): void {
    this.broker = address;
    this.link?.open(address, port);
  }

  private makeSession(settings: Settings): void {
    const topics = new Topics(settings.root);
    this.topics = topics;
    const options = {
      id: `alertbox${this.chipId}`,
      clean: false,
      keepAliveSeconds: settings.keepAliveSeconds,
      pipeline: true,
      firstId: FIRST_SESSION_ID,
      will: {
        topic: topics.lwt,
        payload: presencePayload("lost", this.chipId, FIRMWARE),
        qos: 1,
        retain: true,
      } as const,
      ...(settings.user === "" ? {} : { user: settings.user }),
      ...(settings.user === "" || settings.password === "" ? {} : { password: settings.password }),
    };
    this.options = options;
    this.session = new Session(options, BUDGET, this);
    // Bytes on their way between session and socket: one small segment.
    this.link = new MqttLink(this.session, 536, this);
  }

  /** Other settings are another session; the next connection makes it. */
  private use(settings: Settings): void {
    this.link?.close();
    this.session = undefined;
    this.link = undefined;
    this.outbox.restart();
    this.waiting.length = 0;
    this.settings = settings;
  }

  private deliver(): void {
    const session = this.session;
    const topics = this.topics;
    if (session === undefined || topics === undefined) return;
    const circumstances = {
      chipId: this.chipId,
      topic: topics.alert,
      rssi: this.station.rssi,
      failures: this.box.failures,
      failuresBefore: this.rtc.bytes[RtcAt.ATTEMPT] as number,
    };
    this.outbox.handOver(session, circumstances, now());
  }

  /**
   * Publishes a retained message with QoS 1; an empty one clears the topic. Without a place for it, it waits for one.
   */
  private publish(topic: string | undefined, payload: string | undefined): void {
    if (topic === undefined) return;
    // More than eight wait only when a broker acknowledges nothing.
    if (this.waiting.length === 8) {
      logStep("not-published", topic);
      return;
    }
    this.waiting.push({ topic, payload, qos: 1, retain: true });
    this.announceWaiting();
  }

  private announceWaiting(): void {
    for (;;) {
      const message = this.waiting[0];
      if (message === undefined || (this.session?.publish(message, now()) ?? -1) < 0) return;
      for (let i = 1; i < this.waiting.length; i += 1) this.waiting[i - 1] = this.waiting[i] as Message;
      this.waiting.length -= 1;
    }
  }

  private stateText(result: string): string {
    return statePayload({
      pushes: this.journal.pushes,
      pending: this.journal.pending,
      dropped: this.journal.dropped,
      millivolts: this.power.millivolts,
      rssi: this.station.rssi,
      reset: resetName(this.power.resetReason),
      firmware: FIRMWARE,
      ip: this.address,
      heap: this.power.freeHeap,
      bootMs: this.bootAt,
      wifiMs: this.wifiMs,
      mqttMs: this.mqttMs,
      config: result,
      crash: this.rtc.crash,
    });
  }

  private builtIn(given: unknown): Settings | undefined {
    if (given === undefined) return undefined;
    const settings = checkSettings(given, this.chipId);
    if (typeof settings !== "string") return settings;
    logStep("config-invalid", settings);
    return undefined;
  }
}

export default function (): void {
  new Firmware().boot();
}

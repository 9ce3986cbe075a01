// The composition root: builds the adapters and the parts of the box, and wires them together. It performs the box's
// effects in one switch and tells it what came of them. No decisions are made here; calling the default export boots
// the box.

import config from "mc/config";
import { Box } from "./alertbox/alertbox.js";
import { Button } from "./alertbox/button.js";
import type { Effect } from "./alertbox/effect.js";
import type { Scanner } from "./alertbox/flash.js";
import { FIRMWARE, Herald } from "./alertbox/herald.js";
import { FIRST_SESSION_ID, Journal } from "./alertbox/journal.js";
import { quoted } from "./alertbox/json.js";
import { Outbox } from "./alertbox/outbox.js";
import { badBoots, courseOf, quickPresses } from "./alertbox/recovery.js";
import { checkSettings, type Settings, type SettingsDraft } from "./alertbox/settings.js";
import { SettingsStore } from "./alertbox/settings-store.js";
import { setupSettings, shownSettings } from "./alertbox/setup-form.js";
import { BoxTimes } from "./alertbox/state.js";
import { type StateFacts, topicOf } from "./alertbox/topics.js";
import { resetName, wakeCause } from "./alertbox/wake.js";
import { Alarm } from "./device/alarm.js";
import { type ButtonHandler, ButtonPin } from "./device/button-pin.js";
import { now } from "./device/clock.js";
import { FlashRegion } from "./device/flash-region.js";
import { LedPin } from "./device/led-pin.js";
import type { MqttLink } from "./device/mqtt-link.js";
import { PortalServer, type PortalTalk } from "./device/portal-server.js";
import { Power } from "./device/power.js";
import { dotted, putAddress } from "./device/resolver.js";
import { RtcMemory } from "./device/rtc-memory.js";
import { logStep } from "./device/serial-log.js";
import { BUDGET, Uplink, type UplinkHandler, type UplinkOptions } from "./device/uplink.js";
import { type WiFiHandler, WiFiStation } from "./device/wifi-station.js";
import { Backoff } from "./mqtt/backoff.js";
import type { Closed, Inbound, SessionOptions } from "./mqtt/session.js";
import type { FromArrayBuffer } from "./mqtt/text.js";
import type { Conversation } from "./setup/conversation.js";
import { dnsAnswer } from "./setup/dns.js";
import { isUtf8, type SetupFields } from "./setup/form.js";
import { Portal, type PortalHandler } from "./setup/portal.js";

// Some numbers stand in the code, with a comment, because a named constant takes some 60 bytes of flash; those of the
// RTC memory's bytes and flags are in rtc-memory.ts.

/** It keeps nothing. */
const power = Object.freeze(new Power());
/** Delays between attempts while awake, and between timer wakes. What stands here stays in flash. */
const RETRY = Object.freeze({ baseMs: 1000, capMs: 60000, stableMs: 60000 });
const WAKE = Object.freeze({ baseMs: 60000, capMs: 3600000, stableMs: 0 });

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

class Firmware extends Herald implements ButtonHandler, WiFiHandler, UplinkHandler, PortalHandler, PortalTalk {
  // In the order of their use: the engine looks for a property from the first one on.
  protected readonly alarm: Alarm;
  protected readonly light: LedPin;
  protected readonly box: Box;
  protected readonly button: Button;
  protected readonly uplink: Uplink;
  protected readonly outbox: Outbox;
  protected readonly journal: Journal;
  protected settings: Settings | undefined;
  private readonly rtc: RtcMemory;
  protected readonly flash: FlashRegion;
  private readonly station: WiFiStation;
  private joinedAt: number;
  private wifiMs: number;
  private mqttMs: number;
  private portal: Portal | undefined;
  /** What was typed into the setup page, while it is judged step by step. */
  private draft: SettingsDraft | undefined;

  constructor(bootAt: number) {
    super(bootAt);
    const { chipId } = power;
    const build = config as unknown as BuildConfig;
    this.alarm = new Alarm(this);
    this.light = new LedPin(build.led, false);
    const flash = new FlashRegion();
    const settings = new SettingsStore(flash, 2).load(chipId) ?? builtIn(build.settings, chipId, flash);
    const isHeldAtBoot = settings?.wiring === "rst+gpio";
    // The driver keeps it.
    const buttonPin = new ButtonPin(isHeldAtBoot ? build.wakeButton : build.button, this);
    // Sectors of the storage region: two for the journal, then two for the settings.
    const journal = new Journal(flash, 0, settings?.full ?? "reject");
    journal.open(((Math.random() * 65535) | 0) + 1);
    const rtc = new RtcMemory();
    const wake = new Backoff(WAKE);
    wake.restore(rtc.bytes[1 /* ATTEMPT */] as number);
    this.box = new Box({
      chipId,
      life: journal.life,
      settings,
      pending: journal.pending,
      needsCleanSession: journal.needsCleanSession,
      cachedNetwork: cachedNetwork(rtc, settings, flash),
      millivolts: power.millivolts,
      retry: new Backoff(RETRY),
      wake,
      random: Math.random,
      scanner: flash,
    });
    this.button = new Button(settings?.double ?? false);
    this.uplink = new Uplink();
    this.outbox = new Outbox(journal, bootAt);
    this.journal = journal;
    this.settings = settings;
    this.rtc = rtc;
    this.flash = flash;
    this.station = new WiFiStation(this);
    this.joinedAt = bootAt;
    this.wifiMs = 0;
    this.mqttMs = 0;
    this.boot(buttonPin.down);
  }

  private boot(down: boolean): void {
    const { bytes } = this.rtc;
    const flags = bytes[2 /* FLAGS */] as number;
    const wiring = this.settings?.wiring ?? "gpio";
    const cause = wakeCause(power.resetReason, wiring, down, (flags & 2) /* PLANNED */ !== 0);
    const quick = quickPresses(cause, wiring, bytes[3 /* QUICK */] as number);
    const bad = badBoots(cause, bytes[4 /* BAD */] as number);
    bytes[3 /* QUICK */] = quick;
    bytes[4 /* BAD */] = bad;
    bytes[2 /* FLAGS */] = flags & ~(10 /* PLANNED, TOLD */);
    // A stack that overflows leaves no word.
    if (cause !== "crash" || (flags & 8) /* TOLD */ !== 0) this.rtc.save();
    else this.rtc.crash = power.fault === "" ? "restarted without a word" : power.fault;
    this.rtc.hearCrashes();
    // A hold that began with this press may become a setup or a reset; one from before it (a stuck button) counts from
    // its next press only.
    if (down && cause === "press") this.button.edge(true, now());
    // In a turn of its own: on top of all this a press that moves the journal would need too much of the stack.
    this.note({ type: 1 /* booted */, cause, course: courseOf(cause, quick, bad) });
  }

  protected get quick(): number {
    return this.rtc.bytes[3 /* QUICK */] as number;
  }

  /** Nobody pressed again, or this boot has lasted. */
  protected forget(past: "presses" | "crashes"): void {
    this.rtc.bytes[past === "presses" ? 3 /* QUICK */ : 4 /* BAD */] = 0;
    this.rtc.save();
  }

  // --- What happens -------------------------------------------------------------------------------------------------

  onButton(down: boolean): void {
    const instant = now();
    this.button.edge(down, instant);
    this.ring(instant);
  }

  onJoined(address: string): void {
    this.wifiMs = (now() - this.joinedAt) | 0;
    this.note({ type: 7 /* joined */, address });
  }

  onAssociated(): void {
    this.note({ type: 6 /* associated */ });
  }

  onJoinFailed(why: string): void {
    this.note({ type: 8 /* join-failed */, why });
  }

  onLost(): void {
    this.note({ type: 9 /* wifi-lost */ });
  }

  onOpen(): void {
    const { bytes } = this.rtc;
    const flags = bytes[2 /* FLAGS */] as number;
    // UNANSWERED, and when it was that before, DOUBTFUL.
    bytes[2 /* FLAGS */] = flags | 16 | ((flags & 16) << 1);
    this.uplink.session?.connect(this.uplink.options as SessionOptions, now());
    this.busy = 1;
    this.note({ type: 10 /* opened */ });
  }

  onUnknown(host: string): void {
    this.note({ type: 11 /* unreachable */, why: `no address for ${host}`, step: "name" });
  }

  onUnreachable(why: string): void {
    this.note({ type: 11 /* unreachable */, why, step: "broker" });
  }

  onDown(closed: Closed): void {
    if (closed.reason === "refused") this.answered();
    this.note({ type: 21 /* down */, down: closed });
    // A trial of the setup page is over: its memory is the page's again.
    if (this.portal !== undefined && this.settings !== undefined) this.use(this.settings);
  }

  onConnected(sessionPresent: boolean): void {
    this.mqttMs = (now() - this.joinedAt - this.wifiMs) | 0;
    this.note({ type: 12 /* connected */, sessionPresent, isKnown: this.answered() && sessionPresent });
  }

  /** One call at a time, here and in textOf: the session stands below, and the stack is short. */
  onMessage(message: Inbound): void {
    const text = textOf(message, this.flash);
    const name = this.nameOf(message.topic);
    this.onCommand(name, text, "not UTF-8 text");
  }

  onOverflow(message: Inbound): void {
    const name = this.nameOf(message.topic);
    this.onCommand(name, undefined, `${message.length} bytes are too many; at most ${BUDGET.receive} fit`);
  }

  /** What is called last is returned, though it gives nothing: it takes the place of this on a stack that is deep. */
  onClosed(closed: Closed): unknown {
    return (this.uplink.link as MqttLink).ended(closed);
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

  onTry(fields: SetupFields): string | undefined {
    const { draft } = this;
    if (this.box.state !== 7 /* setup */) return "The box is busy. Wait a moment, then try again.";
    if (draft === undefined || draft.origin !== fields) {
      const given = setupSettings(this.settings, fields, this.box.chipId, this.flash);
      if (typeof given === "string") return `${given}.`;
      this.draft = given;
      return undefined;
    }
    const settings = draft.step();
    if (settings === undefined) return undefined;
    this.draft = undefined;
    if (typeof settings === "string") return `${settings}.`;
    this.note({ type: 19 /* try */, settings });
    return "";
  }

  quoted(text: string): string {
    return quoted(text, this.flash);
  }

  get closesAt(): number {
    return this.box.setupUntil;
  }

  onMore(): void {
    this.note({ type: 20 /* more-time */ });
  }

  onScan(): void {
    const portal = this.portal;
    portal?.clearHeard();
    this.station.scan(
      (ssid, rssi, open) => portal?.heard(ssid, rssi, open),
      () => {},
    );
  }

  protected log(word: string, detail: string): void {
    logStep(word, detail);
  }

  // --- What the box asks for ----------------------------------------------------------------------------------------

  protected act(effect: Effect): void {
    switch (effect.do) {
      case 1: // store
        this.storeAlert(effect.event, power.millivolts, now());
        break;
      case 2: // show
        this.led.show(effect.pattern, now());
        break;
      case 3: // rest
        this.led.rest(effect.pattern, now());
        break;
      case 4: // join
        this.join(effect.network, effect.fast, effect.keep);
        break;
      case 5: // leave
        this.station.leave();
        break;
      case 6: // radio-off
        this.station.off();
        break;
      case 7: // open
        // Its parts take a turn each.
        if (this.uplink.options === undefined) {
          this.describe();
          this.performed -= 1;
        } else if (this.uplink.make(FIRST_SESSION_ID, this)) this.performed -= 1;
        else this.open(effect.clean, effect.fast);
        break;
      case 8: // keep-cache
        this.keepCache(effect.network);
        break;
      case 9: // forget-cache
        this.rtc.setFlag(4 /* CACHED */, false);
        break;
      case 10: // deliver
        this.deliver(this.uplink.session, this.station.rssi, this.rtc.bytes[1 /* ATTEMPT */] as number, now());
        break;
      case 11: // announce-waiting
        this.goOn();
        break;
      case 12: // announce
        this.tellPresence(effect.presence);
        break;
      case 13: // state
        // Its messages take a turn each.
        if (this.tellState(this.stateFacts(effect.config))) this.performed -= 1;
        break;
      case 14: // light
        this.tellLight(effect.on);
        break;
      case 15: // subscribe
        this.busy = 2;
        this.uplink.subscribe(this.filters(effect.qos), now());
        break;
      case 16: // clear
        this.announce(topicOf(effect.root, effect.name), undefined);
        break;
      case 17: // flush
        this.busy = 1;
        this.uplink.session?.flush((now() + BoxTimes.farewell) | 0, now());
        break;
      case 18: // disconnect
        this.busy = 2;
        if (this.uplink.session !== undefined && this.uplink.isCutOff) {
          // What the broker keeps is not true any more: without DISCONNECT it tells the will.
          this.uplink.drop();
          this.note({ type: 21 /* down */, down: { reason: "", detail: "", code: 0, pipelined: false } });
          break;
        }
        this.uplink.session?.disconnect(now());
        break;
      case 19: // abort
        this.uplink.drop();
        break;
      case 20: // use
        this.use(effect.settings);
        break;
      case 21: {
        // save
        const why = this.writeFlash(1, effect.settings);
        // Its steps take a turn each.
        if (why === 1) this.performed -= 1;
        else if (typeof why === "string") this.tell({ type: 5 /* not-saved */, why });
        break;
      }
      case 22: // require-clean-session
        this.writeFlash(3);
        this.outbox.restart();
        break;
      case 23: // session-cleaned
        this.writeFlash(4);
        break;
      case 24: // plain-order
        this.rtc.setFlag(1 /* PLAIN_ORDER */, true);
        break;
      case 25: // remember
        if (this.rtc.bytes[1 /* ATTEMPT */] === (effect.attempt & 255)) break;
        this.rtc.bytes[1 /* ATTEMPT */] = effect.attempt;
        this.rtc.save();
        break;
      case 26: // open-setup
        // Its parts take a turn each.
        if (this.portal === undefined) {
          this.openSetup();
          this.performed -= 1;
          break;
        }
        // Its sockets keep it alive: a listener is never collected (xsRemember in tcp.c).
        new PortalServer(this);
        this.onScan();
        break;
      case 27: // tell-setup
        // The page appends a sentence.
        this.portal?.report(effect.phase, effect.step, effect.detail === "" ? "" : `${effect.detail}.`);
        break;
      case 28: // factory-reset
        // The alerts first: a cut in between must not leave them to whoever sets the box up next.
        this.writeFlash(5);
        this.writeFlash(2);
        this.station.forget();
        this.rtc.bytes[2 /* FLAGS */] = 0;
        break;
      case 29: // restart
        this.rtc.bytes[3 /* QUICK */] = 0;
        this.rtc.bytes[4 /* BAD */] = 0;
        this.rtc.setFlag(2 /* PLANNED */, true);
        power.restart();
        break;
      case 30: // sleep
        this.sleep(effect.ms);
        break;
      case 31: // say
        logStep(effect.word, effect.detail);
        break;
      case 32: // go-on
        this.tell({ type: 22 /* go-on */ });
        break;
      case 33: // introduce
        // Its steps take a turn each.
        if (this.introduce(effect.anew)) this.performed -= 1;
        break;
      case 34: // gesture
        this.tellGesture(effect.sequence);
        break;
      case 35: // keep-asked
        this.rtc.save();
        break;
      case 36: // disown
        this.disown();
        break;
    }
  }

  private sleep(ms: number): void {
    const { bytes } = this.rtc;
    this.alarm.set(undefined);
    bytes[3 /* QUICK */] = 0;
    bytes[4 /* BAD */] = 0;
    // The radio is calibrated at one wake in 16: that takes some 200 ms, and temperatures change slowly.
    const wakes = ((bytes[5 /* WAKES */] as number) + 1) % 16;
    bytes[5 /* WAKES */] = wakes;
    this.rtc.save();
    power.sleep(ms, wakes === 0);
  }

  private join(index: number, fast: boolean, keep: boolean): void {
    const network = this.settings?.wifi[index];
    if (network === undefined) return;
    this.joinedAt = now();
    this.station.join(network.ssid, network.password, keep, fast ? this.rtc.found : undefined);
  }

  private keepCache(network: number): void {
    const { found } = this.station;
    if (found === undefined) return;
    this.rtc.keepCache(network, cacheMark(this.settings, network, this.flash), found, this.uplink.address);
  }

  private openSetup(): void {
    const settings = this.settings;
    // The session's memory is the portal's as long as it is open.
    if (settings !== undefined) this.use(settings);
    const build = config as unknown as BuildConfig;
    this.station.openAccessPoint(`AlertBox-${this.box.chipId}`, build.setupPassword ?? "");
    this.portal = new Portal(this, shownSettings(settings, this.box.chipId, FIRMWARE), this.flash);
  }

  private open(clean: boolean, fast: boolean): void {
    const { uplink, settings } = this;
    const options = uplink.options as UplinkOptions;
    if (settings === undefined) return;
    options.clean = clean;
    options.pipeline = !this.rtc.isSet(1 /* PLAIN_ORDER */);
    uplink.open(fast ? dotted(this.rtc.bytes, 32 /* BROKER */) : settings.host, settings.port, this);
  }

  /** What the sessions with the broker say, from the settings. */
  private describe(): void {
    const { user, password, keepAliveSeconds } = this.settings as Settings;
    this.uplink.options = {
      id: `alertbox${this.box.chipId}`,
      clean: false,
      keepAliveSeconds,
      pipeline: true,
      will: this.will(),
      ...(user === "" ? {} : { user }),
      ...(user === "" || password === "" ? {} : { password }),
    };
  }

  /** Other settings are another session; the next connection makes it. */
  private use(settings: Settings): void {
    this.uplink.discard();
    this.outbox.restart();
    this.forgetIntroduction(settings);
    this.settings = settings;
  }

  private stateFacts(result: string): StateFacts {
    return {
      pushes: this.journal.pushes,
      pending: this.journal.pending,
      dropped: this.journal.dropped,
      millivolts: power.millivolts,
      rssi: this.station.rssi,
      reset: resetName(power.resetReason),
      firmware: FIRMWARE,
      ip: this.station.address,
      heap: power.freeHeap,
      bootMs: this.outbox.bootAt,
      wifiMs: this.wifiMs,
      mqttMs: this.mqttMs,
      config: result,
      crash: this.rtc.crash,
    };
  }

  /** Whether there was no doubt. To be kept by an effect, in another turn. */
  private answered(): boolean {
    const { bytes } = this.rtc;
    const flags = bytes[2 /* FLAGS */] as number;
    bytes[2 /* FLAGS */] = flags & ~48;
    return (flags & 32) /* DOUBTFUL */ === 0;
  }
}

function builtIn(given: unknown, chipId: number, flash: FlashRegion): Settings | undefined {
  if (given === undefined) return undefined;
  const settings = checkSettings(given, chipId, flash);
  if (typeof settings !== "string") return settings;
  logStep("config-invalid", settings);
  return undefined;
}

/** Index of the network that the cache is about; -1 without a cache for these settings. */
function cachedNetwork(rtc: RtcMemory, settings: Settings | undefined, flash: FlashRegion): number {
  const network = rtc.bytes[6 /* NETWORK */] as number;
  return rtc.isSet(4 /* CACHED */) && rtc.isMarked(cacheMark(settings, network, flash)) ? network : -1;
}

/** What a cache depends on: other settings, also from another build, have another mark. */
function cacheMark(settings: Settings | undefined, network: number, flash: FlashRegion): number {
  const bytes = new Uint8Array(ArrayBuffer.fromString(`${settings?.wifi[network]?.ssid} ${settings?.host}`));
  return flash.crc(bytes, 0, bytes.length, 0);
}

/**
 * A whole message as text; undefined when it is no UTF-8. As many characters as bytes are ASCII: no need to look at
 * each.
 */
function textOf({ bytes, start, end }: Inbound, scanner: Scanner): string | undefined {
  try {
    const { buffer, byteOffset } = bytes;
    const text = (String.fromArrayBuffer as FromArrayBuffer)(buffer, byteOffset + start, end - start);
    const isAscii = text.length === end - start && text.indexOf("\0") < 0;
    return isAscii || isUtf8(bytes, start, end, scanner) ? text : undefined;
  } catch {
    // What the engine does not take for UTF-8 at all.
    return undefined;
  }
}

export default function (): void {
  new Firmware(now());
}

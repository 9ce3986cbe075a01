// What Home Assistant is told so that it finds the box by itself: one retained message of device discovery, with the
// button as an event, its gestures as device triggers, the LED, supply, presses and presence. Pure: facts come as
// arguments. The message is longer than RAM allows to build: it is made piece by piece, whenever bytes are asked for.

import type { PayloadSource } from "../mqtt/session.js";
import { type Flash, flashWord, type Scanner } from "./flash.js";
import { quoted } from "./json.js";
import type { Settings } from "./settings.js";

/** Where Home Assistant looks, unless somebody gave it another prefix. */
export function discoveryTopic(chipId: number): string {
  return `homeassistant/device/alertbox_${chipId}/config`;
}

/**
 * A number that is another one when the message would be, or would go to another broker: what was told last is kept
 * with the settings, and told again only when it changes.
 */
export function discoveryMark(settings: Settings, chipId: number, firmware: string, flash: Flash): number {
  const { host, port, root, mode, wiring, double, discovery } = settings;
  const text = `${firmware} ${chipId} ${host} ${port} ${mode} ${wiring} ${double} ${discovery} ${root}`;
  const bytes = new Uint8Array(ArrayBuffer.fromString(text));
  return flashWord(flash.crc(bytes, 0, bytes.length, 0));
}

/**
 * The message, of some 2,000 bytes and eleven times the root. Home Assistant reads the short names of its keys.
 *
 * - Supply, presses and the LED are unavailable when the box is lost, never while it sleeps. Button and presence have
 *   no availability: an alert comes before the box says that it is online.
 * - A box that sleeps cannot keep its LED lit, and one whose button restarts it knows short presses only: it promises
 *   neither. What it may have promised before is taken back by a component that has a platform only.
 */
export class Introduction implements PayloadSource {
  /** Where in the message the next byte is, and the piece that was made last begins and ends. */
  private place = 0;
  private end = 0;
  private start = 0;
  private bytes: Uint8Array = new Uint8Array(0);
  /** Bytes, once `step` has found them. */
  length = 0;
  /** The piece's number. */
  private at = -1;
  private readonly settings: Settings;
  private readonly chipId: number;
  private readonly firmware: string;
  private readonly scanner: Scanner | undefined;
  /** The topic root as it stands inside a JSON string. */
  private root = "";

  constructor(settings: Settings, chipId: number, firmware: string, scanner?: Scanner) {
    this.settings = settings;
    this.chipId = chipId;
    this.firmware = firmware;
    this.scanner = scanner;
  }

  /**
   * A step of finding the length: false when it is known, and the first piece at hand. Each takes a turn of its own.
   */
  step(): boolean {
    if (this.root === "") {
      const root = quoted(this.settings.root, this.scanner);
      this.root = root.substring(1, root.length - 1);
      return true;
    }
    if (this.at < 13) {
      this.next();
      return true;
    }
    this.length = this.end;
    this.restart();
    return false;
  }

  /** What is left of a piece: to make the next one takes long enough for a turn. */
  get available(): number {
    while (this.place >= this.end) this.next();
    return this.end - this.place;
  }

  read(offset: number, into: Uint8Array, at: number, count: number): void {
    if (offset < this.start) this.restart();
    const last = offset + count;
    let place = offset;
    for (;;) {
      while (place >= this.end) this.next();
      const { bytes, start, end } = this;
      const isLast = last <= end;
      const stop = isLast ? last : end;
      const isWhole = place === start && stop === end;
      into.set(isWhole ? bytes : bytes.subarray(place - start, stop - start), at + place - offset);
      place = stop;
      if (isLast) break;
    }
    this.place = last;
  }

  private restart(): void {
    this.at = -1;
    this.end = 0;
    this.place = 0;
    this.next();
  }

  /** Makes the next piece; it may be empty. */
  private next(): void {
    this.at += 1;
    this.bytes = new Uint8Array(ArrayBuffer.fromString(this.text(this.at)));
    this.start = this.end;
    this.end += this.bytes.length;
  }

  private text(at: number): string {
    const { root, chipId, firmware, settings } = this;
    switch (at) {
      case 0:
        return (
          `{"dev":{"ids":"alertbox_${chipId}","name":"AlertBox ${chipId}","mf":"alertbox","mdl":"ESP8266 alert button",` +
          `"sw":"${firmware}"},"o":{"name":"alertbox","sw":"${firmware}","url":"https://github.com/mresetar/alertbox"},`
        );
      case 1:
        return (
          `"cmps":{"btn":{"p":"event"${this.named("btn", "Button")},"dev_cla":"button","qos":2,` +
          `"evt_typ":["press","double","long"],"stat_t":"${root}/alert",`
        );
      case 2:
        return `"val_tpl":"{{dict(value_json,event_type=value_json.event|default('press'))|to_json}}"}`;
      case 3:
        return this.trigger("short", "press", true);
      case 4:
        return this.trigger("double", "double", settings.double && settings.wiring === "gpio");
      case 5:
        return this.trigger("long", "long", settings.wiring === "gpio");
      case 6:
        if (settings.mode === "battery") return ',"led":{"p":"light"}';
        return (
          `,"led":{"p":"light"${this.named("led", "LED")},"qos":1,"ret":true,"cmd_t":"${root}/cmd/led",` +
          `"stat_t":"${root}/led"`
        );
      case 7:
        return settings.mode === "battery" ? "" : this.unlessLost();
      case 8:
        return (
          `,"vcc":{"p":"sensor"${this.named("vcc", "Supply")},"dev_cla":"voltage","unit_of_meas":"mV",` +
          `"ent_cat":"diagnostic"${this.measured("measurement", "vcc")}`
        );
      case 10:
        return `,"cnt":{"p":"sensor"${this.named("cnt", "Presses")}${this.measured("total_increasing", "pushes")}`;
      case 9:
      case 11:
        return this.unlessLost();
      case 12:
        return (
          `,"awk":{"p":"binary_sensor"${this.named("awk", "Awake")},"dev_cla":"connectivity","ent_cat":"diagnostic",` +
          `"stat_t":"${root}/lwt",`
        );
      default:
        return `"val_tpl":"{{'ON' if value_json.state=='online' else 'OFF'}}"}}}`;
    }
  }

  private named(id: string, name: string): string {
    return `,"uniq_id":"alertbox_${this.chipId}_${id}","name":"${name}"`;
  }

  private trigger(type: string, event: string, isKnown: boolean): string {
    const head = `,"${type}":{"p":"device_automation"`;
    if (!isKnown) return `${head}}`;
    return (
      `${head},"atype":"trigger","type":"button_${type}_press","stype":"button_1","qos":2,` +
      `"t":"${this.root}/alert","val_tpl":"{{value_json.event|default('press')}}","pl":"${event}"}`
    );
  }

  private measured(kind: string, member: string): string {
    return `,"stat_cla":"${kind}","stat_t":"${this.root}/state","val_tpl":"{{value_json.${member}}}"`;
  }

  private unlessLost(): string {
    return `,"avty_t":"${this.root}/lwt","avty_tpl":"{{'offline' if value_json.state=='lost' else 'online'}}"}`;
  }
}

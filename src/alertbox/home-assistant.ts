// What Home Assistant is told so that it finds the box by itself: one retained message of device discovery, with the
// button as an event, its gestures as device triggers, the LED, supply, presses and presence. All of it is about the
// box's own topics. Pure: facts come as arguments.

import type { Scanner } from "./flash.js";
import { Introduction } from "./introduction.js";
import { quoted } from "./json.js";
import type { Settings } from "./settings.js";

/**
 * The message, of some 2,000 bytes and eleven times the root. Home Assistant reads the short names of its keys.
 *
 * - Supply, presses and the LED are unavailable when the box is lost, never while it sleeps. Button and presence have
 *   no availability: an alert comes before the box says that it is online.
 * - A box that sleeps cannot keep its LED lit, and one whose button restarts it knows short presses only: it promises
 *   neither. What it may have promised before is taken back by a component that has a platform only.
 */
export class Discovery extends Introduction {
  private readonly settings: Settings;
  private readonly chipId: number;
  private readonly firmware: string;
  private readonly scanner: Scanner | undefined;
  /** The topic root as it stands inside a JSON string. */
  private root = "";

  constructor(settings: Settings, chipId: number, firmware: string, scanner?: Scanner) {
    super(14);
    this.settings = settings;
    this.chipId = chipId;
    this.firmware = firmware;
    this.scanner = scanner;
  }

  override step(): boolean {
    if (this.root !== "") return super.step();
    const root = quoted(this.settings.root, this.scanner);
    this.root = root.substring(1, root.length - 1);
    return true;
  }

  protected override text(at: number): string {
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

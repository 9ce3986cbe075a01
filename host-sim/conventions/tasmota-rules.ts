// The judge of Tasmota-style devices: hears every message of a broker, who sent it, and the wills, and notes what those
// who watch Tasmota devices would not understand. The rules are from Tasmota's documentation
// (https://tasmota.github.io/docs/), cited by page and section, with its default options but for SetOption73 1 (a
// button that sends messages), and the answer of LedPower from its sources (CmndLedPower of support_command.ino).

import type { ConventionJudge, Kept, Said, Will } from "./broker-tap.js";

export interface TasmotaBreach {
  /** Page and section of the documentation. */
  readonly section: string;
  readonly detail: string;
  readonly at: number;
}

interface Command {
  readonly name: string;
  readonly payload: string;
  readonly at: number;
}

interface Device {
  clientId: string;
  /** What it has said of itself since it connected. */
  presence: string | undefined;
  /** What the LED was when its state was told last. */
  led: string | undefined;
  /** Not answered yet, in the order of their coming. */
  readonly commands: Command[];
}

const FULL_TOPIC = "MQTT: FullTopic";
const LWT = "MQTT: LWT Topic";
const SLEEP = "DeepSleep: General Timing";
const WAKE = "DeepSleep: Using smart home automation";
const RETAINED = "MQTT: Retained MQTT Messages";
const RESULT = "MQTT: Command flow";
const BUTTON = "Buttons-and-Switches: Multi-Press Functions";
const STATE = "MQTT: telemetry";
const LED_POWER = "Commands: LedPower";

const ACTIONS = ["SINGLE", "DOUBLE", "TRIPLE", "QUAD", "PENTA", "HOLD", "CLEAR"];
/** A command's own time, ms. */
const ANSWER_MS = 2000;

export class TasmotaJudge implements ConventionJudge {
  readonly breaches: TasmotaBreach[] = [];
  readonly #kept: Kept;
  readonly #devices = new Map<string, Device>();
  readonly #wills = new Map<string, Will | undefined>();

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  connected(clientId: string, will: Will | undefined): void {
    this.#wills.set(clientId, will);
    for (const device of this.#of(clientId)) {
      device.presence = undefined;
      device.commands.length = 0;
    }
  }

  disconnected(clientId: string): void {
    for (const device of this.#of(clientId)) {
      device.commands.length = 0;
      if (device.presence === "Online") this.#say(SLEEP, "DISCONNECT while Online: Offline is to be said before");
    }
  }

  said(said: Said): void {
    const [prefix = "", topic = "", ...rest] = said.topic.split("/");
    if (prefix !== "cmnd" && prefix !== "stat" && prefix !== "tele") return;
    const name = rest.join("/");
    if (said.clientId === undefined) {
      const device = this.#devices.get(topic);
      const command = { name: name.toUpperCase(), payload: said.payload.toUpperCase(), at: said.at };
      if (prefix === "cmnd" && device?.presence === "Online") device.commands.push(command);
      return;
    }
    const say = (section: string, detail: string) => this.#say(section, `${said.topic}: ${detail}`, said.at);
    if (prefix === "cmnd") say(FULL_TOPIC, "a device sends no commands to itself");
    if (topic === said.clientId) say(FULL_TOPIC, "the topic is the client id, too");
    if (rest.length !== 1 || name !== name.toUpperCase()) say(FULL_TOPIC, "no name in capitals behind the topic");
    const device = this.#device(topic, said);
    if (name === "LWT" && prefix === "tele") this.#onPresence(device, topic, said, say);
    else if (said.payload === "") {
      if (!said.retain) say(RESULT, "empty");
    } else {
      if (said.retain) say(RETAINED, "retained, which is no device's default");
      if (device.presence === "Offline") say(LWT, "said after Offline");
      const object = objectOf(said.payload);
      if (object === undefined) say(RESULT, "no JSON object");
      else if (prefix === "stat" && name === "RESULT") this.#onResult(device, object, say);
      else if (prefix === "tele" && name === "STATE") {
        // "The 2nd topic on which the device publish right after waking-up".
        if (device.presence === undefined) say(WAKE, "said before Online");
        checkState(object, say);
      } else say(FULL_TOPIC, "nobody looks there");
    }
  }

  /** What can only be judged in the end, which is now. */
  finish(at: number): void {
    for (const device of this.#devices.values()) {
      for (const command of device.commands) {
        if (at - command.at >= ANSWER_MS) this.#say(RESULT, `${command.name} ${command.payload} has no answer`, at);
      }
    }
  }

  #of(clientId: string): Device[] {
    return [...this.#devices.values()].filter((device) => device.clientId === clientId);
  }

  #device(topic: string, { clientId = "" }: Said): Device {
    const known = this.#devices.get(topic) ?? { clientId, presence: undefined, led: undefined, commands: [] };
    known.clientId = clientId;
    this.#devices.set(topic, known);
    return known;
  }

  #say(section: string, detail: string, at = Number.NaN): void {
    this.breaches.push({ section, detail, at });
  }

  #onPresence(device: Device, topic: string, said: Said, say: (section: string, detail: string) => void): void {
    const { payload, retain, isWill, clientId = "" } = said;
    if (!retain) say(LWT, "not retained");
    if (payload === "") {
      // Somebody takes the device away.
      device.presence = undefined;
      return;
    }
    if (payload !== "Online" && payload !== "Offline") say(LWT, `${payload} is neither Online nor Offline`);
    const will = this.#wills.get(clientId);
    if (isWill) {
      // That of the connection before may come behind the next CONNECT, which may have another.
      device.presence = undefined;
      return;
    }
    if (will?.topic !== `tele/${topic}/LWT` || will.payload !== "Offline" || !will.retain) {
      say(LWT, `the will is ${JSON.stringify(will)}`);
    }
    if (payload === "Online") device.led = undefined;
    device.presence = payload;
  }

  #onResult(device: Device, object: Record<string, unknown>, say: (section: string, detail: string) => void): void {
    const entries = Object.entries(object);
    const [key = "", value] = entries[0] ?? [];
    if (entries.length !== 1) say(RESULT, "a result is about one thing");
    if (/^Button\d+$/.test(key)) {
      const action = objectOf(JSON.stringify(value));
      const isKnown = ACTIONS.includes(String(action?.["Action"]));
      if (Object.keys(action ?? {}).join() !== "Action" || !isKnown)
        say(BUTTON, `${JSON.stringify(value)} is no action`);
    } else if (key === "LedPower1") this.#onLedPower(device, value, say);
    else say(RESULT, `${key} answers nothing that is known`);
  }

  /**
   * An answer tells the LED's state, after a payload that is none, too; a query changes nothing. One that nobody has
   * asked for here is to a command from elsewhere.
   */
  #onLedPower(device: Device, value: unknown, say: (section: string, detail: string) => void): void {
    const at = device.commands.findIndex(({ name }) => name === "LEDPOWER" || name === "LEDPOWER1");
    const [command] = at < 0 ? [] : device.commands.splice(at, 1);
    if (value !== "ON" && value !== "OFF") say(LED_POWER, `${JSON.stringify(value)} is neither ON nor OFF`);
    const wanted = command === undefined ? undefined : wantedLed(command.payload, device.led);
    if (wanted !== undefined && value !== wanted)
      say(LED_POWER, `${command?.payload} leads to ${value}, not ${wanted}`);
    device.led = String(value);
  }

  /** Whether a device that is there takes commands for its LED. */
  takesCommands(topic: string): boolean {
    const device = this.#devices.get(topic);
    return device !== undefined && this.#kept.isSubscribed(device.clientId, `cmnd/${topic}/LedPower`);
  }
}

/** What an LED is after a payload; undefined when that cannot be known. */
function wantedLed(payload: string, before: string | undefined): string | undefined {
  if (payload === "ON" || payload === "1") return "ON";
  if (payload === "OFF" || payload === "0") return "OFF";
  if (before === undefined || (payload !== "TOGGLE" && payload !== "2")) return before;
  return before === "ON" ? "OFF" : "ON";
}

function checkState(object: Record<string, unknown>, say: (section: string, detail: string) => void): void {
  const { Vcc: volts, Wifi: wifi } = object;
  // Volts with three decimals, as the firmware for a chip that measures its own supply has them.
  if (typeof volts !== "number" || volts < 1.8 || volts > 4) say(STATE, `Vcc is ${JSON.stringify(volts)}, in no volts`);
  const signal = objectOf(JSON.stringify(wifi))?.["Signal"];
  if (typeof signal !== "number" || signal > 0) say(STATE, `Wifi.Signal is ${JSON.stringify(signal)}, in no dBm`);
}

function objectOf(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
    return isObject ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

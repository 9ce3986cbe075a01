// The judge of Homie 5 devices: hears every message of a broker, who sent it, and the wills, and notes each breach of
// the convention with the section that forbids it. What is wrong with a single text is homie-description.ts's. The
// convention's "should" and "recommended" are not judged, but for what the last section says of QoS.

import type { ConventionJudge, Kept, Said, Will } from "./broker-tap.js";
import { type Breach, type HomieProperties, isHomieId, payloadProblem, readDescription } from "./homie-description.js";

export interface DatedBreach extends Breach {
  readonly deviceId: string;
  readonly at: number;
}

interface Setting {
  readonly payload: string;
  readonly at: number;
}

/** What is known of a device by what it has said. */
interface Device {
  readonly id: string;
  clientId: string;
  /** Undefined: the device does not exist (Device Lifecycle). */
  state: string | undefined;
  /** What it has said of its state since it connected. */
  saidState: string | undefined;
  description: string | undefined;
  /** The newest, also when it was taken away since. */
  lastDescription: string | undefined;
  /** The highest so far; controllers may remember it for ever. */
  version: number;
  properties: HomieProperties;
  /** Topics below the device that were ever retained, but for attributes. */
  readonly values: Set<string>;
  /** QoS of its retained messages. */
  qos: number | undefined;
  /** What controllers have asked for and the device has not reflected, by property. */
  readonly settings: Map<string, Setting>;
}

const STATES = ["init", "ready", "disconnected", "sleeping", "lost"];
const LEVELS = ["debug", "info", "warn", "error", "fatal"];
/** "As soon as possible" (Property command topic), ms. */
const REFLECT_MS = 2000;

const LIFECYCLE = "Device Lifecycle";
const QOS = "QoS and retained messages";

export class HomieJudge implements ConventionJudge {
  readonly breaches: DatedBreach[] = [];
  readonly #kept: Kept;
  readonly #devices = new Map<string, Device>();
  readonly #wills = new Map<string, Will | undefined>();

  constructor(kept: Kept) {
    this.#kept = kept;
  }

  connected(clientId: string, will: Will | undefined): void {
    this.#wills.set(clientId, will);
    for (const device of this.#of(clientId)) {
      device.saidState = undefined;
      device.settings.clear();
      // A broker that has lost its memory knows no device.
      device.state = this.#kept.retained(`homie/5/${device.id}/$state`);
    }
  }

  disconnected(clientId: string): void {
    for (const device of this.#of(clientId)) {
      device.settings.clear();
      if (device.saidState !== "init" && device.saidState !== "ready") continue;
      this.#say(
        device,
        LIFECYCLE,
        `DISCONNECT while ${device.saidState}: disconnected or sleeping is to be said before`,
      );
    }
  }

  said(said: Said): void {
    const [domain, major, id = "", ...path] = said.topic.split("/");
    if (domain !== "homie" || id === "$broadcast") return;
    if (said.clientId === undefined) {
      const device = this.#devices.get(id);
      if (device !== undefined && path[2] === "set") this.#onSet(device, `${path[0]}/${path[1]}`, said);
      return;
    }
    const device = this.#device(id, said);
    const say = (section: string, detail: string) => this.#say(device, section, `${said.topic}: ${detail}`, said.at);
    if (major !== "5") say("Domain and Root Topic", `the second level is ${major}, not 5`);
    if (!isHomieId(id)) say("Topic IDs", "no id of a device");
    this.#checkText(said, say);
    this.#checkWill(device, said, say);
    const [first = "", second = "", third] = path;
    if (first === "$state" && path.length === 1) this.#onState(device, said, say);
    else if (first === "$description" && path.length === 1) this.#onDescription(device, said, say);
    else if (first === "$log" && path.length === 2) {
      if (!LEVELS.includes(second)) say("Logging", `there is no level ${second}`);
      if (said.retain) say("Logging", "retained");
    } else if (first === "$alert" && path.length === 2) {
      if (!isHomieId(second)) say("Topic IDs", `${second} is no id of an alert`);
      this.#checkRetained(device, said, say);
    } else if (isHomieId(first) && isHomieId(second) && path.length === 2) this.#onValue(device, path, said, say);
    else if (isHomieId(first) && isHomieId(second) && third === "$target" && path.length === 3) {
      this.#onValue(device, path, said, say);
    } else if (third === "set") say("Property command topic", "set by the device itself");
    else say("Topic IDs", "neither an attribute nor a property");
  }

  /** What can only be judged in the end, which is now. */
  finish(at: number): void {
    for (const device of this.#devices.values()) {
      for (const [path, setting] of device.settings) {
        if (at - setting.at < REFLECT_MS) continue;
        this.#say(
          device,
          "Property command topic",
          `${path} was set to ${setting.payload}, and does not reflect it`,
          at,
        );
      }
      if (this.#keptOf(device, "$state") !== undefined) continue;
      for (const path of ["$description", ...device.values]) {
        if (this.#keptOf(device, path) === undefined) continue;
        this.#say(device, LIFECYCLE, `the device was removed, and ${path} is left behind`, at);
      }
    }
  }

  #of(clientId: string): Device[] {
    return [...this.#devices.values()].filter((device) => device.clientId === clientId);
  }

  #device(id: string, { clientId = "" }: Said): Device {
    const known = this.#devices.get(id);
    if (known !== undefined) {
      if (known.clientId !== clientId) Object.assign(known, { clientId, saidState: undefined });
      return known;
    }
    const device: Device = {
      ...{ id, clientId, state: undefined, saidState: undefined, description: undefined },
      ...{
        lastDescription: undefined,
        version: Number.NEGATIVE_INFINITY,
        properties: new Map(),
        values: new Set(),
        qos: undefined,
      },
      settings: new Map(),
    };
    this.#devices.set(id, device);
    return device;
  }

  #say({ id }: Device, section: string, detail: string, at = Number.NaN): void {
    this.breaches.push({ section, detail, deviceId: id, at });
  }

  #keptOf({ id }: Device, path: string): string | undefined {
    return this.#kept.retained(`homie/5/${id}/${path}`);
  }

  /** Payloads. */
  #checkText({ bytes, payload, topic }: Said, say: (section: string, detail: string) => void): void {
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    } catch {
      say("Payloads", "no UTF-8");
    }
    if (payload.startsWith("\ufeff")) say("Payloads", "begins with a BOM");
    const isValue = !topic.includes("/$") || topic.endsWith("/$target");
    if (payload === "\0" && !isValue) say("Empty string values", "a byte 0 stands for no attribute");
  }

  /**
   * Last Will. A message that only takes something away may come from a connection that is no device's any more; a will
   * may be that of the connection before, said behind the next CONNECT.
   */
  #checkWill({ id }: Device, said: Said, say: (section: string, detail: string) => void): void {
    const { clientId = "", payload, isWill } = said;
    if (payload === "" || isWill) return;
    const will = this.#wills.get(clientId);
    if (will === undefined) {
      say("Last Will", "the connection has no will");
      return;
    }
    if (will.topic !== `homie/5/${id}/$state`) say("Last Will", `the will is for ${will.topic}`);
    else if (will.payload !== "lost") say("Last Will", `the will says ${will.payload}, not lost`);
    if (!will.retain) say("Last Will", "the will is not retained");
  }

  /** A message that must be retained, with a QoS that is the same for all of the device (QoS choices explained). */
  #checkRetained(device: Device, { retain, qos, isWill }: Said, say: (section: string, detail: string) => void): void {
    if (!retain) say(QOS, "not retained");
    if (qos === 0) say("QoS choices explained", "QoS 0 for what is to be kept");
    // Wills may have been given a QoS by another connection of before.
    if (!isWill && device.qos !== undefined && device.qos !== qos) {
      say("QoS choices explained", `QoS ${qos}, where the device used ${device.qos}: order does not hold between them`);
    }
    device.qos = qos;
  }

  #onState(device: Device, said: Said, say: (section: string, detail: string) => void): void {
    const { payload, isWill } = said;
    if (payload === "") {
      if (!said.retain) say(LIFECYCLE, "an empty message that is not retained removes nothing");
      Object.assign(device, { state: undefined, saidState: undefined, description: undefined, properties: new Map() });
      return;
    }
    this.#checkRetained(device, said, say);
    if (!STATES.includes(payload)) say(LIFECYCLE, `there is no state ${payload}`);
    if (payload === "lost" && !isWill) say(LIFECYCLE, "lost is for the will to say");
    device.state = payload;
    device.saidState = isWill ? undefined : payload;
    if (payload === "ready") this.#checkReady(device, said, say);
  }

  #checkReady(device: Device, { clientId = "" }: Said, say: (section: string, detail: string) => void): void {
    const text = this.#keptOf(device, "$description");
    if (text === undefined || text !== device.description) {
      say(LIFECYCLE, "ready, and the broker has not its description");
    }
    for (const [path, property] of device.properties) {
      const { retained, settable } = property;
      const topic = `homie/5/${device.id}/${path}`;
      const value = this.#kept.retained(topic);
      if (retained && value === undefined) say(LIFECYCLE, `ready, and ${path} has no value`);
      const problem = value === undefined ? undefined : payloadProblem(property, value === "\0" ? "" : value);
      if (problem !== undefined) say("Payloads", `ready, and ${path}: ${problem}`);
      if (settable && !this.#kept.isSubscribed(clientId, `${topic}/set`)) {
        say(LIFECYCLE, `ready, and not subscribed to ${path}/set`);
      }
    }
    for (const path of device.values) {
      const property = device.properties.get(path.replace(/\/\$target$/, ""));
      if (property === undefined && this.#keptOf(device, path) !== undefined) {
        say("Device reconfiguration", `ready, and ${path} is still there, which the description has no more`);
      }
    }
  }

  #onDescription(device: Device, said: Said, say: (section: string, detail: string) => void): void {
    const { payload } = said;
    if (payload === "") {
      if (device.state !== undefined) say(LIFECYCLE, "taken away before $state");
      Object.assign(device, { description: undefined, properties: new Map() });
      return;
    }
    this.#checkRetained(device, said, say);
    const { breaches, version, properties } = readDescription(payload);
    for (const { section, detail } of breaches) say(section, detail);
    if (payload !== device.description) {
      const { state } = device;
      if (state === "ready" || state === "sleeping") say("Device Attributes", `changes while the device is ${state}`);
      const isSame = payload === device.lastDescription;
      if (version !== undefined && !isSame && version <= device.version) {
        say("Device Attributes", `changes, and its version ${version} is not higher than ${device.version}`);
      }
    }
    device.lastDescription = payload;
    device.version = Math.max(device.version, version ?? Number.NEGATIVE_INFINITY);
    Object.assign(device, { description: payload, properties });
  }

  #onValue(device: Device, path: readonly string[], said: Said, say: (section: string, detail: string) => void): void {
    const { payload, retain, qos } = said;
    const name = `${path[0]}/${path[1]}`;
    const property = device.properties.get(name);
    if (payload === "") {
      if (!retain) say("Payloads", "an empty message is no value");
      else if (property !== undefined && device.state === "ready") {
        say("Device reconfiguration", `${name} is taken away from a device that is ready`);
      }
      return;
    }
    // "init" is optional, so a value may come before the first state of a connection.
    if (device.saidState === "sleeping" || device.saidState === "disconnected") {
      say(LIFECYCLE, `a value while the device is ${device.saidState}`);
    }
    if (retain) device.values.add(path.join("/"));
    if (property === undefined) {
      // While it is about to be described anew nothing can be said; "ready" looks at it again.
      if (device.saidState === "ready") say("Property Attributes", `the description has no property ${name}`);
      return;
    }
    const problem = payloadProblem(property, payload === "\0" ? "" : payload);
    if (problem !== undefined) say("Payloads", problem);
    if (property.retained) this.#checkRetained(device, said, say);
    else {
      if (retain) say(QOS, "retained, and the property is not");
      if (qos !== 0) say(QOS, `QoS ${qos} for a property that is not retained, not 0`);
    }
    if (device.settings.get(name)?.payload === payload) device.settings.delete(name);
  }

  #onSet(device: Device, name: string, { payload, retain, at }: Said): void {
    const property = device.properties.get(name);
    if (retain) this.#say(device, "Property command topic", `a controller sets ${name} with a retained message`, at);
    if (property === undefined || !property.settable || device.saidState !== "ready") return;
    // What is no value of the property need not be taken.
    if (payloadProblem(property, payload) === undefined) device.settings.set(name, { payload, at });
  }
}

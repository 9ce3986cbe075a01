// What MQTT 3.1.1 demands of the bytes of one packet that a client sends, whatever came before it. Works on raw bytes
// and shares no code with mqtt-packet or with the firmware's codec, so that each of the three checks the others. Knows
// nothing of sessions: those rules are in session-rules.ts, and for the model broker in broker-client.ts.

/** A rule that was broken: `MQTT-3.1.0-2`, and how. */
export interface Breach {
  readonly statement: string;
  readonly detail: string;
}

type Report = (statement: string, detail: string) => void;

const Type = Object.freeze({
  connect: 1,
  publish: 3,
  puback: 4,
  pubrec: 5,
  pubrel: 6,
  pubcomp: 7,
  subscribe: 8,
  unsubscribe: 10,
  pingreq: 12,
  disconnect: 14,
} as const);

const names: readonly string[] = Object.freeze([
  ...["type 0", "CONNECT", "CONNACK", "PUBLISH", "PUBACK", "PUBREC", "PUBREL", "PUBCOMP", "SUBSCRIBE", "SUBACK"],
  ...["UNSUBSCRIBE", "UNSUBACK", "PINGREQ", "PINGRESP", "DISCONNECT", "type 15"],
]);

/**
 * Flags that a client's packet has, and the rule that says so where there is one of its own. Table A.2 of the standard.
 */
const flagRules: Readonly<Record<number, readonly [flags: number, statement: string]>> = Object.freeze({
  [Type.connect]: [0, "MQTT-2.2.2-1"],
  [Type.puback]: [0, "MQTT-2.2.2-1"],
  [Type.pubrec]: [0, "MQTT-2.2.2-1"],
  [Type.pubrel]: [2, "MQTT-3.6.1-1"],
  [Type.pubcomp]: [0, "MQTT-2.2.2-1"],
  [Type.subscribe]: [2, "MQTT-3.8.1-1"],
  [Type.unsubscribe]: [2, "MQTT-3.10.1-1"],
  [Type.pingreq]: [0, "MQTT-2.2.2-1"],
  [Type.disconnect]: [0, "MQTT-3.14.1-1"],
});

/** Everything that is wrong with one whole packet from a client; each breach makes a server close the connection. */
export function checkPacket(packet: Uint8Array): Breach[] {
  const breaches: Breach[] = [];
  const first = packet[0] ?? 0;
  const type = first >> 4;
  const name = names[type] ?? "";
  const report: Report = (statement, detail) => breaches.push({ statement, detail: `${name}: ${detail}` });
  const rule = flagRules[type];
  if (type === 0 || type === 15) report("MQTT-4.8.0-1", "this packet type is forbidden");
  else if (rule === undefined && type !== Type.publish) report("MQTT-4.8.0-1", "only servers send it");
  else if (rule !== undefined && (first & 15) !== rule[0]) report(rule[1], `flags are ${first & 15}, not ${rule[0]}`);
  if (breaches.length > 0) return breaches;
  const body = new Body(packet.subarray(headerLength(packet)));
  switch (type) {
    case Type.connect:
      checkConnect(body, report);
      break;
    case Type.publish:
      checkPublish(body, first & 15, report);
      break;
    case Type.subscribe:
      checkFilters(body, true, report);
      break;
    case Type.unsubscribe:
      checkFilters(body, false, report);
      break;
    case Type.pingreq:
    case Type.disconnect:
      if (body.left > 0) report("MQTT-4.8.0-1", `it has ${body.left} bytes too many`);
      break;
    default:
      checkAcknowledgement(body, report);
  }
  return breaches;
}

function headerLength(packet: Uint8Array): number {
  let length = 1;
  while ((packet[length] ?? 0) >= 128) length += 1;
  return length + 1;
}

/** Reads a packet from front to back; what is not there is undefined. */
class Body {
  readonly #bytes: Uint8Array;
  #offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.byteLength - this.#offset;
  }

  byte(): number | undefined {
    return this.#bytes[this.#offset++];
  }

  number(): number | undefined {
    const high = this.byte();
    const low = this.byte();
    return high === undefined || low === undefined ? undefined : high * 256 + low;
  }

  field(): Uint8Array | undefined {
    const length = this.number();
    if (length === undefined || length > this.left) return undefined;
    this.#offset += length;
    return this.#bytes.subarray(this.#offset - length, this.#offset);
  }
}

const Flag = Object.freeze({ reserved: 1, clean: 2, will: 4, willQoS: 24, willRetain: 32, password: 64, user: 128 });

function checkConnect(body: Body, report: Report): void {
  const name = body.field();
  if (name === undefined || decode(name) !== "MQTT") {
    report("MQTT-3.1.2-1", "the protocol name is not MQTT");
    return;
  }
  const level = body.byte();
  if (level !== 4) {
    report("MQTT-3.1.2-2", `the protocol level is ${level}, not 4`);
    return;
  }
  const flags = body.byte();
  const keepAlive = body.number();
  if (flags === undefined || keepAlive === undefined) {
    report("MQTT-4.8.0-1", "it ends too early");
    return;
  }
  checkConnectFlags(flags, report);
  const id = body.field();
  if (id === undefined) {
    report("MQTT-3.1.3-3", "the client id is missing");
    return;
  }
  checkText(id, "client id", "MQTT-3.1.3-4", report);
  if (id.byteLength === 0 && (flags & Flag.clean) === 0) {
    report("MQTT-3.1.3-7", "an empty client id needs clean session = 1");
  }
  if (flags & Flag.will) {
    const topic = body.field();
    const message = body.field();
    if (topic === undefined || message === undefined) {
      report("MQTT-3.1.2-9", "topic or message of the will is missing");
      return;
    }
    checkText(topic, "will topic", "MQTT-3.1.3-10", report);
    checkTopic(topic, "MQTT-4.7.1-1", report);
  }
  if (flags & Flag.user) {
    const user = body.field();
    if (user === undefined) {
      report("MQTT-3.1.2-19", "the user name is missing");
      return;
    }
    checkText(user, "user name", "MQTT-3.1.3-11", report);
  }
  if (flags & Flag.password && body.field() === undefined) {
    report("MQTT-3.1.2-21", "the password is missing");
    return;
  }
  if (body.left > 0) report("MQTT-3.1.3-1", `it has ${body.left} bytes too many`);
}

function checkConnectFlags(flags: number, report: Report): void {
  if (flags & Flag.reserved) report("MQTT-3.1.2-3", "the reserved flag is set");
  if (flags & Flag.will) {
    if ((flags & Flag.willQoS) === Flag.willQoS) report("MQTT-3.1.2-14", "the will has QoS 3");
  } else {
    if (flags & Flag.willQoS) report("MQTT-3.1.2-13", "QoS without a will");
    if (flags & Flag.willRetain) report("MQTT-3.1.2-15", "retain without a will");
  }
  if (flags & Flag.password && !(flags & Flag.user)) report("MQTT-3.1.2-22", "a password without a user name");
}

function checkPublish(body: Body, flags: number, report: Report): void {
  const qos = (flags >> 1) & 3;
  if (qos === 3) {
    report("MQTT-3.3.1-4", "both QoS bits are set");
    return;
  }
  if (qos === 0 && flags & 8) report("MQTT-3.3.1-2", "DUP with QoS 0");
  const topic = body.field();
  if (topic === undefined) {
    report("MQTT-3.3.2-1", "the topic name is not whole");
    return;
  }
  checkText(topic, "topic name", "MQTT-1.5.3-1", report);
  checkTopic(topic, "MQTT-3.3.2-2", report);
  if (qos > 0) checkId(body, report);
}

function checkAcknowledgement(body: Body, report: Report): void {
  if (body.left !== 2) {
    report("MQTT-4.8.0-1", `its remaining length is ${body.left}, not 2`);
    return;
  }
  if (body.number() === 0) report("MQTT-2.3.1-6", "the packet id is 0");
}

function checkId(body: Body, report: Report): void {
  const id = body.number();
  if (id === undefined) report("MQTT-2.3.1-1", "the packet id is missing");
  else if (id === 0) report("MQTT-2.3.1-1", "the packet id is 0");
}

function checkFilters(body: Body, isSubscribe: boolean, report: Report): void {
  checkId(body, report);
  if (body.left <= 0) report(isSubscribe ? "MQTT-3.8.3-3" : "MQTT-3.10.3-2", "it has no topic filter");
  while (body.left > 0) {
    const filter = body.field();
    if (filter === undefined) {
      report("MQTT-4.8.0-1", "a topic filter is not whole");
      return;
    }
    checkText(filter, "topic filter", isSubscribe ? "MQTT-3.8.3-1" : "MQTT-3.10.3-1", report);
    checkFilter(filter, report);
    if (!isSubscribe) continue;
    const qos = body.byte();
    if (qos === undefined) {
      report("MQTT-3.8.3-3", "a requested QoS is missing");
      return;
    }
    if (qos > 2) report("MQTT-3.8.3-4", `the requested QoS byte is ${qos}`);
  }
}

/** The bytes as text, undefined when they are not UTF-8. Surrogates and overlong forms are not. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function checkText(bytes: Uint8Array, what: string, statement: string, report: Report): void {
  if (decode(bytes) === undefined) report(statement, `the ${what} is not UTF-8`);
  if (bytes.includes(0)) report("MQTT-1.5.3-2", `the ${what} has a U+0000`);
}

function checkTopic(bytes: Uint8Array, statement: string, report: Report): void {
  if (bytes.byteLength === 0) report("MQTT-4.7.3-1", "the topic name is empty");
  if (bytes.includes(0x23) || bytes.includes(0x2b)) report(statement, `the topic name ${decode(bytes)} has a wildcard`);
}

function checkFilter(bytes: Uint8Array, report: Report): void {
  if (bytes.byteLength === 0) {
    report("MQTT-4.7.3-1", "the topic filter is empty");
    return;
  }
  const levels = (decode(bytes) ?? "").split("/");
  for (const [index, level] of levels.entries()) {
    if (level.includes("#") && (level !== "#" || index !== levels.length - 1)) {
      report("MQTT-4.7.1-2", `# is not a whole last level in ${levels.join("/")}`);
    }
    if (level.includes("+") && level !== "+") report("MQTT-4.7.1-3", `+ is not a whole level in ${levels.join("/")}`);
  }
}

/** Whether a topic filter matches a topic name [MQTT-4.7.1, MQTT-4.7.2-1]. */
export function matches(filter: string, topic: string): boolean {
  if (topic.startsWith("$") && (filter.startsWith("+") || filter.startsWith("#"))) return false;
  const wanted = filter.split("/");
  const given = topic.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    if (index >= given.length || (level !== "+" && level !== given[index])) return false;
  }
  return wanted.length === given.length;
}

// One connection to the broker: made within a time, or failed with a sentence that says what is wrong and what to do.
// It does not come back by itself; lasting-connection.ts does. Knows MQTT.js and no command.

import {
  type IClientOptions,
  type IConnackPacket,
  type IPublishPacket,
  type IStore,
  type MqttClient,
  connect as openClient,
} from "mqtt";
import { Failure } from "./failure.js";
import { shown } from "./shown.js";
import type { Target } from "./target.js";

const KEEP_ALIVE_SECONDS = 30;
/** CONNACK's code for a broker that is there but not ready (MQTT 3.1.1 table 3.1): the only one that time heals. */
const UNAVAILABLE = 3;

export interface Message {
  readonly topic: string;
  readonly text: string;
  /** It was kept by the broker, and is not new. */
  readonly isRetained: boolean;
  readonly qos: number;
}

export function messageOf({ topic, payload, retain, qos }: IPublishPacket): Message {
  return { topic, text: payload.toString("utf8"), isRetained: retain, qos };
}

export interface ConnectionOptions {
  readonly clientId: string;
  /** False: the broker keeps the session while nobody is connected. */
  readonly clean: boolean;
  readonly onMessage: (message: Message) => void;
  /** What has come with QoS 2 and is not released yet. */
  readonly store?: IStore;
}

/** The certificate itself is in order, or nothing is known of it: who signed it is not known. */
const UNTRUSTED = Object.freeze([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "INVALID_CA",
]);

const no = (message: string) => new Failure(message, { isFinal: true });

/** The sentence for an error of socket, TLS or CONNACK. */
export function complaint(error: unknown, target: Target): Failure {
  if (error instanceof Failure) return error;
  const { message = "", code } = error as { message?: string; code?: string | number };
  const place = `${target.host}:${target.port}`;
  if (typeof code === "number" && message.startsWith("Connection refused")) return refusal(code, target);
  switch (code) {
    case "ENOTFOUND":
      return new Failure(
        `nobody knows a host ${JSON.stringify(target.host)}. Check the broker's name, or give its address`,
      );
    case "EAI_AGAIN":
      return new Failure(`the name ${JSON.stringify(target.host)} cannot be looked up now. Is this computer online?`);
    case "ECONNREFUSED":
      return new Failure(
        `nothing listens on ${place}. Is the broker running, and is that its port? Usual are 1883, and 8883 with TLS`,
      );
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return new Failure(`there is no way to ${place} from here. Is this computer in the broker's network?`);
    case "ETIMEDOUT":
      return new Failure(`${place} does not answer. Is the broker on, and does a firewall stand between?`);
    case "ECONNRESET":
    case "EPIPE":
      return cutOff(target);
    case "ERR_TLS_CERT_ALTNAME_INVALID":
      return no(
        `the certificate of ${place} is for another name. Use the name it was made for in --broker` +
          ` (${shown(/.*altnames: (.*)$/.exec(message)?.[1] ?? /cert's CN: (.*)$/.exec(message)?.[1] ?? "see the certificate")})`,
      );
    case "CERT_HAS_EXPIRED":
      return no(`the certificate of ${place} has expired. The broker needs a new one; is this computer's clock right?`);
    case "CERT_NOT_YET_VALID":
      return no(`the certificate of ${place} is not valid yet. Is this computer's clock right?`);
    case undefined:
      break;
    default:
      if (UNTRUSTED.includes(String(code))) {
        return no(
          `the certificate of ${place} is not trusted (${code}). Give the certificate of the CA that signed it with ` +
            "--ca FILE; --insecure goes without, for a test",
        );
      }
      if (/WRONG_VERSION_NUMBER|PACKET_LENGTH|UNSUPPORTED_PROTOCOL|NO_PROTOCOLS|EPROTO/.test(String(code))) {
        return no(`${place} does not speak TLS as it should. Is it a port without TLS? Then write mqtt://`);
      }
      if (/CERTIFICATE_REQUIRED|HANDSHAKE_FAILURE|BAD_CERTIFICATE|UNKNOWN_CA|ALERT/.test(String(code))) {
        return no(
          `${place} refuses the TLS connection (${code}). It may want a certificate of yours, which it trusts: --cert ` +
            "FILE --key FILE",
        );
      }
      if (/^ERR_OSSL|^ERR_SSL|KEY_VALUES_MISMATCH/.test(String(code))) {
        return no(`--cert, --key or --ca cannot be used (${code}). Is each a PEM file, and does the key belong to it?`);
      }
  }
  if (message === "connack timeout") {
    return new Failure(
      `${place} has not answered within ${target.connectMs / 1000} s. Is it an MQTT broker, and is it reachable?`,
    );
  }
  // What the decoder of MQTT packets says.
  if (code === undefined) return notMqtt(target);
  return new Failure(`${place}: ${shown(message)} (${code})`);
}

function notMqtt(target: Target): Failure {
  const tls = target.isSecure ? "" : ", or an MQTT port with TLS: then write mqtts://";
  return new Failure(`what answers on ${target.host}:${target.port} is not MQTT. Is it another service's port${tls}?`);
}

function cutOff(target: Target): Failure {
  const tls = target.isSecure ? "Does it want a certificate of yours (--cert, --key)" : "Does it want TLS (mqtts://)";
  return new Failure(
    `${target.host}:${target.port} closed the connection instead of answering. ${tls}, or is it no MQTT broker?`,
  );
}

function refusal(code: number, { user, password }: Target): Failure {
  const who = user === "" ? "no user name is given: mqtt://user@host, and ALERTBOX_PASSWORD or a file" : "";
  switch (code) {
    case 1:
      return no("the broker refuses MQTT 3.1.1. It may speak MQTT 5 only: switch 3.1.1 on in its settings");
    case 2:
      return no("the broker refuses the client identifier. Choose another --session name");
    case UNAVAILABLE:
      return new Failure("the broker says that it is not available now");
    case 4:
    case 5: {
      const what = code === 4 ? "bad user name or password" : "not authorised";
      if (who !== "") return no(`the broker refuses the connection: ${what}, and ${who}`);
      const secret =
        password === "" ? "there is no password: set ALERTBOX_PASSWORD or write it to a file" : "check both";
      return no(`the broker refuses user ${JSON.stringify(shown(user))}: ${what}; ${secret}`);
    }
    default:
      return new Failure(`the broker refuses the connection (code ${code})`);
  }
}

export class Connection {
  readonly client: MqttClient;
  /** The broker has kept the session of the last time. */
  readonly wasKept: boolean;
  /** Resolves with a sentence when it has ended, for whatever reason. */
  readonly ended: Promise<string>;

  private constructor(client: MqttClient, wasKept: boolean, ended: Promise<string>) {
    this.client = client;
    this.wasKept = wasKept;
    this.ended = ended;
  }

  /**
   * Connects.
   *
   * @throws Failure that says why not.
   */
  static open(target: Target, options: ConnectionOptions, signal: AbortSignal): Promise<Connection> {
    let client: MqttClient;
    try {
      client = openClient(clientOptions(target, options));
    } catch (error) {
      // Certificates and keys are read at once.
      return Promise.reject(complaint(error, target));
    }
    client.on("message", (_topic, _payload, packet) => options.onMessage(messageOf(packet)));
    let isUp = false;
    let why = "the broker closed it";
    const ended = new Promise<string>((resolve) => {
      client.once("close", () => resolve(why));
    });
    return new Promise((resolve, reject) => {
      const give = (failure: Failure) => {
        signal.removeEventListener("abort", stop);
        client.end(true);
        reject(failure);
      };
      const stop = () => give(new Failure("stopped"));
      if (signal.aborted) return stop();
      signal.addEventListener("abort", stop, { once: true });
      client.on("error", (error: Error & { code?: unknown }) => {
        const failure = complaint(error, target);
        if (error.message === "Keepalive timeout") why = "the broker does not answer any more";
        // A connection that stood and is reset was closed in a hurry.
        else if (!isUp || error.code !== "ECONNRESET") why = failure.message;
        give(failure);
      });
      client.once("close", () => give(cutOff(target)));
      client.once("connect", ({ sessionPresent }: IConnackPacket) => {
        signal.removeEventListener("abort", stop);
        isUp = true;
        resolve(new Connection(client, sessionPresent, ended));
      });
    });
  }

  /**
   * Subscribes to those of the filters that the broker permits.
   *
   * @returns the least QoS that was granted.
   * @throws Failure when it permits none of them.
   */
  async subscribe(filters: readonly string[], qos: 0 | 1 | 2): Promise<number> {
    const granted: number[] = [];
    await new Promise<void>((resolve, reject) => {
      this.client.subscribe([...filters], { qos }, (error, _grants, packet) => {
        // The library makes an error of one that is refused, whatever becomes of the others.
        const codes = (packet as { granted?: (number | { qos: number })[] } | undefined)?.granted;
        if (codes === undefined) {
          const reason = shown(error?.message ?? "no SUBACK");
          const hint = `Some brokers close it when the user may not subscribe to ${filters.join(" and ")}`;
          reject(new Failure(`the connection ended before the broker had answered (${reason}). ${hint}`));
          return;
        }
        for (const code of codes) granted.push(typeof code === "number" ? code : code.qos);
        resolve();
      });
    });
    const permitted = granted.filter((code) => code < 128);
    if (permitted.length === 0) {
      throw new Failure(
        `the broker does not let this user subscribe to ${filters.join(" and ")}. Its access control list must permit ` +
          "reading there; or is --root another one?",
        { isFinal: true },
      );
    }
    return Math.min(...permitted);
  }

  /**
   * Publishes, and resolves when the broker has acknowledged it.
   *
   * @throws Failure when the connection ended before.
   */
  async publish(topic: string, payload: string, qos: 1 | 2, retain: boolean): Promise<void> {
    try {
      await Promise.race([
        this.client.publishAsync(topic, payload, { qos, retain }),
        this.ended.then((why) => Promise.reject(new Error(why))),
      ]);
    } catch (error) {
      const reason = shown((error as Error).message);
      throw new Failure(
        `the connection ended before the broker had acknowledged (${reason}). Some brokers close it when the user may ` +
          `not publish to ${topic}`,
      );
    }
  }

  /** Says goodbye, and resolves when the connection is closed. */
  async close(): Promise<void> {
    if (this.client.connected) await this.client.endAsync();
    else this.client.end(true);
  }
}

function clientOptions(target: Target, { clientId, clean, store }: ConnectionOptions): IClientOptions {
  const { isSecure, host, port, user, password, ca, cert, key, isInsecure } = target;
  return {
    ...{ host, port, protocol: isSecure ? "mqtts" : "mqtt", protocolVersion: 4 },
    ...(user === "" ? {} : { username: user }),
    ...(password === "" ? {} : { password }),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(isSecure ? { rejectUnauthorized: !isInsecure } : {}),
    ...(store === undefined ? {} : { incomingStore: store }),
    ...{ clientId, clean, keepalive: KEEP_ALIVE_SECONDS, connectTimeout: target.connectMs },
    ...{ reconnectPeriod: 0, resubscribe: false },
  };
}

// The way of messages to a broker: its name resolved, a session with its link, and announcements that wait for a place
// in the session. Hides that all of it is made in parts, each in a turn of its own, because Wi-Fi starves in a long
// one, and that a lookup cannot be cancelled. What is said to the broker, and when, is not known here.

import { type Message, Session, type SessionHandler, type SessionOptions, type Subscription } from "../mqtt/session.js";
import { type LinkHandler, MqttLink } from "./mqtt-link.js";
import { isAddress, Resolver } from "./resolver.js";
import { logStep } from "./serial-log.js";

export interface UplinkHandler extends LinkHandler, SessionHandler {
  /** The name of the broker leads nowhere. Never from inside `open`. */
  onUnknown(host: string): void;
}

/** Options of the session; the last two change between its connections. */
export type UplinkOptions = SessionOptions & { clean: boolean; pipeline: boolean };

/** RAM of the MQTT session in bytes and entries. `send` holds the largest CONNECT that the settings allow. */
export const BUDGET = Object.freeze({ receive: 768, send: 512, inFlight: 6, inbound: 1, topic: 128 });

export class Uplink {
  // To be read only, but for the options, which the owner sets before it calls `make`.
  link: MqttLink | undefined;
  session: Session<UplinkHandler> | undefined;
  options: UplinkOptions | undefined;
  private readonly waiting: Message[] = [];
  /** What is to be subscribed to, once there is a place for it. */
  private filters: readonly Subscription[] | undefined;
  /** The announcement whose end the owner wants to know; its packet id, 0 before it has one, -1 once acknowledged. */
  watched: Message | undefined;
  watchedId = 0;
  private readonly resolver = new Resolver();
  /** Where the broker was last reached, dotted. */
  address = "";

  /**
   * Makes a part of what a connection needs; false when all of it is there. `firstId`: the session's own packet ids
   * begin there, or somewhere in the 32,000 behind it.
   */
  make(firstId: number, handler: UplinkHandler): boolean {
    const { options, session } = this;
    if (options === undefined || this.link !== undefined) return false;
    if (session !== undefined) {
      this.link = new MqttLink(session);
      return true;
    }
    const { id, clean, keepAliveSeconds } = options;
    // Somewhere else in each boot: a broker may still wait for what an earlier one has not finished under its ids.
    const first = firstId + Math.floor(Math.random() * 32000);
    // Without will, user and password, which were checked as settings: to check them again takes too long for a turn.
    this.session = new Session({ id, clean, keepAliveSeconds, firstId: first, previews: false }, BUDGET, handler);
    return true;
  }

  /** Other settings are another session; the next connection makes it. */
  discard(): void {
    this.link?.drop();
    this.session = undefined;
    this.link = undefined;
    this.options = undefined;
    this.waiting.length = 0;
    this.watched = undefined;
    this.watchedId = 0;
  }

  /** Opens a connection to a name or a dotted address. */
  open(host: string, port: number, handler: UplinkHandler): void {
    this.filters = undefined;
    if (isAddress(host)) {
      this.reach(host, port);
      return;
    }
    this.resolver.resolve(host, (address) => {
      if (address === undefined) handler.onUnknown(host);
      else this.reach(address, port);
    });
  }

  private reach(address: string, port: number): void {
    this.address = address;
    this.link?.open(address, port);
  }

  /** Ends a connection at once, also one that is about to be. */
  drop(): void {
    this.resolver.cancel();
    this.link?.drop();
  }

  /** Sends what the session has. */
  pump(now: number): void {
    this.link?.push(now);
  }

  /**
   * Keeps a message, to be published retained with QoS 1, without a payload to clear the topic; or else with QoS 0, for
   * the moment.
   */
  announce(topic: string, payload: Message["payload"], isRetained: boolean): Message {
    const message = { topic, payload, qos: isRetained ? 1 : 0, retain: isRetained } as const;
    // More than 16 wait only when a broker acknowledges nothing.
    if (this.waiting.length === 16) logStep("not-published", topic);
    else this.waiting.push(message);
    return message;
  }

  /** Subscribes behind the announcements that wait, or where there is a place for it, at once. */
  subscribe(filters: readonly Subscription[], now: number): void {
    if (this.waits || (this.session?.subscribe(filters, now) ?? 0) < 0) this.filters = filters;
  }

  /** Whether announcements wait, or a subscription. */
  get waits(): boolean {
    return this.waiting.length > 0 || this.filters !== undefined;
  }

  /** Whether something that was to be said would be cut off by a DISCONNECT now. */
  get isCutOff(): boolean {
    // `owed`: 64 for each entry that has not begun to leave.
    return this.waiting.length > 0 || (this.session as Session).owed > 63;
  }

  acknowledged(id: number): void {
    if (id === this.watchedId) this.watchedId = -1;
  }

  /** Hands the first announcement that waits to the session; false when there is none, or no place for it. */
  announceNext(now: number): boolean {
    const { waiting, filters } = this;
    const message = waiting[0];
    if (message === undefined) {
      if (filters === undefined || (this.session?.subscribe(filters, now) ?? -1) < 0) return false;
      this.filters = undefined;
      return true;
    }
    const id = this.session?.publish(message, now) ?? -1;
    if (id < 0) return false;
    if (message === this.watched) this.watchedId = id;
    for (let i = 1; i < waiting.length; i += 1) waiting[i - 1] = waiting[i] as Message;
    waiting.length -= 1;
    return true;
  }
}

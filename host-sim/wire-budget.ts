// What of the MQTT client's memory budget a board uses, as far as it can be seen on its wire: packets that are not
// acknowledged, and the largest that were sent and received. Knows packets, not the firmware that keeps them.

import { MAX_IN_FLIGHT } from "../src/alertbox/outbox.js";
import type { BudgetView, PacketView } from "./page/details.js";

/** `BUDGET` of src/device/uplink.ts, which nothing can import; a test compares them. */
export const CLIENT_BUDGET = Object.freeze({ receive: 768, send: 512, inFlight: 6, inbound: 1, topic: 128 } as const);

export class WireBudget {
  /** Packet ids that wait for their last acknowledgement, and whether each is an alert's. */
  readonly #outgoing = new Map<number, boolean>();
  /** Packet ids of QoS 2 messages to the board whose PUBREL has not come. */
  readonly #incoming = new Set<number>();
  #sent = 0;
  #received = 0;
  #topic = 0;

  /** Whether this packet changes what is in use. */
  heard(packet: PacketView): boolean {
    const before = this.#figures();
    if (packet.direction === "up") this.#up(packet);
    else this.#down(packet);
    return this.#figures() !== before;
  }

  /** The firmware that kept it is gone. */
  clear(): void {
    this.#outgoing.clear();
    this.#incoming.clear();
    this.#sent = 0;
    this.#received = 0;
    this.#topic = 0;
  }

  get views(): readonly BudgetView[] {
    const alerts = [...this.#outgoing.values()].filter((isAlert) => isAlert).length;
    const { receive, send, inFlight, inbound, topic } = CLIENT_BUDGET;
    return [
      { name: "alerts in flight", used: alerts, limit: MAX_IN_FLIGHT, unit: "alerts" },
      { name: "packets in flight", used: this.#outgoing.size, limit: inFlight, unit: "packets" },
      { name: "QoS 2 messages received and not released", used: this.#incoming.size, limit: inbound, unit: "ids" },
      { name: "largest packet sent as a whole in this boot", used: this.#sent, limit: send, unit: "bytes" },
      { name: "largest packet received in this boot", used: this.#received, limit: receive, unit: "bytes" },
      { name: "longest topic received in this boot", used: this.#topic, limit: topic, unit: "bytes" },
    ];
  }

  #up({ type, qos, packetId, topic, length }: PacketView): void {
    // A longer one was never there as a whole: its payload was made while it was sent.
    if (length <= CLIENT_BUDGET.send) this.#sent = Math.max(this.#sent, length);
    if (packetId === undefined) return;
    const asks = type === "SUBSCRIBE" || type === "UNSUBSCRIBE" || (type === "PUBLISH" && qos !== 0);
    if (asks) this.#outgoing.set(packetId, type === "PUBLISH" && qos === 2 && topic.endsWith("/alert"));
    // A release without its message: that was sent before the power failed.
    else if (type === "PUBREL" && !this.#outgoing.has(packetId)) this.#outgoing.set(packetId, true);
  }

  #down({ type, qos, packetId, topic, length }: PacketView): void {
    this.#received = Math.max(this.#received, length);
    this.#topic = Math.max(this.#topic, Buffer.byteLength(topic));
    if (packetId === undefined) return;
    if (type === "PUBLISH" && qos === 2) this.#incoming.add(packetId);
    else if (type === "PUBREL") this.#incoming.delete(packetId);
    else if (type === "PUBACK" || type === "PUBCOMP" || type === "SUBACK" || type === "UNSUBACK") {
      this.#outgoing.delete(packetId);
    }
  }

  #figures(): string {
    return [this.#outgoing.size, this.#incoming.size, this.#sent, this.#received, this.#topic].join();
  }
}

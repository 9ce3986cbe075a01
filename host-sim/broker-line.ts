// What a broker panel needs of a broker: a line to it, as one of its clients has. Two things implement it: MqttLine (a
// real broker, by MQTT.js) and ModelLine (the model broker of a virtual world). Types only.

export interface LineMessage {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: 0 | 1 | 2;
  /** Set in a message that the broker kept and sends because of a new subscription [MQTT-3.3.1-8]. */
  readonly retain: boolean;
}

export interface BrokerLineEvents {
  /** The broker is there, and knows no subscription. */
  connected(): void;
  /** It is away, or never was there. */
  closed(): void;
  /** Why it cannot be reached. */
  failed(why: string): void;
  message(message: LineMessage): void;
  /** What `lookUp` found out: whether the broker keeps a message for a topic. Gives whether that is new. */
  found(topic: string, isRetained: boolean): boolean;
}

export interface BrokerLine {
  /** Tells what happens from now on. Called once. */
  begin(events: BrokerLineEvents): void;
  /** `refused` is called when the broker does not allow it. */
  subscribe(filter: string, qos: 0 | 2, refused?: () => void): void;
  /** `done` hears why it could not be sent, or undefined. */
  publish(message: LineMessage, done: (why: string | undefined) => void): void;
  /** Finds out, soon, whether the broker keeps a message for a topic: a subscriber is not told [MQTT-3.3.1-9]. */
  lookUp(topic: string): void;
  close(): Promise<void>;
}

// Our MQTT client alone, as a script for the lab (bundle.ts says how such scripts run): from the constructor through
// alerts in flight and messages of all sizes to thousands of reconnects. The figures of DESIGN §14 and the README that
// say "the client" are rows of this script; a peer's script does the same with its own class.

import { deliver, drop, finish, hold, mark, release } from "lab";
import Timer from "timer";
import MqttClient from "../../src/device/mqtt-client.js";

interface Given {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly reconnects: number;
  readonly messages: number;
}

/** 28 bytes. */
const topic = "mresetar/alertbox/5750/alert";
/** 54 bytes. */
const alert = '{"pushes":42,"event":"press","id":"5750-42","vcc":302}';
const picture = "mresetar/alertbox/5750/picture";
const inbox = "mresetar/alertbox/5750/in";
/** Between two steps, ms of the simulated time. */
const stepMs = 2000;
const streamed = 1500;

class Script {
  private readonly given: Given;
  private client: MqttClient | undefined;
  private step = 0;
  private left: number;
  /** Bytes of the streamed message that are still to be written. */
  private missing = 0;
  private received = 0;

  constructor(given: Given) {
    this.given = given;
    this.left = given.reconnects;
    Timer.repeat(() => this.next(), stepMs);
  }

  private connect(): void {
    const { address, port, user, password } = this.given;
    const script = this;
    this.client = new MqttClient({
      host: address,
      port,
      user,
      password,
      id: "alertbox5750",
      will: { topic: "mresetar/alertbox/5750/lwt", message: '{"state":"lost"}', QoS: 1, retain: true },
      budget: { receive: 512, send: 512, inFlight: 4, inbound: 4 },
      reconnect: { minimum: 1000, maximum: 1000 },
      onReadable() {
        script.received += 1;
      },
      onWritable(count) {
        script.stream(count);
      },
    });
  }

  private subscribe(): void {
    this.client?.write(null, { operation: MqttClient.SUBSCRIBE, items: [{ topic: inbox, QoS: 2 }] });
  }

  private write(QoS: number): void {
    this.client?.write(alert, { topic, QoS });
  }

  private stream(room: number): void {
    if (this.missing === 0) return;
    const count = Math.min(room, this.missing);
    this.missing -= count;
    const piece = new Uint8Array(count);
    if (this.missing === streamed - count)
      this.client?.write(piece, { topic: picture, byteLength: streamed, QoS: 1, retain: true });
    else this.client?.write(piece);
  }

  /** One step each time. Marks stand in turns of their own. */
  private next(): void {
    const { client } = this;
    switch (this.step) {
      case 0:
        mark("loaded");
        break;
      case 1:
        this.connect();
        break;
      case 2:
        mark("connected, idle");
        hold("pubrec");
        break;
      case 3:
        this.write(2);
        break;
      case 4:
        mark("one alert in flight");
        break;
      case 5:
        this.write(2);
        break;
      case 6:
        mark("two in flight");
        break;
      case 7:
        this.write(2);
        this.write(2);
        break;
      case 8:
        mark("four in flight");
        release("pubrec");
        break;
      case 9:
        this.subscribe();
        break;
      case 10:
        mark("QoS 2 publish, to PUBCOMP");
        break;
      case 11:
        this.write(2);
        break;
      case 12:
        mark("QoS 1 publish, to PUBACK");
        break;
      case 13:
        this.write(1);
        break;
      case 14:
        mark("QoS 0 publish");
        break;
      case 15:
        this.write(0);
        break;
      case 16:
        mark("message of 16 B, QoS 0");
        deliver(inbox, 16, 0);
        break;
      case 17:
        mark("message of 256 B, QoS 0");
        deliver(inbox, 256, 0);
        break;
      case 18:
        mark("message of 1,024 B, QoS 0");
        deliver(inbox, 1024, 0);
        break;
      case 19:
        mark("message of 256 B, QoS 2");
        deliver(inbox, 256, 2);
        break;
      case 20:
        mark("message of 5,000 B, skipped");
        deliver(inbox, 5000, 0);
        break;
      case 21:
        mark("1,500 B retained, streamed out");
        hold("puback");
        break;
      case 22:
        this.missing = streamed;
        this.stream(client?.writable ?? 0);
        break;
      case 23:
        mark("1,500 B streamed, PUBACK held");
        release("puback");
        break;
      case 24:
        mark("PINGREQ and PINGRESP");
        break;
      case 55:
        mark("idle again");
        break;
      case 56:
        if (this.reconnecting()) return;
        break;
      case 57:
        mark(`after ${this.given.reconnects} reconnects`);
        this.left = this.given.messages;
        this.received = 0;
        break;
      case 58:
        // A clean session has forgotten it.
        this.subscribe();
        break;
      case 59:
        if (this.reading()) return;
        break;
      // Until the session has pinged: so long it keeps the memory of the last message.
      case 91:
        mark(`after ${this.given.messages} messages`);
        break;
      case 92:
        finish();
        break;
    }
    this.step += 1;
  }

  /** Loses the connection as soon as there is one; false when that was done often enough. */
  private reconnecting(): boolean {
    if (this.client?.state !== "connected") return true;
    if (this.left === 0) return false;
    this.left -= 1;
    drop();
    return true;
  }

  /** Lets messages come, a hundred at a time, most of them QoS 0; false when all are there. */
  private reading(): boolean {
    const { messages } = this.given;
    if (this.received < messages - this.left) return true;
    for (let times = 0; times < 100 && this.left > 0; times += 1) {
      deliver(inbox, 16, times < 98 ? 0 : times - 97);
      this.left -= 1;
    }
    return this.received < messages;
  }
}

export default function (given: Given): void {
  new Script(given);
}

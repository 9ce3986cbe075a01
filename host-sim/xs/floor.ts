// The floor under client.ts: about the least that a script in TypeScript computes for the same packets on this engine.
// It has the same socket, callbacks and buffers of 512 bytes, writes the same PUBLISH from the same texts, answers
// PUBREC, and looks at a message only so far as to see that it is none of these. It is no client: no session, no memory
// of what was sent, no checks of what comes in or of what it is given, no packets that come in pieces, no window, no
// deadline, no reconnect, and whoever calls it learns nothing. So its rows, which have the names of client.ts, say what
// of the client's figures is the price of the engine, and the rest is what the client's promises cost and ours to save.

import TCP from "embedded:io/socket/tcp";
import { deliver, finish, mark } from "lab";
import Timer from "timer";

interface Given {
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

const topic = "mresetar/alertbox/5750/alert";
const alert = '{"pushes":42,"event":"press","id":"5750-42","vcc":302}';
const inbox = "mresetar/alertbox/5750/in";
const stepMs = 2000;
const bufferBytes = 512;

type Socket = TCP & { target: Floor };

// Shared by all, as in the client: a function for each connection would cost memory, and to find the object this way
// costs what it costs there.
function onReadable(this: TCP, count: number): void {
  (this as Socket).target.readable(count);
}

function onWritable(this: TCP): void {
  (this as Socket).target.writable();
}

function onError(): void {}

/** A string with its length before it. */
function field(text: string): Uint8Array {
  const bytes = new Uint8Array(ArrayBuffer.fromString(text));
  const all = new Uint8Array(bytes.length + 2);
  all[1] = bytes.length;
  all.set(bytes, 2);
  return all;
}

/** A packet of fewer than 128 bytes. */
function packet(type: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((total, part) => total + part.length, 0);
  const all = new Uint8Array(length + 2);
  all[0] = type;
  all[1] = length;
  let at = 2;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

class Floor {
  private readonly given: Given;
  private readonly socket: Socket;
  private readonly input = new Uint8Array(bufferBytes);
  private readonly output = new Uint8Array(bufferBytes);
  private id = 0;
  private isConnected = false;

  constructor(given: Given) {
    this.given = given;
    const { address, port } = given;
    this.socket = new TCP({ address, port, nodelay: true, onReadable, onWritable, onError }) as Socket;
    this.socket.target = this;
  }

  writable(): void {
    if (this.isConnected) return;
    this.isConnected = true;
    const { user, password } = this.given;
    // MQTT 3.1.1, user and password, a clean session, 60 s.
    const head = Uint8Array.of(0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0xc2, 0, 60);
    this.socket.write(packet(0x10, [head, field("alertbox5750"), field(user), field(password)]));
  }

  subscribe(): void {
    this.socket.write(packet(0x82, [Uint8Array.of(0, 1), field(inbox), Uint8Array.of(2)]));
  }

  /** QoS 2. */
  publish(text: string, payload: string): void {
    const { output } = this;
    const name = new Uint8Array(ArrayBuffer.fromString(text));
    const bytes = new Uint8Array(ArrayBuffer.fromString(payload));
    const length = name.length;
    this.id += 1;
    output[0] = 0x34;
    output[1] = length + bytes.length + 4;
    output[2] = length >> 8;
    output[3] = length;
    output.set(name, 4);
    output[length + 4] = this.id >> 8;
    output[length + 5] = this.id;
    output.set(bytes, length + 6);
    this.socket.write(output.subarray(0, length + bytes.length + 6));
  }

  readable(count: number): void {
    const { input, socket } = this;
    for (let left = count; left > 0; left -= bufferBytes) {
      // A buffer that is longer than what there is would be refused.
      socket.read(left >= bufferBytes ? input : input.subarray(0, left));
    }
    // A PUBREC is answered with a PUBREL of the same id; CONNACK, SUBACK, PUBCOMP and messages with nothing.
    if (input[0] !== 0x50) return;
    const { output } = this;
    output[0] = 0x62;
    output[1] = 2;
    output[2] = input[2] as number;
    output[3] = input[3] as number;
    socket.write(output.subarray(0, 4));
  }
}

class Script {
  private readonly given: Given;
  private floor: Floor | undefined;
  private step = 0;

  constructor(given: Given) {
    this.given = given;
    Timer.repeat(() => this.next(), stepMs);
  }

  /** One step each time, as in client.ts. Marks stand in turns of their own. */
  private next(): void {
    switch (this.step) {
      case 0:
        mark("loaded");
        break;
      case 1:
        this.floor = new Floor(this.given);
        break;
      case 2:
        mark("connected, idle");
        break;
      case 3:
        this.floor?.subscribe();
        break;
      case 4:
        mark("QoS 2 publish, to PUBCOMP");
        break;
      case 5:
        this.floor?.publish(topic, alert);
        break;
      case 6:
        mark("message of 16 B, QoS 0");
        deliver(inbox, 16, 0);
        break;
      case 7:
        mark("message of 256 B, QoS 0");
        deliver(inbox, 256, 0);
        break;
      case 8:
        mark("message of 1,024 B, QoS 0");
        deliver(inbox, 1024, 0);
        break;
      case 9:
        mark("idle again");
        break;
      case 10:
        finish();
        break;
    }
    this.step += 1;
  }
}

export default function (given: Given): void {
  new Script(given);
}

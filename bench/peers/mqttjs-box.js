// A button box as somebody writes it with MQTT.js: joins the Wi-Fi, connects with a persistent session, publishes each
// press with QoS 2. The client's own means are used as its documentation says: `clean: false`, reconnecting, QoS 2, and
// with `disk` an outgoing store that survives a loss of power. The disk is a Map that keeps everything at once and
// never tears: kinder than any flash. The press count is on it in both variants.

import Digital from "embedded:io/digital";
import TCP from "embedded:io/socket/tcp";
import clientModule from "mqtt/lib/client";
import storeModule from "mqtt/lib/store";
import { disk, isPersistent, settings } from "peer";
import { Duplex } from "readable-stream";
import Time from "time";
import WiFi from "wifi";
import { setTimeout, turn } from "./runtime.js";

// They are CommonJS with a member `default`.
const { default: MqttClient } = clientModule;
const { default: Store } = storeModule;

const trace = (text) => globalThis.trace(`[${Time.ticks}] ${text}\n`);

/** The board's socket as a stream. */
class Socket extends Duplex {
  constructor(host, port) {
    super();
    this.window = 0;
    this.parked = undefined;
    const stream = this;
    this.socket = new TCP({
      address: host,
      port,
      onReadable: turn(function (count) {
        stream.push(Buffer.from(this.read(count)));
      }),
      onWritable: turn((count) => {
        stream.window = count;
        stream.flush();
      }),
      onError: turn(() => stream.destroy()),
    });
  }

  _read() {}

  _write(chunk, _encoding, callback) {
    this.parked = { chunk, callback };
    this.flush();
  }

  flush() {
    const { parked } = this;
    if (parked === undefined) return;
    const count = Math.min(this.window, parked.chunk.length);
    if (count > 0) {
      this.socket.write(Uint8Array.from(parked.chunk.subarray(0, count)));
      this.window -= count;
      parked.chunk = parked.chunk.subarray(count);
    }
    if (parked.chunk.length > 0) return;
    this.parked = undefined;
    parked.callback();
  }

  _destroy(error, callback) {
    try {
      this.socket.close();
    } catch {
      // Already closed by the other side.
    }
    callback(error);
  }
}

/** MQTT.js's in-memory store, with each change on the disk. */
class DiskStore extends Store {
  constructor() {
    super({ clean: false });
    for (const [id, packet] of disk.packets) this._inflights.set(id, packet);
  }

  put(packet, callback) {
    disk.packets.set(packet.messageId, packet);
    return super.put(packet, callback);
  }

  del(packet, callback) {
    disk.packets.delete(packet.messageId);
    return super.del(packet, callback);
  }
}

let client;

function connect() {
  const options = {
    clientId: settings.clientId,
    clean: false,
    keepalive: settings.keepAliveSeconds,
    protocolVersion: 4,
    timerVariant: "native",
    resubscribe: false,
    will: { topic: `${settings.root}/lwt`, payload: '{"state":"lost"}', qos: 1, retain: true },
  };
  if (isPersistent) options.outgoingStore = new DiskStore();
  client = new MqttClient(() => new Socket(settings.host, settings.port), options);
  client.on("connect", () => {
    trace("connected");
    client.publish(`${settings.root}/lwt`, '{"state":"online"}', { qos: 1, retain: true });
  });
  client.on("error", () => {});
}

function press() {
  disk.pushes += 1;
  const id = `${settings.chipId}-${disk.pushes}`;
  const payload = JSON.stringify({ pushes: disk.pushes, event: "press", id });
  client.publish(`${settings.root}/alert`, payload, { qos: 2 }, (error) => {
    if (!error) trace(`delivered ${id}`);
  });
  // publish() has taken it: this is where such a box would light its LED.
  trace(`stored ${id}`);
}

export default function () {
  let isDown = false;
  let waiting = false;
  new WiFi(
    { ssid: settings.ssid, password: settings.password },
    turn((message) => {
      if (message === WiFi.gotIP && client === undefined) connect();
    }),
  );
  new Digital({
    pin: settings.button,
    mode: Digital.InputPullUp,
    edge: Digital.Rising | Digital.Falling,
    onReadable: turn(function () {
      if (waiting) return;
      waiting = true;
      setTimeout(() => {
        waiting = false;
        const now = this.read() === 0;
        // Before there is a client the press has nowhere to go.
        if (now && !isDown && client !== undefined) press();
        isDown = now;
      }, 50);
    }),
  });
}

// A subscriber for alerts with Paho JavaScript, which speaks MQTT over WebSocket, in a page or, as here, in Node.js:
// one line per press, each press once. npm install paho-mqtt ws, then: node paho-javascript.mjs ws://localhost:9001/mqtt

import paho from "paho-mqtt";
import { WebSocket } from "ws";

// A page has it already.
globalThis.WebSocket ??= WebSocket;

const url = process.argv[2] ?? "ws://localhost:9001/mqtt";
const topic = process.argv[3] ?? "mresetar/alertbox/+/alert";
const client = new paho.Client(url, "alert-subscriber-page");
const seen = new Set();

client.onMessageArrived = ({ destinationName, payloadString }) => {
  const alert = parsed(payloadString);
  if (alert === undefined || (alert.id !== undefined && seen.has(alert.id))) return;
  seen.add(alert.id);
  if (seen.size > 1000) seen.delete(seen.values().next().value);
  console.log(`${alert.event ?? "press"} #${alert.pushes} ${alert.id ?? ""} from ${destinationName}`);
};
client.onConnected = () => {
  client.subscribe(topic, {
    qos: 2,
    onSuccess: () => console.error(`subscribed to ${topic}`),
    onFailure: () => console.error(`not subscribed: the broker refuses ${topic}`),
  });
};
client.onConnectionLost = connect;
connect();

/** The library's own reconnect does not try a first time, so it is done here. */
function connect(lost) {
  if (lost) console.error(`not connected: ${lost.errorMessage}; trying again`);
  // cleanSession: false, with a name of its own: the broker keeps alerts while this program is away.
  const options = { cleanSession: false, onFailure: (failure) => setTimeout(connect, 2000, failure) };
  setTimeout(() => client.connect(options), lost ? 100 : 0);
}

/** The alert; undefined for what is no JSON object. */
function parsed(text) {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && !Array.isArray(value) ? (value ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

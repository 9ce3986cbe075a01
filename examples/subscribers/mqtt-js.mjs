// A subscriber for alerts with MQTT.js: one line per press, each press once, whatever happens to the connection.
// npm install mqtt, then: node mqtt-js.mjs mqtt://localhost

import { connect } from "mqtt";

const url = process.argv[2] ?? "mqtt://localhost";
const topic = process.argv[3] ?? "mresetar/alertbox/+/alert";

// clean: false, with a name of its own: the broker keeps alerts while this program is away.
const client = connect(url, { clientId: "alert-subscriber-js", clean: false, reconnectPeriod: 2000 });
const seen = new Set();

client.on("connect", () => {
  client.subscribe(topic, { qos: 2 }, (error) => {
    console.error(error ? `not subscribed: ${error.message}` : `subscribed to ${topic}`);
  });
});
client.on("message", (from, payload) => {
  const alert = parsed(payload);
  if (alert === undefined || (alert.id !== undefined && seen.has(alert.id))) return;
  seen.add(alert.id);
  if (seen.size > 1000) seen.delete(seen.values().next().value);
  console.log(`${alert.event ?? "press"} #${alert.pushes} ${alert.id ?? ""} from ${from}`);
});
client.on("close", () => console.error("not connected; trying again"));
client.on("error", (error) => console.error(error.message));

/** The alert; undefined for what is no JSON object. */
function parsed(payload) {
  try {
    const value = JSON.parse(payload.toString());
    return typeof value === "object" && !Array.isArray(value) ? (value ?? undefined) : undefined;
  } catch {
    return undefined;
  }
}

// A subscriber on MQTT.js: says "ready" when the broker has granted its subscription, then one message as a line of
// text: QoS, retain, topic and payload.

import { connectAsync } from "mqtt";

const [port = "", topic = ""] = process.argv.slice(2);
const client = await connectAsync({ host: "127.0.0.1", port: Number(port), clientId: "subscriberJs" });
client.on("message", (name, payload, { qos, retain }) => {
  console.log(`${qos} ${retain ? 1 : 0} ${name} ${payload.toString()}`);
  client.end();
});
const [granted] = await client.subscribeAsync(topic, { qos: 2 });
console.log(granted?.qos === 2 ? "ready" : `granted ${granted?.qos}`);

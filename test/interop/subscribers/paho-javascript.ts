// A subscriber on Paho JavaScript, which is made for browsers and speaks MQTT over WebSocket only: says "ready" when
// the broker has granted its subscription, then one message as a line of text: QoS, retain, topic and payload.

import { createRequire } from "node:module";
import { WebSocket } from "ws";

/** As far as it is used here. */
interface Paho {
  readonly Client: new (host: string, port: number, path: string, id: string) => PahoClient;
}

interface PahoClient {
  onMessageArrived(message: PahoMessage): void;
  connect(options: { onSuccess(): void; onFailure(failure: { errorMessage: string }): void }): void;
  subscribe(filter: string, options: { qos: number; onSuccess(answer: { grantedQos: ArrayLike<number> }): void }): void;
  disconnect(): void;
}

interface PahoMessage {
  readonly destinationName: string;
  readonly payloadString: string;
  readonly qos: number;
  readonly retained: boolean;
}

Object.assign(globalThis, { WebSocket });
const { Client } = createRequire(import.meta.url)("paho-mqtt") as Paho;

const [port = "", topic = ""] = process.argv.slice(2);
const client = new Client("127.0.0.1", Number(port), "/mqtt", "subscriberPage");
client.onMessageArrived = ({ qos, retained, destinationName, payloadString }) => {
  console.log(`${qos} ${retained ? 1 : 0} ${destinationName} ${payloadString}`);
  // Its acknowledgements leave first.
  setTimeout(() => client.disconnect(), 100);
};
client.connect({
  onSuccess: () =>
    client.subscribe(topic, {
      qos: 2,
      onSuccess: ({ grantedQos }) => console.log(grantedQos[0] === 2 ? "ready" : `granted ${grantedQos[0]}`),
    }),
  onFailure: ({ errorMessage }) => {
    console.error(errorMessage);
    process.exitCode = 1;
  },
});

"""A subscriber on Paho Python: says "ready" when the broker has granted its subscription, then one message as a line of
text: QoS, retain, topic and payload. With --version it says which library it runs on."""

import sys

import paho.mqtt
import paho.mqtt.client as mqtt


def main() -> None:
    if sys.argv[1:] == ["--version"]:
        print(paho.mqtt.__version__)
        return
    port, topic = sys.argv[1:]
    # The second version of the library wants to be told that its callbacks are those of the first.
    first = getattr(mqtt, "CallbackAPIVersion", None)
    client = mqtt.Client(*([] if first is None else [first.VERSION1]), client_id="subscriberPython")

    def connected(client, _data, _flags, code):
        if code != 0:
            sys.exit(f"refused: {code}")
        client.subscribe(topic, qos=2)

    def heard(client, _data, message):
        text = message.payload.decode()
        print(message.qos, int(message.retain), message.topic, text, flush=True)
        client.disconnect()

    client.on_connect = connected
    client.on_subscribe = lambda _client, _data, _id, granted: print("ready" if granted[0] == 2 else granted, flush=True)
    client.on_message = heard
    client.connect("127.0.0.1", int(port))
    client.loop_forever()


main()

"""A subscriber for alerts with Paho Python: one line per press, each press once, whatever happens to the connection.
apt-get install python3-paho-mqtt, or pip install paho-mqtt; then: python3 paho_python.py localhost 1883"""

import json
import sys
from collections import OrderedDict

import paho.mqtt.client as mqtt

host = sys.argv[1] if len(sys.argv) > 1 else "localhost"
port = int(sys.argv[2]) if len(sys.argv) > 2 else 1883
topic = sys.argv[3] if len(sys.argv) > 3 else "mresetar/alertbox/+/alert"
seen = OrderedDict()


def say(text):
    print(text, file=sys.stderr, flush=True)


def connected(client, _data, _flags, code):
    if code == 0:
        client.subscribe(topic, qos=2)
    else:
        say(f"refused: {mqtt.connack_string(code)}")


def subscribed(_client, _data, _id, granted):
    say(f"subscribed to {topic}" if granted[0] < 128 else f"not subscribed: the broker refuses {topic}")


def heard(_client, _data, message):
    try:
        alert = json.loads(message.payload)
        name = str(alert.get("id", ""))
    except (ValueError, AttributeError):
        return  # No JSON object.
    if name != "" and name in seen:
        return
    seen[name] = True
    if len(seen) > 1000:
        seen.popitem(last=False)
    print(f"{alert.get('event', 'press')} #{alert.get('pushes')} {name} from {message.topic}", flush=True)


# The second version of the library wants to be told that the callbacks are those of the first.
api = getattr(mqtt, "CallbackAPIVersion", None)
# clean_session=False, with a name of its own: the broker keeps alerts while this program is away.
client = mqtt.Client(*([api.VERSION1] if api else []), client_id="alert-subscriber-python", clean_session=False)
client.on_connect, client.on_subscribe, client.on_message = connected, subscribed, heard
client.on_disconnect = lambda _client, _data, code: say(f"not connected ({code}); trying again")
client.reconnect_delay_set(min_delay=1, max_delay=30)
client.connect_async(host, port)
client.loop_forever(retry_first_connection=True)

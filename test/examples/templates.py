# Renders templates with Jinja as Home Assistant does (https://www.home-assistant.io/docs/configuration/templating):
# in a sandbox, unknown names are errors, `value_json` is the payload, `to_json` writes JSON without spaces.
# In, on one line each: {"template": …, "payload": …}. Out, on one line each: the text as a JSON string.
import json
import sys

from jinja2 import StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined)
environment.filters["to_json"] = lambda value: json.dumps(value, separators=(",", ":"))

for line in sys.stdin:
    asked = json.loads(line)
    template = environment.from_string(asked["template"])
    text = template.render(value=asked["payload"], value_json=json.loads(asked["payload"]))
    print(json.dumps(text), flush=True)

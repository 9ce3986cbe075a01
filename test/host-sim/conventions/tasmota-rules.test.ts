// The judge of Tasmota-style devices, fed with what those who watch them would not understand: it must name the section
// of each, and say nothing of a device that is as the documentation has it.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Kept, Said, Will } from "../../../host-sim/conventions/broker-tap.js";
import { TasmotaJudge } from "../../../host-sim/conventions/tasmota-rules.js";

const WILL: Will = Object.freeze({ topic: "tele/bell/LWT", payload: "Offline", retain: true });
const STATE = '{"Vcc":3.012,"Wifi":{"Signal":-61}}';

class Stage implements Kept {
  readonly judge = new TasmotaJudge(this);
  at = 0;
  isSubscribed = () => true;
  retained = () => undefined;

  connect(will: Will | "none" = WILL): this {
    this.judge.connected("box", will === "none" ? undefined : will);
    return this;
  }

  say(topic: string, payload: string, options: Partial<Said> = {}): this {
    const bytes = new TextEncoder().encode(payload);
    const said = { topic, payload, bytes, qos: 0, retain: false, clientId: "box", isWill: false, at: this.at };
    this.judge.said({ ...said, ...options });
    return this;
  }

  presence(text: string, options: Partial<Said> = {}): this {
    return this.say("tele/bell/LWT", text, { qos: 1, retain: true, ...options });
  }

  online(): this {
    return this.connect().presence("Online");
  }

  result(payload: string, options: Partial<Said> = {}): this {
    return this.say("stat/bell/RESULT", payload, options);
  }

  command(payload: string, name = "LedPower"): this {
    return this.say(`cmnd/bell/${name}`, payload, { clientId: undefined });
  }

  led(state: string): this {
    return this.result(`{"LedPower1":"${state}"}`);
  }

  end(): this {
    this.judge.disconnected("box");
    return this;
  }

  after(ms: number): this {
    this.at += ms;
    this.judge.finish(this.at);
    return this;
  }
}

describe("the judge of Tasmota", () => {
  it("has nothing against a device that is as the documentation has it", () => {
    const stage = new Stage().connect().result('{"Button1":{"Action":"SINGLE"}}').presence("Online");
    stage.say("tele/bell/STATE", STATE);
    for (const action of ["SINGLE", "DOUBLE", "HOLD"]) stage.result(`{"Button1":{"Action":"${action}"}}`);
    stage.command("on").led("ON").command("TOGGLE", "LEDPOWER").led("OFF").command("2", "ledpower1").led("ON");
    stage.command("").led("ON").command("maybe").led("ON").command("0").led("OFF").after(5000);
    // Somebody else's command.
    stage.led("ON").command("2").led("OFF");
    stage.presence("Offline", { isWill: true }).online().presence("Offline").end();
    stage.connect("none").presence("").after(5000);
    assert.deepEqual(stage.judge.breaches, []);
    assert.ok(stage.judge.takesCommands("bell"));
  });

  const cases: Readonly<Record<string, Readonly<Record<string, (stage: Stage) => unknown>>>> = {
    "MQTT: FullTopic": {
      "a command of its own": (stage) => stage.online().say("cmnd/bell/POWER", "{}"),
      "a topic that is the client id": (stage) =>
        stage.connect({ ...WILL, topic: "tele/box/LWT" }).say("tele/box/LWT", "Online", { retain: true }),
      "a name in small letters": (stage) => stage.online().say("stat/bell/result", "{}"),
      "two levels of names": (stage) => stage.online().say("stat/bell/BUTTON/1", "{}"),
      "a place where nobody looks": (stage) => stage.online().say("tele/bell/RESULT", "{}"),
    },
    "MQTT: LWT Topic": {
      "another word": (stage) => stage.connect().presence("online"),
      "a presence that is not kept": (stage) => stage.connect().presence("Online", { retain: false }),
      "no will": (stage) => stage.connect("none").presence("Online"),
      "a will elsewhere": (stage) => stage.connect({ ...WILL, topic: "box/lwt" }).presence("Online"),
      "a will that is not kept": (stage) => stage.connect({ ...WILL, retain: false }).presence("Online"),
      "a will that says something else": (stage) => stage.connect({ ...WILL, payload: "lost" }).presence("Online"),
      "a press after Offline": (stage) => stage.online().presence("Offline").result('{"Button1":{"Action":"SINGLE"}}'),
    },
    "DeepSleep: General Timing": {
      "a clean end while Online": (stage) => stage.online().end(),
    },
    "DeepSleep: Using smart home automation": {
      "a state before Online": (stage) => stage.connect().say("tele/bell/STATE", STATE),
    },
    "MQTT: Retained MQTT Messages": {
      "a press that is kept": (stage) => stage.online().result('{"Button1":{"Action":"SINGLE"}}', { retain: true }),
      "a state that is kept": (stage) => stage.online().say("tele/bell/STATE", STATE, { retain: true }),
    },
    "MQTT: Command flow": {
      "no JSON": (stage) => stage.online().result("SINGLE"),
      "a list": (stage) => stage.online().result("[]"),
      nothing: (stage) => stage.online().result(""),
      "two things at once": (stage) => stage.online().result('{"Button1":{"Action":"SINGLE"},"Button2":{}}'),
      "something unknown": (stage) => stage.online().result('{"Led":"ON"}'),
      "a command without an answer": (stage) => stage.online().command("ON").after(2000),
    },
    "Buttons-and-Switches: Multi-Press Functions": {
      "an unknown action": (stage) => stage.online().result('{"Button1":{"Action":"LONG"}}'),
      "in small letters": (stage) => stage.online().result('{"Button1":{"Action":"single"}}'),
      "as text": (stage) => stage.online().result('{"Button1":"SINGLE"}'),
      "with something else": (stage) => stage.online().result('{"Button1":{"Action":"SINGLE","Count":1}}'),
    },
    "MQTT: telemetry": {
      millivolts: (stage) => stage.online().say("tele/bell/STATE", '{"Vcc":3012,"Wifi":{"Signal":-61}}'),
      "volts as text": (stage) => stage.online().say("tele/bell/STATE", '{"Vcc":"3.012","Wifi":{"Signal":-61}}'),
      "no signal": (stage) => stage.online().say("tele/bell/STATE", '{"Vcc":3.012}'),
      "a signal in percent": (stage) => stage.online().say("tele/bell/STATE", '{"Vcc":3.012,"Wifi":{"Signal":78}}'),
    },
    "Commands: LedPower": {
      "another word": (stage) => stage.online().command("").led("on"),
      "ON that leads to OFF": (stage) => stage.online().command("ON").led("OFF"),
      "0 that leads to ON": (stage) => stage.online().command("0").led("ON"),
      "a toggle that toggles nothing": (stage) => stage.online().command("1").led("ON").command("2").led("ON"),
      "a query that changes it": (stage) => stage.online().command("1").led("ON").command("").led("OFF"),
    },
  };

  for (const [section, breaches] of Object.entries(cases)) {
    for (const [name, act] of Object.entries(breaches)) {
      it(`${section}: ${name}`, () => {
        const stage = new Stage();
        act(stage);
        const sections = stage.judge.breaches.map((breach) => breach.section);
        assert.ok(sections.includes(section), `noted: ${JSON.stringify(stage.judge.breaches)}`);
      });
    }
  }
});

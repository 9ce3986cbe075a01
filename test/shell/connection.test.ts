// A connection in this process: what it leaves behind, and the sentences for errors that no test can bring about.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "mocha";
import { EmbeddedBroker } from "../../host-sim/aedes.js";
import { Connection, complaint } from "../../shell/connection.js";
import { Failure } from "../../shell/failure.js";
import { targetOf } from "../../shell/target.js";
import { freePorts } from "../interop/brokers/program.js";

const options = { clientId: "test", clean: true, onMessage: () => undefined };
const target = (broker: string) => targetOf({ broker }, { XDG_CONFIG_HOME: "/no/such/folder" });

describe("shell/connection", () => {
  it("leaves no listener behind, whether it was made or not: there may be thousands in a row", async () => {
    const { signal } = new AbortController();
    const [port] = await freePorts(1);
    await assert.rejects(Connection.open(target(`127.0.0.1:${port}`), options, signal), /nothing listens on/);
    const broker = await EmbeddedBroker.open({ port: 0 });
    const connection = await Connection.open(target(`127.0.0.1:${broker.port}`), options, signal);
    await connection.close();
    await broker.close();
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });

  it("is given up when the signal says so, before and during the attempt", async () => {
    const controller = new AbortController();
    const broker = await EmbeddedBroker.open({ port: 0 });
    const attempt = Connection.open(target(`127.0.0.1:${broker.port}`), options, controller.signal);
    controller.abort();
    await assert.rejects(attempt, Failure);
    await assert.rejects(Connection.open(target(`127.0.0.1:${broker.port}`), options, controller.signal), Failure);
    await broker.close();
  });

  for (const [code, sentence, isFinal] of [
    ["EAI_AGAIN", /cannot be looked up now\. Is this computer online\?/, false],
    ["EHOSTUNREACH", /there is no way to broker\.local:8883 from here/, false],
    ["ETIMEDOUT", /does not answer\. Is the broker on, and does a firewall stand between\?/, false],
    ["CERT_HAS_EXPIRED", /has expired\. The broker needs a new one; is this computer's clock right\?/, true],
    ["CERT_NOT_YET_VALID", /is not valid yet\. Is this computer's clock right\?/, true],
    ["EWHATEVER", /broker\.local:8883: boom \(EWHATEVER\)/, false],
    [1, /refuses MQTT 3\.1\.1/, true],
    [2, /refuses the client identifier\. Choose another --session name/, true],
    [3, /says that it is not available now/, false],
    [4, /refuses user "me": bad user name or password; there is no password/, true],
  ] as const) {
    it(`${code}: a sentence, and whether time may heal it`, () => {
      const message = typeof code === "number" ? "Connection refused: whatever" : "boom";
      const failure = complaint(Object.assign(new Error(message), { code }), target("mqtts://me@broker.local"));
      assert.match(failure.message, sentence);
      assert.equal(failure.isFinal, isFinal);
    });
  }
});

import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "mocha";
import { connectAsync, type MqttClient } from "mqtt";
import { EmbeddedBroker } from "../../host-sim/aedes.js";
import { Witness } from "../../host-sim/witness.js";

describe("Witness", () => {
  let broker: EmbeddedBroker;
  let publisher: MqttClient;
  const witnesses: Witness[] = [];

  beforeEach(async () => {
    broker = await EmbeddedBroker.open({ port: 0 });
    publisher = await connectAsync(broker.url, { protocolVersion: 4, reconnectPeriod: 20 });
    publisher.on("error", () => undefined);
  });
  afterEach(async () => {
    for (const witness of witnesses.splice(0)) await witness.close();
    await publisher.endAsync(true);
    await broker.close();
  });

  async function watch(root = "root/+"): Promise<Witness> {
    const witness = new Witness(broker.url, root);
    witnesses.push(witness);
    await witness.ready();
    return witness;
  }

  function alert(id: string, root = "root/1"): Promise<unknown> {
    return publisher.publishAsync(`${root}/alert`, JSON.stringify({ pushes: 1, id }), { qos: 2 });
  }

  function arrived(witness: Witness, count: number): Promise<void> {
    return new Promise((resolve) => {
      const check = (): void => {
        if (witness.alerts.length >= count) resolve();
      };
      witness.onAlert(check);
      check();
    });
  }

  it("counts what arrives, in order, and what comes twice", async () => {
    const witness = await watch();
    assert.equal(witness.isReady, true);
    for (const id of ["1-1", "1-2", "1-1"]) await alert(id);
    await publisher.publishAsync("root/1/lwt", "x");
    await alert("1-1", "root/2");
    await arrived(witness, 4);
    assert.deepEqual(
      witness.alerts.map((each) => [each.topic, each.id, each.duplicate]),
      [
        ["root/1/alert", "1-1", false],
        ["root/1/alert", "1-2", false],
        ["root/1/alert", "1-1", true],
        ["root/2/alert", "1-1", false],
      ],
    );
    assert.equal(witness.delivered, 3);
    assert.equal(witness.duplicates, 1);
  });

  it("says how many presses have no alert", async () => {
    const witness = await watch();
    await alert("1-1");
    await alert("1-3");
    await arrived(witness, 2);
    assert.equal(witness.lost(["1-1", "1-2", "1-3", "1-4", "1-4"]), 2);
    assert.equal(witness.lost(3), 1);
    assert.equal(witness.lost(2), 0);
    assert.equal(witness.lost(0), 0);
  });

  it("takes payloads without an id by their bytes", async () => {
    const witness = await watch();
    for (const payload of ["hello", "null", '{"id":7}', "hello"]) {
      await publisher.publishAsync("root/1/alert", payload, { qos: 1 });
    }
    await arrived(witness, 4);
    assert.deepEqual(
      witness.alerts.map((each) => [each.payload, each.id, each.duplicate]),
      [
        ["hello", undefined, false],
        ["null", undefined, false],
        ['{"id":7}', undefined, false],
        ["hello", undefined, true],
      ],
    );
  });

  it("misses nothing while its connection is away", async () => {
    const witness = await watch();
    const readiness: boolean[] = [];
    const isBack = new Promise<void>((resolve) => {
      witness.onReady((isReady) => {
        readiness.push(isReady);
        if (isReady) resolve();
      });
    });
    const sent = broker.stop().then(() => {
      const published = alert("1-9");
      return broker.start().then(() => published);
    });
    await sent;
    await isBack;
    await arrived(witness, 1);
    assert.equal(readiness[0], false);
    assert.equal(witness.alerts[0]?.id, "1-9");
  });

  it("waits for a broker that is not there yet", async () => {
    await broker.stop();
    const witness = new Witness(broker.url, "root/1");
    witnesses.push(witness);
    const ready = witness.ready();
    await broker.start();
    await ready;
  });

  it("rejects when the broker refuses it", async () => {
    const { Aedes } = await import("aedes");
    const { createServer } = await import("node:net");
    const strict = await Aedes.createBroker({
      authenticate: (_client, _user, _password, done) =>
        done(Object.assign(new Error("no"), { returnCode: 4 as never }), false),
    });
    const server = createServer(strict.handle);
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as { port: number };
    const witness = new Witness(`mqtt://127.0.0.1:${port}`, "root/1");
    await assert.rejects(witness.ready(), /not authorized|bad user name|refused/i);
    await witness.close();
    await new Promise<void>((resolve) => {
      strict.close(() => server.close(() => resolve()));
    });
  });

  it("rejects when the broker does not grant QoS 2", async () => {
    const { Aedes } = await import("aedes");
    const { createServer } = await import("node:net");
    const strict = await Aedes.createBroker({ authorizeSubscribe: (_client, _subscription, done) => done(null, null) });
    const server = createServer(strict.handle);
    await new Promise<void>((resolve) => {
      server.listen(0, "127.0.0.1", resolve);
    });
    const { port } = server.address() as { port: number };
    const witness = new Witness(`mqtt://127.0.0.1:${port}`, "root/1");
    await assert.rejects(witness.ready());
    await witness.close();
    await new Promise<void>((resolve) => {
      strict.close(() => server.close(() => resolve()));
    });
  });

  it("leaves no session behind", async () => {
    const witness = await watch();
    await witness.close();
    witnesses.length = 0;
    await alert("1-1");
    assert.equal(witness.alerts.length, 0);
    assert.equal(witness.isReady, false);
  });
});

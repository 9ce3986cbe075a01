import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { dataTimeoutMs, LwIP, parseAddress, SendSide, synTimeoutMs } from "../../host-sim/lwip.js";

describe("SendSide", () => {
  function side(noDelay: boolean): { side: SendSide; sent: number[] } {
    const sent: number[] = [];
    return { side: new SendSide(noDelay, (segment) => sent.push(segment.byteLength)), sent };
  }
  const bytes = (length: number): Uint8Array => new Uint8Array(length);

  it("gathers writes into one segment until they are sent", () => {
    const { side: send, sent } = side(false);
    for (const length of [2, 10, 100]) assert.equal(send.write(bytes(length)), true);
    assert.equal(send.room, 2920 - 112);
    send.output();
    assert.deepEqual(sent, [112]);
  });

  it("cuts at 1,460 bytes", () => {
    const { side: send, sent } = side(false);
    send.write(bytes(1000));
    send.write(bytes(1920));
    send.output();
    assert.deepEqual(sent, [1460, 1460]);
    assert.equal(send.room, 0);
    assert.equal(send.write(bytes(1)), false);
  });

  it("keeps a small segment back while one is under way, and sends it at the acknowledgement", () => {
    const { side: send, sent } = side(false);
    send.write(bytes(10));
    send.output();
    send.write(bytes(20));
    send.output();
    assert.deepEqual(sent, [10]);
    send.acknowledged(4);
    assert.deepEqual(sent, [10]);
    send.acknowledged(6);
    assert.deepEqual(sent, [10, 20]);
    assert.equal(send.room, 2900);
  });

  it("does not keep back a full segment, nor anything when the buffer is full", () => {
    const { side: send, sent } = side(false);
    send.write(bytes(10));
    send.output();
    send.write(bytes(1460));
    send.output();
    assert.deepEqual(sent, [10, 1460]);
    send.write(bytes(1450));
    send.output();
    assert.deepEqual(sent, [10, 1460, 1450]);
  });

  it("sends everything on flush", () => {
    const { side: send, sent } = side(false);
    send.write(bytes(10));
    send.output();
    send.write(bytes(20));
    send.flush();
    assert.deepEqual(sent, [10, 20]);
  });

  it("has eight buffers, freed by whole segments", () => {
    const { side: send } = side(true);
    for (let turn = 0; turn < 8; turn++) {
      assert.equal(send.write(bytes(2)), true);
      send.output();
    }
    assert.equal(send.write(bytes(1)), false);
    send.acknowledged(1);
    assert.equal(send.write(bytes(1)), false);
    send.acknowledged(1);
    assert.equal(send.write(bytes(1)), true);
  });

  it("takes nothing of a write that needs more buffers than there are", () => {
    const { side: send, sent } = side(true);
    for (let turn = 0; turn < 7; turn++) {
      send.write(bytes(2));
      send.output();
    }
    assert.equal(send.write(bytes(1461)), false);
    assert.equal(send.write(bytes(1460)), true);
    assert.equal(sent.length, 7);
  });

  it("throws for acknowledgements of what was never sent", () => {
    const { side: send } = side(true);
    assert.throws(() => send.acknowledged(1), RangeError);
  });
});

describe("parseAddress", () => {
  const cases: [string, string | undefined][] = [
    ["10.0.0.2", "10.0.0.2"],
    ["255.255.255.255", "255.255.255.255"],
    ["0", "0.0.0.0"],
    ["10.1", "10.0.0.1"],
    ["10.1.256", "10.1.1.0"],
    ["0x7f.0.0.010", "127.0.0.8"],
    ["4294967295", "255.255.255.255"],
    ["4294967296", undefined],
    ["256.1.1.1", undefined],
    ["1.2.3.256", undefined],
    ["1.2.3.4.5", undefined],
    ["1.2.3.", undefined],
    ["", undefined],
    ["broker.local", undefined],
    ["1.2.3.4 ", undefined],
    ["09.1.1.1", undefined],
    ["::1", undefined],
  ];
  for (const [text, address] of cases) {
    it(`${JSON.stringify(text)} is ${address ?? "no address"}`, () => assert.equal(parseAddress(text), address));
  }
});

describe("lwIP's limits", () => {
  it("are those of the SDK's build", () => {
    assert.equal(LwIP.sendBuffer, 2920);
    assert.equal(LwIP.receiveWindow, 5840);
    assert.equal(LwIP.sendQueue, Math.floor((4 * 2920 + 1459) / 1460));
    assert.equal(synTimeoutMs, 18_500);
    assert.equal(dataTimeoutMs, 114_000);
  });
});

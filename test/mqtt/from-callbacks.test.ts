// What an owner may do from inside a callback: begin the next connection, lose this one, ask for another flush. Found
// by the fuzzer (npm run fuzz -- --target session).

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Session, type SessionHandler, type SessionOptions } from "../../src/mqtt/session.js";

const OPTIONS: SessionOptions = { id: "f", clean: false, keepAliveSeconds: 0 };
const BUDGET = { receive: 100, send: 256, inFlight: 8, inbound: 8, topic: 100 };

function session(options: SessionOptions, handler: Partial<SessionHandler>): Session {
  const silent = new Proxy({}, { get: () => () => {} }) as SessionHandler;
  return new Session(
    options,
    BUDGET,
    new Proxy(handler, { get: (own, name) => Reflect.get(own, name) ?? Reflect.get(silent, name) }) as SessionHandler,
  );
}
function feed(to: Session, bytes: number[], room = 0): number {
  to.bytes.set(bytes, to.held);
  return to.receive(bytes.length, 0, room);
}

describe("from inside a callback", () => {
  it("receive with room gives no byte of the connection that onClosed has begun", () => {
    const own: Session = session(OPTIONS, { onClosed: () => own.connect(OPTIONS, 0) });
    own.connect(OPTIONS, 0);
    own.transmit(1460, 0);
    assert.equal(feed(own, [0xff, 0xff], 1460), 0, "CONNECT of the next connection is not for this transport");
    assert.equal(own.transmit(1460, 0), 15, "it is for the next");
  });

  it("lost() inside onReceived of a clean session leaves the table as it should be", () => {
    const clean = { ...OPTIONS, clean: true };
    const own: Session = session(clean, { onReceived: () => own.lost(0) });
    own.connect(clean, 0);
    own.transmit(1460, 0);
    feed(own, [0x20, 2, 0, 0]);
    own.publish({ topic: "t", payload: "x", qos: 2, retain: false }, 0);
    own.transmit(1460, 0);
    feed(own, [0x50, 2, 0, 1]);
    own.publish({ topic: "t", payload: "y", qos: 1, retain: false }, 0);
    own.connect(clean, 0);
    own.transmit(1460, 0);
    feed(own, [0x20, 2, 0, 0]);
    assert.equal(own.transmit(1460, 0), 8, "PUBLISH");
  });

  it("lost() inside onReceived leaves PUBREL for the next connection, and nothing behind that", () => {
    let isLosing = true;
    const own: Session = session(OPTIONS, { onReceived: () => isLosing && own.lost(0) });
    own.connect(OPTIONS, 0);
    own.transmit(1460, 0);
    feed(own, [0x20, 2, 0, 0]);
    own.publish({ topic: "t", payload: "x", qos: 2, retain: false }, 0);
    own.transmit(1460, 0);
    feed(own, [0x50, 2, 0, 1], 1460);
    isLosing = false;
    own.connect(OPTIONS, 0);
    own.transmit(1460, 0);
    feed(own, [0x20, 2, 1, 0]);
    const count = own.transmit(1460, 0);
    assert.deepEqual([...own.bytes.subarray(own.at, own.at + count)], [0x62, 2, 0, 1]);
    feed(own, [0x70, 2, 0, 1]);
    assert.equal(own.wantsTransmit, false);
    assert.equal(own.pending, 0);
  });

  it("a connection begun inside onReceived, on which the message is sent again, waits for its own PUBREC", () => {
    const early = { ...OPTIONS, pipeline: true };
    let isFirst = true;
    const own: Session = session(early, {
      onReceived: () => {
        if (!isFirst) return;
        isFirst = false;
        own.lost(0);
        own.connect(early, 0);
        assert.equal(own.transmit(1460, 0), 15 + 8, "CONNECT and PUBLISH");
      },
    });
    own.connect(early, 0);
    own.transmit(1460, 0);
    feed(own, [0x20, 2, 0, 0]);
    own.publish({ topic: "t", payload: "x", qos: 2, retain: false }, 0);
    own.transmit(1460, 0);
    feed(own, [0x50, 2, 0, 1], 1460);
    feed(own, [0x20, 2, 1, 0]);
    assert.equal(own.transmit(1460, 0), 0, "no PUBREL");
    assert.equal(feed(own, [0x50, 2, 0, 1], 1460), 4);
    assert.equal(own.bytes[own.at], 0x62);
    feed(own, [0x70, 2, 0, 1]);
    assert.equal(own.wantsTransmit, false);
  });

  it("flush() inside onReceived does not keep PUBREL back, and is answered after PUBCOMP", () => {
    const told: boolean[] = [];
    const own: Session = session(OPTIONS, {
      onReceived: () => own.flush(1000, 0),
      onFlushed: (ok) => void told.push(ok),
    });
    own.connect(OPTIONS, 0);
    own.transmit(1460, 0);
    feed(own, [0x20, 2, 0, 0]);
    own.publish({ topic: "t", payload: "x", qos: 2, retain: false }, 0);
    own.transmit(1460, 0);
    const count = feed(own, [0x50, 2, 0, 1]) || own.transmit(1460, 0);
    assert.deepEqual([...own.bytes.subarray(own.at, own.at + count)], [0x62, 2, 0, 1]);
    feed(own, [0x70, 2, 0, 1]);
    assert.deepEqual(told, [true]);
  });

  it("transmit() inside onReceived does not change where the PUBREL is that receive gives", () => {
    let inside: number[] = [];
    const own: Session = session(OPTIONS, {
      onReceived: () => {
        own.publish({ topic: "t", payload: "y", qos: 0, retain: false }, 0);
        const count = own.transmit(1460, 0);
        inside = [...own.bytes.subarray(own.at, own.at + count)];
      },
    });
    own.connect(OPTIONS, 0);
    own.transmit(1460, 0);
    feed(own, [0x20, 2, 0, 0]);
    own.publish({ topic: "t", payload: "x", qos: 2, retain: false }, 0);
    own.transmit(1460, 0);
    const count = feed(own, [0x50, 2, 0, 1], 1460);
    assert.deepEqual(inside, [0x30, 4, 0, 1, 0x74, 0x79]);
    assert.deepEqual([...own.bytes.subarray(own.at, own.at + count)], [0x62, 2, 0, 1]);
  });

  it("flush() inside onFlushed(false) at the end of a connection has a deadline, and is answered", () => {
    const told: boolean[] = [];
    const own: Session = session(OPTIONS, {
      onFlushed: (ok) => {
        told.push(ok);
        if (told.length === 1) own.flush(100, 0);
      },
    });
    own.connect(OPTIONS, 0);
    own.transmit(1460, 0);
    feed(own, [0x20, 2, 0, 0]);
    own.publish({ topic: "t", payload: "y", qos: 1, retain: false }, 0);
    own.transmit(1460, 0);
    own.flush(50, 0);
    own.lost(0);
    assert.equal(own.deadline(), 100);
  });

  it("onClosed is the last callback, also when lost() is called inside the first of several onDelivered", () => {
    const told: string[] = [];
    const own: Session = session(OPTIONS, {
      onDelivered: (id) => {
        told.push(`delivered ${id}`);
        if (told.length === 1) own.lost(0);
      },
      onClosed: () => void told.push("closed"),
    });
    own.release(2, 0);
    own.release(1, 0);
    own.connect(OPTIONS, 0);
    own.transmit(1460, 0);
    feed(own, [0x20, 2, 0, 0]);
    assert.deepEqual(told, ["delivered 2", "delivered 1", "closed"]);
  });
});

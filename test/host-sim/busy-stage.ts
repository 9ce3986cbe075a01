// A FakeStage on which a lot happens: what a battery box tells of its presses, packet by packet, so that every panel of
// the page has something to show. The figures are invented; only their order is the real one.

import type { RecordView } from "../../host-sim/page/details.js";
import type { FakeStage } from "./fake-stage.js";

const ROOT = "mresetar/alertbox/5750";

const PACKETS = [
  ["up", "TCP open", "127.0.0.1:1883"],
  ["up", "CONNECT", "alertbox-5750"],
  ["up", "PUBLISH", '{"pushes":7,"event":"press","id":"5750-7-40146","vcc":3300,"rssi":-55,"ms":312,"try":1}'],
  ["down", "CONNACK", "accepted, session present"],
  ["down", "PUBREC", ""],
  ["up", "PUBREL", ""],
  ["down", "PUBCOMP", ""],
  ["up", "PINGREQ", ""],
  ["down", "PINGRESP", ""],
  ["up", "DISCONNECT", ""],
  ["down", "TCP end", ""],
] as const;

/** What is there before anybody presses: settings, RTC words, budgets, topics, clients. */
export function furnish(stage: FakeStage): void {
  stage.remember({
    journalSize: 4096,
    journalUsed: 640,
    erases: 3,
    writes: 41,
    slots: [
      { slot: 0, state: "valid", inForce: true, generation: 4, text: "home, 127.0.0.1:1883, battery, rst+gpio" },
      { slot: 1, state: "valid", inForce: false, generation: 3, text: "home, 127.0.0.1:1883, mains, gpio" },
    ],
    rtc: [
      { index: 32, value: 0x5a17b0c5, meaning: "mark: the words are ours" },
      { index: 33, value: 7, meaning: "presses counted" },
      { index: 34, value: 0x0a000064, meaning: "address, from DHCP" },
    ],
    budget: [
      { name: "in flight", used: 1, limit: 2, unit: "alerts" },
      { name: "send buffer", used: 212, limit: 512, unit: "bytes" },
      { name: "receive buffer", used: 0, limit: 256, unit: "bytes" },
      { name: "inbound QoS 2 ids", used: 0, limit: 4, unit: "ids" },
    ],
  });
  stage.topic(`${ROOT}/lwt`, '{"state":"online"}');
  stage.topic(`${ROOT}/state`, '{"version":"1.0.0","boots":12,"mode":"battery"}');
  stage.topic(`${ROOT}/cmd/led`, '{"pattern":"blink"}');
  stage.topic("homeassistant/device/alertbox-5750/config", '{"dev":{"ids":["5750"],"name":"AlertBox"}}');
  stage.topic("mresetar/alertbox/5751/lwt", '{"state":"sleeping"}');
  stage.setBroker({
    connected: true,
    clients: [
      { id: "alertbox-5750", since: 12_000, clean: false },
      { id: "alertbox-bench-witness", since: 80, clean: true },
    ],
    sys: [
      ["$SYS/broker/clients/connected", "2"],
      ["$SYS/broker/messages/received", "148"],
      ["$SYS/broker/uptime", "312 seconds"],
      ["$SYS/broker/version", "aedes 1.2.0"],
    ],
  });
}

/** One press of the board, with everything that it causes. It takes `ms` milliseconds until it is delivered. */
export function pressOnce(stage: FakeStage, number: number, ms: number): void {
  const at = number * 5000;
  const id = `5750-${number}-40146`;
  const steps = { pressed: 0, reset: 4, boot: 110, stored: 138, wifi: ms - 60, address: ms - 55, tcp: ms - 45 };
  const done = { connack: ms - 22, publish: ms - 40, pubrec: ms - 14, pubcomp: ms, arrived: ms - 9, asleep: ms + 80 };
  const open = { number, id, at, outcome: "open", chargeMah: 0 } as const;
  stage.press({ ...open, id: "", steps: { pressed: 0 } });
  stage.tell("pressed", "", { at, opens: true, source: "bench", since: 0 });
  stage.tell("boot", "deep sleep or RST", { at: at + 110, since: 110 });
  const records: RecordView[] = [];
  for (let sequence = Math.max(1, number - 5); sequence <= number; sequence++) {
    records.push({
      sequence,
      id: `5750-${sequence}-40146`,
      sector: 0,
      offset: 0x3000 + sequence * 64,
      bits: sequence === number ? "ffff fffe" : "ffff fff8",
      status: sequence === number ? "queued" : "done",
      text: "press",
    });
  }
  stage.remember({ records, writes: 41 + number * 3, journalUsed: 640 + number * 64 });
  stage.press({ ...open, steps });
  stage.tell("stored", id, { at: at + 138, since: 138 });
  stage.draw(at, 0.084, 0.02 * number);
  stage.draw(at + 4, 15, 0.02 * number);
  stage.draw(at + 138, 75, 0.02 * number + 0.001);
  for (const [index, [direction, type, detail]] of PACKETS.entries()) {
    const isPublish = type === "PUBLISH";
    stage.packet({
      at: at + ms - 50 + index * 5,
      connection: number,
      direction,
      type,
      detail,
      qos: isPublish ? 2 : undefined,
      packetId: /^PUB/.test(type) ? number : undefined,
      topic: isPublish ? `${ROOT}/alert` : type === "CONNECT" ? `${ROOT}/lwt` : "",
      length: isPublish ? 112 : 4,
    });
  }
  stage.tell("joined", "10.0.0.100", { at: at + ms - 55, since: ms - 55 });
  stage.tell("arrived", `{"pushes":${number},"id":"${id}"}`, { at: at + ms - 9, since: ms - 9, source: "alert" });
  stage.tell("delivered", id, { at: at + ms, since: ms });
  stage.topic(`${ROOT}/alert`, `{"pushes":${number},"id":"${id}"}`, { retained: false, qos: 2 });
  stage.remember({
    records: records.map((each) => ({ ...each, bits: "ffff fff8", status: "done" })),
  });
  stage.draw(at + ms + 80, 0.084, 0.02 * number + 0.018);
  stage.press({ ...open, steps: { ...steps, ...done }, outcome: "delivered", chargeMah: 0.018 + (number % 4) / 1000 });
  stage.show(0, { presses: number, alerts: number, chargeMah: 0.02 * number, led: number % 2 === 0 });
}

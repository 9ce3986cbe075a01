// `alertbox press`: publishes an alert as a box would, marked as a test, so that automations can be tried without a
// button. Knows one message.

import { randomBytes } from "node:crypto";
import { boxRoot } from "./box.js";
import { Connection } from "./connection.js";
import { print, printObject } from "./console.js";
import { usage } from "./failure.js";
import type { Stop } from "./stop.js";
import type { Target } from "./target.js";

export interface PressOptions {
  /** The box that is acted for; undefined: a box `test` that does not exist. */
  readonly chipId: number | undefined;
  /** Exactly where, instead. */
  readonly topic: string | undefined;
  readonly event: string;
  readonly isJson: boolean;
}

/**
 * A test alert. Its id is none that a box can have (those begin with a number), `pushes` is 0 (a box begins with 1),
 * and it says `"test":true`.
 */
function testAlert(event: string, chance: string): string {
  const id = `test-${chance}`;
  return JSON.stringify({ pushes: 0, event, id, vcc: 3300, rssi: -50, ms: 0, try: 1, test: true });
}

/** @throws Failure when the broker cannot be reached or does not acknowledge. */
export async function press(target: Target, options: PressOptions, stop: Stop): Promise<void> {
  const { chipId, event, isJson } = options;
  const topic = options.topic ?? `${chipId === undefined ? `${target.root}/test` : boxRoot(target.root, chipId)}/alert`;
  // [MQTT-3.3.2-2]
  if (/[+#]/.test(topic)) throw usage(`an alert has one topic, without + and #: ${JSON.stringify(topic)} has them`);
  const clientId = `alertbox-${randomBytes(6).toString("hex")}`;
  const connection = await Connection.open(target, { clientId, clean: true, onMessage: () => undefined }, stop.signal);
  try {
    const payload = testAlert(event, randomBytes(6).toString("hex"));
    await connection.publish(topic, payload, 2, false);
    if (isJson) printObject({ topic, ...(JSON.parse(payload) as object) });
    else print(`published ${topic} ${payload}`);
  } finally {
    await connection.close();
  }
}

// What a broker says about a box, by its own topic and by those of conventions.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { presenceIn } from "../../host-sim/presence.js";

const ROOT = "home/door";
const HOMIE = "homie/5/alertbox-5750/$state";
const TASMOTA = "tele/alertbox_5750/LWT";

describe("host-sim/presence", () => {
  const said = (topic: string, payload: string) => presenceIn(topic, payload, ROOT, 5750);

  it("reads the box's own words; what is cleared, or no such words, says nothing", () => {
    for (const state of ["online", "sleeping", "lost"])
      assert.equal(said(`${ROOT}/lwt`, `{"state":"${state}"}`), state);
    for (const text of ["", "online", "{", "null", '{"state":1}', '{"state":"away"}'])
      assert.equal(said(`${ROOT}/lwt`, text), "");
  });

  it("reads Homie's and Tasmota's, whose Offline is asleep or lost", () => {
    const homie = ["init", "ready", "sleeping", "lost", ""].map((text) => said(HOMIE, text));
    assert.deepEqual(homie, ["online", "online", "sleeping", "lost", ""]);
    assert.deepEqual(
      ["Online", "Offline", ""].map((text) => said(TASMOTA, text)),
      ["online", "offline", ""],
    );
  });

  it("is about this box, and about presence", () => {
    for (const topic of [
      `${ROOT}/state`,
      "home/lwt",
      "homie/5/alertbox-5751/$state",
      "homie/5/other/$state",
      "tele/alertbox_57501/LWT",
    ]) {
      assert.equal(said(topic, "ready"), undefined, topic);
    }
  });
});

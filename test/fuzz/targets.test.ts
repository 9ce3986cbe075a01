// The fuzzer in small, for every pull request: some thousands of inputs for each target from seeds that stay, and some
// from a seed of the day, which is named so that it can be run again. The long form is `npm run fuzz`.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { loadSources } from "../../host-sim/fuzz/sources.js";
import { drawInput, TARGETS, type TargetName } from "../../host-sim/fuzz/targets.js";
import { tryRange } from "../../host-sim/fuzz/worker.js";

/** Inputs of each of the seeds, and what they must reach: else they say nothing. */
const PLANS: Readonly<Record<TargetName, { inputs: number; reach: readonly string[] }>> = Object.freeze({
  decoder: {
    inputs: 10_000,
    reach: ["whole", "unfinished", "no statement", "1.5.3-1", "1.5.3-2", "2.2.2-2", "2.3.1-1", "3.3.2-1", "3.3.2-2"],
  },
  session: {
    inputs: 1500,
    reach: [
      ...["connected", "message", "overflow", "publish", "subscribe", "received", "delivered", "release", "a refusal"],
      ...["closed malformed", "closed violation", "closed refused", "closed timeout", "closed lost", "closed overflow"],
      ...["closed disconnected"],
    ],
  },
  topic: {
    inputs: 4000,
    reach: ["match", "no match", "filter legal", "filter wildcard", "name legal", "name empty", "no UTF-8"],
  },
  settings: {
    inputs: 1500,
    reach: [
      "JSON",
      "no JSON",
      "accepted",
      "refused",
      "loaded",
      "loaded nothing",
      "saved",
      "erased",
      "power cut",
      "worn out",
    ],
  },
  journal: {
    inputs: 1500,
    reach: [
      "opened",
      "opened with repair",
      "appended",
      "refused",
      "received",
      "done",
      "erased",
      "power cut",
      "worn out",
    ],
  },
  http: {
    inputs: 1500,
    reach: ["answer 200", "answer 302", "answer 400", "answer 403", "answer 411", "cut", "asked try", "form read"],
  },
  dns: { inputs: 5000, reach: ["NOERROR", "FORMERR", "NOTIMP", "REFUSED", "ignored"] },
});

/** As the command takes seeds: a whole number of up to nine digits. */
const fresh = Date.now() % 1_000_000_000;

describe("fuzzing", () => {
  for (const name of Object.keys(PLANS) as TargetName[]) {
    const { inputs, reach } = PLANS[name];

    async function run(seed: number): Promise<Readonly<Record<string, number>>> {
      const target = TARGETS[name].make(await loadSources());
      const { found, failed, reached } = tryRange(target, seed, { from: 0, to: inputs });
      const [first] = found;
      assert.equal(
        failed,
        0,
        `${first?.finding.detail}\n  npm run fuzz -- --target ${name} --seed ${seed} --replay ${first?.index}`,
      );
      return reached;
    }

    it(`${name}: every promise holds for ${2 * inputs} inputs, which reach all that there is`, async () => {
      const [first, second] = [await run(1), await run(2)];
      for (const what of reach) assert.ok((first[what] ?? 0) + (second[what] ?? 0) > 0, `${what} is never reached`);
    });

    it(`${name}: and for ${inputs} of seed ${fresh}`, async () => {
      await run(fresh);
    });

    it(`${name}: a seed and a number are always the same input`, async () => {
      const sources = await loadSources();
      const [one, other] = [TARGETS[name].make(sources), TARGETS[name].make(sources)];
      drawInput(one, 1, 5);
      drawInput(one, 2, 7);
      assert.deepEqual(drawInput(one, 3, 9).slice(), drawInput(other, 3, 9).slice());
      assert.notDeepEqual(drawInput(one, 3, 9).slice(), drawInput(other, 3, 10).slice());
    });
  }
});

// One piece of what `npm run ram` measures, in a process of its own, so that pieces run side by side. crew.ts starts it
// with the name of a file that says what to do, and hears from it on stdout.

import { readFileSync, writeSync } from "node:fs";
import "../globals.js";
import { Failure } from "../../board/report.js";
import { runBundle } from "./bundle.js";
import type { Report } from "./crew.js";
import type { Engine } from "./engine.js";
import { readyEngines } from "./engines.js";
import {
  type Chapter,
  type Errand,
  Firmware,
  measureBlock,
  type StoryErrand,
  stockRecord,
  stories,
} from "./figures.js";
import { told } from "./stage.js";

/** A story with what is measured of it. */
function tell(engine: Engine, errand: StoryErrand, at: (text: string) => void): Chapter {
  const firmware = new Firmware(errand.firmware);
  const story = stories(errand.reconnects).find(({ name }) => name === errand.story);
  if (story === undefined) throw new Error(`there is no story ${JSON.stringify(errand.story)}`);
  return { told: firmware.tell(engine, story, firmware.record, at), modules: firmware.modules };
}

async function perform(errand: Errand, at: (text: string) => void): Promise<unknown> {
  const engines = await readyEngines((text) => void process.stderr.write(text));
  return told(() => {
    switch (errand.type) {
      case "story":
        return tell(engines[errand.engine === "lx106" ? "target" : "host"], errand, at);
      case "block":
        return measureBlock(engines, new Firmware(errand.firmware), stories(errand.reconnects), errand.stack);
      case "bundle": {
        const { engine, file, reconnects, messages } = errand;
        const options = { reconnects, messages, record: stockRecord, progress: at };
        return runBundle(engines[engine === "lx106" ? "target" : "host"], file, options);
      }
    }
  });
}

/** Written at once: whoever listens is told while the engine runs. */
function say(report: Report): void {
  const bytes = Buffer.from(`${JSON.stringify(report)}\n`);
  for (let from = 0; from < bytes.length; ) from += writeSync(1, bytes, from);
}

async function main(file: string): Promise<void> {
  try {
    const errand = JSON.parse(readFileSync(file, "utf8")) as Errand;
    const at = (text: string): void => say({ type: "at", text });
    say({ type: "result", result: await perform(errand, at) });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    say({ type: "failed", reason, isExpected: error instanceof Failure });
  }
}

await main(process.argv[2] ?? "");

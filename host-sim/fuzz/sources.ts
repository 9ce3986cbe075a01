// The modules under attack, loaded from a folder: src, or a copy of it with a deliberate fault, which shows that the
// fuzzer notices. Types are those of src; nothing of src is imported in any other way by the targets.

import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import "../globals.js";

export interface Sources {
  readonly decoder: typeof import("../../src/mqtt/decoder.js");
  readonly session: typeof import("../../src/mqtt/session.js");
  readonly text: typeof import("../../src/mqtt/text.js");
  readonly topic: typeof import("../../src/mqtt/topic.js");
  readonly journal: typeof import("../../src/alertbox/journal.js");
  readonly settings: typeof import("../../src/alertbox/settings.js");
  readonly settingsStore: typeof import("../../src/alertbox/settings-store.js");
  readonly json: typeof import("../../src/alertbox/json.js");
  readonly form: typeof import("../../src/setup/form.js");
  readonly portal: typeof import("../../src/setup/portal.js");
  readonly dns: typeof import("../../src/setup/dns.js");
}

/** The project's own firmware. */
export const SOURCE = resolve(dirname(fileURLToPath(import.meta.url)), "../../src");

/** Loads what the targets need from a source folder. */
export async function loadSources(folder = SOURCE): Promise<Sources> {
  const load = (file: string): Promise<unknown> => import(pathToFileURL(resolve(folder, file)).href);
  return {
    decoder: await load("mqtt/decoder.ts"),
    session: await load("mqtt/session.ts"),
    text: await load("mqtt/text.ts"),
    topic: await load("mqtt/topic.ts"),
    journal: await load("alertbox/journal.ts"),
    settings: await load("alertbox/settings.ts"),
    settingsStore: await load("alertbox/settings-store.ts"),
    json: await load("alertbox/json.ts"),
    form: await load("setup/form.ts"),
    portal: await load("setup/portal.ts"),
    dns: await load("setup/dns.ts"),
  } as Sources;
}

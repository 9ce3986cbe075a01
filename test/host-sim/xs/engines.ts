// The real engine for tests: built once, or a reason why this machine has none. Such tests are skipped then, with that
// reason, and fail instead when ALERTBOX_REQUIRE_ALL is set.

import type { Context } from "mocha";
import type { Build } from "../../../host-sim/xs/build.js";
import { readyEngines } from "../../../host-sim/xs/engines.js";
import { Unavailable } from "../../../host-sim/xs/toolchain.js";

let found: Promise<Build | string> | undefined;

/** Both engines; skips the test that asks when there are none. */
export async function enginesOrSkip(test: Context): Promise<Build> {
  found ??= readyEngines(() => {}).catch((error: unknown) => {
    if (error instanceof Unavailable) return error.message;
    throw error;
  });
  const engines = await found;
  if (typeof engines !== "string") return engines;
  if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(engines);
  console.log(`    skipped: ${engines}`);
  test.skip();
}

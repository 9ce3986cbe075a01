// `mc/config`: the configuration that the manifest compiled into the firmware; here, what the board was made with.
// mcconfig freezes it to the last level, and so does this.

import { deepFreeze } from "../../deep-freeze.js";
import type { Host } from "../../host.js";

export function create(host: Host) {
  const config = structuredClone(host.board.config);
  deepFreeze(config);
  return { default: config };
}

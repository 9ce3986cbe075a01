// `npm run doctor`: what this computer has of what building and flashing need, one line each, how to get what is
// missing, and one closing line. It changes nothing.

import { listPorts, NO_PORT, permissionFix } from "./ports.js";
import { type Context, findingLine, readOptions, Status, start } from "./report.js";
import { type Check, inspect, notReady } from "./sdk.js";

const HELP = `Usage: npm run doctor [-- options]

Says what is missing to build the firmware and to flash a board, and how to get it. Installs nothing.

  --json    one JSON object instead of lines
  --help    this text

Exit status: 0 the firmware can be built (even when no board is connected), 1 it cannot, 2 the command line was wrong.
`;

/** Serial ports, each with the right to open it. */
function portChecks(context: Context): Check[] {
  const ports = listPorts(context);
  if (ports.length === 0) return [{ id: "port", finding: "unknown", text: NO_PORT, fix: [] }];
  return ports.map((port): Check => {
    const fix = permissionFix(context, port);
    if (fix === undefined) return { id: "port", finding: "ok", text: `serial port ${port}`, fix: [] };
    return { id: "port", finding: "missing", text: `serial port ${port}: no permission to open it`, fix: [fix] };
  });
}

function closing(build: string | undefined, ports: readonly Check[]): string {
  if (build !== undefined) return build;
  if (ports.some((check) => check.finding === "ok")) return "Ready to build and flash.";
  const denied = ports.find((check) => check.finding === "missing");
  if (denied === undefined) return "Ready to build; no board is connected.";
  return `Ready to build, not to flash: ${denied.fix[0] ?? denied.text}`;
}

export async function doctor(context: Context): Promise<number> {
  const options = readOptions(context.args, { json: { type: "boolean" }, help: { type: "boolean", short: "h" } });
  if (options.help) {
    context.out(HELP);
    return Status.OK;
  }
  const { checks } = inspect(context);
  const ports = portChecks(context);
  const all = [...checks, ...ports];
  const build = notReady(checks);
  const line = closing(build, ports);
  if (options.json) {
    const ready = { build: build === undefined, flash: line === "Ready to build and flash." };
    context.out(`${JSON.stringify({ ready, checks: all, line })}\n`);
  } else {
    for (const check of all) {
      context.out(findingLine(context, check.finding, check.text));
      for (const fix of check.fix) context.out(`    ${fix}\n`);
    }
    context.out(`\n${line}\n`);
  }
  return build === undefined ? Status.OK : Status.FAILED;
}

start(import.meta.url, doctor);

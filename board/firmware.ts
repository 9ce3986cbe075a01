// `npm run firmware`: builds the image with the person's own Moddable SDK and says what it takes, against the budget.

import { Budget } from "./budget.js";
import { type Build, build, type Forms, platformOption, type Target } from "./build.js";
import { type Context, Failure, grouped, readOptions, Status, start } from "./report.js";
import { METHOD, moduleTable, overBudget, sizeTable } from "./sizes.js";

const HELP = `Usage: npm run firmware [-- options]

Builds the firmware for a board with the Moddable SDK, and prints flash and static RAM by part, against the budget of
${grouped(Budget.FLASH_BYTES)} and ${grouped(Budget.RAM_BYTES)} bytes (release form only).

  --platform P    the board: esp/nodemcu (default) or another ESP8266 board of the SDK
  --debug         with the debugger's code, for xsbug
  --instrument    with the instrumentation's counters
  --clean         build all of it anew, not only what changed
  --verbose       the whole log of the build
  --modules       also what each module costs
  --json          one JSON object at the end, and no progress
  --help          this text

Exit status: 0 built and within the budget, 1 not built, or with a warning from src/, or over the budget, 2 the command
line was wrong.
`;

/** What is wrong with an image that was built, as sentences; empty when all is well. */
export function complaints(result: Build, form: keyof typeof Forms): string[] {
  const { warnings, sizes } = result;
  const found: string[] = [];
  if (warnings.length > 0) {
    const count = warnings.length === 1 ? "a warning comes" : `${warnings.length} warnings come`;
    found.push(`${count} from our own sources: ${warnings[0]?.trim()}`);
  }
  if (sizes === undefined) found.push("the toolchain's size could not read the linked image");
  else if (form === "release") found.push(...overBudget(sizes));
  return found;
}

/** Prints the table of a build, with how it came about. */
export function showSizes(context: Context, result: Build): void {
  for (const warning of result.warnings) context.err(`${warning}\n`);
  if (result.sizes !== undefined) context.out(`\n${sizeTable(result.sizes)}\n${METHOD}\n`);
}

export async function firmware(context: Context): Promise<number> {
  const options = readOptions(context.args, {
    platform: { type: "string" },
    debug: { type: "boolean" },
    instrument: { type: "boolean" },
    clean: { type: "boolean" },
    verbose: { type: "boolean" },
    modules: { type: "boolean" },
    json: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (options.help) {
    context.out(HELP);
    return Status.OK;
  }
  if (options.debug && options.instrument) {
    throw new Failure("--debug already has the instrumentation; leave --instrument out", Status.USAGE);
  }
  const target: Target = {
    platform: platformOption(options.platform),
    form: options.debug ? "debug" : options.instrument ? "instrument" : "release",
    clean: options.clean ?? false,
    verbose: options.verbose ?? false,
    quiet: options.json ?? false,
  };
  const result = await build(context, target);
  const found = complaints(result, target.form);
  const { sizes, warnings } = result;
  if (options.json) {
    const { platform, form } = target;
    const budget = { flash: Budget.FLASH_BYTES, ram: Budget.RAM_BYTES };
    context.out(
      `${JSON.stringify({ platform, form, ok: found.length === 0, ...sizes, budget, warnings, complaints: found })}\n`,
    );
  } else {
    showSizes(context, result);
    if (options.modules && sizes !== undefined) context.out(`${moduleTable(sizes)}\n`);
  }
  if (found.length > 0) throw new Failure(found.join("; "));
  if (!options.json && sizes !== undefined) {
    const within = target.form === "release" ? ", within the budget" : ` (${target.form}: no budget)`;
    context.out(`Built: flash ${grouped(sizes.flash)} bytes, static RAM ${grouped(sizes.ram)} bytes${within}.\n`);
  }
  return Status.OK;
}

start(import.meta.url, firmware);

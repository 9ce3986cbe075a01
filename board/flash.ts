// `npm run flash`: builds the image and puts it on the board with the SDK's own deploy target. The region with settings
// and journal is never written: esptool's write_flash erases only what it writes, which is the boot loader at 0, the
// firmware from 0x1000, and the radio's constants at 0x3FC000 (make.esp.mk); settings and journal lie in `storage`,
// 0x302000 to 0x3FB000 (eagle.flash.4m.ld).

import { build, mcconfigArguments, platformOption, type Target } from "./build.js";
import { complaints, showSizes } from "./firmware.js";
import { choosePort } from "./ports.js";
import { follow } from "./program.js";
import { type Context, Failure, readOptions, Status, start, wholeNumber } from "./report.js";

const HELP = `Usage: npm run flash -- --port PORT [options]

Builds the firmware and flashes it. Settings and stored alerts on the board stay as they are.

  --port PORT     serial port of the board, such as /dev/ttyUSB0, /dev/cu.usbserial-0001 or COM3
                  (without it: the only one there is)
  --baud N        speed of the transfer (default 921600; 115200 when it breaks off)
  --platform P    the board: esp/nodemcu (default) or another ESP8266 board of the SDK
  --verbose       the whole log
  --help          this text

An image over the size budget, or with a warning, is flashed all the same, and said so.
Exit status: 0 flashed, 1 not flashed, 2 the command line was wrong.
`;

const BAUD = Object.freeze({ DEFAULT: 921_600, LOW: 9600, HIGH: 2_000_000 } as const);

/** What esptool says when it gives up, and what a person can do about it; the first that fits. */
const REMEDIES: readonly (readonly [RegExp, string])[] = Object.freeze([
  [/permission denied|access is denied/i, "no permission to open PORT: npm run doctor says how to get it"],
  [
    /device or resource busy|could not exclusively lock|resource temporarily unavailable|\bbusy\b/i,
    "PORT is in use: end the monitor, or whatever else has it open, and try again",
  ],
  [
    /could not open port[^\n]*(no such file|cannot find)|ENOENT|No such device|Device not configured/i,
    "PORT went away: is the board still plugged in?",
  ],
  [/No module named '?"?serial|Pyserial is not installed/i, "pyserial is missing: npm run doctor says how to get it"],
  [
    /failed to connect|timed out waiting for packet header|invalid head of packet|wrong boot mode|warning: espcomm_sync failed/i,
    "the chip on PORT does not answer: hold FLASH, press and release RST, let FLASH go, and try again",
  ],
  [
    /timed out waiting for packet|md5 of file does not match|corrupt data|failed to write|invalid response|write timeout/i,
    "the transfer broke off: try again with --baud 115200, another cable, or another USB socket",
  ],
] as const);

/** The sentence for what the deploy target wrote when it failed. */
export function remedyFor(log: string, port: string): string {
  const found = REMEDIES.find(([pattern]) => pattern.test(log));
  if (found !== undefined) return found[1].replace("PORT", port);
  const fatal = /A fatal error occurred: (.*)/.exec(log)?.[1];
  return `flashing failed${fatal === undefined ? "; the log is above" : `: ${fatal}`}`;
}

export async function flash(context: Context): Promise<number> {
  const options = readOptions(context.args, {
    port: { type: "string" },
    baud: { type: "string" },
    platform: { type: "string" },
    verbose: { type: "boolean" },
    help: { type: "boolean", short: "h" },
  });
  if (options.help) {
    context.out(HELP);
    return Status.OK;
  }
  const baud = options.baud === undefined ? BAUD.DEFAULT : wholeNumber("baud", options.baud, BAUD.LOW, BAUD.HIGH);
  const verbose = options.verbose ?? false;
  const target: Target = {
    platform: platformOption(options.platform),
    form: "release",
    clean: false,
    verbose,
    quiet: false,
  };
  // Before the build: who has to plug in the board should not wait a minute to hear it.
  const port = choosePort(context, options.port);
  const result = await build(context, target);
  showSizes(context, result);
  context.out(`Flashing ${port} at ${baud} baud; settings and stored alerts stay\n`);
  const { sdk } = result;
  const answer = await follow(
    context,
    sdk.mcconfig ?? "mcconfig",
    mcconfigArguments(context, target, "deploy"),
    { env: { ...sdk.env, UPLOAD_PORT: port, UPLOAD_SPEED: String(baud) }, cwd: context.root },
    (line) => {
      if (verbose || /^(Connecting|Chip is|Writing at|Wrote|Hash of data)/.test(line)) context.out(`${line}\n`);
    },
  );
  if (context.signal.aborted) throw new Failure("interrupted while flashing: the board may not start; flash it again");
  if (answer.status !== 0) {
    if (!verbose) context.err(`${answer.output}\n\n`);
    throw new Failure(remedyFor(answer.output, port));
  }
  const found = complaints(result, "release");
  if (found.length > 0) context.out(`Note: ${found.join("; ")}\n`);
  context.out(`Flashed. Its log: npm run monitor -- --port ${port}\n`);
  return Status.OK;
}

start(import.meta.url, flash);

// `npm run monitor`: the board's serial log, line by line, until Ctrl-C; it waits for a board that was unplugged. It
// reads with what the system has: stty and cat on Linux and macOS, .NET's SerialPort through PowerShell on Windows, so
// nothing has to be installed or compiled.

import { spawn } from "node:child_process";
import { closeSync, constants, existsSync, openSync } from "node:fs";
import { choosePort, listPorts } from "./ports.js";
import { findProgram, Lines } from "./program.js";
import { type Context, coloured, Failure, readOptions, Status, start, wholeNumber } from "./report.js";

const HELP = `Usage: npm run monitor [-- options]

Shows the board's serial log until Ctrl-C. Unplug the board and plug it in again at will.

  --port PORT    serial port of the board (without it: the only one there is)
  --baud N       speed (default 921600; the chip's boot ROM speaks 74880)
  --help         this text

Exit status: 130 ended by Ctrl-C, 1 the port cannot be read, 2 the command line was wrong.
`;

/** XS's port for the ESP8266 opens UART0 with this (build/devices/esp/main.cpp, DEBUGGER_SPEED). */
const BAUD = Object.freeze({ DEFAULT: 921_600, LOW: 300, HIGH: 4_000_000 } as const);
/** How often a port that went away is looked for. */
const LOOK_MS = 300;
/** So often a port that came back is opened before it counts as refused. */
const AGAIN_TRIES = 15;

/** Words of the log by what they mean to a person. */
const COLOURS: readonly (readonly [RegExp, "green" | "yellow" | "red" | "cyan"])[] = Object.freeze([
  [/^delivered$/, "green"],
  [/^(not-.*|.*-(failed|invalid|dropped|cap)|low-battery|refused|lost)$/, "red"],
  [/^(stored|received)$/, "cyan"],
  [/^(setup|sleeping|factory-reset)$/, "yellow"],
] as const);

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be kept away from the terminal.
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g;

/** One line of the log for a person: nothing in it can steer a terminal, and its word has a colour. */
export function shownLine(context: Context, line: string): string {
  const text = line.replace(CONTROLS, "\u00b7");
  const match = /^(\[\d+\]) (\S+)(.*)$/.exec(text);
  if (match === null) return text;
  const [, time = "", word = "", rest = ""] = match;
  const colour = COLOURS.find(([pattern]) => pattern.test(word))?.[1];
  return `${coloured(context, "grey", time)} ${colour === undefined ? word : coloured(context, colour, word)}${rest}`;
}

interface Reader {
  /** Resolves when the port gave nothing more, with what the reading program had to say. */
  readonly ended: Promise<string>;
  stop(): void;
}

/** Starts a program whose stdout is the port's bytes. */
function startReader(context: Context, file: string, args: readonly string[], lines: Lines): Reader {
  const child = spawn(file, args, { env: context.env, stdio: ["ignore", "pipe", "pipe"] });
  let complaint = "";
  child.stdout.on("data", (bytes: Buffer) => lines.write(bytes));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", () => resolve(complaint.trim()));
  });
  return { ended, stop: () => void child.kill() };
}

function windowsReader(context: Context, port: string, baud: number, lines: Lines): Reader {
  const shell = findProgram("powershell", context.env, context.platform);
  if (shell === undefined) throw new Failure("PowerShell is not found; it reads the port on Windows");
  const script =
    `$p = New-Object System.IO.Ports.SerialPort ${port},${baud}; $p.Open(); $o = [Console]::OpenStandardOutput(); ` +
    "$b = New-Object byte[] 4096; while ($true) { $n = $p.BaseStream.Read($b, 0, 4096); " +
    "if ($n -gt 0) { $o.Write($b, 0, $n); $o.Flush() } }";
  return startReader(context, shell, ["-NoProfile", "-Command", script], lines);
}

/** Sets the speed of a port that `descriptor` keeps open. @throws Failure when stty refuses. */
async function setSpeed(context: Context, port: string, descriptor: number, baud: number): Promise<void> {
  const stty = findProgram("stty", context.env, context.platform);
  if (stty === undefined) throw new Failure("stty is not installed; it sets the port's speed");
  // On its stdin, because Linux and macOS name the option for a device differently. clocal: no modem's carrier is
  // waited for; -hupcl: ending the monitor does not reset the board.
  const child = spawn(stty, [String(baud), "raw", "-echo", "clocal", "-hupcl"], {
    env: context.env,
    stdio: [descriptor, "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    complaint += text;
  });
  const status = await new Promise<number | null>((resolve) => {
    child.once("error", () => resolve(null));
    child.once("close", resolve);
  });
  if (status === 0) return;
  if (/ioctl|not a (tty|terminal|typewriter)/i.test(complaint)) throw new Failure(`${port} is not a serial port`);
  throw new Failure(
    `stty cannot set ${baud} baud on ${port}; this shows the log instead: python -m serial.tools.miniterm ${port} ${baud}`,
  );
}

function openPort(port: string): number {
  try {
    // Without waiting for a carrier, and without making the port this process's terminal.
    return openSync(port, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EBUSY") throw new Failure(`${port} is in use: end whatever else has it open, and try again`);
    if (code === "EACCES") throw new Failure(`no permission to open ${port}: npm run doctor says how to get it`);
    throw new Failure(`${port} cannot be opened (${code ?? "no reason given"})`);
  }
}

/** Reads until the port goes away or Ctrl-C. */
async function readPort(context: Context, port: string, baud: number): Promise<string> {
  const lines = new Lines((line) => context.out(`${shownLine(context, line)}\n`));
  const descriptor = context.platform === "win32" ? undefined : openPort(port);
  try {
    let reader: Reader;
    if (descriptor === undefined) {
      reader = windowsReader(context, port, baud, lines);
    } else {
      await setSpeed(context, port, descriptor, baud);
      // Held open here the whole time: macOS forgets the speed of a port that nobody has open.
      reader = startReader(context, findProgram("cat", context.env, context.platform) ?? "cat", [port], lines);
    }
    const stop = () => reader.stop();
    if (context.signal.aborted) stop();
    context.signal.addEventListener("abort", stop, { once: true });
    const complaint = await reader.ended;
    context.signal.removeEventListener("abort", stop);
    lines.end();
    return complaint;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function pause(context: Context): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LOOK_MS);
    context.signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}

function note(context: Context, text: string): void {
  context.err(`${coloured(context, "grey", `-- ${text}`)}\n`);
}

function isThere(context: Context, port: string): boolean {
  return context.platform === "win32" ? listPorts(context).includes(port) : existsSync(port);
}

/** Right after it was plugged in, a port may refuse for a moment until the system has set its permissions. */
async function readAgain(context: Context, port: string, baud: number): Promise<string> {
  for (let tries = 1; ; tries++) {
    try {
      return await readPort(context, port, baud);
    } catch (error) {
      if (!(error instanceof Failure) || tries === AGAIN_TRIES || context.signal.aborted) throw error;
      await pause(context);
    }
  }
}

export async function monitor(context: Context): Promise<number> {
  const options = readOptions(context.args, {
    port: { type: "string" },
    baud: { type: "string" },
    help: { type: "boolean", short: "h" },
  });
  if (options.help) {
    context.out(HELP);
    return Status.OK;
  }
  const baud = options.baud === undefined ? BAUD.DEFAULT : wholeNumber("baud", options.baud, BAUD.LOW, BAUD.HIGH);
  const port = choosePort(context, options.port);
  note(context, `${port} at ${baud} baud; Ctrl-C ends`);
  for (let isFirst = true; !context.signal.aborted; isFirst = false) {
    const complaint = isFirst ? await readPort(context, port, baud) : await readAgain(context, port, baud);
    if (context.signal.aborted) break;
    const reason = complaint === "" ? "" : ` (${complaint.split("\n")[0]})`;
    note(context, `${port} went away${reason}; plug the board in again`);
    do await pause(context);
    while (!isThere(context, port) && !context.signal.aborted);
    if (!context.signal.aborted) note(context, `${port} is back`);
  }
  return Status.FAILED;
}

start(import.meta.url, monitor);

// `npm start`: reads the command line, starts the bench and its views, and ends all of it at once and cleanly. Exit
// status: 0 well, 1 not all alerts arrived by the deadline, 2 the command line cannot be followed. The large modules
// are loaded after the options were checked, so that a typing error is answered at once.

import "./globals.js";
import { HELP, type Options, parseOptions } from "./options.js";
import type { Line } from "./page/protocol.js";
import { isWithin } from "./patience.js";
import type { Scenario } from "./scenario.js";
import type { PageServer } from "./server.js";
import type { Terminal } from "./terminal.js";

const Status = Object.freeze({ OK: 0, FAILED: 1, USAGE: 2 } as const);

/** How long the bench waits for its subscriber before it powers the boards on; a short deadline shortens it. */
const PATIENCE_MS = Object.freeze({ PERSON: 1000, HEADLESS: 5000 } as const);
/** How long sockets and the broker may take to end: the boards' flash is in its file before. */
const FAREWELL_MS = 5000;
/** After that, whatever still holds the process is left behind. */
const LAST_RESORT_MS = 2000;
const PAGE_PORT = 8080;

/** A stop that was asked for: by a key, by a signal, or because nobody reads the output any more. */
class Stop {
  readonly #controller = new AbortController();
  readonly asked: Promise<void>;
  /** Exit status of a run that this stop interrupts: 128 and the signal's number, as shells have it. */
  interrupted: number = Status.OK;

  constructor() {
    this.asked = new Promise((resolve) => this.signal.addEventListener("abort", () => resolve()));
    for (const [name, number] of [
      ["SIGINT", 2],
      ["SIGTERM", 15],
      ["SIGHUP", 1],
    ] as const) {
      process.on(name, () => {
        // A second one means it: whatever hangs is left.
        if (this.signal.aborted) process.exit(128 + number);
        this.interrupted = 128 + number;
        this.now();
      });
    }
    process.stdout.on("error", (error: NodeJS.ErrnoException) => {
      if (error.code !== "EPIPE") throw error;
      this.now();
    });
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  now(): void {
    this.#controller.abort();
  }
}

function complain(message: string): number {
  process.stderr.write(`alertbox: ${message}\nnpm start -- --help lists the options.\n`);
  return Status.USAGE;
}

/** What the user can mend, as a sentence; undefined when it is the bench's own fault. */
async function mendable(error: unknown, options: Options): Promise<string | undefined> {
  const [{ FlashFileError }, { CaptureFileError }, { ScenarioError }] = await Promise.all([
    import("./flash-file.js"),
    import("./capture.js"),
    import("./scenario.js"),
  ]);
  for (const kind of [FlashFileError, CaptureFileError, ScenarioError]) if (error instanceof kind) return error.message;
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code !== "EADDRINUSE" && code !== "EACCES") return undefined;
  const name = nameOf(port, options);
  const shown = port ?? options.port ?? options.pagePort ?? "";
  const why = code === "EACCES" ? "may not be used without more rights" : "is in use by another program";
  return `port ${shown} ${why}. Choose another with ${name}, or leave ${name} out to take the next free one`;
}

/** The option that asked for this port. */
function nameOf(port: number | undefined, { pagePort, setupPort, boards }: Options): string {
  if (port === undefined) return "--port";
  if (port === pagePort) return "--page-port";
  const isSetup = setupPort !== undefined && port >= setupPort && port < setupPort + boards;
  return isSetup ? "--setup-port" : "--port";
}

async function runWithPerson(options: Options, scenario: Scenario | undefined, stop: Stop): Promise<number> {
  const [{ Bench }, pages, terminals] = await Promise.all([
    import("./bench.js"),
    import("./server.js"),
    import("./terminal.js"),
  ]);
  const building = pages.buildPage();
  const bench = await Bench.start(options, PATIENCE_MS.PERSON).catch(async (error: unknown) => {
    await building.catch(() => undefined);
    throw error;
  });
  const { SwitchedStage } = await import("./switched-stage.js");
  const stage = new SwitchedStage(bench);
  let server: PageServer | undefined;
  let terminal: Terminal | undefined;
  try {
    server = await pages.PageServer.start({
      stage,
      assets: await building,
      port: options.pagePort ?? PAGE_PORT,
      exactly: options.pagePort !== undefined,
      downloads: stage.downloads,
    });
    await stopCompiler();
    terminal = new terminals.Terminal({
      stage,
      output: process.stdout,
      input: process.stdin,
      look: terminals.lookOf(process.stdout, process.env, process.platform),
      page: server.url,
      log: options.log,
      quit: () => stop.now(),
    });
    const shown = terminal;
    process.on("SIGCONT", () => shown.resume());
    // Also when something throws: the shell gets its cursor and its keys back.
    process.on("exit", () => shown.close());
    if (scenario !== undefined) {
      const { playScenario } = await import("./scenario-player.js");
      await playScenario(bench, scenario, stop.signal);
    }
    await stop.asked;
    if (options.record !== undefined) {
      const { saveScenario } = await import("./scenario-file.js");
      saveScenario(options.record, bench.recorded());
    }
  } finally {
    terminal?.close();
    await farewell([server?.close(), stage.close(), bench.close()]);
  }
  return Status.OK;
}

async function runHeadless(options: Options, scenario: Scenario | undefined, stop: Stop): Promise<number> {
  const [{ Bench }, { HeadlessRun, lineObject, succeeded, summaryText }, { formatLine }, logs] = await Promise.all([
    import("./bench.js"),
    import("./headless.js"),
    import("./terminal.js"),
    import("./event-log.js"),
  ]);
  const bench = await Bench.start(options, Math.min(PATIENCE_MS.HEADLESS, options.deadlineSeconds * 500));
  await stopCompiler();
  const say = (object: object, text: string) => {
    process.stdout.write(options.json ? `${JSON.stringify(object)}\n` : `${text}\n`);
  };
  const name = (board: number) => bench.board(board)?.board.chipId ?? 0;
  const plain = { colour: false, unicode: true };
  try {
    const { broker, watch } = bench.view;
    const where = watch === "" ? `${broker}  in a virtual world` : `${broker}\n${watch}`;
    say({ event: "ready", broker, watch, boards: bench.boards.map(({ index }) => name(index)) }, where);
    const snapshot = bench.snapshot();
    const shown = (board: number) => (options.boards > 1 ? String(name(board)) : "");
    const log = new logs.EventLog(options.log, snapshot);
    const tellLine = (line: Line) => {
      if (!options.log.includes("steps")) return;
      say(lineObject(line, name(line.board)), formatLine(line, shown(line.board), plain));
    };
    bench.on((event) => {
      for (const entry of log.entries(event)) {
        say(logs.entryObject(entry, name(entry.board)), logs.formatEntry(entry, shown(entry.board), plain));
      }
      if (event.type === "line") tellLine(event.line);
    });
    for (const line of snapshot.lines) tellLine(line);
    if (scenario !== undefined) {
      const { playScenario } = await import("./scenario-player.js");
      // In a terminal the story itself is progress.
      const isSilent = process.stdout.isTTY !== true || !options.log.includes("steps");
      const { showProgress } = await import("./play-progress.js");
      const end = isSilent ? showProgress(process.stderr, () => bench.now) : () => undefined;
      const { failure, steps, held } = await playScenario(bench, scenario, stop.signal).finally(end);
      bench.flush();
      const text = failure === undefined ? `${steps} steps, all of it held` : `failed: ${failure}`;
      say({ event: "scenario", title: scenario.title, steps, held, failure: failure ?? null }, text);
      if (stop.signal.aborted) return stop.interrupted;
      return failure === undefined ? Status.OK : Status.FAILED;
    }
    const summary = await new HeadlessRun(bench, stop.signal).run();
    bench.flush();
    say(summary, summaryText(summary));
    if (stop.signal.aborted && options.press !== undefined) return stop.interrupted;
    return options.press === undefined || succeeded(summary) ? Status.OK : Status.FAILED;
  } finally {
    await farewell([bench.close()]);
  }
}

/** Waits until all of it has ended, but not for ever. */
async function farewell(endings: readonly (Promise<void> | undefined)[]): Promise<void> {
  await isWithin(FAREWELL_MS, Promise.all(endings));
}

/** The options, and the scenario that they name, whose boards they have then. */
async function staged(options: Options): Promise<{ options: Options; scenario: Scenario | undefined }> {
  if (options.scenario === undefined) return { options, scenario: undefined };
  const [{ loadScenario }, { scenarioOptions }] = await Promise.all([
    import("./scenario-file.js"),
    import("./scenario-player.js"),
  ]);
  const loaded = loadScenario(options.scenario);
  const scenario = options.seed === undefined ? loaded : { ...loaded, seed: options.seed };
  return { options: scenarioOptions(options, scenario), scenario };
}

async function main(): Promise<number> {
  const parsed = parseOptions(process.argv.slice(2));
  if (parsed.kind === "error") return complain(parsed.message);
  if (parsed.kind === "help") {
    process.stdout.write(HELP);
    return Status.OK;
  }
  const stop = new Stop();
  try {
    const { options, scenario } = await staged(parsed.options);
    return await (options.headless ? runHeadless : runWithPerson)(options, scenario, stop);
  } catch (error) {
    const message = await mendable(error, parsed.options);
    if (message === undefined) throw error;
    return complain(message);
  } finally {
    await stopCompiler();
  }
}

/** esbuild keeps a process of its own for more work; when image and page are built there will be none. */
async function stopCompiler(): Promise<void> {
  const { stop } = await import("esbuild");
  await stop();
}

process.exitCode = await main();
process.stdin.pause();
setTimeout(() => process.exit(), LAST_RESORT_MS).unref();

// The command line of the bench: what `npm start --` accepts, checked completely before anything is started.
// Pure: arguments in, options or a message that says what to do out. It opens no file and no socket, and it never
// repeats a password.

import { parseArgs } from "node:util";
import { explained } from "./arguments.js";

/** Bounds of the numeric options; the messages and the help text quote them. */
export const OptionLimits = Object.freeze({
  BOARDS: 64,
  PRESSES: 100_000,
  DEADLINE_SECONDS: 86_400,
  CHIP_ID: 0xff_ffff, // system_get_chip_id() is the lower three bytes of the station's MAC address.
  PORT: 65_535,
  SPEED: 100,
  ROOT_BYTES: 96,
  SEED: 999_999_999,
} as const);

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

export interface Options {
  /** Nothing is real: one clock, a simulated network, the model broker. */
  readonly virtual: boolean;
  /** What chance is made of in a virtual world, or in a scenario; undefined: 1, or what the file says. */
  readonly seed: number | undefined;
  /** An existing broker; undefined: the embedded one is started. */
  readonly broker: BrokerAddress | undefined;
  readonly boards: number;
  readonly mode: "battery" | "mains";
  /** How the button is soldered; what the settings say unless a person sets the box up in another way. */
  readonly wiring: "gpio" | "rst" | "rst+gpio";
  /** Built without settings, as a box comes from the flasher: its first boot opens the setup. */
  readonly factoryNew: boolean;
  /** Port of the first board's setup page when asked for by name, 0: any; undefined: 8166 or the next free one. */
  readonly setupPort: number | undefined;
  /** A battery box sleeps without showing first how it went. */
  readonly quiet: boolean;
  /** Chip id of the first board; the others count up from it. */
  readonly chip: number;
  /** Topic root; undefined: the firmware's default. With several boards the chip id is appended. */
  readonly root: string | undefined;
  /** Port of the embedded broker when asked for by name; undefined: 1883 or the next free one. */
  readonly port: number | undefined;
  /** Port of the page when asked for by name; undefined: 8080 or the next free one. */
  readonly pagePort: number | undefined;
  readonly flash: string | undefined;
  /** Name or file of a scenario to be played; its boards are those of the bench. */
  readonly scenario: string | undefined;
  /** File for what is done on this bench, as a scenario. */
  readonly record: string | undefined;
  /** Where the packets go for Wireshark. */
  readonly pcap: string | undefined;
  /** What the terminal tells, line by line. */
  readonly log: readonly LogKind[];
  /** How many of the boards' milliseconds pass in a real one, `Infinity` for as fast as it goes; undefined: 1. */
  readonly speed: number | undefined;
  readonly headless: boolean;
  /** How often each board's button is pressed; undefined: never, and a headless bench runs until it is told to stop. */
  readonly press: number | undefined;
  /** Seconds until the run counts as failed. */
  readonly deadlineSeconds: number;
  readonly json: boolean;
}

/** `steps`: what firmware and bench do. `packets`: MQTT both ways. `memory`: flash and RTC memory as they change. */
export const LOG_KINDS = Object.freeze(["steps", "packets", "memory"] as const);
export type LogKind = (typeof LOG_KINDS)[number];

export type ParsedOptions =
  | { readonly kind: "run"; readonly options: Options }
  | { readonly kind: "help" }
  | { readonly kind: "error"; readonly message: string };

export const HELP = `Usage: npm start -- [options]

Starts a virtual alertbox on this machine: the real firmware, a broker, and a page with a button.

  --broker URL        use this broker: mqtt://[user:password@]host[:port]
                      (without it a broker is started here, on port 1883 or the next free one)
  --port N            start that broker on exactly this port
  --page-port N       serve the page on exactly this port (default: 8080 or the next free one)
  --boards N          how many boards, 1 to ${OptionLimits.BOARDS} (default 1)
  --mode MODE         mains: stays connected (default); battery: sleeps between presses
  --wiring WIRING     where the button is: gpio (mains: the default), rst (battery only),
                      rst+gpio (battery: the default)
  --quiet             a battery box sleeps at once, without showing on the LED how it went
  --factory-new       begin without settings: the box opens its setup, as on its first boot
                      (with --flash only as long as FILE holds no settings)
  --setup-port N      show the setup page of the first board on exactly this port, 0 for any,
                      of the next board on N+1 (default: 8166 or the next free one)
  --chip ID           chip id of the first board, decimal (default 5750)
  --root TOPIC        topic root (default mresetar/alertbox/<chip id>; with several boards TOPIC/<chip id>)
  --flash FILE        keep the boards' flash in FILE between runs
  --log WHAT          what is told line by line: ${LOG_KINDS.join(", ")}, or several of them with commas
                      (default steps)
  --pcap FILE         write the boards' MQTT traffic to FILE for Wireshark, without passwords
  --scenario NAME     play a scenario, one that comes along or a file: boards, deeds, and what must come of
                      them (host-sim/scenarios; with --headless the status says whether all of it held);
                      one that says "world: virtual" is played as with --virtual
  --record FILE       write what is done on this bench as a scenario to FILE, when it ends
  --speed N           let the boards' time run N times as fast, 1 to ${OptionLimits.SPEED} (default 1);
                      a hold by hand is then N times as long for them
  --virtual           nothing is real: one clock, a network and a strict broker inside this program, which
                      other programs cannot reach; the same seed and the same deeds give the same bytes
  --seed N            what chance is made of there, and in a scenario (default 1, or what the scenario says)
  --speed max         with --virtual: as fast as it goes; so is a scenario played there, unless told otherwise

  --headless          no page and no keys
  --press N           press each button N times, wait until every alert arrived, then end (needs --headless)
  --deadline S        give up after S seconds (default 30, and 10 for each press; needs --press)
  --json              one JSON object per line (needs --headless)

  --help              this text

Exit status: 0 every alert arrived once, 1 not by the deadline, 2 the command line was wrong or a port was in use.
`;

/** Thrown inside this file only: carries the message of a usage error to parseOptions. */
class UsageError extends Error {}

function fail(message: string): never {
  throw new UsageError(message);
}

function wholeNumber(name: string, text: string | undefined, low: number, high: number): number | undefined {
  if (text === undefined) return undefined;
  const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= low && value <= high) return value;
  return fail(`--${name} is a whole number from ${low} to ${high}, not ${JSON.stringify(text)}`);
}

const BROKER_FORM = "--broker is mqtt://[user:password@]host[:port], for example mqtt://192.168.1.10:1883";

function decodePart(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    // Without the URL in the message: it may hold a password.
    if (error instanceof URIError) return fail("--broker: a % in the user or the password is written %25");
    throw error;
  }
}

/**
 * Takes a broker URL apart. The URL is never part of a message, because it may hold a password.
 * @throws UsageError when it is not `mqtt://[user:password@]host[:port]`.
 */
export function brokerAddress(text: string): BrokerAddress {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `mqtt://${text}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch (error) {
    if (error instanceof TypeError)
      return fail(`${BROKER_FORM}. Special characters in the password are written %40 (@), %2F (/), %3A (:)`);
    throw error;
  }
  if (url.protocol === "mqtts:" || url.protocol === "ssl:" || url.protocol === "tls:") {
    fail("--broker: the simulated board speaks MQTT without TLS; use mqtt:// and a broker port without TLS");
  }
  if (url.protocol !== "mqtt:" && url.protocol !== "tcp:") fail(BROKER_FORM);
  if (url.hostname === "") fail(`${BROKER_FORM}. The host is missing`);
  if ((url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "") {
    fail(`${BROKER_FORM}. Nothing may follow the port; the topic root is given with --root`);
  }
  const user = decodePart(url.username);
  const password = decodePart(url.password);
  if (password !== "" && user === "") fail("--broker: a password needs a user name: mqtt://user:password@host");
  // URL keeps the brackets of an IPv6 address; sockets want it bare.
  const host = decodePart(url.hostname).replace(/^\[(.*)\]$/, "$1");
  const port = url.port === "" ? 1883 : Number(url.port);
  if (port === 0) fail(`${BROKER_FORM}. Port 0 cannot be connected to`);
  return Object.freeze({ host, port, user, password });
}

/** A topic name that may stand in front of `/alert`: no wildcard, no NUL, no "/" at its end [MQTT-3.3.2-2]. */
function topicRoot(text: string): string {
  if (text === "" || text.endsWith("/") || /[+#\0]/.test(text) || text.startsWith("$")) {
    fail('--root is a topic without + and #, without "/" at its end and without "$" at its start');
  }
  if (Buffer.byteLength(text) > OptionLimits.ROOT_BYTES)
    fail(`--root is at most ${OptionLimits.ROOT_BYTES} bytes long`);
  return text;
}

function filePath(name: "flash" | "pcap" | "scenario" | "record", text: string | undefined): string | undefined {
  const example = { flash: "box.flash", pcap: "box.pcap", scenario: "power-cut", record: "mine.yaml" }[name];
  return text === "" ? fail(`--${name} is the name of a file, for example --${name} ${example}`) : text;
}

function logKinds(text: string | undefined): readonly LogKind[] {
  const kinds = (text ?? "steps").split(",");
  const unknown = kinds.find((kind) => !(LOG_KINDS as readonly string[]).includes(kind));
  if (unknown !== undefined) fail(`--log is one or more of ${LOG_KINDS.join(",")}, not ${JSON.stringify(unknown)}`);
  return kinds as LogKind[];
}

function parse(args: readonly string[]) {
  return parseArgs({
    args: [...args],
    strict: true,
    allowPositionals: false,
    options: {
      broker: { type: "string" },
      port: { type: "string" },
      "page-port": { type: "string" },
      boards: { type: "string" },
      mode: { type: "string" },
      wiring: { type: "string" },
      quiet: { type: "boolean" },
      "factory-new": { type: "boolean" },
      "setup-port": { type: "string" },
      chip: { type: "string" },
      root: { type: "string" },
      flash: { type: "string" },
      scenario: { type: "string" },
      record: { type: "string" },
      log: { type: "string" },
      pcap: { type: "string" },
      speed: { type: "string" },
      virtual: { type: "boolean" },
      seed: { type: "string" },
      headless: { type: "boolean" },
      press: { type: "string" },
      deadline: { type: "string" },
      json: { type: "boolean" },
      help: { type: "boolean", short: "h" },
    },
  }).values;
}

/** The firmware's own rules: RST alone would restart a mains box at each press, a GPIO alone wakes nobody. */
function wiringOf(text: string | undefined, mode: Options["mode"]): Options["wiring"] {
  const wiring = text ?? (mode === "battery" ? "rst+gpio" : "gpio");
  if (wiring !== "gpio" && wiring !== "rst" && wiring !== "rst+gpio") {
    return fail(`--wiring is gpio, rst or rst+gpio, not ${JSON.stringify(wiring)}`);
  }
  if (mode === "mains" && wiring === "rst") return fail("--wiring rst is for boxes that sleep: add --mode battery");
  if (mode === "battery" && wiring === "gpio") return fail("--wiring gpio cannot wake a battery box: rst or rst+gpio");
  return wiring;
}

function speedOf(text: string | undefined, isVirtual: boolean): number | undefined {
  if (text !== "max") return wholeNumber("speed", text, 1, OptionLimits.SPEED);
  return isVirtual ? Number.POSITIVE_INFINITY : fail("--speed max is for a world without anything real: add --virtual");
}

/** In a virtual world there are no ports and no programs beside this one. */
function checkVirtual(values: ReturnType<typeof parse>): void {
  for (const name of ["broker", "port", "setup-port"] as const) {
    if (values[name] !== undefined) fail(`--${name} does not go with --virtual: nothing there is on a real network`);
  }
}

/** Which boards there are, and what is done to them, stands in the file. */
function checkScenario(values: ReturnType<typeof parse>): void {
  for (const name of ["boards", "mode", "wiring", "factory-new", "press", "record"] as const) {
    if (values[name] !== undefined)
      fail(`--${name} does not go with --scenario: the file says which boards there are, and what is done`);
  }
}

function check(values: ReturnType<typeof parse>): Options {
  const headless = values.headless ?? false;
  const press = wholeNumber("press", values.press, 0, OptionLimits.PRESSES);
  const deadline = wholeNumber("deadline", values.deadline, 1, OptionLimits.DEADLINE_SECONDS);
  const boards = wholeNumber("boards", values.boards, 1, OptionLimits.BOARDS) ?? 1;
  const chip = wholeNumber("chip", values.chip, 0, OptionLimits.CHIP_ID) ?? 5750;
  const port = wholeNumber("port", values.port, 1, OptionLimits.PORT);
  const pagePort = wholeNumber("page-port", values["page-port"], 1, OptionLimits.PORT);
  const mode = values.mode ?? "mains";
  if (mode !== "mains" && mode !== "battery") {
    fail(`--mode is mains or battery, not ${JSON.stringify(mode)}`);
  }
  const wiring = wiringOf(values.wiring, mode);
  const factoryNew = values["factory-new"] ?? false;
  const setupPort = wholeNumber("setup-port", values["setup-port"], 0, OptionLimits.PORT);
  if (setupPort !== undefined && setupPort + boards - 1 > OptionLimits.PORT) {
    fail(`--setup-port is too large for ${boards} boards that count up from it`);
  }
  if (values.quiet && mode === "mains") fail("--quiet is for boxes that sleep: add --mode battery");
  if (factoryNew && (press ?? 0) > 0 && values.flash === undefined) {
    fail("--factory-new with --press: a box that nobody has set up delivers nothing; leave one of them out");
  }
  if (chip + boards - 1 > OptionLimits.CHIP_ID) fail(`--chip is too large for ${boards} boards that count up from it`);
  if (!headless && press !== undefined) fail("--press is for runs without a page: add --headless");
  if (!headless && values.json) fail("--json is for runs without a page: add --headless");
  if (press === undefined && deadline !== undefined) fail("--deadline needs --press: add --headless --press 1");
  if (headless && pagePort !== undefined) fail("--page-port: there is no page with --headless; leave one of them out");
  if (values.broker !== undefined && port !== undefined) {
    fail("--port is the port of the broker that is started here; with --broker the port stands in the URL");
  }
  if (values.scenario !== undefined) checkScenario(values);
  const isVirtual = values.virtual ?? false;
  if (isVirtual) checkVirtual(values);
  const seed = wholeNumber("seed", values.seed, 0, OptionLimits.SEED);
  if (seed !== undefined && !isVirtual && values.scenario === undefined) {
    fail("--seed is for a world without chance of its own: add --virtual, or --scenario NAME");
  }
  const options: Options = {
    virtual: isVirtual,
    seed,
    broker: values.broker === undefined ? undefined : brokerAddress(values.broker),
    boards,
    mode,
    wiring,
    factoryNew,
    setupPort,
    quiet: values.quiet ?? false,
    chip,
    root: values.root === undefined ? undefined : topicRoot(values.root),
    port,
    pagePort,
    flash: filePath("flash", values.flash),
    scenario: filePath("scenario", values.scenario),
    record: filePath("record", values.record),
    pcap: filePath("pcap", values.pcap),
    log: logKinds(values.log),
    speed: speedOf(values.speed, isVirtual || values.scenario !== undefined),
    headless,
    press,
    deadlineSeconds: deadline ?? 30 + 10 * (press ?? 0) * boards,
    json: values.json ?? false,
  };
  return Object.freeze(options);
}

/** Checks a command line (without node and script). Never throws for what the user typed. */
export function parseOptions(args: readonly string[]): ParsedOptions {
  try {
    const values = parse(args);
    return values.help ? { kind: "help" } : { kind: "run", options: check(values) };
  } catch (error) {
    if (error instanceof UsageError) return { kind: "error", message: error.message };
    if (error instanceof TypeError && "code" in error) return { kind: "error", message: explained(error as Error) };
    throw error;
  }
}

/** `mqtt://user@host:port` for people: without the password. */
export function shownAddress(broker: BrokerAddress): string {
  const host = broker.host.includes(":") ? `[${broker.host}]` : broker.host;
  const user = broker.user === "" ? "" : `${encodeURIComponent(broker.user)}@`;
  return `mqtt://${user}${host}:${broker.port}`;
}

function shellWord(word: string): string {
  return /^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** The line that shows every alert in another terminal. A password is left for the reader to fill in. */
export function watchLine(broker: BrokerAddress, topic: string): string {
  const user = broker.user === "" ? "" : ` -u ${shellWord(broker.user)}${broker.password === "" ? "" : " -P '…'"}`;
  return `mosquitto_sub -h ${shellWord(broker.host)} -p ${broker.port}${user} -t '${topic.replaceAll("'", "'\\''")}' -v`;
}

/** The topic root of one of the boards, undefined for the firmware's own default. */
export function boardRoot(options: Options, chipId: number): string | undefined {
  if (options.root === undefined) return undefined;
  return options.boards === 1 ? options.root : `${options.root}/${chipId}`;
}

/** The topic filter under which the alerts of all boards arrive. */
export function alertFilter(options: Options): string {
  if (options.root === undefined) return "mresetar/alertbox/+/alert";
  return options.boards === 1 ? `${options.root}/alert` : `${options.root}/+/alert`;
}

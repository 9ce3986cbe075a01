// The command line of `alertbox`: commands, options, their help, and how it all ends. Exit status: 0 well, 1 it could
// not be done, 2 the command line cannot be followed, 128 and the signal's number when it was stopped.

import { Command, CommanderError, InvalidArgumentError } from "commander";
import { parseCommand, STAY_SECONDS_MAX } from "../src/alertbox/command.js";
import { defaultRoot } from "../src/alertbox/settings.js";
import { EVENTS, VARIABLES } from "./alert.js";
import { type BoxCommand, sendCommand } from "./box-command.js";
import { say } from "./console.js";
import { Failure, Status, usage } from "./failure.js";
import { forget, listen } from "./listen.js";
import { press } from "./press.js";
import { changesOf, configText } from "./settings-text.js";
import { Stop } from "./stop.js";
import { DEFAULT_ROOT, type Target, type TargetOptions, targetOf } from "./target.js";
import { watch } from "./watch.js";

/** After a stop, whatever still holds the process is left behind. */
const LAST_RESORT_MS = 2000;
/** system_get_chip_id() is the lower three bytes of the station's MAC address. */
const CHIP_ID_MAX = 0xff_ffff;
const SECONDS_MAX = 2_000_000;
/** Of a box that was given none. */
const DEFAULT_PORT = 1883;

const BROKER_HELP = `
Broker, the first that is given counts:
  --broker mqtt[s]://[user:password@]host[:port]    a password here can be seen in the list of processes
  ALERTBOX_BROKER, ALERTBOX_PASSWORD                environment variables, of the same form
  ~/.config/alertbox.json                           {"broker":"mqtts://broker.local","user":"me","password":"…"},
                                                    and "root", "ca", "cert", "key"; chmod 600 it
A password from the file goes to the file's broker only.`;

const WAIT_HELP = `
The command is left with the broker, retained: a box that is awake acts on it at once, one that sleeps at its next
wake. Then the box takes it away, and the result is printed. Exit status 0: done; 1: refused by the box, or no answer
in time (the command stays there); 2: refused here, nothing was sent.`;

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(`it must be a whole number from ${least} to ${most}.`);
  };
}

function events(text: string): readonly string[] {
  const names = text.split(/[,|]/);
  if (names.every((name) => (EVENTS as readonly string[]).includes(name))) return names;
  throw new InvalidArgumentError(`it must be one of ${EVENTS.join(", ")}, or several with commas between.`);
}

function sessionName(text: string): string {
  if (/^[\w-]{1,32}$/.test(text)) return text;
  throw new InvalidArgumentError("it must be 1 to 32 letters, digits, - or _.");
}

/** A command with the options that all of them have. */
function withBroker(command: Command): Command {
  return command
    .option("-b, --broker <url>", "the broker, see below")
    .option("-r, --root <topic>", `topic of one box, or what those of several begin with (default ${DEFAULT_ROOT})`)
    .option("--config <file>", "configuration file (default ~/.config/alertbox.json)")
    .option("--password-file <file>", "file with the password of the broker's user, and nothing else")
    .option("--ca <file>", "TLS: certificate of the CA that signed the broker's, PEM")
    .option("--cert <file>", "TLS: certificate of this program, PEM; needs --key")
    .option("--key <file>", "TLS: its private key, PEM")
    .option("--insecure", "TLS: do not look at the broker's certificate, for a test")
    .option("--connect-timeout <s>", "give up connecting after so many seconds (default 10)", whole(1, SECONDS_MAX))
    .option("--json", "one JSON object per line on stdout")
    .addHelpText("after", BROKER_HELP);
}

/** What commands share: the end that was asked for, and the status. */
class Shell {
  readonly stop = new Stop();
  status: number = Status.OK;

  /** The broker that the options name. What the user should know of it is said. */
  target(options: TargetOptions): Target {
    const target = targetOf(options, process.env);
    for (const warning of target.warnings) say(warning);
    return target;
  }
}

interface ListenArguments extends TargetOptions {
  readonly on?: readonly string[];
  readonly session?: string;
  readonly forget?: boolean;
  readonly wait?: boolean;
  readonly count?: number;
  readonly limit?: number;
  readonly json?: boolean;
}

function addListen(program: Command, shell: Shell): void {
  const command = program
    .command("listen")
    .description("a line for each alert, and a command that is run")
    .usage("[options] [-- command args]")
    .argument("[command...]", "run for each alert, one after the other; the alert is in its environment")
    .option("--on <events>", `only for these: ${EVENTS.join(", ")}, or several with commas between`, events)
    .option("--session <name>", "the broker keeps alerts while this program is away, under this name", sessionName)
    .option("--forget", "end that session, at the broker and here, and do nothing else")
    .option("--wait", "wait for a broker that is not there yet, instead of ending")
    .option("--count <n>", "end after so many alerts", whole(1, SECONDS_MAX))
    .option("--limit <s>", "end a command that takes longer than so many seconds", whole(1, SECONDS_MAX))
    .passThroughOptions();
  withBroker(command).addHelpText("after", listenHelp());
  command.action(async (words: string[], options: ListenArguments) => {
    const { on, session, count, limit } = options;
    if (options.forget === true) {
      if (session === undefined) throw usage("--forget needs the name of the session: --session name --forget");
      await forget(shell.target(options), session, shell.stop);
      return;
    }
    const limitMs = limit === undefined ? undefined : limit * 1000;
    const flags = { isJson: options.json ?? false, isPatient: options.wait ?? false };
    await listen(shell.target(options), { on, session, count, limitMs, words, ...flags }, shell.stop);
  });
}

function listenHelp(): string {
  const width = Math.max(...VARIABLES.map(([name]) => name.length));
  return `
The command finds the alert in its environment:
${VARIABLES.map(([name, text]) => `  ${name.padEnd(width)}  ${text}`).join("\n")}
It comes from the network: quote it in scripts. A command that fails is told of on stderr and stops nothing. With --json
what it prints goes to stderr.

Each id is acted on once. Without --session the ids are remembered as long as this program runs, and alerts that come
while it does not are not for it. With --session (QoS 2, a persistent session) the broker keeps them, and ids and
alerts are on the disk, in ~/.local/state/alertbox/, before the broker hears that they have come: nothing is missed,
and nothing acted on twice, but that a command which a power cut or kill -9 has interrupted is run again. Brokers keep
so many only: Mosquitto 1000, unless max_queued_messages says otherwise. A session that is not needed any more is to be
forgotten, or the broker keeps alerts for it for ever: --session name --forget.

When the connection is lost it is made again, at growing intervals, and said on stderr.

Examples:
  alertbox listen --broker mqtt://192.168.1.10
  alertbox listen --on long -- systemctl suspend
  alertbox listen --session mail -- sh -c 'echo "press $ALERTBOX_PUSHES" | mail -s "$ALERTBOX_ID" me@example.org'
  alertbox listen --json | jq -r .id`;
}

function addWatch(program: Command, shell: Shell): void {
  const command = program
    .command("watch")
    .description("boxes, presence, last press, supply, and the broker's figures, live")
    .option("--once", "print what the broker has kept, and end")
    .option("--wait", "wait for a broker that is not there yet, instead of ending");
  withBroker(command).addHelpText(
    "after",
    `
In a terminal a table changes in place (Ctrl-C ends it); elsewhere the table comes first, then a line for each change.
Boxes that follow Homie or Tasmota (config convention=…) are found by homie/5/alertbox-…/$state and tele/alertbox_…/LWT;
Tasmota has one word, Offline, for asleep and for lost.
The broker's figures are those under $SYS/broker, which Mosquitto and others publish and may keep to administrators.

Examples:
  alertbox watch --broker mqtts://me@broker.local --ca ca.pem
  alertbox watch --once --json | jq 'select(.presence == "lost").box'`,
  );
  command.action(async (options: TargetOptions & { once?: boolean; wait?: boolean; json?: boolean }) => {
    const { once = false, wait = false, json = false } = options;
    await watch(shell.target(options), { isOnce: once, isPatient: wait, isJson: json }, shell.stop);
  });
}

interface BoxArguments extends TargetOptions {
  readonly wait: boolean;
  readonly timeout?: number;
  readonly force?: boolean;
  readonly json?: boolean;
  readonly clear?: boolean;
}

/** A command for one box. */
function boxCommand(program: Command, name: string, description: string): Command {
  const command = program
    .command(name)
    .description(description)
    .argument("<chipid>", "of the box, decimal, as alertbox watch shows it", whole(0, CHIP_ID_MAX));
  return command
    .option("--no-wait", "do not wait for what comes of it")
    .option("--timeout <s>", "how long to wait (default 60)", whole(1, SECONDS_MAX))
    .option("--force", "also for a box that this broker does not know");
}

async function send(shell: Shell, command: BoxCommand, options: BoxArguments): Promise<void> {
  const { wait, timeout, force = false, json = false } = options;
  const timeoutMs = timeout === undefined ? undefined : timeout * 1000;
  const waiting = { isWaiting: wait, timeoutMs, isForced: force, isJson: json };
  shell.status = await sendCommand(shell.target(options), command, waiting, shell.stop);
}

function addConfig(program: Command, shell: Shell): void {
  const command = boxCommand(program, "config", "change settings of a box")
    .usage("[options] <chipid> key=value...")
    .argument("[settings...]", "key=value, key:=JSON, key=@file, key=@- (stdin)")
    .option("--clear", "take back settings that the box has not read yet");
  withBroker(command).addHelpText(
    "after",
    `${WAIT_HELP}

A box tries new settings before it keeps them, and goes back to the old ones when they lead nowhere.

Settings:
  wifi='[{"ssid":"home","password":"…"}]'   1 to 3 networks; or for a single one:
  ssid=home wifiPassword=@secret.txt        its name and password ("" for an open one)
  host=broker.local port=1883               the broker
  user=box password=@secret.txt             its account; passwords from files are in no list of processes
  root=home/door                            topic root; root= is the default again
  mode=battery|mains  wiring=gpio|rst|rst+gpio
  keepAliveSeconds=60  double=true|false  quiet=true|false  full=reject|drop-oldest  lowMillivolts=2600
  convention=home-assistant|homie|tasmota|none   who finds the box by itself: docs/conventions.md

Examples:
  alertbox config 5750 quiet=true
  alertbox config 5750 mode=battery wiring=rst --no-wait
  alertbox config 5750 wifiPassword=@- < password.txt`,
  );
  command.action(async (chipId: number, words: string[], options: BoxArguments) => {
    const isClear = options.clear ?? false;
    if (isClear !== (words.length === 0)) {
      throw usage(isClear ? "--clear stands alone" : "no settings are given, for example quiet=true");
    }
    const changes = changesOf(words);
    // What does not depend on the box is said before anything is sent.
    if (!isClear) configText(changes, chipId, "");
    const { root, host, port } = changes;
    const nextRoot = root === "" || root === null ? defaultRoot(chipId) : (root as string | undefined);
    // Judged by now: a host is text, a port a number; null gives the default.
    const nextPlace = {
      host: (host as string | undefined) ?? undefined,
      port: port === null ? DEFAULT_PORT : (port as number | undefined),
    };
    const payload = (topic: string) => (isClear ? "" : configText(changes, chipId, topic));
    await send(shell, { name: "config", chipId, payload, nextRoot, nextPlace }, options);
  });
}

function addLed(program: Command, shell: Shell): void {
  const command = boxCommand(program, "led", "switch the LED of a box")
    .usage("[options] <chipid> on|off|toggle")
    .argument("<what>", "on, off or toggle");
  withBroker(command).addHelpText(
    "after",
    `${WAIT_HELP}

Examples:
  alertbox led 5750 on
  alertbox listen --on double -- sh -c 'alertbox led "$ALERTBOX_CHIPID" toggle'`,
  );
  command.action(async (chipId: number, what: string, options: BoxArguments) => {
    const text = what.toUpperCase();
    const read = parseCommand("led", text);
    if (read.kind !== "led") throw usage("led: use on, off or toggle");
    await send(shell, { name: "led", chipId, payload: () => text }, options);
  });
}

function addStay(program: Command, shell: Shell): void {
  const command = boxCommand(program, "stay", "keep a box that sleeps awake for a while, from its next wake")
    .usage("[options] <chipid> seconds")
    .argument("<seconds>", `0 to ${STAY_SECONDS_MAX}`, whole(0, STAY_SECONDS_MAX));
  withBroker(command).addHelpText(
    "after",
    `${WAIT_HELP}

An hour takes some 70 mAh. A box that does not sleep takes the command and goes on.

Example:
  alertbox stay 5750 300 --timeout 86400`,
  );
  command.action(async (chipId: number, seconds: number, options: BoxArguments) => {
    await send(shell, { name: "stay", chipId, payload: () => String(seconds) }, options);
  });
}

function addPress(program: Command, shell: Shell): void {
  const command = program
    .command("press")
    .description("publish a test alert, to try what hangs on it")
    .option("--chipid <id>", "act for this box (default: a box called test)", whole(0, CHIP_ID_MAX))
    .option("--topic <topic>", "publish exactly there")
    .option("--event <event>", `${EVENTS.join(", ")}`, (text: string) => {
      if ((EVENTS as readonly string[]).includes(text)) return text;
      throw new InvalidArgumentError(`it must be one of ${EVENTS.join(", ")}.`);
    });
  withBroker(command).addHelpText(
    "after",
    `
It looks like an alert of a box, with QoS 2, but for what marks it: "id":"test-…", which no box can have, "pushes":0
and "test":true (ALERTBOX_TEST=1 for a command). A broker acknowledges it even where its access control list drops it;
alertbox listen shows what arrives.

Examples:
  alertbox press
  alertbox press --chipid 5750 --event long`,
  );
  command.action(
    async (options: TargetOptions & { chipid?: number; topic?: string; event?: string; json?: boolean }) => {
      const { chipid: chipId, topic, event = "press", json: isJson = false } = options;
      await press(shell.target(options), { chipId, topic, event, isJson }, shell.stop);
    },
  );
}

function makeProgram(version: string, shell: Shell): Command {
  const program = new Command("alertbox")
    .description("Alerts of button boxes, from the shell.")
    .version(version)
    .enablePositionalOptions()
    .exitOverride()
    // What is wrong is said in our own form, at one place.
    .configureOutput({ writeErr: () => undefined });
  addListen(program, shell);
  addWatch(program, shell);
  addConfig(program, shell);
  addLed(program, shell);
  addStay(program, shell);
  addPress(program, shell);
  program.addHelpText(
    "after",
    `${BROKER_HELP}

Examples:
  export ALERTBOX_BROKER=mqtt://192.168.1.10
  alertbox watch
  alertbox listen -- notify-send "somebody is at the door"
  alertbox press

alertbox <command> --help has more. Exit status: 0 well, 1 it could not be done, 2 the command line was wrong, 130
ended by Ctrl-C, 143 by SIGTERM.`,
  );
  return program;
}

/** The status for what was thrown; what the user can mend is said. */
function statusOf(error: unknown, shell: Shell): number {
  if (shell.stop.isAsked && error instanceof Failure) return shell.stop.status;
  if (error instanceof Failure) {
    say(
      `${error.message}${error.status === Status.USAGE ? "\nalertbox --help, and alertbox <command> --help, say more." : ""}`,
    );
    return error.status;
  }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return Status.OK;
    const message = error.message.replace(/^error: /, "");
    // Without a command it is the help text that was printed.
    say(
      error.code === "commander.help"
        ? "no command is given.\nalertbox --help lists them."
        : `${message}\nalertbox --help, and alertbox <command> --help, say more.`,
    );
    return Status.USAGE;
  }
  throw error;
}

/** A fault of the program's own, with all that is known of it. */
function reported(error: Error): number {
  say(`this is a fault of the program itself, please report it: ${error.stack ?? error.message}`);
  return Status.FAILED;
}

/** Runs the command that `args` name, and sets the exit status. */
export async function main(args: readonly string[], version: string): Promise<void> {
  const shell = new Shell();
  // What is thrown where the library calls, as by a disk that is full.
  process.on("uncaughtException", (error) => {
    process.exit(error instanceof Failure ? statusOf(error, shell) : reported(error));
  });
  try {
    await makeProgram(version, shell).parseAsync([...args], { from: "user" });
    process.exitCode = shell.stop.isAsked && shell.status === Status.OK ? shell.stop.status : shell.status;
  } catch (error) {
    process.exitCode = statusOf(error, shell);
  }
  setTimeout(() => process.exit(), LAST_RESORT_MS).unref();
}

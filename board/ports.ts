// Serial ports: which ones there are, whether this person may open them, and what to do when not. It does not talk over
// them.

import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ask, findProgram } from "./program.js";
import { type Context, Failure } from "./report.js";

/** macOS lists these although no board is behind them. */
const NO_BOARD = /^cu\.(Bluetooth|debug-console|wlan-debug)/;

const NAMES: Readonly<Partial<Record<NodeJS.Platform, RegExp>>> = Object.freeze({
  linux: /^tty(USB|ACM)\d+$/,
  darwin: /^cu\./,
});

function windowsPorts(context: Context): string[] {
  const shell = findProgram("powershell", context.env, context.platform);
  if (shell === undefined) return [];
  const command = "[System.IO.Ports.SerialPort]::GetPortNames()";
  const answer = ask(shell, ["-NoProfile", "-Command", command], context.env);
  return answer.output.split(/\s+/).filter((name) => /^COM\d+$/.test(name));
}

/** Serial ports that a board may be on, in order. */
export function listPorts(context: Context): string[] {
  const pattern = NAMES[context.platform];
  let names: string[];
  if (pattern === undefined) {
    names = context.platform === "win32" ? windowsPorts(context) : [];
  } else {
    try {
      names = readdirSync(context.devices);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      names = [];
    }
    names = names.filter((name) => pattern.test(name) && !NO_BOARD.test(name));
    names = names.map((name) => join(context.devices, name));
  }
  return names.sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
}

/** Group of a device and whether /etc/group has the user in it. */
function groupOf(context: Context, port: string): { name: string; isMember: boolean } {
  try {
    const { gid } = statSync(port);
    const lines = readFileSync(context.groups, "utf8").split("\n");
    for (const line of lines) {
      const [name = "", , id = "", members = ""] = line.split(":");
      // A group of 0 is root's: joining it is not what anybody should do.
      if (Number(id) === gid && gid !== 0) return { name, isMember: members.split(",").includes(context.user) };
    }
  } catch {
    // Without that file or device, the name that Debian, Ubuntu and Fedora use is the best guess.
  }
  return { name: "dialout", isMember: false };
}

/** What to do to be allowed to open a port; undefined when it is allowed. */
export function permissionFix(context: Context, port: string): string | undefined {
  if (context.platform === "win32" || context.mayOpen(port)) return undefined;
  if (context.platform === "darwin") return `sudo chmod a+rw ${port}`;
  const group = groupOf(context, port);
  return group.isMember
    ? `log out and in again: you are in the group ${group.name}, but not yet in this session`
    : `sudo usermod -a -G ${group.name} "$USER"  and log out and in again`;
}

/** What to try when no port is there at all. */
export const NO_PORT =
  "no board is connected: plug it in with a USB cable that carries data (many only charge); on Windows and old macOS " +
  "install the driver of its USB chip (CP210x or CH340)";

/**
 * The port to use: the one that was given, or the only one there is.
 * @throws Failure that says which to give, or what to do about the one that was given.
 */
export function choosePort(context: Context, given: string | undefined): string {
  const ports = listPorts(context);
  const shown = ports.length === 0 ? "there is none now" : `there are ${ports.join(", ")}`;
  if (given === undefined) {
    if (ports.length === 0) throw new Failure(NO_PORT);
    if (ports.length > 1) throw new Failure(`several serial ports: say which one with --port; ${shown}`);
  }
  const port = given ?? ports[0] ?? "";
  if (context.platform === "win32") {
    if (!/^COM\d+$/i.test(port))
      throw new Failure(`--port is a name such as COM3, not ${JSON.stringify(port)}; ${shown}`);
    return port.toUpperCase();
  }
  if (statSync(port, { throwIfNoEntry: false }) === undefined)
    throw new Failure(`${port} is not there: is the board plugged in? Ports that a board may be on: ${shown}`);
  const fix = permissionFix(context, port);
  if (fix !== undefined) throw new Failure(`no permission to open ${port}: ${fix}`);
  return port;
}

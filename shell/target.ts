// Which broker, as whom, and below which topic: from the command line, the environment and the configuration file. No
// message ever repeats a password or a URL that may hold one; a password from the file goes to no other broker than
// the file's.

import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { Failure, usage } from "./failure.js";

/** The options that every command has, as they were given. */
export interface TargetOptions {
  readonly broker?: string;
  readonly root?: string;
  readonly config?: string;
  readonly passwordFile?: string;
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly insecure?: boolean;
  readonly connectTimeout?: number;
}

export interface Target {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  /** "" for none. */
  readonly user: string;
  readonly password: string;
  /** Topic of one box, or what the topics of several begin with. */
  readonly root: string;
  /** PEM texts. */
  readonly ca: Buffer | undefined;
  readonly cert: Buffer | undefined;
  readonly key: Buffer | undefined;
  /** The broker's certificate is not looked at. */
  readonly isInsecure: boolean;
  /** From the look-up of the name to CONNACK, ms. */
  readonly connectMs: number;
  /** For people: `mqtts://user@host:8883`. */
  readonly shown: string;
  /** What the user should hear of before anything else. */
  readonly warnings: readonly string[];
}

/** What the boxes' topics begin with unless they were given another root (DESIGN §10). */
export const DEFAULT_ROOT = "mresetar/alertbox";

const CONNECT_SECONDS = 10;
const PORTS = Object.freeze({ plain: 1883, secure: 8883, most: 65_535 } as const);
const SCHEMES: Readonly<Record<string, boolean>> = Object.freeze({
  "mqtt:": false,
  "tcp:": false,
  "mqtts:": true,
  "ssl:": true,
  "tls:": true,
});
const FORM = "a broker is mqtt://[user:password@]host[:port], or mqtts:// with TLS; for example mqtt://192.168.1.10";
const KEYS = Object.freeze(["broker", "user", "password", "root", "ca", "cert", "key"] as const);

type FileKey = (typeof KEYS)[number];
type FileSettings = Partial<Record<FileKey, string>>;

interface Address {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
}

/** Where the configuration file is unless one is named. */
function defaultConfigFile(environment: NodeJS.ProcessEnv): string {
  const folder = environment["XDG_CONFIG_HOME"] || join(environment["HOME"] || homedir(), ".config");
  return join(folder, "alertbox.json");
}

/** @throws Failure when there is no broker, or what was given cannot be understood or read. */
export function targetOf(options: TargetOptions, environment: NodeJS.ProcessEnv): Target {
  const warnings: string[] = [];
  const file = options.config ?? defaultConfigFile(environment);
  const settings = readSettings(file, options.config !== undefined, warnings);
  const text = options.broker ?? (environment["ALERTBOX_BROKER"] || settings.broker);
  if (text === undefined || text === "") {
    throw new Failure(`no broker is given. Use --broker URL, or set ALERTBOX_BROKER, or write it to ${file}; ${FORM}`, {
      isFinal: true,
    });
  }
  const address = addressOf(text);
  const stored = storedFor(address, settings);
  const given =
    options.passwordFile === undefined
      ? (options.broker !== undefined && address.password) || environment["ALERTBOX_PASSWORD"]
      : passwordIn(options.passwordFile);
  const user = address.user || stored.user || "";
  const password = given || address.password || (user === stored.user ? stored.password : "") || "";
  // [MQTT-3.1.2-22]: without a user name there can be no password.
  if (password !== "" && user === "") {
    throw usage("a password is given without a user name; MQTT needs both: mqtt://user@host");
  }
  const pem = (name: "ca" | "cert" | "key") =>
    readPem(name, options[name] ?? stored[name], options[name] === undefined ? dirname(file) : ".");
  const [ca, cert, key] = [pem("ca"), pem("cert"), pem("key")];
  if ((cert === undefined) !== (key === undefined)) throw usage("--cert and --key belong together: give both");
  const isInsecure = options.insecure ?? false;
  if (!address.isSecure && (options.ca ?? options.cert ?? options.key) !== undefined) {
    throw usage("--ca, --cert and --key are for TLS: write mqtts:// in front of the broker");
  }
  if (isInsecure && !address.isSecure) throw usage("--insecure is for TLS: write mqtts:// in front of the broker");
  if (isInsecure) {
    warnings.push(
      "INSECURE: the broker's certificate is not looked at. Whoever stands between can read the password and every " +
        "alert. Give the CA with --ca FILE instead",
    );
  }
  const root = rootOf(options.root ?? stored.root ?? DEFAULT_ROOT);
  const { isSecure, host, port } = address;
  const shown = shownBroker({ ...address, user });
  const connectMs = (options.connectTimeout ?? CONNECT_SECONDS) * 1000;
  return Object.freeze({
    ...{ isSecure, host, port, user, password, root, ca, cert, key, isInsecure, connectMs, shown, warnings },
  });
}

/**
 * What of the file is for this broker: nothing if the file names another one, or one that is spoken to with TLS while
 * this is not. Its account may stand in its URL.
 */
function storedFor(address: Address, settings: FileSettings): FileSettings {
  if (settings.broker === undefined) return {};
  const { isSecure, host, port, user, password } = addressOf(settings.broker);
  if (host !== address.host || port !== address.port || isSecure !== address.isSecure) return {};
  return { ...settings, user: settings.user ?? user, password: settings.password ?? password };
}

/** `mqtt://user@host:1883`, without the password. */
export function shownBroker({ isSecure, host, port, user }: Omit<Address, "password">): string {
  const name = host.includes(":") ? `[${host}]` : host;
  return `mqtt${isSecure ? "s" : ""}://${user === "" ? "" : `${encodeURIComponent(user)}@`}${name}:${port}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Without the URL: it may hold a password.
    throw usage("the broker's URL: a % in the user name or the password is written %25");
  }
}

function addressOf(text: string): Address {
  let url: URL;
  try {
    url = new URL(/^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `mqtt://${text}`);
  } catch {
    throw usage(`${FORM}. Special characters in the password are written %40 (@), %2F (/), %3A (:), %23 (#)`);
  }
  const isSecure = SCHEMES[url.protocol];
  if (isSecure === undefined || url.hostname === "") throw usage(FORM);
  if ((url.pathname !== "" && url.pathname !== "/") || url.search !== "" || url.hash !== "") {
    throw usage(
      `${FORM}. Nothing may follow the port: a topic is given with --root, and / ? # in a password as %2F %3F %23`,
    );
  }
  const port = url.port === "" ? (isSecure ? PORTS.secure : PORTS.plain) : Number(url.port);
  if (port < 1 || port > PORTS.most) throw usage(`${FORM}. The port is a number from 1 to ${PORTS.most}`);
  // A URL keeps the brackets of an IPv6 address; sockets want it bare.
  const host = decoded(url.hostname).replace(/^\[(.*)\]$/, "$1");
  return { isSecure, host, port, user: decoded(url.username), password: decoded(url.password) };
}

/** A topic that may have `+` for one of its levels, but no `#`. */
function rootOf(text: string): string {
  const levels = text.split("/");
  const isOdd = levels.some((level) => level !== "+" && /[+#\0]/.test(level));
  if (text === "" || text.endsWith("/") || text.startsWith("$") || isOdd || Buffer.byteLength(text) > 1024) {
    throw usage(
      '--root is a topic, of one box or what several have in common, without "/" at its end; + may stand for a level',
    );
  }
  return text;
}

function readFile(name: string, path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "there is no such file" : `it cannot be read (${code})`;
    throw new Failure(`${name} ${path}: ${why}`, { isFinal: true });
  }
}

function readPem(name: "ca" | "cert" | "key", path: string | undefined, base: string): Buffer | undefined {
  if (path === undefined) return undefined;
  const text = readFile(`--${name}`, resolve(base, path));
  if (!text.includes("-----BEGIN ")) {
    throw new Failure(`--${name} ${path}: this is no PEM file (it has no "-----BEGIN" line)`, { isFinal: true });
  }
  return text;
}

function passwordIn(path: string): string {
  return readFile("--password-file", path)
    .toString("utf8")
    .replace(/\r?\n$/, "");
}

function readSettings(path: string, isNamed: boolean, warnings: string[]): FileSettings {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined && !isNamed) return {};
  let value: unknown;
  const text = readFile("--config", path).toString("utf8");
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's own message would quote the text, passwords and all.
    value = undefined;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw usage(
      `${path}: not a JSON object; it looks like {"broker":"mqtts://broker.local","user":"me","password":"…"}`,
    );
  }
  for (const [key, member] of Object.entries(value)) {
    if (!(KEYS as readonly string[]).includes(key))
      throw usage(`${path}: unknown key ${key}; known are ${KEYS.join(", ")}`);
    if (typeof member !== "string") throw usage(`${path}: ${key} is not text`);
  }
  const settings = value as FileSettings;
  const hasPassword = settings.password !== undefined || /:\/\/[^/]*:[^/]*@/.test(settings.broker ?? "");
  if (hasPassword && process.platform !== "win32" && ((stat?.mode ?? 0) & 0o077) !== 0) {
    warnings.push(`${path} holds a password and others can read it: chmod 600 ${path}`);
  }
  return settings;
}

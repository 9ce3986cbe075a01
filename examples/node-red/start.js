// Node-RED with alertbox's flows, for a first look: its editor opens on this machine only, and unless a mail server is
// named, mails go no further than this terminal. For good, import flows.json into a Node-RED of your own.

import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const HELP = `Node-RED with alertbox's flows: a mail for each press.

npm start -- [options]
  --broker host:port  where the alerts are (localhost:1883)
  --smtp host:port    a mail server that takes mail without an account; without it mails are shown here
  --to address        whom mails go to (you@example.com)
  --port n            of Node-RED's editor (1880)
  --dir folder        where Node-RED keeps its things (.node-red in this folder)
`;

const options = /** @type {const} */ ({
  broker: { type: "string", default: "localhost:1883" },
  smtp: { type: "string" },
  to: { type: "string", default: "you@example.com" },
  port: { type: "string", default: "1880" },
  dir: { type: "string", default: fileURLToPath(new URL(".node-red", import.meta.url)) },
  help: { type: "boolean", default: false },
});

/** @param {string} problem */
function refuse(problem) {
  process.stderr.write(`${problem}\nnpm start -- --help lists the options.\n`);
  process.exit(2);
}

/** @returns {[host: string, port: number]} */
function address(/** @type {string} */ text, /** @type {string} */ name) {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  if (match === null) refuse(`--${name}: give host:port, such as localhost:1883, not "${text}"`);
  return [match?.[1] ?? "", Number(match?.[2])];
}

/** A mail server that shows what it gets. */
async function showMails() {
  const { SMTPServer } = createRequire(import.meta.url)("smtp-server");
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ["STARTTLS"],
    onData(
      /** @type {import("node:stream").Readable} */ stream,
      /** @type {unknown} */ _,
      /** @type {() => void} */ done,
    ) {
      let mail = "";
      stream.setEncoding("utf8");
      stream.on("data", (part) => {
        mail += part;
      });
      stream.on("end", () => {
        process.stdout.write(`\n── mail ──\n${mail.trim()}\n──────────\n`);
        done();
      });
    },
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(undefined)));
  return server.server.address().port;
}

let given;
try {
  given = parseArgs({ options }).values;
} catch (error) {
  refuse(/** @type {Error} */ (error).message);
}
if (given.help) {
  process.stdout.write(HELP);
  process.exit();
}
const [host, port] = address(given.broker, "broker");
const [mailHost, mailPort] = given.smtp === undefined ? ["127.0.0.1", await showMails()] : address(given.smtp, "smtp");

const flows = JSON.parse(readFileSync(new URL("flows.json", import.meta.url), "utf8"));
for (const node of flows) {
  if (node.type === "mqtt-broker") Object.assign(node, { broker: host, port: String(port) });
  if (node.type === "e-mail") Object.assign(node, { server: mailHost, port: String(mailPort), name: given.to });
}
mkdirSync(given.dir, { recursive: true });
writeFileSync(`${given.dir}/flows.json`, JSON.stringify(flows, null, 2));
writeFileSync(
  `${given.dir}/settings.cjs`,
  `module.exports = ${JSON.stringify({
    uiHost: "127.0.0.1",
    flowFile: `${given.dir}/flows.json`,
    credentialSecret: false,
    nodesDir: fileURLToPath(new URL("node_modules/node-red-node-email", import.meta.url)),
    contextStorage: { default: { module: "localfilesystem" } },
    editorTheme: { tours: false },
    telemetry: { enabled: false },
  })};\n`,
);
const program = createRequire(import.meta.url).resolve("node-red/red.js");
const settings = ["--settings", `${given.dir}/settings.cjs`, "--userDir", given.dir, "--port", given.port];
const child = spawn(process.execPath, [program, ...settings], { stdio: "inherit" });
for (const signal of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => process.exit(code ?? (signal === "SIGINT" ? 130 : 143)));

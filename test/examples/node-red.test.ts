// The flows of examples/node-red in a real Node-RED with the real mail node, a real SMTP server, a real broker, and the
// firmware on a virtual board: what a user gets who imports them.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { after, before, describe, it } from "mocha";
import { connect, type MqttClient } from "mqtt";
import { idOf } from "../alert-id.js";
import { aedes } from "../interop/brokers/aedes.js";
import type { Broker } from "../interop/brokers/broker.js";
import { Diary } from "../interop/diary.js";
import { RealBoard } from "../interop/real-board.js";

const FOLDER = fileURLToPath(new URL("../../examples/node-red/", import.meta.url));
const ROOT = "mresetar/alertbox/5750";

interface Mail {
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

interface SmtpServer {
  readonly server: { address(): AddressInfo };
  listen(port: number, host: string, done: () => void): void;
  close(done: () => void): void;
}

/** A mail server that keeps what it gets, and refuses as often as it is told to. */
class Letterbox {
  readonly mails = new Diary<Mail>();
  refusals = 0;
  #server: SmtpServer | undefined;

  async open(): Promise<number> {
    const { SMTPServer } = createRequire(`${FOLDER}package.json`)("smtp-server") as {
      SMTPServer: new (options: object) => SmtpServer;
    };
    const server = new SMTPServer({
      authOptional: true,
      disabledCommands: ["STARTTLS"],
      onData: (stream: Readable, _: unknown, done: (error?: Error) => void) => {
        const parts: Buffer[] = [];
        stream.on("data", (part: Buffer) => parts.push(part));
        stream.on("end", () => {
          if (this.refusals > 0) {
            this.refusals -= 1;
            done(Object.assign(new Error("later"), { responseCode: 451 }));
            return;
          }
          this.mails.add(mailOf(Buffer.concat(parts).toString()));
          done();
        });
      },
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server.server.address().port;
  }

  close(): Promise<void> {
    return new Promise((resolve) => (this.#server === undefined ? resolve() : this.#server.close(resolve)));
  }
}

function mailOf(source: string): Mail {
  const [head = "", body = ""] = source.split(/\r\n\r\n(.*)/s);
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "im").exec(head)?.[1]?.trim() ?? "";
  // Quoted-printable breaks long lines.
  return { to: field("To"), subject: field("Subject"), text: body.replaceAll("=\r\n", "").trim() };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Node-RED as `npm start` runs it. */
class NodeRed {
  readonly #child: ChildProcess;
  readonly #lines = new Diary<string>();
  readonly #port: number;
  output = "";

  constructor(port: number, ...options: readonly string[]) {
    this.#port = port;
    const child = spawn(process.execPath, ["start.js", "--port", `${port}`, ...options], { cwd: FOLDER });
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8");
      stream.on("data", (text: string) => {
        this.output += text;
        for (const line of text.split("\n")) this.#lines.add(line);
      });
    }
    this.#child = child;
  }

  says(words: RegExp): Promise<string> {
    return this.#lines.first((line) => words.test(line), `${words}`);
  }

  /** What its editor does when somebody clicks an inject node. */
  async inject(id: string): Promise<void> {
    const { status } = await fetch(`http://127.0.0.1:${this.#port}/inject/${id}`, { method: "POST" });
    assert.equal(status, 200);
  }

  async flows(): Promise<Record<string, unknown>[]> {
    return (await (await fetch(`http://127.0.0.1:${this.#port}/flows`)).json()) as Record<string, unknown>[];
  }

  /** As its editor's Deploy; resolves when what was changed runs again. */
  async deploy(flows: readonly Record<string, unknown>[]): Promise<void> {
    const from = this.#lines.entries.length;
    const { status } = await fetch(`http://127.0.0.1:${this.#port}/flows`, {
      method: "POST",
      headers: { "content-type": "application/json", "Node-RED-Deployment-Type": "nodes" },
      body: JSON.stringify(flows),
    });
    assert.equal(status, 204);
    await this.#lines.first((line) => /Started (modified )?(nodes|flows)/.test(line), "start of the flows", from);
  }

  close(): Promise<void> {
    if (this.#child.exitCode !== null) return Promise.resolve();
    return new Promise((resolve) => {
      this.#child.once("exit", () => resolve());
      this.#child.kill("SIGTERM");
    });
  }
}

describe("examples: Node-RED", () => {
  const home = mkdtempSync(join(tmpdir(), "alertbox-node-red-"));
  const letterbox = new Letterbox();
  let broker: Broker | undefined;
  let client: MqttClient | undefined;
  let red: NodeRed | undefined;
  let box: RealBoard | undefined;

  before(async function () {
    if (!existsSync(`${FOLDER}node_modules/node-red`)) {
      const text = "not installed: npm --prefix examples/node-red ci";
      if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error(text);
      console.log(`      skipped: ${text}`);
      this.skip();
    }
    broker = await aedes().open();
    const mail = await letterbox.open();
    const places = ["--broker", `127.0.0.1:${broker.port}`, "--smtp", `127.0.0.1:${mail}`, "--dir", home];
    red = new NodeRed(await freePort(), ...places, "--to", "door@example.com");
    client = connect(`mqtt://127.0.0.1:${broker.port}`);
    await red.says(/Connected to broker/);
    // So that what could not be sent is tried again soon.
    const flows = await red.flows();
    for (const node of flows)
      if (node["type"] === "delay") Object.assign(node, { timeout: "10", timeoutUnits: "milliseconds" });
    await red.deploy(flows);
    box = new RealBoard({ port: broker.port, speed: 8, settings: { double: false } });
    await box.online();
  });

  after(async () => {
    box?.close();
    client?.end(true);
    await red?.close();
    await letterbox.close();
    await broker?.close();
    rmSync(home, { recursive: true, force: true });
  });

  function publish(topic: string, payload: object): Promise<unknown> {
    return (client as MqttClient).publishAsync(`${ROOT}/${topic}`, JSON.stringify(payload), { qos: 2 });
  }

  function mail(subject: RegExp): Promise<Mail> {
    return letterbox.mails.first((each) => subject.test(each.subject), `${subject}`);
  }

  it("a press becomes a mail, one", async () => {
    await box?.press();
    const { to, subject, text } = await mail(/Alert/);
    assert.equal(to, "door@example.com");
    assert.equal(subject, "Alert from box 5750");
    const id = idOf((box as RealBoard).board, 1);
    assert.equal(text, `Box 5750 was pressed: alert ${id}, number 1, supply 3300 mV.`);
  });

  it("the same alert again becomes none; what comes after it does, and late ones say so", async () => {
    const alert = { pushes: 70, event: "double", id: "5750-70-40146", vcc: 3012, rssi: -61, ms: 742, try: 1 };
    await publish("alert", alert);
    await publish("alert", alert);
    await publish("alert", { ...alert, ms: 9000 });
    await publish("alert", { ...alert, ms: 9000, try: 2, queued: true });
    await publish("alert", { ...alert, id: "5750-71-40146", pushes: 71, event: "long", queued: true });
    await letterbox.mails.first(({ text }) => text.includes("5750-71-40146"), "the last alert");
    const texts = letterbox.mails.entries.map(({ text }) => text);
    assert.deepEqual(texts.slice(1), [
      "Box 5750 was pressed twice: alert 5750-70-40146, number 70, supply 3012 mV.",
      "Box 5750 was pressed long: alert 5750-71-40146, number 71, supply 3012 mV. It had to wait in the box until now.",
    ]);
  });

  it("a box whose journal is from before has ids without a third part, and is heard", async () => {
    const alert = { pushes: 1, event: "press", id: "5750-1", vcc: 3300, rssi: -50, ms: 1, try: 1 };
    await publish("alert", alert);
    await publish("alert", alert);
    await publish("alert", { ...alert, id: "5750-2", pushes: 2 });
    await letterbox.mails.first(({ text }) => text.includes("alert 5750-1,"), "the first");
    await letterbox.mails.first(({ text }) => text.includes("alert 5750-2,"), "the second");
    assert.equal(letterbox.mails.entries.filter(({ text }) => text.includes("alert 5750-1,")).length, 1);
  });

  it("a mail that the server does not take is sent again until it does", async () => {
    letterbox.refusals = 2;
    await publish("alert", { pushes: 72, event: "press", id: "5750-72-40146", vcc: 3300, rssi: -50, ms: 1, try: 1 });
    await letterbox.mails.first(({ text }) => text.includes("5750-72-40146"), "the mail at last");
    assert.equal(letterbox.refusals, 0);
  });

  it("what is no alert becomes none", async () => {
    await (client as MqttClient).publishAsync(`${ROOT}/alert`, "not JSON", { qos: 2 });
    await publish("alert", { hello: "world" });
    await publish("alert", { pushes: 73, event: "press", id: "5750-73-40146", vcc: 3300, rssi: -50, ms: 1, try: 1 });
    await letterbox.mails.first(({ text }) => text.includes("5750-73-40146"), "the next alert");
    const last = letterbox.mails.entries.slice(-2).map(({ text }) => /alert (\S+),/.exec(text)?.[1]);
    assert.deepEqual(last, ["5750-72-40146", "5750-73-40146"]);
  });

  it("a lost box becomes a mail, and its return; its sleep does not", async () => {
    await publish("lwt", { state: "sleeping" });
    await publish("lwt", { state: "online" });
    await publish("lwt", { state: "lost" });
    await mail(/^Box 5750 is lost$/);
    await publish("lwt", { state: "sleeping" });
    const { text } = await mail(/^Box 5750 is back$/);
    assert.equal(text, "Box 5750 is sleeping.");
    assert.equal(letterbox.mails.entries.filter(({ subject }) => /lost|back/.test(subject)).length, 2);
  });

  it("a button that nobody presses becomes a mail in the morning, once that is long ago", async () => {
    await red?.inject("ab-morning");
    const flows = (await red?.flows()) ?? [];
    for (const node of flows)
      if (node["id"] === "ab-presence")
        Object.assign(node, { env: [{ name: "SILENT_DAYS", value: "0", type: "num" }] });
    await red?.deploy(flows);
    await red?.inject("ab-morning");
    const { text } = await mail(/^Box 5750 is silent$/);
    assert.match(text, /^Nobody has pressed box 5750 for 0 days\./);
    assert.equal(letterbox.mails.entries.filter(({ subject }) => /silent/.test(subject)).length, 1);
  });

  it("a box whose flash was erased counts anew, and is heard from its first press on", async () => {
    const erased = box as RealBoard;
    const before = idOf(erased.board, 1);
    await erased.erase();
    await erased.press();
    const id = idOf(erased.board, 1);
    assert.notEqual(id, before);
    const { text } = await letterbox.mails.first((each) => each.text.includes(`alert ${id},`), id);
    assert.equal(text, `Box 5750 was pressed: alert ${id}, number 1, supply 3300 mV.`);
  });

  it("the example refuses what it cannot follow, with status 2", async () => {
    for (const [options, words] of [
      [["--broker", "here"], /--broker: give host:port, such as localhost:1883, not "here"/],
      [["--colour"], /Unknown option '--colour'/],
    ] as const) {
      const child = spawn(process.execPath, ["start.js", ...options], { cwd: FOLDER });
      let text = "";
      child.stderr.on("data", (part) => {
        text += part;
      });
      const status = await new Promise((resolve) => child.once("close", resolve));
      assert.equal(status, 2);
      assert.match(text, words);
    }
  });

  it("flows.json is what a user imports: it names no machine of ours, and no secret", () => {
    const flows = JSON.parse(readFileSync(`${FOLDER}flows.json`, "utf8")) as Record<string, unknown>[];
    const servers = flows.flatMap(({ broker: host, server }) => [host, server]).filter((each) => each !== undefined);
    assert.deepEqual(new Set(servers), new Set(["localhost", "ab-broker"]));
    assert.ok(flows.every((node) => !("credentials" in node)));
  });
});

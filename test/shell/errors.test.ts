// What can be wrong with the way to the broker, for each command of `alertbox`: it is said with what to do, ends with
// status 1 (2 for the command line), and no password shows up anywhere.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { pbkdf2Sync, randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { Aedes } from "aedes";
import { after, afterEach, before, beforeEach, describe, it } from "mocha";
import { type Broker, needs } from "../interop/brokers/broker.js";
import { freePorts, newFolder, programPath, removeFolder } from "../interop/brokers/program.js";
import { Listener } from "../interop/listener.js";
import { certificates, Desk, forAll, NEEDS, openMosquitto, passwordFile } from "./desk.js";

const PASSWORD = "s3cr3t/p@ss";
const ENCODED = encodeURIComponent(PASSWORD);

/** Every command, as far as it needs a broker. */
const COMMANDS: readonly (readonly string[])[] = Object.freeze([
  ["listen"],
  ["watch", "--once"],
  ["config", "5750", "quiet=true"],
  ["led", "5750", "on"],
  ["stay", "5750", "60"],
  ["press"],
]);

function listening(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

/** Mosquitto's plugin for roles; its folder is that of the processor. */
function dynamicSecurity(): string | undefined {
  const folders = readdirSync("/usr/lib").map((name) => `/usr/lib/${name}`);
  return folders.map((folder) => `${folder}/mosquitto_dynamic_security.so`).find((path) => existsSync(path));
}

/** Its file, for users with that password who may subscribe to those filters and publish anything. */
function security(users: Readonly<Record<string, readonly string[]>>): string {
  const salt = randomBytes(12);
  const password = pbkdf2Sync(PASSWORD, salt, 101, 64, "sha512").toString("base64");
  const account = { password, salt: salt.toString("base64"), iterations: 101 };
  const allow = (acltype: string) => (topic: string) => ({ acltype, topic, allow: true });
  return JSON.stringify({
    clients: Object.keys(users).map((name) => ({ ...account, username: name, roles: [{ rolename: name }] })),
    roles: Object.entries(users).map(([rolename, filters]) => ({
      rolename,
      acls: [...filters.map(allow("subscribePattern")), allow("publishClientSend")("#")],
    })),
    defaultACLAccess: { publishClientSend: false, publishClientReceive: true, subscribe: false, unsubscribe: true },
  });
}

describe("alertbox: what can be wrong", () => {
  let desk: Desk;
  let folder: string;
  let file: (name: string) => string;
  let locked: Broker;
  let secure: { broker: Broker; ports: readonly number[] };

  before(async function () {
    needs(this, NEEDS);
    folder = newFolder("certificates");
    file = certificates(folder);
    secure = await openMosquitto((_, ports) => [
      ...["allow_anonymous true", ...tls(ports[1], "server"), ...tls(ports[2], "other")],
    ]);
    ({ broker: locked } = await openMosquitto((own) => {
      const list = desk0.file("acl", "user me\ntopic readwrite mresetar/#\n");
      return ["allow_anonymous false", `password_file ${passwordFile(own, { me: PASSWORD })}`, `acl_file ${list}`];
    }));
  });
  const desk0 = new Desk();

  beforeEach(() => {
    desk = new Desk();
  });

  afterEach(() => desk.close());

  after(async () => {
    await desk0.close();
    await locked?.close();
    await secure?.broker.close();
    if (folder !== undefined) removeFolder(folder);
  });

  /** A listener with TLS and that certificate. */
  function tls(port: number, name: string, ...more: string[]): string[] {
    const certificate = [`certfile ${file(`${name}.pem`)}`, `keyfile ${file(`${name}.key`)}`];
    return [`listener ${port} 127.0.0.1`, `cafile ${file("ca.pem")}`, ...certificate, ...more];
  }

  /** Each of the commands says it, with status 1 and nothing on stdout. */
  function allSay(pattern: RegExp, ...options: string[]): Promise<void> {
    return say(COMMANDS, pattern, ...options);
  }

  /** One that runs on and one that ends by itself say it: they all go the same way. */
  function someSay(pattern: RegExp, ...options: string[]): Promise<void> {
    return say([["listen"], ["press"]], pattern, ...options);
  }

  async function say(commands: typeof COMMANDS, pattern: RegExp, ...options: string[]): Promise<void> {
    await forAll(commands, async (words) => {
      const { status, output, errors } = await desk.run(...words, ...options);
      assert.deepEqual([status, output], [1, ""], `${words[0]}: ${errors}`);
      assert.match(errors, pattern);
      assert.match(errors, /^alertbox: .*\n$/, "one line");
      assert.ok(!errors.includes("s3cr3t"), errors);
    });
  }

  it("no broker is given", () =>
    allSay(
      /no broker is given\. Use --broker URL, or set ALERTBOX_BROKER, or write it to .*alertbox\.json; a broker is mqtt:/,
    ));

  it("the port is closed", async () => {
    const [port] = await freePorts(1);
    await allSay(
      new RegExp(`nothing listens on 127\\.0\\.0\\.1:${port}\\. Is the broker running`),
      "-b",
      `127.0.0.1:${port}`,
    );
  });

  it("the host is unknown", () =>
    // Without a resolver the answer is that it cannot be looked up.
    allSay(
      /nobody knows a host "no-such-host\.invalid"|the name "no-such-host\.invalid" cannot be looked up now/,
      "-b",
      `me:${ENCODED}@no-such-host.invalid`,
    ));

  it("the credentials are refused, or missing", async () => {
    const place = `127.0.0.1:${locked.port}`;
    await allSay(/the broker refuses user "me": not authorised; check both/, "-b", `mqtt://me:${ENCODED}x@${place}`);
    await allSay(
      /the broker refuses user "me": not authorised; there is no password: set ALERTBOX_PASSWORD/,
      "-b",
      `me@${place}`,
    );
    await allSay(
      /the broker refuses the connection: not authorised, and no user name is given: mqtt:\/\/user@host/,
      "-b",
      place,
    );
  });

  it("the certificate is not trusted, is for another name, or one of ours is wanted", async () => {
    const [, good, named] = secure.ports;
    await allSay(
      /the certificate of localhost:\d+ is not trusted \(\w+\)\. Give the certificate of the CA .*--ca FILE/,
      "-b",
      `mqtts://localhost:${good}`,
    );
    const ca = ["--ca", file("ca.pem")];
    await someSay(
      /the certificate of localhost:\d+ is for another name\. .*\(DNS:broker\.example\)/,
      "-b",
      `mqtts://localhost:${named}`,
      ...ca,
    );
    const { broker, ports } = await openMosquitto((_, [, port]) => [
      ...["allow_anonymous true", ...tls(port, "server", "require_certificate true")],
    ]);
    try {
      const place = ["-b", `mqtts://localhost:${ports[1]}`, ...ca];
      const wanted =
        /refuses the TLS connection \(\w+\)\. It may want a certificate of yours, which it trusts: --cert FILE/;
      await someSay(wanted, ...place);
      await someSay(wanted, ...place, "--cert", file("odd.pem"), "--key", file("odd.key"));
      const own = ["--cert", file("client.pem"), "--key", file("client.key")];
      assert.equal((await desk.run("press", ...place, ...own)).status, 0);
      const mixed = ["--cert", file("client.pem"), "--key", file("odd.key")];
      await someSay(/--cert, --key or --ca cannot be used \(\w+\)\. .*does the key belong to it/, ...place, ...mixed);
    } finally {
      await broker.close();
    }
  });

  it("TLS and a port without it; no TLS and a port with it", async () => {
    const [plain, good] = secure.ports;
    await someSay(
      /does not speak TLS as it should\. Is it a port without TLS\? Then write mqtt:|closed the connection/,
      "-b",
      `mqtts://localhost:${plain}`,
      "--ca",
      file("ca.pem"),
    );
    await someSay(
      /closed the connection instead of answering\. Does it want TLS \(mqtts:\/\/\)|is not MQTT.*write mqtts/,
      "-b",
      `localhost:${good}`,
    );
  });

  it("another service answers, or closes at once", async () => {
    const http = createHttpServer();
    const closing = createServer((socket) => socket.end());
    const [web, silent] = await Promise.all([listening(http), listening(closing)]);
    await someSay(
      /what answers on 127\.0\.0\.1:\d+ is not MQTT|closed the connection instead of answering/,
      "-b",
      `127.0.0.1:${web}`,
    );
    await someSay(/closed the connection instead of answering\. Does it want TLS/, "-b", `127.0.0.1:${silent}`);
    http.close();
    closing.close();
    const dumb = createServer();
    const mute = `127.0.0.1:${await listening(dumb)}`;
    const late = /has not answered within 1 s\. Is it an MQTT broker, and is it reachable\?/;
    await someSay(late, "-b", mute, "--connect-timeout", "1");
    dumb.close();
  });

  it("a file is missing or no PEM file", async () => {
    const secureUrl = `mqtts://localhost:${secure.ports[1]}`;
    await someSay(/--ca \/no\/such\.pem: there is no such file/, "-b", secureUrl, "--ca", "/no/such.pem");
    await someSay(/--ca .*text: this is no PEM file/, "-b", secureUrl, "--ca", desk.file("text", "hello"));
    await someSay(
      /--password-file \/no\/such: there is no such file/,
      "-b",
      "me@localhost",
      "--password-file",
      "/no/such",
    );
    const broken = desk.file("broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    await someSay(
      /--cert, --key or --ca cannot be used|not trusted/,
      "-b",
      secureUrl,
      "--cert",
      broken,
      "--key",
      file("client.key"),
    );
  });

  it("Mosquitto's access control refuses the subscription; or only the broker's figures", async function () {
    const plugin = dynamicSecurity();
    if (plugin === undefined) {
      if (process.env["ALERTBOX_REQUIRE_ALL"] === "1") throw new Error("mosquitto_dynamic_security.so is missing");
      this.skip();
    }
    const { broker } = await openMosquitto((own) => {
      const path = join(own, "security.json");
      writeFileSync(path, security({ nobody: [], somebody: ["mresetar/#"] }), { mode: 0o600 });
      return ["allow_anonymous false", `plugin ${plugin}`, `plugin_opt_config_file ${path}`];
    });
    const place = (user: string) => ["-b", `mqtt://${user}:${ENCODED}@127.0.0.1:${broker.port}`];
    try {
      const readers = COMMANDS.filter(([name]) => name !== "press");
      await say(
        readers,
        /not let this user subscribe to mresetar\/alertbox\/\w+ and .*\. Its access control list must permit reading/,
        ...place("nobody"),
      );
      const { status, output, errors } = await desk.run("watch", "--once", ...place("somebody"));
      assert.equal(status, 0, errors);
      assert.match(errors, /no figures of the broker: it refuses \$SYS\/broker\/#/);
      assert.match(output, /^no box has been here yet\n\nmqtt:\/\/somebody@127\.0\.0\.1:\d+ {2}no figures\n$/);
    } finally {
      await broker.close();
    }
  });

  it("a broker ends the connection instead of refusing its figures: watch goes on without them", async () => {
    const aedes = await Aedes.createBroker();
    aedes.authorizeSubscribe = (_client, subscription, done) =>
      subscription.topic.startsWith("mresetar") ? done(null, subscription) : done(new Error("not permitted"));
    const server = createServer(aedes.handle);
    const port = await listening(server);
    try {
      const closed = desk.start("watch", "--once", "--json", "-b", `127.0.0.1:${port}`);
      assert.equal(await closed.ended, 0, closed.errors);
      assert.match(closed.errors, /connection lost: the broker closed it[\s\S]*no figures of the broker: it refuses/);
    } finally {
      server.close();
      await new Promise<void>((resolve) => aedes.close(() => resolve()));
    }
  });

  it("Mosquitto hides its figures from a user whose list does not name them: watch says so and goes on", async () => {
    const { status, output, errors } = await desk.run(
      "watch",
      "--once",
      "-b",
      `mqtt://me:${ENCODED}@127.0.0.1:${locked.port}`,
    );
    assert.equal(status, 0, errors);
    assert.match(errors, /no figures of the broker: it publishes none, or its access control list hides them/);
    assert.ok(!output.includes("s3cr3t"));
  });

  it("the command line cannot be followed: status 2, what is wrong, and where help is", async () => {
    const secret = `mqtt://me:${ENCODED}@localhost`;
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /no command is given/],
      [["ring"], /unknown command 'ring'/],
      [[secret], /unknown command 'mqtt:\/\/me:…@localhost'/],
      [["listen", "--brokr", secret], /unknown option '--brokr'/],
      [["listen", `--brokr=${secret}`], /unknown option '--brokr'/],
      [["watch", secret], /too many arguments for 'watch'/],
      [["listen", "--on", "ring"], /--on <events>.*must be one of press, double, long/],
      [["listen", "--session", "a b"], /must be 1 to 32 letters, digits, - or _/],
      [["listen", "--forget"], /--forget needs the name of the session/],
      [
        ["listen", "-b", "x", "--", "no-such-command-at-all"],
        /there is no command "no-such-command-at-all"; is it installed, and in PATH\?/,
      ],
      [["listen", "-b", "http://x"], /a broker is mqtt:\/\//],
      [["listen", "-b", "mqtt://me:a/b@x"], /a broker is mqtt:\/\/.*Special characters in the password are written/],
      [["listen", "-b", "mqtt://x:70000"], /a broker is mqtt:\/\//],
      [["listen", "-b", "mqtt://me:%zz@x"], /a % in the user name or the password is written %25/],
      [["listen", "-b", "x", "--root", "a/#"], /--root is a topic/],
      [["listen", "-b", "x", "--insecure"], /--insecure is for TLS/],
      [["listen", "-b", "x", "--ca", file("ca.pem")], /--ca, --cert and --key are for TLS/],
      [["listen", "-b", "mqtts://x", "--cert", file("client.pem")], /--cert and --key belong together/],
      [["led", "5750", "-b", "x"], /missing required argument 'what'/],
      [["led", "door", "on", "-b", "x"], /must be a whole number from 0 to 16777215/],
      [["led", "5750", "blue", "-b", "x"], /led: use on, off or toggle/],
      [["stay", "5750", "7200", "-b", "x"], /must be a whole number from 0 to 3600/],
      [["config", "5750", "-b", "x"], /no settings are given/],
      [["press", "-b", "x", "--topic", "a/+/alert"], /an alert has one topic/],
    ];
    await forAll(cases, async ([words, pattern]) => {
      const { status, output, errors } = await desk.run(...words);
      assert.deepEqual([status, output], [2, ""], `${words.join(" ")}: ${errors}`);
      assert.match(errors, pattern);
      assert.match(errors, /alertbox --help/);
      assert.ok(!/s3cr3t|a\/b@/.test(errors), errors);
    });
  });

  it("--help is no mistake, and every command has examples", async () => {
    await forAll([[], ["listen"], ["watch"], ["config"], ["led"], ["stay"], ["press"]], async (words) => {
      const { status, output, errors } = await desk.run(...words, "--help");
      assert.deepEqual([status, errors], [0, ""]);
      assert.match(output, /^Usage: alertbox [\s\S]*\nExamples?:\n {2}(alertbox|export)/);
      assert.deepEqual(
        output.split("\n").filter((line) => line.length > 120),
        [],
      );
    });
  });

  describe("secrets", () => {
    const account = () => `127.0.0.1:${locked.port}`;

    it("come from the URL, the environment, a file, or the configuration file; the nearest counts", async () => {
      const plain = `mqtt://me@${account()}`;
      const file = desk.file("password", `${PASSWORD}\n`);
      const config = desk.file("config.json", JSON.stringify({ broker: plain, password: PASSWORD }));
      const wrong = desk.file("wrong.json", JSON.stringify({ broker: plain, password: "wrong" }));
      assert.equal((await desk.run("press", "-b", `mqtt://me:${ENCODED}@${account()}`)).status, 0);
      assert.equal((await desk.run("press", "-b", plain, "--password-file", file)).status, 0);
      assert.equal((await desk.run("press", "--config", config)).status, 0);
      assert.equal((await desk.run("press", "--config", wrong)).status, 1);
      assert.equal((await desk.run("press", "--config", wrong, "--password-file", file)).status, 0);
      const environment = { ALERTBOX_BROKER: plain, ALERTBOX_PASSWORD: PASSWORD };
      assert.equal(await desk.startWith(environment, "press").ended, 0);
      assert.equal(await desk.startWith({ ALERTBOX_PASSWORD: PASSWORD }, "press", "--config", wrong).ended, 0);
      const whole = `mqtt://me:${ENCODED}@${account()}`;
      assert.equal(await desk.startWith({ ALERTBOX_PASSWORD: "wrong" }, "press", "-b", whole).ended, 0);
    });

    it("of the configuration file go to no other broker, nor with another user", async () => {
      const config = desk.file(
        "config.json",
        JSON.stringify({ broker: "mqtt://me@broker.example", password: PASSWORD }),
      );
      const other = await desk.run("press", "--config", config, "-b", `me@${account()}`);
      assert.equal(other.status, 1);
      assert.match(other.errors, /there is no password/);
      const same = desk.file("same.json", JSON.stringify({ broker: `mqtt://me@${account()}`, password: PASSWORD }));
      assert.match(
        (await desk.run("press", "--config", same, "-b", `you@${account()}`)).errors,
        /user "you".*there is no password/,
      );
      assert.equal((await desk.run("press", "--config", same, "-b", account())).status, 0);
      // Nor is the user named to another broker, or the password sent without TLS when it was meant for TLS.
      const nobody = /not authorised, and no user name is given/;
      assert.match((await desk.run("press", "--config", config, "-b", account())).errors, nobody);
      const tlsOnly = desk.file("tls.json", JSON.stringify({ broker: `mqtts://me:${ENCODED}@${account()}` }));
      assert.match((await desk.run("press", "--config", tlsOnly, "-b", `mqtt://${account()}`)).errors, nobody);
    });

    it("a configuration file that others can read, or that is none, is told of without its contents", async () => {
      const text = JSON.stringify({ broker: `mqtt://me:${ENCODED}@${account()}` });
      const open = await desk.run("press", "--config", desk.file("open.json", text, 0o644));
      assert.equal(open.status, 0);
      assert.match(open.errors, /open\.json holds a password and others can read it: chmod 600/);
      for (const [name, contents, pattern] of [
        ["text.json", `broker=${text}`, /text\.json: not a JSON object/],
        ["key.json", '{"pasword":"s3cr3t"}', /key\.json: unknown key pasword; known are broker, user, password,/],
        ["list.json", '{"password":["s3cr3t"]}', /list\.json: password is not text/],
      ] as const) {
        const { status, errors } = await desk.run("press", "--config", desk.file(name, contents));
        assert.equal(status, 2);
        assert.match(errors, pattern);
        assert.ok(!errors.includes("s3cr3t"));
      }
    });

    it("never show: not in the list of processes, nor in what is written while connections come and go", async function () {
      if (!existsSync("/proc/self/cmdline")) this.skip();
      const command = desk.start("listen", "-b", `mqtt://me:${ENCODED}@${account()}`, "--json");
      await command.complained(/listening to .* on mqtt:\/\/me@127/);
      assert.match(readFileSync(`/proc/${command.child.pid}/cmdline`, "latin1"), /^alertbox\0*$/);
      const sender = await Listener.open({ port: locked.port, login: { user: "me", password: PASSWORD } });
      await sender.publish("mresetar/alertbox/1/alert", '{"id":"1-1"}', 2);
      await command.wrote(/1-1/);
      await sender.close();
      await locked.stop();
      await command.complained(/Trying again/);
      await locked.start();
      await command.complained(/connected again/);
      command.child.kill("SIGTERM");
      assert.equal(await command.ended, 143);
      assert.ok(!/s3cr3t/.test(command.output + command.errors));
    });

    it("a broker that says no after it has said yes ends it", async () => {
      let accounts = "";
      const { broker } = await openMosquitto((own) => {
        accounts = passwordFile(own, { me: PASSWORD });
        return [`password_file ${accounts}`];
      });
      try {
        const command = desk.start("listen", "-b", `mqtt://me:${ENCODED}@127.0.0.1:${broker.port}`);
        await command.complained(/listening/);
        await broker.stop();
        spawnSync(programPath("mosquitto_passwd"), ["-b", accounts, "me", "another"]);
        await broker.start();
        assert.equal(await command.ended, 1);
        assert.match(command.errors, /the broker refuses user "me": not authorised; check both\n$/);
      } finally {
        await broker.close();
      }
    });
  });

  describe("TLS", () => {
    it("with the CA, named on the command line or beside the configuration file", async () => {
      const [, good] = secure.ports;
      const ca = ["--ca", file("ca.pem")];
      assert.equal((await desk.run("press", "-b", `mqtts://localhost:${good}`, ...ca)).status, 0);
      assert.equal((await desk.run("press", "-b", `mqtts://127.0.0.1:${good}`, ...ca)).status, 0);
      const config = { broker: `mqtts://localhost:${good}`, ca: "ca.pem" };
      desk.file("ca.pem", readFileSync(file("ca.pem"), "utf8"));
      assert.equal((await desk.run("press", "--config", desk.file("tls.json", JSON.stringify(config)))).status, 0);
    });

    it("--insecure goes without looking, and says so loudly", async () => {
      const { status, errors } = await desk.run("press", "-b", `mqtts://localhost:${secure.ports[1]}`, "--insecure");
      assert.equal(status, 0);
      assert.match(
        errors,
        /^alertbox: INSECURE: the broker's certificate is not looked at\. Whoever stands between can read/,
      );
    });

    it("listen and watch run over it, with alerts that came in without", async () => {
      const [plain, good] = secure.ports;
      const command = desk.start(
        "listen",
        "-b",
        `mqtts://localhost:${good}`,
        "--ca",
        file("ca.pem"),
        "--count",
        "1",
        "--json",
      );
      await command.complained(/listening to .* on mqtts:\/\/localhost/);
      assert.equal((await desk.run("press", "-b", `localhost:${plain}`)).status, 0);
      assert.equal(await command.ended, 0);
      const { status, output } = await desk.run(
        "watch",
        "--once",
        "-b",
        `mqtts://localhost:${good}`,
        "--ca",
        file("ca.pem"),
      );
      assert.equal(status, 0);
      assert.match(output, /mqtts:\/\/localhost:\d+ {2}mosquitto version/);
    });
  });
});

// The page's server over real sockets: what it serves and to whom, the WebSocket, ports in use.

import assert from "node:assert/strict";
import { once } from "node:events";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { createServer } from "node:net";
import { after, afterEach, before, describe, it } from "mocha";
import WebSocket from "ws";
import type { BenchEvent, ServerMessage, Snapshot } from "../../host-sim/page/protocol.js";
import { type Assets, buildPage, PageServer } from "../../host-sim/server.js";
import { FakeStage } from "./fake-stage.js";

/** A WebSocket whose messages can be awaited one by one. */
class Page {
  readonly socket: WebSocket;
  readonly #messages: (Snapshot | BenchEvent)[] = [];
  #wake: () => void = () => undefined;

  constructor(url: string, headers: Record<string, string> = {}) {
    this.socket = new WebSocket(`${url.replace("http", "ws")}live`, { headers });
    this.socket.on("message", (data) => {
      const message = JSON.parse(String(data)) as ServerMessage;
      this.#messages.push(...(message.type === "events" ? message.events : [message]));
      this.#wake();
    });
    this.socket.on("error", () => undefined);
  }

  async next(): Promise<Snapshot | BenchEvent> {
    for (;;) {
      const message = this.#messages.shift();
      if (message !== undefined) return message;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The events of one message. */
  async frame(): Promise<readonly BenchEvent[]> {
    const [data] = (await once(this.socket, "message")) as [unknown];
    const message = JSON.parse(String(data)) as ServerMessage;
    return message.type === "events" ? message.events : [];
  }

  send(data: unknown): void {
    this.socket.send(typeof data === "string" ? data : JSON.stringify(data));
  }
}

describe("host-sim/server", () => {
  let assets: Assets;
  let server: PageServer | undefined;
  let stage: FakeStage;

  before(async () => {
    assets = await buildPage();
  });

  afterEach(async () => {
    await server?.close();
    server = undefined;
  });

  async function start(boards = 1): Promise<PageServer> {
    stage = new FakeStage(boards);
    server = await PageServer.start({ stage, assets, port: 18_080, exactly: false });
    return server;
  }

  async function get(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<IncomingMessage> {
    const { port } = server as PageServer;
    const request = httpRequest({ host: "127.0.0.1", port, path, headers, method, agent: false });
    request.end();
    const [response] = (await once(request, "response")) as [IncomingMessage];
    response.resume();
    return response;
  }

  it("serves the page, its style, its script and its icon, and asks nothing of other machines", async () => {
    const { url } = await start();
    const html = await (await fetch(url)).text();
    assert.match(html, /<title>alertbox bench<\/title>/);
    for (const [path, type] of [
      ["main.js", "text/javascript"],
      ["style.css", "text/css"],
      ["favicon.svg", "image/svg+xml"],
      ["favicon.ico", "image/svg+xml"],
    ] as const) {
      const response = await fetch(url + path);
      assert.equal(response.status, 200, path);
      assert.match(response.headers.get("content-type") ?? "", new RegExp(type.replace("+", "\\+")));
      assert.ok((await response.text()).length > 100, path);
    }
    assert.doesNotMatch(html, /https?:\/\//);
    assert.doesNotMatch(assets.files.get("/style.css")?.body ?? "", /url\(|@import/);
  });

  it("sets a policy that lets the page load from here only, and run no inline script", async () => {
    await start();
    const { headers } = await get("/");
    const policy = String(headers["content-security-policy"]);
    assert.match(policy, /default-src 'none'/);
    assert.match(policy, /script-src 'self';/);
    assert.doesNotMatch(policy, /unsafe/);
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.equal(headers["cache-control"], "no-store");
  });

  it("answers 404 for other paths, 405 for other methods, nothing but headers to HEAD", async () => {
    await start();
    assert.equal((await get("/../package.json")).statusCode, 404);
    assert.equal((await get("/page/main.ts")).statusCode, 404);
    assert.equal((await get("/", {}, "POST")).statusCode, 405);
    const head = await get("/", {}, "HEAD");
    assert.equal(head.statusCode, 200);
    assert.equal((await get("/?board=1")).statusCode, 200);
  });

  it("is for this machine only: a foreign host name or origin is refused", async () => {
    const { url, port } = await start();
    assert.equal((await get("/", { host: "evil.example" })).statusCode, 403);
    assert.equal((await get("/", { host: `localhost:${port}` })).statusCode, 200);
    const foreign = new Page(url, { origin: "http://evil.example" });
    const [, response] = (await once(foreign.socket, "unexpected-response")) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 403);
    const own = new Page(url, { origin: `http://127.0.0.1:${port}` });
    assert.equal((await own.next()).type, "snapshot");
  });

  it("sends everything first, with the build, and then each event", async () => {
    const { url } = await start(2);
    stage.tell("boot", "power");
    const page = new Page(url);
    const snapshot = await page.next();
    assert.ok(snapshot.type === "snapshot");
    assert.equal(snapshot.bench.build, assets.build);
    assert.equal(snapshot.boards.length, 2);
    assert.equal(snapshot.lines[0]?.word, "boot");
    stage.tell("joining", "home");
    const line = await page.next();
    assert.ok(line.type === "line" && line.line.word === "joining");
    stage.emit({ type: "led", board: 1, on: true, at: 5 });
    assert.deepEqual(await page.next(), { type: "led", board: 1, on: true, at: 5 });
    stage.emit({ type: "bench", bench: { ...stage.bench, wifiOn: false } });
    const bench = await page.next();
    assert.ok(bench.type === "bench" && !bench.bench.wifiOn && bench.bench.build === assets.build);
  });

  it("another bench is sent as a whole, with the build, behind what was gathered of the one before", async () => {
    const { url } = await start();
    const page = new Page(url);
    await page.next();
    stage.emit({ type: "led", board: 0, on: true, at: 5 });
    stage.bench = { ...stage.bench, world: "virtual", visiting: true };
    stage.emit(stage.snapshot());
    stage.emit({ type: "led", board: 0, on: false, at: 1 });
    assert.deepEqual(await page.next(), { type: "led", board: 0, on: true, at: 5 });
    const other = await page.next();
    assert.ok(other.type === "snapshot");
    assert.deepEqual([other.bench.visiting, other.bench.build], [true, assets.build]);
    assert.deepEqual(await page.next(), { type: "led", board: 0, on: false, at: 1 });
  });

  it("gathers what happens in one turn into one message, of a board only the latest state", async () => {
    const { url } = await start(2);
    const page = new Page(url);
    await page.next();
    stage.show(0, { led: true });
    stage.tell("pressed");
    for (let boots = 1; boots <= 500; boots++) stage.show(1, { boots });
    stage.show(0, { led: false });
    const told = await page.frame();
    assert.deepEqual(
      told.map(({ type }) => type),
      ["board", "line", "board"],
    );
    assert.ok(told[0]?.type === "board" && !told[0].board.led && told[0].board.index === 0);
    assert.ok(told[2]?.type === "board" && told[2].board.boots === 500);
  });

  it("tells a page that comes in the middle of a frame each thing once", async () => {
    const { url } = await start();
    const first = new Page(url);
    await first.next();
    const second = new Page(url);
    // The second page's snapshot is made when its connection is taken: lines are told before and after that.
    let line = 0;
    const isThere = once(second.socket, "open").then(() => true);
    while (!(await Promise.race([isThere, new Promise<false>((resolve) => setImmediate(resolve, false))]))) {
      stage.tell(`line ${++line}`);
    }
    stage.tell("last");
    const words: string[] = [];
    while (words.at(-1) !== "last") {
      const message = await second.next();
      if (message.type === "snapshot") words.push(...message.lines.map(({ word }) => word));
      if (message.type === "line") words.push(message.line.word);
    }
    assert.deepEqual(
      words,
      stage.lines.map(({ word }) => word),
    );
  });

  it("offers what is made anew at each request as a file", async () => {
    stage = new FakeStage();
    let asked = 0;
    const downloads = new Map([["/a.bin", () => ({ type: "x/y", body: Uint8Array.of(1, 2, ++asked) })]]);
    server = await PageServer.start({ stage, assets, port: 18_080, exactly: false, downloads });
    for (const last of [1, 2]) {
      const response = await fetch(`${server.url}a.bin`);
      assert.equal(response.headers.get("content-disposition"), "attachment");
      assert.equal(response.headers.get("content-type"), "x/y");
      assert.deepEqual([...new Uint8Array(await response.arrayBuffer())], [1, 2, last]);
    }
  });

  it("hands actions to the bench", async () => {
    const { url } = await start(2);
    const page = new Page(url);
    await page.next();
    page.send({ type: "press", board: 1 });
    page.send({ type: "wifi", on: false });
    page.send({ type: "power", board: 0, on: false, more: "ignored" });
    assert.deepEqual(await stage.asked(3), [
      { type: "press", board: 1 },
      { type: "wifi", on: false },
      { type: "power", board: 0, on: false },
    ]);
  });

  for (const [what, message] of [
    ["text that is no JSON", "{"],
    ["an unknown action", { type: "explode", board: 0 }],
    ["a board that does not exist", { type: "press", board: 1 }],
    ["a switch without a position", { type: "wifi" }],
    ["null", null],
  ] as const) {
    it(`closes the connection of a page that sends ${what}`, async () => {
      const { url } = await start();
      const page = new Page(url);
      await page.next();
      page.send(message);
      const [code] = (await once(page.socket, "close")) as [number];
      assert.equal(code, 1003);
      assert.deepEqual(stage.actions, []);
    });
  }

  it("closes the connection of a page that sends too much", async () => {
    const { url } = await start();
    const page = new Page(url);
    await page.next();
    page.send("x".repeat(1_100_000));
    await once(page.socket, "close");
    assert.deepEqual(stage.actions, []);
  });

  it("lets go of a button when the page that holds it goes away", async () => {
    const { url } = await start(2);
    const page = new Page(url);
    await page.next();
    page.send({ type: "down", board: 1 });
    await stage.asked(1);
    page.socket.terminate();
    assert.deepEqual((await stage.asked(2))[1], { type: "up", board: 1 });
  });

  it("takes the next free port, or says that the one asked for is taken", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as { port: number };
    after(() => other.close());
    stage = new FakeStage();
    server = await PageServer.start({ stage, assets, port, exactly: false });
    assert.ok(server.port > port);
    await assert.rejects(PageServer.start({ stage, assets, port, exactly: true }), { code: "EADDRINUSE" });
    assert.equal(stage.listeners, 1);
  });

  it("ends at once although pages are open, and leaves no listener behind", async () => {
    const { url } = await start();
    const page = new Page(url);
    await page.next();
    const closed = once(page.socket, "close");
    await server?.close();
    server = undefined;
    await closed;
    assert.equal(stage.listeners, 0);
    await assert.rejects(fetch(url));
  });
});

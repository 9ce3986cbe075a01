// Serves the bench page on this machine only: the files of host-sim/page, its script bundled by esbuild, and a
// WebSocket that carries the bench's events out and a person's actions in. It knows the Stage and nothing of boards or
// brokers.

import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { type WebSocket, WebSocketServer } from "ws";
import { EventFrame } from "./event-frame.js";
import { type BenchEvent, readAction, type Snapshot, type Stage } from "./page/protocol.js";

const PAGE = fileURLToPath(new URL("./page/", import.meta.url));

const Limit = Object.freeze({
  /** Bytes of one message from the page: a publish of 64 KB in a topic of 64 KB, each character escaped as `\u0001`. */
  MESSAGE: 1024 * 1024,
  /**
   * Bytes waiting in one connection: a page that does not read (a suspended tab) is let go, and comes back by itself.
   * The snapshot of fifty boards after a long run has about 5 MB.
   */
  WAITING: 16 * 1024 * 1024,
  /** Ports tried after the preferred one. */
  PORTS: 100,
} as const);

interface Asset {
  readonly type: string;
  readonly body: string;
}

export interface Assets {
  readonly build: string;
  readonly files: ReadonlyMap<string, Asset>;
}

/** Reads and bundles the page. Throws esbuild's message when the page's own source is broken. */
export async function buildPage(): Promise<Assets> {
  const [html, icon, bundle] = await Promise.all([
    readFile(`${PAGE}index.html`, "utf8"),
    readFile(`${PAGE}favicon.svg`, "utf8"),
    build({
      entryPoints: [`${PAGE}main.ts`, `${PAGE}style.css`],
      outdir: PAGE,
      bundle: true,
      format: "esm",
      target: "es2022",
      sourcemap: "inline",
      write: false,
      logLevel: "silent",
    }),
  ]);
  const made = (end: string) => bundle.outputFiles.find(({ path }) => path.endsWith(end))?.text ?? "";
  const script = made("main.js");
  const css = made("style.css");
  const hash = createHash("sha256");
  for (const text of [html, css, icon, script]) hash.update(text);
  const files = new Map<string, Asset>([
    ["/", { type: "text/html; charset=utf-8", body: html }],
    ["/main.js", { type: "text/javascript; charset=utf-8", body: script }],
    ["/style.css", { type: "text/css; charset=utf-8", body: css }],
    ["/favicon.svg", { type: "image/svg+xml", body: icon }],
    ["/favicon.ico", { type: "image/svg+xml", body: icon }],
  ]);
  return { build: hash.digest("hex").slice(0, 12), files };
}

export interface PageServerOptions {
  readonly stage: Stage;
  readonly assets: Assets;
  /** The port to try first. */
  readonly port: number;
  /** True: this port or an error. False: the next free one will do. */
  readonly exactly: boolean;
  /** What else is to be had, by its path such as `/alertbox.pcap`: made anew whenever somebody asks. */
  readonly downloads?: ReadonlyMap<string, () => Download>;
}

/** A file that the page offers. */
export interface Download {
  readonly type: string;
  readonly body: Uint8Array;
}

export class PageServer {
  readonly #stage: Stage;
  readonly #assets: Assets;
  readonly #http: Server;
  readonly #sockets: WebSocketServer;
  /** Those that have their snapshot. */
  readonly #pages = new Set<WebSocket>();
  readonly #downloads: ReadonlyMap<string, () => Download>;
  readonly #frame = new EventFrame((events) => this.#send(events));
  readonly #unsubscribe: () => void;

  private constructor({ stage, assets, downloads }: PageServerOptions) {
    this.#stage = stage;
    this.#assets = assets;
    this.#downloads = downloads ?? new Map();
    this.#http = createServer((request, response) => this.#serve(request, response));
    this.#sockets = new WebSocketServer({ noServer: true, maxPayload: Limit.MESSAGE });
    this.#http.on("upgrade", (request, socket, head) => {
      if (!this.#fromHere(request) || request.url !== "/live") {
        socket.end("HTTP/1.1 403 Forbidden\r\nConnection: close\r\n\r\n");
        return;
      }
      this.#sockets.handleUpgrade(request, socket, head, (page) => this.#meet(page));
    });
    this.#unsubscribe = stage.on((event) => this.#tell(event));
  }

  /**
   * Starts on 127.0.0.1.
   * @throws Error with `code` "EADDRINUSE" when the port is taken and another will not do.
   */
  static async start(options: PageServerOptions): Promise<PageServer> {
    const { port, exactly } = options;
    const server = new PageServer(options);
    try {
      await listen(server.#http, port, exactly ? port : Math.min(port + Limit.PORTS, 65_535));
    } catch (error) {
      server.#unsubscribe();
      throw error;
    }
    return server;
  }

  get port(): number {
    return (this.#http.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/`;
  }

  /** Ends at once: open pages are told to go, their connections are cut. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#frame.close();
    // 1001: going away; the page then tries to come back.
    for (const page of this.#sockets.clients) {
      page.close(1001);
      page.terminate();
    }
    this.#sockets.close();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Only pages that we served may talk to the bench: no other web site, and no name that was pointed at 127.0.0.1. */
  #fromHere(request: IncomingMessage): boolean {
    const { host, origin } = request.headers;
    if (host !== `127.0.0.1:${this.port}` && host !== `localhost:${this.port}`) return false;
    return origin === undefined || origin === `http://${host}`;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    if (!this.#fromHere(request)) {
      response.writeHead(403, { "content-type": "text/plain" }).end("This page is for this machine only.\n");
      return;
    }
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD", "content-type": "text/plain" }).end("GET and HEAD only.\n");
      return;
    }
    const path = (request.url ?? "/").split("?", 1)[0] ?? "/";
    const asset = this.#assets.files.get(path) ?? this.#downloads.get(path)?.();
    if (asset === undefined) {
      response.writeHead(404, { "content-type": "text/plain" }).end("There is nothing here; the bench is at /\n");
      return;
    }
    const live = `ws://${request.headers.host}`;
    response.writeHead(200, {
      "content-type": asset.type,
      "content-length": Buffer.byteLength(asset.body),
      ...(typeof asset.body === "string" ? {} : { "content-disposition": "attachment" }),
      "cache-control": "no-store",
      "content-security-policy":
        `default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self' ${live}; ` +
        // The setup pages of the boards: each is on a port of its own while it can be reached.
        "frame-src http://127.0.0.1:*; " +
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
    });
    response.end(request.method === "HEAD" ? undefined : asset.body);
  }

  #complete(snapshot: Snapshot): Snapshot {
    return { ...snapshot, bench: { ...snapshot.bench, build: this.#assets.build } };
  }

  #meet(page: WebSocket): void {
    /** Boards whose button this page holds down: a page that goes away lets go of them. */
    const held = new Set<number>();
    const isBoard = (board: number) => this.#stage.snapshot().boards.some(({ index }) => index === board);
    // What is in the frame now is in the snapshot, too: the other pages get it first, this one only once.
    this.#frame.flush();
    page.send(JSON.stringify(this.#complete(this.#stage.snapshot())));
    this.#pages.add(page);
    page.on("message", (data, binary) => {
      const action = binary ? undefined : readAction(parseJson(String(data)), isBoard);
      if (action === undefined) {
        page.close(1003, "not an action");
        return;
      }
      if (action.type === "down") held.add(action.board);
      if (action.type === "up") held.delete(action.board);
      this.#stage.act(action);
    });
    page.on("close", () => {
      this.#pages.delete(page);
      for (const board of held) this.#stage.act({ type: "up", board });
      held.clear();
    });
    // A message that is too long, or a connection cut short: "close" follows and does the work.
    page.on("error", () => page.terminate());
  }

  #tell(event: BenchEvent): void {
    if (this.#pages.size === 0) return;
    if (event.type === "snapshot") {
      this.#frame.flush();
      this.#sendAll(JSON.stringify(this.#complete(event)));
      return;
    }
    const told = event.type === "bench" ? { ...event, bench: { ...event.bench, build: this.#assets.build } } : event;
    this.#frame.add(told);
  }

  #send(events: readonly BenchEvent[]): void {
    this.#sendAll(JSON.stringify({ type: "events", events }));
  }

  #sendAll(message: string): void {
    for (const page of this.#pages) {
      if (page.bufferedAmount > Limit.WAITING) page.terminate();
      else if (page.readyState === page.OPEN) page.send(message);
    }
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Listens on the first free port from `port` to `last`. */
function listen(server: Server, port: number, last: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let next = port;
    const attempt = () => server.listen(next, "127.0.0.1");
    server.on("error", (error: NodeJS.ErrnoException) => {
      if ((error.code === "EADDRINUSE" || error.code === "EACCES") && next < last) {
        next++;
        attempt();
      } else {
        reject(error);
      }
    });
    server.once("listening", () => {
      server.removeAllListeners("error");
      resolve();
    });
    attempt();
  });
}

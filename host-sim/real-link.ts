// One socket of this computer as the far part of a board's connection, opened by either side. What comes in waits here
// while the board's radio is off the air or its window is full; what goes out waits while it is off the air, and is
// given up in the end as lwIP does. Acknowledged means here: taken by this computer's TCP, which repeats it for the
// board. On the way to the world there may be faults (wire-faults.ts); a phone beside the board does not feel them.

import { connect, type Socket } from "node:net";
import type { Scheduled } from "./clock.js";
import type { Host } from "./host.js";
import { dataTimeoutMs, LwIP, synTimeoutMs } from "./lwip.js";
import type { Connection, ConnectionEvents, Direction, Traffic } from "./network.js";
import { Delay, PacketType, PacketWalk, refusal, type WireFaults } from "./wire-faults.js";

/** What a link tells its network. */
export interface LinkOwner {
  heard(type: Traffic["type"], direction: Direction, bytes: Uint8Array): void;
  /** The board's end is gone. */
  boardGone(link: RealLink): void;
  /** The socket is gone. */
  closed(link: RealLink): void;
  readonly faults: WireFaults;
}

/** What came from the socket and waits for the board. */
type Incoming =
  | { readonly type: "open" }
  | { readonly type: "data"; readonly bytes: Uint8Array }
  | { readonly type: "acknowledged"; readonly count: number }
  | { readonly type: "end" }
  | { readonly type: "error" };

/** How long a closed socket may still take to say good-bye, ms. */
const lingerMs = 2_000;

const nothing = new Uint8Array(0);

export class RealLink implements Connection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly #owner: LinkOwner;
  readonly #host: Host;
  readonly #isIncoming: boolean;
  #events: ConnectionEvents | undefined;
  readonly #incoming: Incoming[] = [];
  readonly #outgoing: Uint8Array[] = [];
  readonly #unlisten: () => void;
  /** The way to the world, and what passes there. */
  readonly #up: Delay;
  readonly #down: Delay;
  readonly #upPackets = new PacketWalk();
  readonly #downPackets = new PacketWalk();
  #unlistenFaults: (() => void) | undefined;
  #socket: Socket | undefined;
  #isOpen = false;
  #isGone = false;
  #unread = 0;
  /** Bytes that have come from the socket and are not with the board yet. */
  #backlog = 0;
  /** The first SYN has left. */
  #hasCalled = false;
  /** Nothing passes any more, and nobody is told. */
  #isSilent = false;
  /** A fault has ended the connection in the peer's place; what the peer still says is lost. */
  #isCut = false;
  /** What the first byte from the board says it is; undefined before. */
  #talk: "mqtt" | "refused" | "other" | undefined;
  #timeout: Scheduled | undefined;
  #synTimer: Scheduled | undefined;
  #pumping: Scheduled | undefined;

  /** @param socket one that this computer has accepted for the board. Without it the link opens one itself. */
  constructor(owner: LinkOwner, host: Host, address: string, port: number, socket?: Socket) {
    this.#owner = owner;
    this.#host = host;
    this.#isIncoming = socket !== undefined;
    this.remoteAddress = address;
    this.remotePort = port;
    this.#up = new Delay(host.clock);
    this.#down = new Delay(host.clock);
    this.#unlisten = host.board.airspace.radioFor(host).onPath(() => this.#pathChanged());
    if (socket !== undefined) {
      this.#isOpen = true;
      this.#hasCalled = true;
      this.#attend(socket);
    } else {
      this.#unlistenFaults = owner.faults.onSilence(() => this.#silence());
    }
  }

  /** From now on the board hears what happens. */
  begin(events: ConnectionEvents): this {
    this.#events = events;
    if (this.#isIncoming) {
      this.#owner.heard("open", "down", nothing);
      this.#socket?.resume();
      return this;
    }
    this.#timeout = this.#host.clock.schedule(synTimeoutMs, () => this.#fail());
    this.#call();
    return this;
  }

  write(bytes: Uint8Array): void {
    if (this.#isGone) return;
    this.#outgoing.push(bytes.slice());
    this.#flush();
  }

  consumed(count: number): void {
    this.#unread -= count;
    this.#schedulePump();
  }

  close(): void {
    if (this.#isGone) return;
    const socket = this.#socket;
    const passes = this.#passes;
    this.#leave();
    if (socket === undefined || !this.#isOpen) {
      this.destroy();
    } else if (!passes) {
      // FIN and RST were lost on the air; the other side knows nothing of it.
      this.#fallSilent(socket);
    } else {
      this.#carryUp(() => {
        this.#owner.heard("end", "up", nothing);
        socket.end();
        // Unread data would make this computer answer with RST and throw away what was just written.
        socket.resume();
        setTimeout(() => this.destroy(), lingerMs).unref();
      });
    }
  }

  abort(): void {
    if (this.#isGone) return;
    const socket = this.#socket;
    const passes = this.#passes;
    this.#leave();
    if (socket !== undefined && this.#isOpen && !passes) {
      this.#fallSilent(socket);
    } else if (socket?.connecting === false) {
      this.#carryUp(() => {
        this.#owner.heard("reset", "up", nothing);
        socket.resetAndDestroy();
      });
    } else {
      this.destroy();
    }
  }

  vanish(): void {
    if (this.#isGone) return;
    const socket = this.#socket;
    this.#leave();
    if (socket !== undefined && this.#isOpen) this.#fallSilent(socket);
    else this.destroy();
  }

  /** Ends the socket, whatever it does. */
  destroy(): void {
    if (!this.#isGone) this.#leave();
    this.#socket?.destroy();
    this.#owner.closed(this);
  }

  get #passes(): boolean {
    return !this.#isSilent && this.#host.board.airspace.radioFor(this.#host).passes(this.remoteAddress);
  }

  get #delayMs(): number {
    return this.#isIncoming ? 0 : this.#owner.faults.delayMs;
  }

  /** A segment on its way to the peer. What is in flight arrives also when the board is gone. */
  #carryUp(arrive: () => void): void {
    this.#up.carry(this.#delayMs, () => {
      if (!this.#isSilent) arrive();
      else if (this.#isGone && this.#socket !== undefined) this.#fallSilent(this.#socket);
    });
  }

  /** A segment on its way to the board. */
  #carryDown(incoming: Incoming): void {
    this.#down.carry(this.#delayMs, () => {
      if (!this.#isSilent) this.#come(incoming);
    });
  }

  /** A router on the way has forgotten this connection. One that it has not seen yet tries again. */
  #silence(): void {
    if (this.#hasCalled) this.#isSilent = true;
    this.#flush();
  }

  /** SYN. One that is lost, on the air or on the way, is repeated until `synTimeoutMs` have passed. */
  #call(): void {
    if (!this.#passes || this.#owner.faults.has("half-open")) {
      this.#synTimer = this.#host.clock.schedule(LwIP.synRetryMs, () => this.#call());
      return;
    }
    this.#hasCalled = true;
    this.#carryUp(() => {
      if (!this.#isGone) this.#dial();
    });
  }

  #dial(): void {
    const socket = connect({ host: this.remoteAddress, port: this.remotePort, allowHalfOpen: true, noDelay: true });
    socket.on("connect", () => this.#carryDown({ type: "open" }));
    this.#attend(socket);
  }

  #attend(socket: Socket): void {
    this.#socket = socket;
    socket.on("data", (bytes) => {
      if (this.#isGone || this.#isCut) return;
      this.#backlog += bytes.byteLength;
      // What does not fit the board's window stays with this computer, and then with the sender.
      if (this.#backlog >= LwIP.receiveWindow) socket.pause();
      this.#sentDown(socket, Uint8Array.from(bytes));
    });
    socket.on("end", () => {
      if (this.#isGone) this.destroy();
      else if (!this.#isCut) this.#carryDown({ type: "end" });
    });
    socket.on("error", () => {
      if (!this.#isCut) this.#carryDown({ type: "error" });
    });
    socket.on("close", () => {
      if (this.#isGone) this.#owner.closed(this);
      else if (!this.#isCut) this.#carryDown({ type: "error" });
    });
  }

  /** The peer has sent something: it leaves towards the board, unless it is what a fault takes away. */
  #sentDown(socket: Socket, bytes: Uint8Array): void {
    const loses = this.#owner.faults.has("lost-pubcomp");
    const lost =
      this.#talk === "mqtt" ? this.#downPackets.feed(bytes, loses ? PacketType.PUBCOMP : undefined) : undefined;
    const kept = lost === undefined ? bytes : bytes.subarray(0, lost);
    if (kept.byteLength > 0) this.#carryDown({ type: "data", bytes: kept });
    if (lost === undefined) return;
    this.#isCut = true;
    socket.resetAndDestroy();
    this.#carryDown({ type: "error" });
  }

  /** Something of the board has arrived at the peer, or at what answers in its place. */
  #arrivedUp(socket: Socket, bytes: Uint8Array): void {
    this.#owner.heard("data", "up", bytes);
    const { faults } = this.#owner;
    if (this.#talk === undefined) {
      const isMqtt = !this.#isIncoming && (bytes[0] ?? 0) >> 4 === PacketType.CONNECT;
      this.#talk = !isMqtt ? "other" : faults.has("broker-refuses") ? "refused" : "mqtt";
    }
    const acknowledge = () => this.#carryDown({ type: "acknowledged", count: bytes.byteLength });
    if (this.#talk !== "refused") {
      // An error comes as an event of its own.
      socket.write(bytes, (error) => {
        if (!error) acknowledge();
      });
      return;
    }
    acknowledge();
    this.#upPackets.feed(bytes);
    if (this.#upPackets.whole === 0 || this.#isCut) return;
    this.#isCut = true;
    this.#carryDown({ type: "data", bytes: Uint8Array.from(refusal) });
    this.#carryDown({ type: "end" });
    socket.end();
    socket.resume();
  }

  #come(incoming: Incoming): void {
    if (this.#isGone) return;
    this.#incoming.push(incoming);
    this.#schedulePump();
  }

  #pathChanged(): void {
    if (this.#isGone || !this.#passes) return;
    this.#flush();
    this.#schedulePump();
  }

  /** Never from inside a call of the board. */
  #schedulePump(): void {
    if (this.#isGone || this.#pumping !== undefined) return;
    this.#pumping = this.#host.clock.schedule(0, () => {
      this.#pumping = undefined;
      this.#pump();
    });
  }

  #pump(): void {
    while (!this.#isGone && this.#passes) {
      const first = this.#incoming[0];
      if (first === undefined) return;
      if (first.type === "data") {
        if (!this.#deliver(first.bytes)) return;
      } else {
        this.#incoming.shift();
        this.#tell(first);
      }
    }
  }

  /** Hands over at most a segment; false when the window is full. */
  #deliver(bytes: Uint8Array): boolean {
    const room = LwIP.receiveWindow - this.#unread;
    if (room <= 0) return false;
    const part = bytes.subarray(0, Math.min(room, LwIP.segment));
    if (part.byteLength === bytes.byteLength) this.#incoming.shift();
    else this.#incoming[0] = { type: "data", bytes: bytes.subarray(part.byteLength) };
    this.#unread += part.byteLength;
    this.#backlog -= part.byteLength;
    if (this.#backlog < LwIP.receiveWindow) this.#socket?.resume();
    this.#owner.heard("data", "down", part);
    this.#events?.onData(part);
    return true;
  }

  #tell(incoming: Exclude<Incoming, { type: "data" }>): void {
    switch (incoming.type) {
      case "open":
        this.#isOpen = true;
        this.#timeout?.cancel();
        this.#timeout = undefined;
        this.#owner.heard("open", "up", nothing);
        this.#events?.onOpen();
        break;
      case "acknowledged":
        this.#events?.onAcknowledged(incoming.count);
        break;
      case "end":
        this.#owner.heard("end", "down", nothing);
        this.#events?.onEnd();
        break;
      case "error":
        this.#fail();
        break;
    }
  }

  #flush(): void {
    const socket = this.#socket;
    if (socket === undefined || !this.#isOpen || this.#isGone || this.#outgoing.length === 0) return;
    if (!this.#passes) {
      // From the first segment that is not acknowledged; what is written later does not begin anew.
      this.#timeout ??= this.#host.clock.schedule(dataTimeoutMs, () => {
        if (this.#outgoing.length > 0) this.#fail();
      });
      return;
    }
    this.#timeout?.cancel();
    this.#timeout = undefined;
    for (const bytes of this.#outgoing.splice(0)) this.#carryUp(() => this.#arrivedUp(socket, bytes));
  }

  #fail(): void {
    if (this.#isGone) return;
    const socket = this.#socket;
    const isCutOff = this.#isOpen && !this.#passes;
    this.#leave();
    // lwIP that gives up says so to its own side only, and would not be heard.
    if (isCutOff && socket !== undefined) this.#fallSilent(socket);
    else this.destroy();
    this.#owner.heard("reset", "down", nothing);
    this.#events?.onError();
  }

  /** The board's end is gone. */
  #leave(): void {
    this.#isGone = true;
    this.#unlisten();
    this.#unlistenFaults?.();
    this.#timeout?.cancel();
    this.#synTimer?.cancel();
    this.#pumping?.cancel();
    this.#incoming.length = 0;
    this.#outgoing.length = 0;
    this.#owner.boardGone(this);
    // Nothing more will come of a socket that was closed before.
    if (this.#socket?.closed === true) this.#owner.closed(this);
  }

  /**
   * Leaves the socket open: no FIN, no RST, and what comes is lost. It does not keep the process alive. When the peer
   * has ended it already there is nobody left to be silent to.
   */
  #fallSilent(socket: Socket): void {
    if (socket.readableEnded || socket.closed) {
      this.destroy();
      return;
    }
    socket.resume();
    socket.unref();
  }
}

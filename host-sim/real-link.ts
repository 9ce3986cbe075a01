// One socket of this computer as the far part of a board's connection, opened by either side. What comes in waits here
// while the board's radio is off the air or its window is full; what goes out waits while it is off the air, and is
// given up in the end as lwIP does. Acknowledged means here: taken by this computer's TCP, which repeats it for the
// board.

import { connect, type Socket } from "node:net";
import type { Scheduled } from "./clock.js";
import type { Host } from "./host.js";
import { dataTimeoutMs, LwIP, synTimeoutMs } from "./lwip.js";
import type { Connection, ConnectionEvents, Direction, Traffic } from "./network.js";

/** What a link tells its network. */
export interface LinkOwner {
  heard(type: Traffic["type"], direction: Direction, bytes: Uint8Array): void;
  /** The board's end is gone. */
  boardGone(link: RealLink): void;
  /** The socket is gone. */
  closed(link: RealLink): void;
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
  #socket: Socket | undefined;
  #isOpen = false;
  #isGone = false;
  #unread = 0;
  #timeout: Scheduled | undefined;
  #pumping: Scheduled | undefined;

  /** @param socket one that this computer has accepted for the board. Without it the link opens one itself. */
  constructor(owner: LinkOwner, host: Host, address: string, port: number, socket?: Socket) {
    this.#owner = owner;
    this.#host = host;
    this.#isIncoming = socket !== undefined;
    this.remoteAddress = address;
    this.remotePort = port;
    this.#unlisten = host.board.airspace.radioFor(host).onPath(() => this.#pathChanged());
    if (socket !== undefined) {
      this.#isOpen = true;
      this.#attend(socket);
    }
  }

  /** From now on the board hears what happens. */
  begin(events: ConnectionEvents): this {
    this.#events = events;
    if (this.#isIncoming) {
      this.#owner.heard("open", "down", nothing);
      this.#schedulePump();
      return this;
    }
    this.#timeout = this.#host.clock.schedule(synTimeoutMs, () => this.#fail());
    // A SYN that cannot leave now leaves when the radio is back.
    if (this.#passes) this.#dial();
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
      this.#owner.heard("end", "up", nothing);
      socket.end();
      // Unread data would make this computer answer with RST and throw away what was just written.
      socket.resume();
      setTimeout(() => this.destroy(), lingerMs).unref();
    }
  }

  abort(): void {
    if (this.#isGone) return;
    const socket = this.#socket;
    const passes = this.#passes;
    this.#leave();
    if (socket !== undefined && this.#isOpen && !passes) this.#fallSilent(socket);
    else if (socket?.connecting === false) socket.resetAndDestroy();
    else this.destroy();
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
    return this.#host.board.airspace.radioFor(this.#host).passes(this.remoteAddress);
  }

  #dial(): void {
    const socket = connect({ host: this.remoteAddress, port: this.remotePort, allowHalfOpen: true, noDelay: true });
    socket.on("connect", () => this.#come({ type: "open" }));
    this.#attend(socket);
  }

  #attend(socket: Socket): void {
    this.#socket = socket;
    socket.on("data", (bytes) => {
      if (this.#isGone) return;
      this.#come({ type: "data", bytes: Uint8Array.from(bytes) });
      // What does not fit the board's window stays with this computer, and then with the sender.
      socket.pause();
    });
    socket.on("end", () => {
      if (this.#isGone) this.destroy();
      else this.#come({ type: "end" });
    });
    socket.on("error", () => this.#come({ type: "error" }));
    socket.on("close", () => {
      if (this.#isGone) this.#owner.closed(this);
      else this.#come({ type: "error" });
    });
  }

  #come(incoming: Incoming): void {
    if (this.#isGone) return;
    this.#incoming.push(incoming);
    this.#schedulePump();
  }

  #pathChanged(): void {
    if (this.#isGone || !this.#passes) return;
    if (this.#socket === undefined && this.#events !== undefined) this.#dial();
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
      if (first === undefined) {
        this.#socket?.resume();
        return;
      }
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
    this.#owner.heard("data", "down", part);
    this.#events?.onData(part);
    return true;
  }

  #tell(incoming: Exclude<Incoming, { type: "data" }>): void {
    switch (incoming.type) {
      case "open":
        this.#isOpen = true;
        this.#timeout?.cancel();
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
    if (socket === undefined || !this.#isOpen || this.#outgoing.length === 0) return;
    if (!this.#passes) {
      this.#timeout?.cancel();
      this.#timeout = this.#host.clock.schedule(dataTimeoutMs, () => {
        if (this.#outgoing.length > 0) this.#fail();
      });
      return;
    }
    for (const bytes of this.#outgoing.splice(0)) {
      this.#owner.heard("data", "up", bytes);
      socket.write(bytes, (error) => {
        // An error comes as an event of its own.
        if (!error) this.#come({ type: "acknowledged", count: bytes.byteLength });
      });
    }
  }

  #fail(): void {
    if (this.#isGone) return;
    this.#leave();
    this.#socket?.destroy();
    this.#owner.closed(this);
    this.#owner.heard("reset", "down", nothing);
    this.#events?.onError();
  }

  /** The board's end is gone. */
  #leave(): void {
    this.#isGone = true;
    this.#unlisten();
    this.#timeout?.cancel();
    this.#pumping?.cancel();
    this.#incoming.length = 0;
    this.#outgoing.length = 0;
    this.#owner.boardGone(this);
  }

  /** Leaves the socket open: no FIN, no RST, and what comes is lost. It does not keep the process alive. */
  #fallSilent(socket: Socket): void {
    socket.resume();
    socket.unref();
  }
}

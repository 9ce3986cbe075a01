// The WebSocket to the bench: brings messages, takes actions, and comes back by itself when the bench was restarted.
// Knows the protocol's types, nothing of what the page shows.

import type { Action, ServerMessage } from "./protocol.js";

/** Milliseconds between attempts: at first at once, so that a restart of the bench is hardly seen, then slower. */
const DELAYS: readonly number[] = Object.freeze([150, 300, 600, 1000, 2000]);

export class Connection {
  readonly #onMessage: (message: ServerMessage) => void;
  readonly #onState: (isLive: boolean) => void;
  #socket: WebSocket | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #attempt = 0;

  /** @param onState true behind the first message of a connection, false when it has ended. */
  constructor(onMessage: (message: ServerMessage) => void, onState: (isLive: boolean) => void) {
    this.#onMessage = onMessage;
    this.#onState = onState;
    this.#open();
    // A page that returns from the browser's back-forward cache, or a laptop from sleep, tries at once.
    addEventListener("pageshow", () => this.#hurry());
    document.addEventListener("visibilitychange", () => this.#hurry());
  }

  /** False when the bench is away: the action is then dropped, as a press on a dead button would be. */
  send(action: Action): boolean {
    if (this.#socket?.readyState !== WebSocket.OPEN) return false;
    this.#socket.send(JSON.stringify(action));
    return true;
  }

  #hurry(): void {
    if (this.#timer === undefined || document.visibilityState === "hidden") return;
    this.#attempt = 0;
    this.#open();
  }

  #open(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const socket = new WebSocket(`ws://${location.host}/live`);
    this.#socket = socket;
    let isLive = false;
    socket.addEventListener("message", (event) => {
      this.#onMessage(JSON.parse(String(event.data)));
      if (isLive) return;
      // Not when the socket opens: before the bench has said what there is, a key would ask nothing of nobody.
      isLive = true;
      this.#attempt = 0;
      this.#onState(true);
    });
    socket.addEventListener("close", () => {
      if (this.#socket !== socket) return;
      this.#onState(false);
      const delay = DELAYS[Math.min(this.#attempt++, DELAYS.length - 1)] ?? 1000;
      this.#timer = setTimeout(() => this.#open(), delay);
    });
  }
}

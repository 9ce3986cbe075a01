// The bench page's beginning: joins the connection and the store. All decisions are the bench's; the page only asks and
// shows.

import "./bench-app.js";
import { Connection } from "./connection.js";
import type { ServerMessage } from "./protocol.js";
import { store } from "./store.js";

function receive(message: ServerMessage): void {
  if (message.type === "events") {
    for (const event of message.events) store.tell(event);
    return;
  }
  // Served by a newer build of the bench than this page: take the page that fits.
  if (store.bench !== undefined && store.bench.build !== message.bench.build) location.reload();
  else store.take(message);
}

const connection = new Connection(receive, (open) => store.connection(open));
store.sendTo((action) => connection.send(action));

// A TCP port of this computer for a server that somebody else starts, or that is stopped and started again.

import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:net";

/**
 * From these: where systems take no port by themselves for a connection that goes out (Linux from 32,768, others from
 * 49,152). A port from there may be taken at any moment while nobody listens on it, even by a client of that very port.
 */
const FIRST = 15_000;
const LAST = 32_000;

/** One on which nobody listens at 127.0.0.1. Nobody else's guess is likely to be the same. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(FIRST, LAST);
    const server = createServer();
    server.listen({ port, host: "127.0.0.1", exclusive: true });
    try {
      await once(server, "listening");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") continue;
      throw error;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

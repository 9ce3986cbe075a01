// `embedded:io/socket/listener` and `embedded:io/socket/udp` of Moddable SDK 8.2.3 as its C code makes them. The
// published typings (5.6.0, and those of the SDK itself) lack `close` and say that `read` of UDP always gives a packet;
// these stand in their place beside the simulator. Code that is to pass with the SDK's own typings too calls `close`
// through a type that has it.

declare module "embedded:io/socket/listener" {
  import type TCP from "embedded:io/socket/tcp";
  export default class Listener {
    /** Listens on all addresses. `port` 0 or missing: any free one. */
    constructor(options: {
      port?: number;
      onReadable?: (this: Listener, requests: number) => void;
      format?: "socket/tcp";
      target?: unknown;
    });
    /** The connection that waits longest, without callbacks: take it over with `new TCP({ from })`. */
    read(): TCP | undefined;
    /** Ends it and the connections that wait. Frees a record of lwIP twice on an ESP8266. */
    close(): void;
    readonly port: number;
    get format(): "socket/tcp";
    set format(format: "socket/tcp");
  }
}

declare module "embedded:io/socket/udp" {
  import type { Buffer } from "embedded:io/_common";
  export default class UDP {
    constructor(options: {
      port?: number;
      timeToLive?: number;
      onReadable?: (this: UDP, packets: number) => void;
      format?: "buffer";
      target?: unknown;
    });
    /** The packet that waits longest. */
    read(): (ArrayBuffer & { address: string; port: number }) | undefined;
    write(buffer: Buffer, address: string, port: number): void;
    close(): void;
    get format(): "buffer";
    set format(format: "buffer");
  }
}

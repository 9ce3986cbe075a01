// What the ESP8266's TCP/IP stack does with a board's connection before and after the network: limits, times, and the
// send side with its segments, its Nagle rule and its limited queue. The figures are those of lwIP 1.4 as Arduino core
// 2.3.0 builds it (tools/sdk/lwip/include/lwipopts.h, lwip/core/init.c, tcp_out.c). Knows neither firmware nor network.

export const LwIP = Object.freeze({
  /** TCP_MSS, bytes. */
  segment: 1460,
  /** TCP_SND_BUF, bytes not yet acknowledged. */
  sendBuffer: 2 * 1460,
  /** TCP_SND_QUEUELEN, buffers not yet acknowledged: (4 * TCP_SND_BUF + TCP_MSS - 1) / TCP_MSS. */
  sendQueue: 8,
  /** TCP_WND, bytes received and not yet read. */
  receiveWindow: 4 * 1460,
  /** TCP_WND_UPDATE_THRESHOLD, bytes read before the peer is told by a packet of its own. */
  windowUpdate: 1460,
  /** MEMP_NUM_TCP_PCB (core/init.c). A SYN is ignored while so many connections are established (tcp_listen_input). */
  connections: 5,
  /** MEMP_NUM_TCP_PCB_LISTEN, MEMP_NUM_UDP_PCB: with MEMP_MEM_MALLOC only the heap limits these, and it is small. */
  listeners: 2,
  datagramSockets: 4,
  /** PBUF_POOL_SIZE: so many received packets may wait; on the chip the heap decides when the next one is dropped. */
  packets: 10,
  /** UDP_LOCAL_PORT_RANGE_START (udp_bind), TCP_LOCAL_PORT_RANGE_START (tcp_new_port) */
  firstDatagramPort: 4096,
  firstPort: 1024,
  /** TCP_FAST_INTERVAL: how often refused data is offered again. */
  fastTickMs: 250,
  /** A SYN is sent again every 3 s (six ticks of 500 ms, no backoff in SYN_SENT), TCP_SYNMAXRTX times. */
  synRetryMs: 3_000,
  synRetries: 6,
  /** TCP_MINRTO, TCP_MAXRTO, doubling in between; TCP_MAXRTX times. */
  retryMs: 2_000,
  longestRetryMs: 10_000,
  retries: 12,
  /** One tick of the slow timer, after which a connection without retries left is given up. */
  slowTickMs: 500,
  /** DNS_TMR_INTERVAL; queries leave after 0, 1, 2 and 4 of them, the look-up fails after 7 (dns_check_entry). */
  dnsTickMs: 1_000,
  /** DNS_MAX_RETRIES */
  dnsQueries: 4,
  /** DNS_MAX_NAME_LENGTH, the end included. */
  dnsName: 256,
} as const);

/** How long a SYN without an answer takes to become an error, ms. */
export const synTimeoutMs = LwIP.synRetries * LwIP.synRetryMs + LwIP.slowTickMs;

/** How long data without an acknowledgement takes to become an error, ms. */
export const dataTimeoutMs = retryDelays(LwIP.retryMs, LwIP.longestRetryMs, LwIP.retries);

function retryDelays(first: number, longest: number, count: number): number {
  let total = 0;
  // The last retransmission also waits for its answer.
  for (let retry = 0; retry <= count; retry++) total += Math.min(longest, first * 2 ** Math.min(retry, 20));
  return total;
}

interface Segment {
  bytes: Uint8Array;
  length: number;
}

/**
 * The send side of one connection: what `tcp_write`, `tcp_output` and an acknowledgement do. Bytes that wait are
 * gathered into segments; a segment is one buffer of the queue until it is acknowledged as a whole.
 */
export class SendSide {
  readonly #send: (segment: Uint8Array) => void;
  /** Switches Nagle's rule off. */
  noDelay: boolean;
  readonly #unsent: Segment[] = [];
  readonly #unacknowledged: number[] = [];
  #bytes = 0;

  constructor(noDelay: boolean, send: (segment: Uint8Array) => void) {
    this.noDelay = noDelay;
    this.#send = send;
  }

  /** `tcp_sndbuf`: how many bytes may be written now. */
  get room(): number {
    return LwIP.sendBuffer - this.#bytes;
  }

  /** `tcp_write` with a copy: false, and nothing taken, when the queue of buffers is full (ERR_MEM). */
  write(bytes: Uint8Array): boolean {
    if (bytes.byteLength > this.room || this.#queueLength >= LwIP.sendQueue) return false;
    const last = this.#unsent.at(-1);
    const space = last === undefined ? 0 : LwIP.segment - last.length;
    const segments = Math.ceil(Math.max(0, bytes.byteLength - space) / LwIP.segment);
    if (this.#queueLength + segments > LwIP.sendQueue) return false;
    let offset = 0;
    if (last !== undefined) offset = append(last, bytes, 0);
    while (offset < bytes.byteLength) {
      const segment = { bytes: new Uint8Array(LwIP.segment), length: 0 };
      this.#unsent.push(segment);
      offset = append(segment, bytes, offset);
    }
    this.#bytes += bytes.byteLength;
    return true;
  }

  /** `tcp_output`: sends what may leave now. */
  output(): void {
    while (this.#unsent.length > 0 && this.#mayLeave) this.#sendFirst();
  }

  /** What `tcp_close` does first: all that waits leaves, Nagle's rule or not. */
  flush(): void {
    while (this.#unsent.length > 0) this.#sendFirst();
  }

  /** The peer has so many more bytes. */
  acknowledged(count: number): void {
    this.#bytes -= count;
    let left = count;
    while (left > 0) {
      const first = this.#unacknowledged[0];
      if (first === undefined) throw new RangeError(`${left} bytes acknowledged that were never sent`);
      if (first > left) {
        this.#unacknowledged[0] = first - left;
        break;
      }
      this.#unacknowledged.shift();
      left -= first;
    }
    this.output();
  }

  get #queueLength(): number {
    return this.#unsent.length + this.#unacknowledged.length;
  }

  /** tcp_do_output_nagle */
  get #mayLeave(): boolean {
    if (this.#unacknowledged.length === 0 || this.noDelay) return true;
    if (this.#unsent.length > 1 || (this.#unsent[0]?.length ?? 0) >= LwIP.segment) return true;
    return this.room === 0 || this.#queueLength >= LwIP.sendQueue;
  }

  #sendFirst(): void {
    const segment = this.#unsent.shift();
    if (segment === undefined) return;
    this.#unacknowledged.push(segment.length);
    this.#send(segment.bytes.slice(0, segment.length));
  }
}

/** Fills up a segment from `bytes`; gives the offset of what is left. */
function append(segment: Segment, bytes: Uint8Array, offset: number): number {
  const part = bytes.subarray(offset, offset + LwIP.segment - segment.length);
  segment.bytes.set(part, segment.length);
  segment.length += part.byteLength;
  return offset + part.byteLength;
}

/**
 * `ipaddr_aton`: whether a string is an IPv4 address to lwIP, and the dotted form of it. One to four numbers, decimal,
 * hex (0x) or octal (0), the last of which fills what is left.
 */
export function parseAddress(text: string): string | undefined {
  const parts = text.split(".");
  if (parts.length > 4) return undefined;
  let value = 0;
  for (let index = 0; index < parts.length; index++) {
    const number = parseNumber(parts[index] ?? "");
    const isLast = index === parts.length - 1;
    const limit = isLast ? 2 ** (8 * (5 - parts.length)) : 256;
    if (number === undefined || number >= limit) return undefined;
    value += isLast ? number : number * 2 ** (24 - 8 * index);
  }
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255].join(".");
}

function parseNumber(text: string): number | undefined {
  if (/^0x[0-9a-f]+$/i.test(text)) return Number.parseInt(text, 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9][0-9]*$/.test(text) ? Number.parseInt(text, 10) : undefined;
}

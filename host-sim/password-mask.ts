// Finds the bytes of passwords in one direction of an MQTT connection, in whatever fragments they come: the password of
// a CONNECT, and the whole message to a topic `…/cmd/config`, which may hold some. What shows or keeps traffic asks it
// first. Where the bytes are malformed it rather takes too much for a secret. Knows the layout of two packets.

const Type = Object.freeze({ connect: 1, publish: 3 } as const);
const Flag = Object.freeze({ will: 4, user: 128 } as const);

/** A command with settings in it, Wi-Fi and broker passwords included (DESIGN §10). */
export function holdsSettings(topic: string): boolean {
  return topic.endsWith("/cmd/config");
}

/** The bytes that come next: how many, whether they are secret, and whether what they are matters. */
interface Want {
  readonly count: number;
  readonly isSecret: boolean;
  readonly isRead: boolean;
}

/** Gets the bytes that it wants, once all of them have come; none where it does not read them. */
type Reader<T = void> = Generator<Want, T, readonly number[]>;

interface Body {
  left: number;
}

export class PasswordMask {
  readonly #reader = readPackets();
  #want: Want;
  #got = 0;
  #read: number[] = [];

  constructor() {
    this.#want = this.#reader.next().value;
  }

  /** 1 for each of the bytes, which follow those of the call before, that is secret. */
  feed(bytes: Uint8Array): Uint8Array {
    const mask = new Uint8Array(bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; ) {
      const { count, isSecret, isRead } = this.#want;
      const end = Math.min(bytes.byteLength, at + count - this.#got);
      if (isSecret) mask.fill(1, at, end);
      if (isRead) this.#read.push(...bytes.subarray(at, end));
      this.#got += end - at;
      at = end;
      if (this.#got < count) break;
      const read = this.#read;
      this.#got = 0;
      this.#read = [];
      this.#want = this.#reader.next(read).value;
    }
    return mask;
  }
}

const ONE: Want = Object.freeze({ count: 1, isSecret: false, isRead: true });
const ALL_SECRET: Want = Object.freeze({ count: Number.POSITIVE_INFINITY, isSecret: true, isRead: false });

function* readPackets(): Generator<Want, never, readonly number[]> {
  for (;;) {
    const [first = 0] = yield ONE;
    const body: Body = { left: 0 };
    let scale = 1;
    let byte: number;
    do {
      [byte = 0] = yield ONE;
      body.left += (byte & 127) * scale;
      scale *= 128;
      // No packet begins so: nobody knows what it is.
      if (scale > 128 ** 4) yield ALL_SECRET;
    } while (byte >= 128);
    if (first >> 4 === Type.connect) yield* connect(body);
    else if (first >> 4 === Type.publish) yield* publish(body, (first & 6) !== 0);
    yield* skip(body, body.left, false);
  }
}

function* connect(body: Body): Reader {
  yield* field(body);
  yield* skip(body, 1, false);
  const [flags = 0] = yield* read(body, 1);
  yield* skip(body, 2, false);
  yield* field(body);
  if (flags & Flag.will) {
    yield* field(body);
    yield* field(body);
  }
  if (flags & Flag.user) yield* field(body);
  yield* skip(body, 2, false);
  yield* skip(body, body.left, true);
}

function* publish(body: Body, hasId: boolean): Reader {
  const topic = new TextDecoder().decode(Uint8Array.from(yield* field(body)));
  if (hasId) yield* skip(body, 2, false);
  yield* skip(body, body.left, holdsSettings(topic));
}

/** A field with its length before it. One that is longer than its packet hides all of the rest. */
function* field(body: Body): Reader<readonly number[]> {
  const length = yield* read(body, 2);
  const count = length.reduce((sum, byte) => sum * 256 + byte, 0);
  if (count <= body.left) return yield* read(body, count);
  yield* skip(body, body.left, true);
  return [];
}

function* read(body: Body, count: number): Reader<readonly number[]> {
  const there = Math.min(count, body.left);
  body.left -= there;
  return there === 0 ? [] : yield { count: there, isSecret: false, isRead: true };
}

function* skip(body: Body, count: number, isSecret: boolean): Reader {
  const there = Math.min(count, body.left);
  body.left -= there;
  if (there > 0) yield { count: there, isSecret, isRead: false };
}

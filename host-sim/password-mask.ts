// Finds the bytes of passwords in one direction of an MQTT connection, in whatever fragments they come: the password of
// a CONNECT, and the whole message to a topic `…/cmd/config`, which may hold some. What shows or keeps traffic asks it
// first. Where the bytes are malformed it rather takes too much for a secret. Knows the layout of two packets.

const Type = Object.freeze({ connect: 1, publish: 3 } as const);
const Flag = Object.freeze({ will: 4, user: 128 } as const);

/** A command with settings in it, Wi-Fi and broker passwords included (DESIGN §10). */
export function holdsSettings(topic: string): boolean {
  return topic.endsWith("/cmd/config");
}

/** Takes the byte that comes next, after it has said whether that is secret. */
type Reader<T = void> = Generator<boolean, T, number>;

interface Body {
  left: number;
}

export class PasswordMask {
  readonly #reader = readPackets();
  #isSecret: boolean;

  constructor() {
    this.#isSecret = this.#reader.next().value;
  }

  /** 1 for each of the bytes, which follow those of the call before, that is secret. */
  feed(bytes: Uint8Array): Uint8Array {
    const mask = new Uint8Array(bytes.byteLength);
    for (const [index, byte] of bytes.entries()) {
      if (this.#isSecret) mask[index] = 1;
      this.#isSecret = this.#reader.next(byte).value;
    }
    return mask;
  }
}

function* readPackets(): Generator<boolean, never, number> {
  for (;;) {
    const first = yield false;
    const body: Body = { left: 0 };
    let scale = 1;
    let byte: number;
    do {
      byte = yield false;
      body.left += (byte & 127) * scale;
      scale *= 128;
      // No packet begins so: nobody knows what it is.
      while (scale > 128 ** 4) yield true;
    } while (byte >= 128);
    if (first >> 4 === Type.connect) yield* connect(body);
    else if (first >> 4 === Type.publish) yield* publish(body, (first & 6) !== 0);
    yield* some(body, body.left, false);
  }
}

function* connect(body: Body): Reader {
  yield* field(body);
  yield* some(body, 1, false);
  const flags = body.left === 0 ? 0 : yield false;
  body.left = Math.max(0, body.left - 1);
  yield* some(body, 2, false);
  yield* field(body);
  if (flags & Flag.will) {
    yield* field(body);
    yield* field(body);
  }
  if (flags & Flag.user) yield* field(body);
  yield* some(body, 2, false);
  yield* some(body, body.left, true);
}

function* publish(body: Body, hasId: boolean): Reader {
  const topic = new TextDecoder().decode(Uint8Array.from(yield* field(body)));
  if (hasId) yield* some(body, 2, false);
  yield* some(body, body.left, holdsSettings(topic));
}

/** A field with its length before it. One that is longer than its packet hides all of the rest. */
function* field(body: Body): Reader<readonly number[]> {
  const length = yield* some(body, 2, false);
  const count = length.reduce((sum, byte) => sum * 256 + byte, 0);
  return yield* count > body.left ? some(body, body.left, true) : some(body, count, false);
}

function* some(body: Body, count: number, isSecret: boolean): Reader<readonly number[]> {
  const bytes: number[] = [];
  for (let left = Math.min(count, body.left); left > 0; left--) {
    body.left -= 1;
    bytes.push(yield isSecret);
  }
  return bytes;
}

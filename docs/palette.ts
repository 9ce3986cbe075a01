// A screenshot as a PNG with a palette of 256 colours, which is a third of the size: a page of flat colours loses
// nothing that an eye would see. Reads what Chromium writes (8 bits per channel, not interlaced) and knows no more.

import { deflateSync, inflateSync } from "node:zlib";

const COLOURS = 256;
const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Bytes of a pixel by PNG's colour type. */
const CHANNELS: Readonly<Record<number, number>> = Object.freeze({ 2: 3, 6: 4 });

interface Image {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each pixel. */
  readonly pixels: Uint8Array;
}

/** Red, green, blue, and how many pixels have them. */
type Colour = readonly [red: number, green: number, blue: number, count: number];

/** @throws Error for a PNG of another kind. */
export function withPalette(png: Uint8Array): Uint8Array {
  const { width, height, pixels } = read(png);
  const counts = new Map<number, number>();
  for (let at = 0; at < pixels.length; at += 3) {
    const key = keyAt(pixels, at);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const all = [...counts].map(([key, count]): Colour => [key >> 16, (key >> 8) & 255, key & 255, count]);
  const groups = medianCut(all);
  const palette = new Uint8Array(groups.length * 3);
  const places = new Map<number, number>();
  for (const [place, group] of groups.entries()) {
    const sum = group.reduce((total, each) => total + each[3], 0);
    for (const channel of [0, 1, 2] as const) {
      palette[place * 3 + channel] = Math.round(
        group.reduce((total, each) => total + each[channel] * each[3], 0) / sum,
      );
    }
    for (const [red, green, blue] of group) places.set((red << 16) | (green << 8) | blue, place);
  }
  const rows = new Uint8Array((width + 1) * height);
  for (let y = 0; y < height; y++) {
    // The first byte of a row says that it is not filtered: an index is no number.
    for (let x = 0; x < width; x++) {
      rows[y * (width + 1) + 1 + x] = places.get(keyAt(pixels, (y * width + x) * 3)) ?? 0;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3], 8);
  const data = deflateSync(rows, { level: 9, memLevel: 9 });
  return Buffer.concat([
    SIGNATURE,
    chunk("IHDR", header),
    chunk("PLTE", palette),
    chunk("IDAT", data),
    chunk("IEND", new Uint8Array(0)),
  ]);
}

function keyAt(pixels: Uint8Array, at: number): number {
  return ((pixels[at] ?? 0) << 16) | ((pixels[at + 1] ?? 0) << 8) | (pixels[at + 2] ?? 0);
}

/** Cuts the group with the widest channel, weighed by its pixels, in its middle until there are enough groups. */
function medianCut(all: readonly Colour[]): (readonly Colour[])[] {
  const groups = [measured(all)];
  while (groups.length < COLOURS) {
    const widest = groups.reduce((best, each) => (each.weight > best.weight ? each : best));
    if (widest.weight === 0) break;
    const sorted = [...widest.colours].sort((a, b) => a[widest.channel] - b[widest.channel]);
    const half = sorted.reduce((total, each) => total + each[3], 0) / 2;
    let sum = 0;
    const middle = sorted.findIndex((each) => {
      sum += each[3];
      return sum >= half;
    });
    const cut = Math.min(sorted.length - 1, Math.max(1, middle));
    groups.splice(groups.indexOf(widest), 1, measured(sorted.slice(0, cut)), measured(sorted.slice(cut)));
  }
  return groups.map(({ colours }) => colours);
}

interface Group {
  readonly colours: readonly Colour[];
  readonly channel: 0 | 1 | 2;
  readonly weight: number;
}

function measured(colours: readonly Colour[]): Group {
  const widths = ([0, 1, 2] as const).map((channel) => {
    const values = colours.map((each) => each[channel]);
    return Math.max(...values) - Math.min(...values);
  });
  const width = Math.max(...widths);
  const count = colours.reduce((total, each) => total + each[3], 0);
  return { colours, channel: widths.indexOf(width) as 0 | 1 | 2, weight: width * Math.sqrt(count) };
}

function read(png: Uint8Array): Image {
  const bytes = Buffer.from(png);
  if (!bytes.subarray(0, 8).equals(SIGNATURE)) throw new Error("this is no PNG");
  const data: Buffer[] = [];
  let [width, height, channels] = [0, 0, 0];
  for (let at = 8; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at);
    const type = bytes.toString("latin1", at + 4, at + 8);
    const body = bytes.subarray(at + 8, at + 8 + length);
    if (type === "IHDR") {
      width = body.readUInt32BE(0);
      height = body.readUInt32BE(4);
      channels = CHANNELS[body[9] ?? 0] ?? 0;
      if (body[8] !== 8 || channels === 0 || body[12] !== 0)
        throw new Error("this PNG is of a kind that is not known here");
    }
    if (type === "IDAT") data.push(body);
    at += length + 12;
  }
  const plain = unfiltered(inflateSync(Buffer.concat(data)), width * channels, height, channels);
  const pixels = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    pixels.set(plain.subarray(pixel * channels, pixel * channels + 3), pixel * 3);
  }
  return { width, height, pixels };
}

/** Undoes PNG's filters (PNG specification, 9.2). */
function unfiltered(raw: Uint8Array, stride: number, height: number, channels: number): Uint8Array {
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)];
    for (let x = 0; x < stride; x++) {
      const left = x < channels ? 0 : (out[y * stride + x - channels] ?? 0);
      const above = y === 0 ? 0 : (out[(y - 1) * stride + x] ?? 0);
      const corner = y === 0 || x < channels ? 0 : (out[(y - 1) * stride + x - channels] ?? 0);
      const value = raw[y * (stride + 1) + 1 + x] ?? 0;
      const guess = [0, left, above, (left + above) >> 1, paeth(left, above, corner)][filter ?? 0] ?? 0;
      out[y * stride + x] = value + guess;
    }
  }
  return out;
}

function paeth(left: number, above: number, corner: number): number {
  const guess = left + above - corner;
  const [toLeft, toAbove, toCorner] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
  if (toLeft <= toAbove && toLeft <= toCorner) return left;
  return toAbove <= toCorner ? above : corner;
}

function chunk(type: string, body: Uint8Array): Uint8Array {
  const named = Buffer.concat([Buffer.from(type, "latin1"), body]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(body.byteLength);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc(named));
  return Buffer.concat([length, named, sum]);
}

/** CRC-32 of IEEE 802.3, as PNG wants it (Annex D). */
function crc(bytes: Uint8Array): number {
  let sum = 0xffffffff;
  for (const byte of bytes) {
    sum ^= byte;
    for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1;
  }
  return (sum ^ 0xffffffff) >>> 0;
}

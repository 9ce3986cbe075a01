// PNGs with a palette, made of PNGs without one: every filter that a row may have, few colours kept exactly, many ones
// nearly. The reader here is of its own.

import assert from "node:assert/strict";
import { deflateSync, inflateSync } from "node:zlib";
import { describe, it } from "mocha";
import { withPalette } from "../../docs/palette.js";

type Pixel = readonly [red: number, green: number, blue: number];

function chunk(type: string, body: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.byteLength);
  head.write(type, 4, "latin1");
  // Nobody here looks at the checksum.
  return Buffer.concat([head, body, Buffer.alloc(4)]);
}

/** An image with RGB or RGBA, each row with the filter of its number (PNG, 9.2). */
function png(rows: readonly (readonly Pixel[])[], channels: 3 | 4, filterOf: (row: number) => number): Buffer {
  const width = rows[0]?.length ?? 0;
  const plain = rows.map((row) => row.flatMap((pixel) => (channels === 3 ? [...pixel] : [...pixel, 255])));
  const lines = plain.map((line, y) => {
    const filter = filterOf(y);
    const bytes = line.map((value, x) => {
      const left = line[x - channels] ?? 0;
      const above = plain[y - 1]?.[x] ?? 0;
      const corner = x < channels ? 0 : (plain[y - 1]?.[x - channels] ?? 0);
      const guess = left + above - corner;
      const [a, b, c] = [Math.abs(guess - left), Math.abs(guess - above), Math.abs(guess - corner)];
      const paeth = a <= b && a <= c ? left : b <= c ? above : corner;
      return (value - ([0, left, above, Math.floor((left + above) / 2), paeth][filter] ?? 0)) & 255;
    });
    return Buffer.from([filter, ...bytes]);
  });
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(rows.length, 4);
  header.set([8, channels === 3 ? 2 : 6], 8);
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.concat(lines))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

/** The pixels of an image with a palette whose rows are not filtered. */
function pixelsOf(bytes: Uint8Array): Pixel[][] {
  const data = Buffer.from(bytes);
  const parts = new Map<string, Buffer>();
  for (let at = 8; at < data.length; at += 12 + data.readUInt32BE(at)) {
    parts.set(data.toString("latin1", at + 4, at + 8), data.subarray(at + 8, at + 8 + data.readUInt32BE(at)));
  }
  const [header, palette, body] = ["IHDR", "PLTE", "IDAT"].map((type) => parts.get(type) ?? assert.fail(type));
  assert.ok(header !== undefined && palette !== undefined && body !== undefined);
  assert.deepEqual([...header.subarray(8)], [8, 3, 0, 0, 0], "8 bits, a palette");
  assert.ok(palette.length <= 768);
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const rows = inflateSync(body);
  return Array.from({ length: height }, (_, y) =>
    Array.from({ length: width }, (_, x) => {
      const place = (rows[y * (width + 1) + 1 + x] ?? 0) * 3;
      return [palette[place] ?? 0, palette[place + 1] ?? 0, palette[place + 2] ?? 0] as const;
    }),
  );
}

describe("docs/palette", () => {
  const few = Array.from({ length: 10 }, (_, y) =>
    Array.from({ length: 7 }, (_, x): Pixel => [(x * 40 + y) & 255, (y * 25) & 255, ((x + y) * 99) & 255]),
  );

  for (const channels of [3, 4] as const) {
    it(`keeps few colours exactly, of ${channels} channels and with every filter`, () => {
      assert.deepEqual(pixelsOf(withPalette(png(few, channels, (row) => row % 5))), few);
    });
  }

  it("takes near colours together where there are too many", () => {
    const many = Array.from({ length: 64 }, (_, y) => Array.from({ length: 64 }, (_, x): Pixel => [x * 4, y * 4, 128]));
    const made = pixelsOf(withPalette(png(many, 3, () => 4)));
    const used = new Set(made.flat().map(String));
    assert.ok(used.size > 200 && used.size <= 256, `${used.size} colours`);
    for (const [y, row] of many.entries()) {
      for (const [x, [red, green, blue]] of row.entries()) {
        const [r, g, b] = made[y]?.[x] ?? assert.fail();
        assert.ok(Math.abs(r - red) + Math.abs(g - green) + Math.abs(b - blue) < 40, `${x}, ${y}`);
      }
    }
  });

  it("refuses what it cannot read", () => {
    assert.throws(() => withPalette(Buffer.from("GIF89a, which is no PNG")), /no PNG/);
    const interlaced = png(few, 3, () => 0);
    interlaced[28] = 1;
    assert.throws(() => withPalette(interlaced), /not known here/);
  });

  it("has a checksum that readers accept", () => {
    const made = Buffer.from(withPalette(png(few, 3, () => 0)));
    // IEND is the same in every PNG.
    assert.equal(made.subarray(-12).toString("hex"), "0000000049454e44ae426082");
  });
});

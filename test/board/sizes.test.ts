import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { Budget } from "../../board/budget.js";
import { parseImage } from "../../board/image.js";
import { parseMap, parseSizes } from "../../board/link-map.js";
import { measure, moduleTable, overBudget, sizeTable } from "../../board/sizes.js";
import { IMAGE, MAP, SIZES } from "./listing.js";

const LISTING = {
  sizes: SIZES,
  map: MAP,
  image: IMAGE,
  folders: new Map([
    ["mqtt/session", "mqtt"],
    ["main", "main.ts"],
    ["device/clock", "device"],
  ]),
  objects: new Map([["chip.c.o", "device"]]),
};

function measured(listing: Partial<typeof LISTING> = {}) {
  const sizes = measure({ ...LISTING, ...listing });
  assert.ok(sizes);
  return sizes;
}

function part(name: string, listing?: Partial<typeof LISTING>) {
  const found = measured(listing).parts.find((each) => each.part === name);
  return found === undefined ? undefined : [found.flash, found.ram];
}

describe("board/sizes", () => {
  it("counts static RAM and flash as the SDK's Memory usage lines do", () => {
    assert.deepEqual(parseSizes(SIZES), { ram: 6000, flash: 57_000 });
    assert.equal(parseSizes("xtensa-lx106-elf-size: 'main.elf': No such file"), undefined);
    assert.equal(measure({ ...LISTING, sizes: "" }), undefined);
  });

  it("parts add up to the totals", () => {
    const { parts, flash, ram } = measured();
    const sum = (what: "flash" | "ram") => parts.reduce((total, each) => total + each[what], 0);
    assert.deepEqual([sum("flash"), sum("ram")], [flash, ram]);
  });

  it("still add up when the map is missing or cut off; the difference is shown, not hidden", () => {
    assert.deepEqual(part("not attributed", { map: "" }), [57_000, 6000]);
    const cut = MAP.slice(0, MAP.indexOf(".irom0.text"));
    assert.deepEqual(part("not attributed", { map: cut })?.[0], 54_000 + 4);
  });

  it("each object file counts for its part", () => {
    assert.deepEqual(part("Espressif SDK: Wi-Fi"), [0x1f3 + 0x7530, 0x1f3]);
    assert.deepEqual(part("Espressif SDK: lwIP"), [0, 0x7d0]);
    assert.deepEqual(part("Espressif SDK: the rest"), [0x7d0, 0]);
    assert.deepEqual(part("C library"), [0x7d0, 0]);
    assert.deepEqual(part("Arduino core"), [0, 0x3e8]);
    assert.deepEqual(part("XS: the engine"), [0x1f4 + 0x3e8 + 0x1388, 0x1f4 + 0x3e8]);
    assert.deepEqual(part("not attributed"), [4, 4], "an archive that no rule knows");
  });

  it("a string that the linker merged with an equal one took nothing", () => {
    assert.deepEqual(part("Moddable's modules: C"), [0x3e0, 0x3e0]);
    assert.equal(parseMap(MAP).find((each) => each.object.endsWith("xsJSON.c.o"))?.flash, 0);
  });

  it("fill and words of the linker script are alignment", () => {
    assert.deepEqual(part("alignment, linker script"), [5, 5]);
  });

  it("space between two lines of the map is alignment, too", () => {
    const gap =
      ".text 0x40100000 0x20\n .text  0x40100000  0x8 /a/lib/xsA.c.o\n .text  0x40100010  0x10 /a/lib/xsB.c.o\n";
    assert.deepEqual(parseMap(gap).find((each) => each.object === "")?.flash, 8);
  });

  it("resources of the manifest are a row of their own", () => {
    const map = ".text 0x40100000 0x8\n .text  0x40100000  0x8 /tmp/project/mc.resources.c.o\n";
    assert.deepEqual(part("resources", { map }), [8, 0]);
  });

  it("a Windows path counts as any other", () => {
    const map = ".text 0x40100000 0x8\n .text  0x40100000  0x8 C:\\esp\\sdk\\lib\\liblwip.a(tcp.o)\n";
    assert.deepEqual(part("Espressif SDK: lwIP", { map }), [8, 0]);
  });

  it("byte code and objects count for the module that is the home of the function", () => {
    assert.deepEqual(parseImage(IMAGE)?.modules, [
      { module: "device/clock", code: 90, objects: 0 },
      { module: "main", code: 8, objects: 2 * 16 + 3 * 16 + 16 },
      { module: "mqtt/session", code: 5, objects: 3 * 16 + 3 * 16 + (16 + 6) },
    ]);
    assert.deepEqual(part("src/mqtt"), [5 + 118, 0]);
    assert.deepEqual(part("src/main.ts"), [8 + 96, 0]);
    assert.deepEqual(part("src/device"), [90 + 0x1388, 0], "byte code and chip.c together");
  });

  it("names are two slots, their texts and three tables; what is left is built in", () => {
    const names = 16 + 13 + 16 + 5 + 4 * 4 + 3 * 4 + 4 * 2;
    assert.equal(parseImage(IMAGE)?.names, names);
    assert.deepEqual(part("names of properties"), [names, 0]);
    assert.deepEqual(part("XS: built-in objects"), [0x2710 - names - 123 - 104 - 90, 0]);
  });

  it("a module that is not ours is Moddable's", () => {
    assert.deepEqual(part("Moddable's modules: JavaScript", { folders: new Map() }), [123 + 104 + 90, 0]);
    assert.equal(part("Moddable's modules: JavaScript"), undefined, "no row without bytes");
  });

  it("equal byte code is kept once by the compiler, and counted once", () => {
    const twice = IMAGE.replace("\\x44\\x01\\x02\\x03", "\\x44");
    assert.deepEqual(
      parseImage(twice)?.modules.map(({ module, code }) => [module, code]),
      [
        ["device/clock", 90],
        ["main", 0],
        ["mqtt/session", 5],
      ],
    );
  });

  it("an mc.xs.c in another form leaves its bytes unattributed instead of guessing", () => {
    assert.equal(parseImage("int main(void) {}"), undefined);
    assert.deepEqual(part("not attributed", { image: "" }), [0x2710 + 4, 4]);
  });

  it("the budget is kept to the byte", () => {
    assert.deepEqual(overBudget({ ram: Budget.RAM_BYTES, flash: Budget.FLASH_BYTES }), []);
    assert.deepEqual(overBudget({ ram: 41_501, flash: 720_000 }), [
      "static RAM takes 41,501 bytes, 1 over the budget of 41,500",
    ]);
    assert.deepEqual(overBudget({ ram: 1, flash: 739_324 }), [
      "flash takes 739,324 bytes, 19,324 over the budget of 720,000",
    ]);
    assert.equal(overBudget({ ram: 50_000, flash: 800_000 }).length, 2);
  });

  it("the table has ours first, then the total and the budget", () => {
    const lines = sizeTable(measured()).trimEnd().split("\n");
    assert.match(lines[0] ?? "", /^ {2}bytes +flash +static RAM$/);
    assert.match(lines[1] ?? "", /^ {2}src\/device +5,090 +0$/);
    assert.match(lines.at(-2) ?? "", /^ {2}total +57,000 +6,000$/);
    assert.match(lines.at(-1) ?? "", /^ {2}budget +720,000 +41,500$/);
    assert.equal(new Set(lines.map((line) => line.length)).size, 1, "columns stand under each other");
  });

  it("modules are listed by size", () => {
    const lines = moduleTable(measured()).split("\n");
    assert.deepEqual(
      lines.slice(1, 4).map((line) => line.trim().split(/ +/)),
      [
        ["mqtt/session", "5", "118"],
        ["main", "8", "96"],
        ["device/clock", "90", "0"],
      ],
    );
  });
});

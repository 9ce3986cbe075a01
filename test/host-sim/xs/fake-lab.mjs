// A process that speaks the lab's language and has no engine: it answers as the test says. Plain JavaScript, because it
// is started by itself. The first argument is a list of what to do after each frame that comes.

import { openSync, readSync, writeSync } from "node:fs";

const [script, inPath, outPath] = process.argv.slice(2);
const from = openSync(inPath, "r");
const to = openSync(outPath, "w");
let pending = Buffer.alloc(0);

function receive() {
  for (;;) {
    if (pending.length >= 4 && pending.length >= 4 + pending.readUInt32LE(0)) {
      const length = pending.readUInt32LE(0);
      const frame = pending.subarray(4, 4 + length);
      pending = pending.subarray(4 + length);
      return frame;
    }
    const chunk = Buffer.alloc(65536);
    const count = readSync(from, chunk);
    if (count === 0) process.exit(0);
    pending = Buffer.concat([pending, chunk.subarray(0, count)]);
  }
}

function send(type, body, pieces = 1) {
  const frame = Buffer.concat([Buffer.alloc(4), Buffer.from([type]), body]);
  frame.writeUInt32LE(frame.length - 4);
  const size = Math.ceil(frame.length / pieces);
  for (let at = 0; at < frame.length; at += size) writeSync(to, frame.subarray(at, at + size));
}

function text(words) {
  const bytes = Buffer.from(words);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** What is behind the two lists of a frame. */
function behindLists(frame) {
  let at = 1;
  for (let list = 0; list < 2; list++) at += 2 + 4 * frame.readUInt16LE(at);
  return frame.subarray(at);
}

const meter = Buffer.alloc(40);
for (let each = 0; each < 10; each++) meter.writeUInt32LE(each + 1, 4 * each);
const live = Buffer.alloc(32);
for (let each = 0; each < 8; each++) live.writeUInt32LE(each + 1, 4 * each);

send(4, text("hello"), 3);
let last = Buffer.alloc(0);
for (const step of script.split(",")) {
  const [word, ...values] = step.split(" ");
  if (word !== "now") last = receive();
  switch (word === "now" ? values.shift() : word) {
    case "call": {
      // Index 7 of object 3 with one value, given in hex.
      const head = Buffer.from([7, 0, 3, 0, 0, 0, 1]);
      send(1, Buffer.concat([head, Buffer.from(values[0] ?? "00", "hex")]), Number(values[1] ?? 1));
      break;
    }
    case "done": {
      const [status = "0", ...words] = values;
      // The value that was answered last comes back as the result.
      const result = last[0] === 32 ? behindLists(last) : Buffer.from([0]);
      send(2, Buffer.concat([Buffer.from([Number(status)]), text(words.join(" ")), meter, result]));
      break;
    }
    case "echo":
      // Type and body of what came, in hex, as the text of an exception.
      send(2, Buffer.concat([Buffer.from([1]), text(last.toString("hex")), meter, Buffer.from([0])]));
      break;
    case "live":
      send(3, live);
      break;
    case "print":
      send(5, text(values.join(" ")));
      break;
    case "odd":
      send(99, Buffer.alloc(0));
      break;
    case "exit":
      process.stderr.write("something broke\n");
      process.exit(Number(values[0]));
      break;
    case "hang":
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      break;
  }
}
receive();

// What a box costs its broker: connections, packets, bytes and what is kept for it, for a press and for the time
// between, and what that is for as many boxes as one likes. The packets are those of the real firmware in a simulated
// world; what they add up to is multiplication.
//
//   npm run traffic                                  the table
//   npm run traffic -- --boards 1000000 --presses 4   for so many boxes, pressed so often a day
//   npm run traffic -- --markdown                    for docs/scale.md

import "../host-sim/globals.js";
import { type Context, grouped, readOptions, Status, start, wholeNumber } from "../board/report.js";
import { PacketFramer } from "../host-sim/packet-framer.js";
import { World } from "../host-sim/world.js";
import { notesText, sheetText } from "./sheet.js";

const OPTIONS = Object.freeze({
  boards: { type: "string" },
  presses: { type: "string" },
  markdown: { type: "boolean" },
  json: { type: "boolean" },
} as const);

/** Of IPv4 and TCP without options, for each segment. */
const HEADER_BYTES = 40;
/** What opening and closing a TCP connection takes beside: SYN, SYN with ACK, ACK; FIN, ACK, FIN, ACK. */
const HANDSHAKE_BYTES = 7 * HEADER_BYTES;

export interface Traffic {
  readonly id: string;
  readonly title: string;
  readonly connections: number;
  /** MQTT packets. */
  readonly packetsUp: number;
  readonly packetsDown: number;
  /** Bytes of MQTT. */
  readonly bytesUp: number;
  readonly bytesDown: number;
  /** Bytes of IP: MQTT, a header for each segment and for the acknowledgement of it, and the handshakes. */
  readonly bytesOnWire: number;
}

/** Counts what passes between the first board and its broker while something happens. */
function measure(world: World, id: string, title: string, happen: () => void): Traffic {
  const counts = { connections: 0, packetsUp: 0, packetsDown: 0, bytesUp: 0, bytesDown: 0, bytesOnWire: 0 };
  const framers = new Map<string, PacketFramer>();
  const end = world.network.onTraffic(({ type, direction, connection, bytes }) => {
    if (type === "open") {
      counts.connections += 1;
      counts.bytesOnWire += HANDSHAKE_BYTES;
    }
    if (type !== "data") return;
    const key = `${connection} ${direction}`;
    const framer = framers.get(key) ?? new PacketFramer();
    framers.set(key, framer);
    const packets = framer.feed(bytes, (detail) => {
      throw new Error(detail);
    }).length;
    counts.bytesOnWire += bytes.byteLength + 2 * HEADER_BYTES;
    if (direction === "up") {
      counts.packetsUp += packets;
      counts.bytesUp += bytes.byteLength;
    } else {
      counts.packetsDown += packets;
      counts.bytesDown += bytes.byteLength;
    }
  });
  happen();
  end();
  return { id, title, ...counts };
}

/** Bytes that a broker keeps for one box: what is retained, topics with payloads. */
export interface Kept {
  readonly messages: number;
  readonly bytes: number;
}

export function measureTraffic(): { readonly rows: readonly Traffic[]; readonly kept: Kept } {
  const battery = new World({ board: { wiring: "rst" } });
  const asleep = () => {
    battery.run(200);
    if (!battery.runUntil(() => battery.board.state === "asleep", 120_000)) throw new Error("the box does not sleep");
  };
  const first = measure(battery, "first", "battery: the first wake after setup, with its introduction", () => {
    battery.board.powerOn();
    asleep();
  });
  const press = measure(battery, "press", "battery: a press, from sleep to sleep", () => {
    battery.press();
    asleep();
  });
  const mains = new World({ board: { settings: { double: false } } });
  mains.board.powerOn();
  mains.run(60_000);
  const mainsPress = measure(mains, "mains-press", "mains: a press", () => {
    mains.press();
    mains.run(5000);
  });
  const hour = measure(mains, "mains-hour", "mains: an hour without one", () => mains.run(3_600_000));
  const retained = ["lwt", "state", "led"].map((name) => `mresetar/alertbox/5750/${name}`);
  const topics = [...retained, "homeassistant/device/alertbox_5750/config"];
  let bytes = 0;
  let messages = 0;
  for (const topic of topics) {
    const message = battery.broker.retained(topic);
    if (message === undefined) continue;
    messages += 1;
    bytes += Buffer.byteLength(topic) + Buffer.byteLength(message.payload);
  }
  return { rows: [first, press, mainsPress, hour], kept: { messages, bytes } };
}

/** What many boxes are to a broker. */
export interface Load {
  readonly boards: number;
  readonly pressesADay: number;
  readonly connectionsASecond: number;
  readonly messagesASecond: number;
  /** Of IP, both directions. */
  readonly megabitsASecond: number;
  readonly sessions: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
}

const DAY_SECONDS = 86_400;

/** Sleeping boxes, pressed so often a day, spread evenly over it. */
export function loadOf(boards: number, pressesADay: number, press: Traffic, kept: Kept): Load {
  const pressesASecond = (boards * pressesADay) / DAY_SECONDS;
  return {
    boards,
    pressesADay,
    connectionsASecond: pressesASecond * press.connections,
    messagesASecond: pressesASecond * (press.packetsUp + press.packetsDown),
    megabitsASecond: (pressesASecond * press.bytesOnWire * 8) / 1e6,
    sessions: boards,
    retainedMessages: boards * kept.messages,
    retainedBytes: boards * kept.bytes,
  };
}

function shown(value: number): string {
  return value >= 100 ? grouped(Math.round(value)) : value.toPrecision(2);
}

export async function traffic(context: Context): Promise<number> {
  const options = readOptions(context.args, OPTIONS);
  const boards = wholeNumber("boards", options.boards ?? "1000000", 1, 100_000_000);
  const presses = wholeNumber("presses", options.presses ?? "4", 1, 86_400);
  const { rows, kept } = measureTraffic();
  const press = rows.find(({ id }) => id === "press") as Traffic;
  const load = loadOf(boards, presses, press, kept);
  if (options.json === true) {
    context.out(`${JSON.stringify({ simulated: true, rows, kept, load })}\n`);
    return Status.OK;
  }
  const markdown = options.markdown === true;
  const heading = ["one box", "connections", "packets up", "down", "MQTT bytes up", "down", "bytes on the wire"];
  const body = rows.map(({ title, connections, packetsUp, packetsDown, bytesUp, bytesDown, bytesOnWire }) => [
    title,
    ...[connections, packetsUp, packetsDown, bytesUp, bytesDown, bytesOnWire].map((value) => grouped(value)),
  ]);
  context.out(`${sheetText([heading, ...body], markdown)}\n`);
  context.out(
    `${sheetText(
      [
        [`${grouped(boards)} sleeping boxes, ${presses} presses a day each`, ""],
        ["connections a second", shown(load.connectionsASecond)],
        ["MQTT packets a second", shown(load.messagesASecond)],
        ["Mbit/s of IP", shown(load.megabitsASecond)],
        ["sessions kept", grouped(load.sessions)],
        ["retained messages", grouped(load.retainedMessages)],
        ["bytes of them, topics and payloads", grouped(load.retainedBytes)],
      ],
      markdown,
    )}\n`,
  );
  context.out(
    notesText([
      "The packets are the firmware's, counted in a simulated world; no broker of that size was tried.",
      `On the wire: MQTT, ${HEADER_BYTES} bytes of IPv4 and TCP for each segment and for its acknowledgement, ` +
        `${HANDSHAKE_BYTES} for opening and closing a connection. Subscribers of the alerts come on top.`,
      "Presses are spread evenly over the day; people are not: plan for the busiest minute.",
    ]),
  );
  return Status.OK;
}

start(import.meta.url, traffic);

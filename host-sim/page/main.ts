// The bench page: joins the connection, the drawing, the button, the story and the switches. Keeps a copy of what the
// bench said last, and shows one board of it. All decisions are the bench's; this file only asks and shows.

import { BoardDrawing, lamp } from "./board-drawing.js";
import { Connection } from "./connection.js";
import { find, make, say } from "./element.js";
import { HoldButton } from "./hold-button.js";
import { Phone } from "./phone.js";
import type { Action, BenchEvent, BenchView, BoardView, Line, ServerMessage, Snapshot } from "./protocol.js";
import { Story } from "./story.js";

const LINES_KEPT = 400;

let bench: BenchView | undefined;
let boards: BoardView[] = [];
let lines: Line[] = [];
let selected = 0;
/** Lines up to this id were cleared by the reader. */
let clearedTo = 0;
let held = 0;
/** When the factory reset was asked for by its key: a second time means it. */
let resetAskedAt = Number.NEGATIVE_INFINITY;
const CONFIRM_MS = 3000;

const drawing = new BoardDrawing(find("drawing"));
const story = new Story(find("story"), (empty) => {
  find("empty").hidden = !empty;
});
const phone = new Phone();
const connection = new Connection(receive, showConnection);
const button = new HoldButton(
  find<HTMLButtonElement>("press"),
  () => {
    held = selected;
    act({ type: "down", board: held });
  },
  () => act({ type: "up", board: held }),
  (heldMs) => say(find("press-hint"), heldMs === undefined ? hint() : holdText(heldMs)),
);

function hint(): string {
  const wiring = boards[selected]?.wiring;
  if (wiring === "rst") return "Each press resets the board, and the reset is the press. Five quick ones: setup.";
  if (wiring === "rst+gpio") return "Click, tap or hold Space. 5\u00a0s: setup; 10\u00a0s: factory reset.";
  return "Click, tap or hold Space. 1\u00a0s: a long press; 5\u00a0s: setup; 10\u00a0s: factory reset.";
}

/** What a hold becomes when it is released now, in the firmware's own times (DESIGN §9). */
function holdText(heldMs: number): string {
  const seconds = `${(heldMs / 1000).toFixed(1)} s`;
  const wiring = boards[selected]?.wiring;
  if (wiring === "rst") return `${seconds}: the chip stands still`;
  if (heldMs >= 10_000) return `${seconds}: factory reset`;
  if (heldMs >= 5_000) return `${seconds}: setup`;
  return `${seconds}: ${heldMs >= 1_000 && wiring === "gpio" ? "long press" : "press"}`;
}

function act(action: Action): void {
  connection.send(action);
}

function showConnection(open: boolean): void {
  document.body.classList.toggle("away", !open);
  say(find("connection"), open ? "Live" : "The bench is not running. This page comes back with it.");
  if (!open) button.up();
}

function receive(message: ServerMessage): void {
  if (message.type === "snapshot") receiveSnapshot(message);
  else for (const event of message.events) receiveEvent(event);
}

function receiveEvent(message: BenchEvent): void {
  switch (message.type) {
    case "bench":
      bench = message.bench;
      showBench();
      return;
    case "board":
      boards[message.board.index] = message.board;
      showTile(message.board);
      if (message.board.index === selected) showBoard();
      return;
    case "led":
      showLed(message.board, message.on);
      return;
    case "line":
      keep(message.line);
      return;
    default:
      return;
  }
}

function receiveSnapshot(snapshot: Snapshot): void {
  // Served by a newer build of the bench than this page: take the page that fits.
  if (bench !== undefined && bench.build !== snapshot.bench.build) {
    location.reload();
    return;
  }
  // Line ids start again with a new bench.
  if (bench !== undefined && snapshot.bench.now < bench.now) clearedTo = 0;
  bench = snapshot.bench;
  boards = [...snapshot.boards];
  lines = [...snapshot.lines];
  if (selected >= boards.length) selected = 0;
  showBench();
  showTiles();
  select(selected);
}

function keep(line: Line): void {
  lines.push(line);
  if (lines.length > LINES_KEPT * Math.max(1, boards.length)) lines.splice(0, lines.length >> 1);
  if (line.board !== selected) return;
  story.add(line);
  if (document.visibilityState === "hidden") story.flush();
}

function showSwitch(id: string, on: boolean): void {
  find(id).setAttribute("aria-checked", String(on));
}

function showBench(): void {
  if (bench === undefined) return;
  showSwitch("wifi", bench.wifiOn);
  showSwitch("broker", bench.brokerOn);
  const broker = find<HTMLButtonElement>("broker");
  broker.disabled = !bench.brokerOurs;
  broker.title = bench.brokerOurs ? "" : "This broker is not the bench's own: stop it where it runs.";
  say(find("address"), bench.broker);
  say(find("watch"), bench.watch);
  showPhone();
}

function showPhone(): void {
  const board = boards[selected];
  if (board !== undefined && bench !== undefined) phone.show(board, bench.home);
}

const POWER_WORDS = Object.freeze({ off: "no power", booting: "booting", running: "awake", asleep: "asleep" } as const);

function showBoard(): void {
  const board = boards[selected];
  if (board === undefined) return;
  drawing.show(board);
  say(find("board-name"), `AlertBox ${board.chipId}`);
  const power = find("power");
  say(power, POWER_WORDS[board.power]);
  power.setAttribute("data-power", board.power);
  const presence = find("presence");
  say(presence, board.presence === "" ? "presence unknown" : board.presence);
  presence.setAttribute("data-presence", board.presence);
  presence.title = `What the broker says about this box: ${board.root}/lwt`;
  showSwitch("power-switch", board.power !== "off");
  say(find("presses"), String(board.presses));
  say(find("alerts"), String(board.alerts));
  say(find("duplicates"), String(board.duplicates));
  say(find("boots"), String(board.boots));
  say(find("charge"), `${board.chargeMah.toFixed(3)} mAh`);
  const isOnReset = board.wiring === "rst";
  find("open-setup").title = isOnReset ? "Presses five times, quickly" : "Holds the button for 6 s";
  const erases = "erases settings and stored alerts";
  find("factory-reset").title = `${isOnReset ? "Presses ten times, quickly" : "Holds the button for 11 s"}: ${erases}`;
  say(find("open-setup"), isOnReset ? "Five presses: setup" : "Hold for setup");
  showPhone();
}

function showLed(index: number, on: boolean): void {
  const board = boards[index];
  if (board !== undefined) boards[index] = { ...board, led: on };
  if (index === selected) drawing.led(on);
  tile(index)?.classList.toggle("lit", on);
}

function tile(index: number): Element | undefined {
  return find("boards").children[index];
}

function showTiles(): void {
  const list = find("boards");
  list.hidden = boards.length < 2;
  if (list.childElementCount !== boards.length) {
    list.replaceChildren(
      ...boards.map((board) => {
        const choice = make("button", "tile") as HTMLButtonElement;
        choice.type = "button";
        choice.append(lamp(), make("b", "", String(board.chipId)), make("small"));
        choice.addEventListener("click", () => select(board.index));
        return choice;
      }),
    );
  }
  for (const board of boards) showTile(board);
}

function showTile(board: BoardView): void {
  const element = tile(board.index);
  if (element === undefined) return;
  element.classList.toggle("lit", board.led);
  const words = element.lastElementChild;
  const state = board.power === "running" ? board.presence || "awake" : POWER_WORDS[board.power];
  if (words !== null) say(words, board.setup === "" ? state : "setup open");
}

function select(index: number): void {
  if (index >= boards.length) return;
  if (index !== selected) button.up();
  selected = index;
  for (const [other, element] of [...find("boards").children].entries()) {
    element.setAttribute("aria-pressed", String(other === index));
  }
  story.clear();
  for (const line of lines) if (line.board === index && line.id > clearedTo) story.add(line);
  story.flush();
  say(find("press-hint"), hint());
  showBoard();
}

function onClick(id: string, action: () => void): void {
  find(id).addEventListener("click", action);
}

onClick("open-setup", () => act({ type: "setup", board: selected }));
onClick("factory-reset", () => act({ type: "factory", board: selected }));
onClick("crash", () => act({ type: "crash", board: selected }));
onClick("reset", () => act({ type: "reset", board: selected }));
onClick("blackout", () => act({ type: "blackout", board: selected }));
onClick("power-switch", () => act({ type: "power", board: selected, on: boards[selected]?.power === "off" }));
onClick("wifi", () => bench && act({ type: "wifi", on: !bench.wifiOn }));
onClick("broker", () => bench?.brokerOurs && act({ type: "broker", on: !bench.brokerOn }));
onClick("help", () => find<HTMLDialogElement>("keys").showModal());
onClick("clear", () => {
  clearedTo = lines.at(-1)?.id ?? 0;
  story.clear();
});
onClick("copy", () => {
  const label = find("copy");
  navigator.clipboard.writeText(find("watch").textContent ?? "").then(
    () => say(label, "Copied"),
    // Without permission the line is selected, ready for the reader's own copy key.
    () => getSelection()?.selectAllChildren(find("watch")),
  );
  setTimeout(() => say(label, "Copy"), 1500);
});

// Single keys may be switched off: they get in the way of speech input [WCAG 2.1.4].
const KEYS_OFF = "alertbox-keys-off";
const keysOn = find<HTMLInputElement>("keys-on");
keysOn.checked = localStorage.getItem(KEYS_OFF) === null;
keysOn.addEventListener("change", () => {
  if (keysOn.checked) localStorage.removeItem(KEYS_OFF);
  else localStorage.setItem(KEYS_OFF, "1");
});

/** A key that belongs to the focused control, or to the browser, is not ours. */
function ours(event: KeyboardEvent): boolean {
  if (!keysOn.checked || event.ctrlKey || event.altKey || event.metaKey) return false;
  if (find<HTMLDialogElement>("keys").open) return false;
  const native = event.target instanceof HTMLElement && event.target.closest("button, input, a") !== null;
  return !(native && (event.key === " " || event.key === "Enter"));
}

/** A key can be hit by mistake: settings and stored alerts are erased by the second one only. */
function askFactoryReset(): void {
  const now = performance.now();
  const isMeant = now - resetAskedAt < CONFIRM_MS;
  resetAskedAt = isMeant ? Number.NEGATIVE_INFINITY : now;
  if (isMeant) act({ type: "factory", board: selected });
  say(find("press-hint"), isMeant ? hint() : "f again: factory reset, settings and stored alerts are erased");
}

const KEYS: Readonly<Record<string, () => void>> = Object.freeze({
  " ": () => button.down(),
  l: () => act({ type: "long", board: selected }),
  d: () => act({ type: "double", board: selected }),
  s: () => find("open-setup").click(),
  f: askFactoryReset,
  x: () => find("crash").click(),
  r: () => find("reset").click(),
  p: () => find("blackout").click(),
  w: () => find("wifi").click(),
  b: () => find("broker").click(),
  "?": () => find("help").click(),
});

addEventListener("keydown", (event) => {
  if (!ours(event)) return;
  const digit = /^[1-9]$/.test(event.key) ? Number(event.key) - 1 : -1;
  const action = Object.hasOwn(KEYS, event.key) ? KEYS[event.key] : undefined;
  if (action === undefined && digit < 0) return;
  event.preventDefault();
  if (event.repeat) return;
  if (action !== undefined) action();
  else select(digit);
});
addEventListener("keyup", (event) => {
  if (event.key === " ") button.up();
});

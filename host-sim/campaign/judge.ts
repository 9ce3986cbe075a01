// What must be true after every run, whatever the faults were: each rule one function over what was noted, each finding
// one sentence with the instant. A rule knows what a person and the broker saw, and reads flash and serial log only
// where the promise is about them.

import { FIRST_SESSION_ID } from "../../src/alertbox/journal.js";
import { alertId } from "../alert-id.js";
import { readLed } from "./led-reader.js";
import { chipId, lifeOf, readFlash, settingsOf } from "./prepared-flash.js";
import { idOf, type Note, type RunRecord } from "./run.js";

export interface Finding {
  /** Which promise was broken. */
  readonly rule: string;
  readonly detail: string;
}

const root = `mresetar/alertbox/${chipId}`;
const homie = `homie/5/alertbox-${chipId}`;
const tasmota = `alertbox_${chipId}`;

/** A box that is awake and not connected tries at least so often: an attempt of 15 s, then a minute's backoff, ms. */
const quietLimitMs = 80_000;

/** A battery box that nobody asked to stay is awake for at most 20 s; then it says so and sleeps, ms. */
const awakeLimitMs = 45_000;

/** From a press in a world without faults to its PUBCOMP: search, address, slow packets, a second attempt, ms. */
const promptMs = 15_000;

/** All that was wrong; empty when nothing was. */
export function judge(run: RunRecord): Finding[] {
  return [
    ...crashes(run),
    ...violations(run),
    ...lostAlerts(run),
    ...duplicates(run),
    ...phantoms(run),
    ...disorder(run),
    ...counts(run),
    ...lives(run),
    ...facts(run),
    ...settings(run),
    ...lies(run),
    ...presence(run),
    ...conventions(run),
    ...leftovers(run),
    ...tardiness(run),
    ...stuck(run),
    ...unrest(run),
  ];
}

interface Alert {
  readonly at: number;
  readonly id: string;
  readonly pushes: number;
  readonly event: string;
  /** mV. */
  readonly vcc: number;
}

function alertsOf({ world }: RunRecord): Alert[] {
  return world.broker.messages(`${root}/alert`).map(({ at, payload }) => {
    return { at, ...(JSON.parse(payload) as Omit<Alert, "at">) };
  });
}

function steps(run: RunRecord, word: string): { at: number; detail: string }[] {
  const found: { at: number; detail: string }[] = [];
  for (const { at, what, text } of run.notes) {
    if (what === "step" && (text === word || text.startsWith(`${word} `)))
      found.push({ at, detail: text.slice(word.length + 1) });
  }
  return found;
}

function has(run: RunRecord, ...kinds: string[]): boolean {
  return run.plan.faults.some(({ kind }) => kinds.includes(kind));
}

export function crashes(run: RunRecord): Finding[] {
  return run.notes
    .filter(({ what }) => what === "crash")
    .map(({ at, text }) => ({ rule: "no crash", detail: `at ${time(at)}: ${text}` }));
}

export function violations(run: RunRecord): Finding[] {
  const { violations } = run.world.broker;
  return violations
    .filter(({ detail }) => !isForgottenAnnouncement(run, detail))
    .map(({ statement, detail, at }) => ({
      rule: "no violation of MQTT",
      detail: `at ${time(at)}: [${statement}] ${detail}`,
    }));
}

/**
 * Announcements (presence, state) are not kept over a loss of power, sleep or a trial of other settings, as session
 * state would have to be [MQTT-4.1.0-1]: the next connection makes newer ones. It shows only at a broker that never
 * answered the old one, and once in 32,768 times for each of these its id is picked again by chance.
 */
function isForgottenAnnouncement(run: RunRecord, detail: string): boolean {
  const [, number, what] = /^id (\d+) (was not taken up again|is in use)/.exec(detail) ?? [];
  if (what === undefined || Number(number) < FIRST_SESSION_ID) return false;
  return run.world.board.boots > 1 || steps(run, "config").some((step) => step.detail === "trying");
}

/** Every press that the box said was stored is delivered, unless the broker itself lost it. */
export function lostAlerts(run: RunRecord): Finding[] {
  const { plan, world } = run;
  const there = new Set(alertsOf(run).map(({ id }) => id));
  const forgiven = new Set(world.broker.forgotten.map(({ payload }) => idOf(payload)));
  const stored = new Map<string, number>();
  for (let count = 1; count <= plan.stored; count++) stored.set(alertId(chipId, plan.spent + count, lifeOf(plan)), 0);
  for (const { at, detail } of steps(run, "stored")) stored.set(detail, at);
  // The policy of a full journal gives up the oldest, and counts them.
  let givenUp = plan.full === "drop-oldest" ? readFlash(world.board.flash).dropped : 0;
  const found: Finding[] = [];
  for (const [id, at] of stored) {
    if (there.has(id) || forgiven.has(id)) continue;
    if (givenUp > 0) givenUp -= 1;
    else found.push({ rule: "no alert is lost", detail: `${id}, stored at ${time(at)}, never arrived` });
  }
  return found;
}

/** Exactly once, as long as the broker keeps the session. */
export function duplicates(run: RunRecord): Finding[] {
  if (has(run, "broker-forgets")) return [];
  const seen = new Map<string, number>();
  const found: Finding[] = [];
  for (const { id, at } of alertsOf(run)) {
    const first = seen.get(id);
    if (first === undefined) seen.set(id, at);
    else
      found.push({
        rule: "no alert arrives twice",
        detail: `${id} arrived at ${time(first)} and again at ${time(at)}`,
      });
  }
  return found;
}

/** No alert without a press. */
function phantoms(run: RunRecord): Finding[] {
  const count = new Set(alertsOf(run).map(({ id }) => id)).size;
  const most = run.causes + run.plan.stored;
  return count <= most
    ? []
    : [{ rule: "no alert without a press", detail: `${count} alerts of ${most} presses and stored alerts` }];
}

/** Alerts arrive in the order of their presses, at a broker that answers in order itself [MQTT-4.6.0-3]. */
export function disorder(run: RunRecord): Finding[] {
  if (has(run, "lost-pubrec")) return [];
  const found: Finding[] = [];
  const seen = new Set<string>();
  let latest = 0;
  for (const { id, pushes, at } of alertsOf(run)) {
    if (seen.has(id)) continue;
    seen.add(id);
    if (pushes < latest) found.push({ rule: "order", detail: `${id} at ${time(at)}, after press ${latest}` });
    latest = Math.max(latest, pushes);
  }
  return found;
}

/** The press count is the alert's number, and never goes back. */
function counts(run: RunRecord): Finding[] {
  const found: Finding[] = [];
  for (const { id, pushes, at } of alertsOf(run)) {
    if (Number(id.split("-")[1]) !== pushes)
      found.push({ rule: "press count", detail: `${id} at ${time(at)} says ${pushes}` });
  }
  let latest = 0;
  const said = new Set<string>();
  for (const { payload, at } of run.world.broker.messages(`${root}/state`)) {
    // What was not acknowledged has to go again as it was [MQTT-4.4.0-1], though a newer one is there already; as a new
    // message, without DUP, where the broker has lost the session.
    if (said.has(payload)) continue;
    said.add(payload);
    const { pushes } = JSON.parse(payload) as { pushes: number };
    if (pushes < latest)
      found.push({ rule: "press count", detail: `state at ${time(at)} says ${pushes}, after ${latest}` });
    latest = Math.max(latest, pushes);
  }
  return found;
}

/** A journal keeps the life that it began with, and every alert has it in its id: one that a box draws is never 0. */
function lives(run: RunRecord): Finding[] {
  const { plan, world } = run;
  const { life } = readFlash(world.board.flash);
  const rule = "an id names one alert for ever";
  const found: Finding[] = [];
  const isPrepared = plan.spent + plan.stored > 0;
  if (isPrepared ? life !== lifeOf(plan) : life === 0) {
    found.push({ rule, detail: `the journal's life is ${life}${isPrepared ? `, and was ${lifeOf(plan)}` : ""}` });
  }
  for (const { id, pushes, at } of alertsOf(run)) {
    const expected = alertId(chipId, pushes, life);
    if (id !== expected) found.push({ rule, detail: `${id} at ${time(at)} is not ${expected}` });
  }
  for (const word of ["stored", "received", "delivered"]) {
    for (const { at, detail } of steps(run, word)) {
      const expected = alertId(chipId, Number(detail.split("-")[1]), life);
      if (detail !== expected) found.push({ rule, detail: `${word} ${detail} at ${time(at)} is not ${expected}` });
    }
  }
  return found;
}

/** An alert says what was measured when somebody pressed, and never more than the button can tell. */
function facts(run: RunRecord): Finding[] {
  const isReset = run.plan.wiring !== "gpio";
  const volts = [3300, 2500];
  return alertsOf(run)
    .filter(({ vcc, event }) => !volts.includes(vcc) || (isReset && event !== "press"))
    .map(({ at, id, event, vcc }) => ({
      rule: "facts of an alert",
      detail: `${id} at ${time(at)}: ${event}, ${vcc} mV`,
    }));
}

/** Settings change by a command only, and then to what it says. */
function settings(run: RunRecord): Finding[] {
  const expected = settingsOf(run.plan);
  const now = readFlash(run.world.board.flash).settings;
  if (now === undefined) return [{ rule: "settings stay", detail: "they are gone" }];
  const conventions = [expected.convention, ...run.plan.changes.map(({ convention }) => convention)];
  const keepAlives = [expected.keepAliveSeconds, ...(has(run, "command", "power-cut-in-save") ? [45] : [])];
  const allowed = conventions.flatMap((convention) =>
    keepAlives.map((keepAliveSeconds) => JSON.stringify({ ...expected, convention, keepAliveSeconds })),
  );
  return allowed.includes(JSON.stringify(now))
    ? []
    : [{ rule: "settings stay", detail: `they are ${JSON.stringify({ ...now, wifi: "…" })}` }];
}

/** The LED shows "sent" at most as often as an alert had arrived by then. */
function lies(run: RunRecord): Finding[] {
  const found: Finding[] = [];
  const arrivals = alertsOf(run).map(({ at }) => at);
  // What the broker lost itself had been taken over.
  arrivals.push(...run.world.broker.forgotten.map(({ at }) => at));
  const changes = run.notes.filter(({ what }) => what === "led").map(({ at, text }) => ({ at, on: text === "on" }));
  // "Delivered" is what the box itself knows: PUBCOMP, or PUBACK.
  const known = steps(run, "delivered").map(({ at }) => at);
  let claims = 0;
  for (const { at, word } of readLed(changes)) {
    if (word !== "sent") continue;
    claims += 1;
    const isTrue = [arrivals, known].every((instants) => instants.filter((each) => each <= at).length >= claims);
    if (isTrue) continue;
    found.push({ rule: "the LED tells the truth", detail: `"sent" at ${time(at)}, number ${claims}, with less there` });
  }
  return found;
}

/** At the end the box has said how it is; the will speaks only for a box that went without a word. */
function presence(run: RunRecord): Finding[] {
  const { plan, world, provenAt, settled } = run;
  if (!settled) return [];
  const found: Finding[] = [];
  const { topic, online, sleeping, lost } = presenceOf(run);
  const isMains = plan.wiring === "gpio";
  const expected = isMains ? online : sleeping;
  const last = world.broker.retained(topic)?.payload ?? "nothing";
  if (!last.includes(expected)) {
    found.push({ rule: "presence", detail: `the last word is ${last}, not ${expected}` });
  }
  for (const { at, payload } of world.broker.messages(topic)) {
    // For Tasmota, whoever sleeps is as far away as whoever is lost.
    if (at > provenAt && payload.includes(lost) && (isMains || lost !== sleeping)) {
      found.push({ rule: "presence", detail: `the will was published at ${time(at)}, with nothing wrong` });
    }
  }
  return found;
}

/** Where the box says that it is there, and in which words, by the settings that it has in the end. */
function presenceOf(run: RunRecord): { topic: string; online: string; sleeping: string; lost: string } {
  switch (conventionOf(run)) {
    case "homie":
      return { topic: `${homie}/$state`, online: "ready", sleeping: "sleeping", lost: "lost" };
    case "tasmota":
      return { topic: `tele/${tasmota}/LWT`, online: "Online", sleeping: "Offline", lost: "Offline" };
    default:
      return { topic: `${root}/lwt`, online: '"online"', sleeping: '"sleeping"', lost: '"lost"' };
  }
}

function conventionOf({ world }: RunRecord): string {
  return readFlash(world.board.flash).settings?.convention ?? "none";
}

/** What is said by Homie or Tasmota is said by their rules, whatever happens. */
function conventions(run: RunRecord): Finding[] {
  const isExcused = mayMissIntroduction(run);
  const isMissed = /: ready, and (the broker has not its description|\S+ has no value)$/;
  const breaches = run.breaches.filter(({ detail }) => !(isExcused && isMissed.test(detail)));
  return breaches.map(({ section, detail, at }) => ({
    rule: "the convention's rules",
    detail: `at ${time(at)}: [${section}] ${detail}`,
  }));
}

/**
 * A broker has forgotten the box, and the power failed between the CONNECT that began a new session there and its
 * CONNACK: to the next boot that session is one like any other, and what was told is told again with the next change.
 */
function mayMissIntroduction(run: RunRecord): boolean {
  if (!has(run, "broker-forgets")) return false;
  let isAsking = false;
  for (const { what, text } of run.notes) {
    if (what === "step") isAsking = text.startsWith("connecting ");
    if (isAsking && what === "power" && text === "off") return true;
  }
  return false;
}

/** In the end the broker keeps what belongs to the convention that was chosen, all of it, and nothing of another. */
function leftovers(run: RunRecord): Finding[] {
  const { plan, world, settled } = run;
  if (!settled) return [];
  const isMains = plan.wiring === "gpio";
  const convention = conventionOf(run);
  const own = [`${root}/lwt`, ...(isMains ? [`${root}/led`] : [])];
  const kept: Record<string, readonly string[]> = {
    "home-assistant": [...own, `homeassistant/device/alertbox_${chipId}/config`],
    none: own,
    homie: ["$state", "$description", "box/supply", "box/presses", ...(isMains ? ["led/on"] : [])].map(
      (path) => `${homie}/${path}`,
    ),
    tasmota: [`tele/${tasmota}/LWT`],
  };
  const expected = new Set(kept[convention]);
  const rule = "a convention leaves nothing behind";
  const found: Finding[] = [];
  for (const topic of new Set(Object.values(kept).flat())) {
    const payload = world.broker.retained(topic)?.payload;
    if ((payload !== undefined) === expected.has(topic)) continue;
    if (payload === undefined && mayMissIntroduction(run)) continue;
    found.push({ rule, detail: `with ${convention} the broker keeps ${payload ?? "nothing"} for ${topic}` });
  }
  return found;
}

/** With nothing wrong an alert is there soon. */
function tardiness(run: RunRecord): Finding[] {
  if (!run.settled) return [];
  const delivered = steps(run, "delivered").find(({ at }) => at > run.provenAt);
  if (delivered !== undefined && delivered.at < run.provenAt + promptMs) return [];
  return [{ rule: "an alert is there soon", detail: `not within ${promptMs / 1000} s of ${time(run.provenAt)}` }];
}

/** No state lasts for ever: a box that is awake and not connected goes on trying, a battery box goes to sleep. */
function stuck(run: RunRecord): Finding[] {
  const found: Finding[] = [];
  const isBattery = run.plan.wiring !== "gpio";
  let since: number | undefined;
  let awakeAt: number | undefined;
  for (const note of run.notes) {
    if (since !== undefined && note.at - since > quietLimitMs) {
      found.push({ rule: "no state without an end", detail: `nothing from ${time(since)} to ${time(note.at)}` });
      since = note.at;
    }
    if (note.what === "step") since = isSettledWord(note.text) ? undefined : note.at;
    else if (note.what === "power" || note.what === "reset") since = undefined;
    if (!isBattery) continue;
    if (note.what === "power") {
      const tooLong = awakeAt !== undefined && note.at - awakeAt > awakeLimitMs;
      if (tooLong) found.push({ rule: "awake cap", detail: `awake from ${time(awakeAt ?? 0)} to ${time(note.at)}` });
      awakeAt = note.text === "booting" ? note.at : undefined;
    }
    if (mayStayAwake(note)) awakeAt = undefined;
  }
  return found;
}

/** States that may last: connected, refused until somebody presses, the setup (120 s), asleep. */
function isSettledWord(text: string): boolean {
  return /^(connected|delivered|received|stored|command|command-invalid|config|commands-refused|sleeping|setup|safe|failed refused)/.test(
    text,
  );
}

function mayStayAwake({ what, text }: Note): boolean {
  return what === "step" && /^(setup|safe|config|command stay)/.test(text);
}

/** When nothing is wrong any more, everything is delivered and the box comes to rest. */
function unrest(run: RunRecord): Finding[] {
  const { pending } = readFlash(run.world.board.flash);
  const found: Finding[] = [];
  if (!run.settled) {
    const last = run.notes.findLast(({ what }) => what === "step");
    found.push({
      rule: "it comes to rest",
      detail: `not in time; its last word is "${last?.text}" at ${time(last?.at ?? 0)}`,
    });
  }
  if (pending > 0) found.push({ rule: "it comes to rest", detail: `${pending} alerts still wait in the journal` });
  return found;
}

/** An instant for people: 83.250 s. */
export function time(at: number): string {
  return `${(at / 1000).toFixed(3)} s`;
}

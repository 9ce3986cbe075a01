// Setup from a phone, from the access point to the first alert, with all that a person may do wrong; and what phones of
// all kinds ask before a person sees anything.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import type { Phone } from "../../host-sim/phone.js";
import { World, type WorldOptions } from "../../host-sim/world.js";
import { idOf } from "../alert-id.js";
import { alerts, asleep, connected, untilSaid, words } from "./story.js";

const AP = "AlertBox-5750";
const GOOD = Object.freeze({ ssid: "home", wifiPassword: "correct horse", host: "10.0.0.2", port: "1883" });

interface Status {
  left: number;
  phase: string;
  step: string;
  detail: string;
  networks: { ssid: string; rssi: number; open: boolean }[];
  now: Record<string, unknown>;
}

/** A box that nobody has set up, and a phone on its access point. */
function opened(options: WorldOptions = {}): { world: World; phone: Phone } {
  const world = new World({ ...options, board: { config: { settings: undefined }, ...options.board } });
  return { world, phone: joinedPhone(world) };
}

/** A person takes a phone and joins the box's access point, once it is open. */
function joinedPhone(world: World): Phone {
  assert.ok(untilSaid(world, "setup"));
  world.run(3000);
  const phone = world.phone();
  assert.ok(phone.join(AP));
  world.run(3000);
  return phone;
}

function ask(world: World, phone: Phone, method: string, path: string, body?: Record<string, string>): Status {
  const form = method === "POST" ? { body: String(new URLSearchParams(body ?? {})) } : {};
  const answer = phone.request(method, path, form);
  world.runUntil(() => answer.isDone, 30000);
  assert.equal(answer.status, 200, `${method} ${path}: ${answer.failure ?? answer.body}`);
  return JSON.parse(answer.body) as Status;
}

/** Sends the form, and asks each second until it is known what came of it, as the page does. */
function tried(world: World, phone: Phone, body: Record<string, string>): Status {
  let status = ask(world, phone, "POST", "/try", body);
  for (let second = 0; second < 60 && status.phase === "trying"; second += 1) {
    world.run(1000);
    const answer = phone.request("GET", "/status", { patienceMs: 3000 });
    world.runUntil(() => answer.isDone, 4000);
    if (answer.status === 200) status = JSON.parse(answer.body) as Status;
  }
  return status;
}

describe("setup from a phone", () => {
  it("a form that is given up while it is judged is forgotten: what is tried is the next one", () => {
    const { world, phone } = opened();
    // A turn takes its time, as on the chip; here so much that the phone can go away between two of them.
    const { clock } = world;
    const schedule = clock.schedule.bind(clock);
    clock.schedule = (delayMs, callback) => schedule(delayMs === 0 ? 30 : delayMs, callback);
    const body = (host: string): string => `ssid=home&wifiPassword=correct+horse&host=${host}`;
    const line = phone.send(
      `POST /try HTTP/1.1\r\nHost: 192.168.4.1\r\nContent-Length: ${body("10.0.0.9").length}\r\n\r\n${body("10.0.0.9")}`,
    );
    let judging = false;
    world.runUntil(() => {
      judging ||= line.bytes.length > 0;
      return judging;
    }, 400);
    assert.equal(line.bytes.length, 0, "not answered yet");
    line.close();
    world.run(1000);
    const status = tried(world, phone, { ssid: "home", wifiPassword: "correct horse", host: "10.0.0.2" });
    assert.equal(status.phase, "done");
  });

  it("first boot: page, scan, settings tried, joined, press, delivered", () => {
    const { world, phone } = opened();
    const page = phone.request("GET", "/");
    world.runUntil(() => page.isDone, 10000);
    assert.equal(page.status, 200);
    assert.match(page.body, /<title>AlertBox/);
    const before = ask(world, phone, "GET", "/status");
    assert.deepEqual(
      before.networks.map((network) => network.ssid),
      ["home"],
    );
    assert.equal(before.phase, "idle");
    const after = tried(world, phone, GOOD);
    assert.deepEqual([after.phase, after.detail], ["done", ""]);
    assert.ok(untilSaid(world, "boot"), "it restarts with them");
    assert.ok(untilSaid(world, "connected"));
    assert.equal(world.airspace.radioOn(world.board)?.softAccessPoint, undefined);
    world.press();
    world.run(3000);
    assert.equal(alerts(world).length, 1);
    assert.equal(alerts(world)[0]?.["id"], idOf(world.board, 1));
    assert.deepEqual(world.broker.violations, []);
    assert.equal(world.board.crashes, 0);
  });

  it("a battery box with its button on RST, likewise: it sleeps when all is done, and the next press is an alert", () => {
    const { world, phone } = opened({ board: { wiring: "rst", config: { settings: undefined } } });
    const status = tried(world, phone, { ...GOOD, mode: "battery", wiring: "rst" });
    assert.equal(status.phase, "done");
    asleep(world);
    world.press();
    world.run(200);
    asleep(world);
    assert.equal(alerts(world).length, 1);
  });

  const wrong: [string, Record<string, string>, string, RegExp, ((world: World) => void)?][] = [
    ["a wrong Wi-Fi password", { ...GOOD, wifiPassword: "wrong password" }, "wifi", /wrong password/],
    ["a network that is not there", { ...GOOD, ssid: "nowhere" }, "wifi", /not found/],
    ["a router that gives no address", GOOD, "address", /no address from the router/, (w) => (w.wifi.dhcpMs = 15000)],
    ["a broker name that does not exist", { ...GOOD, host: "nobody.local" }, "name", /no address for nobody\.local/],
    ["a broker that does not listen", { ...GOOD, port: "1884" }, "broker", /connection refused/],
    ["a broker that is not there", { ...GOOD, host: "10.0.0.99" }, "broker", /no answer/],
    ["a wrong broker password", GOOD, "login", /user name/, (w) => w.broker.refuse(4)],
    ["a port that is no number", { ...GOOD, port: "mqtt" }, "form", /^port/],
    ["a passphrase that is too short", { ...GOOD, wifiPassword: "short" }, "form", /password/],
  ];
  for (const [name, body, step, detail, prepare] of wrong) {
    it(`${name} is named on the page, and the box stays open for another try`, () => {
      const { world, phone } = opened();
      prepare?.(world);
      const status = tried(world, phone, body);
      assert.deepEqual([status.phase, status.step], ["failed", step], JSON.stringify(status));
      assert.match(status.detail, detail);
      assert.match(status.detail, /[^.]\.$/, "a whole sentence: the page adds another");
      assert.equal(JSON.stringify(status).includes(body["wifiPassword"] as string) && step !== "wifi", false);
      world.broker.refuse(0);
      world.wifi.dhcpMs = 780;
      assert.equal(tried(world, phone, GOOD).phase, "done");
      assert.equal(world.board.crashes, 0);
    });
  }

  it("old settings stay in force when the new ones fail, also over a power cut in the middle of the trial", () => {
    for (const cut of [false, true]) {
      const world = connected(new World());
      world.board.button.press(6000);
      const phone = joinedPhone(world);
      const answer = phone.request("POST", "/try", {
        body: String(new URLSearchParams({ ...GOOD, host: "10.0.0.99" })),
      });
      world.runUntil(() => answer.isDone, 5000);
      if (cut) {
        world.run(3000);
        world.cutPower();
        world.board.powerOn();
      }
      assert.ok(untilSaid(world, "connected", 300000));
      world.press();
      world.run(5000);
      assert.equal(alerts(world).length, 1);
      assert.deepEqual(world.broker.violations, []);
    }
  });

  it("the passwords in force are kept when they are left out, but go to no other network and no other broker", () => {
    const settings = { user: "box", password: "s3cret" };
    const world = connected(new World({ broker: { users: { box: "s3cret" } }, board: { settings } }));
    world.board.button.press(6000);
    const phone = joinedPhone(world);
    const other = tried(world, phone, { ssid: "cafe" });
    assert.deepEqual([other.phase, other.step], ["failed", "form"]);
    const status = tried(world, phone, { host: "10.0.0.2", root: "house/door" });
    assert.equal(status.phase, "done", JSON.stringify(status));
    assert.ok(untilSaid(world, "boot"));
    assert.ok(untilSaid(world, "connected"));
    world.run(3000);
    assert.ok(world.broker.retained("house/door/state") !== undefined);
  });

  it("no secret on page, status, log or topic", () => {
    const secrets = ["correct horse", "s3cret-broker"];
    const { world, phone } = opened();
    const texts: string[] = [];
    for (const path of ["/", "/status"]) {
      const answer = phone.request("GET", path);
      world.runUntil(() => answer.isDone, 10000);
      texts.push(answer.body);
    }
    const status = tried(world, phone, { ...GOOD, user: "box", password: "s3cret-broker" });
    texts.push(JSON.stringify(status));
    world.run(20000);
    texts.push(world.board.log.join("\n"), JSON.stringify(world.broker.messages("#")));
    for (const secret of secrets)
      assert.equal(
        texts.some((text) => text.includes(secret)),
        false,
        secret,
      );
  });

  it('any UTF-8 in name and passphrase: + & % " and a cricket', () => {
    const ssid = 'café + & % "🦗';
    const password = 'č+&%="lozinka';
    const { world, phone } = opened({ wifi: { ssid, password } });
    assert.equal(tried(world, phone, { ...GOOD, ssid, wifiPassword: password }).phase, "done");
  });

  it("63 characters, 64 hex digits, and no password at all", () => {
    for (const password of ["x".repeat(63), "0123456789abcdef".repeat(4), ""]) {
      const { world, phone } = opened({ wifi: { password } });
      assert.equal(
        tried(world, phone, { ...GOOD, wifiPassword: password }).phase,
        "done",
        `${password.length} characters`,
      );
    }
  });

  it("closes 120 s after a person last did something; more time is one button away", () => {
    const { world, phone } = opened();
    world.run(100000);
    assert.ok(ask(world, phone, "GET", "/status").left < 20);
    ask(world, phone, "POST", "/more");
    assert.ok(ask(world, phone, "GET", "/status").left > 110);
    world.run(100000);
    assert.equal(world.board.state, "running", "asking for the status is no act of a person");
    assert.ok(world.runUntil(() => world.board.state === "asleep", 40000));
    assert.equal(phone.isConnected, false);
  });

  it("a press during the setup is stored, and delivered when all works", () => {
    const world = connected(new World());
    world.board.button.press(6000);
    const phone = joinedPhone(world);
    world.press();
    world.run(1000);
    assert.equal(words(world.board).filter((word) => word === "stored").length, 1);
    assert.equal(tried(world, phone, GOOD).phase, "done");
    world.run(30000);
    assert.equal(alerts(world).length, 1);
  });

  it("the access point asks for the password that the build has given it", () => {
    const world = new World({ board: { config: { settings: undefined, setupPassword: "setup-secret" } } });
    assert.ok(untilSaid(world, "setup"));
    world.run(3000);
    const phone = world.phone();
    assert.equal(phone.join(AP), false);
    assert.equal(phone.join(AP, "setup-secret"), true);
  });
});

describe("portal conformance", () => {
  const probes: [string, string, string, "1.0" | "1.1"][] = [
    ["Android", "connectivitycheck.gstatic.com", "/generate_204", "1.1"],
    ["Android, older", "clients3.google.com", "/gen_204", "1.1"],
    ["Apple", "captive.apple.com", "/hotspot-detect.html", "1.0"],
    ["Apple", "captive.apple.com", "/hotspot-detect.html", "1.1"],
    ["Apple, library", "www.apple.com", "/library/test/success.html", "1.1"],
    ["Windows", "www.msftconnecttest.com", "/connecttest.txt", "1.1"],
    ["Windows 7", "www.msftncsi.com", "/ncsi.txt", "1.1"],
    ["Firefox", "detectportal.firefox.com", "/success.txt", "1.1"],
    ["Firefox", "detectportal.firefox.com", "/canonical.html", "1.1"],
  ];
  for (const [name, host, path, http] of probes) {
    it(`${name}: ${path} over HTTP/${http} leads to the page`, () => {
      const { world, phone } = opened();
      const question = phone.query(host);
      world.runUntil(() => question.isDone, 6000);
      assert.deepEqual(
        question.message?.answers.map((answer) => answer.address),
        ["192.168.4.1"],
      );
      const answer = phone.request("GET", path, { host, http });
      world.runUntil(() => answer.isDone, 10000);
      assert.equal(answer.status, 302);
      assert.equal(answer.headers["location"], "http://192.168.4.1/");
      assert.doesNotMatch(answer.body, /Success|Microsoft NCSI|Microsoft Connect Test|^success/);
    });
  }

  it("AAAA and HTTPS have no data; EDNS is tolerated", () => {
    const { world, phone } = opened();
    for (const type of ["AAAA", "HTTPS"] as const) {
      const question = phone.query("captive.apple.com", type);
      world.runUntil(() => question.isDone, 6000);
      assert.equal(question.message?.code, 0, type);
      assert.deepEqual(question.message?.answers, [], type);
    }
    const edns = phone.query("captive.apple.com", "A", { edns: true });
    world.runUntil(() => edns.isDone, 6000);
    assert.equal(edns.message?.answers.length, 1);
  });

  it("malformed DNS and HTTP, slow, half-sent and endless requests: the box goes on, and a person is served", () => {
    const { world, phone } = opened();
    for (const bytes of ["\0", "\xff".repeat(12), "\0\x01\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01"]) {
      phone.ask(
        Uint8Array.from(bytes, (character) => character.charCodeAt(0)),
        { patienceMs: 100 },
      );
    }
    phone.send("\0\x01\x02 nonsense\r\n\r\n");
    const slow = phone.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n", { pieceBytes: 1, everyMs: 2000 });
    const half = phone.send("POST /try HTTP/1.1\r\nContent-Length: 500\r\n\r\nssid=");
    world.run(3000);
    const person = phone.request("GET", "/status");
    world.runUntil(() => person.isDone, 10000);
    assert.equal(person.status, 200);
    const endless = phone.send(`GET / HTTP/1.1\r\n${"X: y\r\n".repeat(20000)}`, { pieceBytes: 1000, everyMs: 20 });
    world.run(40000);
    for (const line of [slow, half, endless]) assert.ok(line.isDone, "given up");
    assert.equal(tried(world, phone, GOOD).phase, "done");
    assert.equal(world.board.crashes, 0);
  });
});

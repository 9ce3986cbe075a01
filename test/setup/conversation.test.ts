// HTTP as phones, browsers, curl and nobody in particular speak it, in every fragmentation, and what it may cost.

import assert from "node:assert/strict";
import { describe, it } from "mocha";
import { PAGE as PIECES } from "../../src/setup/page.js";
import { MAX_CONVERSATIONS } from "../../src/setup/portal.js";
import { long, rounds } from "../effort.js";
import { seeded } from "../mqtt/recorder.js";
import { ask, drain, hear, open, parseAnswer, post, statusOf, wholeStatus } from "./rig.js";

const PAGE = PIECES.join("");

const GET = "GET / HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n";
const FORM = "ssid=home&wifiPassword=a%2Bb+%C4%91&host=broker.local";

function get(path: string, host = "192.168.4.1", version = "1.1"): string {
  return `GET ${path} HTTP/${version}\r\nHost: ${host}\r\nUser-Agent: Test\r\nAccept: */*\r\n\r\n`;
}

/** A conversation that has been told `text`. */
function told(portal: ReturnType<typeof open>["portal"], text: string, now = 0) {
  const conversation = portal.accept(now);
  assert.ok(conversation !== undefined);
  const bytes = Buffer.from(text);
  hear(conversation, bytes, 0, bytes.length, now);
  return conversation;
}

describe("setup/conversation", () => {
  describe("leads every system's probe to the page", () => {
    // What each system asks after it has joined, and the one answer with which it would believe in the internet:
    // - Android, ChromeOS: 204; 200 to 399 otherwise means a portal (NetworkStack, CaptivePortalProbeResult.java:
    //   SUCCESS_CODE 204, PORTAL_CODE 302).
    // - Apple: 200 with "Success" in it (captive.apple.com/hotspot-detect.html; the older path is library/test).
    // - Windows: 200 with "Microsoft Connect Test" or, up to Windows 10 1511, "Microsoft NCSI"; then it opens
    //   /redirect.
    // - Firefox: 200 with a refresh to support.mozilla.org (canonical.html) or "success" (success.txt).
    // - GNOME: "NetworkManager is online"; Ubuntu: 204; Kindle: 200 with its own text.
    const probes: readonly [string, string, string, string][] = [
      ["Android", "connectivitycheck.gstatic.com", "/generate_204", "1.1"],
      ["Android, fall-back", "www.google.com", "/gen_204", "1.1"],
      ["Samsung and older Android", "clients3.google.com", "/generate_204", "1.1"],
      ["Apple", "captive.apple.com", "/hotspot-detect.html", "1.0"],
      ["Apple, in its browser", "captive.apple.com", "/hotspot-detect.html", "1.1"],
      ["older Apple", "www.apple.com", "/library/test/success.html", "1.0"],
      ["Windows", "www.msftconnecttest.com", "/connecttest.txt", "1.1"],
      ["Windows, its browser", "www.msftconnecttest.com", "/redirect", "1.1"],
      ["Windows 10 before 1607", "www.msftncsi.com", "/ncsi.txt", "1.1"],
      ["Firefox", "detectportal.firefox.com", "/canonical.html", "1.1"],
      ["Firefox, second", "detectportal.firefox.com", "/success.txt?ipv4", "1.1"],
      ["GNOME", "nmcheck.gnome.org", "/check_network_status.txt", "1.1"],
      ["Kindle", "spectrum.s3.amazonaws.com", "/kindle-wifi/wifistub.html", "1.1"],
      ["a browser", "192.168.4.1", "/favicon.ico", "1.1"],
      ["an address that is too long to keep", "example.org", `/${"x".repeat(300)}?y=${"z".repeat(300)}`, "1.1"],
      ["an address like ours", "192.168.4.1", "/status/", "1.1"],
      ["an address that begins like ours", "192.168.4.1", "/stat", "1.1"],
    ];
    for (const [who, host, path, version] of probes) {
      it(`${who}: ${path.slice(0, 40)} in HTTP/${version}`, () => {
        const { portal } = open();
        const answer = ask(portal, get(path, host, version));
        assert.equal(answer.status, 302);
        assert.equal(answer.headers.get("location"), "http://192.168.4.1/");
        assert.equal(answer.headers.get("connection"), "close");
        assert.equal(answer.headers.get("cache-control"), "no-store");
        assert.match(answer.body.toString(), /^<html>.*href="http:\/\/192\.168\.4\.1\/"/);
        assert.doesNotMatch(answer.body.toString(), /success|Microsoft|mozilla/i);
      });
    }

    it("also with other methods", () => {
      const { portal, box } = open();
      for (const line of [
        "PUT /try",
        "OPTIONS /try",
        "DELETE /",
        "POST /",
        "POST /status",
        "PROPFIND /x",
        "get /",
        "CONNECT a.b:443",
      ]) {
        assert.equal(ask(portal, `${line} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`).status, 302, line);
      }
      for (const path of ["/try", "/more", "/scan"]) assert.equal(ask(portal, get(path)).status, 302, path);
      assert.deepEqual(box.asked, []);
    });
  });

  describe("the page", () => {
    it("comes whole, under any host's name", () => {
      for (const host of ["192.168.4.1", "127.0.0.1:8080", "alertbox.example"]) {
        const answer = ask(open().portal, get("/", host));
        assert.equal(answer.status, 200);
        assert.equal(answer.headers.get("content-type"), "text/html");
        assert.equal(answer.headers.get("cache-control"), "no-store");
        assert.equal(answer.headers.get("connection"), "close");
        assert.equal(answer.body.toString(), PAGE);
      }
    });

    it("comes for a query too, for an absolute address, in HTTP/1.0 and without a host", () => {
      const requests = [
        "GET /?from=x HTTP/1.1",
        "GET http://192.168.4.1/ HTTP/1.1",
        "GET http://a.b/?x HTTP/1.1",
        "GET / HTTP/1.0",
      ];
      for (const line of requests) assert.equal(ask(open().portal, `${line}\r\n\r\n`).body.toString(), PAGE, line);
      assert.equal(ask(open().portal, "GET http://a.b HTTP/1.1\r\n\r\n").status, 302);
    });

    long.it("comes the same whatever the pieces in which it is asked for and taken", () => {
      for (const size of [1, 2, 7, 100, 1460, 20_000]) {
        const { portal } = open();
        const conversation = told(portal, GET);
        assert.equal(parseAnswer(drain(conversation, 0, size)).body.toString(), PAGE, `${size}`);
        assert.ok(conversation.finished);
      }
    });

    it("goes out in pieces of 512 bytes, which cost no copying; only the head before them is shorter", () => {
      const conversation = told(open().portal, GET);
      assert.ok((conversation.transmit(512, 0)?.length ?? 0) > 100);
      for (let left = PAGE.length; left > 0; left -= 512) {
        assert.equal(conversation.transmit(512, 0)?.length, Math.min(left, 512));
      }
    });

    it("HEAD gives the head", () => {
      const { portal } = open();
      const answer = ask(portal, GET.replace("GET", "HEAD"));
      assert.equal(answer.headers.get("content-length"), String(PAGE.length));
      assert.equal(ask(portal, "HEAD /status HTTP/1.1\r\n\r\n").status, 200);
      assert.equal(ask(portal, "HEAD /generate_204 HTTP/1.1\r\n\r\n").status, 302);
    });

    it("empty lines before the request and lines without CR are taken", () => {
      assert.equal(ask(open().portal, `\r\n\n${GET}`).status, 200);
      assert.equal(ask(open().portal, GET.replaceAll("\r", "")).status, 200);
    });
  });

  describe("the status", () => {
    it("is JSON", () => {
      const { portal } = open();
      portal.heard("caf\u00e9", -50, true);
      const answer = ask(portal, get("/status"), 3, 1000);
      assert.equal(answer.status, 200);
      assert.equal(answer.headers.get("content-type"), "application/json");
      assert.deepEqual(answer.body, Buffer.from(wholeStatus(portal, 1000)));
    });

    it("makes the box look for networks when the first page asks for it", () => {
      const { portal, box } = open();
      ask(portal, GET);
      assert.deepEqual(box.asked, [], "not while the page is on its way: the radio would leave the channel");
      ask(portal, get("/status"));
      ask(portal, get("/status"));
      assert.deepEqual(box.asked, ["scan"]);
    });

    it("does not when networks are known", () => {
      const { portal, box } = open();
      portal.heard("a", -50, true);
      ask(portal, get("/status"));
      assert.deepEqual(box.asked, []);
    });
  });

  describe("what a person asks for", () => {
    it("two lines of the head in a turn, then one step of reading or judging the form in each", () => {
      const { portal, box } = open();
      const conversation = portal.accept(0);
      assert.ok(conversation !== undefined);
      const request = post("/try", "ssid=home&host=broker.local");
      const bytes = Buffer.from(request);
      const lines = request.slice(0, request.indexOf("\r\n\r\n") + 4).split("\n").length - 1;
      let turns = 0;
      for (let at = 0; at < bytes.length; turns += 1) at = conversation.receive(bytes, at, bytes.length, 0);
      assert.equal(turns, Math.ceil(lines / 2));
      // Two fields, then three steps of whoever judges them, then the status in two.
      let judged = 0;
      box.onTryDo = () => {
        judged += 1;
        return judged < 3 ? undefined : "";
      };
      for (turns = 0; conversation.isAsked; turns += 1) {
        assert.equal(conversation.transmit(512, 0), undefined);
        conversation.work(0);
      }
      assert.deepEqual([turns, judged], [2 + 3 + 1, 3]);
      assert.equal(parseAnswer(drain(conversation)).status, 200);
      assert.equal(statusOf(portal).phase, "trying");
    });

    it("three networks of a status in a turn, and what is heard meanwhile does no harm", () => {
      const { portal } = open();
      for (let i = 0; i < 12; i += 1) portal.heard(`network ${i}`, -50 - i, false);
      const conversation = told(portal, get("/status"));
      let turns = 0;
      for (; conversation.isAsked; turns += 1) {
        conversation.work(0);
        if (turns === 2) portal.heard("the strongest of all, with a long name", -30, true);
      }
      assert.equal(turns, 1 + 4);
      const { networks } = JSON.parse(parseAnswer(drain(conversation)).body.toString()) as ReturnType<typeof statusOf>;
      assert.equal(networks.length, 12);
      assert.deepEqual(statusOf(portal).networks.length, 12);
    });

    it("a form whose phone goes away while it is judged comes to nothing, and its place is free", () => {
      const { portal, box } = open();
      box.onTryDo = () => undefined;
      const conversation = told(portal, post("/try", FORM));
      for (let turn = 0; turn < 20; turn += 1) conversation.work(0);
      assert.ok(portal.isTrying);
      conversation.end();
      assert.equal(statusOf(portal).phase, "idle");
      box.onTryDo = () => "";
      assert.equal(ask(portal, post("/try", FORM)).status, 200);
      assert.equal(statusOf(portal).phase, "trying");
    });

    long.it("settings to try, in fragments of every size", () => {
      const request = post("/try", FORM);
      for (let size = 1; size <= request.length; size += 1) {
        const { portal, box } = open();
        const answer = ask(portal, request, size);
        assert.equal(answer.status, 200);
        assert.deepEqual(box.asked, ["try"]);
        assert.equal(box.fields?.wifiPassword, "a+b \u0111");
        assert.equal(box.fields?.host, "broker.local");
        assert.equal(box.fields?.user, undefined);
        const status = JSON.parse(answer.body.toString());
        assert.deepEqual([status.phase, status.step], ["trying", "wifi"]);
      }
    });

    it("settings that the box refuses: the sentence is in the status", () => {
      const { portal, box } = open();
      box.onTryDo = () => "port: must be a number";
      const status = JSON.parse(ask(portal, post("/try", FORM)).body.toString());
      assert.deepEqual([status.phase, status.step, status.detail], ["failed", "form", "port: must be a number"]);
    });

    it("the box may report at once", () => {
      const { portal, box } = open();
      box.onTryDo = () => {
        portal.report("trying", "broker", "");
        return "";
      };
      assert.equal(JSON.parse(ask(portal, post("/try", FORM)).body.toString()).step, "broker");
    });

    it("a form that cannot be read: 400, and the box is not asked", () => {
      const { portal, box } = open();
      const answer = ask(portal, post("/try", "ssid=%"));
      assert.equal(answer.status, 400);
      assert.match(JSON.parse(answer.body.toString()).problem, /form/);
      assert.deepEqual(box.asked, []);
      assert.equal(statusOf(portal).phase, "idle");
    });

    it("an empty form is a form", () => {
      const { portal, box } = open();
      assert.equal(ask(portal, post("/try", "")).status, 200);
      assert.equal(box.fields?.ssid, undefined);
    });

    it("others while settings are being tried: 409, and the trial goes on", () => {
      const { portal, box } = open();
      ask(portal, post("/try", FORM));
      const answer = ask(portal, post("/try", FORM));
      assert.equal(answer.status, 409);
      assert.deepEqual(box.asked, ["try"]);
      assert.equal(statusOf(portal).phase, "trying");
      portal.report("failed", "wifi", "wrong password");
      assert.equal(ask(portal, post("/try", FORM)).status, 200);
    });

    it("more time, and a scan, with the status for an answer", () => {
      const { portal, box } = open();
      assert.deepEqual(ask(portal, post("/more")).body, Buffer.from(wholeStatus(portal, 0)));
      assert.deepEqual(ask(portal, post("/scan")).body, Buffer.from(wholeStatus(portal, 0)));
      assert.equal(ask(portal, post("/more?x", "ignored")).status, 200);
      assert.deepEqual(box.asked, ["more", "scan", "more"]);
      // After that the page's status needs no scan of its own.
      ask(portal, get("/status"));
      assert.deepEqual(box.asked, ["more", "scan", "more"]);
    });

    it("the box may close everything while it is asked", () => {
      const { portal, box } = open();
      const conversation = portal.accept(0);
      assert.ok(conversation !== undefined);
      box.onTryDo = () => {
        conversation.end();
        return "";
      };
      const bytes = Buffer.from(post("/try", FORM));
      hear(conversation, bytes, 0, bytes.length, 0);
      assert.equal(drain(conversation).length, 0);
      assert.ok(conversation.finished);
      assert.equal(portal.lend(1)?.length, 1, "the place of the body is free");
    });

    it("bytes after the body are ignored", () => {
      const { portal, box } = open();
      assert.equal(ask(portal, `${post("/more", "a")}${post("/more")}`).status, 200);
      assert.deepEqual(box.asked, ["more"]);
    });
  });

  describe("who may ask", () => {
    const from = (origin: string, host: string) =>
      ask(open().portal, `POST /more HTTP/1.1\r\nhOsT:${host}\r\nORIGIN: \t${origin} \r\nContent-Length: 0\r\n\r\n`)
        .status;

    it("the box's own page, under whatever address it was opened", () => {
      assert.equal(from("http://192.168.4.1", "192.168.4.1"), 200);
      assert.equal(from("http://127.0.0.1:8080", "127.0.0.1:8080"), 200);
      assert.equal(from("http://10.20.30.40", "10.20.30.40"), 200);
      assert.equal(from("http://255.255.255.255:65535", "255.255.255.255:65535"), 200);
    });

    it("no page under a name, which may have been pointed at the box after it was loaded: 403", () => {
      for (const host of [
        "setup.example",
        "a",
        "192.168.4.1.evil.example",
        "192.168.4",
        "192.168.4.1.1",
        "192.168.4.1:80a",
        "192.168.4.1:",
        "192.168.4.1:80:80",
        "192.168.4.a",
        "[::1]",
        "localhost:8080",
        "192-168-4-1.example",
        "1.1.1.č",
        // Cut where only so much of a line is kept, these would look like addresses.
        `${"1".repeat(63)}.11111.11.1.evil.example`,
        `1.1.1.${"1".repeat(63)}.evil.example`,
        "",
      ]) {
        assert.equal(from(`http://${host}`, host), 403, host);
        const { portal, box } = open();
        const request = `POST /more HTTP/1.1\r\nHost: ${host}\r\nContent-Length: 0\r\n\r\n`;
        assert.equal(ask(portal, request).status, 403, `${host}, without an origin`);
        assert.deepEqual(box.asked, []);
      }
    });

    it("something that is no page and sends no origin", () => {
      assert.equal(ask(open().portal, "POST /more HTTP/1.0\r\nContent-Length: 0\r\n\r\n").status, 200);
    });

    it("no other site's page: 403", () => {
      const { portal, box } = open();
      for (const [origin, host] of [
        ["http://evil.example", "192.168.4.1"],
        ["https://192.168.4.1", "192.168.4.1"],
        ["http://192.168.4.1:8080", "192.168.4.1"],
        ["http://192.168.4.1.evil.example", "192.168.4.1"],
        ["http://192.168.4.2", "192.168.4.1"],
        ["null", "192.168.4.1"],
        ["", "192.168.4.1"],
        ["http://", "x"],
        [`http://${"a".repeat(90)}`, "a".repeat(90)],
      ] as const) {
        assert.equal(from(origin, host), 403, origin);
      }
      assert.equal(ask(portal, "POST /try HTTP/1.1\r\nOrigin: http://a\r\nContent-Length: 0\r\n\r\n").status, 403);
      assert.deepEqual(box.asked, []);
    });
  });

  describe("refuses", () => {
    const cases: readonly [string, number, string][] = [
      ["what is no request", 400, "hello\r\n\r\n"],
      ["HTTP/0.9", 400, "GET /\r\n\r\n"],
      ["HTTP/2.0", 400, "GET / HTTP/2.0\r\n\r\n"],
      ["HTTP/2.0 at the end of the longest line that is kept", 400, `GET /${"x".repeat(65)} HTTP/2.0\r\n\r\n`],
      ["another protocol", 400, "GET / HTTQ/1.1\r\n\r\n"],
      ["a space too much", 400, "GET /  HTTP/1.1\r\n\r\n"],
      ["a body without a length", 411, "POST /try HTTP/1.1\r\n\r\n"],
      ["a body in chunks", 411, "POST /try HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"],
      [
        "a body in chunks, said last",
        411,
        "POST /try HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
      ],
      ["a body of 2,049 bytes", 413, "POST /try HTTP/1.1\r\nContent-Length: 2049\r\n\r\n"],
      ["a body of 20,480 bytes", 413, "POST /try HTTP/1.1\r\nContent-Length: 20480\r\n\r\n"],
      ["a body of more than anybody has", 413, `POST /more HTTP/1.1\r\nContent-Length: ${"9".repeat(30)}\r\n\r\n`],
      ["a length that is none", 400, "POST /try HTTP/1.1\r\nContent-Length: 12a\r\n\r\n"],
      ["a negative length", 400, "POST /try HTTP/1.1\r\nContent-Length: -1\r\n\r\n"],
      ["an empty length", 400, "POST /try HTTP/1.1\r\nContent-Length:\r\n\r\n"],
      ["two lengths", 400, "POST /try HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"],
      ["a head of more than 2,048 bytes", 431, `GET / HTTP/1.1\r\nX: ${"y".repeat(2048)}\r\n\r\n`],
      ["a head of many lines", 431, `GET / HTTP/1.1\r\n${"X: y\r\n".repeat(400)}\r\n`],
      ["a line without end", 431, "G".repeat(3000)],
    ];
    for (const [title, status, request] of cases) {
      it(`${title}: ${status}`, () => {
        for (const size of [1, 3, 536, 4000]) {
          const { portal, box } = open();
          const answer = ask(portal, request, size);
          assert.equal(answer.status, status);
          assert.equal(typeof JSON.parse(answer.body.toString()).problem, "string");
          assert.deepEqual(box.asked, []);
          assert.notEqual(portal.lend(1), undefined, "no memory is held");
        }
      });
    }

    it("but takes a head of 2,048 bytes and a body of 2,048", () => {
      const { portal, box } = open();
      const head = "GET / HTTP/1.1\r\nX: \r\n\r\n";
      assert.equal(ask(portal, head.replace("X: ", `X: ${"y".repeat(2048 - head.length)}`)).status, 200);
      assert.equal(ask(portal, head.replace("X: ", `X: ${"y".repeat(2049 - head.length)}`)).status, 431);
      assert.equal(ask(portal, post("/try", `ssid=${"a".repeat(2043)}`)).status, 200);
      assert.equal(box.fields?.ssid?.length, 2043);
    });

    it("two lengths that agree are one, and leading zeros are nothing", () => {
      const { box, portal } = open();
      assert.equal(
        ask(portal, "POST /try HTTP/1.1\r\nContent-Length: 6\r\nContent-Length: 006\r\n\r\nssid=a").status,
        200,
      );
      assert.equal(box.fields?.ssid, "a");
    });
  });

  describe("Expect: 100-continue", () => {
    const head = (version: string, body: string) =>
      `POST /try HTTP/${version}\r\nHost: 192.168.4.1\r\nExpect: 100-Continue\r\nContent-Length: ${body.length}\r\n\r\n`;

    it("is answered, so that the body comes at once", () => {
      const { portal } = open();
      const conversation = told(portal, head("1.1", FORM));
      assert.equal(drain(conversation).toString(), "HTTP/1.1 100 Continue\r\n\r\n");
      assert.ok(!conversation.finished);
      hear(conversation, Buffer.from(FORM), 0, FORM.length, 0);
      assert.equal(parseAnswer(drain(conversation)).status, 200);
      assert.ok(conversation.finished);
    });

    it("in pieces of any size, the body in between", () => {
      for (let size = 1; size < 30; size += 1) {
        const conversation = told(open().portal, head("1.1", FORM));
        const first = Buffer.from(conversation.transmit(size, 0) ?? []);
        hear(conversation, Buffer.from(FORM), 0, FORM.length, 0);
        const answer = parseAnswer(Buffer.concat([first, drain(conversation)]));
        assert.equal(answer.interim, "HTTP/1.1 100 Continue");
        assert.equal(answer.status, 200);
      }
    });

    it("is nothing to HTTP/1.0, to an empty body and to a refusal", () => {
      const { portal } = open();
      assert.equal(ask(portal, head("1.0", FORM) + FORM).interim, "");
      assert.equal(ask(portal, head("1.1", "")).status, 409);
      assert.equal(ask(open().portal, head("1.1", "")).interim, "");
      const long = head("1.1", FORM).replace(/Length: \d+/, "Length: 3000");
      assert.equal(ask(open().portal, long).interim, "");
      const other = head("1.1", FORM).replace("100-Continue", "something");
      assert.equal(ask(open().portal, other + FORM).interim, "");
    });
  });

  describe("what it costs", () => {
    it("three connections at a time; a place is free again when one has ended, once", () => {
      const { portal } = open();
      const all = Array.from({ length: MAX_CONVERSATIONS }, () => told(portal, ""));
      assert.equal(MAX_CONVERSATIONS, 3);
      assert.equal(portal.accept(0), undefined);
      all[0]?.end();
      all[0]?.end();
      assert.notEqual(portal.accept(0), undefined);
      assert.equal(portal.accept(0), undefined);
    });

    it("one body at a time: 503 for the second, and a place for the third", () => {
      const { portal, box } = open();
      const slow = told(portal, post("/try", FORM).slice(0, -5));
      assert.equal(ask(portal, post("/try", FORM)).status, 503);
      assert.equal(ask(portal, post("/more", "a body that nobody reads")).status, 200);
      assert.equal(ask(portal, GET).status, 200);
      assert.equal(ask(portal, post("/try", FORM)).status, 503, "the end of others changes nothing");
      const rest = Buffer.from(FORM.slice(-5));
      hear(slow, rest, 0, rest.length, 0);
      assert.equal(parseAnswer(drain(slow)).status, 200);
      assert.deepEqual(box.asked, ["more", "try"]);
      portal.report("idle", "", "");
      assert.equal(ask(portal, post("/try", FORM)).status, 200);
    });

    it("a body that never comes whole gives its room back when its connection ends", () => {
      const { portal } = open();
      const half = told(portal, post("/try", FORM).slice(0, -1));
      half.end();
      assert.equal(ask(portal, post("/try", FORM)).status, 200);
    });

    it("an endless body costs what was announced", () => {
      const { portal, box } = open();
      const conversation = told(portal, "POST /try HTTP/1.1\r\nContent-Length: 6\r\n\r\n");
      const flood = Buffer.from("ssid=a".padEnd(1000, "x"));
      for (let i = 0; i < 1000; i += 1) hear(conversation, flood, 0, flood.length, i);
      assert.equal(parseAnswer(drain(conversation)).status, 200);
      assert.equal(box.fields?.ssid, "a");
    });

    it("5 s for the request, 15 s for all", () => {
      const { portal } = open();
      const conversation = portal.accept(1000);
      assert.ok(conversation !== undefined);
      assert.equal(conversation.until, 6000);
      const bytes = Buffer.from(GET);
      hear(conversation, bytes, 0, 10, 5999);
      assert.equal(conversation.until, 6000);
      hear(conversation, bytes, 10, bytes.length, 5999);
      assert.equal(conversation.until, 16_000);
      assert.equal(conversation.transmit(10, 15_999)?.length, 10);
      assert.equal(conversation.transmit(10, 16_000), undefined);
      assert.ok(conversation.finished);
    });

    it("also where the clock wraps", () => {
      const { portal } = open();
      const conversation = portal.accept(0x7fffffff);
      assert.ok(conversation !== undefined);
      assert.equal(conversation.until, (0x7fffffff + 5000) | 0);
      hear(conversation, Buffer.from("G"), 0, 1, (0x7fffffff + 4999) | 0);
      assert.ok(!conversation.finished);
    });

    it("a request that comes too slowly is over, and its place free", () => {
      const { portal } = open();
      const bytes = Buffer.from(post("/try", FORM));
      const slow = portal.accept(0);
      assert.ok(slow !== undefined);
      for (let at = 0; at < bytes.length; at += 1) hear(slow, bytes, at, at + 1, at * 40);
      assert.ok(slow.finished);
      assert.equal(slow.transmit(10, 6000), undefined);
      for (let i = 0; i < MAX_CONVERSATIONS; i += 1) assert.notEqual(portal.accept(6000), undefined);
      assert.equal(portal.lend(1)?.length, 1);
    });

    it("an ended conversation hears and says nothing", () => {
      const { portal, box } = open();
      const conversation = told(portal, "");
      conversation.end();
      const bytes = Buffer.from(post("/more"));
      hear(conversation, bytes, 0, bytes.length, 0);
      assert.equal(drain(conversation).length, 0);
      assert.deepEqual(box.asked, []);
    });
  });

  it("gives the same answer in random fragments", () => {
    const random = seeded(4);
    for (const request of [GET, get("/status"), get("/generate_204"), post("/try", FORM), post("/more")]) {
      const whole = ask(open().portal, request, 10_000);
      for (let round = 0; round < rounds(200); round += 1) {
        const { portal } = open();
        const conversation = told(portal, "");
        const bytes = Buffer.from(request);
        for (let at = 0; at < bytes.length; ) {
          const end = Math.min(bytes.length, at + (random() % 40));
          hear(conversation, bytes, at, end, 0);
          at = end;
        }
        assert.deepEqual(parseAnswer(drain(conversation, 0, 1 + (random() % 600))), whole);
      }
    }
  });

  it("survives whatever comes: a well-formed answer or none, and nothing left behind", () => {
    const random = seeded(80);
    const seeds = [
      GET,
      post("/try", FORM),
      post("/more"),
      get("/status"),
      post("/scan", "x", "Expect: 100-continue\r\n"),
    ];
    const { portal } = open();
    for (let round = 0; round < rounds(6000); round += 1) {
      const bytes = Buffer.from(seeds[random() % seeds.length] as string);
      for (let n = random() % 6; n > 0; n -= 1) {
        const at = random() % bytes.length;
        if (random() % 3 === 0) bytes.copyWithin(at, random() % bytes.length);
        else bytes[at] = random() % 4 === 0 ? random() & 255 : (bytes[random() % bytes.length] as number);
      }
      const conversation = told(portal, "");
      for (let at = 0; at < bytes.length; ) {
        const end = Math.min(bytes.length, at + 1 + (random() % 100));
        hear(conversation, bytes, at, end, 0);
        at = end;
      }
      const out = drain(conversation, 0, 100);
      if (conversation.finished) parseAnswer(out, bytes.toString("latin1").startsWith("HEAD "));
      conversation.end();
      portal.report("idle", "", "");
    }
    for (let i = 0; i < MAX_CONVERSATIONS; i += 1) assert.notEqual(portal.accept(0), undefined);
    assert.notEqual(portal.lend(1), undefined);
  });
});

// What phones say to the setup portal, drawn by chance: the probes of Android, Apple, Windows and Firefox as they send
// them, the page's own requests, and what somebody makes up.

import type { Random } from "../random.js";
import { type Draft, once, oneOf } from "./draft.js";

const encoder = new TextEncoder();

/** Heads as browsers and systems write them. */
const TEXTS: readonly string[] = Object.freeze([
  "GET /generate_204 HTTP/1.1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) " +
    "Chrome/60.0.3112.32 Safari/537.36\r\nHost: connectivitycheck.gstatic.com\r\nConnection: Keep-Alive\r\n" +
    "Accept-Encoding: gzip\r\n\r\n",
  "GET /hotspot-detect.html HTTP/1.0\r\nHost: captive.apple.com\r\nConnection: close\r\n" +
    "User-Agent: CaptiveNetworkSupport-471 wispr\r\n\r\n",
  "GET /connecttest.txt HTTP/1.1\r\nConnection: Close\r\nUser-Agent: Microsoft NCSI\r\n" +
    "Host: www.msftconnecttest.com\r\n\r\n",
  "GET /success.txt?ipv4 HTTP/1.1\r\nHost: detectportal.firefox.com\r\nAccept: */*\r\nPragma: no-cache\r\n\r\n",
  "GET / HTTP/1.1\r\nHost: 192.168.4.1\r\nUpgrade-Insecure-Requests: 1\r\nAccept: text/html\r\n\r\n",
  "GET /status HTTP/1.1\r\nHost: 192.168.4.1\r\nReferer: http://192.168.4.1/\r\nAccept: */*\r\n\r\n",
  "HEAD / HTTP/1.1\r\nHost: 192.168.4.1\r\n\r\n",
  "POST /more HTTP/1.1\r\nHost: 192.168.4.1\r\nOrigin: http://192.168.4.1\r\nContent-Length: 0\r\n\r\n",
  "POST /try HTTP/1.1\r\nHost: 192.168.4.1\r\nContent-Length: 47\r\nOrigin: http://192.168.4.1\r\n" +
    "Content-Type: application/x-www-form-urlencoded;charset=UTF-8\r\n\r\n" +
    "ssid=My+Home&wifiPassword=p%C3%A4ssword&host=a.b",
]);
export const REQUESTS: readonly Uint8Array[] = Object.freeze(TEXTS.map((text) => encoder.encode(text)));

export const FORMS: readonly Uint8Array[] = Object.freeze(
  [
    "ssid=My+Home&wifiPassword=p%C3%A4ssword&host=broker.local&port=1883&user=&password=&root=a%2Fb&mode=mains",
    "ssid=%F0%9F%98%80&wifiPassword=%2B%26%3D%25&wiring=rst%2Bgpio&convention=homie",
  ].map((text) => encoder.encode(text)),
);

const NAMES: readonly string[] = Object.freeze([
  ...["ssid", "wifiPassword", "host", "port", "user", "password", "root", "mode", "wiring", "convention"],
]);
const ODD_NAMES: readonly string[] = Object.freeze([
  ...["x", "", "ssi%64", "__proto__", "toString", "constructor", "SSID", "ssid+"],
]);
const VALUES: readonly string[] = Object.freeze([
  ...["", "home", "a+b", "%2B", "%c3%a9", "%C3", "%ff", "é", "😀", "%", "%4", "%zz", "%00", "a=b", "secret%21", "+"],
  ...["%ED%A0%80", "%EF%BB%BFx", "rst%2Bgpio", "1883", "x".repeat(40), "%20".repeat(30)],
]);

/** A form; with an odd name or value now and then. */
export function putForm(draft: Draft, random: Random): void {
  const first = random.integer(NAMES.length);
  const count = random.integer(once(random, 8) ? 11 : 5);
  for (let index = 0; index < count; index += 1) {
    if (index > 0) draft.push(0x26);
    draft.text(once(random, 20) ? oneOf(random, ODD_NAMES) : (NAMES[(first + index) % NAMES.length] as string));
    if (once(random, 30)) continue;
    draft.push(0x3d);
    draft.text(VALUES[random.integer(once(random, 2) ? VALUES.length : 5)] as string);
  }
}

const PATHS: readonly string[] = Object.freeze([
  ...["/", "/", "/status", "/status?x=1", "/try", "/more", "/scan", "/generate_204", "", "*", "/tr", "/try/", "/%74ry"],
  ...["http://192.168.4.1/status", "http://192.168.4.1/try", "http://x", `/${"a".repeat(90)}`],
]);
const HEADERS: readonly string[] = Object.freeze([
  ...["Host: 192.168.4.1", "Host: 192.168.4.1:80", "host:192.168.4.1 ", "Host: evil.example", "Host: 1.2.3.4.5"],
  ...["Origin: http://192.168.4.1", "Origin: null", "Origin: http://evil.example", "ORIGIN:http://192.168.4.1"],
  ...["Content-Length: 5", "Content-Length: 5", "content-length:0", "Content-Length: -1", "Content-Length: 2049"],
  ...["Content-Length: 99999999999999999999", "Content-Length: 0x10", "Content-Length:", "Content-Length: 2048"],
  ...["Transfer-Encoding: chunked", "Expect: 100-continue", "Expect: 100-Continue", `X-Long: ${"y".repeat(100)}`],
  ...["Accept: */*", ": empty", "no colon", " folded", "X: \u00e9", `Cookie: ${"z".repeat(700)}`],
]);

const body = new Uint8Array(4096);

/** A request, whole most of the time. */
export function putRequest(draft: Draft, random: Random): void {
  if (once(random, 4)) {
    draft.put(oneOf(random, REQUESTS));
    return;
  }
  const end = once(random, 12) ? "\n" : "\r\n";
  const isPost = once(random, 2);
  if (once(random, 20)) draft.text(end);
  draft.text(isPost ? "POST" : once(random, 20) ? oneOf(random, ["PUT", "OPTIONS", "get", ""]) : "GET");
  draft.text(
    ` ${isPost && !once(random, 6) ? oneOf(random, ["/try", "/try", "/more", "/scan"]) : oneOf(random, PATHS)}`,
  );
  draft.text(once(random, 20) ? oneOf(random, [" HTTP/2", " HTTP/1.", "", " http/1.1", " HTTP/1.10"]) : " HTTP/1.1");
  draft.text(end);
  if (!once(random, 6)) draft.text(`Host: 192.168.4.1${end}`);
  let length = 0;
  if (isPost) {
    // The form is put behind its length.
    const start = draft.length;
    putForm(draft, random);
    length = draft.length - start;
    body.set(draft.bytes.subarray(start, draft.length));
    draft.length = start;
    if (!once(random, 6)) draft.text(`Content-Length: ${once(random, 10) ? random.integer(2100) : length}${end}`);
  }
  // More than a head may have.
  if (once(random, 60)) for (let left = 3; left > 0; left -= 1) draft.text(`${HEADERS.at(-1)}${end}`);
  while (once(random, 3)) draft.text(`${oneOf(random, HEADERS)}${end}`);
  draft.text(end);
  draft.put(body.subarray(0, length));
}

// Settings that use every field, for the tests of what they may be and of how they are kept.

import type { Settings } from "../../src/alertbox/settings.js";

/** Settings that use every field and a lot of bytes. */
export const FULL: Settings = Object.freeze({
  wifi: [
    { ssid: "Čvorište 🦗", password: "lozinka s č i ž" },
    { ssid: "café", password: "" },
    { ssid: '"quoted\\"', password: "0123456789abcdefABCDEF0123456789abcdef0123456789abcdef0123456789" },
  ],
  host: "192.168.1.10",
  port: 8883,
  user: "korisnik-ž",
  password: '"p\\ass"',
  root: "cvrči/cvrčak/na/čvoru",
  mode: "battery",
  wiring: "rst+gpio",
  keepAliveSeconds: 3600,
  double: false,
  full: "drop-oldest",
  lowMillivolts: 2000,
  quiet: true,
  convention: "tasmota",
});

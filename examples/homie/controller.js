// A Homie 5 controller in the terminal, made of node-homie: a line for each state and each value of every device, and
// what is typed as `device/node/property value` is set. It knows nothing of alertbox but what Homie says of it.

import { createInterface } from "node:readline";
import { DeviceDiscovery, HomieDeviceManager } from "node-homie";

const [url = "mqtt://localhost:1883", ...more] = process.argv.slice(2);
const say = (/** @type {string[]} */ ...words) => process.stdout.write(`${words.join(" ")}\n`);

const USAGE = "use: npm --prefix examples/homie start -- mqtt://[user:password@]host[:port]";

/** Ends with a sentence; the URL may hold a password, and is not repeated. */
function fail(/** @type {string} */ text, /** @type {1 | 2} */ status) {
  process.stderr.write(`homie: ${text}\n`);
  process.exit(status);
}

/** What the library's client says, as what to do. */
function complain(/** @type {unknown} */ error) {
  const { code, message } = /** @type {{ code?: unknown; message: string }} */ (error);
  if (code === "ECONNREFUSED")
    fail("nothing listens there. Is the broker running (npm start), and is that its port?", 1);
  if (code === "ENOTFOUND") fail("nobody knows that host. Check the broker's name, or give its address", 1);
  if (code === 4 || code === 5) fail("the broker refuses the login. Give mqtt://user:password@host", 1);
  fail(`the broker cannot be used: ${message}`, 1);
}

if (more.length > 0 || !/^mqtts?:\/\/[^/]+\/?$/.test(url)) fail(USAGE, 2);
process.on("uncaughtException", complain);

const devices = new HomieDeviceManager();
const discovery = new DeviceDiscovery({ url }, undefined, 0);

/** Calls back once for each node or property that is there now or later. */
function forEach(/** @type {any} */ store$, /** @type {(each: any) => void} */ use) {
  const known = new Set();
  store$.subscribe((/** @type {Record<string, unknown>} */ found) => {
    for (const each of Object.values(found)) if (!known.has(each) && known.add(each)) use(each);
  });
}

function show(/** @type {any} */ device) {
  let before = "";
  device.state$.subscribe((/** @type {string} */ state) => {
    if (state !== undefined && state !== before) say(device.id, state);
    before = state;
  });
  forEach(device.nodes$, (node) => {
    forEach(node.properties$, (property) => {
      const { datatype, settable, unit = "" } = property.attributes;
      const name = `${device.id}/${node.id}/${property.id}`;
      say(name, `(${datatype}${settable ? ", settable" : ""})`);
      property.value$.subscribe((/** @type {string | undefined} */ value) => {
        if (value !== undefined) say(name, value, unit);
      });
    });
  });
}

discovery.events$.subscribe((event) => {
  if (event.type === "add" && !devices.hasDevice(event.deviceId)) {
    const device = devices.add(event.makeDevice());
    show(device);
    void device.onInit();
  } else if (event.type === "remove") {
    void devices.removeDevice(event.deviceId)?.onDestroy();
    say(event.deviceId, "removed");
  }
});

createInterface({ input: process.stdin }).on("line", (line) => {
  const [place = "", ...words] = line.trim().split(" ");
  const [device = "", node = "", property = ""] = place.split("/");
  const found = devices.devices[device]?.get(node)?.get(property);
  if (found === undefined) say(`${place}: there is no such property`);
  else found.setCommand$(words.join(" ")).subscribe();
});

await discovery.onInit().catch(complain);
say(`looking for Homie devices at ${url}`);

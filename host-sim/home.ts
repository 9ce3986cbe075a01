// The simulated home, the same for every bench and world: its Wi-Fi, and what else a scan finds. Data only.

/** The home of the virtual boards. Its password is no secret: the network does not exist. */
export const HOME = Object.freeze({ ssid: "home", password: "correct horse" } as const);

/** What else the boards of a bench hear: an open network that leads nowhere, and one behind a wall. */
export const NEIGHBOURS = Object.freeze([
  { ssid: "Café Cvrčak", rssi: -68, channel: 11, hasInternet: false, subnet: "10.1.0" },
  { ssid: "neighbour", password: "not for you", rssi: -84, channel: 1, subnet: "10.2.0" },
] as const);

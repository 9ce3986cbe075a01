// `net` as modules/network/net/net.js and esp/modNet.c, modResolve.c of Moddable SDK 8.2.3 make it on an ESP8266. Kept
// from there: what cannot be told is undefined, but RSSI is 31 then (the SDK's value for "failed"); the BSSID comes as
// text in capitals, which is not what `WiFi.connect` wants.

import { type Host, requireAlive } from "../host.js";
import { RadioMode } from "../radio.js";
import { createResolver, type Resolved } from "../resolver.js";
import { softAddress } from "../soft-access-point.js";

/** wifi_station_get_rssi without an access point. */
const unknownRssi = 31;

export function create(host: Host) {
  const radio = host.board.airspace.radioFor(host);
  const resolve = createResolver(host);

  /** The interface that a call is about. */
  function which(name: unknown): "station" | "ap" | undefined {
    const isStation = (radio.mode & RadioMode.station) !== 0;
    const isAccessPoint = (radio.mode & RadioMode.accessPoint) !== 0;
    if (name === "station") return isStation ? "station" : undefined;
    if (name === "ap") return isAccessPoint ? "ap" : undefined;
    // With both there is no default.
    if (radio.mode === RadioMode.station) return "station";
    return radio.mode === RadioMode.accessPoint ? "ap" : undefined;
  }

  function address(name: unknown): string | undefined {
    switch (which(name)) {
      case "station":
        return radio.shownLease?.address;
      case "ap":
        return radio.softAccessPoint === undefined ? undefined : softAddress;
      default:
        return undefined;
    }
  }

  /** The access point's interface has the locally administered form of the station's address. */
  function mac(name: unknown): string | undefined {
    const nif = which(name);
    if (nif === undefined) return undefined;
    return (nif === "station" ? radio.mac : `5e${radio.mac.slice(2)}`).toUpperCase();
  }

  function get(what: unknown, name?: unknown): unknown {
    requireAlive(host);
    switch (String(what)) {
      case "IP":
        return address(name);
      case "MAC":
        return mac(name);
      case "SSID":
        return radio.config?.ssid;
      case "BSSID":
        return (radio.accessPoint?.bssid ?? radio.config?.bssid ?? "00:00:00:00:00:00").toUpperCase();
      case "RSSI":
        return radio.accessPoint?.rssi ?? unknownRssi;
      case "CHANNEL":
        return radio.channel;
      case "DNS":
        return radio.shownLease === undefined ? [] : [radio.shownLease.nameServer];
      default:
        return undefined;
    }
  }

  return {
    default: {
      get,
      /** Calls back with the name, and its address when it has one; one name after the other. */
      resolve(name: unknown, callback: Resolved): void {
        requireAlive(host);
        resolve(String(name), callback);
      },
    },
  };
}

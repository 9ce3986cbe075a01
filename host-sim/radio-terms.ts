// What the SDK's Wi-Fi calls things: modes, status, reasons, configurations; and the times that the simulated radio
// takes, from published measurements that are named. Data only; radio.ts and soft-access-point.ts act on it.

/** `WiFi.mode`: NULL_MODE, STATION_MODE, SOFTAP_MODE, STATIONAP_MODE of the SDK. */
export const RadioMode = Object.freeze({ none: 0, station: 1, accessPoint: 2, both: 3 } as const);

/** `wifi_station_get_connect_status()` of the SDK. */
export const StationStatus = Object.freeze({
  idle: 0,
  connecting: 1,
  wrongPassword: 2,
  noAccessPointFound: 3,
  failed: 4,
  gotIP: 5,
} as const);

export type StationStatus = (typeof StationStatus)[keyof typeof StationStatus];

/** The reasons that this simulator gives, numbers of the SDK's user_interface.h. */
export const DisconnectReason = Object.freeze({
  authenticationLeft: 3,
  associationLeft: 8,
  handshakeTimeout: 15,
  beaconTimeout: 200,
  noAccessPointFound: 201,
} as const);

/** Times of the radio, ms. */
export const RadioTimes = Object.freeze({
  /**
   * A search of one channel for a network that is known to be there: esp8266-wifi-timing, 197 ms for everything cached.
   */
  probe: 58,
  /** A search over 13 channels takes 2,080 ms: "scandone" comes about 2.1 s after the start in the SDK's log. */
  scanChannel: 160,
  /**
   * 4,096 rounds of HMAC-SHA1 for the key from a passphrase: the 1,086 against 197 ms of esp8266-wifi-timing, without
   * and with a station configuration that the SDK keeps.
   */
  deriveKey: 889,
  /** Authentication and association. */
  associate: 40,
  /** The four-way handshake. */
  handshake: 80,
  /** hostapd gives up a handshake after 100 ms and three times 1 s (wpa_auth.c). */
  handshakeTimeout: 3_100,
  /** No beacon for so long and the station is lost: default inactive time of Espressif's SDKs. */
  beaconTimeout: 6_000,
  /** "reconnect after 1s" in the SDK's log: the station tries again by itself for ever (reconnect policy on). */
  retry: 1_000,
  /** DHCP without an answer. Not measured. */
  dhcpTimeout: 60_000,
  /**
   * How long a phone takes to find an access point again that has moved to another channel. Assumed: it has to miss
   * beacons and to search. That it loses the connection then is told in esp8266/Arduino #1028, #2001 and #4322.
   */
  follow: 3_000,
  /** How soon it looks again when it found nothing. Assumed. */
  lookAgain: 500,
  /**
   * Saving a station configuration: one sector is erased and written with the CPU standing still; tSE of the W25Q32FV
   * datasheet. That the SDK erases once and no more is assumed.
   */
  save: 46,
} as const);

/** What `wifi_station_set_config_current` and `wifi_set_channel` are told. */
export interface StationConfig {
  readonly ssid: string;
  /** Passphrase, 64 hex digits, or empty. */
  readonly password: string;
  /** `aa:bb:cc:dd:ee:ff` when the station shall join this one only. */
  readonly bssid: string | undefined;
  readonly channel: number | undefined;
}

export type StationEvent =
  | { readonly type: "connected" }
  | { readonly type: "disconnected"; readonly reason: number }
  | { readonly type: "gotIP" }
  | { readonly type: "dhcpTimeout" };

export interface ScanResult {
  readonly ssid: string;
  readonly bssid: string;
  readonly channel: number;
  readonly rssi: number;
  readonly hidden: boolean;
  readonly open: boolean;
}

/** What `wifi_softap_set_config_current` is told. */
export interface SoftConfig {
  readonly ssid: string;
  /** Empty for an open network. */
  readonly password: string;
  readonly channel: number;
  readonly hidden: boolean;
  /** How many stations it takes, `max_connection`; the SDK's default is 4. */
  readonly limit: number;
}

/** What DHCP gives a station, or firmware in its place: dotted addresses. */
export interface Lease {
  readonly address: string;
  readonly mask: string;
  readonly gateway: string;
  readonly nameServer: string;
}

/**
 * What the SDK keeps of a station in its own sectors at the end of the flash, over power loss
 * (`wifi_station_set_config`).
 */
export interface KeptStation {
  readonly config: StationConfig;
  /** The key is kept beside the passphrase once it was derived. */
  readonly hasKey: boolean;
}

// The names of the RTC memory's bytes and flags, as src/device/rtc-memory.ts lists them: in its code stand numbers,
// because names take flash there. Tests compare the two.

export const RtcAt = Object.freeze({
  VERSION: 0,
  ATTEMPT: 1,
  FLAGS: 2,
  QUICK: 3,
  BAD: 4,
  WAKES: 5,
  NETWORK: 6,
  CHANNEL: 7,
  BSSID: 8,
  LEASE: 16,
  BROKER: 32,
  MARK: 36,
  CRASH: 40,
} as const);

export const RtcFlag = Object.freeze({ PLAIN_ORDER: 1, PLANNED: 2, CACHED: 4, TOLD: 8 } as const);

/** The first byte, and how many there are. */
export const RtcLayout = Object.freeze({ VERSION: 2, LENGTH: 104 } as const);

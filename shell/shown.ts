// Texts for a terminal: times, figures, and what a stranger has sent, which must not steer the terminal. Pure.

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be kept away from the terminal.
const CONTROLS = /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** A text with a dot in place of each character that could steer a terminal, cut to a length that a line can bear. */
export function shown(text: string, most = 200): string {
  const safe = text.replace(CONTROLS, "·");
  return safe.length > most ? `${safe.slice(0, most - 1)}…` : safe;
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** `2026-11-23 14:05:09`, local time. */
export function shownTime(at: Date): string {
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** `now`, `42 s`, `7 min`, `3 h`, `12 d`. */
export function shownAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 2) return "now";
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  return seconds < 172_800 ? `${Math.floor(seconds / 3600)} h` : `${Math.floor(seconds / 86_400)} d`;
}

/** A supply of so many millivolts as `3.01 V`; "" when it is none. */
export function shownVolts(millivolts: unknown): string {
  return typeof millivolts === "number" && millivolts > 0 ? `${(millivolts / 1000).toFixed(2)} V` : "";
}

/** A signal as `-61 dBm`; "" when it is none. */
export function shownSignal(rssi: unknown): string {
  return typeof rssi === "number" && rssi !== 0 ? `${rssi} dBm` : "";
}

// How text is written to a terminal: with colours or without, and never with a character that moves the cursor. Knows
// text only.

export interface Look {
  readonly colour: boolean;
  /** Whether more than ASCII may be written. */
  readonly unicode: boolean;
}

// Select graphic rendition codes (ECMA-48 §8.3.117).
export const Sgr = Object.freeze({
  plain: "0",
  bold: "1",
  dim: "2",
  red: "31",
  green: "32",
  yellow: "33",
  blue: "34",
  magenta: "35",
  cyan: "36",
} as const);

export type Sgr = (typeof Sgr)[keyof typeof Sgr];

export function paint(look: Look, code: Sgr, text: string): string {
  return look.colour && code !== Sgr.plain ? `\x1b[${code}m${text}\x1b[0m` : text;
}

/** Text for a terminal: control characters of a payload must not move the cursor. */
export function harmless(text: string): string {
  let result = "";
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    result += code < 32 || (code >= 127 && code < 160) ? "?" : character;
  }
  return result;
}

// JSON text, written by hand. JSON.stringify of XS takes 1,024 bytes outside of the JavaScript heap for each call and
// stops the machine when Wi-Fi has left none (xsJSON.c); and its code would be linked for the few texts of ours. Text
// in, text out.

/** A JSON string: quotes, backslashes and control characters escaped, everything else as it is. */
export function quoted(text: string): string {
  let result = '"';
  let from = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code >= 0x20 && code !== 0x22 && code !== 0x5c) continue;
    result += text.substring(from, i);
    result += code < 0x20 ? `\\u00${code < 16 ? "0" : ""}${code.toString(16)}` : `\\${text.charAt(i)}`;
    from = i + 1;
  }
  return `${result}${text.substring(from)}"`;
}

/** `,"name":"text"`, or nothing for an empty text. */
export function optional(name: string, text: string): string {
  return text === "" ? "" : `,"${name}":${quoted(text)}`;
}

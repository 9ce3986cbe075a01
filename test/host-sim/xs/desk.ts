// Runs a command of the lab in this process, as a person would, and keeps what it says.

import { type Command, type Context, run } from "../../../board/report.js";

/** What a command said, and how it ended. */
export interface Said {
  readonly status: number;
  readonly out: string;
  readonly err: string;
}

export async function say(command: Command, ...args: string[]): Promise<Said> {
  let out = "";
  let err = "";
  const context: Context = {
    args,
    env: process.env,
    platform: process.platform,
    home: "/nonexistent",
    root: "/nonexistent",
    devices: "/nonexistent",
    groups: "/nonexistent",
    user: "ana",
    mayOpen: () => false,
    out: (text) => {
      out += text;
    },
    err: (text) => {
      err += text;
    },
    isTerminal: false,
    signal: new AbortController().signal,
  };
  const status = await run(command, context);
  return { status, out, err };
}

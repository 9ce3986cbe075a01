// Runs a command of bench/ in this process, as somebody at a desk would, and keeps what it writes.

import { type Command, type Context, run } from "../../board/report.js";

export interface Printed {
  readonly status: number;
  readonly output: string;
  readonly errors: string;
}

export async function print(command: Command, args: readonly string[], isTerminal = false): Promise<Printed> {
  let output = "";
  let errors = "";
  const context: Context = {
    args,
    env: {},
    platform: "linux",
    home: "/home/ana",
    root: "/",
    devices: "/dev",
    groups: "/etc/group",
    user: "ana",
    mayOpen: () => false,
    out: (text) => {
      output += text;
    },
    err: (text) => {
      errors += text;
    },
    isTerminal,
    signal: new AbortController().signal,
  };
  const status = await run(command, context);
  return { status, output, errors };
}

// The two programs that have the engine inside, as something to start: on the host, or on the ESP8266's instruction set
// under QEMU. Built by build.ts; here is only how they are called.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { projectDirectory } from "./sources.js";

export type EngineName = "xs32" | "lx106";

export interface Engine {
  readonly name: EngineName;
  /** The host program, which has XS's parser. */
  readonly compiler: string;
  /** A command line that runs the program with these arguments. */
  readonly command: (values: readonly string[]) => readonly string[];
}

/** Where images of bytecode are kept. Made when it is missing. */
export function imagesDirectory(): string {
  const directory = join(projectDirectory, "node_modules/.cache/alertbox/xs/images");
  mkdirSync(directory, { recursive: true });
  return directory;
}

// Both engines, built and ready: what every command here begins with, and what a test asks for by name.

import { type Build, build } from "./build.js";
import type { EngineName } from "./engine.js";
import { projectDirectory } from "./sources.js";
import { XsImage } from "./xs-image.js";

/**
 * Builds what is missing; that is told on stderr.
 * @throws Failure with what to type when something is not installed on this machine.
 */
export async function readyEngines(err: (text: string) => void): Promise<Build> {
  return build({ env: process.env, platform: process.platform, root: projectDirectory, err });
}

/** The firmware of src on an engine, as an image for any board. @throws RangeError for a name that is none. */
export async function engineImage(name: string, err: (text: string) => void): Promise<XsImage> {
  const names: readonly string[] = ["xs32", "lx106"] satisfies readonly EngineName[];
  if (!names.includes(name)) throw new RangeError(`there is no engine ${JSON.stringify(name)}: ${names.join(" or ")}`);
  const { host, target } = await readyEngines(err);
  return new XsImage(name === host.name ? host : target);
}

// One run of mcconfig for this project, watched: progress for the person, the whole log, the warnings that are ours,
// and where the build left its files. Used by `npm run firmware` and `npm run flash`.

import { existsSync, readFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { ask, follow } from "./program.js";
import { type Project, readProject } from "./project.js";
import { type Context, coloured, Failure, findingLine, Status } from "./report.js";
import { inspect, notReady, type Sdk } from "./sdk.js";
import { measure, type Sizes } from "./sizes.js";

/** Forms of an image: mcconfig's flag, and the folder its makefile uses (mcconfig.js, MakeFile). */
export const Forms = Object.freeze({
  release: Object.freeze({ flags: Object.freeze([]) as readonly string[] }),
  debug: Object.freeze({ flags: Object.freeze(["-d"]) as readonly string[] }),
  instrument: Object.freeze({ flags: Object.freeze(["-i"]) as readonly string[] }),
} as const);

export interface Target {
  readonly platform: string;
  readonly form: keyof typeof Forms;
  readonly verbose: boolean;
  /** No progress and no log on stdout: it is for a script. */
  readonly quiet: boolean;
  /** Build everything of this project anew. */
  readonly clean: boolean;
}

export interface Build {
  readonly sdk: Sdk;
  /** Lines of the log that warn of our own sources. */
  readonly warnings: readonly string[];
  /** undefined when the toolchain could not read the image. */
  readonly sizes: Sizes | undefined;
}

/** A sign of life comes at least this often. */
const PROGRESS_MS = 1500;
/** Lines of the log that are shown when a build fails. */
const TAIL_LINES = 40;

/** What a line of mcconfig's output means for a person; undefined when nothing new. */
function stepOf(line: string): string | undefined {
  const match = /^# (tsc|xsc|xsid|xsl|mcrez|cc|cpp|ld|ar|uploading)\b\s*(.*)$/.exec(line);
  if (match === null) return undefined;
  const [, tool = "", what = ""] = match;
  const words: Readonly<Record<string, string>> = {
    tsc: "TypeScript",
    xsc: "byte code",
    xsl: "linking",
    ld: "linking",
  };
  return `${words[tool] ?? tool} ${what}`.trim();
}

/** Prints what the tools are doing, a line each 1.5 s, until `stop` is called. */
class Progress {
  readonly #since = Date.now();
  readonly #timer: NodeJS.Timeout;
  #step = "starting";

  constructor(context: Context) {
    this.#timer = setInterval(() => {
      const seconds = String(Math.round((Date.now() - this.#since) / 1000)).padStart(4);
      context.out(`${coloured(context, "grey", `${seconds} s  ${this.#step}`)}\n`);
    }, PROGRESS_MS);
  }

  line(line: string): void {
    this.#step = stepOf(line) ?? this.#step;
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

/** Warnings that our own sources or modules cause; those of the SDK's files are not ours to mend. */
export function ownWarnings(log: string, root: string, project: Project): string[] {
  const src = `${root.replaceAll("\\", "/")}/src/`;
  const manifest = `${root.replaceAll("\\", "/")}/manifest.json`;
  return log.split("\n").filter((line) => {
    const text = line.replaceAll("\\", "/");
    if (!/\bwarning\b/i.test(text)) return false;
    // xsl names what is not frozen by its module: `### warning: mqtt/session.exports...: not frozen`.
    const module = /^### warning: ([\w:/-]+)/.exec(text)?.[1];
    if (module !== undefined && project.folders.has(module)) return true;
    return text.includes(src) || text.startsWith("src/") || text.startsWith(manifest);
  });
}

function folders(sdk: Sdk, context: Context, target: Target): { tmp: string; bin: string } {
  const build = (kind: string) =>
    join(sdk.moddable ?? "", "build", kind, ...target.platform.split("/"), target.form, basename(context.root));
  return { tmp: build("tmp"), bin: build("bin") };
}

function readIf(path: string): string {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

function sizesOf(sdk: Sdk, tmp: string, bin: string, project: Project): Sizes | undefined {
  const size = join(sdk.toolchain ?? "", "xtensa-lx106-elf-size");
  const { output } = ask(size, ["-A", join(tmp, "main.elf")], sdk.env);
  return measure({
    sizes: output,
    map: readIf(join(bin, "main.txt")),
    image: readIf(join(tmp, "mc.xs.c")),
    folders: project.folders,
    objects: project.objects,
  });
}

/** The arguments of mcconfig for a make target of this project. */
export function mcconfigArguments(context: Context, target: Target, goal: "build" | "deploy"): string[] {
  const { flags } = Forms[target.form];
  return [...flags, "-m", "-p", target.platform, "-t", goal, join(context.root, "manifest.json")];
}

/** What the person should look at first in the log of a build that failed. */
function firstError(log: string): string | undefined {
  return log.split("\n").find((line) => /\berror\b[ :]/i.test(line) || line.startsWith("### Error"));
}

/** The SDK, when nothing is missing. @throws Failure with doctor's words otherwise. */
export function readySdk(context: Context): Sdk {
  const sdk = inspect(context);
  const line = notReady(sdk.checks);
  if (line === undefined) return sdk;
  for (const check of sdk.checks) {
    if (check.finding !== "missing") continue;
    context.err(findingLine(context, check.finding, check.text));
    for (const fix of check.fix) context.err(`    ${fix}\n`);
  }
  throw new Failure(`${line}  (npm run doctor says more)`);
}

/**
 * Builds the image.
 * @throws Failure when something is missing, when the build fails, or when it is interrupted.
 */
export async function build(context: Context, target: Target): Promise<Build> {
  const sdk = readySdk(context);
  const project = readProject(context.root);
  const { tmp, bin } = folders(sdk, context, target);
  if (target.clean) rmSync(tmp, { recursive: true, force: true });
  if (!target.quiet) context.out(`Building ${target.platform}, ${target.form}, with ${sdk.moddable}\n`);
  const progress = target.quiet || target.verbose ? undefined : new Progress(context);
  const answer = await follow(
    context,
    sdk.mcconfig ?? "mcconfig",
    mcconfigArguments(context, target, "build"),
    { env: sdk.env, cwd: context.root },
    (line) => {
      progress?.line(line);
      if (target.verbose) (target.quiet ? context.err : context.out)(`${line}\n`);
    },
  );
  progress?.stop();
  if (context.signal.aborted) throw new Failure("interrupted; nothing was flashed");
  if (answer.status !== 0) {
    if (!target.verbose) context.err(`${answer.output.split("\n").slice(-TAIL_LINES).join("\n")}\n\n`);
    const cause = firstError(answer.output);
    throw new Failure(`the build failed${cause === undefined ? "" : `: ${cause.trim()}`}`);
  }
  const warnings = ownWarnings(answer.output, context.root, project);
  const sizes = sizesOf(sdk, tmp, bin, project);
  // make would not compile those files again, and the warnings would be gone: the next build starts anew.
  if (warnings.length > 0) rmSync(tmp, { recursive: true, force: true });
  return { sdk, warnings, sizes };
}

/** `--platform` as mcconfig knows it. @throws Failure with status 2. */
export function platformOption(given: string | undefined): string {
  const platform = given ?? "esp/nodemcu";
  if (/^esp\/\w+$/.test(platform)) return platform;
  throw new Failure(
    `--platform is esp/ and a board, for example esp/nodemcu, not ${JSON.stringify(platform)}`,
    Status.USAGE,
  );
}

// A program for Node as the image of a simulated board: bundled by esbuild with the board's modules left external, its
// timers and queues replaced by those of runtime.js. So another client stands in the same world, under the same faults,
// as our firmware. Knows nothing of what the program does.

import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import type { Host } from "../../host-sim/host.js";
import type { Image } from "../../host-sim/image.js";

const boardModules = ["timer", "time", "wifi", "embedded:io/digital", "embedded:io/socket/tcp", "peer"];

type Script = (
  module: { exports: { default?: () => void } },
  require: (specifier: string) => unknown,
  ownGlobal: unknown,
) => void;

export class PeerImage implements Image {
  readonly #script: Script;
  readonly #peerFor: (host: Host) => Readonly<Record<string, unknown>>;

  /**
   * @param file a JavaScript file beside this one; its default export boots the program.
   * @param peerFor gives what the program imports from "peer", for a boot.
   */
  constructor(file: string, peerFor: (host: Host) => Readonly<Record<string, unknown>>) {
    const { outputFiles } = buildSync({
      entryPoints: [fileURLToPath(new URL(file, import.meta.url))],
      bundle: true,
      write: false,
      format: "cjs",
      platform: "node",
      external: boardModules,
      inject: [fileURLToPath(new URL("runtime.js", import.meta.url))],
      logLevel: "error",
    });
    const text = outputFiles[0]?.text ?? "";
    const head = "const global = ownGlobal, globalThis = ownGlobal;";
    this.#script = new Function("module", "require", "ownGlobal", `${head}\n${text}`) as Script;
    this.#peerFor = peerFor;
  }

  boot(resolve: (specifier: string) => unknown, globals: Readonly<Record<string, unknown>>, host?: Host): void {
    if (host === undefined) throw new TypeError("a peer's image needs to know its boot");
    const module: { exports: { default?: () => void } } = { exports: {} };
    // What the program puts on its global object, runtime.js's process above all, is its own.
    const own: Record<PropertyKey, unknown> = { trace: globals["trace"] };
    const given = new Proxy(own, {
      get: (target, name) => (name in target ? target[name] : Reflect.get(globalThis, name)),
    });
    this.#script(
      module,
      (specifier) => {
        if (specifier === "peer") return this.#peerFor(host);
        // As Node sees a module of another kind: what it exports by default.
        if (boardModules.includes(specifier)) return (resolve(specifier) as { default: unknown }).default;
        return nodeModule(specifier);
      },
      given,
    );
    module.exports.default?.();
  }
}

/** What the program takes from Node itself: Buffer, EventEmitter and the like, nothing that waits. */
function nodeModule(specifier: string): unknown {
  return process.getBuiltinModule(specifier.replace("node:", ""));
}

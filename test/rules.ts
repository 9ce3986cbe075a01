// The rules of the architecture, as functions over one source file, so that a test can show each of them failing. A
// file is parsed by acorn after esbuild has removed the types: what is looked at is what would run.

import { type Node, parse } from "acorn";
import { transformSync } from "esbuild";

export interface SourceFile {
  /** Path from the project's root, with "/". */
  readonly path: string;
  readonly text: string;
}

/** acorn's own types leave most fields out; the rules look at a few of them. */
interface AnyNode extends Node {
  [key: string]: unknown;
}

const PURE_FOLDERS = ["src/mqtt/", "src/alertbox/", "src/setup/"];

/** Globals that reach time, chance, the world outside or the host: forbidden in pure files. */
const IMPURE_GLOBALS = new Set([
  "trace",
  "System",
  "device",
  "Date",
  "setTimeout",
  "setInterval",
  "setImmediate",
  "queueMicrotask",
  "performance",
  "console",
  "process",
  "Buffer",
  "globalThis",
  "TextEncoder",
  "TextDecoder",
  "Promise",
  "require",
]);

/** Specifiers that `src/device` may import; everything else has no adapter. */
const DEVICE_SPECIFIERS = /^(timer|time|wifi|net|flash|chip|embedded:[a-z/]+)$/;

export function isPure(path: string): boolean {
  return PURE_FOLDERS.some((folder) => path.startsWith(folder));
}

/** Every breach of DESIGN §4 in one file of `src`, as readable lines; empty when there is none. */
export function breaches(file: SourceFile): string[] {
  const found: string[] = [];
  const program = parseFile(file);
  for (const specifier of importsOf(file)) checkImport(file.path, specifier, found);
  if (isPure(file.path)) checkPure(program, found);
  checkTopLevel(program, found);
  return found.map((line) => `${file.path}: ${line}`);
}

function parseFile(file: SourceFile): AnyNode {
  const { code } = transformSync(file.text, { loader: "ts", target: "es2022" });
  return parse(code, { ecmaVersion: "latest", sourceType: "module" }) as unknown as AnyNode;
}

/** Specifiers of all imports and re-exports, type-only ones included. */
export function importsOf(file: SourceFile): string[] {
  const found: string[] = [];
  for (const match of file.text.matchAll(/^\s*(?:import|export)\b[^"';]*?from\s+"([^"]+)"/gms))
    found.push(match[1] ?? "");
  for (const match of file.text.matchAll(/\bimport\s*\(?\s*"([^"]+)"/g)) found.push(match[1] ?? "");
  return found;
}

function isTypeOnlyImport(file: SourceFile, specifier: string): boolean {
  const text = specifier.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`import type [^"]*from "${text}"`).test(file.text);
}

function checkImport(path: string, specifier: string, found: string[]): void {
  if (specifier.startsWith("node:")) found.push(`imports ${specifier}: src knows nothing of Node`);
  if (specifier.includes("host-sim")) found.push(`imports ${specifier}: src does not know that a simulator exists`);
  const relative = specifier.startsWith(".");
  if (relative && !specifier.endsWith(".js")) found.push(`imports ${specifier}: write the extension .js`);
  const target = relative ? resolve(path, specifier) : specifier;
  const folder = path.slice(0, path.lastIndexOf("/") + 1);
  if (isPure(path)) {
    if (!relative) found.push(`imports ${specifier}: a pure file imports only within its folder`);
    else if (!target.startsWith(folder) && !(folder === "src/alertbox/" && target.startsWith("src/mqtt/"))) {
      found.push(`imports ${specifier}: a pure file imports only within its folder`);
    }
  } else if (path.startsWith("src/device/")) {
    if (relative && !target.startsWith("src/device/") && !target.startsWith("src/mqtt/")) {
      found.push(`imports ${specifier}: an adapter imports Moddable specifiers, its own folder and src/mqtt`);
    }
    if (!relative && !DEVICE_SPECIFIERS.test(specifier))
      found.push(`imports ${specifier}: no adapter uses this module`);
  }
}

/** `alertbox` may import types from `mqtt`, and nothing but types. */
export function valueImportsAcross(file: SourceFile): string[] {
  if (!file.path.startsWith("src/alertbox/")) return [];
  return importsOf(file)
    .filter((specifier) => resolve(file.path, specifier).startsWith("src/mqtt/") && !isTypeOnlyImport(file, specifier))
    .map((specifier) => `${file.path}: imports values from ${specifier}: types only`);
}

function resolve(path: string, specifier: string): string {
  return new URL(specifier, `file:///${path}`).pathname.slice(1);
}

function checkPure(program: AnyNode, found: string[]): void {
  walk(program, (node, parent, key) => {
    if (node.type === "Identifier" && IMPURE_GLOBALS.has(node["name"] as string) && isReference(node, parent, key)) {
      found.push(`uses ${node["name"]}: a pure file gets time, chance and bytes as arguments`);
    }
    if (node.type === "MemberExpression") {
      const object = node["object"] as AnyNode;
      const property = node["property"] as AnyNode;
      if (object["name"] === "Math" && property["name"] === "random") {
        found.push("uses Math.random: a pure file gets random numbers as arguments");
      }
    }
    if (node.type === "AwaitExpression" || node["async"] === true) found.push("uses async: src has callbacks only");
  });
}

/** An identifier that is a name of a property or a key refers to no global. */
function isReference(_node: AnyNode, parent: AnyNode | undefined, key: string): boolean {
  if (parent === undefined) return true;
  if (parent.type === "MemberExpression" && key === "property") return parent["computed"] === true;
  if (key === "key") return parent["computed"] === true;
  return true;
}

/** A preloaded module lives in flash: at top level nothing may change. */
function checkTopLevel(program: AnyNode, found: string[]): void {
  for (const statement of program["body"] as AnyNode[]) {
    const declaration = (statement["declaration"] as AnyNode | undefined | null) ?? statement;
    switch (declaration.type) {
      case "ImportDeclaration":
      case "ExportNamedDeclaration":
      case "ExportAllDeclaration":
      case "FunctionDeclaration":
        break;
      case "ClassDeclaration":
        checkStatics(declaration, found);
        checkNames(declaration, found);
        break;
      case "VariableDeclaration":
        checkVariables(declaration, found);
        break;
      default:
        if (statement.type === "ExportDefaultDeclaration" && isFrozen(declaration)) break;
        found.push(`runs a ${declaration.type} at top level: a preloaded module only declares`);
    }
  }
}

function checkStatics(declaration: AnyNode, found: string[]): void {
  for (const member of ((declaration["body"] as AnyNode)["body"] as AnyNode[]) ?? []) {
    if (member.type !== "PropertyDefinition" || member["static"] !== true) continue;
    const value = member["value"] as AnyNode | null;
    if (value === null || !isFrozen(value))
      found.push("keeps a mutable static field: a preloaded module holds no state");
  }
}

/**
 * XS puts every private method into every instance as a slot of RAM, and every private name that a function mentions
 * into flash and, while the function runs, onto the stack (xsCode.c). A TypeScript `private` costs nothing of that.
 */
function checkNames(declaration: AnyNode, found: string[]): void {
  for (const member of ((declaration["body"] as AnyNode)["body"] as AnyNode[]) ?? []) {
    const key = member["key"] as AnyNode | undefined;
    if (key?.type !== "PrivateIdentifier") continue;
    found.push(`declares #${key["name"] as string}: write \`private _${key["name"] as string}\`, which costs no slots`);
  }
}

function checkVariables(declaration: AnyNode, found: string[]): void {
  for (const variable of declaration["declarations"] as AnyNode[]) {
    const name = (variable["id"] as AnyNode)["name"] as string;
    if (declaration["kind"] !== "const")
      found.push(`declares ${declaration["kind"]} ${name} at top level: mutable state`);
    const value = variable["init"] as AnyNode | null;
    if (value === null || !isFrozen(value)) found.push(`declares ${name} at top level without Object.freeze`);
  }
}

/**
 * Numbers, strings, functions, frozen literals, and calls of functions of the same file (which freeze what they
 * return).
 */
function isFrozen(value: AnyNode): boolean {
  switch (value.type) {
    case "Literal":
    case "TemplateLiteral":
    case "UnaryExpression":
    case "BinaryExpression":
    case "ArrowFunctionExpression":
    case "FunctionExpression":
    case "MemberExpression":
      return true;
    case "CallExpression": {
      const callee = value["callee"] as AnyNode;
      const object = callee["object"] as AnyNode | undefined;
      return object?.["name"] === "Object" && (callee["property"] as AnyNode)["name"] === "freeze";
    }
    default:
      return false;
  }
}

function walk(
  node: AnyNode,
  visit: (node: AnyNode, parent: AnyNode | undefined, key: string) => void,
  parent?: AnyNode,
  key = "",
): void {
  visit(node, parent, key);
  for (const [name, value] of Object.entries(node)) {
    const children = Array.isArray(value) ? value : [value];
    for (const child of children) {
      if (child !== null && typeof child === "object" && typeof (child as AnyNode).type === "string") {
        walk(child as AnyNode, visit, node, name);
      }
    }
  }
}

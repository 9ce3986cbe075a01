// What the Homie 5 convention says of a single text: a description document, a payload of a datatype. Every rule is
// from the convention's own words (https://homieiot.github.io/specification/), cited by section. Knows no broker and no
// order of messages; homie-rules.ts does.

/** Something a device does that the convention forbids. */
export interface Breach {
  /** The convention's section. */
  readonly section: string;
  readonly detail: string;
}

export interface HomieProperty {
  readonly datatype: string;
  readonly format: string | undefined;
  readonly settable: boolean;
  readonly retained: boolean;
}

/** What a description promises, by `node/property`. */
export type HomieProperties = ReadonlyMap<string, HomieProperty>;

type Say = (section: string, detail: string) => void;

/** A topic level; one that begins or ends with a hyphen is not forbidden. */
const ID = /^[a-z0-9-]+$/;
const INTEGER = /^-?\d+$/;
const FLOAT = /^-?\d+(\.\d+)?([eE]-?\d+)?$/;
const DATATYPES = ["integer", "float", "boolean", "string", "enum", "color", "datetime", "duration", "json"];
const COLORS = ["rgb", "hsv", "xyz"];

/** Fields of the three kinds of object and what each must be; a trailing "!" is required. */
const DEVICE: Readonly<Record<string, string>> = Object.freeze({
  homie: "string!",
  version: "integer!",
  nodes: "object",
  name: "string",
  type: "string",
  children: "strings",
  root: "string",
  parent: "string",
  extensions: "strings",
});
const NODE: Readonly<Record<string, string>> = Object.freeze({ name: "string", type: "string", properties: "object" });
const PROPERTY: Readonly<Record<string, string>> = Object.freeze({
  name: "string",
  datatype: "string!",
  format: "string",
  settable: "boolean",
  retained: "boolean",
  unit: "string",
});

export function isHomieId(text: string): boolean {
  return ID.test(text);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return value.every((each) => typeof each === "string") ? "strings" : "array";
  if (value === null) return "null";
  return typeof value === "number" && Number.isSafeInteger(value) ? "integer" : typeof value;
}

function objectOf(value: unknown): Record<string, unknown> {
  return kindOf(value) === "object" ? (value as Record<string, unknown>) : {};
}

function checkFields(
  section: string,
  place: string,
  value: unknown,
  fields: Readonly<Record<string, string>>,
  say: Say,
): void {
  if (kindOf(value) !== "object") {
    say(section, `${place} is no object`);
    return;
  }
  const object = value as Record<string, unknown>;
  for (const [name, wanted] of Object.entries(fields)) {
    if (name in object) {
      const kind = kindOf(object[name]);
      const isRight = kind === wanted.replace("!", "");
      if (!isRight) say(section, `${place}: ${name} is ${kind}, not ${wanted.replace("!", "")}`);
    } else if (wanted.endsWith("!")) say(section, `${place}: ${name} is missing`);
  }
  for (const name of Object.keys(object)) if (!(name in fields)) say(section, `${place}: no field ${name} is known`);
}

/** A range of a number's format, `min:max:step`, each of which may be missing. */
function isRange(format: string, isNumber: RegExp): boolean {
  const parts = format.split(":");
  if (parts.length < 2 || parts.length > 3) return false;
  const [min = "", max = "", step = "1"] = parts;
  if (![min, max].every((part) => part === "" || isNumber.test(part)) || !isNumber.test(step)) return false;
  return Number(step) > 0 && (min === "" || max === "" || Number(min) <= Number(max));
}

function formatProblem(datatype: string, format: string | undefined): string | undefined {
  const parts = format?.split(",") ?? [];
  const hasTwins = new Set(parts).size < parts.length;
  switch (datatype) {
    case "enum":
      if (format === undefined) return "an enum needs a format";
      return parts.includes("") || hasTwins ? "an enum's values are not empty, and none is there twice" : undefined;
    case "color":
      if (format === undefined) return "a color needs a format";
      return hasTwins || !parts.every((part) => COLORS.includes(part)) ? "a color's are rgb, hsv, xyz" : undefined;
    case "integer":
    case "float": {
      const isNumber = datatype === "integer" ? INTEGER : FLOAT;
      return format === undefined || isRange(format, isNumber) ? undefined : "a number's is min:max:step";
    }
    case "boolean":
      if (format === undefined) return undefined;
      return parts.length !== 2 || parts.includes("") || hasTwins ? "a boolean's has two values" : undefined;
    case "json":
      return format === undefined || isStructure(format) ? undefined : "a json's is a JSON schema";
    default:
      return undefined;
  }
}

function checkProperty(place: string, value: unknown, say: Say): HomieProperty {
  checkFields("Property Attributes", place, value, PROPERTY, say);
  const { datatype, format, settable, retained } = objectOf(value);
  const type = typeof datatype === "string" ? datatype : "string";
  const text = typeof format === "string" ? format : undefined;
  if (!DATATYPES.includes(type)) say("Property Attributes", `${place}: no datatype ${type} is known`);
  const problem = formatProblem(type, text);
  if (problem !== undefined) say("Formats", `${place}: ${problem}`);
  return { datatype: type, format: text, settable: settable === true, retained: retained !== false };
}

/** What a description promises, and all that is wrong with it. The version is undefined when it is no whole number. */
export function readDescription(text: string): {
  readonly breaches: readonly Breach[];
  readonly version: number | undefined;
  readonly properties: HomieProperties;
} {
  const breaches: Breach[] = [];
  const say: Say = (section, detail) => breaches.push({ section, detail: `$description: ${detail}` });
  const properties = new Map<string, HomieProperty>();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    say("Device Attributes", `no JSON: ${(error as Error).message}`);
    return { breaches, version: undefined, properties };
  }
  checkFields("Device Attributes", "the device", value, DEVICE, say);
  const { homie, version, nodes, children, root, parent, extensions } = objectOf(value);
  if (typeof homie === "string" && !/^5\.\d+$/.test(homie)) say("Device Attributes", `homie is ${homie}, not 5.x`);
  if (parent !== undefined && root === undefined) say("Device hierarchy", "a device with a parent names its root");
  for (const id of [root, parent, ...(Array.isArray(children) ? children : [])]) {
    if (typeof id === "string" && !isHomieId(id)) say("Topic IDs", `${id} is no id of a device`);
  }
  for (const id of Array.isArray(extensions) ? extensions : []) {
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)+$/.test(String(id)) || /(^|\.)homie($|\.)/.test(String(id))) {
      say("Extensions", `${id} is no id of an extension`);
    }
  }
  for (const [nodeId, node] of Object.entries(objectOf(nodes))) {
    if (!isHomieId(nodeId)) say("Topic IDs", `${nodeId} is no id of a node`);
    checkFields("Node Attributes", nodeId, node, NODE, say);
    for (const [id, property] of Object.entries(objectOf(objectOf(node)["properties"]))) {
      if (!isHomieId(id)) say("Topic IDs", `${id} is no id of a property`);
      properties.set(`${nodeId}/${id}`, checkProperty(`${nodeId}/${id}`, property, say));
    }
  }
  return { breaches, version: kindOf(version) === "integer" ? (version as number) : undefined, properties };
}

/** An object or array as JSON. */
function isStructure(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null;
  } catch {
    return false;
  }
}

/** Whether a number keeps within `min:max` after it was rounded to the nearest step (Formats). */
function fits(text: string, format: string | undefined): boolean {
  const [min = "", max = "", step = ""] = (format ?? ":").split(":");
  const base = Number(min !== "" ? min : max !== "" ? max : text);
  const value = step === "" ? Number(text) : base + Math.round((Number(text) - base) / Number(step)) * Number(step);
  return (min === "" || value >= Number(min)) && (max === "" || value <= Number(max));
}

function isColor(text: string, format: string | undefined): boolean {
  const [kind = "", ...numbers] = text.split(",");
  const limits: Readonly<Record<string, readonly number[]>> = {
    rgb: [255, 255, 255],
    hsv: [360, 100, 100],
    xyz: [1, 1],
  };
  const most = limits[kind];
  if (most === undefined || !(format ?? "").split(",").includes(kind) || numbers.length !== most.length) return false;
  return numbers.every((each, at) => FLOAT.test(each) && Number(each) >= 0 && Number(each) <= (most[at] as number));
}

/** Why a payload is none of its property; undefined when it is well. Empty ones take a value away: not asked here. */
export function payloadProblem({ datatype, format }: HomieProperty, text: string): string | undefined {
  const isRight = (): boolean => {
    switch (datatype) {
      case "integer": {
        if (!INTEGER.test(text)) return false;
        const value = BigInt(text);
        return value >= -(2n ** 63n) && value < 2n ** 63n && fits(text, format);
      }
      case "float":
        return FLOAT.test(text) && Number.isFinite(Number(text)) && fits(text, format);
      case "boolean":
        return text === "true" || text === "false";
      case "enum":
        return (format ?? "").split(",").includes(text);
      case "color":
        return isColor(text, format);
      case "datetime":
        return /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text);
      case "duration":
        return /^PT(?=\d)(\d+H)?(\d+M)?(\d+S)?$/.test(text);
      case "json":
        return isStructure(text);
      default:
        return true;
    }
  };
  return isRight()
    ? undefined
    : `${JSON.stringify(text)} is no ${datatype}${format === undefined ? "" : ` (${format})`}`;
}

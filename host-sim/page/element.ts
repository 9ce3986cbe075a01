// The few words in which the page talks to its document. Knows the browser, nothing of the bench.

/** The element with this id. Throws when index.html and the script have drifted apart. */
export function find<T extends Element = HTMLElement>(id: string): T {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`index.html has no element with the id "${id}"`);
  return element as unknown as T;
}

/** A new element with a class and a text; both may be empty. */
export function make(tag: string, className = "", text = ""): HTMLElement {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  if (text !== "") element.textContent = text;
  return element;
}

const SVG = "http://www.w3.org/2000/svg";

export type Attributes = Readonly<Record<string, string | number>>;

/** A new SVG element inside a parent. */
export function draw(parent: Element, tag: string, attributes: Attributes, text = ""): SVGElement {
  const element = document.createElementNS(SVG, tag);
  for (const name of Object.keys(attributes)) element.setAttribute(name, String(attributes[name]));
  if (text !== "") element.textContent = text;
  parent.append(element);
  return element;
}

/** Changes a text only when it differs: a screen reader hears real changes, and layout is left alone. */
export function say(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

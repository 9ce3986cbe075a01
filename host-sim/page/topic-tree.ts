// The broker's topics as a tree, and which of its rows are seen. Arithmetic on views; nothing is shown here.

import type { TopicView } from "./details.js";

export interface TopicRow {
  /** The topic up to here; `a/b` is a row of its own also when only `a/b/c` was published. */
  readonly path: string;
  readonly name: string;
  /** From 1. */
  readonly level: number;
  readonly isOpen: boolean;
  /** How many topics are below this one. */
  readonly below: number;
  readonly view: TopicView | undefined;
}

interface Node {
  readonly path: string;
  readonly name: string;
  readonly children: Map<string, Node>;
  view: TopicView | undefined;
  below: number;
}

function node(path: string, name: string): Node {
  return { path, name, children: new Map(), view: undefined, below: 0 };
}

function treeOf(topics: Iterable<TopicView>): Node {
  const root = node("", "");
  for (const view of topics) {
    let at = root;
    const names = view.topic.split("/");
    for (const [index, name] of names.entries()) {
      at.below++;
      let next = at.children.get(name);
      if (next === undefined) {
        next = node(names.slice(0, index + 1).join("/"), name);
        at.children.set(name, next);
      }
      at = next;
    }
    at.view = view;
  }
  return root;
}

/**
 * The rows in sight, sorted, at most `limit`. A topic that the reader has neither opened nor closed is open as long as
 * the tree is small, and else down to the second level.
 */
export function rowsOf(topics: Iterable<TopicView>, turned: ReadonlyMap<string, boolean>, limit: number): TopicRow[] {
  const root = treeOf(topics);
  const rows: TopicRow[] = [];
  const isSmall = root.below <= 60;
  const walk = (parent: Node, level: number) => {
    const children = [...parent.children.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { path, name, view, below, children: inner } of children) {
      if (rows.length >= limit) return;
      const isOpen = inner.size > 0 && (turned.get(path) ?? (isSmall || level <= 2));
      rows.push({ path, name, level, isOpen, below, view });
      const child = parent.children.get(name);
      if (isOpen && child !== undefined) walk(child, level + 1);
    }
  };
  walk(root, 1);
  return rows;
}

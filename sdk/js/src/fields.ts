/**
 * Owns which fields of an object are wanted, as dotted paths: `metadata.name`, `spec.containers.image`. A list on the way
 * is gone through. A dot that is part of a name is written `\.`: `metadata.labels.app\.kubernetes\.io/name`.
 */

import { z } from "zod";

const NOTHING = Symbol("nothing is there");

/** Some fields of objects. */
export class Fields {
  readonly #paths: [path: string, names: string[]][];

  constructor(paths: readonly string[]) {
    this.#paths = paths.map((path) => [path, names(path)]);
  }

  /** True if none is named: then all are wanted. */
  get isEmpty(): boolean {
    return this.#paths.length === 0;
  }

  /** The object with these fields alone; all of it if none is named. What is not there is left out. */
  of(value: unknown): unknown {
    if (this.isEmpty) return value;
    let out: unknown = {};
    for (const [, names] of this.#paths) {
      const found = pick(value, names);
      if (found !== NOTHING) out = merged(out, found);
    }
    return out;
  }

  /** The paths that none of these objects has: a misspelt one, usually. */
  missing(values: readonly unknown[]): string[] {
    if (values.length === 0) return [];
    const inNone = (names: string[]) => values.every((value) => pick(value, names) === NOTHING);
    return this.#paths.filter(([, names]) => inNone(names)).map(([path]) => path);
  }

  /** For the digest in cursors. */
  toJSON(): string[] {
    return this.#paths.map(([path]) => path);
  }
}

/** Fields as an argument: `fields: fields().optional().describe("Only these: `labels.job`.")`. */
export const fields = (most = 20) =>
  z
    .array(z.string())
    .max(most)
    .transform((paths) => new Fields(paths));

function names(path: string): string[] {
  const names: string[] = [];
  const letters = path[Symbol.iterator]();
  let name = "";
  for (const letter of letters) {
    if (letter === ".") {
      names.push(name);
      name = "";
    } else name += letter === "\\" ? (letters.next().value ?? "") : letter;
  }
  return [...names, name];
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;

/** What is at the path, still inside the objects and lists on its way. */
function pick(value: unknown, [name, ...rest]: string[]): unknown {
  if (name === undefined) return value;
  if (Array.isArray(value)) {
    const picked = value.map((item) => pick(item, [name, ...rest]));
    if (value.length > 0 && picked.every((item) => item === NOTHING)) return NOTHING;
    // An empty object keeps the place of an item that has no such field, so that paths merge item by item.
    return picked.map((item) => (item === NOTHING ? {} : item));
  }
  if (!isObject(value) || !Object.hasOwn(value, name) || value[name] === undefined) return NOTHING;
  const found = pick(value[name], rest);
  // `defineProperty` and not a literal: a field may be called `__proto__`.
  return found === NOTHING ? NOTHING : own({}, name, found);
}

const own = (object: object, name: string, value: unknown): object =>
  Object.defineProperty(object, name, { value, configurable: true, enumerable: true, writable: true });

/** What was picked before, with this beside it. */
function merged(into: unknown, from: unknown): unknown {
  if (Array.isArray(into) && Array.isArray(from) && into.length === from.length)
    return into.map((item, at) => merged(item, from[at]));
  if (!isObject(into) || !isObject(from) || Array.isArray(into) || Array.isArray(from)) return from;
  const out = Object.entries(into).reduce((out, [name, value]) => own(out, name, value), {});
  for (const [name, value] of Object.entries(from))
    own(out, name, Object.hasOwn(into, name) ? merged(into[name], value) : value);
  return out;
}

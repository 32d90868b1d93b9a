/**
 * Owns lists as a model reads them: cut into pages, with a cursor to the next, and in the view that is wanted.
 *
 * A cursor is a place in a list, bound to the tool and its other arguments. One that comes back with other arguments is
 * refused, because its place would mean nothing there. The digest guards against mistakes, not malice.
 */

import { z } from "zod";
import { InvalidArguments } from "./errors.js";
import type { Fields } from "./fields.js";

/** What a call has in common with the call for its next page: the tool, and all arguments but `limit` and `cursor`. */
export class Key {
  readonly #digest: Uint8Array;

  constructor(tool: string, args: unknown) {
    let hash = 0xcbf29ce484222325n;
    for (const byte of new TextEncoder().encode(`${tool}\0${JSON.stringify(args)}`))
      hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
    this.#digest = new Uint8Array(8);
    new DataView(this.#digest.buffer).setBigUint64(0, hash);
  }

  /** A cursor to a place: an offset, or the upstream's own word for its next page. */
  cursor(place: string): string {
    const bytes = [...this.#digest, ...new TextEncoder().encode(place)];
    return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  }

  /** The place of a cursor. */
  place(cursor: string): string {
    let bytes = new Uint8Array();
    try {
      bytes = Uint8Array.from(atob(cursor.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
    } catch {
      // Told below: it is too short.
    }
    if (bytes.length < 8) throw notACursor();
    if (this.#digest.some((byte, i) => byte !== bytes[i]))
      throw new InvalidArguments(
        "cursor",
        "belongs to a call with other arguments: repeat that call's arguments, or leave `cursor` out",
      );
    try {
      return new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8));
    } catch {
      throw notACursor();
    }
  }
}

const notACursor = () =>
  new InvalidArguments("cursor", "is not a cursor: pass `next_cursor` of the previous answer, unchanged");

/**
 * The arguments `limit` and `cursor`: `z.object({ contains: …, ...paging(50, 500) })`. What is left of the arguments
 * without these two is what the `Key` is made of.
 */
export const paging = (usual: number, most: number) => ({
  limit: z.int().min(1).max(most).default(usual).describe("At most so many."),
  cursor: z.string().optional().describe("`next_cursor` of the previous answer."),
});

/** How much of each item is wanted: what tells items apart, or all of it. */
export const view = () => z.enum(["summary", "full"]);
export type View = z.output<ReturnType<typeof view>>;

/** How much of a list is wanted, and from where. */
export interface Wanted {
  limit: number;
  cursor?: string | undefined;
  /** The list that `cursor` must belong to. */
  key: Key;
}

/** One page of a list. */
export class Page<T> {
  constructor(
    /** How many there are in all. */
    readonly total: number,
    readonly items: T[],
    /** The cursor to the next page; undefined on the last. */
    readonly next: string | undefined,
  ) {}

  /** Cuts the wanted page out of the whole list. */
  static cut<T>(all: readonly T[], { limit, cursor, key }: Wanted): Page<T> {
    let offset = 0;
    if (cursor !== undefined) {
      const place = key.place(cursor);
      if (!/^\d{1,15}$/.test(place)) throw notACursor();
      offset = Number(place);
    }
    const items = all.slice(offset, offset + Math.max(1, limit));
    const reached = offset + items.length;
    const more = reached < all.length && items.length > 0;
    return new Page(all.length, items, more ? key.cursor(String(reached)) : undefined);
  }

  /** Shapes what is on the page; what is not, is never shaped. */
  map<U>(shape: (item: T) => U): Page<U> {
    return new Page(this.total, this.items.map(shape), this.next);
  }

  /** For the answer: `total`, `shown`, `next_cursor`, and the items under `name`. */
  toObject(name: string): Record<string, unknown> {
    const next = this.next === undefined ? {} : { next_cursor: this.next };
    return { total: this.total, shown: this.items.length, ...next, [name]: this.items };
  }

  /**
   * The same, with what is wanted of each item: the fields that are named, or else all of it or its summary. Fields that
   * nothing on the page has, misspelt ones usually, are told as `unknown_fields`.
   */
  shown(
    name: string,
    wanted: { view?: View | undefined; fields?: Fields | undefined; summary: (item: T) => unknown },
  ): Record<string, unknown> {
    const { view = "summary", fields, summary } = wanted;
    if (fields === undefined || fields.isEmpty)
      return this.map((item) => (view === "full" ? item : summary(item))).toObject(name);
    const unknown = fields.missing(this.items);
    const object = this.map((item) => fields.of(item)).toObject(name);
    return unknown.length === 0 ? object : { ...object, unknown_fields: unknown };
  }
}

/**
 * Owns cursors: places in a list, bound to the tool and its other arguments. One that comes back with other arguments
 * is refused, because its place would mean nothing there. The digest guards against mistakes, not malice.
 */

import { InvalidArguments } from "./errors.js";

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

/**
 * Owns lengths of time as a model writes them: `1h30m` or a number of seconds, and back. Use {@link span} as the schema
 * of an argument; the handler gets milliseconds.
 */

import { z } from "zod";
import { stringOrNumber } from "./schema.js";

/** Prometheus's units, longest first, in milliseconds. A duration has each at most once and in this order. */
const UNITS = [
  ["y", 31_536_000_000],
  ["w", 604_800_000],
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
  ["ms", 1],
] as const;

const FORMS = "a duration (`15s`, `1h30m`) or a number of seconds";
const NUMBER = String.raw`(?:\d+(?:\.\d*)?|\.\d+)`;
const SECONDS = new RegExp(`^${NUMBER}$`);
const DURATION = new RegExp(`^${UNITS.map(([unit]) => `(?:(${NUMBER})${unit})?`).join("")}$`);

/** Milliseconds in `1h30m`, or in a text that is a number of seconds; the error says what a duration looks like. */
export function parseSpan(text: string): number {
  if (SECONDS.test(text)) return Number(text) * 1000;
  const counts = text === "" ? null : DURATION.exec(text);
  if (counts === null) throw new RangeError(`\`${text}\` is not a duration: expected ${FORMS}`);
  return UNITS.reduce((ms, [, unit], at) => ms + Number(counts[at + 1] ?? 0) * unit, 0);
}

/** A length of time greater than zero as an argument: `step: span().optional()`. */
export const span = () =>
  stringOrNumber(FORMS, (value) => {
    const ms = typeof value === "number" ? value * 1000 : parseSpan(value.trim());
    if (!(ms >= 1)) throw new RangeError("a duration must be at least one millisecond");
    return ms;
  }) satisfies z.ZodType<number>;

/** Milliseconds for a reader: `1h30m`. */
export function words(ms: number): string {
  let left = Math.round(ms);
  let text = "";
  for (const [name, unit] of UNITS.slice(2)) {
    if (left >= unit) text += `${Math.floor(left / unit)}${name}`;
    left %= unit;
  }
  return text === "" ? "0s" : text;
}

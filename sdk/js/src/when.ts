/**
 * Owns moments as a model writes them: RFC 3339, unix seconds, or relative to now; and the window a question is about.
 * Use {@link when} as the schema of an argument.
 */

import { z } from "zod";
import type { Call } from "./call.js";
import { InvalidArguments } from "./errors.js";
import { stringOrNumber } from "./schema.js";
import { parseSpan } from "./span.js";

const FORMS = "RFC 3339 (`2026-01-31T12:00:00Z`), unix seconds, or relative (`now`, `-1h`, `now-15m`)";

/** Unix seconds beyond this (the year 5138) were surely milliseconds. */
const LATEST = 1e11;

const DECIMAL = /^[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?$/i;
const INSTANT =
  /^(\d{4}-\d{2}-\d{2})[Tt ](\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(?:[Zz]|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** A moment, absolute or relative to the time of the call. */
export class When {
  private constructor(
    private readonly ms: number,
    private readonly relative: boolean,
  ) {}

  /** The moment itself. */
  static at(moment: Date): When {
    return new When(moment.getTime(), false);
  }

  /** So many milliseconds after the call; negative is before. */
  static fromNow(ms: number): When {
    return new When(ms, true);
  }

  /** Reads one of the accepted forms; throws a `RangeError` that says which those are. */
  static parse(value: string | number): When {
    const text = String(value).trim();
    if (typeof value === "number" || DECIMAL.test(text)) {
      const number = Number(text);
      if (Number.isFinite(number) && Math.abs(number) < LATEST) return new When(Math.round(number * 1000), false);
      throw new RangeError(`${text} is out of range for unix seconds (milliseconds? divide by 1000)`);
    }
    const offset = relative(text);
    if (offset !== undefined) {
      if (Math.abs(offset) < LATEST * 1000) return When.fromNow(offset);
      throw new RangeError(`\`${text}\` is out of range for a time`);
    }
    const at = instant(text);
    if (at === undefined) throw new RangeError(`\`${text}\` is not a time: expected ${FORMS}`);
    return new When(at, false);
  }

  /** The moment, for a call that was made then: `since.resolve(call.now)`. */
  resolve(now: Date): Date {
    return new Date(this.relative ? now.getTime() + this.ms : this.ms);
  }

  /** For the digest in cursors: a relative time stays relative, so the next page is still of the same list. */
  toJSON(): string | number {
    const seconds = this.ms / 1000;
    return this.relative ? `now${seconds < 0 ? "" : "+"}${seconds}` : seconds;
  }
}


/** `now`, `-1h`, `+1h`, `now-15m` in milliseconds; undefined if the text is not of that form at all. */
function relative(text: string): number | undefined {
  const found = /^(now)?\s*(?:([+-])\s*(.*))?$/s.exec(text);
  if (!found || (found[1] === undefined && found[2] === undefined)) return undefined;
  return found[2] === undefined ? 0 : (found[2] === "-" ? -1 : 1) * parseSpan(found[3] ?? "");
}

/** RFC 3339 in unix milliseconds; undefined if it is not. */
function instant(text: string): number | undefined {
  const found = INSTANT.exec(text);
  if (!found) return undefined;
  const [, date = "", hour, minute, second, fraction = "0", sign, hours = "0", minutes = "0"] = found;
  const midnight = Date.parse(`${date}T00:00:00Z`);
  // A day that there is not, such as the 30th of February, is another one when it is written again.
  if (Number.isNaN(midnight) || !new Date(midnight).toISOString().startsWith(date)) return undefined;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const offset = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes));
  const seconds = Number(hour) * 3600 + (Number(minute) - offset) * 60 + Number(second);
  return midnight + seconds * 1000 + Math.round(Number(`0.${fraction}`) * 1000);
}

/** A moment as an argument: `since: when().optional().describe("Default `-1h`.")`. */
export const when = () => stringOrNumber(FORMS, (value) => When.parse(value)) satisfies z.ZodType<When>;

/** A moment for a reader: RFC 3339 in UTC, with milliseconds only where there are any. */
export const rfc3339 = (moment: Date): string => moment.toISOString().replace(".000Z", "Z");

/** A moment for an upstream's parameter: unix seconds, to the millisecond. */
export const unixSeconds = (moment: Date): string => String(moment.getTime() / 1000);

/** From `start` until just before `end`. */
export class Window {
  constructor(
    readonly start: Date,
    readonly end: Date,
  ) {}

  /** What the caller means by its arguments `start` and `end`: until now, so many milliseconds long, if it does not say. */
  static resolve(start: When | undefined, end: When | undefined, defaultMs: number, call: Call): Window {
    const now = call.now;
    const until = end?.resolve(now) ?? now;
    const from = start?.resolve(now) ?? new Date(until.getTime() - defaultMs);
    if (from >= until)
      throw new InvalidArguments("start", `${rfc3339(from)} is not before \`end\`, ${rfc3339(until)}`);
    return new Window(from, until);
  }

  /** Its length in milliseconds. */
  get ms(): number {
    return this.end.getTime() - this.start.getTime();
  }

  /** The window of the same length right before it. */
  before(): Window {
    return new Window(new Date(this.start.getTime() - this.ms), this.start);
  }

  /** For a reader: `start` and `end` in RFC 3339. */
  toJSON(): { start: string; end: string } {
    return { start: rfc3339(this.start), end: rfc3339(this.end) };
  }
}

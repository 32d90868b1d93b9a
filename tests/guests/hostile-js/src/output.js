/** Guests that answer, report and log what they must not. */

import { Failed, Output } from "@bulkhead/sdk";

export const huge_result = ({ args }) => "x".repeat(args.bytes);

export function huge_error({ args }) {
  throw new Failed("x".repeat(args.bytes));
}

/** A bug, with a message as long as it likes. */
export function huge_exception({ args }) {
  throw new RangeError("x".repeat(args.bytes));
}

export function progress_flood({ call }) {
  for (let n = 0; n < 100_000; n++) call.progress(n, 100_000, "more");
  return "flooded";
}

export const huge_progress = ({ args, call }) => {
  call.progress(1, 2, "x".repeat(args.bytes));
  return "reported";
};

export function not_a_number_progress({ call }) {
  call.progress(NaN);
  call.progress(Infinity, 5);
  call.progress(1, NaN);
  call.progress(2, 4);
  return "reported";
}

export function log_flood({ call }) {
  for (let n = 0; n < 10_000; n++) call.log("info", "logged line");
  return "flooded";
}

export function print_flood() {
  for (let n = 0; n < 10_000; n++) console.log("printed line");
  return "flooded";
}

export function log_control_characters({ call }) {
  call.log("info", 'begun\n{"level":"ERROR","message":"forged"}\r\n\u001b[2J\u001b]0;title\u0007\u009b31m\u0000ended');
  console.log("printed \u001b[2J\u0007\r\u009b31m\u0000ended");
  return "logged";
}

export const not_a_number_result = () => ({ nan: NaN, infinite: -Infinity });

export function cyclic_result() {
  const cycle = {};
  cycle.again = cycle;
  return cycle;
}

/** Half of a character, where text goes: in data, in a text, in an error, in a log. */
export const lone_surrogates = ({ args, call }) => {
  const half = "a\ud83db\ude00c";
  switch (args.where) {
    case "data":
      return { [half]: half };
    case "text":
      return half;
    case "error":
      throw new Failed(half);
    default:
      call.log("info", half, { half });
      call.progress(1, 2, half);
      return "logged";
  }
};

/** What JSON has no word for. */
export const no_json_result = ({ args }) => (args.within ? { odd: 1n } : 1n);

export function deep_json_result({ args }) {
  let deep = {};
  for (let n = 0; n < args.depth; n++) deep = { deep };
  return deep;
}

/** More pieces than any answer has. */
export function media_flood({ args }) {
  const output = new Output();
  for (let n = 0; n < args.pieces; n++) output.text("x");
  return output;
}

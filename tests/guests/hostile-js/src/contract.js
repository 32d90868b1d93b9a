/** Guests that break the contract, or are awkward within it. */

import { Ask, jsonSchema } from "@bulkhead/sdk";
import { spin } from "./processor.js";

export function throw_in_call() {
  null.nothing();
}

/** What is thrown need not be an error, nor be easy to look at. */
export function throw_odd({ args }) {
  const traps = new Proxy({}, { get: throw_in_call, getPrototypeOf: throw_in_call, has: throw_in_call });
  const unreadable = new Error("x");
  Object.defineProperty(unreadable, "message", { get: throw_in_call });
  const odd = {
    nothing: undefined,
    null: null,
    text: "a text",
    number: 7,
    symbol: Symbol("odd"),
    bare: Object.create(null),
    proxy: traps,
    unreadable,
    payload: { payload: { tag: "failed", val: 7 } },
  };
  throw odd[args.what];
}

/** Nobody waits for it, so nobody hears of it. */
export function unhandled_rejection() {
  Promise.reject(new Error("nobody hears this"));
  return "all is well";
}

/** Is still at it after it has answered. */
export function late_rejection() {
  setTimeout(throw_in_call, 0);
  return "all is well";
}

export const throw_in_initialize = { setup: throw_in_call };
export const throw_in_list_tools = { tools: throw_in_call };
export const throw_in_health_check = { health: throw_in_call };

const named = (run, name) => ({ ...run, name });

export const ten_thousand_tools = {
  tools: ({ run }) => Array.from({ length: 10_000 }, (_, n) => named(run, `run_${n}`)),
};
export const duplicate_tool_names = { tools: ({ run }) => [run, run] };
export const bad_tool_names = { tools: ({ config, run }) => [named(run, config.name)] };
export const huge_plan = {
  tools: ({ config, add, run }) => [add, { ...run, plan: new Uint8Array(config.bytes) }],
  run: ({ call }) => `${call.plan.length} bytes came back`,
};
export const schema_too_deep = {
  tools({ run }) {
    let schema = { type: "object" };
    for (let n = 0; n < 100; n++) schema = { type: "object", properties: { a: schema } };
    return [{ ...run, input: jsonSchema(schema) }];
  },
};

/** Counts its calls wherever something may be kept. */
export function remember() {
  const count = (place, key) => (place[key] = (Object.hasOwn(place, key) ? place[key] : 0) + 1);
  const places = [globalThis, Object.prototype, Array.prototype, JSON, Math, remember, String, console];
  return { calls: places.map((place) => count(place, "callsThatWereMade")) };
}

/** Changes what everybody in its instance uses, also the SDK. */
export function pollute() {
  Object.prototype.polluted = "yes";
  Array.prototype.map = Array.prototype.find = () => "polluted";
  JSON.parse = JSON.stringify = () => "polluted";
  globalThis.fetch = () => "polluted";
  Promise.prototype.then = () => "polluted";
  return "polluted";
}

export const input_required_for_ever = ({ call }) =>
  Ask.form("more", `And now, after ${call.inputs.length}?`, jsonSchema({ type: "object", properties: {} }));

/** Asks more than anybody reads. */
export const huge_question = ({ args }) =>
  Ask.form("more", "x".repeat(args.bytes), jsonSchema({ type: "object", properties: {} }));

export const traps_always = spin;
export const honest = {};

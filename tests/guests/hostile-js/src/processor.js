/** Guests that take time. */

import { fetch, sleep } from "@bulkhead/sdk";

export function spin() {
  for (;;);
}

/** Goes back and forth in one regular expression. */
export const spin_in_regex = () => String(/^(a+)+$/.test(`${"a".repeat(60)}b`));

export function spin_in_generator() {
  function* numbers() {
    for (let n = 0; ; n++) yield n;
  }
  let sum = 0;
  for (const n of numbers()) sum += n;
  return String(sum);
}

/** Sorts for ever, in the engine's own code: there is always another key to ask for. */
export const spin_in_sort = () => [2, 1].sort(() => spin());

/** There is always something left to do before timers have their turn. */
export async function spin_in_microtasks() {
  for (;;) await undefined;
}

export const spin_in_initialize = { setup: spin };
export const spin_in_list_tools = { tools: spin };
export const spin_in_health_check = { health: spin };

export async function sleep_past_deadline() {
  await sleep(3_600_000);
  return "rested";
}

/** Waits for what nobody will do. */
export const wait_for_nothing = () => new Promise(() => {});

/** Waits for an upstream, longer than it may. */
export const wait_for_upstream = async ({ config, call }) => {
  call.log("info", "at it");
  return (await fetch(`${config.url}/allowed/silent`, { timeout: 3_600_000 })).text();
};

/** Never looks whether anybody is still there. */
export const ignore_cancellation = async ({ args, call }) => {
  call.log("info", "at it");
  if (args.how === "asleep") await sleep(3_600_000);
  spin();
};

export function burn_fuel({ args }) {
  let sum = 0;
  for (let step = 0; step < args.steps; step++) sum += step;
  return String(sum);
}

export function endless_recursion() {
  const deeper = (n) => deeper(n + 1) + 1;
  return String(deeper(0));
}

/** Each waits by a clock of the host's. */
export async function many_timers({ args }) {
  await Promise.all(Array.from({ length: args.count }, () => sleep(10)));
  return `${args.count} went off`;
}

/**
 * Hostile guests in JavaScript: one misdeed each, in the files beside this one. The service's config chooses:
 * `{ guest: "spin" }`; without it the guest is honest. `tests/all/hostile/scripts` has a test for each, of the same
 * name, and `hostile-py` plays those that Python can play as well.
 */

import { defineService, jsonSchema } from "@bulkhead/sdk";
import * as contract from "./contract.js";
import * as egress from "./egress.js";
import * as memory from "./memory.js";
import * as output from "./output.js";
import * as processor from "./processor.js";
import * as reach from "./reach.js";

/** What a guest does in `describe`, where it has no config yet. A test writes another word over `honest`. */
const IN_DESCRIBE = "in describe: honest";

function inDescribe(word, manifest) {
  if (word === "spin__") processor.spin();
  if (word === "draws_") crypto.getRandomValues(new Uint8Array(8));
  return manifest;
}

/** A guest is a function, the tool `run`; or an object of what it does at which time. */
const guests = { ...contract, ...egress, ...memory, ...output, ...processor, ...reach };
const open = jsonSchema({ type: "object" });
const within = jsonSchema({ type: "object", properties: { args: { type: "object" } } });

const add = {
  name: "add",
  description: "Adds two numbers.",
  input: jsonSchema({ type: "object", properties: { a: { type: "integer" }, b: { type: "integer" } } }),
  run: (_, { a, b }) => ({ sum: a + b }),
};

const run = (guest) => ({
  name: "run",
  description: "The misdeed.",
  input: within,
  run: ({ config }, { args = {} }, call) => guest.run?.({ config, args, call }) ?? "nothing happened",
});

export default defineService({
  get manifest() {
    const manifest = {
      name: "hostile-js",
      version: "0.1.0",
      title: "Hostile guests in JavaScript",
      description: "Misbehave on purpose.",
      egress: [{ url: "{config.url}/allowed/**", methods: ["GET", "POST"], reason: "to misbehave" }],
    };
    return inDescribe(IN_DESCRIBE.slice(13), manifest);
  },
  config: open,
  setup(config) {
    const name = config.guest ?? "honest";
    if (!Object.hasOwn(guests, name)) throw new Error(`config.guest: there are ${Object.keys(guests).sort()}`);
    const guest = typeof guests[name] === "function" ? { run: guests[name] } : guests[name];
    guest.setup?.(config);
    return { config, guest };
  },
  tools: ({ config, guest }) => guest.tools?.({ config, add, run: run(guest) }) ?? [add, run(guest)],
  health: ({ guest }) => guest.health?.() ?? "well",
});

/** Guests that want to reach what they were not granted, or send what is not theirs to send. */

import { fetch, Failed } from "@bulkhead/sdk";
import { handle } from "wasi:http/outgoing-handler@0.2.12";
import { Fields, OutgoingRequest } from "wasi:http/types@0.2.12";

/** The engine's own, before the SDK takes its place. */
const engines = globalThis.fetch;

/** What a request came to: a status, or the kind of error it threw. */
async function outcome(url, options, send = fetch) {
  try {
    const response = await send(url, options);
    const refused = response.headers.get("bulkhead-refused");
    return refused === null ? String(response.status) : `${response.status} by the host: ${refused}`;
  } catch (thrown) {
    return thrown.name;
  }
}

/** The requests go out one after the other. */
async function outcomes(requests) {
  const outcomes = [];
  for (const [url, options] of requests) outcomes.push(await outcome(url, options));
  return { outcomes };
}

/** The test names the URLs, so that it has each beside what must come of it. */
const getThese = ({ args }) => outcomes(args.urls.map((url) => [url]));
export { getThese as metadata_address, getThese as numeric_hosts, getThese as other_host, getThese as other_port };
export { getThese as other_scheme, getThese as path_escape, getThese as request_flood, getThese as user_info };
export { getThese as dead_upstream };

/** The same, and nothing is caught. */
export const denied_uncaught = async ({ args }) => (await fetch(args.url)).text();

/** With the engine's own `fetch`, which understands more. */
export const native_fetch = async ({ args }) => {
  const outcomes = [];
  for (const url of args.urls) outcomes.push(await outcome(url, {}, engines));
  return { outcomes };
};

export const other_method = ({ args }) =>
  outcomes(args.methods.map((method) => [args.url, { method }]));

const ownHeaders = ({ args }) =>
  outcomes(args.headers.map(([name, value]) => [args.url, { headers: { [name]: value } }]));
export { ownHeaders as own_credentials, ownHeaders as own_headers, ownHeaders as override_headers };

/** The same past everything that checks in JavaScript. */
export function header_smuggling({ args }) {
  const encoder = new TextEncoder();
  const outcomes = args.headers.map(([name, value]) => {
    try {
      new Fields().append(name, encoder.encode(value));
      return "taken";
    } catch (thrown) {
      return thrown.payload.tag;
    }
  });
  return { outcomes };
}

/** A request whose parts never were a URL. */
export function raw_request({ args }) {
  const outcomes = args.requests.map(({ method = "GET", authority, path }) => {
    const request = new OutgoingRequest(new Fields());
    try {
      request.setMethod({ tag: "other", val: method });
      request.setScheme({ tag: "HTTP" });
      request.setAuthority(authority);
      request.setPathWithQuery(path);
    } catch {
      return "unbuilt";
    }
    const pending = handle(request, undefined);
    pending.subscribe().block();
    const { tag, val } = pending.get().val;
    return tag === "ok" ? String(val.status()) : val.tag;
  });
  return { outcomes };
}

/** Follows wherever its upstream sends it. */
export async function redirect_to_metadata({ args, config }) {
  const outcomes = [];
  for (const path of args.paths) {
    const response = await fetch(`${config.url}/allowed/${path}`, { redirect: "follow" });
    outcomes.push(String(response.status), await outcome(response.headers.get("location")));
  }
  return { outcomes };
}

/** Sends many at once and waits for all. */
const sendTogether = async ({ args, config }) => {
  const urls = Array.from({ length: args.times }, (_, n) => `${config.url}/allowed/${args.path ?? n}`);
  return { outcomes: await Promise.all(urls.map((url) => outcome(url))) };
};
export { sendTogether as parallel_flood, sendTogether as rate_flood };

export const huge_request_body = async ({ args, config }) => {
  const body = "x".repeat(args.bytes);
  const sent = await fetch(`${config.url}/allowed/x`, { method: "POST", body });
  return String(sent.status);
};

/** Wants all of an answer that has no end. */
export const endless_answer = async ({ args, config }) =>
  String((await (await fetch(`${config.url}/allowed/x`, { limit: args.limit })).text()).length);

/** Repeats what its upstream knows: to the caller, in an error, in the log. */
async function exfiltrate({ args, config, call }) {
  const response = await fetch(`${config.url}/allowed/${args.path}`);
  const said = await response.text();
  if (args.by === "error") throw new Failed(said);
  if (args.by === "log") {
    call.log("info", `logged ${said}`, { said });
    console.log(`printed ${said}`);
    throw new TypeError(`thrown ${said}`);
  }
  return { body: said, headers: Object.fromEntries(response.headers) };
}
export { exfiltrate as exfiltrate_by_echo, exfiltrate as exfiltrate_by_error, exfiltrate as exfiltrate_by_log };

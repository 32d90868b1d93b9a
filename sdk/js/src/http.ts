/** Owns outbound HTTP: a `fetch` that the host mediates, and {@link Base}, requests below a configured URL. */

import { Denied, Failed, ServiceError, Unavailable } from "./errors.js";
import { current, type Failure, host, Unanswered } from "./host.js";
import { ok, unexpected } from "./status.js";

/** A tool result is read by a model; eight MiB of JSON is far beyond that, and fits in memory. */
const LIMIT = 8 << 20;
/** Longer than any healthy API answers, shorter than the usual deadline of a call. */
const TIMEOUT = 30_000;
/** Kept of the deadline, so that a slow upstream is reported rather than the guest ended. */
const MARGIN = 250;

/** What `fetch` takes beside the standard's own. */
export interface Options extends RequestInit {
  /** Added to the URL's query; undefined and null are left out, and each of a list is added. */
  query?: Record<string, Query | Query[]>;
  /** A JSON body. */
  json?: unknown;
  /** How many milliseconds the exchange may take: 30 s unless said, and never beyond the call's deadline. */
  timeout?: number;
  /** The most bytes of the response; 8 MiB unless said. */
  limit?: number;
  /** The host may answer this GET with a response no older than so many seconds, and keeps the one it gets. */
  reuse?: number;
}
type Query = string | number | boolean | null | undefined;

/**
 * The standard's `fetch`, mediated by the host: it attaches credentials and enforces the egress rules. What gets no
 * answer throws a {@link ServiceError} that says why. In the sandbox the global `fetch` is this one.
 */
export async function fetch(input: string | URL | Request, init: Options = {}): Promise<Response> {
  const request = typeof Request !== "undefined" && input instanceof Request ? input : undefined;
  const url = parse(request ? request.url : String(input));
  for (const [key, value] of Object.entries(init.query ?? {}))
    for (const one of [value].flat()) if (one !== undefined && one !== null) url.searchParams.append(key, String(one));
  // `+` for a space is for forms; in a URL every server reads %20.
  if (init.query) url.search = url.search.replaceAll("+", "%20");
  const headers = new Headers(init.headers ?? request?.headers);
  const method = (init.method ?? request?.method ?? "GET").toUpperCase();
  const [body, type] = await bytes(init, request);
  if (type !== undefined && !headers.has("content-type")) headers.set("content-type", type);
  if (!headers.has("accept")) headers.set("accept", "*/*");
  const call = current();
  if (call?.traceparent !== undefined) headers.set("traceparent", call.traceparent);
  if (init.reuse !== undefined) headers.set("bulkhead-reuse", String(Math.floor(init.reuse)));

  const left = call ? Math.max(0, call.end - host().now() - MARGIN) : Infinity;
  const ms = Math.min(init.timeout ?? TIMEOUT, left);
  const outgoing = { method, url, headers: [...headers], body, limit: init.limit ?? LIMIT };
  const signal = init.signal ?? request?.signal;
  signal?.throwIfAborted();
  try {
    const answer = await host().send(outgoing, ms, signal ?? undefined);
    const empty = [101, 204, 205, 304].includes(answer.status);
    const response = new Response(empty ? null : (answer.body as BodyInit), {
      status: answer.status,
      headers: answer.headers,
    });
    Object.defineProperty(response, "url", { value: url.href });
    return response;
  } catch (thrown) {
    if (thrown instanceof Unanswered) throw unanswered(thrown.failure, method, url, ms);
    throw thrown;
  }
}

/** The upstream's base URL; a path in it is kept: `https://h/prom` + `/api` is `https://h/prom/api`. */
export class Base {
  readonly #url: URL;

  /** Throws what is wrong with it, after the key of the config that it comes from. */
  constructor(url: string, key?: string) {
    const refused = (why: string) => new Failed(key === undefined ? why : `${key}: ${why}`);
    try {
      this.#url = parse(url);
    } catch (thrown) {
      throw refused((thrown as Error).message);
    }
    if (this.#url.search !== "") throw refused(`\`${url}\` has a query; a base URL ends with its path`);
    this.#url.pathname = this.#url.pathname.replace(/\/+$/, "");
  }

  /** The base of all paths below this one. */
  below(path: string): Base {
    return new Base(this.url(path).href);
  }

  /** The URL of a path below it. What comes from arguments goes through {@link path}, or `query`. */
  url(path: string): URL {
    const slash = path === "" || path.startsWith("/") ? "" : "/";
    return parse(this.#url.origin + this.#url.pathname.replace(/\/$/, "") + slash + path);
  }

  /** Fetches a path below it, and gives the response whatever its status. */
  fetch(path: string, options?: Options): Promise<Response> {
    return fetch(this.url(path), options);
  }

  /** Fetches JSON: a status of 400 or more throws the error it stands for. */
  async json<T = any>(path: string, options: Options = {}): Promise<T> {
    const headers = new Headers(options.headers);
    if (!headers.has("accept")) headers.set("accept", "application/json");
    return json<T>(await this.fetch(path, { ...options, headers }));
  }
}

/** The JSON of a response: a status of 400 or more throws the error it stands for. */
export async function json<T = any>(response: Response): Promise<T> {
  const text = await (await ok(response)).text();
  try {
    return JSON.parse(text) as T;
  } catch (thrown) {
    throw unexpected(thrown, text);
  }
}

/** A path with its values encoded, each one segment: path`/repos/${owner}/issues`. */
export function path(literals: TemplateStringsArray, ...values: (string | number)[]): string {
  return String.raw({ raw: literals }, ...values.map(segment));
}

function segment(value: string | number): string {
  const text = String(value);
  // A dot segment would be resolved away on the route, or by an upstream that decodes it first, and reach another
  // resource; the host sends none of those. `..;x` is `..` with a parameter to some servers.
  const dots = (part: string) => [".", ".."].includes(part.split(";")[0]!);
  if (text === "" || text.includes("\0") || text.split(/[/\\]/).some(dots))
    throw new Failed(`\`${text}\` cannot be part of a path`);
  return encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
}

function parse(text: string): URL {
  const wrong = (why: string) => new Failed(`\`${text}\` is not a URL that can be fetched: ${why}`);
  const url = URL.parse?.(text) ?? (URL.canParse?.(text) === false ? null : tried(text));
  if (url === null) throw wrong("expected https://host/path");
  if (url.protocol !== "https:" && url.protocol !== "http:") throw wrong("only http and https are");
  if (url.username !== "" || url.password !== "")
    throw wrong("user and password do not belong into a URL; the operator sets credentials");
  url.hash = "";
  return url;
}

function tried(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}

/** The body, and the media type it has unless a header says otherwise. */
async function bytes(
  init: Options,
  request: Request | undefined,
): Promise<[body?: Uint8Array, type?: string | undefined]> {
  if (init.json !== undefined) return [new TextEncoder().encode(JSON.stringify(init.json)), "application/json"];
  const body = init.body;
  if (typeof body === "string") return [new TextEncoder().encode(body), "text/plain;charset=UTF-8"];
  if (body instanceof Uint8Array) return [body];
  const carrier = body !== undefined && body !== null ? new Response(body) : request?.body ? request : undefined;
  if (carrier === undefined) return [];
  const type = carrier.headers.get("content-type") ?? undefined;
  return [new Uint8Array(await carrier.arrayBuffer()), type];
}

/** What a request that got no answer means to the caller. */
function unanswered(failure: Failure, method: string, url: URL, ms: number): ServiceError {
  // Without its query, which may carry what nobody should read.
  const target = `${method} ${url.origin}${url.pathname}`;
  switch (failure.why) {
    case "denied":
      return new Denied(`${target} is not allowed by this service's egress rules`);
    case "address-denied":
      return new Denied(
        `${target} is not allowed: ${url.host} resolves to an address this service may not reach; ` +
          "the operator can grant it with network.allow_addresses",
      );
    case "unreachable":
      return new Unavailable(`${url.host} does not answer: ${failure.message}`);
    case "timeout":
      return new Unavailable(`${url.host} did not answer within ${Math.round(ms / 100) / 10} s`);
    case "too-large":
      return new Failed(`the response to ${target} is larger than ${failure.limit} bytes; ask for less`);
    case "other":
      return new Failed(`${target} failed: ${failure.message}`);
  }
}

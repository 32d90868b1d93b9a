/**
 * Owns testing a service natively, through the path the component's exports take.
 *
 * ```ts
 * const mock = new Mock().on("GET", "/v1/forecast?q=Oslo", 200, { high: 4 });
 * const output = await call(service, { url: "http://up" }, mock, "forecast", { city: "Oslo" });
 * assert.deepEqual(output.structured, { high: 4 });
 * ```
 */

import { Ask } from "./ask.js";
import type { Context } from "./call.js";
import { configSchema, Running } from "./dispatch.js";
import { asServiceError, Failed } from "./errors.js";
import { type Failure, type Host, type Incoming, install, type Level, type Outgoing, Unanswered } from "./host.js";
import type { Output } from "./output.js";
import { inputSchema, type JsonSchema, outputSchema } from "./schema.js";
import type { Completing, Message, Part, ResourcePage, Service, Tool } from "./service.js";

/** A request the call sent. */
export interface Sent {
  method: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

interface Scripted {
  request: string;
  answers: (Incoming | Failure)[];
  used: number;
}

/** The host of a test: answers requests by script, keeps the clock, and writes down what the call did. */
export class Mock implements Host {
  readonly requests: Sent[] = [];
  readonly progressed: { done: number; total?: number | undefined; message?: string | undefined }[] = [];
  readonly logs: { level: Level; message: string; data?: unknown }[] = [];
  /** Milliseconds that calls slept in all. */
  slept = 0;
  #script: Scripted[] = [];
  #wall = new Date(0);
  #cancelAfter = Infinity;
  /** How many milliseconds a call has. */
  deadline = 30_000;

  /**
   * Answers a request: `"/path?a=1&b=2"` on any host, or a whole URL; the order of the query does not matter. Said
   * again for the same request, it is the next answer; the last one repeats. A body that is no string is JSON.
   */
  on(method: string, target: string, status: number, body: unknown, headers: Record<string, string> = {}): this {
    const type = typeof body === "string" ? "text/plain" : "application/json";
    const bytes = new TextEncoder().encode(typeof body === "string" ? body : JSON.stringify(body));
    return this.#add(method, target, {
      status,
      headers: Object.entries({ "content-type": type, ...headers }),
      body: bytes,
    });
  }

  /** Refuses a request as the host's egress rules would. */
  deny(method: string, target: string): this {
    return this.#add(method, target, { why: "denied" });
  }

  /** Does not connect, and why: `"connection refused"`. */
  unreachable(method: string, target: string, why: string): this {
    return this.#add(method, target, { why: "unreachable", message: why });
  }

  /** Never answers: the request runs into its timeout. */
  hang(method: string, target: string): this {
    return this.#add(method, target, { why: "timeout" });
  }

  /** Sets the time of day; it moves on as the call sleeps. */
  at(time: Date): this {
    this.#wall = time;
    return this;
  }

  /** The client goes away once the call has slept so many milliseconds. */
  cancelAfter(ms: number): this {
    this.#cancelAfter = ms;
    return this;
  }

  #add(method: string, target: string, answer: Incoming | Failure): this {
    const request = spelled(method, target);
    const known = this.#script.find((one) => one.request === request);
    if (known) known.answers.push(answer);
    else this.#script.push({ request, answers: [answer], used: 0 });
    return this;
  }

  progress(done: number, total: number | undefined, message: string | undefined): void {
    this.progressed.push({ done, total, message });
  }

  log(level: Level, message: string, data: string | undefined): void {
    this.logs.push(data === undefined ? { level, message } : { level, message, data: JSON.parse(data) });
  }

  cancelled(): boolean {
    return this.slept >= this.#cancelAfter;
  }

  now(): number {
    return this.slept;
  }

  wall(): Date {
    return new Date(this.#wall.getTime() + this.slept);
  }

  async sleep(ms: number): Promise<void> {
    this.slept += ms;
  }

  async send(request: Outgoing, ms: number): Promise<Incoming> {
    const { method, url, headers, body } = request;
    const text = new TextDecoder().decode(body ?? new Uint8Array());
    this.requests.push({ method, url: url.href, headers: Object.fromEntries(headers), body: text });
    const found = [spelled(method, url.href), spelled(method, url.pathname + url.search)]
      .map((request) => this.#script.find((one) => one.request === request))
      .find((one) => one !== undefined);
    if (found === undefined) throw new Error(`the test has no answer for ${method} ${url.href}; add it with \`on\``);
    const answer = found.answers[Math.min(found.used++, found.answers.length - 1)]!;
    if ("why" in answer) {
      if (answer.why === "timeout") this.slept += ms;
      throw new Unanswered(answer);
    }
    if (answer.body.length > request.limit) throw new Unanswered({ why: "too-large", limit: request.limit });
    return answer;
  }
}

/** A request, so that two spellings of it are equal. */
function spelled(method: string, target: string): string {
  const url = new URL(target, "any://host");
  url.searchParams.sort();
  const origin = url.protocol === "any:" ? "" : `${url.protocol}//${url.host}`;
  return `${method} ${origin}${url.pathname}?${url.searchParams}`;
}

/** What a test says of a call beyond a call like any other: its inputs, state, `accepts`. */
export type Given = Partial<Context>;

const context = (mock: Mock, given: Given): Context => ({
  id: "call-1",
  tenant: "tenant",
  caller: "caller",
  deadlineMs: mock.deadline,
  accepts: [],
  inputs: [],
  ...given,
});

// There is one host at a time, so tests that run together take turns.
let turn: Promise<unknown> = Promise.resolve();
function alone<T>(mock: Mock, service: Service, config: unknown, run: (running: Running) => Promise<T>): Promise<T> {
  const mine = turn.then(async () => {
    install(mock);
    let running: Running;
    try {
      running = Running.start(service, JSON.stringify(config ?? {}));
    } catch (thrown) {
      throw new Failed((thrown as Error).message);
    }
    try {
      return await run(running);
    } catch (thrown) {
      throw asServiceError(thrown);
    }
  });
  turn = mine.catch(() => {});
  return mine;
}

/** Calls a tool that is to end; a question is an error. */
export async function call(
  service: Service,
  config: unknown,
  mock: Mock,
  tool: string,
  args: unknown = {},
  given: Given = {},
): Promise<Output> {
  const output = await attempt(service, config, mock, tool, args, given);
  if (output instanceof Ask) throw new Error(`the call asks \`${output.questions[0]?.key}\`; use \`attempt\``);
  return output;
}

/** Calls a tool: its output, or what it asks. */
export function attempt(
  service: Service,
  config: unknown,
  mock: Mock,
  tool: string,
  args: unknown = {},
  given: Given = {},
): Promise<Output | Ask> {
  return alone(mock, service, config, (running) => {
    const plan = running.tools.find((one) => one.name === tool)?.plan;
    return running.callTool(tool, JSON.stringify(args), context(mock, { plan, ...given }));
  });
}

/** Fills a prompt in. */
export const prompt = (
  service: Service,
  config: unknown,
  mock: Mock,
  name: string,
  args: unknown = {},
  given: Given = {},
): Promise<Message[] | Ask> =>
  alone(mock, service, config, (running) => running.getPrompt(name, JSON.stringify(args), context(mock, given)));

/** Reads a resource. */
export const read = (service: Service, config: unknown, mock: Mock, uri: string, given: Given = {}): Promise<Part[] | Ask> =>
  alone(mock, service, config, (running) => running.readResource(uri, context(mock, given)));

/** Lists a page of resources. */
export const resources = (service: Service, config: unknown, mock: Mock, cursor?: string): Promise<ResourcePage> =>
  alone(mock, service, config, (running) => running.listResources(cursor, context(mock, {})));

/** Completes an argument of a prompt or of a resource template. */
export const complete = (
  service: Service,
  config: unknown,
  mock: Mock,
  of: { prompt: string } | { template: string },
  argument: string,
  typed: Completing,
): Promise<{ values: string[]; total: number; hasMore: boolean }> =>
  alone(mock, service, config, (running) => running.complete(of, argument, typed, context(mock, {})));

/** Asks the service whether its upstream answers. */
export const health = (service: Service, config: unknown, mock: Mock): Promise<string> =>
  alone(mock, service, config, (running) => running.health());

/** A tool as clients see it, without the service's prefix. */
export interface ToolInfo extends Omit<Tool<any>, "input" | "output" | "run"> {
  inputSchema: JsonSchema;
  outputSchema?: JsonSchema;
}

/** Every tool the service lists with this config. */
export const list = (service: Service, config?: unknown): Promise<ToolInfo[]> =>
  alone(new Mock(), service, config, async (running) =>
    running.tools.map(({ input, output, run: _, ...tool }) => ({
      ...tool,
      inputSchema: inputSchema(input),
      ...(output && { outputSchema: outputSchema(output) }),
    })),
  );

/** All about the service that breaks a rule of the contract; empty if all is well. */
export async function check(service: Service, config?: unknown): Promise<string[]> {
  const problems: string[] = [];
  const { name, version, title, description, egress = [] } = service.manifest;
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(name))
    problems.push(`manifest name \`${name}\` is not [a-z][a-z0-9-]*, at most 32 characters`);
  if (!version || !title) problems.push("the manifest needs a version and a title");
  if (!description) problems.push("the manifest has no description");
  for (const { url, methods } of egress) {
    if (methods.length === 0) problems.push(`egress \`${url}\` names no method`);
    if (/[?#]/.test(url)) problems.push(`egress \`${url}\` has a query or a fragment; patterns end with the path`);
  }
  if (configSchema(service)["type"] !== "object") problems.push("the config's schema is not an object's");
  const seen = new Set<string>();
  for (const tool of await list(service, config)) {
    if (!/^[a-z][a-z0-9_]{0,47}$/.test(tool.name))
      problems.push(`tool name \`${tool.name}\` is not [a-z][a-z0-9_]*, at most 48 characters`);
    if (seen.has(tool.name)) problems.push(`two tools are called \`${tool.name}\``);
    seen.add(tool.name);
    if (!tool.description.trim()) problems.push(`tool \`${tool.name}\` has no description`);
    if (tool.inputSchema["type"] !== "object") problems.push(`the input schema of \`${tool.name}\` is not an object's`);
    if (tool.readOnly && tool.destructive) problems.push(`tool \`${tool.name}\` is both read-only and destructive`);
    if ((tool.plan?.length ?? 0) > 64 * 1024) problems.push(`the plan of \`${tool.name}\` is larger than 64 KiB`);
  }
  return problems;
}


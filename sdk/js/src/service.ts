/** Owns what an author writes: the service with its manifest, tools, prompts and resources. */

import type { Ask } from "./ask.js";
import type { Call } from "./call.js";
import type { Content, Output } from "./output.js";
import type { JsonSchema, Read, Schema } from "./schema.js";

/** What a component is, and the most it will ever ask for. */
export interface Manifest {
  /** `[a-z][a-z0-9-]*`, at most 32 characters. */
  name: string;
  version: string;
  /** For people: `Prometheus`. */
  title: string;
  /** For the operator who decides whether to install it. */
  description: string;
  /** What a model should know before it uses these tools together. May refer to tools: `{tool:query}`. */
  instructions?: string;
  /** Outbound HTTP it needs; without one, no network. */
  egress?: Egress[];
}

/** Requests the service wants to be able to send. */
export interface Egress {
  /** `https://api.example.com/v1/**`, or `{config.url}/api/**` where the operator names the host. */
  url: string;
  methods: string[];
  /** Why, in words for the operator. */
  reason: string;
}

type Awaitable<T> = T | Promise<T>;

/** One tool of the service `S`. */
export interface Tool<S> {
  /** `[a-z][a-z0-9_]*`, at most 48 characters. */
  name: string;
  title?: string;
  /** For the model: what it does, when to use it, what comes back. */
  description: string;
  input: Schema;
  /** Of the structured result; published. */
  output?: Schema;
  /** It changes nothing anywhere. */
  readOnly?: boolean;
  /** It may overwrite or delete. */
  destructive?: boolean;
  /** The same call twice changes no more than once. */
  idempotent?: boolean;
  /** It reaches beyond the host. */
  openWorld?: boolean;
  /** Words operators can select tools by: `write`, `admin`, `logs`. */
  tags?: string[];
  /** How many milliseconds the host may reuse a result for the same tenant and arguments. */
  cacheMs?: number;
  /** Handed back with every call of this tool (`call.plan`); at most 64 KiB. */
  plan?: Uint8Array;
  /** The MCP `_meta` of the tool. */
  meta?: JsonSchema;
  /** A string is text, an `Output` or `Ask` what it says, and anything else structured data. */
  run(service: S, args: any, call: Call): Awaitable<Output | Ask | string | object | void>;
}

/** A tool, its arguments typed by `input`: annotate the handler's first parameter with your service. */
export function tool<S, I extends Schema>(
  tool: Omit<Tool<S>, "input" | "run"> & {
    input: I;
    run(service: S, args: Read<I>, call: Call): ReturnType<Tool<S>["run"]>;
  },
): Tool<S> {
  return tool;
}

type Typed<S, I extends Schema> = Parameters<typeof tool<S, I>>[0];
type Said = "readOnly" | "destructive" | "idempotent" | "openWorld";

/**
 * A tool that only reads an upstream, which most tools do: `readOnly`, `idempotent`, `openWorld`, tagged `read`, so that
 * operators can grant reading alone. It needs a title.
 */
export function reads<S, I extends Schema>(own: Omit<Typed<S, I>, Said> & { title: string }): Tool<S> {
  return tool<S, I>({
    ...(own as Typed<S, I>),
    readOnly: true,
    idempotent: true,
    openWorld: true,
    tags: ["read", ...(own.tags ?? [])],
  });
}

/**
 * A tool that changes an upstream: `openWorld`, tagged `write`. Say `destructive` if it may overwrite or delete, and
 * `idempotent` if the same call twice changes no more than once.
 */
export function writes<S, I extends Schema>(
  own: Omit<Typed<S, I>, "readOnly" | "openWorld"> & { title: string },
): Tool<S> {
  return tool<S, I>({ ...(own as Typed<S, I>), openWorld: true, tags: ["write", ...(own.tags ?? [])] });
}

/** A message of a prompt. */
export interface Message {
  role: "user" | "assistant";
  content: Content | string;
}

/** A prompt of the service `S`. */
export interface Prompt<S> {
  name: string;
  title?: string;
  description: string;
  /** An object of strings. */
  arguments?: Schema;
  /** Suggests values of an argument while the user types. */
  complete?: Record<string, Completer<S>>;
  /** A string is one message of the user. */
  run(service: S, args: any, call: Call): Awaitable<string | Message[] | Ask>;
}

/** A prompt, its arguments typed: annotate the handler's first parameter with your service. */
export function prompt<S, I extends Schema>(
  prompt: Omit<Prompt<S>, "arguments" | "run"> & {
    arguments?: I;
    run(service: S, args: Read<I>, call: Call): ReturnType<Prompt<S>["run"]>;
  },
): Prompt<S> {
  return prompt;
}

/** What a user has typed so far. */
export interface Completing {
  prefix: string;
  /** Arguments already settled. */
  settled: Record<string, string>;
}

/** Values for an argument, best first; how many there are in all, if that is known. */
export type Completer<S> = (
  service: S,
  typed: Completing,
  call: Call,
) => Awaitable<string[] | { values: string[]; total?: number }>;

/** A resource as it is listed. */
export interface Entry {
  uri: string;
  name: string;
  title?: string;
  description?: string;
  mimeType?: string;
  size?: number;
}

/** A part of a resource; its URI and media type are the resource's unless said. */
export type Part = { uri?: string; mimeType?: string } & ({ text: string } | { blob: Uint8Array });

/** A resource of the service `S`; with a `{…}` in its URI, a template of them. */
export interface Resource<S> extends Entry {
  complete?: Record<string, Completer<S>>;
  read(service: S, variables: any, call: Call): Awaitable<string | Uint8Array | Part[] | Ask>;
}

/** A resource: annotate the reader's parameters. */
export function resource<S, V extends Record<string, string> = Record<string, string>>(
  resource: Omit<Resource<S>, "read"> & { read(service: S, variables: V, call: Call): ReturnType<Resource<S>["read"]> },
): Resource<S> {
  return resource;
}

/** A page of resources. */
export interface ResourcePage {
  entries: Entry[];
  /** Leads to the next page. */
  next?: string | undefined;
}

/** All of a service. `C` is its config, `S` what is made of it: each call gets a fresh one. */
export interface Definition<C extends Schema, S> {
  manifest: Manifest;
  /** Of the config that the operator writes; none is taken without it. */
  config?: C;
  /** Makes the service; what it throws refuses the config. Name the key, and say how to mend it. */
  setup(config: Read<C>): S;
  /** Asks the upstream whether it answers: a short sentence, or an error. */
  health?(service: S): Awaitable<string>;
  tools: Tool<S>[] | ((service: S) => Tool<S>[]);
  prompts?: Prompt<S>[];
  resources?: Resource<S>[];
  /** Lists resources beside the fixed ones. */
  listResources?(service: S, cursor: string | undefined, call: Call): Awaitable<ResourcePage>;
}

/** A service as everything else takes it. */
export type Service = Definition<any, any>;

/** The service; export it as the module's default. */
export function defineService<C extends Schema, S>(definition: Definition<C, S>): Definition<C, S> {
  return definition;
}

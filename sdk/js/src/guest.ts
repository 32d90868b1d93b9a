/** Owns the component's exports: turns the contract's types into the SDK's and back, around `dispatch`. */

import { Ask, type InputKind } from "./ask.js";
import type { Context } from "./call.js";
import { configSchema, has, Running } from "./dispatch.js";
import { asServiceError, messageOf, RateLimited, type ServiceError, Unavailable, UpstreamError } from "./errors.js";
import { install } from "./host.js";
import { fetch } from "./http.js";
import { type Content, jsonText, type Output } from "./output.js";
import { inputSchema, outputSchema } from "./schema.js";
import type { Completing, Prompt, Service, Tool } from "./service.js";
import { sandbox } from "./wasi.js";

/** An optional interface, as the project's `bulkhead.exports` names it. */
type Extra = "prompts" | "resources" | "completions";

interface WitContext extends Omit<Context, "id" | "plan" | "inputs" | "state"> {
  callId: string;
}
interface WitInputs {
  inputs: { key: string; value: string }[];
  state?: Uint8Array;
}

/** The exports of a component made of this service. `bulkhead build` writes the module that calls it. */
export function component(service: Service, extras: Extra[]): Record<string, any> {
  for (const extra of ["prompts", "resources", "completions"] as const) {
    const there = has[extra](service);
    if (there && !extras.includes(extra))
      throw new Error(`the service has ${extra}: add "${extra}" to \`bulkhead.exports\` in package.json`);
    if (!there && extras.includes(extra))
      throw new Error(`\`bulkhead.exports\` in package.json names "${extra}", which the service does not have`);
  }
  install(sandbox);
  globalThis.fetch = fetch as typeof globalThis.fetch;
  let running: Running | undefined;
  const ready = (): Running => {
    if (running === undefined) throw { tag: "failed", val: "a call came before initialize" };
    return running;
  };
  const guarded = async <T>(run: () => Promise<T>): Promise<T> => {
    try {
      return await run();
    } catch (thrown) {
      // The engine's own word. The guest ends here, so that the host can say what its limit is.
      if (thrown === "out of memory") throw thrown;
      throw errorOf(asServiceError(thrown));
    }
  };
  const all: Record<string, any> = {
    lifecycle: {
      describe: () => describe(service),
      initialize(config: string) {
        try {
          running = Running.start(service, config);
        } catch (thrown) {
          throw messageOf(thrown);
        }
      },
      async healthCheck() {
        try {
          return await ready().health();
        } catch (thrown) {
          throw messageOf(thrown);
        }
      },
    },
    tools: {
      listTools: () => guarded(async () => ready().tools.map(listedTool)),
      callTool: (context: WitContext, call: WitInputs & { name: string; arguments: string; plan?: Uint8Array }) =>
        guarded(async () => {
          const made = { ...contextOf(context, call), plan: call.plan };
          return outcome(await ready().callTool(call.name, call.arguments, made), outputOf);
        }),
    },
  };
  if (extras.includes("prompts"))
    all["prompts"] = {
      listPrompts: () => (service.prompts ?? []).map(listed),
      getPrompt: (context: WitContext, call: WitInputs & { name: string; arguments: string }) =>
        guarded(async () => {
          const filled = await ready().getPrompt(call.name, call.arguments, contextOf(context, call));
          return outcome(filled, (messages) => ({
            description: undefined,
            messages: messages.map(({ role, content }) => ({
              role,
              content: contentOf(typeof content === "string" ? { type: "text", text: content } : content),
            })),
          }));
        }),
    };
  if (extras.includes("resources"))
    all["resources"] = {
      listResources: (context: WitContext, cursor?: string) =>
        guarded(async () => {
          const page = await ready().listResources(cursor, contextOf(context, { inputs: [] }));
          const resources = page.entries.map(({ size, ...entry }) => ({
            ...blank,
            ...entry,
            size: size === undefined ? undefined : BigInt(size),
          }));
          return { resources, nextCursor: page.next };
        }),
      listTemplates: () => ready().templates.map((entry) => ({ ...blank, ...entry, uriTemplate: entry.uri })),
      readResource: (context: WitContext, read: WitInputs & { uri: string }) =>
        guarded(async () => {
          const contents = await ready().readResource(read.uri, contextOf(context, read));
          return outcome(contents, (parts) =>
            parts.map((part) => ({
              uri: part.uri ?? read.uri,
              mimeType: part.mimeType,
              body: "text" in part ? { tag: "text", val: part.text } : { tag: "blob", val: part.blob },
            })),
          );
        }),
    };
  if (extras.includes("completions"))
    all["completions"] = {
      complete: (context: WitContext, call: WitCompletion) =>
        guarded(() => {
          const { tag, val } = call.reference;
          const of = tag === "prompt" ? { prompt: val } : { template: val };
          const typed: Completing = { prefix: call.prefix, settled: JSON.parse(call.settled) };
          return ready().complete(of, call.argument, typed, contextOf(context, { inputs: [] }));
        }),
    };
  return all;
}

interface WitCompletion {
  reference: { tag: "prompt" | "resource-template"; val: string };
  argument: string;
  prefix: string;
  settled: string;
}

const listedTool = (tool: Tool<any>): object => ({
  name: tool.name,
  title: tool.title,
  description: tool.description,
  inputSchema: jsonText(inputSchema(tool.input)),
  outputSchema: tool.output && jsonText(outputSchema(tool.output)),
  annotations: {
    readOnly: tool.readOnly ?? false,
    destructive: tool.destructive ?? false,
    idempotent: tool.idempotent ?? false,
    openWorld: tool.openWorld ?? false,
  },
  tags: tool.tags ?? [],
  cacheTtlMs: tool.cacheMs,
  plan: tool.plan,
  meta: tool.meta && jsonText(tool.meta),
});

const blank = { title: undefined, description: undefined, mimeType: undefined, size: undefined, meta: undefined };

function describe(service: Service): object {
  const { name, version, title, description, instructions, egress = [] } = service.manifest;
  const schema = JSON.stringify(configSchema(service));
  return { name, version, title, description, instructions, configSchema: schema, egress };
}

function listed(prompt: Prompt<any>): object {
  const schema = prompt.arguments ? inputSchema(prompt.arguments) : {};
  const required = (schema["required"] as string[] | undefined) ?? [];
  const properties = (schema["properties"] ?? {}) as Record<string, { description?: string }>;
  return {
    name: prompt.name,
    title: prompt.title,
    description: prompt.description,
    arguments: Object.entries(properties).map(([name, { description = "" }]) => ({
      name,
      title: undefined,
      description,
      required: required.includes(name),
    })),
  };
}

function contextOf(context: WitContext, { inputs, state }: WitInputs): Context {
  const answers = inputs.map(({ key, value }) => ({ key, value: JSON.parse(value) }));
  return { ...context, id: context.callId, accepts: [...context.accepts] as InputKind[], inputs: answers, state };
}

function outcome<T>(result: T | Ask, complete: (result: T) => unknown): object {
  if (!(result instanceof Ask)) return { tag: "complete", val: complete(result) };
  const requests = result.questions.map(({ key, kind, params }) => ({ key, kind, params: jsonText(params) }));
  return { tag: "input-required", val: { requests, state: result.state } };
}

function outputOf(output: Output): object {
  return {
    content: output.contents.map(contentOf),
    structured: jsonText(output.structured),
    meta: output.meta && jsonText(output.meta),
  };
}

function contentOf(content: Content): object {
  switch (content.type) {
    case "text":
      return { tag: "text", val: content.text };
    case "image":
    case "audio":
      return { tag: content.type, val: { data: content.data, mimeType: content.mimeType } };
    case "link":
      return { tag: "resource-link", val: { mimeType: undefined, description: undefined, ...content } };
    case "resource":
    case "blob": {
      const body =
        content.type === "resource" ? { tag: "text", val: content.text } : { tag: "blob", val: content.data };
      return { tag: "embedded", val: { uri: content.uri, mimeType: content.mimeType, body } };
    }
  }
}

function errorOf(error: ServiceError): object {
  const { kind: tag, message } = error;
  if (error instanceof RateLimited || error instanceof Unavailable) {
    const { retryAfterMs } = error;
    return { tag, val: { message, retryAfterMs: retryAfterMs === undefined ? undefined : BigInt(retryAfterMs) } };
  }
  return { tag, val: error instanceof UpstreamError ? { status: error.status, message } : message };
}

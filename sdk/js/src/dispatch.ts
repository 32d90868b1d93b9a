/**
 * Owns the path from an export to the service. The component's exports and `testing` both go through here, so tests
 * run what runs in the sandbox.
 */

import { z } from "zod";
import { Ask } from "./ask.js";
import { Call, type Context } from "./call.js";
import { InvalidArguments, NotFound } from "./errors.js";
import { enter } from "./host.js";
import { asOutput, type Output } from "./output.js";
import { inputSchema, type JsonSchema, Misfit, read, type Schema } from "./schema.js";
import type { Completer, Completing, Message, Part, Resource, ResourcePage, Service, Tool } from "./service.js";
import { hasVariables, variables } from "./template.js";

/** The most values of a completion. */
const MOST = 100;
const NOTHING = z.object({});

/** The schema of a service's config, as the host sees it. */
export const configSchema = (service: Service): JsonSchema => inputSchema(service.config ?? NOTHING);

/** Whether the service exports this interface beside its tools. */
export const has = {
  prompts: (service: Service): boolean => (service.prompts?.length ?? 0) > 0,
  resources: (service: Service): boolean =>
    (service.resources?.length ?? 0) > 0 || service.listResources !== undefined,
  completions: (service: Service): boolean =>
    [...(service.prompts ?? []), ...(service.resources ?? [])].some((one) => one.complete !== undefined),
};

/** A service with its config. */
export class Running {
  private constructor(readonly definition: Service, private readonly state: unknown) {}

  /** Reads the config and makes the service; what it throws has a message that names the key. */
  static start(definition: Service, text: string): Running {
    try {
      const config = read(definition.config ?? NOTHING, text.trim() === "" ? {} : JSON.parse(text));
      return new Running(definition, definition.setup(config));
    } catch (thrown) {
      if (thrown instanceof Misfit) {
        const at = thrown.path === "" ? "config" : `config.${thrown.path}`;
        throw new Error(`${at}: ${thrown.message}`);
      }
      if (thrown instanceof SyntaxError) throw new Error(`config: ${thrown.message}`);
      throw thrown;
    }
  }

  get tools(): Tool<any>[] {
    const { tools } = this.definition;
    return typeof tools === "function" ? tools(this.state) : tools;
  }

  get templates(): Resource<any>[] {
    return (this.definition.resources ?? []).filter((one) => hasVariables(one.uri));
  }

  async health(): Promise<string> {
    enter(undefined);
    return (await this.definition.health?.(this.state)) ?? "ready";
  }

  /** Runs one call to its end. */
  async callTool(name: string, text: string, context: Context): Promise<Output | Ask> {
    const tool = this.tools.find((one) => one.name === name);
    if (tool === undefined) throw new NotFound(`this service has no tool \`${name}\``);
    return this.during(context, async (call) => {
      const returned = await tool.run(this.state, args(tool.input, text), call);
      return returned instanceof Ask ? returned : asOutput(returned);
    });
  }

  async getPrompt(name: string, text: string, context: Context): Promise<Message[] | Ask> {
    const prompt = this.definition.prompts?.find((one) => one.name === name);
    if (prompt === undefined) throw new NotFound(`this service has no prompt \`${name}\``);
    return this.during(context, async (call) => {
      const filled = await prompt.run(this.state, args(prompt.arguments ?? NOTHING, text), call);
      return typeof filled === "string" ? [{ role: "user", content: filled }] : filled;
    });
  }

  async listResources(cursor: string | undefined, context: Context): Promise<ResourcePage> {
    const { resources = [], listResources } = this.definition;
    const fixed = cursor === undefined ? resources.filter((one) => !hasVariables(one.uri)) : [];
    if (!listResources) return { entries: fixed };
    const page = await this.during(context, async (call) => listResources(this.state, cursor, call));
    return page instanceof Ask ? { entries: fixed } : { ...page, entries: [...fixed, ...page.entries] };
  }

  async readResource(uri: string, context: Context): Promise<Part[] | Ask> {
    for (const resource of this.definition.resources ?? []) {
      const found = variables(resource.uri, uri);
      if (found === undefined) continue;
      const contents = await this.during(context, async (call) => resource.read(this.state, found, call));
      if (contents instanceof Ask) return contents;
      const parts: Part[] =
        typeof contents === "string"
          ? [{ text: contents }]
          : contents instanceof Uint8Array
            ? [{ blob: contents }]
            : contents;
      const own = resource.mimeType === undefined ? { uri } : { uri, mimeType: resource.mimeType };
      return parts.map((part) => ({ ...own, ...part }));
    }
    throw new NotFound(`there is no resource \`${uri}\``);
  }

  /** Completes an argument of a prompt or of a resource template; nothing is suggested where there is no completer. */
  async complete(
    of: { prompt: string } | { template: string },
    argument: string,
    typed: Completing,
    context: Context,
  ): Promise<{ values: string[]; total: number; hasMore: boolean }> {
    const { prompts, resources } = this.definition;
    const owner: { complete?: Record<string, Completer<any>> } | undefined =
      "prompt" in of
        ? prompts?.find((one) => one.name === of.prompt)
        : resources?.find((one) => one.uri === of.template);
    const completer = owner?.complete?.[argument];
    const suggested = completer && (await this.during(context, async (call) => completer(this.state, typed, call)));
    if (suggested === undefined || suggested instanceof Ask) return { values: [], total: 0, hasMore: false };
    const all = Array.isArray(suggested) ? suggested : suggested.values;
    const total = (Array.isArray(suggested) ? undefined : suggested.total) ?? all.length;
    const values = all.slice(0, MOST);
    return { values, total, hasMore: total > values.length };
  }

  /** Runs what a call is for. An `Ask` may be thrown from anywhere below. */
  private async during<T>(context: Context, run: (call: Call) => Promise<T>): Promise<T | Ask> {
    const call = new Call(context);
    call.enter();
    try {
      return await run(call);
    } catch (thrown) {
      if (thrown instanceof Ask) return thrown;
      throw thrown;
    } finally {
      enter(undefined);
    }
  }
}

/** Arguments as the handler wants them. */
function args(schema: Schema, text: string): unknown {
  try {
    return read(schema, JSON.parse(text));
  } catch (thrown) {
    if (thrown instanceof Misfit) throw new InvalidArguments(thrown.path, thrown.message);
    if (thrown instanceof SyntaxError) throw new InvalidArguments("", thrown.message);
    throw thrown;
  }
}

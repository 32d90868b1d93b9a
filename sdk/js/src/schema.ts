/** Owns schemas: Zod's, and plain JSON Schema, as one thing that describes and reads a value. */

import { z } from "zod";
import { unknownKey } from "./nearest.js";

/** A JSON Schema. */
export type JsonSchema = { [key: string]: unknown };

/** A schema that was written as JSON, and the type it stands for. */
export class PlainSchema<T> {
  declare readonly type: T;
  constructor(readonly schema: JsonSchema) {}
}

/** What a schema may be given as. */
export type Schema<T = unknown> = z.ZodType<T> | PlainSchema<T>;

/** The type that a schema reads. */
export type Read<S extends Schema> = S extends z.ZodType ? z.output<S> : S extends PlainSchema<infer T> ? T : never;

/**
 * A JSON Schema of your own: `jsonSchema<{ city: string }>({ type: "object", … })`. The host checks arguments against
 * it before a guest starts, so the SDK looks only at the names of the root's keys.
 */
export function jsonSchema<T = any>(schema: JsonSchema): PlainSchema<T> {
  return new PlainSchema<T>(schema);
}

/** Schemas whose JSON is written by hand. */
const written = z.registry<{ json: JsonSchema }>();

/** Reads a string or a number as something of its own; what `make` throws is what the caller is told. */
export function stringOrNumber<T>(expected: string, make: (value: string | number) => T) {
  const given = z.union([z.string(), z.number()], { error: `expected ${expected}` });
  written.add(given, { json: { type: ["string", "number"] } });
  return given.transform((value, context): T => {
    try {
      return make(value);
    } catch (thrown) {
      context.addIssue({ code: "custom", message: thrown instanceof Error ? thrown.message : String(thrown) });
      return z.NEVER;
    }
  });
}

/** A value that does not fit, and where. */
export class Misfit extends Error {
  constructor(readonly path: string, message: string) {
    super(message);
  }
}

/** The value as the schema has it; throws {@link Misfit}. Keys that an object's root does not know are refused. */
export function read<T>(schema: Schema<T>, value: unknown): T {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Misfit("", "expected an object");
  const known = keys(schema);
  const unknown = known && Object.keys(value).find((key) => !known.includes(key));
  if (known && unknown !== undefined) throw new Misfit("", unknownKey(unknown, known));
  if (schema instanceof PlainSchema) return value as T;
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw new Misfit(path(issue?.path ?? []), issue?.message ?? "does not fit");
}

/** The keys of a root that takes no others. */
function keys(schema: Schema): string[] | undefined {
  if (schema instanceof PlainSchema) {
    const { properties, additionalProperties } = schema.schema;
    return additionalProperties === false ? Object.keys((properties as object | undefined) ?? {}) : undefined;
  }
  if (!(schema instanceof z.ZodObject)) return undefined;
  const rest = schema.def.catchall;
  return rest === undefined || rest instanceof z.ZodNever ? Object.keys(schema.shape) : undefined;
}

function path(parts: PropertyKey[]): string {
  let text = "";
  for (const part of parts)
    text += typeof part === "number" ? `[${part}]` : text === "" ? String(part) : `.${String(part)}`;
  return text;
}

/** The JSON Schema of what is given: an object that takes no other keys unless it says so. */
export function inputSchema(schema: Schema): JsonSchema {
  if (schema instanceof PlainSchema) return schema.schema;
  const json = outputSchema(schema, "input");
  delete json["description"];
  json["type"] ??= "object";
  json["properties"] ??= {};
  const says = ["additionalProperties", "unevaluatedProperties"].some((key) => key in json);
  const combined = ["oneOf", "anyOf", "allOf", "$ref"].some((key) => key in json);
  if (!says) json[combined ? "unevaluatedProperties" : "additionalProperties"] = false;
  return json;
}

/** The JSON Schema of what is returned. */
export function outputSchema(schema: Schema, io: "input" | "output" = "output"): JsonSchema {
  if (schema instanceof PlainSchema) return schema.schema;
  const json = z.toJSONSchema(schema, {
    io,
    target: "draft-2020-12",
    // A later version of the upstream may say more; only what was made strict refuses that.
    override({ zodSchema, jsonSchema }) {
      if (zodSchema instanceof z.ZodObject && zodSchema.def.catchall === undefined)
        delete jsonSchema.additionalProperties;
      const own = written.get(zodSchema)?.json;
      if (own) {
        for (const key of Object.keys(jsonSchema)) delete (jsonSchema as JsonSchema)[key];
        Object.assign(jsonSchema, own);
      }
    },
  }) as JsonSchema;
  delete json["$schema"];
  tidy(json);
  return json;
}

/** Drops what says nothing to a model: the bounds of JavaScript's integers. */
function tidy(schema: unknown): void {
  if (typeof schema !== "object" || schema === null) return;
  const object = schema as JsonSchema;
  if (object["type"] === "integer") {
    if (object["maximum"] === Number.MAX_SAFE_INTEGER) delete object["maximum"];
    if (object["minimum"] === Number.MIN_SAFE_INTEGER) delete object["minimum"];
  }
  Object.values(object).forEach(tidy);
}

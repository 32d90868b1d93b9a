/** Owns what authors import. */

import { host } from "./host.js";

export { z } from "zod";
export { type Answer, Ask, type InputKind, type Question, type Reply, type Root } from "./ask.js";
export { Call, type Context } from "./call.js";
export * from "./errors.js";
export { Fields, fields } from "./fields.js";
export type { Level } from "./host.js";
export { Base, fetch, json, type Options, path } from "./http.js";
export { Key, Page, paging, type View, view, type Wanted } from "./list.js";
export { type Content, Output } from "./output.js";
export { jsonSchema, type JsonSchema, type Schema } from "./schema.js";
export * from "./service.js";
export { parseSpan, span, words } from "./span.js";
export { errorOf, ok } from "./status.js";
export { rfc3339, unixSeconds, When, when, Window } from "./when.js";

/** Waits. In a test it moves the test's clock. */
export const sleep = (ms: number): Promise<void> => host().sleep(ms);

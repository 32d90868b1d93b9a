/** Owns asking the user: the questions a call leaves, and the answers the next attempt gets. */

import { inputSchema, type Schema } from "./schema.js";

/** Which MCP request a question becomes. */
export type InputKind = "elicitation" | "sampling" | "roots";

/** One question. */
export interface Question {
  /** Names the answer. */
  key: string;
  kind: InputKind;
  /** The params of the MCP request of that kind. */
  params: object;
}

/** The answer to one question. */
export interface Answer {
  key: string;
  /** The result of the MCP request. */
  value: any;
}

/** What the user did with a question: answered, said no, or looked away. */
export type Reply<T> = { action: "accept"; value: T } | { action: "decline" } | { action: "cancel" };

/** What the client works on. */
export interface Root {
  uri: string;
  name?: string;
}

/**
 * Questions. Return one (or throw it, as `call.ask` does), and the call is made again, from its beginning, with the
 * answers.
 */
export class Ask {
  state: Uint8Array | undefined;
  private constructor(readonly questions: Question[]) {}

  /** A form for the user, made of a schema: an object of strings, numbers, booleans and enums. */
  static form(key: string, message: string, schema: Schema): Ask {
    return new Ask([{ key, kind: "elicitation", params: { message, requestedSchema: inputSchema(schema) } }]);
  }

  /** The user is to open a page. For secrets: those must not be typed into a form. */
  static page(key: string, message: string, url: string): Ask {
    return new Ask([{ key, kind: "elicitation", params: { mode: "url", message, url, elicitationId: key } }]);
  }

  /** The client's model answers a text. */
  static model(key: string, text: string, maxTokens: number): Ask {
    const messages = [{ role: "user", content: { type: "text", text } }];
    return new Ask([{ key, kind: "sampling", params: { messages, maxTokens } }]);
  }

  /** The client says what it works on. */
  static roots(key: string): Ask {
    return new Ask([{ key, kind: "roots", params: {} }]);
  }

  /** Asks something else at the same time. If both keep bytes, the later ones are kept. */
  and(more: Ask): Ask {
    const both = new Ask([...this.questions, ...more.questions]);
    both.state = more.state ?? this.state;
    return both;
  }

  /** Keeps bytes for the next attempt: `call.state`. */
  withState(state: Uint8Array): this {
    this.state = state;
    return this;
  }
}

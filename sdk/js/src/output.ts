/** Owns {@link Output}: what a call gives back. */

/** One piece of content. */
export type Content =
  | { type: "text"; text: string }
  | { type: "image" | "audio"; data: Uint8Array; mimeType: string }
  | { type: "link"; uri: string; name: string; mimeType?: string; description?: string }
  | { type: "resource"; uri: string; mimeType?: string; text: string }
  | { type: "blob"; uri: string; mimeType?: string; data: Uint8Array };

/** What a call gives back: content for the model, and the same as data where there is data. */
export class Output {
  readonly contents: Content[] = [];
  structured: unknown;
  meta: object | undefined;

  /** Text only. */
  static text(text: string): Output {
    return new Output().text(text);
  }

  /** Structured data, and its compact JSON as text for clients that read only content. */
  static json(value: unknown): Output {
    return Output.structuredWithText(value, jsonText(value) ?? "null");
  }

  /** Structured data beside a text that says the same better than JSON would. */
  static structuredWithText(value: unknown, text: string): Output {
    const output = Output.text(text);
    output.structured = value;
    return output;
  }

  /** Adds a text. */
  text(text: string): this {
    return this.content({ type: "text", text });
  }

  /** Adds a piece of content. */
  content(content: Content): this {
    this.contents.push(content);
    return this;
  }

  /** Sets the MCP `_meta` of the result. */
  withMeta(meta: object): this {
    this.meta = meta;
    return this;
  }

  /** The text of the content, pieces separated by a line break. */
  get textContent(): string {
    return this.contents.flatMap((one) => (one.type === "text" ? [one.text] : [])).join("\n");
  }
}

/**
 * JSON, with U+FFFD for halves of characters: a text that was cut between them is `"\ud83d"`, which no other reader takes.
 */
export function jsonText(value: unknown): string | undefined {
  const text = JSON.stringify(value) as string | undefined;
  // What is paired is written as it is; an escape of these is half of a character.
  return text?.replace(/\\(?:u[dD][89a-fA-F][0-9a-fA-F]{2}|.)/g, (escape) => (/^\\u[dD]/.test(escape) ? "\ufffd" : escape));
}

/** What a handler may return, as an output: a string is text, anything else that is no `Output` is data. */
export function asOutput(returned: unknown): Output {
  if (returned instanceof Output) return returned;
  if (typeof returned === "string") return Output.text(returned);
  if (returned === undefined) return new Output();
  return Output.json(returned);
}

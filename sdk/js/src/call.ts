/** Owns {@link Call}: who asks, how long is left, and the way back to the client while running. */

import { type Answer, Ask, type InputKind, type Reply, type Root } from "./ask.js";
import { Failed } from "./errors.js";
import { enter, host, type Level } from "./host.js";
import { Misfit, read, type Schema } from "./schema.js";

/** What the host says of a call. */
export interface Context {
  id: string;
  tenant: string;
  caller: string;
  deadlineMs: number;
  traceparent?: string | undefined;
  accepts: InputKind[];
  plan?: Uint8Array | undefined;
  inputs: Answer[];
  state?: Uint8Array | undefined;
}

/** The call being answered. */
export class Call {
  readonly #context: Context;
  readonly #started = host().now();

  constructor(context: Context) {
    this.#context = context;
  }

  /** Unique per call; the same id is in the host's log, audit and trace. */
  get id(): string {
    return this.#context.id;
  }
  /** Whose services, secrets and quotas apply. */
  get tenant(): string {
    return this.#context.tenant;
  }
  /** Who calls. */
  get caller(): string {
    return this.#context.caller;
  }
  /** How many milliseconds the call had when it started. */
  get deadline(): number {
    return this.#context.deadlineMs;
  }
  /** How many it still has. The host ends the guest when it reaches zero. */
  get remaining(): number {
    return Math.max(0, this.#started + this.deadline - host().now());
  }
  /** The time of day. */
  get now(): Date {
    return host().wall();
  }
  /** W3C Trace Context. `fetch` adds it to requests by itself. */
  get traceparent(): string | undefined {
    return this.#context.traceparent;
  }
  /** What listing left for this tool. */
  get plan(): Uint8Array | undefined {
    return this.#context.plan;
  }
  /** Answers to what an earlier attempt asked. */
  get inputs(): readonly Answer[] {
    return this.#context.inputs;
  }
  /** The bytes an earlier attempt left. */
  get state(): Uint8Array | undefined {
    return this.#context.state;
  }
  /** True once the client went away; the host ends the guest soon after anyway. */
  get cancelled(): boolean {
    return host().cancelled();
  }

  /** Whether the caller's client can answer questions of this kind. */
  accepts(kind: InputKind): boolean {
    return this.#context.accepts.includes(kind);
  }

  /** Tells the client how far the call is, if it asked for that. */
  progress(done: number, total?: number, message?: string): void {
    host().progress(done, total, message);
  }

  /** Writes to the operator's log, and to the client's if it asked for one. */
  log(level: Level, message: string, data?: unknown): void {
    host().log(level, message, data === undefined ? undefined : JSON.stringify(data));
  }

  /** The answer to the question of that key, as the client gave it. */
  input(key: string): any {
    return this.inputs.find((answer) => answer.key === key)?.value;
  }

  /**
   * Asks the user to fill in a form. The first time this ends the call, which is made again from its beginning with
   * the answer: do nothing before it that must not be done twice.
   */
  ask<T>(key: string, message: string, schema: Schema<T>): Reply<T> {
    const reply = this.form(key, schema);
    if (reply === undefined) throw Ask.form(key, message, schema);
    return reply;
  }

  /** What the user did with the form of that key; undefined if it has not been asked. */
  form<T>(key: string, schema: Schema<T>): Reply<T> | undefined {
    const answer = this.input(key);
    if (answer === undefined) return undefined;
    if (answer?.action !== "accept") return { action: answer?.action === "decline" ? "decline" : "cancel" };
    try {
      return { action: "accept", value: read(schema, answer.content ?? {}) };
    } catch (thrown) {
      if (!(thrown instanceof Misfit)) throw thrown;
      const at = thrown.path === "" ? "" : `.${thrown.path}`;
      throw new Failed(`the answer \`${key}\`${at}: ${thrown.message}`);
    }
  }

  /** What the model wrote; undefined if it has not been asked, or wrote no text. */
  modelText(key: string): string | undefined {
    const blocks = [this.input(key)?.content ?? []].flat();
    const texts = blocks.flatMap((block) => (typeof block?.text === "string" ? [block.text] : []));
    return texts.length > 0 ? texts.join("\n") : undefined;
  }

  /** What the client works on; undefined if it has not been asked. */
  roots(key: string): Root[] | undefined {
    return this.input(key)?.roots;
  }

  /** @internal Makes this the call that requests are sent for. */
  enter(): void {
    enter({ traceparent: this.traceparent, end: this.#started + this.deadline });
  }
}

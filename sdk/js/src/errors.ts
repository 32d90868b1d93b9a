/** Owns the errors a call can end with. The kind tells the model what to do next. */

/** The contract's kinds of error. */
export type ErrorKind =
  | "invalid-arguments"
  | "not-found"
  | "denied"
  | "rate-limited"
  | "unavailable"
  | "upstream"
  | "failed";

/** Why a call failed, for the model to act on. Anything else that is thrown becomes `Failed`. */
export abstract class ServiceError extends Error {
  abstract readonly kind: ErrorKind;

  constructor(message: string) {
    super(message);
    this.name = new.target.name;
  }

  /** The same error with words before its message: what was being done. */
  context(doing: string): this {
    this.message = `${doing}: ${this.message}`;
    return this;
  }
}

/** An argument that does not fit: `new InvalidArguments("days", "expected 1 to 7")`. */
export class InvalidArguments extends ServiceError {
  readonly kind = "invalid-arguments";

  /** @param path below `arguments`; empty for the arguments as a whole. */
  constructor(path: string, message: string) {
    super(path === "" ? `arguments: ${message}` : `arguments.${path}: ${message}`);
  }
}

/** What was asked for does not exist. */
export class NotFound extends ServiceError {
  readonly kind = "not-found";
}

/** The host's egress rules or the upstream's permissions forbid it; a retry will not help. */
export class Denied extends ServiceError {
  readonly kind = "denied";
}

/** Too many requests; says when to try again, if known. */
export class RateLimited extends ServiceError {
  readonly kind = "rate-limited";
  constructor(message: string, readonly retryAfterMs?: number) {
    super(message);
  }
}

/** The upstream does not answer now; says when to try again, if known. */
export class Unavailable extends ServiceError {
  readonly kind = "unavailable";
  constructor(message: string, readonly retryAfterMs?: number) {
    super(message);
  }
}

/** The upstream answered with an error. */
export class UpstreamError extends ServiceError {
  readonly kind = "upstream";
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

/** Anything else. */
export class Failed extends ServiceError {
  readonly kind = "failed";
}

/** What is said of what cannot be looked at: a getter or a proxy that throws. */
const UNREADABLE = "what was thrown cannot be shown";

/** What was thrown, as one of ours. A bug in a handler is told to the model in a line; its stack is for the log. */
export function asServiceError(thrown: unknown): ServiceError {
  try {
    if (thrown instanceof ServiceError) return thrown;
    return new Failed(thrown instanceof Error ? bug(thrown) : String(thrown));
  } catch {
    return new Failed(UNREADABLE);
  }
}

/** Why a config is refused, or a check failed: an `Error` says it in its author's words, anything derived is a bug. */
export function messageOf(thrown: unknown): string {
  try {
    if (!(thrown instanceof Error)) return String(thrown);
    return thrown.name === "Error" || thrown instanceof ServiceError ? thrown.message : bug(thrown);
  } catch {
    return UNREADABLE;
  }
}

function bug(error: Error): string {
  const said = `${error.name}: ${error.message}`;
  // This engine's stacks begin with the first frame.
  console.error(error.stack?.startsWith(said) ? error.stack : `${said}\n${error.stack ?? ""}`);
  return said;
}

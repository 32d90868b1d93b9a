/** Owns the errors a call can end with. The kind tells the model what to do next. */
/** Why a call failed, for the model to act on. Anything else that is thrown becomes `Failed`. */
export class ServiceError extends Error {
    constructor(message) {
        super(message);
        this.name = new.target.name;
    }
    /** The same error with words before its message: what was being done. */
    context(doing) {
        this.message = `${doing}: ${this.message}`;
        return this;
    }
}
/** An argument that does not fit: `new InvalidArguments("days", "expected 1 to 7")`. */
export class InvalidArguments extends ServiceError {
    kind = "invalid-arguments";
    /** @param path below `arguments`; empty for the arguments as a whole. */
    constructor(path, message) {
        super(path === "" ? `arguments: ${message}` : `arguments.${path}: ${message}`);
    }
}
/** What was asked for does not exist. */
export class NotFound extends ServiceError {
    kind = "not-found";
}
/** The host's egress rules or the upstream's permissions forbid it; a retry will not help. */
export class Denied extends ServiceError {
    kind = "denied";
}
/** Too many requests; says when to try again, if known. */
export class RateLimited extends ServiceError {
    retryAfterMs;
    kind = "rate-limited";
    constructor(message, retryAfterMs) {
        super(message);
        this.retryAfterMs = retryAfterMs;
    }
}
/** The upstream does not answer now; says when to try again, if known. */
export class Unavailable extends ServiceError {
    retryAfterMs;
    kind = "unavailable";
    constructor(message, retryAfterMs) {
        super(message);
        this.retryAfterMs = retryAfterMs;
    }
}
/** The upstream answered with an error. */
export class UpstreamError extends ServiceError {
    status;
    kind = "upstream";
    constructor(status, message) {
        super(message);
        this.status = status;
    }
}
/** Anything else. */
export class Failed extends ServiceError {
    kind = "failed";
}
/** What is said of what cannot be looked at: a getter or a proxy that throws. */
const UNREADABLE = "what was thrown cannot be shown";
/** What was thrown, as one of ours. A bug in a handler is told to the model in a line; its stack is for the log. */
export function asServiceError(thrown) {
    try {
        if (thrown instanceof ServiceError)
            return thrown;
        return new Failed(thrown instanceof Error ? bug(thrown) : String(thrown));
    }
    catch {
        return new Failed(UNREADABLE);
    }
}
/** Why a config is refused, or a check failed: an `Error` says it in its author's words, anything derived is a bug. */
export function messageOf(thrown) {
    try {
        if (!(thrown instanceof Error))
            return String(thrown);
        return thrown.name === "Error" || thrown instanceof ServiceError ? thrown.message : bug(thrown);
    }
    catch {
        return UNREADABLE;
    }
}
function bug(error) {
    console.error(error.stack ?? String(error));
    return `${error.name}: ${error.message}`;
}

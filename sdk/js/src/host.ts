/** Owns the seam to whatever runs the service: the sandbox (`guest`) or a test (`testing`). */

/** Syslog severities (RFC 5424), as MCP has them. */
export type Level = "debug" | "info" | "notice" | "warning" | "error" | "critical" | "alert" | "emergency";

/** A request, ready to be sent. */
export interface Outgoing {
  method: string;
  url: URL;
  /** Names in lower case. */
  headers: [string, string][];
  body: Uint8Array | undefined;
  /** The most of the response's body. */
  limit: number;
}

/** A response, read whole. */
export interface Incoming {
  status: number;
  headers: [string, string][];
  body: Uint8Array;
}

/** Why a request got no answer. */
export type Failure =
  | { why: "denied" | "address-denied" | "timeout" }
  | { why: "unreachable" | "other"; message: string }
  | { why: "too-large"; limit: number };

/** What a service is given. */
export interface Host {
  progress(done: number, total: number | undefined, message: string | undefined): void;
  log(level: Level, message: string, data: string | undefined): void;
  cancelled(): boolean;
  /** A monotonic clock, in milliseconds. */
  now(): number;
  /** The time of day. */
  wall(): Date;
  sleep(ms: number): Promise<void>;
  /** Sends a request that may take so long. A request that got no answer rejects with {@link Unanswered}. */
  send(request: Outgoing, ms: number, signal: AbortSignal | undefined): Promise<Incoming>;
}

/** What {@link Host.send} rejects with. */
export class Unanswered extends Error {
  constructor(readonly failure: Failure) {
    super(failure.why);
  }
}

/** What a request needs of the call it is sent for: none is at hand where `fetch` is called. */
export interface Ambient {
  traceparent: string | undefined;
  /** On the host's clock. */
  end: number;
}

let installed: Host | undefined;
let ambient: Ambient | undefined;

/** Makes this the host. */
export function install(host: Host): void {
  installed = host;
}

/** The host. */
export function host(): Host {
  if (installed === undefined)
    throw new Error("there is no host here: a service runs in Bulkhead, or under `@bulkhead/sdk/testing`");
  return installed;
}

/** Makes this the call that requests are sent for. */
export function enter(call: Ambient | undefined): void {
  ambient = call;
}

/** The call that requests are sent for. */
export const current = (): Ambient | undefined => ambient;

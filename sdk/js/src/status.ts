/** Owns what an upstream's status means to the caller. The words are those of the other SDKs. */

import { Denied, Failed, NotFound, RateLimited, type ServiceError, Unavailable, UpstreamError } from "./errors.js";

/** Enough of an upstream's words to act on, not so much that a page of HTML fills the context. */
const EXCERPT = 300;
/** Where APIs put their message: `error`, `message`, `error.message`, `errors[0]`, `detail`, … */
const PLACES = ["message", "error", "error_description", "errors", "detail", "reason", "title", "msg"];

/** The response itself for 1xx to 3xx; otherwise throws the error its status stands for. */
export async function ok(response: Response): Promise<Response> {
  if (response.status < 400) return response;
  throw await errorOf(response);
}

/** The error a status stands for, in the upstream's words. */
export async function errorOf(response: Response): Promise<ServiceError> {
  const { status } = response;
  const said = words(await response.text());
  const say = (what: string) => (said === "" ? what : `${what}: ${said}`);
  if (status === 404 || status === 410) return new NotFound(say(`the upstream has no such thing (${status})`));
  if (status === 401)
    return new Denied(
      say("the upstream wants a credential or refused the one it got (401); the operator sets it for this service"),
    );
  if (status === 403)
    return new Denied(
      say("the upstream forbids this (403); the permissions of the service's credential are the operator's to mend"),
    );
  if (status === 429)
    return new RateLimited(say("the upstream limits the rate of requests (429)"), retryAfter(response));
  if (status >= 502 && status <= 504)
    return new Unavailable(say(`the upstream is unavailable (${status})`), retryAfter(response));
  const next =
    status === 409
      ? "what is there has changed, or is there already: read it again first"
      : status >= 500
        ? "a retry may help"
        : "the same request would fail again";
  return new UpstreamError(status, `${said || "no message"} (${next})`);
}

/** The error of an answer that is no JSON. */
export function unexpected(thrown: unknown, text: string): Failed {
  const why = thrown instanceof Error ? thrown.message : String(thrown);
  return new Failed(`the upstream's answer is not what was expected: ${why}; it begins with: ${shortened(text, 120)}`);
}

/** `Retry-After` in seconds; dates are rare there and not worth a parser. */
function retryAfter(response: Response): number | undefined {
  const text = response.headers.get("retry-after")?.trim() ?? "";
  return /^\d+$/.test(text) ? Math.min(Number(text), 86_400) * 1000 : undefined;
}

function words(text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // No JSON: the text itself is the message.
  }
  return shortened(messageOf(body) ?? text, EXCERPT);
}

function messageOf(body: unknown): string | undefined {
  if (typeof body === "string") return body.trim() === "" ? undefined : body;
  if (Array.isArray(body)) return messageOf(body[0]);
  if (typeof body !== "object" || body === null) return undefined;
  for (const place of PLACES) {
    const message = messageOf((body as Record<string, unknown>)[place]);
    if (message !== undefined) return message;
  }
  return undefined;
}

/** The beginning of a text on one line. */
function shortened(text: string, most: number): string {
  const line = [...text.split(/\s+/).filter(Boolean).join(" ")];
  return line.length > most ? `${line.slice(0, most).join("")}…` : line.join("");
}

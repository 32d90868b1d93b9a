/**
 * Owns the sandbox as a {@link Host}. Requests go over wasi:http directly: the engine's own `fetch` says
 * `NetworkError` whatever the reason was, and reads bodies without a bound.
 */

import * as call from "bulkhead:service/call@0.1.0";
import { now } from "wasi:clocks/monotonic-clock@0.2.12";
import { handle } from "wasi:http/outgoing-handler@0.2.12";
import {
  Fields,
  type FutureIncomingResponse,
  httpErrorCode,
  type IncomingBody,
  OutgoingBody,
  OutgoingRequest,
  type Variant,
} from "wasi:http/types@0.2.12";
import { type Failure, type Host, type Incoming, type Outgoing, Unanswered } from "./host.js";
import { drop, ready, Wait } from "./waiting.js";

/** One read of a body stream; the host's own frames are about this size. */
const CHUNK = 65_536n;
/** The most that the contract of a stream lets one `write` take. */
const WRITE = 4096;

const other = (message: string) => new Unanswered({ why: "other", message });

/** The sandbox. */
export const sandbox: Host = {
  progress: call.progress,
  log: call.log,
  cancelled: call.cancelled,
  now: () => Number(now()) / 1e6,
  wall: () => new Date(),
  sleep: (ms) => Wait.after(ms).done,
  async send(request, ms, signal) {
    const timer = Wait.after(ms);
    const late = timer.done.then(() => {
      throw new Unanswered({ why: "timeout" });
    });
    const exchanged = exchange(request);
    const racing: Promise<Incoming>[] = [exchanged, late];
    if (signal)
      racing.push(new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))));
    // Who loses the race has nobody to tell.
    exchanged.catch(() => {});
    try {
      return await Promise.race(racing);
    } finally {
      timer.drop();
    }
  },
};

async function exchange(request: Outgoing): Promise<Incoming> {
  const outgoing = prepared(request);
  const upload = request.body && request.body.length > 0 ? outgoing.body() : undefined;
  let pending: FutureIncomingResponse;
  try {
    pending = handle(outgoing, undefined);
  } catch (thrown) {
    throw new Unanswered(failure(payload(thrown)));
  }
  // An upstream may answer before it has read everything. A failed upload is not reported: the response says better
  // what happened.
  if (upload) sendBody(upload, request.body!).catch(() => {});
  await ready(pending);
  const got = pending.get();
  if (got?.tag !== "ok") throw other("the response was taken twice");
  if (got.val.tag !== "ok") throw new Unanswered(failure(got.val.val));
  const incoming = got.val.val;
  const decoder = new TextDecoder();
  const headers = incoming.headers().entries();
  return {
    status: incoming.status(),
    headers: headers.map(([name, value]) => [name.toLowerCase(), decoder.decode(value)]),
    body: await receiveBody(incoming.consume(), request.limit),
  };
}

function prepared({ method, url, headers, body }: Outgoing): OutgoingRequest {
  const fields = new Fields();
  const encoder = new TextEncoder();
  for (const [name, value] of headers) {
    try {
      fields.append(name, encoder.encode(value));
    } catch (thrown) {
      throw other(`the header \`${name}\` is refused: ${payload(thrown)?.tag ?? thrown}`);
    }
  }
  if (body && body.length > 0) {
    try {
      fields.append("content-length", encoder.encode(String(body.length)));
    } catch {
      // Refused where the host counts by itself; then it is not needed.
    }
  }
  const outgoing = new OutgoingRequest(fields);
  const known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"].includes(method);
  try {
    outgoing.setMethod(known ? { tag: method.toLowerCase() } : { tag: "other", val: method });
    outgoing.setScheme({ tag: url.protocol === "https:" ? "HTTPS" : "HTTP" });
    outgoing.setAuthority(url.host);
    outgoing.setPathWithQuery(url.pathname + url.search);
  } catch {
    throw other("it cannot be sent");
  }
  return outgoing;
}

async function sendBody(body: OutgoingBody, rest: Uint8Array): Promise<void> {
  const stream = body.write();
  while (rest.length > 0) {
    const room = Math.min(Number(stream.checkWrite()), WRITE);
    if (room === 0) {
      await ready(stream);
      continue;
    }
    stream.write(rest.subarray(0, room));
    rest = rest.subarray(room);
  }
  stream.flush();
  await ready(stream);
  stream.checkWrite();
  drop(stream);
  OutgoingBody.finish(body, undefined);
}

async function receiveBody(body: IncomingBody, limit: number): Promise<Uint8Array> {
  const stream = body.stream();
  const chunks: Uint8Array[] = [];
  let length = 0;
  for (;;) {
    let chunk: Uint8Array;
    try {
      chunk = stream.read(CHUNK);
    } catch (thrown) {
      const error = payload(thrown);
      if (error?.tag === "closed") break;
      if (error?.tag !== "last-operation-failed") throw thrown;
      const code = httpErrorCode(error.val);
      // The host has no code for an error of its own, such as a body over the limit.
      if (code === undefined) throw other(`its answer broke off: ${error.val?.toDebugString?.() ?? "no reason given"}`);
      throw new Unanswered(failure(code));
    }
    if (chunk.length === 0) {
      await ready(stream);
      continue;
    }
    length += chunk.length;
    if (length > limit) throw new Unanswered({ why: "too-large", limit });
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0]!;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

const payload = (thrown: unknown): Variant | undefined => (thrown as { payload?: Variant } | undefined)?.payload;

/** What the host's code means to the caller. */
function failure(code: Variant | undefined): Failure {
  const unreachable: Record<string, string> = {
    "DNS-timeout": "its name was not resolved in time",
    "DNS-error": "its name does not resolve",
    "destination-not-found": "its name does not resolve",
    "destination-unavailable": "there is no route to it",
    "destination-IP-unroutable": "there is no route to it",
    "connection-refused": "connection refused",
    "connection-terminated": "the connection was closed",
    "connection-timeout": "connecting took too long",
    "connection-read-timeout": "it took too long",
    "connection-write-timeout": "it took too long",
    "HTTP-response-timeout": "it took too long",
    "connection-limit-reached": "too many connections are open",
    "TLS-protocol-error": "TLS could not be agreed on",
    "TLS-certificate-error": "its TLS certificate is not trusted",
    "TLS-alert-received": "it refused TLS",
    "HTTP-response-incomplete": "its answer broke off",
  };
  const tag = code?.tag ?? "unknown";
  if (tag === "HTTP-request-denied") return { why: "denied" };
  if (tag === "destination-IP-prohibited") return { why: "address-denied" };
  const message = unreachable[tag];
  if (message !== undefined) return { why: "unreachable", message };
  if (tag === "HTTP-response-body-size") return { why: "other", message: "the answer is larger than the host allows" };
  if (tag === "HTTP-request-body-size") return { why: "other", message: "the request is larger than the host allows" };
  return { why: "other", message: tag === "internal-error" && typeof code?.val === "string" ? code.val : tag };
}

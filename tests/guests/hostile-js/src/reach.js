/** Guests that look around for whatever is not WASI, and for what they share with others. */

import { now } from "wasi:clocks/monotonic-clock@0.2.12";

/** Whatever Node, Deno, Bun, a browser or a worker would have. */
export async function peek({ args }) {
  const names = ["process", "require", "module", "Deno", "Bun", "window", "document", "localStorage", "indexedDB"];
  if (args.module !== undefined) return { imported: Object.keys(await import(args.module)) };
  return { globals: names.filter((name) => globalThis[name] !== undefined) };
}

/** Other ways out than `fetch`. */
export function open_socket() {
  const names = ["WebSocket", "XMLHttpRequest", "EventSource", "WebTransport", "RTCPeerConnection", "Worker"];
  return { globals: names.filter((name) => globalThis[name] !== undefined) };
}

/** Code that comes with a call is code of the guest: it may do what the guest may. */
export const evaluate = ({ args }) => (0, eval)(args.code);

export function draw() {
  const bytes = [...crypto.getRandomValues(new Uint8Array(16))].join();
  return { drawn: [String(Math.random()), bytes, crypto.randomUUID()] };
}

/** What time it is, three ways. */
export const clock = () => ({ wall: Date.now(), monotonic: Number(now()) / 1e6, performance: performance.now() });

/** Blocks the whole engine. */
export const atomics_wait = () =>
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3_600_000);

/**
 * Owns waiting in the sandbox. All that is waited for is polled together, once nothing else is left to do, so requests
 * sent together are in flight together.
 */

import { subscribeDuration } from "wasi:clocks/monotonic-clock@0.2.12";
import { poll, type Pollable } from "wasi:io/poll@0.2.12";

/** How long a poll may hold up the engine's own timers, which it does not know of. Half of it would be noticed as
 * processor time in calls that wait for long, twice it in the precision of `setTimeout`. */
const SLICE = 20_000_000n;

const waiting = new Map<Pollable, () => void>();
let scheduled = false;

/** Frees what the host keeps for a resource. */
export function drop(resource: unknown): void {
  const dispose = (Symbol as { dispose?: symbol }).dispose ?? Symbol.for("dispose");
  (resource as Record<symbol, (() => void) | undefined> | undefined)?.[dispose]?.();
}

/** Something that can be waited for, until it is dropped. */
export class Wait {
  readonly done: Promise<void>;
  readonly #pollable: Pollable;

  constructor(pollable: Pollable) {
    this.#pollable = pollable;
    this.done = new Promise((resolve) => waiting.set(pollable, resolve));
    schedule();
  }

  static after(ms: number): Wait {
    return new Wait(subscribeDuration(BigInt(Math.max(0, Math.round(ms * 1e6)))));
  }

  drop(): void {
    if (waiting.delete(this.#pollable)) drop(this.#pollable);
  }
}

/** Waits until a resource is ready. */
export async function ready(resource: { subscribe(): Pollable }): Promise<void> {
  await new Wait(resource.subscribe()).done;
}

function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  // After all that is ready to run has run, and has sent what it sends.
  setTimeout(turn, 0);
}

function turn(): void {
  scheduled = false;
  if (waiting.size === 0) return;
  const entries = [...waiting];
  const slice = subscribeDuration(SLICE);
  const ready = poll([...entries.map(([pollable]) => pollable), slice]);
  drop(slice);
  for (const index of ready) {
    const [pollable, resolve] = entries[index] ?? [];
    if (pollable === undefined) continue;
    waiting.delete(pollable);
    drop(pollable);
    resolve?.();
  }
  if (waiting.size > 0) schedule();
}

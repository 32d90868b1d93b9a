/** Guests that take memory, and what the host keeps for them. */

import { subscribeDuration } from "wasi:clocks/monotonic-clock@0.2.12";

export function allocate() {
  for (const hoard = []; ; ) hoard.push(new Uint8Array(1 << 20).fill(1));
}

/** One text that is twice as long each time, and no rope of two: every character is looked at. */
export function grow_text() {
  for (let text = "x".repeat(1024); ; ) text = encodeURIComponent(text + text);
}

/** Objects that refer to each other, so that whoever cleans up has to look at all of them. */
export function many_objects() {
  for (let last = null, n = 0; ; n++) last = { last, n, all: [last, n] };
}

/** Goes on after it was refused. */
export function go_on_without_memory() {
  const kept = [];
  for (;;) {
    try {
      kept.push(new Uint8Array(1 << 20));
    } catch (refused) {
      return { refused: refused.name ?? refused, kept: kept.length };
    }
  }
}

export function hoard_handles({ args }) {
  const kept = Array.from({ length: args.count }, () => subscribeDuration(3_600_000_000_000n));
  return `${kept.length} are kept`;
}

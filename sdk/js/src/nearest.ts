/** Owns finding the word that was meant. The rules are those of the other SDKs. */

/** The known word closest to `word`, if it is close enough to be what was meant. */
export function nearest(word: string, known: string[]): string | undefined {
  word = word.toLowerCase().replaceAll("-", "_");
  let best: { distance: number; candidate: string } | undefined;
  for (const candidate of known) {
    const apart = distance(word, candidate);
    const within = apart <= Math.floor(Math.max(candidate.length, word.length) / 3) + 1;
    const begins = candidate.length >= 3 && word.length >= 3 && (candidate.startsWith(word) || word.startsWith(candidate));
    if (!within && !begins) continue;
    if (!best || apart < best.distance || (apart === best.distance && candidate < best.candidate))
      best = { distance: apart, candidate };
  }
  return best?.candidate;
}

/** Says that a key is unknown, and what may have been meant. */
export function unknownKey(unknown: string, known: string[]): string {
  const near = nearest(unknown, known);
  if (near !== undefined) return `unknown key \`${unknown}\`; did you mean \`${near}\`?`;
  if (known.length === 0) return `unknown key \`${unknown}\`; none is taken`;
  return `unknown key \`${unknown}\`; known are ${known.join(", ")}`;
}

/** Levenshtein distance. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = row[j]! + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, row[j + 1]! + 1, next[j]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

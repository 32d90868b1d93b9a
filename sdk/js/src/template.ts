/**
 * Owns URI templates (RFC 6570, as far as reading one back is unambiguous): `{name}` is anything up to the next slash,
 * `{+name}` anything at all.
 */

type Piece = { literal: string } | { name: string; slashes: boolean };

const pieces = (template: string): Piece[] =>
  template
    .split(/(\{[^}]*\})/)
    .filter(Boolean)
    .map((part) => {
      if (!/^\{.*\}$/s.test(part)) return { literal: part };
      const slashes = part[1] === "+";
      return { name: part.slice(slashes ? 2 : 1, -1), slashes };
    });

/** Whether it stands for more than one URI. */
export const hasVariables = (template: string): boolean => pieces(template).some((piece) => "name" in piece);

/** What stands for the variables, decoded, if the URI is one of the template's. */
export function variables(template: string, uri: string): Record<string, string> | undefined {
  const found: Record<string, string> = {};
  const all = pieces(template);
  let rest = uri;
  for (const [i, piece] of all.entries()) {
    if ("literal" in piece) {
      if (!rest.startsWith(piece.literal)) return undefined;
      rest = rest.slice(piece.literal.length);
      continue;
    }
    const next = all[i + 1];
    const end = next && "literal" in next ? rest.indexOf(next.literal) : rest.length;
    const value = rest.slice(0, Math.max(0, end));
    if (value === "" || (!piece.slashes && value.includes("/"))) return undefined;
    try {
      found[piece.name] = decodeURIComponent(value);
    } catch {
      return undefined;
    }
    rest = rest.slice(end);
  }
  return rest === "" ? found : undefined;
}

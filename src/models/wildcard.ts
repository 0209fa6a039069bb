/** Whether the text fits the pattern, in which each `*` stands for any text. Takes linear time, whatever the pattern. */
export function matchesWildcard(pattern: string, text: string): boolean {
  const pieces = pattern.split("*");
  const first = pieces[0] ?? "";
  if (pieces.length === 1) return text === pattern;
  const last = pieces.at(-1) ?? "";
  if (text.length < first.length + last.length || !text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let position = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, position);
    if (found === -1 || found + piece.length > end) return false;
    position = found + piece.length;
  }
  return true;
}

/** How much of a pattern is literal: the most specific of several that fit is the one with the most. */
export function literalLength(pattern: string): number {
  return pattern.replaceAll("*", "").length;
}

/** Of the patterns that fit, the most specific; of equals, the first. A plain name is a pattern that fits only itself. */
export function mostSpecific(patterns: Iterable<string>, text: string): string | undefined {
  let best: string | undefined;
  for (const pattern of patterns) {
    if (!matchesWildcard(pattern, text)) continue;
    if (best === undefined || literalLength(pattern) > literalLength(best)) best = pattern;
  }
  return best;
}

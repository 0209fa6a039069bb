/**
 * Whether a regular expression is soon done with any text of a few hundred characters. Engines that backtrack take for ever
 * over others, as over `(a+)+$`, and nothing can stop them. Errs towards no.
 */
export function isTamePattern(pattern: string): boolean {
  if (/\\[1-9k]/.test(pattern)) return false; // refers back
  // What takes one character, however it is written, is one step.
  const plain = pattern.replace(/\\[pPuxc]\{[^}]*\}|\\./gs, "x").replace(/\[[^\]]*\]/g, "x");
  if (/\)[*+{]/.test(plain)) return false; // a repeated group multiplies what is in it
  const repeats = plain.match(/[*+]|\{\d+,\d*\}/g)?.length ?? 0;
  const options = plain.match(/[^*+}(?]\?/g)?.length ?? 0;
  const isTriedEverywhere = !plain.startsWith("^") || plain.includes("|");
  return repeats + (isTriedEverywhere ? 1 : 0) <= 3 && options <= 10;
}

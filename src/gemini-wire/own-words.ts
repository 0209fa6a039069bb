/**
 * What of an error message is upstream's own wording. Refusals quote the request, and so the words of whoever wrote it:
 * values, names in quotes, properties in brackets, ids. Those are cut before anybody looks for a telling phrase. Cuts too
 * much rather than too little: from the first quotation mark to the last one, whatever stands between them.
 */
export function ownWords(message: string): string {
  return CUTS.reduce((text, [quotation, left]) => text.replace(quotation, left), message);
}

const CUTS: readonly (readonly [quotation: RegExp, left: string])[] = [
  // "Invalid value at 'request.contents[0]…' (type.googleapis.com/…), <the value>": nothing of upstream's comes after it.
  [/(invalid value at) [^]*/i, "$1"],
  // The loc of Claude's own validation is a path through the client's schema or arguments.
  [/^(tools\.\d+|messages\.\d+\.content\.\d+\.tool_(?:use|result))\.[^]*/, "$1"],
  // Ids of calls.
  [/(immediately after|`tool_result` blocks): [^]*/, "$1"],
  [/"[^]*"/, '""'],
  // An apostrophe has letters on both sides.
  [/(?<!\w)'[^]*'(?!\w)/, "''"],
  [/\[[^]*\]/, "[]"],
];

const SHOWN_CHARACTERS = 1_000;

/** Upstream's own words, without what identifies an account. */
export function shown(message: string): string {
  const safe = message
    .replaceAll(/\s+/g, " ")
    .replaceAll(/\bya29\.[\w.-]+|\b1\/\/[\w-]+|\bAIza[\w-]+|\bapi_key:[^\s'"]+/g, "…")
    .replaceAll(/[\w.+-]+@[\w-]+\.[\w.-]+/g, "…")
    .replaceAll(/\bprojects\/[^\s"'/,)]+/g, "projects/…")
    .trim()
    .slice(0, SHOWN_CHARACTERS);
  return safe === "" ? "Upstream refused the request as invalid" : safe;
}

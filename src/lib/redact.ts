/** What stands where a secret stood. */
export const REDACTED = "[redacted]";

/** Something in here may be a secret: `redact` has to look closer. Whatever it replaces passes, and hardly anything else. */
const SUSPICIOUS =
  /@|%40|sk-|AIza|ya29\.|1(?:\\?\/|%2f){2}|4(?:\\?\/|%2f)0|GOCSPX-|ag-owner|eyJ|:\/\/|bearer|basic|(?<![\w-])key\s?=|(?:token|secret|password|passwd|passphrase|api[-_]?key|authorization|cookie|code[-_]?verifier)(?![a-z])/i;

/** Values of these are secrets, however they are written: `name: value`, `name=value`, `"name":"value"`. */
const SECRET_NAME =
  "(?:(?:access|refresh|id|auth|session)[-_]?token|client[-_]?secret|api[-_]?key|code[-_]?verifier|authorization|cookie)";
/** Ordinary words too: only `name=value` and `"name":"value"`. */
const MAYBE_SECRET_NAME = "(?:token|secret|password|passwd|passphrase)";

/** A quoted value goes to its closing quote, also inside JSON that is itself quoted; another one to the next delimiter. */
const VALUE = `(?:(")(?:[^"\\\\]|\\\\[^"\\\\])+|(')(?:[^'\\\\]|\\\\[^'\\\\])+|(?:(?:bearer|basic)\\s{1,4})?[^\\s"'\\\\,;&<>()[\\]{}…]+)`;

const NAMED: readonly RegExp[] = [
  new RegExp(`(${SECRET_NAME}\\\\{0,8}["']?\\s{0,4}[:=]\\s{0,4}\\\\{0,8})${VALUE}`, "gi"),
  new RegExp(`(${MAYBE_SECRET_NAME}(?:\\s?=\\s?|\\\\{0,8}["']\\s{0,4}[:=]\\s{0,4}\\\\{0,8}(?=["'])))${VALUE}`, "gi"),
  // Handles of the gateway's own keys are no secrets.
  new RegExp(`((?<![\\w-])key\\s?=\\s?)(?!(?:k\\d+|env|owner)(?![\\w-]))${VALUE}`, "gi"),
];

/** By their own shape. No boundary is asked for on their left: an escape such as `\n` or `%20` may stand there. */
const SHAPED: readonly RegExp[] = [
  /sk-ag-[\w-]{4,}/g,
  /(?<![A-Za-z0-9])sk-[\w-]{16,}/g,
  /AIza[\w-]{6,}/g,
  /ya29\.[\w.~+/=-]+/g,
  /GOCSPX-[\w-]{4,}/g,
  /ag-owner[-_:.][\w-]{4,}/g,
  // Refresh tokens. After a digit, a dot or `/v` it is rather an address with a doubled slash, unless it is as long as a token.
  /(?:(?:(?<![\d.]|\/v)|(?<=%[\da-f]{2}|\\u[\da-f]{4}))1(?:\\?\/|%2f){2}[\w-]{4,}|1(?:\\?\/|%2f){2}[\w-]{24,})/gi,
  // Sign-in codes.
  /4(?:\\?\/|%2f)0[\w-]{16,}/gi,
  /(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?/g,
];

/** What follows the word is a credential rather than the next word of a sentence: it is long, or no word. */
const SCHEME =
  /\b((?:[Bb]earer|BEARER|[Bb]asic|BASIC)\s{1,4})(?=[\w~+/.=-]{20}|(?=[\w~+/.=-]{8})(?:[A-Za-z.-]{0,20}[\d_~+/=]|[A-Za-z]{0,20}[a-z][A-Z]))[\w~+/.=-]+/g;

const USER_INFO = /(:\/\/)[^\s/@"'<>]+@/g;

/** Where an e-mail address cannot go on. */
const BEYOND_LOCAL_PART = /[\s"'`<>()[\]{},;:|=/\\?&@]/;
const BEYOND_DOMAIN = /[^\p{L}\p{N}.-]/u;
const DOMAIN = /^[^.]+(?:\.[^.]+)*\.\p{L}{2,}$/u;
const LONGEST_ADDRESS = 320;

/**
 * The text without what looks like a secret or an e-mail address, as a last line of defence for logs: nothing that holds one
 * should come here. Takes time in proportion to the text's length.
 */
export function redact(text: string): string {
  if (!SUSPICIOUS.test(text)) return text;
  let safe = text.replace(USER_INFO, `$1${REDACTED}@`);
  for (const pattern of NAMED) {
    safe = safe.replace(pattern, (_, name: string, double = "", single = "") => `${name}${double}${single}${REDACTED}`);
  }
  safe = safe.replace(SCHEME, `$1${REDACTED}`);
  for (const pattern of SHAPED) safe = safe.replace(pattern, REDACTED);
  return withoutAddresses(safe);
}

const WHOLLY_SECRET = new RegExp(`(?:${SECRET_NAME}|${MAYBE_SECRET_NAME})$`, "i");

/** The line, which is JSON, with every text and name in it redacted: what comes out is JSON as well. */
export function redactJson(line: string): string {
  if (!SUSPICIOUS.test(line)) return line;
  return JSON.stringify(redactValue(JSON.parse(line)));
}

function redactValue(value: unknown): unknown {
  if (typeof value === "string") return redact(value);
  if (Array.isArray(value)) return value.map(redactValue);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, entry]) => [
      redact(name),
      typeof entry === "string" && WHOLLY_SECRET.test(name) ? REDACTED : redactValue(entry),
    ]),
  );
}

/** By hand: a regular expression would try again from every character of a long word without an `@`. */
function withoutAddresses(text: string): string {
  let safe = "";
  let told = 0;
  for (const { index: at, 0: sign } of text.matchAll(/@|%40/g)) {
    const from = at + sign.length;
    let end = from;
    while (end < text.length && end - at < LONGEST_ADDRESS && !BEYOND_DOMAIN.test(text.charAt(end))) end++;
    if (!DOMAIN.test(text.slice(from, end).replace(/[.-]+$/, ""))) continue;
    let start = at;
    while (start > told && at - start < LONGEST_ADDRESS && !BEYOND_LOCAL_PART.test(text.charAt(start - 1))) start--;
    if (start === at) continue;
    safe += text.slice(told, start) + REDACTED;
    told = end;
  }
  return safe + text.slice(told);
}

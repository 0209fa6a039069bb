/**
 * How many tokens a text is, rather too many than too few. No tokeniser, but what those of the big models have in common: a
 * word is one token with the blank before it, long ones and the parts of camelCase names are more; digits stand alone; marks
 * join in pairs; letters cost the more the fewer of them there were to learn from. Linear in the text.
 */
export function estimateTextTokens(text: string): number {
  let tokens = 0;
  for (let start = 0; start < text.length;) {
    const kind = kindOf(text.charCodeAt(start));
    let end = start + 1;
    while (end < text.length && goesOn(kind, kindOf(text.charCodeAt(end)), end - start)) end++;
    tokens += costOf(kind, text, start, end);
    start = end;
  }
  return Math.ceil(tokens);
}

type Kind = "lower" | "upper" | "digit" | "blank" | "break" | "mark" | "accented" | "letter" | "rare-letter" | "sign";

/** By character of ASCII. */
const ASCII_KINDS: readonly Kind[] = Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if (/[a-z]/.test(character)) return "lower";
  if (/[A-Z]/.test(character)) return "upper";
  if (/[0-9]/.test(character)) return "digit";
  if (/[\n\r]/.test(character)) return "break";
  return /[ \t]/.test(character) ? "blank" : "mark";
});

function kindOf(code: number): Kind {
  const ascii = ASCII_KINDS[code];
  if (ascii !== undefined) return ascii;
  if (code >= 0xc0 && code < 0x250) return "accented";
  // Greek, Cyrillic.
  if (code >= 0x370 && code < 0x530) return "letter";
  // Hebrew, Arabic, the scripts of India, Georgian, …
  if (code < 0x2000) return "rare-letter";
  // Signs, ideographs, syllables, and halves of what lies beyond.
  return "sign";
}

function goesOn(kind: Kind, next: Kind, length: number): boolean {
  if (kind === next) return kind !== "digit" && kind !== "sign";
  // "Word": the capital belongs to what follows; "HTMLParser" is cut one letter late, which changes no count.
  return kind === "upper" && next === "lower" && length === 1;
}

function costOf(kind: Kind, text: string, start: number, end: number): number {
  const length = end - start;
  switch (kind) {
    case "lower":
    case "upper": {
      const isCapitals = kind === "upper" && length > 1 && ASCII_KINDS[text.charCodeAt(start + 1)] === "upper";
      // Letters behind a digit are rarely a word: they stand in hashes and ids.
      const inCode = start > 0 && ASCII_KINDS[text.charCodeAt(start - 1)] === "digit" ? 0.5 : 0;
      return inCode + (isCapitals ? Math.ceil(length / 3) : 1 + Math.max(0, length - 7) * 0.15);
    }
    case "digit":
    case "sign":
    case "accented":
      return 1;
    case "blank":
      // One blank is part of the word behind it.
      return length === 1 && ASCII_KINDS[text.charCodeAt(end)] !== "digit" ? 0 : Math.ceil(length / 16);
    case "break":
    case "mark":
      return Math.ceil(length / 2);
    case "letter":
      return length * 0.4;
    case "rare-letter":
      return length * 0.6;
    default:
      return kind satisfies never;
  }
}

/** How much of a pattern is worked through, and how long an example may become: both only guard against absurd ones. */
const MAX_STEPS = 5000;
const MAX_LENGTH = 1000;
const MAX_PATTERN = 1000;

/** What character classes are filled from: the letters of plain words first. */
const ALPHABET = [
  ..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_. @/:+#,;=!?'\"()[]{}~^$&*%<>|\\`éßЖαא中あ한🙂\n\t",
];

export interface ExampleOptions {
  /** Repetitions above the least that the pattern wants, where it leaves that open. */
  more?: number;
  /** Different numbers give different examples where the pattern allows for it. */
  variant?: number;
}

/**
 * A text that a regular expression fits, as far as that can be told without looking ahead: what is looked ahead to or
 * behind at is passed over, of alternatives the first one is written. The caller checks it.
 */
export function exampleOf(pattern: string, { more = 0, variant = 0 }: ExampleOptions = {}): string {
  if (pattern.length > MAX_PATTERN) return "";
  let at = 0;
  let steps = 0;
  let picks = variant;
  const groups: string[] = [];

  const isOver = () => at >= pattern.length || steps > MAX_STEPS;
  const take = (wanted: RegExp) => {
    wanted.lastIndex = at;
    const found = wanted.exec(pattern);
    if (found) at = wanted.lastIndex;
    return found;
  };

  const alternatives = (): string => {
    const first = sequence();
    while (!isOver() && take(/\|/y)) sequence();
    return first;
  };
  const sequence = (): string => {
    let text = "";
    while (!isOver() && pattern[at] !== "|" && pattern[at] !== ")") text += repeated();
    return text.slice(0, MAX_LENGTH);
  };
  const repeated = (): string => {
    const start = at;
    let text = atom();
    const [least, most] = bounds(take(/(?:[*+?]|\{(\d+)(,?)(\d*)\})[?+]?/y));
    const after = at;
    const count = Math.min(most, least + more, MAX_LENGTH);
    if (count === 0) return "";
    for (let times = 1; times < count && text.length < MAX_LENGTH; times++) {
      at = start;
      if (isOver()) break;
      text += atom();
    }
    at = after;
    return text;
  };
  const atom = (): string => {
    steps += 1;
    if (take(/\(\?<?[=!]/y)) return closed(alternatives(), "");
    if (take(/\(\?(?:[a-z-]*:)/y)) return closed(alternatives());
    if (take(/\((?:\?<[^>]*>)?/y)) {
      const place = groups.push("") - 1;
      return (groups[place] = closed(alternatives()));
    }
    if (take(/[\^$]|\\[bB]/y)) return "";
    const back = take(/\\([1-9])/y);
    if (back) return groups[Number(back[1]) - 1] ?? "";
    const kind = take(
      /\[(?:\\.|[^\]\\])*\]|\\[pP]\{[^}]*\}|\\u\{[^}]*\}|\\u[\da-fA-F]{4}|\\x[\da-fA-F]{2}|\\c[A-Za-z]|\\.|\./suy,
    );
    if (kind) return oneOf(kind[0]);
    const literal = take(/[^]/uy);
    return literal?.[0] ?? "";
  };
  const closed = (text: string, result = text): string => {
    take(/\)/y);
    return result;
  };
  const oneOf = (kind: string): string => {
    const fitting = ALPHABET.filter(matcherOf(kind));
    const picked = fitting[picks % Math.max(fitting.length, 1)];
    if (fitting.length > 1) picks += 1;
    return picked ?? rangeStart(kind);
  };
  return alternatives();
}

function bounds(quantifier: RegExpExecArray | null): [least: number, most: number] {
  if (!quantifier) return [1, 1];
  const [whole, least, comma, most] = quantifier;
  if (least === undefined) return [whole.startsWith("+") ? 1 : 0, whole.startsWith("?") ? 1 : Infinity];
  if (comma === "") return [Number(least), Number(least)];
  return [Number(least), most ? Number(most) : Infinity];
}

/** One class of characters, such as `[a-f]`, `\d` or `\.`; what cannot be read fits nothing. */
function matcherOf(kind: string): (character: string) => boolean {
  for (const flags of ["u", ""]) {
    try {
      const matcher = new RegExp(`^${kind}$`, flags);
      return (character) => matcher.test(character);
    } catch {
      // Without the flag, more is allowed within brackets.
    }
  }
  return () => false;
}

/** Of a class of far letters the first. */
function rangeStart(kind: string): string {
  const escaped = /\\u\{?([\da-fA-F]{4,6})|\\x([\da-fA-F]{2})/.exec(kind);
  const code = escaped?.[1] ?? escaped?.[2];
  return code === undefined
    ? (/^\[([^\\^\]])/u.exec(kind)?.[1] ?? "")
    : String.fromCodePoint(Number.parseInt(code, 16));
}

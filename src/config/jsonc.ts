export interface TextPosition {
  /** Both count from 1. */
  line: number;
  column: number;
}

/** The text is not JSON with comments. `position` is where reading stopped. */
export class JsoncError extends Error {
  override readonly name = "JsoncError";
  readonly position: TextPosition;

  constructor(message: string, position: TextPosition) {
    super(message);
    this.position = position;
  }
}

export interface JsoncDocument {
  value: unknown;
  /** Where the member with this path of keys begins; undefined for a path that is not in the text. */
  positionOf(path: readonly (string | number)[]): TextPosition | undefined;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /[\p{L}\p{N}_$.+-]+/uy;
const LITERALS = new Map<string, boolean | null>([
  ["true", true],
  ["false", false],
  ["null", null],
]);
/** Deeper than any configuration, shallower than the call stack. */
const MAX_DEPTH = 100;

/**
 * Reads JSON with `//` and block comments and trailing commas. Stricter than `Bun.JSONC.parse`, which accepts text after
 * the document, hexadecimal numbers and repeated keys, and does not say where an error is. Throws JsoncError.
 */
export function parseJsonc(source: string): JsoncDocument {
  const text = source.charCodeAt(0) === 0xfeff ? source.slice(1) : source;
  const offsets = new Map<string, number>();
  let at = 0;

  skipBlank();
  const value = readValue([]);
  skipBlank();
  if (at < text.length) throw failure(`Unexpected ${found()} after the end of the document`);
  return {
    value,
    positionOf(path) {
      const offset = offsets.get(pathKey(path));
      return offset === undefined ? undefined : positionAt(offset);
    },
  };

  function readValue(path: (string | number)[]): unknown {
    if (path.length > MAX_DEPTH) throw failure("Nested too deeply");
    const character = text[at];
    if (character === "{") return readObject(path);
    if (character === "[") return readArray(path);
    if (character === '"') return readString();
    const number = match(NUMBER);
    if (number !== undefined) return Number(number);
    const start = at;
    const word = match(WORD);
    const literal = word === undefined ? undefined : LITERALS.get(word);
    if (literal !== undefined) return literal;
    at = start;
    throw failure(`Expected a value but found ${found()}`);
  }

  function readObject(path: (string | number)[]): Record<string, unknown> {
    const start = at++;
    const members = new Map<string, unknown>();
    for (;;) {
      skipBlank();
      if (take("}")) return Object.fromEntries(members);
      if (at >= text.length) throw failure('Missing "}" for the "{" that begins here', start);
      if (text[at] !== '"') throw failure(`Expected a key in double quotes but found ${found()}`);
      const keyStart = at;
      const key = readString();
      if (members.has(key)) throw failure(`The key "${key}" stands here a second time`, keyStart);
      const memberPath = [...path, key];
      offsets.set(pathKey(memberPath), keyStart);
      skipBlank();
      if (!take(":")) throw failure(`Expected ":" after the key "${key}" but found ${found()}`);
      skipBlank();
      members.set(key, readValue(memberPath));
      skipBlank();
      if (!take(",") && text[at] !== "}" && at < text.length) throw failure(`Expected "," but found ${found()}`);
    }
  }

  function readArray(path: (string | number)[]): unknown[] {
    const start = at++;
    const items: unknown[] = [];
    for (;;) {
      skipBlank();
      if (take("]")) return items;
      if (at >= text.length) throw failure('Missing "]" for the "[" that begins here', start);
      const itemPath = [...path, items.length];
      offsets.set(pathKey(itemPath), at);
      items.push(readValue(itemPath));
      skipBlank();
      if (!take(",") && text[at] !== "]" && at < text.length) throw failure(`Expected "," but found ${found()}`);
    }
  }

  function readString(): string {
    const start = at;
    for (at++; at < text.length && text[at] !== "\n"; at++) {
      if (text[at] === "\\") at++;
      else if (text[at] === '"') {
        at++;
        try {
          return JSON.parse(text.slice(start, at)) as string;
        } catch {
          throw failure("This string has an escape or a control character that JSON does not allow", start);
        }
      }
    }
    throw failure("This string has no closing quote", start);
  }

  function skipBlank(): void {
    for (;;) {
      const character = text[at];
      if (character === " " || character === "\t" || character === "\n" || character === "\r") at++;
      else if (text.startsWith("//", at)) {
        const end = text.indexOf("\n", at);
        at = end < 0 ? text.length : end;
      } else if (text.startsWith("/*", at)) {
        const end = text.indexOf("*/", at + 2);
        if (end < 0) throw failure("This comment has no closing */");
        at = end + 2;
      } else return;
    }
  }

  function take(character: string): boolean {
    if (text[at] !== character) return false;
    at++;
    return true;
  }

  function match(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    const matched = pattern.exec(text)?.[0];
    at += matched?.length ?? 0;
    return matched;
  }

  function found(): string {
    if (at >= text.length) return "the end of the file";
    WORD.lastIndex = at;
    const word = WORD.exec(text)?.[0] ?? String.fromCodePoint(text.codePointAt(at) ?? 0);
    return JSON.stringify(word.length > 12 ? `${word.slice(0, 12)}…` : word);
  }

  function failure(message: string, offset = at): JsoncError {
    return new JsoncError(message, positionAt(offset));
  }

  function positionAt(offset: number): TextPosition {
    const before = text.slice(0, offset);
    const lineStart = before.lastIndexOf("\n") + 1;
    return { line: before.split("\n").length, column: offset - lineStart + 1 };
  }
}

function pathKey(path: readonly (string | number)[]): string {
  return JSON.stringify(path.map(String));
}

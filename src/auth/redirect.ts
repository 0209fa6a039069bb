import { codeOfErrorPage } from "./sign-in-errors.ts";

/** How a sign-in ended in the browser. */
export type Ending = { type: "code"; code: string } | { type: "error"; error: string };

/** The query of a redirect, or why it is not the one that is awaited. */
export function readRedirect(query: URLSearchParams, state: string): Ending | "foreign" | "empty" {
  if (query.get("state") !== state) return "foreign";
  return endingOf(query) ?? "empty";
}

export type Pasted = Ending | { type: "useless"; reason: string } | { type: "blank" };

const SHORTEST_CODE = 10;
const NO_CODE = "That address holds no code: paste the one the browser ends at";

/**
 * What the owner pasted: the whole address the browser was sent to, its query, or the bare code. `useless` says in one
 * sentence why nothing can be done with it.
 */
export function readPasted(line: string, state: string): Pasted {
  const text = unquoted(line);
  if (text === "") return { type: "blank" };
  if (URL.canParse(text)) {
    const error = codeOfErrorPage(new URL(text));
    if (error !== undefined) return { type: "error", error };
  }
  const query = queryOf(text);
  if (query !== undefined) return readPastedQuery(query, state);
  if (text.includes("://")) return useless(NO_CODE);
  const code = decodedOnce(text);
  if (/^[\x21-\x7e]+$/.test(code) && code.length >= SHORTEST_CODE && !code.includes("://")) {
    return { type: "code", code };
  }
  return useless("That is neither the address from the browser nor a code");
}

function readPastedQuery(query: URLSearchParams, state: string): Pasted {
  const ending = endingOf(query);
  const theirs = query.get("state");
  // Whoever pastes the bad news without the state has nothing to gain by it.
  if (ending?.type === "error" && (theirs === null || theirs === state)) return ending;
  if (theirs !== null && theirs !== state) {
    return useless("That address belongs to another sign-in: open the one shown above, and paste where it leads to");
  }
  if (ending === undefined) return useless(NO_CODE);
  if (theirs === null) return useless("That address is not complete: copy all of it, to the end");
  if (ending.type === "code" && ending.code.length < SHORTEST_CODE) {
    return useless("That address is not complete: its code is too short");
  }
  return ending;
}

function endingOf(query: URLSearchParams): Ending | undefined {
  const error = query.get("error");
  if (error !== null) return { type: "error", error };
  const code = query.get("code");
  return code === null || code === "" ? undefined : { type: "code", code };
}

/** The query in an address, with or without its front; `undefined` when the text has none. */
function queryOf(text: string): URLSearchParams | undefined {
  const [withoutFragment = ""] = text.split("#", 1);
  const start = withoutFragment.indexOf("?");
  if (start >= 0) return new URLSearchParams(withoutFragment.slice(start + 1));
  return /(?:^|&)(?:code|state|error)=/.test(withoutFragment) ? new URLSearchParams(withoutFragment) : undefined;
}

function unquoted(text: string): string {
  return text.replace(/^[\s"'`<]+|[\s"'`>]+$/g, "");
}

function decodedOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // a stray % is a character of the code
  }
}

function useless(reason: string): Pasted {
  return { type: "useless", reason };
}

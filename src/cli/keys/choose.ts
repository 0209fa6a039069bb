import { type ApiKey, keyStateOf } from "../../core/keys.ts";
import { nearest } from "../../lib/nearest.ts";
import { UserError } from "../failure.ts";
import { looksLikeSecret } from "../secret-shaped.ts";
import { plain } from "../terminal.ts";
import { nameOfKey } from "./view.ts";

const SHOWN = 5;

/**
 * The one key that its owner means by handle or name; case does not count, and among several of a name those that are revoked
 * do not either. Throws UserError naming the candidates.
 */
export function chooseKey(text: string, keys: readonly ApiKey[], now: number): ApiKey {
  if (looksLikeSecret(text)) {
    throw new UserError("A key is named by its handle or its name, not by itself", {
      hint: "ag keys list shows how each key begins",
    });
  }
  const wanted = text.trim().toLowerCase();
  const byHandle = keys.find(({ handle }) => handle === wanted);
  if (byHandle !== undefined) return byHandle;
  const named = keys.filter(({ name }) => name?.toLowerCase() === wanted);
  const kept = named.filter((key) => keyStateOf(key, now) !== "revoked");
  const [key, ...others] = kept.length > 0 ? kept : named;
  const shown = JSON.stringify(plain(text));
  if (key === undefined) throw new UserError(`There is no key ${shown}`, { hint: hintFor(text, keys) });
  if (others.length === 0) return key;
  throw new UserError(`${shown} names ${others.length + 1} keys`, {
    hint: `Name one by its handle: ${listed([key, ...others])}`,
  });
}

function hintFor(text: string, keys: readonly ApiKey[]): string {
  if (keys.length === 0) return "No key was ever made here";
  const [meant] = nearest(text, new Set(keys.flatMap(({ name = "" }) => (name === "" ? [] : [name]))));
  return meant === undefined ? `There are: ${listed(keys)}` : `Did you mean ${plain(meant)}?`;
}

function listed(keys: readonly ApiKey[]): string {
  const rest = keys.length - SHOWN;
  return [...keys.slice(0, SHOWN).map(nameOfKey), ...(rest > 0 ? [`${rest} more (ag keys list)`] : [])].join(", ");
}

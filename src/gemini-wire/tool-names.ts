import { shortHash } from "../lib/short-hash.ts";

/** The names one request uses on the wire: one to one with the client's, the same ones for the same request. */
export interface ToolNames {
  /** Gives `name` its wire name, new or known. */
  toWire(name: string): string;
  /** The client's name behind `wireName`; `undefined` when this request never used it. Exact: nothing is guessed. */
  fromWire(wireName: string): string | undefined;
  /** All names so far, declared ones first. */
  clientNames(): string[];
}

const MAX_LENGTH = 64;
// The intersection of what Gemini (dots, colons allowed) and Claude (digit first allowed) accept.
const LEGAL = /^[A-Za-z_][A-Za-z0-9_-]{0,63}$/;

/**
 * A legal name keeps its spelling, any other gets a hash of itself: which other tools there are has no say in it, so that
 * a conversation's earlier turns, and the signatures bound to the names in them, outlive a change of tools.
 */
export function toolNames(declared: Iterable<string>): ToolNames {
  const wireNames = new Map<string, string>();
  const clientNames = new Map<string, string>();

  const bind = (name: string, wireName: string) => {
    wireNames.set(name, wireName);
    clientNames.set(wireName, name);
    return wireName;
  };

  const toWire = (name: string) => {
    const known = wireNames.get(name);
    if (known !== undefined) return known;
    let candidate = LEGAL.test(name) ? name : hashed(name, "");
    // Only a name made to look like another's hashed one comes here.
    for (let salt = "+"; clientNames.has(candidate); salt += "+") candidate = hashed(name, salt);
    return bind(name, candidate);
  };

  const illegal: string[] = [];
  for (const name of declared) {
    if (LEGAL.test(name)) bind(name, name);
    else illegal.push(name);
  }
  for (const name of illegal) toWire(name);

  return { toWire, fromWire: (wireName) => clientNames.get(wireName), clientNames: () => [...wireNames.keys()] };
}

function hashed(name: string, salt: string): string {
  const hash = shortHash(name + salt);
  const legal = name.replace(/[^A-Za-z0-9_-]/g, "_");
  const readable = /^[A-Za-z_]/.test(legal) ? legal : `_${legal}`;
  return `${readable.slice(0, MAX_LENGTH - 1 - hash.length)}_${hash}`;
}

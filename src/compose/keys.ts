import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import type { Config } from "../config/load.ts";
import type { KeysInForce } from "../core/keys.ts";
import type { Store } from "../core/store.ts";
import { createKeyGate, type KeyGate } from "../keys/gate.ts";
import { keysInForce } from "../keys/in-force.ts";
import { type MintedKey, mintKey } from "../keys/new-key.ts";
import { ownerToken } from "../keys/owner-token.ts";
import type { Clock } from "../lib/clock.ts";
import { matchesWildcard } from "../models/wildcard.ts";
import { composeStore } from "./backend.ts";

export function composeKeyGate({ apiKey }: Config, { keys }: Store, clock: Clock): KeyGate {
  return createKeyGate({ keys, staticKey: apiKey, clock, hash: sha256, matches: matchesWildcard });
}

/** A key for a client, made up here and now. What is stored of it is its digest. */
export function newKey(): MintedKey {
  return mintKey({ randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)), hash: sha256 });
}

/** By which keys a gateway with this configuration would be closed. Throws DataFileError. */
export async function composeKeysInForce(config: Config, now: number): Promise<KeysInForce> {
  return keysInForce(await storedKeys(config), config.apiKey, now);
}

async function storedKeys(config: Config) {
  // Asking must not make one.
  if (!existsSync(config.paths.database)) return [];
  const store = await composeStore(config);
  try {
    return await store.keys.list();
  } finally {
    await store.close();
  }
}

/**
 * Makes tokens by which a server that works on the same data folder knows its owner, each good for a minute; `undefined` when
 * there is no data yet. Throws DataFileError.
 */
export async function composeOwnerTokens(config: Config): Promise<((now: number) => string) | undefined> {
  if (!existsSync(config.paths.database)) return undefined;
  const store = await composeStore(config);
  await store.close();
  return (now) => ownerToken(store.keys.signAsOwner, now);
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

import { type ApiKey, type KeysInForce, mayAskModels } from "../core/keys.ts";

/** One key that was ever made is enough for keys to be asked for: revoking the last one must not open the door. */
export function keysInForce(keys: readonly ApiKey[], staticKey: string | undefined, now: number): KeysInForce {
  return {
    asked: keys.length > 0 || staticKey !== undefined,
    fromEnvironment: staticKey !== undefined,
    stored: keys.length,
    active: keys.filter((key) => mayAskModels(key, now)).length,
  };
}

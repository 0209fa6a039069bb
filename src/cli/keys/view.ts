import { type ApiKey, keyStateOf } from "../../core/keys.ts";
import { zoneTimes } from "../../limits/zone-times.ts";
import { plain } from "../terminal.ts";

/** What may leave the process: every field by name, so that the digest cannot slip out. */
export function publicKey(key: ApiKey, now: number) {
  return {
    handle: key.handle,
    name: key.name,
    hint: key.hint,
    state: keyStateOf(key, now),
    scopes: key.scopes,
    rpm: key.rpm,
    concurrency: key.concurrency,
    models: key.models,
    createdAt: isoTime(key.createdAt),
    expiresAt: isoTime(key.expiresAt),
    revokedAt: isoTime(key.revokedAt),
    lastUsedAt: isoTime(key.lastUsedAt),
  };
}

function isoTime(at: number | undefined): string | undefined {
  return at === undefined ? undefined : new Date(at).toISOString();
}

/** "k1 laptop": the handle, and what its owner knows it by. */
export function nameOfKey({ handle, name }: Pick<ApiKey, "handle" | "name">): string {
  return plain([handle, name].filter(Boolean).join(" "));
}

/** "5/min, 2 at once"; "" for none. */
export function limitsOfKey({ rpm, concurrency }: Pick<ApiKey, "rpm" | "concurrency">): string {
  return [
    ...(rpm === undefined ? [] : [`${rpm}/min`]),
    ...(concurrency === undefined ? [] : [`${concurrency} at once`]),
  ].join(", ");
}

/** Farther away, the day alone could be of any year. */
const SHORT_FOR_MS = 300 * 86_400_000;

export function expiryOfKey({ expiresAt }: Pick<ApiKey, "expiresAt">, now: number): string {
  if (expiresAt === undefined) return "";
  const isNear = expiresAt > now && expiresAt - now < SHORT_FOR_MS;
  return isNear ? zoneTimes().short(expiresAt, now) : zoneTimes().full(expiresAt);
}

/** 24 url-safe characters, 144 random bits. */
export function newId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(18))).toString("base64url");
}

/**
 * The same for requests: 8 characters of time, then 96 random bits. In the order in which they are made, so that the newest
 * stand together in an index.
 */
export function newRequestId(now: number): string {
  const random = Buffer.from(crypto.getRandomValues(new Uint8Array(12))).toString("base64url");
  return `req_${now.toString(36).padStart(8, "0")}${random}`;
}

export function newCallId(): string {
  return `call_${newId()}`;
}

/** A short digest; collisions are negligible over some ten thousand texts. */
export function digest(text: string): string {
  return Bun.hash.xxHash3(text).toString(36);
}

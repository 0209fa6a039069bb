/** 24 url-safe characters, 144 random bits. */
export function newId(): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(18))).toString("base64url");
}

export function newCallId(): string {
  return `call_${newId()}`;
}

/** A short digest; collisions are negligible over some ten thousand texts. */
export function digest(text: string): string {
  return Bun.hash.xxHash3(text).toString(36);
}

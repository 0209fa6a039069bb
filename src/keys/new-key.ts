const PREFIX = "sk-ag-";
const KEY_BYTES = 32;
const SHOWN_CHARACTERS = 4;

export interface MintDeps {
  randomBytes(length: number): Uint8Array;
  /** SHA-256 as hex. */
  hash(text: string): string;
}

export interface MintedKey {
  /** To be shown once, to its owner, and kept nowhere. */
  text: string;
  /** What is stored of it. */
  digest: string;
  hint: string;
}

/** A new key of 256 random bits. */
export function mintKey({ randomBytes, hash }: MintDeps): MintedKey {
  const text = PREFIX + Buffer.from(randomBytes(KEY_BYTES)).toString("base64url");
  return { text, digest: hash(text), hint: `${text.slice(0, PREFIX.length + SHOWN_CHARACTERS)}…` };
}

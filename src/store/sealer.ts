import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";

const VERSION = "v1";
const CIPHER = "aes-256-gcm";
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** Seals short texts: AES-256-GCM under a random nonce, bound to what they are about. */
export interface Sealer {
  /** Tells keys apart and says nothing about them. */
  readonly keyId: string;
  /** The sealed text: version, key id and content, as printable characters. */
  seal(text: string, subject: string): string;
  /** Throws when the text was not sealed by this key about this subject, or was changed since. */
  unseal(sealed: string, subject: string): string;
}

export function createSealer(key: Uint8Array): Sealer {
  const cipherKey = derive(key, "ag: seal");
  const keyId = derive(key, "ag: key id").toString("hex").slice(0, 16);
  const label = (subject: string) => Buffer.from(`${VERSION}.${keyId}.${subject}`);
  return {
    keyId,

    seal(text, subject) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(CIPHER, cipherKey, nonce, { authTagLength: TAG_BYTES }).setAAD(label(subject));
      const content = Buffer.concat([nonce, cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]);
      return `${VERSION}.${keyId}.${content.toString("base64url")}`;
    },

    unseal(sealed, subject) {
      const [version, sealedBy, encoded = ""] = sealed.split(".");
      if (version !== VERSION || sealedBy !== keyId) throw new Error("sealed by another key");
      const content = Buffer.from(encoded, "base64url");
      const nonce = content.subarray(0, NONCE_BYTES);
      const decipher = createDecipheriv(CIPHER, cipherKey, nonce, { authTagLength: TAG_BYTES });
      decipher.setAAD(label(subject)).setAuthTag(content.subarray(-TAG_BYTES));
      const text = decipher.update(content.subarray(NONCE_BYTES, -TAG_BYTES));
      return Buffer.concat([text, decipher.final()]).toString("utf8");
    },
  };
}

/** The id of the key that a text was sealed by. */
export function keyIdOf(sealed: string): string | undefined {
  return sealed.split(".")[1];
}

/** One key for each use, so that no use says anything about another. */
function derive(key: Uint8Array, use: string): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "", use, 32));
}

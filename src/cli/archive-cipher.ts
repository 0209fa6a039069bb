import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import type { ArchiveCipher } from "../accounts/archive.ts";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const TAG_BYTES = 16;

/** The cryptography of archives, by OpenSSL's hands. */
export const archiveCipher: ArchiveCipher = {
  random: (sizeBytes) => new Uint8Array(randomBytes(sizeBytes)),

  deriveKey(passphrase, salt, { cost, blockSize, parallelization }) {
    const maxmem = 256 * cost * blockSize; // twice what scrypt itself needs
    return new Promise((resolve, reject) => {
      scrypt(passphrase, salt, KEY_BYTES, { cost, blockSize, parallelization, maxmem }, (cause, key) => {
        if (cause) reject(cause);
        else resolve(new Uint8Array(key));
      });
    });
  },

  seal(key, nonce, text, bound) {
    const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound);
    return Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()]);
  },

  open(key, nonce, sealed, bound) {
    const end = sealed.length - TAG_BYTES;
    if (end < 0) return undefined;
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(bound);
    decipher.setAuthTag(sealed.subarray(end));
    try {
      return Buffer.concat([decipher.update(sealed.subarray(0, end)), decipher.final()]);
    } catch {
      return undefined; // the tag does not fit: all that OpenSSL tells
    }
  },
};

import * as v from "valibot";
import { ACCOUNT_KINDS } from "../core/account-kind.ts";
import type { Account } from "../core/accounts.ts";
import { type AccountProblem, GatewayError } from "../core/errors.ts";
import { decodeBase64 } from "../lib/data-url.ts";
import { isJsonObject, tryParseJson } from "../lib/json.ts";

/** What an archive keeps of an account: all but its name, its times and what it was last used for. */
export type ArchivedAccount = Pick<
  Account,
  "kind" | "secret" | "label" | "email" | "projectId" | "tier" | "enabled" | "problem"
>;

/** What scrypt is asked for: memory is 128 × cost × blockSize bytes. */
interface ScryptCost {
  /** N, a power of two. */
  cost: number;
  /** r */
  blockSize: number;
  /** p */
  parallelization: number;
}

/** The platform's cryptography. */
export interface ArchiveCipher {
  random(sizeBytes: number): Uint8Array;
  /** scrypt, 32 bytes. */
  deriveKey(passphrase: string, salt: Uint8Array, cost: ScryptCost): Promise<Uint8Array>;
  /** AES-256-GCM: the ciphertext and after it the tag of 16 bytes, which covers `bound` too. */
  seal(key: Uint8Array, nonce: Uint8Array, text: Uint8Array, bound: Uint8Array): Uint8Array;
  /** `undefined` when the key is wrong or anything was changed. */
  open(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array, bound: Uint8Array): Uint8Array | undefined;
}

const FORMAT = "ag-accounts";
const VERSION = 1;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;

/** A third of a second and 128 MiB on the machines of its day: what OWASP asks for. */
const SCRYPT_COST = { cost: 2 ** 17, blockSize: 8, parallelization: 1 } as const satisfies ScryptCost;

/** Nobody's archive may take more memory or time than this to be refused, or be cheaper to guess at than is sensible. */
const COSTS = { least: 2 ** 14, most: 2 ** 18 };
const MOST_PARALLELIZATION = 4;

export const SHORTEST_PASSPHRASE = 8;

/** The text of an archive, sealed with the passphrase; says outside of the seal only how it was sealed. */
export async function sealArchive(
  accounts: readonly ArchivedAccount[],
  passphrase: string,
  cipher: ArchiveCipher,
): Promise<string> {
  const salt = cipher.random(SALT_BYTES);
  const header: Header = {
    format: FORMAT,
    version: VERSION,
    kdf: { name: "scrypt", ...SCRYPT_COST, salt: salt.toBase64() },
    cipher: { name: "aes-256-gcm", nonce: cipher.random(NONCE_BYTES).toBase64() },
  };
  const key = await cipher.deriveKey(normalised(passphrase), salt, SCRYPT_COST);
  const content = v.parse(contentSchema, { accounts });
  const sealed = cipher.seal(key, bytesOf(header.cipher.nonce), encode(content), bindingOf(header));
  return `${JSON.stringify({ ...header, sealed: sealed.toBase64() }, undefined, 2)}\n`;
}

/** Whether the text says that it is an archive, of whatever version and in whatever state. */
export function isArchive(text: string): boolean {
  const document = tryParseJson(text);
  return isJsonObject(document) && document.format === FORMAT;
}

/**
 * The accounts in an archive. Throws `invalid-request` for a wrong passphrase, one that was changed or cut, and one of a newer
 * version.
 */
export async function openArchive(text: string, passphrase: string, cipher: ArchiveCipher): Promise<ArchivedAccount[]> {
  const { sealed, ...header } = parseArchive(text);
  const key = await cipher.deriveKey(normalised(passphrase), bytesOf(header.kdf.salt), header.kdf);
  const content = cipher.open(key, bytesOf(header.cipher.nonce), bytesOf(sealed), bindingOf(header));
  if (content === undefined) {
    throw refusal("The passphrase is wrong, or the archive was changed after it was made");
  }
  const parsed = v.safeParse(contentSchema, tryParseJson(new TextDecoder().decode(content)));
  if (!parsed.success) throw refusal("The archive was opened, but what is in it cannot be read by this version of ag");
  return parsed.output.accounts;
}

/** What can be said about an archive without its passphrase: throws as `openArchive` does. */
export function checkArchive(text: string): void {
  parseArchive(text);
}

function parseArchive(text: string): Archive {
  const document = tryParseJson(text);
  if (isJsonObject(document) && document.format === FORMAT && typeof document.version === "number") {
    if (document.version > VERSION)
      throw refusal("The archive was made by a newer version of ag; update this one first");
  }
  const parsed = v.safeParse(archiveSchema, document);
  if (!parsed.success) throw refusal("The archive is damaged: it is not complete, or was changed after it was made");
  return parsed.output;
}

function base64Of(leastBytes: number, mostBytes = leastBytes) {
  return v.pipe(
    v.string(),
    v.check((text) => {
      const length = decodeBase64(text)?.length ?? -1;
      return length >= leastBytes && length <= mostBytes;
    }),
  );
}

const wholeNumber = v.pipe(v.number(), v.safeInteger());

const archiveSchema = v.object({
  format: v.literal(FORMAT),
  version: v.literal(VERSION),
  kdf: v.object({
    name: v.literal("scrypt"),
    cost: v.pipe(
      wholeNumber,
      v.minValue(COSTS.least),
      v.maxValue(COSTS.most),
      v.check((cost) => Number.isInteger(Math.log2(cost))),
    ),
    blockSize: v.literal(SCRYPT_COST.blockSize),
    parallelization: v.pipe(wholeNumber, v.minValue(1), v.maxValue(MOST_PARALLELIZATION)),
    salt: base64Of(SALT_BYTES, 64),
  }),
  cipher: v.object({ name: v.literal("aes-256-gcm"), nonce: base64Of(NONCE_BYTES) }),
  /** Ciphertext and tag. */
  sealed: base64Of(16, 64 * 1024 ** 2),
});

type Archive = v.InferOutput<typeof archiveSchema>;
type Header = Omit<Archive, "sealed">;

const PROBLEMS: Readonly<Record<AccountProblem, true>> = {
  "needs-login": true,
  "needs-verification": true,
  "terms-block": true,
  "no-project": true,
  "key-rejected": true,
};

/** Keeps what it names and nothing else, both ways: a field that is added to accounts does not get into archives by itself. */
const contentSchema = v.object({
  accounts: v.array(
    v.object({
      kind: v.picklist(ACCOUNT_KINDS),
      secret: v.pipe(v.string(), v.nonEmpty()),
      label: v.exactOptional(v.string()),
      email: v.exactOptional(v.string()),
      projectId: v.exactOptional(v.string()),
      tier: v.exactOptional(v.string()),
      enabled: v.boolean(),
      problem: v.exactOptional(
        v.object({
          type: v.custom<AccountProblem>((type) => typeof type === "string" && Object.hasOwn(PROBLEMS, type)),
          message: v.string(),
          url: v.exactOptional(v.string()),
          since: v.number(),
        }),
      ),
    }),
  ),
});

/** What the seal covers besides the accounts: how it was made cannot be changed unnoticed either. */
function bindingOf({ format, version, kdf, cipher }: Header): Uint8Array {
  const { cost, blockSize, parallelization, salt } = kdf;
  return encode([format, version, kdf.name, cost, blockSize, parallelization, salt, cipher.name, cipher.nonce]);
}

/** The same passphrase, on whichever keyboard it was typed. */
function normalised(passphrase: string): string {
  return passphrase.normalize("NFKC");
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function bytesOf(base64: string): Uint8Array {
  return decodeBase64(base64) ?? new Uint8Array();
}

function refusal(message: string): GatewayError {
  return new GatewayError("invalid-request", message);
}

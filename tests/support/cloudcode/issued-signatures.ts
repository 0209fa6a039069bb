import { createHash } from "node:crypto";

export type SignedKind = "thinking" | "text" | "call" | "media";

export interface IssuedSignature {
  signature: string;
  family: "claude" | "gemini";
  kind: SignedKind;
  /** The exact text that is signed; for Claude the server compares it. */
  text?: string;
  /** For `call`: the function's name as sent on the wire. Arguments are not bound: clients normalise them. */
  callName?: string;
}

export interface IssuedSignatures {
  /** Makes a new signature in the family's own encoding and remembers what it belongs to. */
  issue(what: Omit<IssuedSignature, "signature">): string;
  find(signature: string): IssuedSignature | undefined;
  all(): readonly IssuedSignature[];
}

/** Signatures that switch the check off; only Gemini takes them. */
export const SENTINELS: ReadonlySet<string> = new Set([
  "skip_thought_signature_validator",
  "context_engineering_is_the_way_to_go",
]);

export function issuedSignatures(): IssuedSignatures {
  const bySignature = new Map<string, IssuedSignature>();
  return {
    issue(what) {
      const seed = `${bySignature.size}:${what.family}:${what.kind}:${what.callName ?? ""}:${what.text ?? ""}`;
      const signature = what.family === "claude" ? claudeSignature(seed) : geminiSignature(seed);
      bySignature.set(signature, { ...what, signature });
      return signature;
    },
    find: (signature) => bySignature.get(signature),
    all: () => [...bySignature.values()],
  };
}

/** Two layers of base64: the inner one starts with `E`, so the outer one starts with `R`. */
function claudeSignature(seed: string): string {
  const header = Buffer.from([0x08, 0x01, 0x18, 0x02, 0x2a, 0x40]);
  const inner = lengthDelimited(2, lengthDelimited(1, Buffer.concat([header, digest(seed)])));
  return Buffer.from(inner.toString("base64")).toString("base64");
}

/** One layer: field 2 { field 1 { 0x01, key id, digest } }. */
function geminiSignature(seed: string): string {
  const key = Buffer.concat([Buffer.from([0x01]), Buffer.from("strict-server-key"), digest(seed)]);
  return lengthDelimited(2, lengthDelimited(1, key)).toString("base64");
}

function digest(seed: string): Buffer {
  return createHash("sha512").update(seed).digest();
}

function lengthDelimited(field: number, payload: Buffer): Buffer {
  const length = payload.length < 128 ? [payload.length] : [(payload.length & 0x7f) | 0x80, payload.length >> 7];
  return Buffer.concat([Buffer.from([(field << 3) | 2, ...length]), payload]);
}

import { hash } from "node:crypto";

const INT63 = (1n << 63n) - 1n;

/** The same for all turns of a conversation on an account, and in upstream's own form: a negative 64-bit integer. */
export function sessionId(accountId: string, conversationKey: string): string {
  const digest = hash("sha256", `${accountId}\0${conversationKey}`, "buffer");
  return `-${digest.readBigUInt64BE(0) & INT63}`;
}

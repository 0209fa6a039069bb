/** What the system calls the failure, "ECONNRESET" or "EADDRINUSE", when the error carries such a name. */
export function errorCode(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}

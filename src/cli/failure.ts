import { ConfigError } from "../config/config-error.ts";
import { fullMessage, GatewayError } from "../core/errors.ts";
import { DataFileError } from "../core/store.ts";
import { redact } from "../lib/redact.ts";

/** Exit codes are part of the contract with scripts. */
export const EXIT = { done: 0, failed: 1, usage: 2, nothingUsable: 3, interrupted: 130 } as const;

/** The user can mend this. `message` is one line without a full stop; `hint` says what to do. */
export class UserError extends Error {
  override readonly name: string = "UserError";
  readonly hint: string | undefined;
  readonly exitCode: number;

  constructor(message: string, options: { hint?: string | undefined; exitCode?: number } & ErrorOptions = {}) {
    super(message, options);
    this.hint = options.hint;
    this.exitCode = options.exitCode ?? EXIT.failed;
  }
}

/** The command line itself is wrong. */
export class UsageError extends UserError {
  override readonly name = "UsageError";

  constructor(message: string, hint?: string) {
    super(message, { hint, exitCode: EXIT.usage });
  }
}

export interface Failure {
  message: string;
  hint: string | undefined;
  exitCode: number;
  /** Set for what is a defect of ours and not the user's to mend. */
  stack?: string;
}

/** What to tell the user about anything that was thrown, and how to exit. */
export function describeFailure(thrown: unknown): Failure {
  if (thrown instanceof UserError) {
    return { message: thrown.message, hint: thrown.hint, exitCode: thrown.exitCode };
  }
  if (thrown instanceof ConfigError) {
    const exitCode = thrown.source === "flag" ? EXIT.usage : EXIT.failed;
    return { message: thrown.message, hint: thrown.hint, exitCode };
  }
  if (thrown instanceof DataFileError) return { message: thrown.message, hint: thrown.hint, exitCode: EXIT.failed };
  if (thrown instanceof GatewayError && thrown.kind !== "internal") return gatewayFailure(thrown);
  const defect = thrown instanceof GatewayError && thrown.cause instanceof Error ? thrown.cause : thrown;
  if (defect instanceof Error && "code" in defect && typeof defect.code === "string") {
    // A refusal of the operating system or of SQLite: its text names the file or address.
    return { message: defect.message, hint: undefined, exitCode: EXIT.failed };
  }
  return {
    // What nobody has foreseen may hold anything, and is there to be passed on.
    message: `Unexpected failure: ${redact(defect instanceof Error ? defect.message : String(defect))}`,
    hint: "This is a defect in ag. AG_LOG_LEVEL=debug shows where it happened.",
    exitCode: EXIT.failed,
    ...(defect instanceof Error && defect.stack !== undefined && { stack: redact(defect.stack) }),
  };
}

function gatewayFailure(error: GatewayError): Failure {
  const message = fullMessage(error);
  if (error.kind === "cancelled") return { message, hint: undefined, exitCode: EXIT.interrupted };
  if (error.kind === "no-account") return { message, hint: noAccountHint(error), exitCode: EXIT.nothingUsable };
  return { message, hint: undefined, exitCode: EXIT.failed };
}

/** What to do, beyond what the message says. */
function noAccountHint({ detail: { missing } }: GatewayError): string {
  switch (missing) {
    case "account":
      return "Or bring sign-ins along: ag accounts import";
    case "oauth-client":
      return "They can also stand in config.jsonc, as oauth.clientId and oauth.clientSecret";
    case undefined:
      return "ag accounts list shows the state of each account";
    default:
      return missing satisfies never;
  }
}

/** How the first account comes in, and the next ones. */
export const ADD_ACCOUNT = "Sign in: ag accounts add   (or bring sign-ins along: ag accounts import)";

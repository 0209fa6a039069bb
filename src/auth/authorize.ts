import { createHash } from "node:crypto";

/** What one sign-in is told apart by, and what only its beginner knows. */
export interface Attempt {
  /** Comes back with the redirect, and proves that it answers this attempt. */
  state: string;
  /** Never leaves the process before the exchange: a stolen code is worthless without it. */
  codeVerifier: string;
}

const SECRET_BYTES = 32;

const SCOPES = [
  "https://www.googleapis.com/auth/cloud-platform",
  "https://www.googleapis.com/auth/userinfo.email",
  "https://www.googleapis.com/auth/userinfo.profile",
  "https://www.googleapis.com/auth/cclog",
  "https://www.googleapis.com/auth/experimentsandconfigs",
];

export function beginAttempt(randomBytes: (length: number) => Uint8Array): Attempt {
  const secret = () => Buffer.from(randomBytes(SECRET_BYTES)).toString("base64url");
  return { state: secret(), codeVerifier: secret() };
}

export interface AuthorizeRequest extends Attempt {
  /** Google's endpoint; a query it has is kept. */
  endpoint: string;
  clientId: string;
  redirectUri: string;
}

/** The address at which the owner signs in. */
export function authorizeUrl({ endpoint, clientId, redirectUri, state, codeVerifier }: AuthorizeRequest): string {
  const url = new URL(endpoint);
  const parameters = {
    client_id: clientId,
    response_type: "code",
    redirect_uri: redirectUri,
    scope: SCOPES.join(" "),
    state,
    access_type: "offline",
    // Without it, Google gives a refresh token only at the first sign-in of an account.
    prompt: "consent",
    code_challenge: createHash("sha256").update(codeVerifier).digest("base64url"),
    code_challenge_method: "S256",
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

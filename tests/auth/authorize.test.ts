import { expect, test } from "bun:test";
import { createHash, randomBytes } from "node:crypto";
import { authorizeUrl, beginAttempt } from "../../src/auth/authorize.ts";

const REQUEST = {
  state: "test-state",
  codeVerifier: "test-verifier",
  endpoint: "https://accounts.example.test/auth?hl=en",
  clientId: "client.test",
  redirectUri: "http://localhost:51123/oauth-callback",
};

test("state and verifier are 32 random bytes each, and not the same", () => {
  const lengths: number[] = [];
  const attempt = beginAttempt((length) => {
    lengths.push(length);
    return randomBytes(length);
  });
  expect(lengths).toEqual([32, 32]);
  expect(attempt.state).toMatch(/^[\w-]{43}$/);
  expect(attempt.codeVerifier).toMatch(/^[\w-]{43}$/);
  expect(attempt.state).not.toBe(attempt.codeVerifier);
});

test("the address carries everything that Google wants, and keeps what the endpoint has", () => {
  const url = new URL(authorizeUrl(REQUEST));
  expect(url.origin + url.pathname).toBe("https://accounts.example.test/auth");
  expect(Object.fromEntries(url.searchParams)).toEqual({
    hl: "en",
    client_id: "client.test",
    response_type: "code",
    redirect_uri: "http://localhost:51123/oauth-callback",
    scope: [
      "https://www.googleapis.com/auth/cloud-platform",
      "https://www.googleapis.com/auth/userinfo.email",
      "https://www.googleapis.com/auth/userinfo.profile",
      "https://www.googleapis.com/auth/cclog",
      "https://www.googleapis.com/auth/experimentsandconfigs",
    ].join(" "),
    state: "test-state",
    access_type: "offline",
    prompt: "consent",
    code_challenge: createHash("sha256").update("test-verifier").digest("base64url"),
    code_challenge_method: "S256",
  });
});

test("the verifier does not show in the address", () => {
  expect(authorizeUrl(REQUEST)).not.toContain("test-verifier");
});

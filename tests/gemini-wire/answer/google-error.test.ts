import { describe, expect, test } from "bun:test";
import { ownerUrl, readGoogleError } from "../../../src/gemini-wire/google-error.ts";
import { detail, errorBody, errorInfo } from "../../support/google-error.ts";

const VERIFY = "https://accounts.google.com/signin/continue?sarp=1&continue=x";

describe("reading", () => {
  test("a canonical body", () => {
    const body = errorBody(
      429,
      "RESOURCE_EXHAUSTED",
      "You have exhausted your capacity on this model.",
      errorInfo("QUOTA_EXHAUSTED", { quotaResetDelay: "2h21m25.831s", count: 3 }),
      detail("RetryInfo", { retryDelay: "8485.831s" }),
      detail("QuotaFailure", { violations: [{ quotaId: "RequestsPerDay" }, {}] }),
      detail("Help", { links: [{ description: "Learn more", url: "https://support.google.com/x" }] }),
      detail("DebugInfo", { detail: "…" }),
    );
    expect(readGoogleError(body)).toEqual({
      structured: true,
      code: 429,
      status: "RESOURCE_EXHAUSTED",
      reason: "QUOTA_EXHAUSTED",
      metadata: { quotaResetDelay: "2h21m25.831s" },
      message: "You have exhausted your capacity on this model.",
      retryDelay: "8485.831s",
      quotaIds: ["RequestsPerDay", ""],
      links: [{ description: "Learn more", url: "https://support.google.com/x" }],
    });
  });

  test("a body in an array reads as the body", () => {
    const body = errorBody(503, "UNAVAILABLE", "No capacity", errorInfo("MODEL_CAPACITY_EXHAUSTED"));
    expect(readGoogleError(`[${body}]`)).toEqual(readGoogleError(body));
  });

  test("stray commas and blanks in keys do not hide the reason", () => {
    const body =
      '{"error":{"code":429, ,"status":"RESOURCE_EXHAUSTED","message":"x","details":[{"@type ":"type.googleapis.com/google.rpc.ErrorInfo"," reason":"QUOTA_EXHAUSTED",},]}}';
    expect(readGoogleError(body)).toMatchObject({ code: 429, reason: "QUOTA_EXHAUSTED" });
  });

  test("an Anthropic error written into the message is unwrapped", () => {
    const message = "messages.3.content.0: Invalid `signature` in `thinking` block";
    const inner = { type: "error", error: { type: "invalid_request_error", message }, request_id: "req_vrtx_1" };
    expect(readGoogleError(errorBody(400, "INVALID_ARGUMENT", JSON.stringify(inner)))).toMatchObject({
      status: "INVALID_ARGUMENT",
      message,
    });
  });

  test("an error inside an error inside an error gives its own message and details", () => {
    let body = errorBody(429, "RESOURCE_EXHAUSTED", "the core", errorInfo("RATE_LIMIT_EXCEEDED"));
    for (let level = 0; level < 3; level++) body = JSON.stringify({ error: { message: `got status: 429. ${body}` } });
    expect(readGoogleError(body)).toMatchObject({ code: 429, reason: "RATE_LIMIT_EXCEEDED", message: "the core" });
  });

  test("line ends and no-break spaces in a nested error do not stop the unwrapping", () => {
    const message = '{\n\u00a0 "error": {\n\u00a0 "code": 429, "message": "inner" }\n}';
    expect(readGoogleError(JSON.stringify({ error: { code: 400, message } })).message).toBe("inner");
  });

  test("JSON of the request quoted in a message is not taken for an error", () => {
    const message = 'Invalid value at \'contents[0]\': {"text": "reason: QUOTA_EXHAUSTED"}';
    expect(readGoogleError(errorBody(400, "INVALID_ARGUMENT", message)).message).toBe(message);
  });

  test("an error that is a text", () => {
    expect(readGoogleError('{"error":"invalid_grant","error_description":"Token has been revoked."}')).toMatchObject({
      structured: true,
      status: "invalid_grant",
      message: "Token has been revoked.",
    });
  });

  for (const [what, body, message] of [
    ["an HTML page", "<!DOCTYPE html><title>502</title>", ""],
    ["an empty body", "", ""],
    ["plain text", "upstream connect error\n", "upstream connect error"],
    ["JSON without an error", '{"ok":false}', ""],
    ["a JSON scalar", "17", ""],
  ] as const) {
    test(`${what} has no structure`, () => {
      expect(readGoogleError(body)).toMatchObject({ structured: false, status: "", reason: "", message });
    });
  }
});

describe("the owner's link", () => {
  const linkIn = (body: string) => ownerUrl(readGoogleError(body), body);
  const body = (...details: Parameters<typeof errorBody>[3][]) =>
    errorBody(403, "PERMISSION_DENIED", "Verify.", ...details);

  test("a Help link comes first, but not one that is for reading", () => {
    const links = [
      { description: "Learn more", url: "https://accounts.google.com/about" },
      { description: "", url: "https://support.google.com/accounts?p=al_alert" },
      { description: "Complete validation", url: VERIFY },
    ];
    const metadata = { validation_url: "https://accounts.google.com/other" };
    expect(linkIn(body(errorInfo("VALIDATION_REQUIRED", metadata), detail("Help", { links })))).toBe(VERIFY);
  });

  for (const field of ["validation_url", "validation_link", "appeal_url"]) {
    test(`${field} is read from the metadata`, () => {
      expect(linkIn(body(errorInfo("VALIDATION_REQUIRED", { [field]: VERIFY })))).toBe(VERIFY);
    });
  }

  test("a sign-in address anywhere in the body is the last resort", () => {
    expect(linkIn(errorBody(403, "PERMISSION_DENIED", `Verify your account at ${VERIFY} please.`))).toBe(VERIFY);
    expect(linkIn('<a href="https://accounts.google.com/signin?a=1&amp;b=2">verify</a>')).toBe(
      "https://accounts.google.com/signin?a=1&b=2",
    );
  });

  test("escaped ampersands are decoded", () => {
    const escaped = VERIFY.replaceAll("&", "\\u0026");
    expect(linkIn(body(errorInfo("VALIDATION_REQUIRED", { validation_url: escaped })))).toBe(VERIFY);
  });

  for (const url of [
    "http://accounts.google.com/x",
    "https://accounts.google.com.evil.example/x",
    "https://evilgoogle.com/x",
    "https://accounts.google.com@evil.example/x",
    "https://user:secret@accounts.google.com/x",
    "https://accounts.google.com:8443/x",
    "javascript:alert(1)",
    "not a link",
  ]) {
    test(`${url} is never shown`, () => {
      expect(linkIn(body(errorInfo("VALIDATION_REQUIRED", { validation_url: url })))).toBeUndefined();
    });
  }
});

import { describe, expect, test } from "bun:test";
import { type FailureDetail, type FailureKind, GatewayError, type Repair } from "../../../src/core/errors.ts";
import { classify as classifyAt, classifyDocument, withUsefulRepair } from "../../../src/gemini-wire/classify.ts";
import type { JsonObject } from "../../../src/lib/json.ts";
import { detail, errorBody, errorInfo } from "../../support/google-error.ts";

const VERIFY = "https://accounts.google.com/signin/continue?sarp=1";

const NOW = Date.parse("2026-08-20T13:00:00Z");
const classify = (status: number, body: string) => classifyAt(status, new Headers(), body, NOW);

const retryInfo = (delay: string) => detail("RetryInfo", { retryDelay: delay });
const invalid = (message: string, ...details: JsonObject[]) => errorBody(400, "INVALID_ARGUMENT", message, ...details);
const denied = (message: string, ...details: JsonObject[]) => errorBody(403, "PERMISSION_DENIED", message, ...details);
const exhausted = (message: string, ...details: JsonObject[]) =>
  errorBody(429, "RESOURCE_EXHAUSTED", message, ...details);
const nestedAnthropic = (message: string) =>
  invalid(JSON.stringify({ type: "error", error: { type: "invalid_request_error", message } }));

type Row = [what: string, status: number, body: string, kind: FailureKind, detail?: FailureDetail];

// The rows of the decision table in the order of docs/wire.md, "Errors".
const TABLE: Row[] = [
  [
    "1 Claude's invalid signature, nested",
    400,
    nestedAnthropic("messages.3.content.0: Invalid `signature` in `thinking` block"),
    "invalid-request",
    { repair: "drop-thinking" },
  ],
  [
    "1 Gemini's corrupted signature",
    400,
    invalid("Corrupted thought signature."),
    "invalid-request",
    { repair: "drop-thinking" },
  ],
  [
    "1 Gemini's missing signature",
    400,
    invalid("Function call is missing a thought_signature in functionCall parts."),
    "invalid-request",
    { repair: "drop-thinking" },
  ],
  [
    "1 Claude wants thinking first",
    400,
    nestedAnthropic("messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`."),
    "invalid-request",
    { repair: "drop-thinking" },
  ],
  [
    "1 Claude found text before thinking",
    400,
    nestedAnthropic(
      "If an assistant message contains any thinking blocks, the first block must be `thinking`. Found `text`.",
    ),
    "invalid-request",
    { repair: "drop-thinking" },
  ],
  [
    "1 Claude's thinking without text",
    400,
    nestedAnthropic("messages.1.content.0.thinking.thinking: Field required"),
    "invalid-request",
    { repair: "drop-thinking" },
  ],
  [
    "1 Claude's thinking while off",
    400,
    nestedAnthropic(
      "When thinking is disabled, an `assistant` message in the final position cannot contain `thinking`.",
    ),
    "invalid-request",
    { repair: "drop-thinking" },
  ],
  [
    "1 a budget that is refused",
    400,
    invalid("The thinking budget 32000 is invalid: supported values are integers from 1 to 24576."),
    "invalid-request",
    { repair: "thinking-other-form" },
  ],
  [
    "1 a level that is refused",
    400,
    invalid("Thinking level MEDIUM is not supported for this model."),
    "invalid-request",
    { repair: "thinking-other-form" },
  ],
  [
    "1 no thinking at all",
    400,
    invalid("This model does not support thinking."),
    "invalid-request",
    { repair: "thinking-config-off" },
  ],
  [
    "2 Gemini's prompt too long",
    400,
    invalid("The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."),
    "context-too-long",
  ],
  [
    "2 Claude's prompt too long, nested",
    400,
    nestedAnthropic("prompt is too long: 210000 tokens > 200000 maximum"),
    "context-too-long",
  ],
  [
    "3 any other invalid argument",
    400,
    invalid("Invalid JSON payload received. Unknown name \"parameters\" at 'request.tools[0]': Cannot find field."),
    "invalid-request",
  ],
  ["4 an empty project", 400, invalid("Invalid project resource name projects/"), "project-rejected"],
  [
    "4 an unknown project",
    404,
    errorBody(404, "NOT_FOUND", "Resource projects/made-up-123 could not be found."),
    "project-rejected",
  ],
  [
    "5 the version gate",
    400,
    errorBody(400, "FAILED_PRECONDITION", "This version of Antigravity is no longer supported. Please update."),
    "version-refused",
  ],
  [
    "6 an expired access token",
    401,
    errorBody(401, "UNAUTHENTICATED", "Request had invalid authentication credentials."),
    "access-token-rejected",
  ],
  [
    "7 verification by reason",
    403,
    denied("Verify your account to continue.", errorInfo("VALIDATION_REQUIRED", { validation_url: VERIFY })),
    "account-unusable",
    { accountProblem: "needs-verification", ownerUrl: VERIFY },
  ],
  [
    "7 verification by text only",
    403,
    denied(`Further action is required: ${VERIFY}`),
    "account-unusable",
    { accountProblem: "needs-verification", ownerUrl: VERIFY },
  ],
  [
    "8 disabled by reason",
    403,
    denied("Disabled.", errorInfo("ACCOUNT_DISABLED", { appeal_url: VERIFY })),
    "account-unusable",
    { accountProblem: "terms-block", ownerUrl: VERIFY },
  ],
  [
    "8 disabled by text",
    403,
    denied("Your account has been disabled for violation of Terms of Service."),
    "account-unusable",
    { accountProblem: "terms-block" },
  ],
  [
    "8 a key that is not valid",
    400,
    invalid("API key not valid. Please pass a valid API key.", errorInfo("API_KEY_INVALID")),
    "account-unusable",
    { accountProblem: "key-rejected" },
  ],
  [
    "8 a key that is not for this service",
    403,
    denied("Requests to this API method are blocked.", errorInfo("API_KEY_SERVICE_BLOCKED")),
    "account-unusable",
    { accountProblem: "key-rejected" },
  ],
  [
    "3 a prompt that speaks of keys",
    400,
    invalid("Invalid value at 'contents[0].parts[0].text', \"API key not valid. API_KEY_INVALID\""),
    "invalid-request",
  ],
  [
    "9 service not enabled in the project",
    403,
    denied(
      "Gemini for Google Cloud API has not been used in project 1 before or it is disabled.",
      errorInfo("SERVICE_DISABLED"),
    ),
    "project-rejected",
  ],
  [
    "9 no permission on the resource",
    403,
    denied("Permission 'cloudaicompanion.companions.generateChat' denied on resource '//x' (or it may not exist)."),
    "project-rejected",
  ],
  [
    "10 a plain denial",
    403,
    denied("The caller does not have permission"),
    "access-denied",
    { retryAfterMs: 1_800_000 },
  ],
  [
    "10 too few scopes",
    403,
    denied("Request had insufficient authentication scopes.", errorInfo("ACCESS_TOKEN_SCOPE_INSUFFICIENT")),
    "account-unusable",
    { accountProblem: "needs-login" },
  ],
  ["11 an unknown model", 404, errorBody(404, "NOT_FOUND", "Requested entity was not found."), "model-missing"],
  [
    "12 a burst",
    429,
    exhausted("Rate.", errorInfo("RATE_LIMIT_EXCEEDED"), retryInfo("1.5s")),
    "rate-limited",
    { retryAfterMs: 1_500, retryAfterSource: "RetryInfo" },
  ],
  [
    "13 a short limit",
    429,
    exhausted("Rate.", errorInfo("RATE_LIMIT_EXCEEDED"), retryInfo("40s")),
    "rate-limited",
    { retryAfterMs: 40_000, retryAfterSource: "RetryInfo" },
  ],
  ["13 a limit without a delay", 429, exhausted("Rate.", errorInfo("RATE_LIMIT_EXCEEDED")), "rate-limited"],
  [
    "14 a used-up quota",
    429,
    exhausted(
      "Your quota will reset after 2h21m25s.",
      errorInfo("QUOTA_EXHAUSTED", { quotaResetDelay: "2h21m25.831s" }),
    ),
    "quota-exhausted",
    { retryAfterMs: 8_485_831, retryAfterSource: "quotaResetDelay" },
  ],
  [
    "14 a rate limit of five minutes is a used-up window",
    429,
    exhausted("Rate.", errorInfo("RATE_LIMIT_EXCEEDED"), retryInfo("300s")),
    "quota-exhausted",
    { retryAfterMs: 300_000, retryAfterSource: "RetryInfo" },
  ],
  [
    "14 a limit per day",
    429,
    exhausted("Quota.", detail("QuotaFailure", { violations: [{ quotaId: "GenerateRequestsPerDayPerProject" }] })),
    "quota-exhausted",
  ],
  [
    "14 a limit per day, called a rate limit",
    429,
    exhausted(
      "Quota.",
      errorInfo("RATE_LIMIT_EXCEEDED"),
      detail("QuotaFailure", { violations: [{ quotaId: "GenerateRequestsPerDayPerProjectPerModel-FreeTier" }] }),
    ),
    "quota-exhausted",
  ],
  [
    "13 a limit per minute",
    429,
    exhausted(
      "Quota.",
      errorInfo("RATE_LIMIT_EXCEEDED"),
      detail("QuotaFailure", { violations: [{ quotaId: "GenerateRequestsPerMinutePerProject" }] }),
    ),
    "rate-limited",
  ],
  [
    "13 a limit per minute of the official API, whose words speak of a quota",
    429,
    exhausted(
      "You exceeded your current quota, please check your plan and billing details.",
      detail("QuotaFailure", { violations: [{ quotaId: "GenerateContentInputTokensPerModelPerMinute-FreeTier" }] }),
      retryInfo("26s"),
    ),
    "rate-limited",
    { retryAfterMs: 26_000, retryAfterSource: "RetryInfo" },
  ],
  [
    "14 a limit per minute that grants nothing",
    429,
    exhausted(
      "You exceeded your current quota. * Quota exceeded for metric: x/requests, limit: 0, model: gemini-3-pro",
      detail("QuotaFailure", { violations: [{ quotaId: "GenerateRequestsPerMinutePerProjectPerModel-FreeTier" }] }),
    ),
    "quota-exhausted",
  ],
  [
    "14 limits per minute and per day at once",
    429,
    exhausted(
      "You exceeded your current quota.",
      detail("QuotaFailure", {
        violations: [
          { quotaId: "GenerateRequestsPerMinutePerProject" },
          { quotaId: "GenerateRequestsPerDayPerProject" },
        ],
      }),
    ),
    "quota-exhausted",
  ],
  [
    "14 a used-up quota by text only",
    429,
    exhausted("You have exhausted your capacity on this model. Your quota will reset after 3h0m0s."),
    "quota-exhausted",
    { retryAfterMs: 10_800_000, retryAfterSource: "message" },
  ],
  [
    "15 no capacity as 429",
    429,
    exhausted("Busy.", errorInfo("MODEL_CAPACITY_EXHAUSTED"), retryInfo("9s")),
    "overloaded",
    { retryAfterMs: 9_000, retryAfterSource: "RetryInfo" },
  ],
  [
    "15 no capacity as 503",
    503,
    errorBody(
      503,
      "UNAVAILABLE",
      "No capacity available for model x on the server",
      errorInfo("MODEL_CAPACITY_EXHAUSTED"),
    ),
    "overloaded",
  ],
  ["15 no capacity by text only", 429, exhausted("No capacity available for model x on the server"), "overloaded"],
  ["16 exhausted without details", 429, exhausted("Resource has been exhausted (e.g. check quota)."), "rate-limited"],
  ["17 no credits", 429, exhausted("Credits.", errorInfo("INSUFFICIENT_G1_CREDITS_BALANCE")), "quota-exhausted"],
  ["18 a limit of zero", 429, exhausted("Quota exceeded for metric requests, limit: 0, model: x"), "quota-exhausted"],
  ["19 closed upstream", 499, errorBody(499, "CANCELLED", "The operation was cancelled."), "unavailable"],
  ["20 an internal error", 500, errorBody(500, "INTERNAL", "Internal error encountered."), "unavailable"],
  ["21 a gateway's error page", 502, "<html><title>502 Bad Gateway</title></html>", "unavailable"],
  ["21 a gateway's timeout", 504, "", "unavailable"],
  ["21 a request timeout", 408, "", "unavailable"],
  ["22 unavailable", 503, errorBody(503, "UNAVAILABLE", "The service is currently unavailable."), "overloaded"],
  ["22 overloaded", 529, "", "overloaded"],
  [
    "23 a security policy",
    403,
    denied("Request is prohibited by organization's policy.", errorInfo("SECURITY_POLICY_VIOLATED")),
    "region-blocked",
  ],
  [
    "24 an unsupported location as 400",
    400,
    errorBody(400, "FAILED_PRECONDITION", "User location is not supported for the API use."),
    "region-blocked",
  ],
  [
    "24 an unsupported location as 403",
    403,
    denied("Gemini is not currently available in your country."),
    "region-blocked",
  ],
  ["a body that is too large", 413, "", "payload-too-large"],
  [
    "a body that is too large as 400",
    400,
    invalid("Request payload size exceeds the limit: 20971520 bytes."),
    "payload-too-large",
  ],
  ["a path nobody serves", 404, "<html>Error 404 (Not Found)!!1</html>", "unavailable"],
  ["a redirect", 302, "", "unavailable"],
];

describe("the decision table", () => {
  for (const [what, status, body, kind, expected] of TABLE) {
    test(`${what}: ${kind}`, () => {
      const error = classify(status, body);
      const { upstreamStatus, upstreamReason: _, ...rest } = error.detail;
      expect(error.kind).toBe(kind);
      expect(upstreamStatus).toBe(status);
      expect(rest).toEqual(expected ?? {});
    });
  }
});

describe("an account that Google switched off, in words alone", () => {
  test.each([
    "Your account was disabled because of a violation of the terms",
    "Your account has been suspended.",
    "This account is disabled for violating our Terms of Service.",
    "This service has been disabled in this account for violation of Terms of Service.",
    "Account terminated due to repeated policy violations.",
    "Your access has been suspended due to policy violations.",
    "Access was blocked for a violation of Google's API terms.",
  ])("%s", (message) => {
    expect(classify(403, denied(message)).detail.accountProblem).toBe("terms-block");
  });

  test.each([
    "This API has been disabled.",
    "You must accept the Terms of Service first.",
    "Access to this model is disabled by your organization's policy for your account.",
    "Your administrator has disabled this service for your account.",
    "The billing account for the owning project is disabled in state absent.",
    "Gemini API has not been used in project 1 before or it is disabled.",
    "The request violates the usage policies.",
  ])("but not: %s", (message) => {
    expect(classify(403, denied(message)).detail.accountProblem).toBeUndefined();
  });

  test("no other status says so", () => {
    const message = "Your account was disabled because of a violation of the terms";
    for (const status of [400, 404, 429, 500]) {
      expect(classify(status, errorBody(status, "X", message)).kind).not.toBe("account-unusable");
    }
  });
});

/** A text for every rule that reads prose; each would be another verdict were it upstream's own. */
const TELLING = [
  "prompt is too long",
  "input token count (9) exceeds the maximum number of tokens allowed (1)",
  "exceeds the context window",
  "Request payload size exceeds the limit",
  "Invalid `signature` in `thinking` block",
  "thinking.signature: Field required",
  "Corrupted thought signature.",
  "thought_signature",
  "Expected `thinking`, but found `text`",
  "must start with a thinking block",
  "When thinking is disabled, a message cannot contain thinking",
  "This model does not support thinking.",
  "thinking_config",
  "thinking_budget",
  "thinking level",
  "budget_tokens",
  "This version of Antigravity is no longer supported. Please update.",
  "Invalid project resource name projects/",
  "Resource projects/x could not be found",
  "User location is not supported for the API use.",
  "Verify your account to continue.",
  "Your account has been disabled for violation of Terms of Service.",
  "has not been used in project",
  "cloudaicompanion",
  "Request had insufficient authentication scopes.",
  "limit: 0",
  "No capacity available",
  "per minute",
  "Your quota will reset after 3h0m0s.",
];

describe("the request's own words decide nothing", () => {
  const args =
    "Invalid value at 'request.contents[0].parts[0].function_call.args' (type.googleapis.com/google.protobuf.Struct)";
  const schema = "* GenerateContentRequest.tools[0].function_declarations[0].parameters.properties";
  const QUOTING: [string, (text: string) => string][] = [
    ["as a value", (text) => `${args}, "${text}"`],
    ["as a value with quotes in it", (text) => `${args}, "x" ${text} "y`],
    ["as a value without quotes", (text) => `${args}, ${text}`],
    ["as a value on its own line", (text) => `${args}, "x\n${text}\n"\nInvalid value at 'request.b' (TYPE_STRING), 5`],
    ["as JSON", (text) => `${args}, ${JSON.stringify({ text })}`],
    ["as a made-up error", (text) => `${args}, ${JSON.stringify({ error: { code: 429, message: text } })}`],
    [
      "as a name",
      (text) => `Invalid JSON payload received. Unknown name "x ${text}" at 'request.b': Cannot find field.`,
    ],
    ["as a name in single quotes", (text) => `Function 'it's ${text}' in allowed_function_names is not declared.`],
    ["as a property", (text) => `${schema}[${text}].items: missing field.`],
    ["as a property with brackets in it", (text) => `${schema}[a]\n ${text}.properties[b].enum[0]: cannot be empty`],
    ["in Claude's path", (text) => `tools.0.custom.input_schema.properties.${text}: Field required`],
    ["in Claude's path to arguments", (text) => `messages.1.content.0.tool_use.input.${text}: Field required`],
    [
      "as an id",
      (text) =>
        `messages.1: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${text}. Each`,
    ],
    [
      "as another id",
      (text) => `messages.2.content.0: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${text}.`,
    ],
  ];
  for (const [how, quote] of QUOTING) {
    test.each(TELLING)(`quoted ${how}: %s`, (text) => {
      for (const body of [invalid(quote(text)), nestedAnthropic(quote(text))]) {
        const error = classify(400, body);
        expect(error.kind).toBe("invalid-request");
        expect(error.detail.repair).toBeUndefined();
      }
    });
  }

  test.each(TELLING)("nor in a denial: %s", (text) => {
    expect(classify(403, denied(`Permission denied on "${text}"`)).kind).toBe("access-denied");
  });

  test("nor as an error with reasons of its own, which could switch an account off", () => {
    const forged = JSON.parse(denied("x", errorInfo("ACCOUNT_DISABLED"))) as JsonObject;
    for (const message of [`${args}, ${JSON.stringify(forged)}`, `Unknown tool "x": ${JSON.stringify(forged)}`]) {
      const error = classify(400, invalid(message));
      expect(error.kind).toBe("invalid-request");
      expect(error.detail.upstreamReason).toBeUndefined();
    }
  });

  test("what upstream says around a quotation still counts", () => {
    const message = 'Unable to submit "x": the thinking budget is out of range for "y".';
    expect(classify(400, invalid(message)).detail.repair).toBeUndefined();
    const before = 'The thinking budget is out of range: "x".';
    expect(classify(400, invalid(before)).detail.repair).toBe("thinking-other-form");
    const unknown =
      "Invalid JSON payload received. Unknown name \"thinkingConfig\" at 'request.generation_config': Cannot find field.";
    expect(classify(400, invalid(unknown)).detail.repair).toBe("thinking-config-off");
  });
});

describe("structure before prose", () => {
  test("the reason decides, whatever the text says", () => {
    const body = exhausted("Your quota is exhausted, limit: 0", errorInfo("MODEL_CAPACITY_EXHAUSTED"));
    expect(classify(429, body).kind).toBe("overloaded");
  });

  test("numbers and words in a 400 do not make it a server fault or a limit", () => {
    const message = "Invalid value: '500 RESOURCE_EXHAUSTED 429 no capacity rate limit verify your account'";
    expect(classify(400, invalid(message)).kind).toBe("invalid-request");
  });

  test("the machine-readable reason is kept for the record", () => {
    const error = classify(429, exhausted("x", errorInfo("QUOTA_EXHAUSTED")));
    expect(error.detail.upstreamReason).toBe("QUOTA_EXHAUSTED");
  });

  test("a quota that is named stands for a reason, where none is given", () => {
    const violations = [{}, { quotaId: "GenerateRequestsPerMinutePerProject" }];
    const named = detail("QuotaFailure", { violations });
    const reasonOf = (...details: JsonObject[]) => classify(429, exhausted("x", ...details)).detail.upstreamReason;
    expect(reasonOf(named)).toBe("GenerateRequestsPerMinutePerProject");
    expect(reasonOf(named, errorInfo("RATE_LIMIT_EXCEEDED"))).toBe("RATE_LIMIT_EXCEEDED");
    expect(reasonOf(detail("QuotaFailure", { violations: [{}] }))).toBeUndefined();
  });

  test("an absolute reset time is read by the clock that is given", () => {
    const body = exhausted("x", errorInfo("QUOTA_EXHAUSTED", { quotaResetTimeStamp: "2026-08-20T13:00:49Z" }));
    expect(classify(429, body).detail.retryAfterMs).toBe(49_000);
  });
});

describe("messages", () => {
  const message = (status: number, body: string) => classify(status, body).message;

  test("a too long prompt is told in the words and numbers on which clients compact", () => {
    const gemini = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).";
    expect(message(400, invalid(gemini))).toBe("prompt is too long: 1200000 tokens > 1048576 maximum");
    const claude = "prompt is too long: 210000 tokens > 200000 maximum";
    expect(message(400, nestedAnthropic(claude))).toBe(claude);
    const both = "input length and `max_tokens` exceed context limit: 190000 + 64000 > 200000";
    expect(message(400, nestedAnthropic(both))).toBe(`prompt is too long: ${both}`);
  });

  test("a refused request is told in upstream's own words, unwrapped", () => {
    expect(message(400, nestedAnthropic("tools.0.custom.name: String should match pattern"))).toBe(
      "tools.0.custom.name: String should match pattern",
    );
    expect(message(400, "")).toBe("Upstream refused the request as invalid");
  });

  test("what identifies an account is left out", () => {
    const text = message(
      400,
      invalid("Bad: owner@example.com, token ya29.test-abc_123, 1//test-refresh, projects/my-project-123/locations/x"),
    );
    expect(text).toBe("Bad: …, token …, …, projects/…/locations/x");
  });

  test("a version that is too old is told with its remedy", () => {
    expect(message(404, errorBody(404, "NOT_FOUND", "Please update Antigravity to the latest version."))).toContain(
      "cloudcode.clientVersion",
    );
  });

  test("limits, denials and faults never repeat upstream's text", () => {
    for (const status of [401, 403, 404, 429, 500, 503]) {
      expect(message(status, errorBody(status, "X", "canary in the message"))).not.toContain("canary");
    }
  });
});

describe("errors inside an answer", () => {
  const ROWS: [string, JsonObject, FailureKind, number][] = [
    ["by code", { code: 503, message: "x" }, "overloaded", 503],
    ["by name", { status: "RESOURCE_EXHAUSTED", message: "x" }, "rate-limited", 429],
    ["by a nested Anthropic type", { type: "overloaded_error", message: "Overloaded" }, "overloaded", 529],
    ["by gRPC code", { code: 14, message: "x" }, "overloaded", 503],
    ["by gRPC code of a failed operation", { code: 9, message: "Precondition check failed." }, "invalid-request", 400],
    ["without anything", {}, "unavailable", 500],
  ];
  for (const [what, error, kind, upstreamStatus] of ROWS) {
    test(`are known ${what}`, () => {
      const failure = classifyDocument({ error }, NOW);
      expect(failure.kind).toBe(kind);
      expect(failure.detail.upstreamStatus).toBe(upstreamStatus);
    });
  }

  test("keep their retry delay", () => {
    const document = JSON.parse(exhausted("x", errorInfo("RATE_LIMIT_EXCEEDED"), retryInfo("7s"))) as JsonObject;
    expect(classifyDocument(document, NOW).detail.retryAfterMs).toBe(7_000);
  });
});

describe("repairs", () => {
  const refusal = (repair: Repair) => new GatewayError("invalid-request", "x", { upstreamStatus: 400, repair });
  const always = () => true;
  const without = { upstreamStatus: 400 };

  test("an untried repair stays", () => {
    const error = refusal("drop-thinking");
    expect(withUsefulRepair(error, new Set(), always)).toBe(error);
  });

  test("a failure without a repair stays as it is, and nothing is lowered for it", () => {
    const error = new GatewayError("unavailable", "x");
    const never = () => {
      throw new Error("asked");
    };
    expect(withUsefulRepair(error, new Set(), never)).toBe(error);
  });

  test("after the other form of thinking comes none at all, then nothing", () => {
    const error = refusal("thinking-other-form");
    expect(withUsefulRepair(error, new Set<Repair>(["thinking-other-form"]), always).detail).toEqual({
      ...without,
      repair: "thinking-config-off",
    });
    const both = new Set<Repair>(["thinking-other-form", "thinking-config-off"]);
    expect(withUsefulRepair(error, both, always).detail).toEqual(without);
  });

  test("a repair that did not help is not named again", () => {
    expect(withUsefulRepair(refusal("drop-thinking"), new Set<Repair>(["drop-thinking"]), always).detail).toEqual(
      without,
    );
  });

  test("a repair that would send the same body is passed over", () => {
    const error = refusal("thinking-other-form");
    expect(withUsefulRepair(error, new Set(), (repair) => repair === "thinking-config-off").detail.repair).toBe(
      "thinking-config-off",
    );
    expect(withUsefulRepair(error, new Set(), () => false).detail).toEqual(without);
    expect(withUsefulRepair(refusal("drop-thinking"), new Set(), () => false).detail).toEqual(without);
  });
});

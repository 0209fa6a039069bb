import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { REDACTED, redact, redactJson } from "../../src/lib/redact.ts";

const SECRETS = [
  "sk-ag-testAb3_x-Zq9Kd0",
  "AIza-test-key_Ab3",
  "AIzaTestAb3_x-Zq9Kd0",
  "ya29.test-Ab3_x.Zq9",
  "ya29.a0test/Ab3+x==",
  "1//test-Ab3_x-Zq9Kd0",
  "1//0gtestAb3_x-Zq9Kd0",
  "1%2F%2F0gtestAb3_x-Zq9Kd0",
  "GOCSPX-test-Ab3_x",
  "4/0testAb3_x-Zq9Kd0Lm",
  "ag-owner.1767225600.testAb3_x-Zq9Kd0",
  "owner-1@canary-mail.example",
  "first.last+tag@mail.canary.example.co",
  "jürgen@post.exämple.de",
  "owner-1%40canary-mail.example",
];

/** What may stand around a secret, `%s`. */
const WRAPPINGS = [
  "%s",
  "%s\n%s",
  "token %s was refused",
  "Bearer %s",
  "authorization: Bearer %s",
  "Authorization:Bearer %s, x",
  '{"authorization":"Bearer %s"}',
  "https://host.example/v1/models?key=%s&alt=sse",
  "https://host.example/v1/models?alt=sse&key=%s",
  "grant_type=refresh_token&refresh_token=%s&client_id=x",
  '{"refresh_token":"%s"}',
  '{"refresh_token": "%s", "n": 1}',
  String.raw`upstream said "{\"client_secret\":\"%s\"}"`,
  String.raw`"{\"a\":\"{\\\"access_token\\\":\\\"%s\\\"}\"}"`,
  String.raw`\n%s\n`,
  String.raw`"x\t%s\u000a"`,
  "%20%s%20",
  "%3D%s",
  "(%s)",
  "<%s>",
  "'%s'",
  "[%s]",
  "x-api-key: %s",
  "x-goog-api-key=%s",
  "password=%s",
  "Error: %s is bad\n    at run (/home/x/file.ts:1:2)",
  "%s;%s,%s %s",
  "mailto:%s",
  "curl -H 'x-api-key: %s' http://127.0.0.1:48123",
];

describe("no secret survives", () => {
  for (const secret of SECRETS) {
    test(secret, () => {
      for (const wrapping of WRAPPINGS) {
        const text = wrapping.replaceAll("%s", secret);
        expect({ text, redacted: redact(text) }).not.toMatchObject({ redacted: expect.stringContaining(secret) });
        expect(redact(text)).toContain(REDACTED);
      }
    });
  }

  test("in any text around it that leaves it whole", () => {
    const around = fc.oneof(
      fc.string({ unit: "grapheme" }),
      fc.string({ unit: fc.constantFrom(" ", '"', "\\", "=", ":", "/", ".", "@", "&", "\n", "%20", "key", "a") }),
    );
    fc.assert(
      fc.property(fc.constantFrom(...SECRETS.slice(0, 4), "sk-ag-testAb3"), around, around, (secret, before, after) => {
        expect(redact(`${before}${secret}${after}`)).not.toContain(secret);
      }),
      { numRuns: 500 },
    );
  });

  const values: [text: string, secret: string][] = [
    ["password=correct-horse", "correct-horse"],
    ['{"passphrase":"correct horse battery"}', "correct horse battery"],
    ['{"passphrase": "it\'s a secret"}', "it's a secret"],
    ["client_secret: hush-hush", "hush-hush"],
    ["clientSecret=hush-hush", "hush-hush"],
    ["x-api-key: my-own-static-key", "my-own-static-key"],
    ["Authorization: Basic dXNlcjpodXNo", "dXNlcjpodXNo"],
    ["bearer abcdefghijklmnopqrst", "abcdefghijklmnopqrst"],
    ["http://me:hush@127.0.0.1:9/x", "hush"],
    ["session_token=abc.def", "abc.def"],
    ["?key=my-own-static-key", "my-own-static-key"],
    ["key=my-own-static-key", "my-own-static-key"],
    ["?key=k3-secret", "k3-secret"],
    ["sk-ant-test-0123456789abcdef", "0123456789"],
    ["eyJhbGciOiJI.eyJzdWIiOiIx.c2lnbmF0dXJl", "eyJzdWIiOiIx"],
    ["code_verifier=abcdefgh", "abcdefgh"],
  ];
  for (const [text, secret] of values) {
    test(text, () => expect(redact(text)).not.toContain(secret));
  }
});

describe("what is no secret stays as it is", () => {
  const lines = [
    "200 ok              anthropic          8.4 s  opus → claude-opus-4-6-thinking  a1  22.4k in (10k cached), 812 out  req_dGVzdC1yZXF1ZXN0LWlk",
    '{"time":"2026-11-21T10:00:00.000Z","level":"info","message":"request","key":"k3","model":"claude-sonnet-4-5@20250929","inputTokens":12,"attempts":"a1:access-token-rejected a2:ok"}',
    "GET http://127.0.0.1:48123/v1/models?alt=sse&pageSize=3",
    "listens on http://127.0.0.1:48123",
    "http://127.0.0.1//v1//messages",
    "https://cloudcode.example.com/v1internal:streamGenerateContent?alt=sse",
    "    at answer (/$bunfs/root/main.js:12:34)\n    at node_modules/@scope/thing/index.js",
    "    at run (/x/node_modules/.bun/prom-client@15.1.3/node_modules/prom-client/index.js:1:1)",
    "k3 is the handle; key=k3 key=env key=owner",
    "The access token has expired. A new token is asked for",
    "No bearer token was sent: bearer authentication is wanted",
    "a basic misunderstanding",
    "max_tokens: 4096, token count 12, tokens=3",
    "Refused: Host evil.example.com is not allowed (server.allowedHosts)",
    "a task-agent at risk-averse desk-top",
    "429 RATE_LIMIT_EXCEEDED, RetryInfo 12.5s; quota 1/4 used, 4/0 left",
    "No OAuth client secret is set and this build carries none: AG_OAUTH_CLIENT_SECRET",
    "Set a key that clients must send: AG_API_KEY=…",
    "nobody@localhost",
    "monkey=5",
    "a secret, a password and a cookie walk into a bar",
    "",
  ];
  for (const line of lines) {
    test(line.slice(0, 60), () => expect(redact(line)).toBe(line));
  }
});

test("what is around a secret stays", () => {
  expect(redact('{"refresh_token":"1//test-abc","n":1}')).toBe(`{"refresh_token":"${REDACTED}","n":1}`);
  expect(redact("a ya29.test-abc b")).toBe(`a ${REDACTED} b`);
  expect(redact("of owner-1@mail.example, who")).toBe(`of ${REDACTED}, who`);
  expect(redact("?alt=sse&key=AIza-test-key&x=1")).toBe(`?alt=sse&key=${REDACTED}&x=1`);
  expect(redact("http://me:hush@127.0.0.1:9/x")).toBe(`http://${REDACTED}@127.0.0.1:9/x`);
});

test("redacting twice is redacting once", () => {
  for (const secret of SECRETS) {
    for (const wrapping of WRAPPINGS) {
      const once = redact(wrapping.replaceAll("%s", secret));
      expect(redact(once)).toBe(once);
    }
  }
});

describe("a line of JSON", () => {
  test("stays JSON, whatever is taken out of it", () => {
    const texts = fc.oneof(
      fc.string(),
      fc.constantFrom(...SECRETS.flatMap((secret) => WRAPPINGS.map((each) => each.replaceAll("%s", secret)))),
    );
    fc.assert(
      fc.property(fc.dictionary(texts, fc.oneof(texts, fc.array(texts), fc.integer())), (fields) => {
        const line = redactJson(JSON.stringify(fields));
        expect(typeof JSON.parse(line)).toBe("object");
        for (const secret of SECRETS) expect(line).not.toContain(secret);
      }),
      { numRuns: 300 },
    );
  });

  test("loses secrets in names, in lists, deep inside, and whatever stands under a telling name", () => {
    const fields = {
      "owner-1@mail.example": 1,
      list: ["ya29.test-abc"],
      deep: { stack: "x\nsk-ag-test-abc", refreshToken: "plain words", token: "two words", count: 3 },
    };
    expect(JSON.parse(redactJson(JSON.stringify(fields)))).toEqual({
      [REDACTED]: 1,
      list: [REDACTED],
      deep: { stack: `x\n${REDACTED}`, refreshToken: REDACTED, token: REDACTED, count: 3 },
    });
  });

  test("without any is not touched", () => {
    const line = '{"level":"info",  "key":"k3"}';
    expect(redactJson(line)).toBe(line);
  });
});

describe("no text takes longer than its length allows", () => {
  const bait = [
    "a",
    "@",
    "a@",
    "a.",
    "@a.",
    "sk-ag-",
    "1//",
    "ya29.",
    "eyJ",
    "eyJaaaaaaaa.",
    "token=",
    'token="',
    '"token":"',
    'token=\\"',
    "authorization: ",
    "bearer ",
    "bearer a",
    "://",
    "://a:",
    "key=",
    "api-key",
    "%40",
    "\\",
    '"',
    " ",
    "-",
    "access_token",
    "password'",
  ];
  for (const piece of bait) {
    test(JSON.stringify(piece), () => {
      const text = `x@ ${piece.repeat(Math.ceil(2_000_000 / piece.length))}`;
      expect(redact(text).length).toBeGreaterThan(0); // a quadratic one would not come back before the test's time is up
    });
  }
});

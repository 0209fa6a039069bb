import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FailureKind } from "../../src/core/errors.ts";
import { CLAUDE } from "../support/cloudcode/samples.ts";
import { chatClient, messagesClient } from "../support/clients.ts";
import { briskClock } from "../support/clock.ts";
import {
  type Answer,
  dropConnection,
  failure,
  FAILURE_NAMES,
  type FailureName,
  httpAnswer,
  malformedCall,
  text,
  turn,
} from "../support/cloudcode/index.ts";
import { keyFailure, KEY_FAILURE_NAMES } from "../support/gemini-api/index.ts";
import { temporaryHome } from "../support/temporary.ts";
import {
  ACCESS_TOKEN,
  ANSWER,
  API_KEY,
  EMAIL,
  PASSPHRASE,
  PROMPT,
  REFRESH_TOKEN,
  startCanary,
} from "./support/canary.ts";

setDefaultTimeout(120_000);

const OFFICIAL_MODEL = "gemini-3.1-pro-preview";

/** So often an upstream says the same to one request, if it is asked again. */
const REPEATS = 2;

/** Every kind that upstream's answers are taken for. */
const UPSTREAM_FAILURES: FailureKind[] = [
  ...(["rate-limited", "quota-exhausted", "overloaded", "unavailable", "version-refused", "malformed-answer"] as const),
  ...(["model-missing", "access-denied", "access-token-rejected", "project-rejected", "account-unusable"] as const),
  ...(["invalid-request", "context-too-long", "region-blocked"] as const),
];

type Row = [name: string, model: string, answer: Answer];

/** What a careless upstream might repeat of what it was sent, in each status that is read differently. */
const TELLTALE = `The caller owner-1@${EMAIL} with Bearer ${ACCESS_TOKEN}-told, ${API_KEY} and ${REFRESH_TOKEN}-1, who says ${PROMPT}, may not`;
const telltales: Answer[] = [400, 401, 403, 404, 429, 500, 503].map((code) =>
  httpAnswer(code, { error: { code, message: TELLTALE, status: "UNKNOWN" } }),
);

test("no credential gets into a reply, the log, a command's output or a file, whatever goes wrong; nor a word of a conversation into the last three", async () => {
  await using canary = await startCanary({
    accounts: 80,
    officialKeys: 60,
    clock: briskClock(),
    keyFile: true,
  });
  const { cloud, api, home, ask, run } = canary;

  const answers: Row[] = [
    ["success", CLAUDE, turn([text(ANSWER)])],
    ["dropped", CLAUDE, dropConnection()],
    ["malformed", CLAUDE, malformedCall()],
    ...(FAILURE_NAMES as readonly FailureName[]).map((name): Row => [name, CLAUDE, failure(name)]),
    ...telltales.map((answer, index): Row => [`telltale ${index}`, CLAUDE, answer]),
    ...KEY_FAILURE_NAMES.map((name): Row => [name, OFFICIAL_MODEL, keyFailure(name)]),
    ...telltales.map((answer, index): Row => [`key telltale ${index}`, OFFICIAL_MODEL, answer]),
  ];
  const unasked: string[] = [];
  // By this clock, those who are asked for their models are all late.
  while (!(await ask("/v1/models")).body.includes(`"${CLAUDE}"`)) await Bun.sleep(10);
  for (const [name, model, answer] of answers) {
    for (const [each, stream] of [
      [messagesClient, true],
      [chatClient, false],
    ] as const) {
      const server = model === CLAUDE ? cloud : api;
      for (let count = 0; count < REPEATS; count++) server.next(answer, { method: "streamGenerateContent" });
      const messages = [{ role: "user", content: `${PROMPT} ${name}` }];
      const body = JSON.stringify(each.request("hidden", { model, stream, messages }));
      const { status, body: reply } = await ask(each.path, { method: "POST", body });
      if (name === "success") expect([status, reply]).toEqual([200, expect.stringContaining(ANSWER)]);
      if (server.unused() === REPEATS) unasked.push(`${name} ${each.path} ${status}`);
      server.reset();
    }
  }
  expect(unasked).toEqual([]);

  // A sign-in that is dead, and a token endpoint that repeats what it was sent.
  const [first, second] = cloud.world.accounts;
  if (first) first.revoked = true;
  cloud.world.expireAccessTokens();
  cloud.next(
    httpAnswer(400, { error: "invalid_grant", error_description: `${second?.refreshToken} of ${second?.email}` }),
    {
      method: "token",
    },
  );
  for (const path of [
    "/account-limits",
    "/account-limits?format=table",
    "/health",
    "/readyz",
    "/v1/models",
    "/nothing",
  ]) {
    await ask(path);
  }
  await ask("/refresh-token", { method: "POST" });

  const passphraseFile = join(temporaryHome(), "passphrase");
  writeFileSync(passphraseFile, `${PASSPHRASE}\n`);
  const told = { tellsEmail: true };
  for (const json of [[], ["--json"]]) {
    for (const words of [["list"], ["verify", "a3"], ["disable", "a3"], ["enable", "a3"], ["label", "a3", "team"]]) {
      await run(["accounts", ...words, ...json], told);
    }
    await run(["accounts", "import", "-", ...json], { ...told, stdin: `${REFRESH_TOKEN}-new-${json.length}\n` });
    await run(["accounts", "import", "-", ...json], {
      ...told,
      stdin: `${API_KEY}\n{"refresh_token": "${ACCESS_TOKEN}"`,
    });
    await run(["accounts", "add", "--gemini-key", ...json], { ...told, stdin: `${API_KEY}-30\n` });
    await run(["accounts", "remove", json.length === 0 ? "a4" : "a5", "--yes", ...json], told);
    const archive = join(home, `archive${json.length}.agx`);
    const exported = await run(["accounts", "export", archive, "--passphrase-file", passphraseFile, ...json], told);
    expect(exported.code).toBe(0);
    await run(["accounts", "import", archive, "--passphrase-file", passphraseFile, ...json], told);
    await run(["models", "list", ...json]);
    await run(["limits", ...json]);
  }

  // While the gateway runs, so that the database's log is there, and then as the files stay.
  expect(existsSync(join(home, "ag.db-wal"))).toBe(true);
  expect(readdirSync(join(home, "backups"))).toHaveLength(1);
  canary.checkFiles();
  await canary.stop();
  canary.checkFiles();
  canary.checkLog();

  const seen = await canary.withStore(async ({ records }) => {
    const stored = await records.list({ limit: 100_000 });
    return stored.flatMap(({ record: { outcome, attempts } }) => [outcome, ...attempts.map((each) => each.outcome)]);
  });
  expect(seen).toEqual(expect.arrayContaining(UPSTREAM_FAILURES));
});

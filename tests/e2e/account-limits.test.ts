import { describe, expect, test } from "bun:test";
import type { LimitsReport } from "../../src/limits/report.ts";
import { runAg } from "../cli/support.ts";
import { messagesClient } from "../support/clients.ts";
import { failure } from "../support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../support/cloudcode/samples.ts";
import { gatewayEnvironment } from "../support/gateway.ts";
import { startScene } from "./support/scene.ts";

const HOUR = 3_600_000;
/** The scene's clock stands still here. */
const NOW = Date.UTC(2026, 0, 1);
const at = (ms: number) => new Date(NOW + ms).toISOString();

function owner(number: number) {
  return {
    email: `owner${number}@example.test`,
    refreshToken: `1//test-owner-${number}`,
    project: `project-number-${number}`,
  };
}

async function limitsOf(url: string): Promise<LimitsReport> {
  return (await (await fetch(`${url}/account-limits`)).json()) as LimitsReport;
}

describe("GET /account-limits", () => {
  test("shows what upstream says is left; a fraction that upstream leaves out is none", async () => {
    const quota = {
      [GEMINI_3]: { resetTime: at(2 * HOUR) },
      [CLAUDE]: { remainingFraction: 0.25, resetTime: at(HOUR) },
    };
    const buckets = { "gemini-5h": { remainingFraction: 0.5, resetTime: at(HOUR) } };
    await using scene = await startScene({ accounts: [{ ...owner(1), quota, buckets }] });
    const [account] = (await limitsOf(scene.url())).accounts;
    expect(account).toMatchObject({ handle: "a1", state: "ready", readAt: at(0), readFailure: null, inFlight: 0 });
    const model = (id: string) => account?.models.find((each) => each.id === id);
    expect(model(GEMINI_3)).toMatchObject({
      remainingFraction: 0,
      resetAt: at(2 * HOUR),
      limited: true,
      freeAt: at(2 * HOUR),
    });
    expect(model(CLAUDE)).toMatchObject({ remainingFraction: 0.25, resetInSeconds: 3600, limited: false, why: [] });
    const window = account?.buckets.find(({ id }) => id === "gemini-5h");
    expect(window).toMatchObject({ remainingFraction: 0.5, resetAt: at(HOUR) });
  });

  test("a used-up week limits every model that it covers, however full the five hours are", async () => {
    const buckets = { "3p-weekly": { remainingFraction: 0, resetTime: at(99 * HOUR) } };
    await using scene = await startScene({ accounts: [{ ...owner(1), buckets }] });
    const models = (await limitsOf(scene.url())).accounts[0]?.models ?? [];
    const isLimited = new Map(models.map(({ id, limited }) => [id, limited]));
    expect([isLimited.get(CLAUDE), isLimited.get(GEMINI_3)]).toEqual([true, false]);
    expect(models.find(({ id }) => id === CLAUDE)).toMatchObject({ remainingFraction: 1, freeAt: at(99 * HOUR) });
  });

  test("a live refusal is shown with its evidence, although the reading says full", async () => {
    await using scene = await startScene({ accounts: [owner(1)] });
    scene.upstream.next(failure("quota-exhausted", { retryDelay: "7200s" }));
    expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ status: 429 });
    const [account] = (await limitsOf(scene.url())).accounts;
    expect(account?.models.find(({ id }) => id === CLAUDE)).toMatchObject({
      remainingFraction: 1,
      limited: true,
      freeInSeconds: 7200,
      why: [{ by: "cooldown", until: at(2 * HOUR) }],
      cooldown: { kind: "quota-exhausted", inSeconds: 7200 },
    });
  });

  test("an account that Google wants verified is shown with its link, and nothing of whose it is", async () => {
    await using scene = await startScene({ accounts: [owner(1), owner(2)] });
    scene.upstream.next(failure("validation-required"));
    await scene.ask(messagesClient, { session: "s" });
    for (const path of ["/account-limits", "/account-limits?format=table"]) {
      const text = await (await fetch(scene.url() + path)).text();
      expect(text).toContain("needs-verification");
      expect(text).toContain("https://accounts.google.com/");
      expect(text).not.toMatch(/owner\d|1\/\/test|project-number|ya29/);
    }
  });

  test("upstream that is down costs the reading, not the answer", async () => {
    await using scene = await startScene();
    await scene.upstream.stop();
    const [account] = (await limitsOf(scene.url())).accounts;
    expect(account).toMatchObject({ state: "ready", readAt: null, models: [] });
    expect(account?.readFailure).toBeString();
  });
});

describe("POST /refresh-token", () => {
  test("fetches a new access token for every sign-in, or for the one that is named", async () => {
    await using scene = await startScene({ accounts: [owner(1), owner(2)] });
    const refreshes = () => scene.upstream.log.filter(({ method }) => method === "token").length;
    await limitsOf(scene.url());
    expect(refreshes()).toBe(2);
    const refresh = async (query = "") =>
      (await fetch(`${scene.url()}/refresh-token${query}`, { method: "POST" })).json() as Promise<unknown>;
    expect(await refresh()).toMatchObject({ status: "ok", accounts: [{ account: "a1" }, { account: "a2" }] });
    expect(refreshes()).toBe(4);
    expect(await refresh("?account=a2")).toMatchObject({ accounts: [{ account: "a2", status: "ok" }] });
    expect(refreshes()).toBe(5);
  });
});

describe("ag limits", () => {
  test("is the very text of ?format=table", async () => {
    const quota = { [CLAUDE]: { remainingFraction: 0.25, resetTime: at(HOUR) } };
    await using scene = await startScene({ accounts: [{ ...owner(1), quota }, owner(2)] });
    const served = await (await fetch(`${scene.url()}/account-limits?format=table`)).text();
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const { code, stdout } = await runAg(scene.home, ["limits", "--url", scene.url()], { env: { TZ: zone } });
    expect([code, stdout]).toEqual([0, served]);
    expect(stdout).toMatch(/███░░░░░░░  25%  01:00 +1 h\n/);
  });

  test("without a server asks the accounts itself and says so", async () => {
    await using scene = await startScene({ accounts: [owner(1)] });
    const env = { ...gatewayEnvironment(scene.upstream, scene.home) };
    const { code, stdout, stderr } = await runAg(scene.home, ["limits", "--json"], { env });
    expect(stderr).toStartWith("No server listens");
    const { accounts } = JSON.parse(stdout) as LimitsReport;
    expect(accounts).toMatchObject([{ handle: "a1", readFailure: null, buckets: [{}, {}, {}, {}] }]);
    expect(code).toBe(0);
  });
});

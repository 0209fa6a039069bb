import { describe, expect, test } from "bun:test";
import { runAg } from "../cli/support.ts";
import { chatClient, messagesClient } from "../support/clients.ts";
import { failure, gate } from "../support/cloudcode/index.ts";
import { bytesOf, plainReply } from "../support/cloudcode/reply.ts";
import { gatewayEnvironment } from "../support/gateway.ts";
import { TWO_ACCOUNTS } from "./support/bench.ts";
import { type Scene, startScene, until } from "./support/scene.ts";

const [FIRST, SECOND] = TWO_ACCOUNTS;
const JSON_TYPE = { "content-type": "application/json; charset=UTF-8" };

/** A command of another process over the same data. */
async function ag(scene: Scene, words: string[], stdin?: string) {
  const env = gatewayEnvironment(scene.upstream, scene.home);
  const outcome = await runAg(scene.home, words, { env, ...(stdin !== undefined && { stdin }) });
  return outcome;
}

function callsBy(scene: Scene, email: string | undefined): number {
  return scene.upstream.calls().filter(({ account }) => account === email).length;
}

describe("what the owner does is seen by the running gateway", () => {
  for (const words of [
    ["disable", "a1"],
    ["remove", "a1", "--yes"],
  ]) {
    test(`ag accounts ${words.join(" ")} under load: no new upstream call on it after the command returns`, async () => {
      await using scene = await startScene({ accounts: TWO_ACCOUNTS });
      const load = { isOn: true };
      const workers = Array.from({ length: 6 }, async (_, worker) => {
        const statuses: number[] = [];
        for (let n = 0; load.isOn; n++) {
          const { status } = await scene.ask(messagesClient, { session: `s-${worker}-${n % 3}` });
          statuses.push(status);
        }
        return statuses;
      });
      await until(() => callsBy(scene, FIRST?.email) >= 20);
      expect(await ag(scene, ["accounts", ...words])).toMatchObject({ code: 0 });
      const after = callsBy(scene, FIRST?.email);
      const others = callsBy(scene, SECOND?.email);
      await until(() => callsBy(scene, SECOND?.email) >= others + 50);
      load.isOn = false;
      expect(new Set((await Promise.all(workers)).flat())).toEqual(new Set([200]));
      expect(callsBy(scene, FIRST?.email)).toBe(after);
      expect(scene.upstream.refusals()).toEqual([]);
    });
  }

  test("an account that comes in serves at once, and one that is enabled again does", async () => {
    await using scene = await startScene({ accounts: TWO_ACCOUNTS });
    await ag(scene, ["accounts", "disable", "a1"]);
    await ag(scene, ["accounts", "disable", "a2"]);
    expect(await scene.ask(messagesClient)).toMatchObject({ status: 503 });
    await ag(scene, ["accounts", "enable", "a2"]);
    expect(await scene.ask(messagesClient)).toMatchObject({ status: 200, account: "a2" });
  });

  test("what the gateway learns is seen by the commands: limits with their evidence, problems with their link", async () => {
    // The commands know no time but the machine's.
    await using scene = await startScene({ accounts: TWO_ACCOUNTS, startAt: Date.now() });
    scene.upstream.next(failure("quota-exhausted"), { account: FIRST?.email ?? "" });
    scene.upstream.next(failure("validation-required"), { account: SECOND?.email ?? "" });
    expect(await scene.ask(messagesClient)).toMatchObject({ status: 429 });
    const { stdout } = await ag(scene, ["accounts", "list"]);
    expect(stdout).toContain("QUOTA_EXHAUSTED");
    expect(stdout).toContain("needs-verification");
    expect(stdout).toContain("https://accounts.google.com/signin/continue");
  });
});

test("an account removed while its token is being refreshed stays removed, after a restart and an old file too", async () => {
  await using scene = await startScene({
    accounts: TWO_ACCOUNTS.map((one) => ({ ...one, rotatesRefreshToken: true })),
  });
  const file = TWO_ACCOUNTS.map(({ refreshToken }) => refreshToken).join("\n");
  await scene.ask(messagesClient, { session: "one" });
  expect(await scene.ask(messagesClient, { session: "two" })).toMatchObject({ account: "a2" });
  await scene.clock.advance(3_600_000);
  const held = gate();
  const renewed = JSON.stringify({
    access_token: "ya29.test-late",
    expires_in: 3599,
    refresh_token: "1//test-rotated",
  });
  scene.upstream.next(
    () => ({ ...plainReply(200, "", JSON_TYPE), pieces: [{ wait: held.opened }, bytesOf(renewed)] }),
    {
      method: "token",
      where: ({ body }) => JSON.stringify(body).includes("1//test-second"),
    },
  );
  const refreshing = scene.ask(messagesClient, { session: "two" });
  const refreshes = () => scene.upstream.log.filter(({ method }) => method === "token").length;
  const before = refreshes();
  await until(() => refreshes() > before);
  expect(await ag(scene, ["accounts", "remove", "a2", "--yes"])).toMatchObject({ code: 0 });
  held.open();
  expect(await refreshing).toMatchObject({ status: 200, account: "a1" });
  const handles = async () => {
    const { stdout } = await ag(scene, ["accounts", "list", "--json"]);
    return (JSON.parse(stdout) as { accounts: { handle: string }[] }).accounts.map(({ handle }) => handle);
  };
  expect(await handles()).toEqual(["a1"]);
  await scene.restart({});
  expect(await handles()).toEqual(["a1"]);
  const again = await ag(scene, ["accounts", "import", "-"], file);
  expect(again.stdout + again.stderr).toMatch(/removed/);
  expect(await handles()).toEqual(["a1"]);
});

describe("Google asks the owner to verify", () => {
  for (const client of [messagesClient, chatClient]) {
    test(`${client.path}: the link is in the error, in the list and in the limits; verify probes once and clears it`, async () => {
      await using scene = await startScene({ accounts: TWO_ACCOUNTS.slice(0, 1) });
      scene.upstream.next(failure("validation-required"));
      const link = "https://accounts.google.com/signin/continue";
      const told = await scene.ask(client);
      expect(told).toMatchObject({ status: 503 });
      expect(told.text).toContain(link);
      expect(told.text).not.toContain("@example.test");
      expect((await ag(scene, ["accounts", "list"])).stdout).toContain(link);
      expect(await (await fetch(`${scene.url()}/account-limits?format=table`)).text()).toContain(link);
      const calls = scene.upstream.log.length;
      expect(await scene.ask(client)).toMatchObject({ status: 503 });
      expect(scene.upstream.log).toHaveLength(calls);
      expect(await ag(scene, ["accounts", "verify", "a1"])).toMatchObject({ code: 0 });
      expect(scene.upstream.log.slice(calls).filter(({ method }) => method === "loadCodeAssist")).toHaveLength(1);
      expect(await scene.ask(client)).toMatchObject({ status: 200 });
    });
  }
});

test("a terms block ends the account for good, is shown with its appeal link, and only its owner's word that Google has lifted it ends that", async () => {
  await using scene = await startScene({ accounts: TWO_ACCOUNTS });
  scene.upstream.next(failure("terms"));
  expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ status: 503, account: "a1" });
  expect(callsBy(scene, SECOND?.email)).toBe(0);
  const calls = callsBy(scene, FIRST?.email);
  expect(calls).toBe(1);
  const { stdout } = await ag(scene, ["accounts", "list"]);
  expect(stdout).toContain("terms-block");
  expect(stdout).toContain("https://support.google.com/accounts/contact/appeal");
  const atGoogle = () => scene.upstream.log.filter(({ account }) => account === FIRST?.email).length;
  const before = atGoogle();
  await ag(scene, ["accounts", "enable", "a1"]);
  await ag(scene, ["accounts", "verify", "a1"]);
  await ag(scene, ["accounts", "import", "-"], FIRST?.refreshToken);
  for (const session of ["s", "t", "u"]) {
    expect(await scene.ask(messagesClient, { session })).toMatchObject({ status: 200, account: "a2" });
  }
  await scene.restart();
  expect(await scene.ask(messagesClient, { session: "s" })).toMatchObject({ status: 200, account: "a2" });
  await ag(scene, ["accounts", "remove", "a1", "--yes"]);
  await ag(scene, ["accounts", "import", "-", "--again"], FIRST?.refreshToken);
  expect((await ag(scene, ["accounts", "list"])).stdout).toContain("terms-block");
  expect(await scene.ask(messagesClient, { session: "v" })).toMatchObject({ status: 200, account: "a2" });
  expect(atGoogle()).toBe(before);
  expect(await ag(scene, ["accounts", "verify", "a3", "--appeal-granted"])).toMatchObject({ code: 0 });
  await ag(scene, ["accounts", "disable", "a2"]);
  expect(await scene.ask(messagesClient, { session: "w" })).toMatchObject({ status: 200, account: "a3" });
});

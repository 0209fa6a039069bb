import { describe, expect, test } from "bun:test";
import { chatClient, messagesClient } from "../support/clients.ts";
import { type Answer, dropConnection, failure } from "../support/cloudcode/index.ts";
import { storedAccounts } from "../support/ag-process.ts";
import { MODES, TWO_ACCOUNTS } from "./support/bench.ts";
import { type Scene, startScene } from "./support/scene.ts";

const CLIENTS = [messagesClient, chatClient];
const [FIRST, SECOND] = TWO_ACCOUNTS;
const LIVE = "live";
const DEAD = "dead";

interface Row {
  trouble: string;
  /** What the first account, to which the conversation is bound, answers before it answers well. */
  answers?: readonly Answer[];
  /** The hosts in order, when not the live one alone. */
  hosts?: readonly (typeof LIVE | typeof DEAD)[];
  /** Pauses that the gateway makes on its own, in order; at least this long. */
  pauses?: readonly number[];
  status: number;
  /** Which account serves this request, and which the conversation's next one. */
  account: "a1" | "a2" | null;
  next: "a1" | "a2";
  problem?: string;
}

const TROUBLES: readonly Row[] = [
  { trouble: "a long 429", answers: [failure("quota-exhausted")], status: 200, account: "a2", next: "a2" },
  {
    trouble: "a short 429",
    answers: [failure("rate-limit-long", { retryDelay: "30s" })],
    pauses: [30_000],
    status: 200,
    account: "a1",
    next: "a1",
  },
  {
    trouble: "a 429 of half a second",
    answers: [failure("rate-limit-short")],
    pauses: [479],
    status: 200,
    account: "a1",
    next: "a1",
  },
  {
    trouble: "401 twice",
    answers: [failure("unauthenticated"), failure("unauthenticated")],
    status: 200,
    account: "a2",
    next: "a2",
  },
  { trouble: "401 once", answers: [failure("unauthenticated")], status: 200, account: "a1", next: "a1" },
  {
    trouble: "a 403 that asks for verification",
    answers: [failure("validation-required")],
    status: 200,
    account: "a2",
    next: "a2",
    problem: "needs-verification",
  },
  {
    trouble: "a terms block",
    answers: [failure("terms")],
    status: 503,
    account: "a1",
    next: "a2",
    problem: "terms-block",
  },
  {
    trouble: "a server without capacity",
    answers: [failure("capacity-503")],
    pauses: [1_000],
    status: 200,
    account: "a1",
    next: "a1",
  },
  { trouble: "a 500", answers: [failure("internal")], pauses: [500], status: 200, account: "a1", next: "a1" },
  {
    trouble: "two 500s",
    answers: [failure("internal"), failure("internal")],
    pauses: [500],
    status: 200,
    account: "a2",
    next: "a2",
  },
  { trouble: "a dropped connection", answers: [dropConnection()], status: 200, account: "a1", next: "a1" },
  {
    trouble: "a connection that is refused, then another host",
    hosts: [DEAD, LIVE],
    status: 200,
    account: "a1",
    next: "a1",
  },
];

async function closedPort(): Promise<string> {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response() });
  await server.stop(true);
  return `http://127.0.0.1:${server.port}`;
}

/** Two accounts, a conversation that is bound to the first, and trouble on it. */
async function startTrouble({ hosts, answers = [] }: Row): Promise<Scene> {
  const scene = await startScene({ accounts: TWO_ACCOUNTS });
  const client = messagesClient;
  if (!FIRST) throw new Error("nothing to test with");
  expect(await scene.ask(client, { session: "s1" })).toMatchObject({ status: 200, account: "a1" });
  if (hosts) {
    const dead = await closedPort();
    const urls = hosts.map((host) => (host === LIVE ? scene.upstream.url : dead)).join();
    await scene.restart({ AG_CLOUDCODE_URLS: urls });
  }
  scene.upstream.script(answers, { account: FIRST.email });
  return scene;
}

for (const client of CLIENTS) {
  for (const mode of MODES) {
    describe(`${client.path}, ${mode}: a conversation bound to a1, with a2 free`, () => {
      for (const row of TROUBLES) {
        test(`${row.trouble} on a1: ${row.status} from ${row.account}`, async () => {
          await using scene = await startTrouble(row);
          const asked = { session: "s1", stream: mode === "streamed" };
          const reply = scene.ask(client, asked);
          for (const ms of row.pauses ?? []) {
            await scene.waitsFor(ms);
            await scene.clock.advance(ms + 1_500);
          }
          expect(await reply).toMatchObject({ status: row.status, account: row.account });
          expect(scene.upstream.unused()).toBe(0);
          const stored = await storedAccounts(scene.upstream, scene.home);
          expect(stored.map(({ problem }) => problem?.type)).toEqual([row.problem as never, undefined]);
          const servedBySecond = scene.upstream.calls().filter(({ account }) => account === SECOND?.email).length;
          expect(servedBySecond).toBe(row.account === "a2" ? 1 : 0);
          expect(await scene.ask(client, asked)).toMatchObject({ status: 200, account: row.next });
          expect(scene.upstream.refusals()).toEqual([]);
        });
      }

      test("a connection that is refused everywhere: 502, and nobody is blamed", async () => {
        await using scene = await startTrouble({ trouble: "", status: 502, account: null, next: "a1" });
        await scene.restart({ AG_CLOUDCODE_URLS: await closedPort() });
        const reply = scene.ask(client, { session: "s1", stream: mode === "streamed" });
        await scene.waitsFor(500);
        await scene.clock.advance(2_000);
        expect(await reply).toMatchObject({ status: 502 });
        await scene.restart();
        expect(await scene.ask(client, { session: "s1" })).toMatchObject({ status: 200, account: "a1", waitedMs: 0 });
      });
    });
  }
}

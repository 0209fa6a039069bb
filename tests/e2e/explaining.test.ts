import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { runAg } from "../cli/support.ts";
import { type AgProcess, startAgProcess } from "../support/ag-process.ts";
import { chatClient } from "../support/clients.ts";
import { type CloudCodeServer, startCloudCode } from "../support/cloudcode/index.ts";

setDefaultTimeout(60_000);

let upstream: CloudCodeServer;
let ag: AgProcess;

beforeAll(async () => {
  upstream = await startCloudCode();
  ag = await startAgProcess(upstream);
});
afterAll(async () => {
  await ag?.stop();
  await upstream?.stop();
});

test("a request that has just ended is explained, listed and counted by the commands given next", async () => {
  const run = async (...words: string[]) => {
    const body = JSON.stringify(chatClient.request("hidden", {}));
    const reply = await fetch(ag.url + chatClient.path, { method: "POST", body });
    await reply.text();
    const { stdout } = await runAg(ag.home, [...words, "--json"], { env: { AG_HOME: ag.home } });
    return { id: reply.headers.get("x-ag-request-id"), told: JSON.parse(stdout) };
  };
  const why = await run("why");
  expect(why.told).toMatchObject({ id: why.id, sentence: expect.stringContaining("Answered by") });
  const logs = await run("logs");
  expect(logs.told.at(-1)).toMatchObject({ id: logs.id });
  expect((await run("usage")).told.total).toMatchObject({ requests: 3, failed: 0 });
});

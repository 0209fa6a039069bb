/**
 * Prints the CPU time that the built binary spends on one request, over a local upstream that answers from ready bytes:
 *   bun scripts/measure-requests.ts [BINARY]
 * Linux only: the time is read from /proc. Meant for an idle machine; nothing is asserted.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { DEFAULT_ACCOUNT, startCloudCode } from "../tests/support/cloudcode/index.ts";
import { gatewayEnvironment } from "../tests/support/gateway.ts";
import { startServer } from "./lib/served-binary.ts";

interface Scenario {
  name: string;
  events: number;
  requests: number;
  path: string;
  body: object;
}

const MODEL = "claude-sonnet-4-6";
const CONCURRENCY = 8;
/** What the kernel counts CPU time in: USER_HZ, 100 a second on every Linux that Bun runs on. */
const TICK_MS = 10;

const hello = { model: MODEL, max_tokens: 1000, messages: [{ role: "user", content: "hi" }] };
const scenarios: Scenario[] = [
  { name: "messages, small whole", events: 1, requests: 8000, path: "/v1/messages", body: hello },
  { name: "chat, small whole", events: 1, requests: 8000, path: "/v1/chat/completions", body: hello },
  { name: "messages, 200 events", events: 200, requests: 3000, path: "/v1/messages", body: { ...hello, stream: true } },
  {
    name: "chat, 200 events",
    events: 200,
    requests: 3000,
    path: "/v1/chat/completions",
    body: { ...hello, stream: true },
  },
  { name: "messages, 1 MB history", events: 1, requests: 500, path: "/v1/messages", body: longConversation(1_000_000) },
];

const dist = resolve(import.meta.dir, "../dist");
const binary = process.argv[2] ?? join(dist, readdirSync(dist).find((name) => name.startsWith("ag-")) ?? "ag");
for (const scenario of scenarios) console.log(await measure(scenario));

async function measure({ name, events, requests, path, body }: Scenario): Promise<string> {
  const upstream = await startCloudCode({ fast: { events, delivery: "at-once" } });
  const home = mkdtempSync(join(tmpdir(), "ag-measure-"));
  const env = gatewayEnvironment(upstream, home);
  const tokens = join(home, "tokens");
  writeFileSync(tokens, DEFAULT_ACCOUNT.refreshToken);
  Bun.spawnSync([binary, "accounts", "import", tokens], { env: { HOME: home, ...env } });
  const server = await startServer([binary, "serve"], home, { ...env, AG_LOG_LEVEL: "warn" });
  const text = JSON.stringify(body);
  const drive = async (count: number) => {
    let left = count;
    const one = async () => {
      while (left-- > 0) {
        const response = await fetch(`${server.url}${path}`, { method: "POST", body: text });
        const answer = await response.text();
        if (!response.ok) throw new Error(answer);
      }
    };
    await Promise.all(Array.from({ length: CONCURRENCY }, one));
  };
  try {
    await drive(Math.ceil(requests / 5));
    const before = cpuMs(server.pid);
    await drive(requests);
    const each = (cpuMs(server.pid) - before) / requests;
    return `${name.padEnd(24)} ${each.toFixed(3)} ms CPU per request (${requests} requests, ${CONCURRENCY} at a time)`;
  } finally {
    await server.stop();
    await upstream.stop();
    rmSync(home, { recursive: true, force: true });
  }
}

/** User and system time of all threads of the process. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function longConversation(bytes: number): object {
  const messages: object[] = [];
  for (let size = 0, turn = 0; size < bytes; size += 4500, turn++) {
    messages.push(
      { role: "user", content: "x y z ".repeat(300) },
      {
        role: "assistant",
        content: [
          { type: "text", text: "some answer ".repeat(120) },
          { type: "tool_use", id: `toolu_${turn}`, name: "Read", input: { file: "a.ts" } },
        ],
      },
      {
        role: "user",
        content: [{ type: "tool_result", tool_use_id: `toolu_${turn}`, content: "line of file ".repeat(100) }],
      },
    );
  }
  const schema = { type: "object", properties: { file: { type: "string" } }, required: ["file"] };
  const tools = [{ name: "Read", description: "Reads a file", input_schema: schema }];
  return { model: MODEL, max_tokens: 1000, stream: true, tools, messages };
}

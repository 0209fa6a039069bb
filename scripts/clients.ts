/**
 * Drives real command-line clients from the npm registry, headless, against the built binary over the strict server: each
 * with an empty environment and a fresh HOME. Run by hand: the clients take a gigabyte, and all of it takes minutes.
 * `bun scripts/clients.ts --help` tells the options.
 */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { PNG } from "../tests/e2e/support/media.ts";
import { requestOf } from "../tests/e2e/support/wire.ts";
import { type CloudCodeServer, DEFAULT_ACCOUNT, startCloudCode } from "../tests/support/cloudcode/index.ts";
import { CLAUDE, GEMINI_3 } from "../tests/support/cloudcode/samples.ts";
import { gatewayEnvironment } from "../tests/support/gateway.ts";
import { CLIENTS, type Place, type RealClient } from "./lib/clients/clients.ts";
import { findInstalled, install } from "./lib/clients/install.ts";
import { type ProgramEnd, runProgram } from "./lib/clients/run.ts";
import { isConversation, PICTURE, type Run, type Scenario, SCENARIOS } from "./lib/clients/scenarios.ts";
import { startServer } from "./lib/served-binary.ts";

const DEFAULT_DIRECTORY = join(tmpdir(), "ag-clients");
const RUN_LIMIT_MS = 60_000;
/** A client that asks more often than this in one run has lost its way. */
const LOOP_CALLS = 12;

const HELP = `Drives real command-line clients against the built gateway over the strict test server.

  bun scripts/clients.ts [options]

  --install DIR     where the clients are, and are installed by npm when missing (default: ${DEFAULT_DIRECTORY})
  --no-install      installs nothing: a missing client is skipped
  --only CLIENT     only clients with this in their name; may be given again
  --scenario NAME   only scenarios with this in their name; may be given again
  --model MODEL     instead of ${CLAUDE} and ${GEMINI_3}; may be given again
  --binary PATH     instead of a new build
  --keep            keeps the directories of failed runs, with what the client wrote and what upstream was sent

clients:    ${CLIENTS.map(({ name }) => name).join("\n            ")}
scenarios:  ${SCENARIOS.map(({ name }) => name).join(", ")}

One line for each client, model and scenario. "calls": requests that reached upstream, those for titles and the like after
the plus. Exit code 1: something failed. 2: wrong options.`;

const options = readOptions();
const binary = options.binary === undefined ? await build() : resolve(options.binary);
// A group of its own hears nothing of the terminal: it is killed when this process exits.
process.once("SIGINT", () => process.exit(130));
const counts = { ok: 0, failed: 0, skipped: 0 };
for (const client of CLIENTS.filter(({ name }) => isChosen(name, options.only))) await driveClient(client);
console.log(`\n${counts.ok} ok, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed > 0 ? 1 : 0);

async function driveClient(client: RealClient): Promise<void> {
  const directory = options.install;
  let installed = findInstalled(directory, client.package);
  const problem = installed || options["no-install"] ? "not installed" : install(directory, client.package);
  installed ??= findInstalled(directory, client.package);
  if (!installed) {
    counts.skipped++;
    console.log(`skipped  ${client.name}: ${problem ?? "npm has left no executable"}`);
    return;
  }
  console.log(`\n${client.name} (${client.package.name} ${installed.version})`);
  for (const model of options.model) {
    for (const scenario of SCENARIOS.filter(({ name }) => isChosen(name, options.scenario))) {
      const startedAt = performance.now();
      const { problem: failure, calls } = await drive(client, installed.executable, model, scenario);
      counts[failure === undefined ? "ok" : "failed"]++;
      const seconds = `${((performance.now() - startedAt) / 1000).toFixed(1)} s`;
      const facts = `${model.padEnd(26)} ${scenario.name.padEnd(18)} ${seconds.padStart(7)}  ${calls.padEnd(10)}`;
      console.log(`${failure === undefined ? "ok      " : "FAILED  "} ${facts} ${failure ?? ""}`.trimEnd());
    }
  }
}

interface Outcome {
  /** Absent: all went well. */
  problem?: string;
  calls: string;
}

async function drive(client: RealClient, executable: string, model: string, scenario: Scenario): Promise<Outcome> {
  const root = mkdtempSync(join(tmpdir(), "ag-client-"));
  const directories = { gateway: join(root, "gateway"), home: join(root, "home"), work: join(root, "project") };
  for (const directory of Object.values(directories)) mkdirSync(directory);
  writeFileSync(join(directories.work, PICTURE), Buffer.from(PNG, "base64"));

  const upstream = await startCloudCode();
  upstream.always("A title");
  const gateway = await startGateway(upstream, directories.gateway, client, model);
  let problem: string | undefined;
  try {
    const place = { url: gateway.url, model: client.asksFor ?? model, ...directories };
    client.configure?.(place);
    for (const [index, run] of scenario.runs(client, directories.work).entries()) {
      const askedBefore = conversation(upstream).length;
      const end = await driveRun(client, executable, place, run, upstream);
      for (const stream of ["stdout", "stderr"] as const)
        writeFileSync(join(root, `run-${index + 1}.${stream}`), end[stream]);
      problem = problemOf(end, run, upstream, askedBefore);
      if (problem !== undefined) break;
    }
    const asked = conversation(upstream);
    const aside = upstream.calls().length - asked.length;
    const [last] = asked.slice(-1);
    problem ??= last ? scenario.judge(last, upstream) : "upstream was not asked";
    if (aside > client.sideCalls) problem ??= `${aside} requests on the side instead of ${client.sideCalls}`;
    return { calls: `${asked.length}+${aside} calls`, ...(problem !== undefined && { problem }) };
  } finally {
    await gateway.stop();
    await upstream.stop();
    writeFileSync(join(root, "upstream.json"), JSON.stringify(upstream.calls().map(requestOf), null, 2));
    if (problem !== undefined && options.keep) console.log(`         kept: ${root}`);
    else rmSync(root, { recursive: true, force: true });
  }
}

/** One run of the program, with its answers ready. */
async function driveRun(
  client: RealClient,
  executable: string,
  place: Place,
  { saying, answers }: Run,
  upstream: CloudCodeServer,
): Promise<ProgramEnd> {
  const loop = new AbortController();
  let calls = 0;
  upstream.script(answers, { where: ({ body }) => isConversation(body.request ?? {}) });
  upstream.always("A title", {
    where() {
      if (++calls > LOOP_CALLS) loop.abort();
      return true;
    },
  });
  const { words, env, input } = client.invoke(saying, place);
  return runProgram({
    command: [executable, ...words],
    env: { PATH: searchPath(), HOME: place.home, TERM: "dumb", LANG: "C.UTF-8", ...env },
    directory: place.work,
    timeLimitMs: RUN_LIMIT_MS,
    signal: loop.signal,
    ...(input !== undefined && { input }),
  });
}

/** `askedBefore`: requests of the conversation in earlier runs. */
function problemOf(end: ProgramEnd, { word, answers }: Run, upstream: CloudCodeServer, askedBefore: number) {
  const problems: string[] = [];
  if (end.ended === "by the signal") problems.push("asks without end");
  if (end.ended === "by the time limit") problems.push(`not done after ${RUN_LIMIT_MS / 1000} s`);
  const refusals = upstream.refusals().map(({ rule, message }) => `upstream refused: ${rule}, ${message}`);
  problems.push(...new Set(refusals));
  const asked = conversation(upstream).length - askedBefore;
  if (asked !== answers.length) problems.push(`${asked} requests instead of ${answers.length}`);
  if (end.ended === "by itself" && end.exitCode !== 0) problems.push(`exit code ${end.exitCode}`);
  if (!end.stdout.includes(word)) problems.push(`${word} was not printed but ${lastWords(end)}`);
  return problems.length > 0 ? problems.join("; ") : undefined;
}

function lastWords({ stdout, stderr }: ProgramEnd): string {
  const written = `${stdout}\n${stderr}`.trim().replaceAll(/\s+/g, " ");
  return JSON.stringify(Bun.stripANSI(written).slice(-300));
}

function conversation(upstream: CloudCodeServer) {
  return upstream.calls().map(requestOf).filter(isConversation);
}

async function startGateway(upstream: CloudCodeServer, home: string, { asksFor }: RealClient, model: string) {
  const env = gatewayEnvironment(upstream, home);
  const aliases = asksFor === undefined ? {} : { [asksFor]: model };
  writeFileSync(join(home, "config.jsonc"), JSON.stringify({ models: { aliases } }));
  const tokens = join(home, "tokens");
  writeFileSync(tokens, DEFAULT_ACCOUNT.refreshToken);
  const added = Bun.spawnSync([binary, "accounts", "import", tokens], { env: { HOME: home, ...env } });
  if (added.exitCode !== 0) throw new Error(`ag accounts import: ${added.stderr.toString()}`);
  return startServer([binary, "serve"], home, env);
}

/** Where programs and the interpreter of those that need one are found. */
function searchPath(): string {
  const tools = ["node", "bash", "env"].flatMap((tool) => Bun.which(tool) ?? []);
  return [...new Set(tools.map((tool) => dirname(tool)))].join(":");
}

async function build(): Promise<string> {
  const outdir = mkdtempSync(join(tmpdir(), "ag-clients-binary-"));
  process.on("exit", () => rmSync(outdir, { recursive: true, force: true }));
  const command = [process.execPath, join(import.meta.dir, "build.ts"), "--outdir", outdir];
  const { exitCode } = Bun.spawnSync(command, { stdio: ["ignore", "inherit", "inherit"] });
  const name = readdirSync(outdir).find((file) => file.startsWith("ag-"));
  if (exitCode === 0 && name !== undefined) return join(outdir, name);
  console.error("The gateway could not be built");
  process.exit(1);
}

function readOptions() {
  const wrong = (message: string): never => {
    console.error(`${message}\n\n${HELP}`);
    process.exit(2);
  };
  try {
    const { values } = parseArgs({
      options: {
        install: { type: "string", default: DEFAULT_DIRECTORY },
        "no-install": { type: "boolean", default: false },
        only: { type: "string", multiple: true, default: [] },
        scenario: { type: "string", multiple: true, default: [] },
        model: { type: "string", multiple: true, default: [CLAUDE, GEMINI_3] },
        binary: { type: "string" },
        keep: { type: "boolean", default: false },
        help: { type: "boolean", default: false },
      },
    });
    if (values.help) {
      console.log(HELP);
      process.exit(0);
    }
    for (const part of values.only) if (!CLIENTS.some(({ name }) => name.includes(part))) wrong(`No client ${part}`);
    for (const part of values.scenario)
      if (!SCENARIOS.some(({ name }) => name.includes(part))) wrong(`No scenario ${part}`);
    return values;
  } catch (cause) {
    return wrong(cause instanceof Error ? cause.message : String(cause));
  }
}

function isChosen(name: string, parts: readonly string[]): boolean {
  return parts.length === 0 || parts.some((part) => name.includes(part));
}

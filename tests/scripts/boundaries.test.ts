import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const ROOT = resolve(import.meta.dir, "../..");

/** One import in each file; the rule that must refuse it, or none where it is allowed. */
const PLANTED: [file: string, imported: string, rule: string | undefined][] = [
  ["lib/sees-core", "../core/plain.ts", "lib"],
  ["core/sees-gateway", "../gateway/plain.ts", "core"],
  ["core/sees-platform", "node:fs", "pure"],
  ["core/sees-bun", "bun", "pure"],
  ["protocols/anthropic/sees-sibling", "../openai-chat/plain.ts", "island"],
  ["protocols/anthropic/sees-itself", "./plain.ts", undefined],
  ["protocols/anthropic/sees-wire", "../../gemini-wire/plain.ts", "island"],
  ["protocols/anthropic/sees-crypto", "node:crypto", "pure"],
  ["gemini-wire/sees-models", "../models/plain.ts", "island"],
  ["models/sees-config", "../config/plain.ts", "island"],
  ["accounts/sees-store", "../store/plain.ts", "island"],
  ["accounts/sees-files", "node:fs", "builtins"],
  ["accounts/sees-limits", "../limits/plain.ts", "island"],
  ["limits/sees-accounts", "../accounts/plain.ts", "island"],
  ["limits/sees-files", "node:fs", "builtins"],
  ["auth/sees-accounts", "../accounts/plain.ts", "island"],
  ["media/sees-config", "../config/plain.ts", "island"],
  ["media/sees-http", "node:http", "builtins"],
  ["store/sees-sqlite", "bun:sqlite", undefined],
  ["http/sees-sqlite", "bun:sqlite", "sqlite-in-store"],
  ["upstreams/demo/sees-sibling", "../cloudcode/plain.ts", "upstream"],
  ["upstreams/demo/sees-wire", "../../gemini-wire/plain.ts", undefined],
  ["upstreams/demo/sees-shared", "../shared/plain.ts", undefined],
  ["upstreams/shared/sees-an-upstream", "../demo/plain.ts", "upstream"],
  ["models/sees-shared", "../upstreams/shared/plain.ts", "island"],
  ["upstreams/demo/sees-shared", "../shared/plain.ts", undefined],
  ["upstreams/shared/sees-sibling", "../demo/plain.ts", "upstream"],
  ["gateway/sees-shared", "../upstreams/shared/plain.ts", "gateway"],
  ["gateway/sees-upstream", "../upstreams/demo/plain.ts", "gateway"],
  ["gateway/sees-elysia", "elysia", "elysia-in-http"],
  ["gateway/sees-consola", "consola", "consola-at-the-edge"],
  ["http/sees-elysia", "elysia", undefined],
  ["http/sees-stream", "@elysiajs/stream", "stream-plugin-for-the-dashboard"],
  ["http/sees-protocol", "../protocols/anthropic/plain.ts", "http"],
  ["http/sees-a-test-library", "fast-check", "no-unlisted-packages"],
  ["config/sees-citty", "citty", "citty-in-cli"],
  ["cli/sees-store", "../store/plain.ts", "cli"],
  ["cli/sees-credentials", "../accounts/plain.ts", "cli"],
  ["cli/sees-import-formats", "../accounts/import/plain.ts", undefined],
  ["cli/sees-limits", "../limits/plain.ts", "cli"],
  ["cli/sees-limits-text", "../limits/text.ts", undefined],
  ["cli/sees-clack", "@clack/prompts", undefined],
  ["http/sees-clack", "@clack/prompts", "clack-in-cli"],
  ["cli/sees-part-of-compose", "../compose/plain.ts", "compose-has-one-door"],
  ["compose/sees-cli", "../cli/plain.ts", "compose"],
  ["compose/sees-consola", "consola", undefined],
  ["compose/sees-store", "../store/plain.ts", undefined],
  ["limits/text", "../lib/plain.ts", undefined],
  ["accounts/import/plain", "../../lib/plain.ts", undefined],
  ["cli/sees-compose", "../compose.ts", undefined],
  ["cli/sees-nothing", "./missing.ts", "no-unresolved"],
  ["compose", "./cli/plain.ts", "compose"],
  ["http/sees-compose", "../compose.ts", "compose-is-the-top"],
];

let tree: string;
let found: string[];

describe("an import against the architecture is found", () => {
  beforeAll(() => {
    tree = plantTree();
    found = check(tree).output.split("\n");
  });
  afterAll(() => rmSync(tree, { recursive: true, force: true }));

  for (const [file, imported, rule] of PLANTED) {
    test(`${file} → ${imported}: ${rule ?? "allowed"}`, () => {
      const rules = found.filter((line) => line.includes(`: src/${file}.ts → `)).map((line) => line.split(":", 1)[0]);
      if (rule === undefined) expect(rules).toEqual([]);
      else expect(rules).toContain(rule);
    });
  }

  test("a type-only import counts", () =>
    expect(found.some((line) => line.startsWith("core: src/core/type-only.ts"))).toBe(true));

  test("a cycle is found", () =>
    expect(found.some((line) => line.startsWith("no-cycles: src/lib/circle-"))).toBe(true));
});

test("a tree in which no module is seen fails instead of passing for clean", () => {
  const empty = mkdtempSync(join(tmpdir(), "ag-empty-"));
  try {
    mkdirSync(join(empty, "src"));
    expect(check(empty)).toMatchObject({ exitCode: 1, output: expect.stringContaining("No module was seen") });
  } finally {
    rmSync(empty, { recursive: true, force: true });
  }
});

function plantTree(): string {
  const directory = mkdtempSync(join(tmpdir(), "ag-boundaries-"));
  const write = (name: string, text: string) => {
    const path = join(directory, "src", `${name}.ts`);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  };
  const folders = new Set(PLANTED.map(([file]) => dirname(file)).filter((folder) => folder !== "."));
  for (const folder of [...folders, "protocols/openai-chat", "upstreams/cloudcode"]) {
    write(join(folder, "plain"), "export const plain = 1;\nexport type Plain = number;\n");
  }
  for (const [file, imported] of PLANTED) write(file, `import "${imported}";\nexport const planted = 1;\n`);
  write("core/type-only", 'import type { Plain } from "../gateway/plain.ts";\nexport type T = Plain;\n');
  write("lib/circle-a", 'import "./circle-b.ts";\n');
  write("lib/circle-b", 'import "./circle-a.ts";\n');
  writeFileSync(
    join(directory, "package.json"),
    JSON.stringify({ dependencies: { "@clack/prompts": "*", elysia: "*", consola: "*", citty: "*" } }),
  );
  symlinkSync(join(ROOT, "node_modules"), join(directory, "node_modules"));
  return directory;
}

function check(directory: string): { exitCode: number; output: string } {
  const { exitCode, stdout, stderr } = Bun.spawnSync([
    process.execPath,
    join(ROOT, "scripts/boundaries.ts"),
    directory,
  ]);
  return { exitCode, output: `${stderr.toString()}${stdout.toString()}` };
}

import { beforeAll, describe, expect, test } from "bun:test";
import { dayOf } from "../../src/cli/commands/usage.ts";
import { failed, record } from "../explain/support.ts";
import { homeWith, homeWithRecords, runIn } from "./records-support.ts";

const DAY_MS = 86_400_000;
const { at } = record();
const key = { digest: "", hint: "sk-ag-test…", scopes: ["inference"], models: [], createdAt: 1 } as const;

let home = "";
let empty = "";
beforeAll(async () => {
  home = await homeWith(async ({ accounts, keys, records }) => {
    const kept = { kind: "antigravity", secret: "1//test-1", email: "owner@example.com", label: "work" } as const;
    await accounts.add([kept], 1, { again: false });
    await keys.create({ ...key, digest: "1", name: "laptop" });
    await keys.create({ ...key, digest: "2", name: "old" });
    await keys.revoke("k2", 2);
    records.append(record({ id: "req_1", key: "k1" }));
    records.append(record({ id: "req_2", key: "k2", at: at - DAY_MS, account: "a7" }));
    records.append(failed({ id: "req_3", key: "env", served: "gemini-test" }));
  });
  empty = await homeWithRecords();
});

const table = async (...words: string[]) => (await runIn(home, ["usage", ...words])).stdout;

describe.concurrent("ag usage", () => {
  test("sums up by day, with the cached share and a total", async () => {
    expect(await table()).toBe(`DAY         REQUESTS  FAILED   INPUT  CACHED  SHARE  OUTPUT  THINKING
2026-08-19         1          12,000   9,000   75 %     340       120
2026-08-20         2       1  12,000   9,000   75 %     340       120
total              3       1  24,000  18,000   75 %     680       240
`);
  });

  test("names accounts by handle and label, never by e-mail, and removed ones as such", async () => {
    const text = await table("--by", "account");
    expect(text).toMatch(/^a1 +work +2 /m);
    expect(text).toMatch(/^a7 +removed +1 /m);
    expect(text).not.toContain("owner@example.com");
  });

  test("names keys by handle and name, and those that are no stored keys by what they are", async () => {
    const text = await table("--by=key");
    expect(text).toMatch(/^k1 +laptop +1 /m);
    expect(text).toMatch(/^k2 +old, revoked +1 /m);
    expect(text).toMatch(/^env +AG_API_KEY +1 /m);
  });

  test("--json has the groups, what they are called, and the total; --since leaves out what was before", async () => {
    const { code, stdout, stderr } = await runIn(home, ["usage", "--by", "key", "--since", "2026-08-20", "--json"]);
    expect([code, stderr]).toEqual([0, ""]);
    const tokens = { input: 12_000, cachedInput: 9_000, output: 340, thinking: 120 };
    const nothing = { input: 0, cachedInput: 0, output: 0, thinking: 0 };
    expect(JSON.parse(stdout)).toEqual({
      by: "key",
      since: "2026-08-20",
      groups: [
        { group: "k1", name: "laptop", requests: 1, failed: 0, ...tokens },
        { group: "env", name: "AG_API_KEY", requests: 1, failed: 1, ...nothing },
      ],
      total: { requests: 2, failed: 1, ...tokens },
    });
  });

  test("has no total over one line", async () => {
    expect(await table("--since", "2026-08-20")).not.toContain("total");
  });

  test("says that there is nothing, of all time or of the time that was asked for", async () => {
    const never = await runIn(empty, ["usage"]);
    expect([never.code, never.stdout]).toEqual([0, ""]);
    expect(never.stderr).toContain("ag serve --demo keeps none on disk");
    expect((await runIn(home, ["usage", "--since", "2026-09-01"])).stderr).toContain("since 2026-09-01");
  });

  test("an odd group or time is wrong usage", async () => {
    expect((await runIn(home, ["usage", "--by", "week"])).code).toBe(2);
    expect((await runIn(home, ["usage", "--since", "soon"])).stderr).toContain("--since must be");
  });
});

describe("--since", () => {
  const now = Date.UTC(2026, 7, 20, 11);
  const rows: [written: string, day: string][] = [
    ["7d", "2026-08-13"],
    ["24h", "2026-08-19"],
    ["10h", "2026-08-20"],
    ["12h", "2026-08-19"],
    ["2 weeks", ""],
    ["2026-01-31", "2026-01-31"],
    ["2026-02-30", ""],
    ["7", ""],
    ["99999999d", "1970-01-01"],
  ];
  for (const [written, day] of rows) {
    test(day === "" ? `${written} is wrong usage` : `${written} begins on ${day}`, () => {
      if (day === "") expect(() => dayOf(written, now)).toThrow("--since must be");
      else expect(dayOf(written, now)).toBe(day);
    });
  }
});

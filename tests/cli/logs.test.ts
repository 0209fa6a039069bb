import { beforeAll, describe, expect, test } from "bun:test";
import { follow } from "../../src/cli/records/follow.ts";
import { recentRecords } from "../../src/cli/records/recent.ts";
import type { RequestRecord } from "../../src/core/record.ts";
import type { RecordQuery, StoredRecord } from "../../src/core/store.ts";
import { attempt, failed, record } from "../explain/support.ts";
import { fakeClock, settle } from "../support/clock.ts";
import { fillHome, homeWithRecords, runIn, modelsListed } from "./records-support.ts";
import { readUntil, spawnAg } from "./support.ts";

/** Not today: rows say of which day they are. */
const LONG_AGO = Date.UTC(2020, 7, 20, 11, 39, 5);

const ping = modelsListed(LONG_AGO);
const plain = record({ id: "req_plain", at: LONG_AGO });
const broken = failed({
  id: "req_broken",
  at: LONG_AGO,
  totalMs: 1_600,
  model: "opus",
  waitedMs: 500,
  attempts: [attempt(), attempt()],
});
const left = failed({ id: "req_left", at: LONG_AGO, status: 0, outcome: "client-closed", totalMs: 3_000 });
const noPath = { ...ping, id: "req_no-path", route: "GET /v2/models", status: 404, outcome: "unknown-route" } as const;

let home = "";
let empty = "";
beforeAll(async () => {
  home = await homeWithRecords(plain, broken, ping, left, noPath);
  empty = await homeWithRecords();
});

describe.concurrent("ag logs", () => {
  test("shows requests for models, and failures, the newest last", async () => {
    const { code, stdout, stderr } = await runIn(home, ["logs"], { COLUMNS: "200" });
    expect([code, stderr]).toEqual([0, ""]);
    expect(stdout.replaceAll(/^20 Aug /gm, "")).toBe(
      `
TIME             STATUS  OUTCOME        PROTOCOL   MODEL              ASKED AS  ON  TRIES  WAITED   FIRST   TOOK   IN  CACHED  OUT  ID
13:39:05  200     ok             anthropic  claude-sonnet-4-6  sonnet    a1      1          900 ms  3.4 s  12k    75 %  340  req_plain
13:39:05  502     unavailable    anthropic  claude-sonnet-4-6  opus      a1      2  500 ms          1.6 s                    req_broken
13:39:05  left    client-closed  anthropic  claude-sonnet-4-6  sonnet    a1      1                    3 s                    req_left
13:39:05  404     unknown-route             GET /v2/models                                           2 ms                    req_no-path
`.trimStart(),
    );
  });

  test("goes without columns where there is no room, never without what happened and the id", async () => {
    const long = record({ id: `req_${"x".repeat(24)}`, served: "claude-opus-4-6-thinking" });
    const { stdout } = await runIn(await homeWithRecords({ ...long, at: Date.now() }), ["logs"]);
    const [head = "", line = ""] = stdout.split("\n");
    expect(head.split(/ +/)).toEqual(["TIME", "STATUS", "MODEL", "TOOK", "ID"]);
    expect(line).toMatch(/^\d\d:\d\d:\d\d {2}200 {5}claude-opus-4-6-thinking {2}3\.4 s {2}req_x{24}$/);
    expect(line.length).toBeLessThanOrEqual(80);
  });

  const rows: [words: string[], ids: string[]][] = [
    [["--failed"], ["req_broken", "req_no-path"]],
    [
      ["-n", "2"],
      ["req_left", "req_no-path"],
    ],
    [["--number=1", "--failed"], ["req_no-path"]],
    [
      ["--all", "-n", "3"],
      ["req_ping", "req_left", "req_no-path"],
    ],
  ];
  for (const [words, ids] of rows) {
    test(`${words.join(" ")} shows ${ids.join(", ")}`, async () => {
      const { stdout } = await runIn(home, ["logs", "--json", ...words]);
      expect((JSON.parse(stdout) as RequestRecord[]).map(({ id }) => id)).toEqual(ids);
    });
  }

  test("--json is the records as they are stored", async () => {
    expect(JSON.parse((await runIn(home, ["logs", "--json", "--all"])).stdout)).toEqual([
      plain,
      broken,
      ping,
      left,
      noPath,
    ]);
  });

  test("without any record says who writes them, and --json is an empty list", async () => {
    const { code, stdout, stderr } = await runIn(empty, ["logs"]);
    expect([code, stdout, stderr]).toEqual([0, "", expect.stringContaining("ag serve --demo keeps none") as string]);
    expect((await runIn(empty, ["logs", "--json"])).stdout).toBe("[]\n");
  });

  for (const written of ["0", "x"]) {
    test(`-n ${written} is wrong usage`, async () => {
      const { code } = await runIn(home, ["logs", `--number=${written}`]);
      expect(code).toBe(2);
    });
  }

  test("-f --json writes what is there, then what comes, one a line, until Ctrl-C, and exits with 130", async () => {
    const own = await homeWithRecords(plain);
    const child = spawnAg(own, ["logs", "-f", "--json"], { AG_HOME: own });
    expect(JSON.parse(await readUntil(child.stdout, /\n/))).toEqual(plain);
    await fillHome(own, ({ records }) => [ping, broken].forEach((each) => records.append(each)));
    expect(JSON.parse(await readUntil(child.stdout, /\n/))).toEqual(broken);
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
  });

  for (const selection of [[], ["--all"], ["--failed"]]) {
    test(`-f -n 0 ${selection.join("")} shows only what comes`, async () => {
      const own = await homeWithRecords(noPath);
      const child = spawnAg(own, ["logs", "-f", "-n", "0", ...selection], { AG_HOME: own });
      expect(await readUntil(child.stdout, /\n/)).not.toContain("req_");
      await fillHome(own, ({ records }) => records.append(broken));
      expect(await readUntil(child.stdout, /\n/)).toMatch(/^[^\n]*req_broken\n$/);
      child.kill("SIGINT");
      expect(await child.exited).toBe(130);
    });
  }

  test("-f writes rows whose columns stay where they are", async () => {
    const own = await homeWithRecords();
    const child = spawnAg(own, ["logs", "-f"], { AG_HOME: own });
    const head = await readUntil(child.stdout, /\n/);
    await fillHome(own, ({ records }) => records.append({ ...broken, at: Date.now() }));
    const row = await readUntil(child.stdout, /\n/);
    expect(row.indexOf("req_broken")).toBe(head.indexOf("ID"));
    child.kill("SIGINT");
    expect(await child.exited).toBe(130);
  });
});

/** Records with places, as a store gives them out. */
function storeOf(stored: StoredRecord[]) {
  const asked: RecordQuery[] = [];
  return {
    asked,
    async list(query: RecordQuery): Promise<StoredRecord[]> {
      asked.push(query);
      const { limit, after } = query;
      return after === undefined
        ? stored.toReversed().slice(0, limit)
        : stored.filter(({ place }) => place > after).slice(0, limit);
    },
  };
}

describe("the latest requests", () => {
  test("are looked for further back while pings are in the way", async () => {
    const stored = Array.from({ length: 5_000 }, (_, index) => ({
      place: index + 1,
      record: index < 3 ? plain : ping,
    }));
    const { records, place } = await recentRecords(storeOf(stored), { count: 2 });
    expect([records, place]).toEqual([[plain, plain], 5_000]);
  });

  test("are those there are, when there are not enough", async () => {
    const store = storeOf([{ place: 7, record: plain }]);
    expect(await recentRecords(store, { count: 20 })).toEqual({ records: [plain], place: 7 });
    expect(store.asked).toHaveLength(1);
  });
});

describe("following", () => {
  function scene(stored: StoredRecord[]) {
    const clock = fakeClock();
    const stop = new AbortController();
    const store = storeOf(stored);
    const shown: string[] = [];
    const failures: unknown[] = [];
    const events: string[] = [];
    const deps = {
      clock,
      async open() {
        events.push("open");
        return { records: store, close: async () => void events.push("close") };
      },
      show: async ({ id }: RequestRecord) => shown.push(id) > 0,
      onFailure: async (cause: unknown) => void failures.push(cause),
    };
    const options = { place: 0, failedOnly: false, all: false };
    return { clock, stop, store, stored, shown, failures, events, deps, options };
  }

  test("shows each record once, in order, however many came since the last look", async () => {
    const { clock, stop, stored, shown, events, deps, options } = scene([]);
    const done = follow(deps, options, stop.signal);
    await settle();
    for (let place = 1; place <= 450; place++) stored.push({ place, record: { ...plain, id: String(place) } });
    await clock.advance(500);
    expect(shown).toEqual(Array.from({ length: 450 }, (_, index) => String(index + 1)));
    await clock.advance(5_000);
    expect(shown).toHaveLength(450);
    stop.abort();
    await done;
    expect(events).toEqual(["open", "close"]);
  });

  test("a locked data file is told of once, and opened anew until it can be read", async () => {
    const { clock, stop, store, stored, shown, failures, events, deps, options } = scene([]);
    const list = store.list;
    const done = follow(deps, options, stop.signal);
    await settle();
    const locked = new Error("locked");
    store.list = () => Promise.reject(locked);
    await clock.advance(2_000);
    expect(failures).toEqual([locked]);
    store.list = list;
    stored.push({ place: 1, record: plain });
    await clock.advance(500);
    expect(shown).toEqual(["req_plain"]);
    stop.abort();
    await done;
    expect(events.filter((event) => event === "open").length).toBe(events.filter((event) => event === "close").length);
  });

  test("ends when nobody reads any more", async () => {
    const { stop, deps, options, events } = scene([{ place: 1, record: plain }]);
    await follow({ ...deps, show: async () => false }, options, stop.signal);
    expect(events).toEqual(["open", "close"]);
  });
});

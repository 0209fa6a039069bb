import { describe, expect, test } from "bun:test";
import { faultTeller } from "../../src/cli/serve/faults.ts";
import { fetchLimitOf, fetchLimitWarning } from "../../src/cli/serve/fetch-limit.ts";
import { fitOpenFiles, openFilesLimit, requestsThatFit } from "../../src/cli/serve/open-files.ts";
import { ignoresHangUp } from "../../src/cli/serve/stop.ts";
import { loadConfig } from "../../src/config/load.ts";

describe("failures in the background", () => {
  function setup() {
    const told: string[] = [];
    const clock = { now: 0 };
    const tell = faultTeller(
      (message, thrown) => told.push(`${message} ${thrown instanceof Error ? thrown.message : String(thrown)}`),
      () => clock.now,
    );
    return { told, clock, tell };
  }

  test("are told of at once, each of them", () => {
    const { told, tell } = setup();
    tell(new Error("one"));
    tell(new TypeError("two"));
    tell("three");
    tell(undefined);
    expect(told.map((line) => line.split(": ")[1])).toEqual(["one", "two", "three", "undefined"]);
  });

  test("that keep coming are told of once a minute, with how many there were", () => {
    const { told, clock, tell } = setup();
    const fail = (number: number) => tell(new Error(`number ${number}`));
    for (let number = 1; number <= 1_000; number++) fail(number);
    expect(told.length).toBe(1);
    clock.now = 60_000;
    fail(1_001);
    fail(1_002);
    expect(told.slice(1)).toEqual([expect.stringContaining("(999 more times since it was last told): number 1001")]);
  });

  test("cannot do harm by how they are written down", () => {
    const tell = faultTeller(
      () => {
        throw new Error("no log");
      },
      () => 0,
    );
    tell(new Error("one"));
    tell({
      toString() {
        throw new Error("no text");
      },
    });
    tell(Object.create(null));
  });
});

describe("the limit of fetches", () => {
  const rows: [written: string | undefined, limit: number | undefined][] = [
    [undefined, undefined],
    ["", undefined],
    ["0", undefined],
    ["256", 256],
    ["16384", 16384],
    ["65535", 65535],
    ["65536", undefined],
    ["1000000", undefined],
    ["many", undefined],
    ["-1", undefined],
    ["12.5", undefined],
  ];
  for (const [written, limit] of rows) {
    test(`BUN_CONFIG_MAX_HTTP_REQUESTS=${written} ${limit === undefined ? "says nothing" : `is ${limit}`}`, () => {
      expect(fetchLimitOf({ BUN_CONFIG_MAX_HTTP_REQUESTS: written })).toBe(limit);
    });
  }

  test("is warned of when it is smaller than what the configuration allows, with the remedy that fits", () => {
    expect(fetchLimitWarning(2000, { BUN_CONFIG_MAX_HTTP_REQUESTS: "16384" })).toBeUndefined();
    expect(fetchLimitWarning(256, {})).toBeUndefined();
    expect(fetchLimitWarning(257, {})).toContain("Start ag with BUN_CONFIG_MAX_HTTP_REQUESTS=16384");
    expect(fetchLimitWarning(2000, { BUN_CONFIG_MAX_HTTP_REQUESTS: "300" })).toContain("Unset it");
  });
});

describe("files and sockets", () => {
  const config = loadConfig({ env: { AG_HOME: "/nowhere" }, oauthClient: undefined });

  test("a process knows how many it may hold", () => {
    expect(openFilesLimit()).toBeGreaterThan(0);
  });

  test("enough of them change nothing", () => {
    expect(fitOpenFiles(config, 4096)).toEqual({ config });
    expect(fitOpenFiles(config, undefined)).toEqual({ config: expect.anything() });
  });

  test("too few lower the number of requests at a time, and the warning says how to have more", () => {
    const { config: fitted, warning } = fitOpenFiles(config, 1024);
    expect(fitted).toEqual({ ...config, server: { ...config.server, maxConcurrent: 464 } });
    expect(warning).toContain("1024 files and sockets, enough for 464 requests at a time and not for the 2000");
    expect(warning).toContain("LimitNOFILE=");
    expect(requestsThatFit(Number(/ulimit -n (\d+)/.exec(warning ?? "")?.[1]))).toBe(2000);
  });

  test("however few there are, one request fits", () => {
    expect(fitOpenFiles(config, 20).config.server.maxConcurrent).toBe(1);
  });
});

describe("a process that was started to outlive its terminal", () => {
  const rows: [status: string, expected: boolean][] = [
    ["Name:\tag\nSigBlk:\t0000000000000000\nSigIgn:\t0000000001001001\nSigCgt:\t00000001600004f8\n", true],
    ["SigIgn:\t0000000001001000\nSigCgt:\t00000001600004f9\n", false],
    ["SigIgn:\t0000000000000000\n", false],
    ["", false],
  ];
  for (const [status, expected] of rows) {
    test(`${JSON.stringify(status)}: ${expected}`, () => expect(ignoresHangUp(status)).toBe(expected));
  }
});

import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { EXIT } from "../../src/cli/failure.ts";
import { loadConfig } from "../../src/config/load.ts";

const DEPLOY = resolve(import.meta.dir, "../../deploy");
const UNITS = ["ag.service", "ag-system.service"] as const;
const ANALYZE = Bun.which("systemd-analyze");

/** Beyond the time that requests have: those that are ended say so, and what is buffered is written. */
const CLOSING_MS = 5_000;

for (const name of UNITS) {
  describe(name, () => {
    test("starts the gateway and leaves the restarting to systemd's own counts", async () => {
      const { service, unit } = await readUnit(name);
      expect(service("ExecStart")).toEndWith("/bin/ag serve");
      // Nothing of ag's speaks to systemd: these would wait for a word that never comes.
      expect(["simple", "exec"]).toContain(service("Type"));
      expect(service("WatchdogSec")).toBe("");
      expect(service("Restart")).toBe("on-failure");
      const [attempts, intervalMs] = [Number(unit("StartLimitBurst")), Number(unit("StartLimitIntervalSec")) * 1000];
      // Else what fails at once is started over for ever.
      expect(attempts * Number(service("RestartSec")) * 1000).toBeLessThan(intervalMs);
    });

    test("is not started over when that cannot help, nor after a stop", async () => {
      const { service } = await readUnit(name);
      const codes = (directive: string) => service(directive).split(" ").map(Number);
      expect(codes("RestartPreventExitStatus")).toEqual([EXIT.usage, EXIT.nothingUsable]);
      expect(codes("SuccessExitStatus")).toEqual([1, 2, 15].map((signal) => 128 + signal));
    });

    test("gives running requests the time that they have by default", async () => {
      const { service } = await readUnit(name);
      const { drainMs } = loadConfig({ env: { AG_HOME: "/nowhere" }, oauthClient: undefined }).timeouts;
      expect(Number(service("TimeoutStopSec")) * 1000).toBeGreaterThanOrEqual(drainMs + CLOSING_MS);
    });

    test("lets nothing of its surroundings into the runtime, and keeps its files to itself", async () => {
      const { service } = await readUnit(name);
      expect(service("UnsetEnvironment").split(" ")).toContain("BUN_OPTIONS");
      expect(service("EnvironmentFile")).toStartWith("-");
      expect([service("UMask"), service("NoNewPrivileges")]).toEqual(["0077", "yes"]);
      // The runtime compiles while it runs.
      expect(["", "no"]).toContain(service("MemoryDenyWriteExecute"));
    });

    test("has files for as many requests as may run by default", async () => {
      const { service } = await readUnit(name);
      const { maxConcurrent } = loadConfig({ env: { AG_HOME: "/nowhere" }, oauthClient: undefined }).server;
      expect(Number(service("LimitNOFILE"))).toBeGreaterThan(2 * maxConcurrent);
    });

    test.skipIf(ANALYZE === null)("is understood by systemd to the last directive", async () => {
      // What the unit starts, and as whom, need not be on this machine.
      const text = (await unitText(name))
        .replace(/^(?:ExecStart=).*$/m, "ExecStart=/bin/true")
        .replace(/^(?:User|Group)=.*$/gm, "");
      const folder = mkdtempSync(join(tmpdir(), "ag-unit-"));
      try {
        writeFileSync(join(folder, name), text);
        const manager = name === "ag.service" ? ["--user"] : [];
        const { stderr } = Bun.spawnSync([ANALYZE ?? "", ...manager, "verify", join(folder, name)], {
          env: { PATH: process.env.PATH, HOME: folder, XDG_RUNTIME_DIR: folder },
        });
        // It reads the machine's own units too, and may have something to say about them.
        expect(
          stderr
            .toString()
            .split("\n")
            .filter((line) => line.includes(name)),
        ).toEqual([]);
      } finally {
        rmSync(folder, { recursive: true, force: true });
      }
    });
  });
}

test("the system's unit may write nothing but its own folder, which is where its data is", async () => {
  const { service } = await readUnit("ag-system.service");
  expect(service("Environment")).toBe(`AG_HOME=/var/lib/${service("StateDirectory")}`);
  expect([service("ProtectSystem"), service("ProtectHome"), service("StateDirectoryMode")]).toEqual([
    "strict",
    "yes",
    "0700",
  ]);
});

test("the user's unit asks for nothing that a user's manager cannot give on every machine", async () => {
  const text = await unitText("ag.service");
  const needsNamespace =
    /^(?:Private|Protect|ReadOnly|ReadWrite|Inaccessible|BindPaths|TemporaryFileSystem|Capability|User=|Group=)/m;
  expect(text).not.toMatch(needsNamespace);
  // The system's targets are unknown to it.
  expect(text).not.toContain("network-online.target");
});

async function unitText(name: (typeof UNITS)[number]): Promise<string> {
  return Bun.file(join(DEPLOY, name)).text();
}

async function readUnit(name: (typeof UNITS)[number]) {
  const sections: Record<string, Record<string, string>> = {};
  let section: Record<string, string> = {};
  for (const line of (await unitText(name)).split("\n")) {
    const header = /^\[(\w+)\]$/.exec(line)?.[1];
    if (header !== undefined) section = sections[header] ??= {};
    const [, key = "", value = ""] = /^(\w+)=(.*)$/.exec(line) ?? [];
    if (key !== "") section[key] = value;
  }
  return {
    unit: (directive: string) => sections.Unit?.[directive] ?? "",
    service: (directive: string) => sections.Service?.[directive] ?? "",
  };
}

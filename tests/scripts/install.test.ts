import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import packageJson from "../../package.json";

const CHECKOUT_SCRIPT = resolve(import.meta.dir, "../../install.sh");
const SCRIPT = readFileSync(CHECKOUT_SCRIPT, "utf8");
const PROGRAM = '#!/bin/sh\necho "ag 9.9.9"\n';

/** A stand-in for the releases of GitHub, serving one fake program for every platform. */
let releases: Bun.Server<undefined>;
let served: Map<string, Uint8Array<ArrayBuffer> | string>;
let requested: string[];
let home: string;

beforeAll(() => {
  releases = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      requested.push(pathname);
      const file = served.get(pathname.split("/").at(-1) ?? "");
      return file === undefined ? new Response("Not Found", { status: 404 }) : new Response(file);
    },
  });
});
afterAll(() => releases.stop(true));

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "ag install "));
  requested = [];
  publish(PROGRAM);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

describe("piped into a shell", () => {
  test("installs the verified release, says what it did and how to undo it", async () => {
    const { code, stdout, stderr } = await install([]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const program = join(home, ".local/bin/ag");
    expect(readFileSync(program, "utf8")).toBe(PROGRAM);
    expect(statSync(program).mode & 0o777).toBe(0o755);
    expect(readdirSync(join(home, ".local/bin"))).toEqual(["ag"]);
    expect(stdout).toContain(`Installed ag 9.9.9 to ${program}`);
    expect(stdout).toContain("SHA-256 verified");
    expect(stdout).toContain(`Undo: rm '${program}'`);
    expect(stdout).toContain(`export PATH="${home}/.local/bin:$PATH"`);
    expect(requested.every((path) => path.startsWith("/releases/latest/download/"))).toBe(true);
  });

  test("installs to --prefix DIR, relative to where it is called", async () => {
    expect((await install(["--prefix", "some dir"])).code).toBe(0);
    expect(existsSync(join(home, "some dir/bin/ag"))).toBe(true);
    expect(existsSync(join(home, ".local"))).toBe(false);
  });

  test("installs a stated release", async () => {
    expect((await install(["--release", "v9.9.9"])).code).toBe(0);
    expect(requested.every((path) => path.startsWith("/releases/download/v9.9.9/"))).toBe(true);
  });

  test("says nothing about PATH when the directory is in it, and warns when another ag comes first", async () => {
    const inPath = `${join(home, ".local/bin")}:${process.env.PATH}`;
    expect((await install([], { PATH: inPath })).stdout).not.toContain("PATH");
    const other = fakeProgram(join(home, "other"), "other");
    const shadowed = await install([], { PATH: `${other}:${inPath}` });
    expect(shadowed.stdout).toContain(`your shell finds ${other}/ag first`);
  });

  test("replaces an earlier version", async () => {
    await install([]);
    publish(PROGRAM.replace("9.9.9", "10.0.0"));
    const { code, stdout } = await install([]);
    expect(code).toBe(0);
    expect(stdout).toContain("Installed ag 10.0.0");
  });

  test("works without curl and with openssl alone", async () => {
    const { code, stderr } = await install([], { PATH: toolbox(["wget", "openssl"]) });
    if (Bun.which("wget") === null) expect(stderr).toContain("needs curl or wget");
    else expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

test("in a checkout builds the program and installs that, downloading nothing", async () => {
  const { code, stdout, stderr } = await run(["sh", CHECKOUT_SCRIPT, "--prefix", join(home, "built")]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toContain(`Installed ag ${packageJson.version}`);
  expect(stdout).toContain("built from ");
  expect(filesBelow(join(home, "built"))).toEqual(["bin/ag"]);
  expect(requested).toEqual([]);
}, 60_000);

describe("leaves nothing behind", () => {
  const rows: [name: string, spoil: () => void, message: RegExp][] = [
    ["when the checksum differs", () => served.set("SHA256SUMS", sums("0".repeat(64))), /does not have the SHA-256/],
    ["when no checksum is listed", () => served.set("SHA256SUMS", `${"0".repeat(64)}  other\n`), /does not list ag-/],
    ["when there are no checksums", () => served.delete("SHA256SUMS"), /Could not download .*SHA256SUMS/],
    ["when the platform has no asset", () => served.delete(asset()), /Could not download .*ag-/],
    ["when the asset is no gzip file", () => publishRaw("plain text"), /cannot be unpacked/],
    [
      "when the program does not start",
      () => publish("#!/bin/sh\necho sorry >&2\nexit 1\n"),
      /sorry\n.*does not start/s,
    ],
  ];
  for (const [name, spoil, message] of rows) {
    test(name, async () => {
      spoil();
      const { code, stderr } = await install([]);
      expect(code).toBe(1);
      expect(stderr).toMatch(message);
      expect(readdirSync(home)).toEqual([]);
    });
  }

  test("but directories that were there before, empty as they may be", async () => {
    mkdirSync(join(home, ".local"));
    served.delete("SHA256SUMS");
    expect((await install([])).code).toBe(1);
    expect(readdirSync(home, { recursive: true })).toEqual([".local"]);
  });

  test("when the script itself arrives cut at any line", async () => {
    const lines = SCRIPT.trimEnd().split("\n");
    const cuts = [0.2, 0.5, 0.8, 0.95].map((part) => Math.floor(lines.length * part));
    for (const cut of [...cuts, lines.length - 1]) {
      await install([], {}, lines.slice(0, cut).join("\n"));
      expect(filesBelow(home)).toEqual([]);
    }
    expect(requested).toEqual([]);
  });

  test("and the earlier version as it was, when an update fails", async () => {
    await install([]);
    served.set("SHA256SUMS", sums("0".repeat(64)));
    expect((await install([])).code).toBe(1);
    expect(filesBelow(home)).toEqual([".local/bin/ag"]);
    expect(readFileSync(join(home, ".local/bin/ag"), "utf8")).toBe(PROGRAM);
  });
});

test("in a checkout called through a symbolic link of another name builds too", async () => {
  symlinkSync(CHECKOUT_SCRIPT, join(home, "get"));
  symlinkSync("get", join(home, "get-ag"));
  const { stderr } = await run(["sh", "get-ag", "--release", "v9.9.9"]);
  expect(stderr).toContain("this checkout builds what it holds");
  expect(requested).toEqual([]);
});

test("a directory named ag is left alone, with and without --force", async () => {
  mkdirSync(join(home, ".local/bin/ag"), { recursive: true });
  for (const words of [[], ["--force"], ["--uninstall", "--force"]]) {
    const { code, stderr } = await install(words);
    expect(code).toBe(1);
    expect(stderr).toContain(".local/bin/ag is a directory");
  }
  expect(filesBelow(home)).toEqual([]);
});

describe("another program named ag", () => {
  test("is neither replaced nor removed", async () => {
    fakeProgram(join(home, ".local/bin"), "ag version 2.2.0");
    for (const words of [[], ["--uninstall"]]) {
      const { code, stderr } = await install(words);
      expect(code).toBe(1);
      expect(stderr).toContain("is another program named ag");
    }
    expect(readFileSync(join(home, ".local/bin/ag"), "utf8")).toContain("2.2.0");
  });

  test("is replaced with --force", async () => {
    fakeProgram(join(home, ".local/bin"), "ag version 2.2.0");
    expect((await install(["--force"])).code).toBe(0);
    expect(readFileSync(join(home, ".local/bin/ag"), "utf8")).toBe(PROGRAM);
  });
});

test("--uninstall removes the program, and a second time finds nothing to do", async () => {
  await install([]);
  const first = await install(["--uninstall"]);
  expect(first.code).toBe(0);
  expect(first.stdout).toContain(`Removed ${join(home, ".local/bin/ag")}`);
  expect(filesBelow(home)).toEqual([]);
  const second = await install(["--uninstall"]);
  expect(second.code).toBe(0);
  expect(second.stdout).toContain("nothing to remove");
});

test("an argument it does not know is wrong usage", async () => {
  const { code, stderr } = await install(["--prefx"]);
  expect(code).toBe(2);
  expect(stderr).toContain("Unknown argument --prefx");
});

function install(words: string[], env: Record<string, string> = {}, script = SCRIPT) {
  return run(["sh", "-s", "--", ...words], env, script);
}

async function run(command: string[], env: Record<string, string> = {}, stdin = "") {
  const child = Bun.spawn(command, {
    cwd: home,
    env: { HOME: home, PATH: process.env.PATH, AG_RELEASE_URL: `${releases.url.origin}/releases`, ...env },
    stdin: new Blob([stdin]),
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { code, stdout, stderr };
}

function publish(program: string): void {
  publishRaw(Bun.gzipSync(program));
}

function publishRaw(content: Uint8Array<ArrayBuffer> | string): void {
  const hash = new Bun.CryptoHasher("sha256").update(content).digest("hex");
  served = new Map<string, Uint8Array<ArrayBuffer> | string>([
    [asset(), content],
    ["SHA256SUMS", sums(hash)],
  ]);
}

/** As a release lists it: other platforms before and after. */
function sums(hash: string): string {
  const other = "f".repeat(64);
  return `${other}  ${asset().replace(".gz", "")}\n${hash}  ${asset()}\n${other}  ag-windows-x64.exe.gz\n`;
}

function asset(): string {
  const musl =
    existsSync(`/lib/ld-musl-${process.arch === "x64" ? "x86_64" : "aarch64"}.so.1`) && Bun.which("getconf") === null;
  return `ag-${process.platform}-${process.arch}${musl ? "-musl" : ""}.gz`;
}

function fakeProgram(directory: string, version: string): string {
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "ag"), `#!/bin/sh\necho "${version}"\n`);
  chmodSync(join(directory, "ag"), 0o755);
  return directory;
}

/** A PATH with the ordinary tools and only these of the ones the script can choose from. */
function toolbox(chosen: string[]): string {
  const directory = join(home, "toolbox");
  mkdirSync(directory);
  const ordinary = "sh uname mktemp mkdir rm mv chmod cat head awk gzip ls getconf dirname sysctl".split(" ");
  for (const name of [...ordinary, ...chosen]) {
    const path = Bun.which(name);
    if (path !== null) symlinkSync(path, join(directory, name));
  }
  return directory;
}

function filesBelow(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(directory.length + 1));
}

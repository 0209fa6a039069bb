import { describe, expect, test } from "bun:test";
import { scriptedServer } from "../support/scripted-server.ts";
import { freshHome, runAg } from "./support.ts";

const KEY = "AIza-test-made-up-key-0001";

describe.concurrent("ag accounts add", () => {
  test.each([
    [["--unchecked"], "--unchecked needs --gemini-key"],
    [["--gemini-key", "--no-browser"], "--no-browser has no meaning with --gemini-key"],
    [["--browser"], "Unknown flag --browser"],
    [["--gemini-key=x"], "--gemini-key takes no value"],
  ])("%j is wrong usage", async (words, message) => {
    using home = freshHome();
    const { code, stdout, stderr } = await runAg(home.path, ["accounts", "add", ...words]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
  });

  test("a label that looks like a handle is refused before anything happens", async () => {
    using home = freshHome();
    const { code, stderr } = await runAg(home.path, ["accounts", "add", "--label", "a7"]);
    expect(code).toBe(1);
    expect(stderr).toContain("cannot look like a handle");
  });

  test("--gemini-key takes a key from stdin, without notice, OAuth client or sign-in", async () => {
    using home = freshHome();
    await using service = scriptedServer(() =>
      Response.json({ models: [{ name: "models/made-up-model", supportedGenerationMethods: ["generateContent"] }] }),
    );
    const { code, stdout } = await runAg(
      home.path,
      ["accounts", "add", "--gemini-key", "--label", "official", "--json"],
      {
        env: { AG_GEMINI_URL: service.url },
        stdin: `${KEY}\n`,
      },
    );
    expect({ code, document: JSON.parse(stdout) }).toEqual({
      code: 0,
      document: { handle: "a1", kind: "gemini-api-key", label: "official", state: "ready" },
    });
    expect(service.calls.map(({ headers }) => headers.get("x-goog-api-key"))).toEqual([KEY]);
    expect(service.calls.some(({ path }) => path.includes(KEY))).toBe(false);
    const list = await runAg(home.path, ["accounts", "list"]);
    expect(list.stdout).toContain("gemini-api-key");
    expect(list.stdout).not.toContain(KEY);
  });

  test("--gemini-key with a key that Google refuses stores nothing", async () => {
    using home = freshHome();
    const refusal = {
      error: {
        code: 400,
        status: "INVALID_ARGUMENT",
        message: "API key not valid. Please pass a valid API key.",
        details: [{ "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "API_KEY_INVALID" }],
      },
    };
    await using service = scriptedServer(() => Response.json(refusal, { status: 400 }));
    const { code, stdout, stderr } = await runAg(home.path, ["accounts", "add", "--gemini-key"], {
      env: { AG_GEMINI_URL: service.url },
      stdin: KEY,
    });
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toContain("The key was not stored");
    expect(stderr).not.toContain(KEY);
    expect((await runAg(home.path, ["accounts", "list"])).stdout).toContain("No accounts yet");
  });

  test("--gemini-key without the service stores only with --unchecked", async () => {
    using home = freshHome();
    const input = { env: { AG_GEMINI_URL: "http://127.0.0.1:1" }, stdin: KEY };
    const refused = await runAg(home.path, ["accounts", "add", "--gemini-key"], input);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("add --unchecked to store it as it is");
    const stored = await runAg(home.path, ["accounts", "add", "--gemini-key", "--unchecked"], input);
    expect(stored.code).toBe(0);
    expect(stored.stdout).toContain("Added a1\n");
  });
});

import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openaiChat } from "../../../src/protocols/openai-chat/index.ts";
import { refusal } from "./support.ts";

interface Recording {
  path: string;
  headers: Record<string, string>;
  body: unknown;
  answered: { status?: number };
}

const fixtures = fileURLToPath(new URL("../../fixtures/openai-chat/", import.meta.url));
const recordings = fileURLToPath(new URL("../../../../shared/recordings/", import.meta.url));

function jsonFiles(folder: string): string[] {
  return (readdirSync(folder, { recursive: true }) as string[]).filter((name) => name.endsWith(".json")).sort();
}

async function chatRecordings(): Promise<[string, Recording][]> {
  const all = await Promise.all(
    jsonFiles(recordings).map(async (name): Promise<[string, Recording]> => [
      name,
      await Bun.file(recordings + name).json(),
    ]),
  );
  return all.filter(([, { path }]) => path === "/v1/chat/completions");
}

describe("recorded requests of real clients", async () => {
  if (!existsSync(recordings)) {
    test("are not here to be parsed", () => expect(existsSync(recordings)).toBe(false));
    return;
  }
  const chat = await chatRecordings();

  test("include chat completions", () => expect(chat.length).toBeGreaterThan(30));

  test.each(chat)("%s parses, or is refused where the client meant it to be", (_, { body, headers, answered }) => {
    if (answered.status === 400) {
      expect(refusal(body).kind).toBe("invalid-request");
      return;
    }
    const { request, losses } = openaiChat.parse({ body, headers: new Headers(headers) });
    expect(request.contents.length).toBeGreaterThan(0);
    expect(losses.map(({ field }) => field).filter((field) => field !== "parallel_tool_calls")).toEqual([]);
  });
});

describe("requests written for this project", () => {
  test.each(jsonFiles(fixtures))("%s parses without a loss", async (name) => {
    const { request, losses } = openaiChat.parse({
      body: await Bun.file(fixtures + name).json(),
      headers: new Headers(),
    });
    expect(request.contents.length).toBeGreaterThan(0);
    expect(losses).toEqual([]);
  });
});

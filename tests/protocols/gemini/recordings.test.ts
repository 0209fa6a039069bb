import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gemini } from "../../../src/protocols/gemini/index.ts";
import { refusalOf } from "../../support/refusal.ts";

interface Recording {
  client: string;
  path: string;
  query: Record<string, string>;
  headers: Record<string, string>;
  body: unknown;
  answered: { status?: number };
}

const folder = join(import.meta.dir, "../../../../shared/recordings");
const METHOD = /^\/v1(?:beta)?\/models\/([^/:]+):(\w+)$/;

function geminiRecordings(): [string, Recording][] {
  const names = (readdirSync(folder, { recursive: true, encoding: "utf8" }) as string[])
    .filter((name) => name.endsWith(".json"))
    .sort();
  return names
    .map((name): [string, Recording] => [name, JSON.parse(readFileSync(join(folder, name), "utf8"))])
    .filter(([, { path }]) => METHOD.test(path));
}

function callOf({ path, query, headers, body }: Recording) {
  const [, model = "", method = ""] = METHOD.exec(path) ?? [];
  return { body, headers: new Headers(headers), address: { model, method, query: new URLSearchParams(query) } };
}

describe("recorded requests of real clients", () => {
  if (!existsSync(folder)) {
    test("are not here to be parsed", () => expect(existsSync(folder)).toBe(false));
    return;
  }
  const all = geminiRecordings();
  const requests = all.filter(([, { path }]) => !path.endsWith(":countTokens"));

  test("come from several clients", () => {
    expect(new Set(all.map(([, { client }]) => client)).size).toBeGreaterThanOrEqual(3);
    expect(all.length).toBeGreaterThan(50);
  });

  test.each(requests)("%s parses without a loss, or is refused where the client meant it to be", (_, recording) => {
    if (recording.answered.status === 400) {
      expect(refusalOf(() => gemini.parse(callOf(recording))).kind).toBe("invalid-request");
      return;
    }
    const { request, losses, stream } = gemini.parse(callOf(recording));
    expect(request.contents.length).toBeGreaterThan(0);
    expect(losses).toEqual([]);
    expect(stream).toBe(recording.path.endsWith(":streamGenerateContent"));
  });

  test.each(requests.filter(([, { answered }]) => answered.status !== 400))(
    "%s: every result has its call",
    (_, recording) => {
      const parts = gemini.parse(callOf(recording)).request.contents.flatMap((content) => content.parts);
      const called = parts.flatMap(({ functionCall }) => functionCall?.id ?? []);
      const answered = parts.flatMap(({ functionResponse }) => functionResponse?.id ?? []);
      expect(answered.filter((id) => !called.includes(id))).toEqual([]);
      expect(new Set(called).size).toBe(called.length);
    },
  );

  test.each(all.filter(([, { path }]) => path.endsWith(":countTokens")))("%s can be counted", (_, recording) => {
    expect(gemini.counting?.parse(callOf(recording)).request.contents.length).toBeGreaterThan(0);
  });
});

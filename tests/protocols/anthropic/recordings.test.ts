import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { anthropic } from "../../../src/protocols/anthropic/index.ts";
import { refusalOf } from "../../support/refusal.ts";

interface Recording {
  path: string;
  headers: Record<string, string>;
  body: { thread?: unknown; messages?: unknown; tools?: { name: string; type?: string }[]; stream?: boolean };
}

const root = join(import.meta.dir, "../../../../shared/recordings");

function recordings(): [name: string, recording: Recording][] {
  const clients = readdirSync(root, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return clients.flatMap(({ name: client }) =>
    readdirSync(join(root, client))
      .filter((file) => file.endsWith(".json"))
      .map((file): [string, Recording] => [
        `${client}/${file}`,
        JSON.parse(readFileSync(join(root, client, file), "utf8")),
      ])
      .filter(([, recording]) => recording.path === "/v1/messages"),
  );
}

if (existsSync(root)) {
  describe("recorded requests of real clients", () => {
    test.each(recordings())("%s", (_, { body, headers }) => {
      const parse = () => anthropic.parse({ body, headers: new Headers(headers) });
      if (body.thread !== undefined || !Array.isArray(body.messages)) {
        expect(refusalOf(parse).kind).toBe("invalid-request");
        return;
      }
      const { request, stream } = parse();
      expect(stream).toBe(body.stream === true);
      expect(request.contents.length).toBeGreaterThan(0);
      expect(request.system.some((text) => text.includes("x-anthropic-billing-header"))).toBe(false);
      const functions = (body.tools ?? []).filter(({ type }) => !type?.startsWith("web_search"));
      expect(request.tools.map(({ name }) => name)).toEqual(functions.map(({ name }) => name));
    });
  });
} else {
  test("no recordings of real clients are at hand: the fixtures cover their shapes", () => {
    expect(existsSync(root)).toBe(false);
  });
}

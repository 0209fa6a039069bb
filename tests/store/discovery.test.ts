import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import type { Discovery } from "../../src/core/models.ts";
import { openStore } from "../../src/store/open-store.ts";
import { temporaryPath } from "./support.ts";

const FULL: Discovery = {
  models: [
    {
      id: "model-a",
      displayName: "Model A",
      contextTokens: 10,
      maxOutputTokens: 5,
      supportsThinking: true,
      thinkingBudget: 3,
      supportedMimeTypes: ["image/png"],
      quota: { remainingFraction: 0.5, resetAt: 7 },
    },
    { id: "model-b" },
  ],
  replacedIds: { "model-0": "model-a" },
  webSearchIds: ["model-b", "model-a"],
};

test("a discovery comes back as saved, the latest one, also after a restart", async () => {
  using place = temporaryPath();
  const first = openStore(place.path);
  expect(await first.discovery.load()).toBeUndefined();
  await first.discovery.save({ models: [], replacedIds: {} }, 1);
  await first.discovery.save(FULL, 2);
  await first.close();
  const second = openStore(place.path);
  expect(await second.discovery.load()).toEqual(FULL);
  await second.close();
});

test("a document of another shape counts as none", async () => {
  using place = temporaryPath();
  const store = openStore(place.path);
  await store.discovery.save(FULL, 1);
  using editor = new Database(place.path);
  for (const document of ['{"models":[{"name":"x"}]}', "not json", "[]"]) {
    editor.query("update discovery set document = ?").run(document);
    expect(await store.discovery.load()).toBeUndefined();
  }
  await store.close();
});

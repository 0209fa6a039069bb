import * as v from "valibot";
import type { Discovery } from "../core/models.ts";
import type { DiscoveryStore } from "../core/store.ts";
import { tryParseJson } from "../lib/json.ts";
import type { DataFile } from "./data-file.ts";

/** Another version of the program may have written the document. */
const discoverySchema = v.object({
  models: v.array(
    v.object({
      id: v.string(),
      displayName: v.exactOptional(v.string()),
      contextTokens: v.exactOptional(v.number()),
      maxOutputTokens: v.exactOptional(v.number()),
      supportsThinking: v.exactOptional(v.boolean()),
      thinkingBudget: v.exactOptional(v.number()),
      supportedMimeTypes: v.exactOptional(v.array(v.string())),
      quota: v.exactOptional(v.object({ remainingFraction: v.number(), resetAt: v.exactOptional(v.number()) })),
    }),
  ),
  replacedIds: v.record(v.string(), v.string()),
  webSearchIds: v.exactOptional(v.array(v.string())),
});

export function discoveryStore(file: DataFile): DiscoveryStore {
  const { database } = file;
  return {
    async load(): Promise<Discovery | undefined> {
      const row = file.read(() => database.query<{ document: string }, []>("select document from discovery").get());
      const parsed = v.safeParse(discoverySchema, row && tryParseJson(row.document));
      return parsed.success ? parsed.output : undefined;
    },

    async save(discovery, at) {
      const document = JSON.stringify(discovery);
      await file.write(
        () =>
          void database
            .query(
              "insert into discovery (id, document, saved_at) values (1, $document, $at) " +
                "on conflict (id) do update set document = excluded.document, saved_at = excluded.saved_at",
            )
            .run({ document, at }),
      );
    },
  };
}

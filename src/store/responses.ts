import * as v from "valibot";
import type { ResponseStore, StoredResponse } from "../core/store.ts";
import { type JsonValue, tryParseJson } from "../lib/json.ts";
import { jsonObject } from "../lib/schema.ts";
import type { DataFile } from "./data-file.ts";
import { type Secrets, subjectOfResponse } from "./secrets.ts";

interface ResponseRow {
  document: string;
  created_at: number;
}

/** Another version of the program may have written the document. */
const documentSchema = v.object({
  input: v.array(v.custom<JsonValue>(() => true)),
  response: jsonObject("is no object"),
  owner: v.optional(v.string()),
});

export function responseStore(file: DataFile, secrets: Secrets): ResponseStore {
  const { database } = file;
  return {
    async save({ id, input, response, owner, createdAt }) {
      await file.write(() => {
        secrets.assertCurrent();
        database
          .query("insert or replace into responses (id, document, created_at) values ($id, $document, $createdAt)")
          .run({
            id,
            document: secrets.seal(JSON.stringify({ input, response, owner }), subjectOfResponse(id)),
            createdAt,
          });
      });
    },

    async find(id, notBefore) {
      const row = file.read(() =>
        database
          .query<ResponseRow, [string, number]>(
            "select document, created_at from responses where id = ? and created_at >= ?",
          )
          .get(id, notBefore),
      );
      return row ? recordOf(id, row, secrets) : undefined;
    },

    async remove(id) {
      return file.write(() => database.query("delete from responses where id = ?").run(id).changes > 0);
    },

    async prune(before, keepCharacters) {
      await file.write(() => {
        database.query("delete from responses where created_at < ?").run(before);
        // Each answer holds the conversation before it: without this a long one would fill the disk.
        const newestFirst = "sum(length(document)) over (order by created_at desc, id)";
        const tooMany = `select id from (select id, ${newestFirst} as total from responses) where total > ?`;
        database.query(`delete from responses where id in (${tooMany})`).run(keepCharacters);
      });
    },
  };
}

function recordOf(id: string, row: ResponseRow, secrets: Secrets): StoredResponse | undefined {
  const document = v.safeParse(documentSchema, tryParseJson(unsealed(id, row, secrets) ?? ""));
  if (!document.success) return undefined;
  const { input, response, owner } = document.output;
  return { id, input, response, createdAt: row.created_at, ...(owner !== undefined && { owner }) };
}

function unsealed(id: string, { document }: ResponseRow, secrets: Secrets): string | undefined {
  try {
    return secrets.unseal(document, subjectOfResponse(id));
  } catch {
    return undefined; // its key is gone, and it with it: an answer is no account, that its owner should have to act
  }
}

import type { SessionBinding, SessionStore } from "../core/store.ts";
import type { DataFile } from "./data-file.ts";
import { writeBehind } from "./write-behind.ts";

interface SessionRow {
  session: string;
  model: string;
  account_id: string;
  used_at: number;
}

export interface BufferedSessionStore extends SessionStore {
  /** Writes what is buffered. Throws when the database refuses it. */
  flush(): Promise<void>;
}

/** Written behind: a conversation that is used a hundred times in a second is one row. */
export function sessionStore(file: DataFile): BufferedSessionStore {
  const { database } = file;
  // The account may have been removed while the row waited.
  const insert = database.query<unknown, { session: string; model: string; accountId: string; usedAt: number }>(
    "insert into sessions (session, model, account_id, used_at) " +
      "select $session, $model, id, $usedAt from accounts where id = $accountId " +
      "on conflict (session, model) do update set account_id = excluded.account_id, used_at = excluded.used_at",
  );
  const buffer = writeBehind<SessionBinding>(file, (bindings) => {
    for (const { session, model, accountId, usedAt } of bindings) insert.run({ session, model, accountId, usedAt });
  });

  return {
    async load(since) {
      const rows = file.read(() =>
        database
          .query<SessionRow, [number]>(
            "select session, model, account_id, used_at from sessions where used_at > ? order by used_at",
          )
          .all(since),
      );
      const found = new Map(rows.map(bindingOf).map((binding) => [keyOf(binding), binding]));
      for (const binding of buffer.waiting()) if (binding.usedAt > since) found.set(keyOf(binding), binding);
      return [...found.values()];
    },

    remember(binding) {
      buffer.put([[keyOf(binding), binding]]);
    },

    async prune(before) {
      await buffer.flush();
      await file.write(() => void database.query("delete from sessions where used_at < ?").run(before));
    },

    flush: () => buffer.flush(),
  };
}

function keyOf({ session, model }: SessionBinding): string {
  return `${session}\n${model}`;
}

function bindingOf({ session, model, account_id: accountId, used_at: usedAt }: SessionRow): SessionBinding {
  return { session, model, accountId, usedAt };
}

import { defineCommand } from "citty";
import { type ApiKey, keyStateOf } from "../../core/keys.ts";
import { renderTable } from "../../lib/table.ts";
import { withStore } from "../accounts/with-store.ts";
import { ageText } from "../age-text.ts";
import { expiryOfKey, limitsOfKey, publicKey } from "../keys/view.ts";
import { outputWidth, plain, print, printJson, stdoutPaint } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "list",
    description: `List the API keys of clients, how each begins and what it may; never shows a key

States:
  active    it opens what its scopes say
  expired   its time is over: requests with it are refused
  revoked   taken back by you: requests with it are refused`,
  },
  args: { json: { type: "boolean", description: "one JSON document" } },
  async run({ args }) {
    const keys = await withStore((store) => store.keys.list());
    const now = Date.now();
    if (args.json) return printJson({ keys: keys.map((key) => publicKey(key, now)) });
    if (keys.length === 0) {
      return print("No keys yet, so none is asked for unless AG_API_KEY is set. To make one: ag keys create");
    }
    await print(keyTable(keys, now, outputWidth()));
  },
});

export function keyTable(keys: readonly ApiKey[], now: number, maxWidth: number): string {
  return renderTable<ApiKey>(
    keys,
    [
      { title: "key", cell: ({ handle }) => handle },
      { title: "name", cell: ({ name = "" }) => plain(name) },
      { title: "begins", cell: ({ hint }) => plain(hint), spare: 2 },
      { title: "state", cell: (key) => keyStateOf(key, now) },
      { title: "scopes", cell: ({ scopes }) => scopes.join(", "), spare: 6 },
      { title: "limits", cell: (key) => limitsOfKey(key), spare: 5 },
      { title: "models", cell: ({ models }) => models.map(plain).join(", "), spare: 3 },
      { title: "expires", cell: (key) => expiryOfKey(key, now), spare: 4 },
      { title: "last used", cell: (key) => lastUse(key, now), spare: 1 },
    ],
    { paintTitle: stdoutPaint.dim, maxWidth },
  );
}

function lastUse({ lastUsedAt }: ApiKey, now: number): string {
  return lastUsedAt === undefined ? "never" : ageText(now - lastUsedAt);
}

import { defineCommand } from "citty";
import { type ApiKey, mayAskModels } from "../../core/keys.ts";
import { withStore } from "../accounts/with-store.ts";
import { expiryOfKey, limitsOfKey, nameOfKey, publicKey } from "../keys/view.ts";
import { readWishes } from "../keys/wishes.ts";
import { outputWidth, plain, print, printJson, stdoutPaint, wrapped } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "create",
    description: `Make an API key for a client, and show it once

Until the first key is made, none is asked for on this machine; from then on every request needs one, for good. A running
server knows of a new key within a second. Clients send it as Authorization: Bearer, x-api-key, x-goog-api-key or ?key=.

Scopes, several separated by commas:
  inference   ask models, list them, count tokens (the default)
  admin       read and renew the state of accounts: /account-limits, /refresh-token
  metrics     read /metrics

Examples:
  ag keys create --name laptop
  ag keys create --name guest --rpm 5 --concurrency 2 --models 'gemini-*' --expires 30d
  ag keys create --name prometheus --scope metrics
  ag keys create --json | jq -r .key`,
  },
  args: {
    name: { type: "string", valueHint: "NAME", description: "what you know it by" },
    scope: { type: "string", valueHint: "SCOPE", description: "what it opens: inference, admin, metrics" },
    rpm: { type: "string", valueHint: "N", description: "requests for models a minute, at most" },
    concurrency: { type: "string", valueHint: "N", description: "requests for models at the same time, at most" },
    models: { type: "string", valueHint: "GLOB", description: "only these models; several separated by commas" },
    expires: { type: "string", valueHint: "D", description: "for how long (30d, 12h), or to which day (2027-01-31)" },
    json: { type: "boolean", description: "one JSON document" },
  },
  async run({ args }) {
    const now = Date.now();
    const wishes = readWishes(args, now);
    const { newKey } = await import("../../compose.ts");
    const { text, digest, hint } = newKey();
    const { key, all } = await withStore(async ({ keys }) => {
      const created = await keys.create({ ...wishes, digest, hint });
      return { key: created, all: await keys.list() };
    });
    if (args.json) return printJson({ key: text, created: publicKey(key, now), first: all.length === 1 });
    await print(
      [
        `${stdoutPaint.bold(text)}\n`,
        sentence(`This is ${nameOfKey(key)}. It is not shown again: keep it now. Only its digest is stored.`),
        sentence(permissionText(key, now)),
        ...notes(all, now).map(sentence),
        sentence(`To take it back: ag keys revoke ${key.handle}`),
      ].join("\n"),
    );
  },
});

function sentence(text: string): string {
  return wrapped(text, outputWidth());
}

function permissionText(key: ApiKey, now: number): string {
  const limits = limitsOfKey(key);
  const facts = [
    `Scopes: ${key.scopes.join(", ")}`,
    ...(key.models.length > 0 ? [`models: ${key.models.map(plain).join(", ")}`] : []),
    ...(limits === "" ? [] : [`limits: ${limits}`]),
    key.expiresAt === undefined ? "no expiry" : `valid until ${expiryOfKey(key, now)}`,
  ];
  return `${facts.join("; ")}.`;
}

/** What the new key changes for others. */
function notes(all: readonly ApiKey[], now: number): string[] {
  const opens = all.some((key) => mayAskModels(key, now));
  return [
    ...(all.length === 1 ? ["It is the first key: from now on every request needs one, also on this machine."] : []),
    ...(opens ? [] : ["No key may ask models yet. To make one that may: ag keys create"]),
  ];
}

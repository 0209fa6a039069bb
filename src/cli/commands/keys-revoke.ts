import { defineCommand } from "citty";
import { mayAskModels } from "../../core/keys.ts";
import { withStore } from "../accounts/with-store.ts";
import { UserError } from "../failure.ts";
import { chooseKey } from "../keys/choose.ts";
import { nameOfKey, publicKey } from "../keys/view.ts";
import { print, printJson } from "../terminal.ts";

export default defineCommand({
  meta: {
    name: "revoke",
    description: `Take an API key back, for good

A running server refuses new requests with it within a second; those that are running finish. Its usage is kept.`,
  },
  args: {
    id: { type: "positional", required: true, description: "handle (k1) or name of the key" },
    json: { type: "boolean", description: "one JSON document" },
  },
  async run({ args }) {
    const now = Date.now();
    const { key, changed, all } = await withStore(async ({ keys }) => {
      const before = chooseKey(args.id, await keys.list(), now);
      const revoked = await keys.revoke(before.handle, now);
      if (revoked === undefined) throw new UserError(`The key ${before.handle} is gone`);
      return { key: revoked, changed: before.revokedAt === undefined, all: await keys.list() };
    });
    if (args.json) return printJson({ key: publicKey(key, now), changed });
    if (!changed) return print(`${key.handle} was revoked already`);
    await print(
      [
        `Revoked ${nameOfKey(key)}`,
        "Running requests finish, no new one is let in.",
        ...(all.some((one) => mayAskModels(one, now))
          ? []
          : ["No stored key is left that may ask models: requests are refused until ag keys create makes one."]),
      ].join("\n"),
    );
  },
});

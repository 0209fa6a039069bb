import { defineCommand } from "citty";
import type { ModelProfile } from "../../core/models.ts";
import { renderTable } from "../../lib/table.ts";
import { mediaKinds } from "../models/media-kinds.ts";
import { placedRules, rulesText } from "../models/rules-text.ts";
import { withCatalog } from "../models/with-catalog.ts";
import { outputWidth, plain, print, printJson, stdoutPaint } from "../terminal.ts";

export default defineCommand({
  meta: { name: "list", description: "List the models that the accounts can use" },
  args: {
    rules: { type: "boolean", description: "the rules by which other names stand for them; there are no others" },
    json: { type: "boolean", description: "one JSON document, with all that is known of each" },
    demo: { type: "boolean", description: "the models of the demo upstream, without network" },
  },
  async run({ args }) {
    await withCatalog(args.demo === true, async (catalog, config, signal) => {
      if (args.rules) {
        const rules = placedRules(await catalog.rules(signal), config.paths.configFile);
        return args.json ? printJson({ rules }) : print(rulesText(rules, outputWidth(), stdoutPaint));
      }
      const models = await catalog.list(signal);
      return args.json ? printJson({ models }) : print(modelTable(models, outputWidth()));
    });
  },
});

export function modelTable(models: readonly ModelProfile[], maxWidth: number): string {
  return renderTable(
    models,
    [
      { title: "model", cell: ({ id }) => plain(id) },
      { title: "name", cell: ({ displayName }) => plain(displayName), spare: 1 },
      { title: "family", cell: ({ family }) => family, spare: 2 },
      { title: "context", cell: ({ contextTokens }) => tokens(contextTokens), align: "right" },
      { title: "output", cell: ({ maxOutputTokens }) => tokens(maxOutputTokens), align: "right" },
      { title: "thinks", cell: ({ thinking }) => (thinking === undefined ? "" : "yes") },
      { title: "reads", cell: ({ mimeTypes }) => mediaKinds(mimeTypes).join(" "), spare: 3 },
    ],
    { paintTitle: stdoutPaint.dim, maxWidth },
  );
}

/** Model sizes come in powers of two or of ten: 1048576 → "1M", 200000 → "200k". */
function tokens(count: number): string {
  if (count >= 1_000_000) return `${Math.floor(count / 100_000) / 10}M`;
  return count >= 1000 ? `${Math.floor(count / 1000)}k` : String(count);
}

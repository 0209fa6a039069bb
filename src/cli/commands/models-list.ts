import { defineCommand } from "citty";
import { loadConfig } from "../../config/load.ts";
import { proxyFromEnvironment } from "../../config/proxy.ts";
import type { ModelProfile } from "../../core/models.ts";
import { renderTable } from "../../lib/table.ts";
import { configureQuietLogging } from "../serve/logging.ts";
import { outputWidth, plain, print, printJson, stdoutPaint } from "../terminal.ts";

export default defineCommand({
  meta: { name: "list", description: "List the models that the accounts can use" },
  args: {
    json: { type: "boolean", description: "one JSON document, with all that is known of each" },
    demo: { type: "boolean", description: "the models of the demo upstream, without network" },
  },
  async run({ args }) {
    const demo = args.demo === true;
    const config = loadConfig();
    if (!demo) proxyFromEnvironment(process.env);
    configureQuietLogging(config.server);
    const { composeCatalog } = await import("../../compose.ts");
    const catalog = await composeCatalog(config, { demo });
    let models: ModelProfile[];
    try {
      models = await catalog.list(new AbortController().signal);
    } finally {
      await catalog.close();
    }
    await (args.json ? printJson({ models }) : print(modelTable(models, outputWidth())));
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
      { title: "reads", cell: ({ mimeTypes }) => kindsOf(mimeTypes).join(" "), spare: 3 },
    ],
    { paintTitle: stdoutPaint.dim, maxWidth },
  );
}

const MEDIA: readonly (readonly [kind: string, prefix: string])[] = [
  ["image", "image/"],
  ["pdf", "application/pdf"],
  ["audio", "audio/"],
  ["video", "video/"],
];

function kindsOf(mimeTypes: readonly string[]): string[] {
  return MEDIA.flatMap(([kind, prefix]) => (mimeTypes.some((type) => type.startsWith(prefix)) ? [kind] : []));
}

/** Model sizes come in powers of two or of ten: 1048576 → "1M", 200000 → "200k". */
function tokens(count: number): string {
  if (count >= 1_000_000) return `${Math.floor(count / 100_000) / 10}M`;
  return count >= 1000 ? `${Math.floor(count / 1000)}k` : String(count);
}

import { raiseFetchLimit } from "./cli/serve/fetch-limit.ts";
import { versionText } from "./cli/version.ts";

// Elysia reads this when it is loaded, which is later: unless it says production, error replies carry details.
Bun.env.NODE_ENV ??= "production";

const words = process.argv.slice(2);

if (words.length === 1 && words[0] === "--version") {
  console.log(versionText(false));
} else {
  // The process may start over for this, so it comes before anything is loaded that would have to be loaded twice.
  if (words[0] === "serve") raiseFetchLimit();
  const { runCli } = await import("./cli/root.ts");
  process.exit(await runCli(words));
}

import { versionText } from "./cli/version.ts";

// Elysia reads this when it is loaded, which is later: unless it says production, error replies carry details.
Bun.env.NODE_ENV ??= "production";

const words = process.argv.slice(2);

if (words.length === 1 && words[0] === "--version") {
  console.log(versionText(false));
} else {
  const { runCli } = await import("./cli/root.ts");
  process.exit(await runCli(words));
}

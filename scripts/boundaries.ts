/** Checks scripts/boundaries.cjs against src of a directory: `bun scripts/boundaries.ts [DIRECTORY]`. */
import { join, resolve } from "node:path";
import * as v from "valibot";

const reportSchema = v.object({
  summary: v.object({
    totalCruised: v.number(),
    violations: v.array(
      v.object({
        from: v.string(),
        to: v.string(),
        rule: v.object({ name: v.string() }),
        cycle: v.optional(v.array(v.object({ name: v.string() }))),
      }),
    ),
    ruleSetUsed: v.object({
      forbidden: v.array(v.object({ name: v.string(), comment: v.optional(v.string()) })),
    }),
  }),
});

const root = resolve(import.meta.dir, "..");
const directory = resolve(process.argv[2] ?? root);
const { stdout, stderr } = Bun.spawnSync(
  [
    process.execPath,
    join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"),
    "--config",
    join(root, "scripts/boundaries.cjs"),
    "--output-type",
    "json",
    "src",
  ],
  { cwd: directory, env: { ...process.env, NO_COLOR: "1" } },
);

let report: v.InferOutput<typeof reportSchema>;
try {
  report = v.parse(reportSchema, JSON.parse(stdout.toString()));
} catch (cause) {
  console.error(`dependency-cruiser gave no report: ${stderr.toString() || String(cause)}`);
  process.exit(1);
}

const { totalCruised, violations, ruleSetUsed } = report.summary;
for (const { from, to, rule, cycle } of violations) {
  const comment = ruleSetUsed.forbidden.find(({ name }) => name === rule.name)?.comment;
  const way = cycle === undefined ? to : cycle.map(({ name }) => name).join(" → ");
  console.error(`${rule.name}: ${from} → ${way}${comment ? `\n    ${comment}` : ""}`);
}
// With a TypeScript it does not know, dependency-cruiser sees no module at all and calls that a success.
if (totalCruised === 0) console.error("No module was seen, so nothing was checked");
else console.log(`${totalCruised} modules, ${violations.length} violations`);
process.exit(totalCruised === 0 || violations.length > 0 ? 1 : 0);

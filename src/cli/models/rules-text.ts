import type { ListedRule } from "../../core/models.ts";
import { type Paint, plain, wrapped } from "../terminal.ts";
import { textTable } from "../text-table.ts";
import { type RulePlace, rulePlace, SHIPPED_RULES } from "./rule-place.ts";

export type PlacedRule = ListedRule & RulePlace;

/** The rules with where each is written. */
export function placedRules(rules: readonly ListedRule[], configFile: string): PlacedRule[] {
  return rules.map((rule) => ({ ...rule, ...rulePlace(rule, configFile) }));
}

const KINDS: readonly { kind: ListedRule["kind"]; title: string; none?: string }[] = [
  { kind: "user", title: "Your aliases", none: "none; they are written in config.jsonc, under models.aliases" },
  { kind: "replaced", title: "What upstream has replaced" },
  { kind: "shipped", title: `What comes with ag, written in ${SHIPPED_RULES}` },
];

const ORDER = `A name is taken for an id of the accounts' list if it is one. Otherwise the first rule that fits counts: those of the first group before those of the next, a whole name before a pattern, and of patterns the one with the most letters. Of several models behind a rule the first one counts that the accounts have; * there stands for the version nearest to the name's.
Case, a point or a dash in a version, a date at the end, and models/, google/, anthropic/ or openai/ before it make no difference. (high), (8192) and [1m] at the end are taken off first, -4k and -16x9 for image models.`;

export function rulesText(rules: readonly PlacedRule[], maxWidth: number, { bold, dim }: Paint): string {
  const width = (cell: (rule: PlacedRule) => string) => Math.max(...rules.map((rule) => plain(cell(rule)).length));
  const widths = [width(({ from }) => from), width(servedBy)];
  const groups = KINDS.flatMap(({ kind, title, none }) => {
    const rows = rules
      .filter((rule) => rule.kind === kind)
      .map((rule) => [plain(rule.from), plain(servedBy(rule)), plain(behind(rule, rules))]);
    if (rows.length > 0) return [`${bold(title)}\n${textTable(rows, { maxWidth, widths, indent: "  " })}`];
    return none === undefined ? [] : [`${bold(title)}\n  ${dim(none)}`];
  });
  const order = ORDER.split("\n").map((paragraph) => wrapped(paragraph, Math.min(maxWidth, 100)));
  return [...order.slice(0, 1), ...groups, ...order.slice(1)].join("\n\n");
}

function servedBy({ served }: PlacedRule): string {
  return served ?? "(not on the list)";
}

/** Where an alias of the owner's stands; of the others what is tried, in order, or which rule before them says the same. */
function behind({ kind, from, to, served, written }: PlacedRule, rules: readonly PlacedRule[]): string {
  if (kind === "user") return to[0] === served ? written : `${to.join(", ")}; ${written}`;
  if (to.length === 1) return to[0] === served ? "" : to.join(", ");
  const tried = to.join(", ");
  const first = rules.find((rule) => rule.kind === kind && rule.to.join(", ") === tried);
  return first && first.from !== from ? `as ${first.from}` : tried;
}

import { settingPosition } from "../../config/setting-position.ts";
import type { ModelRule } from "../../core/models.ts";

/** Where the program's own rules are written; the file is part of the binary. */
export const SHIPPED_RULES = "src/models/shipped.json";

export interface RulePlace {
  /** For people: a file and its line, a key, or who says so. */
  written: string;
  /** The file, and for the owner's own file the line. */
  file?: string;
  line?: number;
  /** The key of a shipped alias. */
  key?: string;
}

/** Where a rule is written. `listed`: the accounts' own list was at hand. */
export function rulePlace(
  { kind, from }: Pick<ModelRule, "kind" | "from">,
  configFile: string,
  listed = true,
): RulePlace {
  switch (kind) {
    case "user": {
      const line = settingPosition(configFile, ["models", "aliases", from])?.line;
      const written = line === undefined ? configFile : `${configFile}:${line}`;
      return { written, file: configFile, ...(line !== undefined && { line }) };
    }
    case "shipped": {
      const key = `aliases[${JSON.stringify(from)}]`;
      return { written: `in ag itself, ${SHIPPED_RULES}: ${key}`, file: SHIPPED_RULES, key };
    }
    case "listed":
      return {
        written: listed ? "nowhere: the accounts' list has this id" : "nowhere: it is one of the ids that come with ag",
      };
    case "replaced":
      return { written: "nowhere: upstream says so with the accounts' list" };
    default:
      return kind satisfies never;
  }
}

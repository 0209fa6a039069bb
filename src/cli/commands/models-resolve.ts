import { defineCommand } from "citty";
import type { Config } from "../../config/load.ts";
import { GatewayError } from "../../core/errors.ts";
import type { ModelRule, ResolvedModel } from "../../core/models.ts";
import type { ThinkingRequest } from "../../core/request.ts";
import { EXIT } from "../failure.ts";
import { mediaKinds } from "../models/media-kinds.ts";
import { type RulePlace, rulePlace } from "../models/rule-place.ts";
import { withCatalog } from "../models/with-catalog.ts";
import { outputWidth, type Paint, plain, print, printError, printJson, stdoutPaint } from "../terminal.ts";
import { textTable } from "../text-table.ts";

export default defineCommand({
  meta: {
    name: "resolve",
    description: `Show which model a name stands for, by which rule, and where that rule is written

Requests are served by the same rules. They are listed by ag models list --rules.

Examples:
  ag models resolve opus
  ag models resolve 'opus(high)' --json`,
  },
  args: {
    id: { type: "positional", required: true, description: "a model's name, as a client sends it" },
    json: { type: "boolean", description: "one JSON document" },
    demo: { type: "boolean", description: "with the models of the demo upstream, without network" },
  },
  async run({ args }) {
    return withCatalog(args.demo === true, async (catalog, config, signal) => {
      try {
        const resolved = await catalog.resolve(args.id, signal);
        const unlisted = await catalog.list(signal).then(
          () => undefined,
          (cause: unknown) => cause,
        );
        if (unlisted instanceof GatewayError) {
          await printError(`${unlisted.message}. The name was looked up among the ids that come with ag.`);
        }
        const report = reportOf(args.id, resolved, config, unlisted === undefined);
        await (args.json ? printJson(report) : print(resolvedText(report, outputWidth(), stdoutPaint)));
        return EXIT.done;
      } catch (cause) {
        if (!args.json || !(cause instanceof GatewayError) || cause.kind !== "unknown-model") throw cause;
        await printJson({ asked: args.id, error: cause.message, nearest: cause.detail.nearest ?? [] });
        return EXIT.failed;
      }
    });
  },
});

export interface ResolveReport {
  /** As it was typed. */
  asked: string;
  /** Upstream id. */
  served: string;
  name: string;
  family: string;
  /** In the order in which they were applied; all but the last lead to another name. */
  rules: ({ text: string; kind: ModelRule["kind"]; from: string; to: string } & RulePlace)[];
  /** Whether the accounts' own list was at hand. */
  listed: boolean;
  /** What the name itself asks for. */
  thinking?: ThinkingRequest;
  image?: ResolvedModel["image"];
  contextTokens: number;
  maxOutputTokens: number;
  thinkingTokens?: { min: number; max: number; default: number };
  mimeTypes: readonly string[];
}

function reportOf(asked: string, resolved: ResolvedModel, config: Config, listed: boolean): ResolveReport {
  const { profile, rule, thinking, image } = resolved;
  const range = profile.thinking;
  return {
    asked,
    served: profile.id,
    name: profile.displayName,
    family: profile.family,
    rules: chainOf(rule).map((each) => ({
      text: ownText(each),
      kind: each.kind,
      from: each.from,
      to: each.to,
      ...rulePlace(each, config.paths.configFile, listed),
    })),
    listed,
    ...(thinking && { thinking }),
    ...(image && { image }),
    contextTokens: profile.contextTokens,
    maxOutputTokens: profile.maxOutputTokens,
    ...(range && {
      thinkingTokens: { min: range.zeroAllowed ? 0 : range.min, max: range.max, default: range.default },
    }),
    mimeTypes: profile.mimeTypes,
  };
}

function chainOf(rule: ModelRule): ModelRule[] {
  return rule.next ? [rule, ...chainOf(rule.next)] : [rule];
}

/** A rule's text without that of the rules after it. */
function ownText({ text, next }: ModelRule): string {
  return next && text.endsWith(`, ${next.text}`) ? text.slice(0, -next.text.length - 2) : text;
}

export function resolvedText(report: ResolveReport, maxWidth: number, { bold, dim }: Paint): string {
  const { asked, served, name, rules, thinking, image, thinkingTokens: range, contextTokens, maxOutputTokens } = report;
  const pictures = [image?.size, image?.aspectRatio].filter((each) => each !== undefined).join(", ");
  const rows: string[][] = [
    ...rules.flatMap(({ text, written }) => [
      ["rule", plain(text)],
      ["written", plain(written)],
    ]),
    ...(thinking ? [["asks for", `${thinkingText(thinking)}, which wins over the request's own field`]] : []),
    ...(pictures ? [["asks for", `pictures of ${pictures}, unless the request says otherwise`]] : []),
    ["family", report.family],
    ["limits", `${contextTokens} tokens of context, ${maxOutputTokens} of answer`],
    ["thinks", range ? `${range.min} to ${range.max} tokens, ${range.default} where the request leaves it open` : "no"],
    ["reads", ["text", ...mediaKinds(report.mimeTypes)].join(", ")],
  ];
  const head = `${plain(asked)} ${dim("→")} ${bold(plain(served))}${name === served ? "" : `   ${plain(name)}`}`;
  return `${head}\n\n${textTable(rows, { maxWidth })}`;
}

function thinkingText(thinking: ThinkingRequest): string {
  switch (thinking.type) {
    case "off":
      return "no thinking";
    case "budget":
      return `${thinking.tokens} tokens of thinking`;
    case "effort":
      return `thinking of effort ${thinking.effort}`;
    case "adaptive":
      return "as much thinking as the model sees fit";
    default:
      return thinking satisfies never;
  }
}

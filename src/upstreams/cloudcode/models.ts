import * as v from "valibot";
import { GatewayError } from "../../core/errors.ts";
import type { DiscoveredModel, Discovery } from "../../core/models.ts";
import type { CredentialOf } from "../../core/upstream.ts";
import { isJsonObject, type JsonObject } from "../../lib/json.ts";
import { lenient } from "../../lib/schema.ts";
import { callForObject, type CallDeps } from "./call.ts";
import type { Hosts } from "./hosts.ts";
import { quotaFields, readQuota } from "./quota.ts";

/**
 * The account's catalogue with its quota. The project must be named: without it, used-up accounts are reported as full.
 * Accounts whose project may not be asked about get the second-best answer. Throws GatewayError.
 */
export async function fetchModels(
  credential: CredentialOf<"antigravity">,
  hosts: Hosts,
  signal: AbortSignal,
  deps: CallDeps,
): Promise<Discovery> {
  const ask = (body: JsonObject) =>
    callForObject(
      {
        hosts: hosts.generate,
        method: "fetchAvailableModels",
        accessToken: credential.accessToken,
        pool: credential.accountId,
        body: () => JSON.stringify(body),
      },
      signal,
      deps,
    );
  try {
    return readDiscovery(await ask({ project: credential.projectId }));
  } catch (cause) {
    const denied = cause instanceof GatewayError && cause.detail.upstreamStatus === 403;
    if (!denied || cause.kind === "account-unusable" || cause.kind === "region-blocked") throw cause;
    return readDiscovery(await ask({}));
  }
}

const count = lenient(v.pipe(v.number(), v.minValue(1)));

const Model = v.looseObject({
  displayName: lenient(v.pipe(v.string(), v.nonEmpty())),
  maxTokens: count,
  maxOutputTokens: count,
  supportsThinking: lenient(v.boolean()),
  thinkingBudget: lenient(v.number()),
  supportedMimeTypes: lenient(v.record(v.string(), v.unknown())),
  quotaInfo: lenient(v.looseObject(quotaFields)),
});

const Replacement = v.looseObject({ newModelId: v.pipe(v.string(), v.nonEmpty()) });

function readDiscovery(answer: JsonObject): Discovery {
  const models = answer["models"];
  if (!isJsonObject(models)) throw new GatewayError("unavailable", "Upstream sent no model list");
  const webSearchIds = readIds(answer["webSearchModelIds"]);
  return {
    models: Object.entries(models).flatMap(([id, entry]) => (isJsonObject(entry) ? [readModel(id, entry)] : [])),
    replacedIds: readReplacedIds(answer["deprecatedModelIds"]),
    ...(webSearchIds.length > 0 && { webSearchIds }),
  };
}

function readIds(list: unknown): string[] {
  return Array.isArray(list) ? list.filter((id) => typeof id === "string" && id !== "") : [];
}

function readModel(id: string, entry: JsonObject): DiscoveredModel {
  const model = v.parse(Model, entry);
  const mimeTypes = model.supportedMimeTypes;
  return {
    id,
    ...(model.displayName !== undefined && { displayName: model.displayName }),
    ...(model.maxTokens !== undefined && { contextTokens: model.maxTokens }),
    ...(model.maxOutputTokens !== undefined && { maxOutputTokens: model.maxOutputTokens }),
    ...(model.supportsThinking !== undefined && { supportsThinking: model.supportsThinking }),
    ...(model.thinkingBudget !== undefined && { thinkingBudget: model.thinkingBudget }),
    ...(mimeTypes && { supportedMimeTypes: Object.keys(mimeTypes).filter((name) => mimeTypes[name] === true) }),
    ...(model.quotaInfo && { quota: readQuota(model.quotaInfo) }),
  };
}

function readReplacedIds(deprecated: unknown): Record<string, string> {
  if (!isJsonObject(deprecated)) return {};
  const entries = Object.entries(deprecated).flatMap(([id, entry]): [string, string][] =>
    v.is(Replacement, entry) ? [[id, entry.newModelId]] : [],
  );
  return Object.fromEntries(entries);
}

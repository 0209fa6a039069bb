import type { Config } from "../config/load.ts";
import { GatewayError } from "../core/errors.ts";
import type { ModelProfile, ResolvedModel } from "../core/models.ts";
import type { FallbackModel } from "../gateway/fallback.ts";

type Resolve = (name: string, signal: AbortSignal) => Promise<ResolvedModel>;

/** The configured chains as the gateway asks for them: names in them count as clients' names do. */
export function composeFallback({ fallback, fallbackSwitch }: Config, resolve: Resolve) {
  const chains = fallbackSwitch === false ? [] : Object.entries(fallback);
  const known = async (name: string, signal: AbortSignal): Promise<ResolvedModel | undefined> => {
    try {
      return await resolve(name, signal);
    } catch (cause) {
      if (cause instanceof GatewayError && cause.kind === "unknown-model") return undefined;
      throw cause;
    }
  };
  return async (model: ModelProfile, signal: AbortSignal): Promise<readonly FallbackModel[]> => {
    for (const [name, entries] of chains) {
      if ((await known(name, signal))?.profile.id !== model.id) continue;
      const found = await Promise.all(
        entries.map(async (entry): Promise<FallbackModel | undefined> => {
          const { model: target, crossFamily } =
            typeof entry === "string" ? { model: entry, crossFamily: false } : entry;
          const resolved = await known(target, signal);
          return resolved && { ...resolved, crossFamily };
        }),
      );
      return found.filter((entry) => entry !== undefined);
    }
    return [];
  };
}

import { GatewayError } from "../core/errors.ts";
import type { Caller } from "../core/keys.ts";
import type { ResolvedModel } from "../core/models.ts";

/**
 * Throws `forbidden` when whoever asks under the name `asked` may not be served by the model that it stands for; absent:
 * nobody knows which. `field`: where the client wrote the name.
 */
export function refuseHidden(
  asked: string,
  found: Pick<ResolvedModel, "profile" | "rule"> | undefined,
  maySee: Caller["maySee"],
  field = "model",
): void {
  if (maySee(asked, found?.profile.id ?? asked, found?.rule.from)) return;
  throw new GatewayError("forbidden", `This key may not use the model ${JSON.stringify(asked)}`, { field });
}

import { refuse } from "./refusal.ts";
import type { ServedModel } from "./model-table.ts";
import type { WireEnvelope } from "./wire-types.ts";
import type { ServedAccount } from "./world.ts";

export interface EnvelopeContext {
  account: ServedAccount;
  models: ReadonlyMap<string, ServedModel>;
  seenRequestIds: ReadonlySet<string>;
  projectExists(project: string): boolean;
}

const REQUEST_TYPES: ReadonlySet<string> = new Set(["agent", "image_gen", "web_search"]);

/** Project, model and the identifying fields beside `request`. Returns the model that was asked for. */
export function checkEnvelope(envelope: WireEnvelope, context: EnvelopeContext): ServedModel {
  checkProject(envelope.project, context);
  const model = findModel(envelope.model, context);
  if (envelope.userAgent !== "antigravity") refuse("user-agent-field", 'userAgent must be "antigravity".');
  if (envelope.requestType === undefined || !REQUEST_TYPES.has(envelope.requestType)) {
    refuse("request-type", `Invalid request_type: '${envelope.requestType ?? ""}'.`);
  }
  if ((envelope.requestType === "image_gen") !== model.image) {
    refuse("request-type-for-model", `request_type '${envelope.requestType}' does not fit model ${model.id}.`);
  }
  checkRequestId(envelope, context.seenRequestIds);
  if (envelope.request === undefined) refuse("request-missing", "request is required.");
  if (envelope.requestType !== "web_search") checkSessionId(envelope.request.sessionId);
  return model;
}

export function checkProject(
  project: string | undefined,
  context: Pick<EnvelopeContext, "account" | "projectExists">,
): void {
  if (project === undefined || project === "") {
    refuse("project-missing", "Invalid project resource name projects/");
  }
  if (project === context.account.project) return;
  if (context.projectExists(project)) {
    refuse(
      "project-foreign",
      `Permission 'cloudaicompanion.instances.completeTask' denied on resource 'projects/${project}'.`,
      403,
    );
  }
  refuse(
    "project-unknown",
    `Resource projects/${project} could not be found: Resource projects/${project} not found.`,
    404,
  );
}

function findModel(id: string | undefined, context: EnvelopeContext): ServedModel {
  const model = id === undefined ? undefined : context.models.get(id);
  if (!model) refuse("model-unknown", "Requested entity was not found.", 404);
  if (context.account.models && !context.account.models.includes(model.id)) {
    refuse("model-not-on-account", "Requested entity was not found.", 404);
  }
  return model;
}

/** The app's own form, a negative 64-bit integer as text. The service may be laxer; nobody has to find out. */
function checkSessionId(sessionId: string | undefined): void {
  if (sessionId === undefined) refuse("session-id-missing", "request.session_id is required.");
  if (!/^-[1-9]\d{0,18}$/.test(sessionId) || BigInt(sessionId) < -(2n ** 63n)) {
    refuse("session-id-form", "request.session_id must be a negative 64-bit integer.");
  }
}

/** Web searches carry none; every other call has its own. The service would answer a reused id with the earlier reply. */
function checkRequestId(envelope: WireEnvelope, seen: ReadonlySet<string>): void {
  const { requestId } = envelope;
  if (requestId === undefined && envelope.requestType === "web_search") return;
  if (requestId === undefined || requestId === "") refuse("request-id-missing", "request_id is required.");
  if (seen.has(requestId)) refuse("request-id-reused", `request_id '${requestId}' was used before.`);
}

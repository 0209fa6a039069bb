import { GatewayError } from "../core/errors.ts";
import { isAbsent } from "../core/lenient.ts";
import type { Loss } from "../core/losses.ts";
import type { ResponseStore, StoredResponse } from "../core/store.ts";
import { BoundedMap } from "../lib/bounded-map.ts";
import type { Clock } from "../lib/clock.ts";
import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";

export interface ResponseHistoryDeps {
  /** Absent: answers are not kept (`responses.store` is off). */
  store: ResponseStore | undefined;
  /** How long answers are kept. */
  keepMs: number;
  clock: Clock;
  /** How much of recent answers is held in memory, in characters of JSON. */
  heldCharacters: number;
}

/**
 * What clients of the Responses API refer to by id instead of sending it again. `owner` is the handle of the key that asks:
 * what one key was answered, another does not see.
 */
export interface ResponseHistory {
  /**
   * The body with all it refers to in it: before its input, the conversation up to `previous_response_id`, without the
   * instructions of that time; and items of recent answers in the place of references to them. Its `store` says whether the
   * answer will be kept. A reference to what is not known, or of the wrong shape, is left for the parser. Throws
   * GatewayError: `invalid-request` where answers are not kept, `not-found`.
   */
  expand(body: unknown, owner: string | undefined): Promise<Expanded>;
  /**
   * Remembers the items of an answer in memory, and the answer itself in the store where answers are kept and the client has
   * not said `store: false`. `body` is the expanded one. Rejects with what the store throws.
   */
  keep(body: unknown, reply: JsonObject, owner: string | undefined): Promise<void>;
  /** A kept answer. Throws GatewayError, like the following. */
  find(id: string, owner: string | undefined): Promise<JsonObject>;
  /** What it answered: the conversation up to it, each item with an id. */
  inputItems(id: string, owner: string | undefined): Promise<readonly JsonValue[]>;
  remove(id: string, owner: string | undefined): Promise<void>;
}

export interface Expanded {
  body: unknown;
  losses: readonly Loss[];
}

const SETTING = '"responses": { "store": true } in config.jsonc';

export function createResponseHistory(deps: ResponseHistoryDeps): ResponseHistory {
  const { store, keepMs, clock } = deps;
  const recent = new BoundedMap<JsonObject>(deps.heldCharacters);

  const kept = async (
    id: string,
    owner: string | undefined,
    keeping: ResponseStore,
    field?: string,
  ): Promise<StoredResponse> => {
    const record = await keeping.find(id, clock.now() - keepMs);
    if (!record || record.owner !== owner) throw notFound(id, field);
    return record;
  };
  const opted = (): ResponseStore => {
    if (!store) throw new GatewayError("invalid-request", `Answers are not kept here; to keep them, set ${SETTING}`);
    return store;
  };

  return {
    async expand(body, owner) {
      if (!isJsonObject(body)) return { body, losses: [] };
      const { previous_response_id: previous, ...rest } = body;
      const input = resolved(rest["input"], (id) => recent.get(recentKey(id, owner)));
      const told = {
        ...rest,
        ...((isAbsent(rest["store"]) || rest["store"] === true) && { store: store !== undefined }),
        ...(input !== undefined && { input }),
      };
      const losses = rest["store"] === true && !store ? [NOT_KEPT] : [];
      if (isAbsent(previous) || previous === "") return { body: told, losses };
      if (typeof previous !== "string") return { body, losses };
      if (!store) {
        const message = `previous_response_id needs ${SETTING}; without it, send the whole conversation`;
        throw new GatewayError("invalid-request", message, { field: PREVIOUS });
      }
      const record = await kept(previous, owner, store, PREVIOUS);
      const whole = [...record.input, ...outputOf(record.response), ...itemsOf(input)];
      return { body: { ...told, previous_response_id: previous, input: whole }, losses };
    },

    async keep(body, reply, owner) {
      for (const item of outputOf(reply)) {
        if (isJsonObject(item) && typeof item["id"] === "string") {
          recent.set(recentKey(item["id"], owner), item, JSON.stringify(item).length);
        }
      }
      const { id } = reply;
      if (!store || typeof id !== "string" || !isJsonObject(body) || body["store"] === false) return;
      const createdAt = clock.now();
      await store.save({
        id,
        input: itemsOf(body["input"]),
        response: reply,
        createdAt,
        ...(owner !== undefined && { owner }),
      });
    },

    async find(id, owner) {
      return (await kept(id, owner, opted())).response;
    },

    async inputItems(id, owner) {
      const { input } = await kept(id, owner, opted());
      return input.map((item, index) => withId(item, `item_${index}_${id}`));
    },

    async remove(id, owner) {
      const keeping = opted();
      await kept(id, owner, keeping);
      await keeping.remove(id);
    },
  };
}

const PREVIOUS = "previous_response_id";
const NOT_KEPT: Loss = { field: "store", why: `the answer is not kept; to keep answers, set ${SETTING}` };

function notFound(id: string, field: string | undefined): GatewayError {
  const shown = id.length > LONGEST_SHOWN ? `${id.slice(0, LONGEST_SHOWN)}…` : id;
  const message = `There is no response '${shown}': it was never kept here, or not for so long`;
  return new GatewayError("not-found", message, field === undefined ? {} : { field });
}

/** Ids are the client's text. */
const LONGEST_SHOWN = 100;

/** The items of an input: a text is a message of the user, and a single item is a list of it. */
function itemsOf(input: JsonValue | undefined): JsonValue[] {
  if (isAbsent(input)) return [];
  if (Array.isArray(input)) return input;
  return [typeof input === "string" ? { type: "message", role: "user", content: input } : input];
}

function outputOf({ output }: JsonObject): JsonValue[] {
  return Array.isArray(output) ? output : [];
}

/** Item ids are short and random, but not secret. */
function recentKey(id: string, owner: string | undefined): string {
  return `${owner ?? ""} ${id}`;
}

/** The same input when nothing in it refers to a recent answer. */
function resolved(input: JsonValue | undefined, recent: (id: string) => JsonObject | undefined): JsonValue | undefined {
  if (!Array.isArray(input)) return input;
  let isChanged = false;
  const items = input.map((item) => {
    const id = referenceIn(item);
    const found = id === undefined ? undefined : recent(id);
    if (found) isChanged = true;
    return found ?? item;
  });
  return isChanged ? items : input;
}

/** The id that stands for an item as a whole, or for thinking whose content was left out. */
function referenceIn(item: JsonValue): string | undefined {
  if (!isJsonObject(item) || typeof item["id"] !== "string") return undefined;
  const { id, type } = item;
  if (type === "item_reference" || (isAbsent(type) && isAbsent(item["role"]))) return id;
  return type === "reasoning" && isAbsent(item["encrypted_content"]) ? id : undefined;
}

function withId(item: JsonValue, id: string): JsonValue {
  return !isJsonObject(item) || typeof item["id"] === "string" ? item : { ...item, id };
}

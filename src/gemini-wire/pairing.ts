import type { FunctionResponse } from "../core/request.ts";
import type { Call, ModelTurn, Turn, UserTurn } from "./turns.ts";

/**
 * Gives every call of the conversation at most one result, in place (`call.result`). A result belongs to the call of
 * the same id in the model turn before it; failing that, to an unanswered call of that id elsewhere; failing that, to
 * the only unanswered call of its name. Returns the results that belong to no call; second results for one call are
 * in neither place.
 */
export function pairResults(turns: readonly Turn[]): Set<FunctionResponse> {
  const orphans = new Set<FunctionResponse>();
  const strays: Stray[] = [];
  for (const [index, turn] of turns.entries()) {
    if (turn.role === "model") continue;
    const before = turns[index - 1];
    const calls = before?.role === "model" ? before.calls : [];
    const take = byIdOrName(calls);
    for (const result of resultsOf(turn)) {
      const call = take(result);
      if (call) call.result = result;
      else strays.push({ result, index, calls });
    }
  }
  if (strays.length === 0) return orphans;

  const placed = placedCalls(turns);
  for (const stray of strays) {
    const home = findHome(stray, placed);
    if (home === "duplicate") continue;
    if (home) home.result = stray.result;
    else orphans.add(stray.result);
  }
  return orphans;
}

interface Stray {
  result: FunctionResponse;
  /** Of its turn. */
  index: number;
  /** The calls of the model turn before it. */
  calls: readonly Call[];
}

interface PlacedCall {
  call: Call;
  index: number;
}

function* resultsOf(turn: UserTurn): Generator<FunctionResponse> {
  for (const item of turn.items) if ("result" in item) yield item.result;
}

/** Hands out each of the calls once: by id, or in order by name when the client sends no ids. */
function byIdOrName(calls: readonly Call[]): (result: FunctionResponse) => Call | undefined {
  const queues = new Map<string, Call[]>();
  const enqueue = (key: string, call: Call) => {
    const queue = queues.get(key);
    if (queue) queue.push(call);
    else queues.set(key, [call]);
  };
  for (const call of calls) {
    if (call.id !== "") enqueue(`id ${call.id}`, call);
    enqueue(`name ${call.name}`, call);
  }
  return ({ id, name }) => {
    const queue = queues.get(id === "" ? `name ${name}` : `id ${id}`);
    let call = queue?.shift();
    while (call?.result) call = queue?.shift();
    return call;
  };
}

function placedCalls(turns: readonly Turn[]): { byId: Map<string, PlacedCall[]>; byName: Map<string, PlacedCall[]> } {
  const byId = new Map<string, PlacedCall[]>();
  const byName = new Map<string, PlacedCall[]>();
  for (const [index, turn] of turns.entries()) {
    if (turn.role === "user") continue;
    for (const call of turn.calls) {
      const placed = { call, index };
      for (const [map, key] of [[byId, call.id] as const, [byName, call.name] as const]) {
        const list = map.get(key);
        if (list) list.push(placed);
        else map.set(key, [placed]);
      }
    }
  }
  return { byId, byName };
}

function findHome(
  { result, index, calls }: Stray,
  { byId, byName }: ReturnType<typeof placedCalls>,
): Call | "duplicate" | undefined {
  if (result.id !== "") {
    if (calls.some((call) => call.id === result.id)) return "duplicate";
    const sameId = byId.get(result.id) ?? [];
    const earlier = sameId.filter((placed) => placed.index < index);
    const home =
      earlier.findLast(({ call }) => !call.result) ??
      (earlier.length === 0 ? sameId.find(({ call }) => !call.result) : undefined);
    if (home) return home.call;
    if (sameId.length > 0) return "duplicate";
  }
  if (result.name === "") return undefined;
  const beside = calls.filter((call) => call.name === result.name && !call.result);
  if (beside.length === 1) return beside[0];
  const open = (byName.get(result.name) ?? []).filter((placed) => placed.index < index && !placed.call.result);
  return open.length === 1 ? open[0]?.call : undefined;
}

/** Removes user turns that nothing is left of (their results belong elsewhere) and joins the model turns they kept apart. */
export function closeGaps(turns: readonly Turn[], orphans: ReadonlySet<FunctionResponse>): Turn[] {
  const closed: Turn[] = [];
  for (const turn of turns) {
    const last = closed.at(-1);
    if (turn.role === "model" && last?.role === "model") join(last, turn);
    else if (turn.role === "model" || hasOwnContent(turn, orphans) || awaitsResults(last)) closed.push(turn);
  }
  return closed;
}

function hasOwnContent(turn: UserTurn, orphans: ReadonlySet<FunctionResponse>): boolean {
  return turn.items.some((item) => "part" in item || orphans.has(item.result));
}

function awaitsResults(turn: Turn | undefined): boolean {
  return turn?.role === "model" && turn.calls.length > 0;
}

function join(into: ModelTurn, from: ModelTurn): void {
  into.thoughts.push(...from.thoughts);
  into.parts.push(...from.parts);
  into.callParts.push(...from.callParts);
  into.calls.push(...from.calls);
}

/**
 * Gives every call of a conversation an id and every result the id of its call. Most clients of this protocol drop the ids
 * that calls had, some keep them on one side only; models other than Gemini need both, and the same in every later turn:
 * an id that is made depends on nothing but the calls before it.
 */
export interface CallIds {
  /** A new turn of the model begins. */
  turn(): void;
  /** The id of the next call; `id` as the client gave it. */
  called(name: string, id: string | undefined): string;
  /**
   * The call that a result answers: of its id, else the first unanswered one of its name in the latest turn that has one, else,
   * for a result without a name, the first unanswered one at all. `undefined`: there is none.
   */
  answered(name: string | undefined, id: string | undefined): { id: string; name: string } | undefined;
}

interface OpenCall {
  id: string;
  name: string;
  isAnswered: boolean;
  /** The client gave the call no id. */
  isMade: boolean;
}

/** The calls of one name in one turn. */
interface Group {
  turn: number;
  calls: OpenCall[];
}

/** No function is called so: a group of all calls of a turn. */
const ANY_NAME = "";

/** Of a group that is being emptied: it stands in reverse, so that the next call is its last. */
const DRAINING = -1;

export function callIds(): CallIds {
  const used = new Set<string>();
  const made = new Map<string, number>();
  const byId = new Map<string, OpenCall[]>();
  const byName = new Map<string, Group[]>();
  let turn = 0;

  function makeId(name: string): string {
    let count = made.get(name) ?? 0;
    let id: string;
    do id = `call_${name}_${++count}`;
    while (used.has(id));
    made.set(name, count);
    return id;
  }

  function enqueue(name: string, call: OpenCall): void {
    const groups = byName.get(name) ?? [];
    byName.set(name, groups);
    const last = groups.at(-1);
    if (last?.turn === turn) last.calls.push(call);
    else groups.push({ turn, calls: [call] });
  }

  function openCall(name: string): OpenCall | undefined {
    const groups = byName.get(name) ?? [];
    for (let group = groups.at(-1); group; group = groups.at(-1)) {
      if (group.turn !== DRAINING) {
        group.calls.reverse();
        group.turn = DRAINING;
      }
      while (group.calls.at(-1)?.isAnswered) group.calls.pop();
      const call = group.calls.at(-1);
      if (call) return call;
      groups.pop();
    }
    return undefined;
  }

  return {
    turn() {
      turn++;
    },
    called(name, given) {
      const id = given ?? makeId(name);
      used.add(id);
      const call: OpenCall = { id, name, isAnswered: false, isMade: given === undefined };
      const sameId = byId.get(id);
      if (sameId) sameId.push(call);
      else byId.set(id, [call]);
      enqueue(name, call);
      enqueue(ANY_NAME, call);
      return id;
    },
    answered(name, id) {
      const sameId = id === undefined ? [] : (byId.get(id) ?? []);
      const latest = sameId.at(-1);
      if (latest) {
        latest.isAnswered = true;
        return { id: latest.id, name: name ?? latest.name };
      }
      const call = openCall(name ?? ANY_NAME);
      // A result with an id of its own answers a call that lost its id, never one that has another.
      if (!call || (id !== undefined && !call.isMade)) return undefined;
      call.isAnswered = true;
      return { id: call.id, name: call.name };
    },
  };
}

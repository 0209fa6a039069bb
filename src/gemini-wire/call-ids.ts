import { shortHash } from "../lib/short-hash.ts";

/**
 * Hands out the id a tool call has on the wire: the client's own where that is legal and free, else one derived from
 * it. Unique over the request, and the same for the same calls in the same order, so that prompt prefixes stay equal.
 */
export function callIds(): (id: string, wireName: string) => string {
  const used = new Set<string>();
  const lastCount = new Map<string, number>();
  return (id, wireName) => {
    const wanted = id === "" ? `call_${wireName}` : legal(id);
    let wireId = wanted;
    // Ids of nameless origin are always numbered; others only when an earlier call has taken theirs.
    if (id === "" || used.has(wanted)) {
      let count = lastCount.get(wanted) ?? (id === "" ? 0 : 1);
      do wireId = `${wanted}_${++count}`;
      while (used.has(wireId));
      lastCount.set(wanted, count);
    }
    used.add(wireId);
    return wireId;
  };
}

// Claude's pattern; Gemini takes anything.
function legal(id: string): string {
  return /^[A-Za-z0-9_-]+$/.test(id) ? id : `${id.replace(/[^A-Za-z0-9_-]/g, "_")}_${shortHash(id)}`;
}

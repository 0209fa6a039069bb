import type { FieldTable } from "../core/field-table.ts";
import { PROTOCOL_IDS, type ProtocolId } from "../core/protocol.ts";
import { protocols } from "./protocols.ts";

export interface Compatibility {
  id: ProtocolId;
  /** Each object of a request once, the body first. */
  tables: readonly FieldTable[];
}

/** What becomes of every field of every protocol's requests: the tables by which requests are judged. */
export async function compatibility(): Promise<Compatibility[]> {
  const loaded = await Promise.all(Object.values(protocols).map(({ load }) => load()));
  return PROTOCOL_IDS.map((id) => {
    const same = loaded.filter((protocol) => protocol.id === id);
    return { id, tables: [...new Set(same.flatMap(({ fields }) => fields))] };
  });
}

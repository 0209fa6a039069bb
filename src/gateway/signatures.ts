import type { Family } from "../core/models.ts";
import type { Content, GenerateRequest, Part } from "../core/request.ts";
import { signatureFamily } from "../core/signature-family.ts";
import type { SignatureRecord, SignatureStore } from "../core/store.ts";
import type { TurnEvent } from "../core/turn.ts";
import { BoundedMap } from "../lib/bounded-map.ts";
import type { Clock } from "../lib/clock.ts";

/**
 * Thought signatures over turns, restarts and model switches.
 *
 * Clients lose them: Anthropic clients drop what is on a tool call, chat clients drop everything. So each signature an
 * answer carries is kept under the one thing it signs, and put back when that thing comes back:
 *
 * | key                       | holds                              | kept   |
 * |---------------------------|------------------------------------|--------|
 * | `call:<tool-call id>`     | the call's signature               | store  |
 * | `signed:<hash of sig>`    | hash of the thinking it signs      | store  |
 * | conversation + exact text | a visible text's signature         | memory |
 * | tool-call id              | the signed thinking before a call  | memory |
 * | signature                 | thinking the client did not want   | memory |
 *
 * Thinking text is part of an answer and therefore never written to disk.
 */
export interface SignatureMemory {
  /**
   * The request as it should go to `family`: remembered signatures restored, held thinking put back before its tool
   * calls, every signature removed that is foreign to the family or not over exactly that text. Copies what changes.
   */
  restore(request: GenerateRequest, family: Family, conversationKey: string): Promise<GenerateRequest>;
  /** Watches one answer. Feed it every batch, in order. */
  watch(family: Family, conversationKey: string): (events: readonly TurnEvent[]) => void;
}

export interface SignatureMemoryDeps {
  store: SignatureStore;
  clock: Clock;
  /** Short digest; collisions must be negligible over some ten thousand texts. */
  hash(text: string): string;
  /** Entries of the in-memory index over the store. */
  indexEntries: number;
  /** Characters of thinking held in memory over all conversations. */
  heldCharacters: number;
}

type Remembered = Pick<SignatureRecord, "family" | "value">;

interface SignedThinking {
  text: string;
  signature: string;
}

/** Our own tool-call ids; a foreign id cannot be in the store, so it is not looked up there. */
const OWN_CALL_ID = /^call_[A-Za-z0-9_-]{24}$/;

export function createSignatureMemory(deps: SignatureMemoryDeps): SignatureMemory {
  const index = new BoundedMap<Remembered>(deps.indexEntries);
  const textSignatures = new BoundedMap<Remembered>(deps.indexEntries);
  const held = new BoundedMap<{ family: Family; blocks: readonly SignedThinking[] }>(deps.heldCharacters);
  const omitted = new BoundedMap<string>(deps.heldCharacters);

  const signedKey = (signature: string) => `signed:${deps.hash(signature)}`;
  const textKey = (conversation: string, text: string) => deps.hash(`${conversation}\u0000${text}`);

  /** Brings what the store knows about this history into the index, with one query. */
  async function load(contents: readonly Content[]): Promise<void> {
    const missing = new Set<string>();
    for (const { role, parts } of contents) {
      if (role === "user") continue;
      for (const part of parts) {
        const key = storeKey(part);
        if (key !== undefined && index.get(key) === undefined) missing.add(key);
      }
    }
    if (missing.size === 0) return;
    for (const [key, record] of await deps.store.find([...missing])) index.set(key, record);
  }

  function storeKey({ functionCall, thought, thoughtSignature }: Part): string | undefined {
    if (functionCall) return OWN_CALL_ID.test(functionCall.id) ? `call:${functionCall.id}` : undefined;
    return thought && thoughtSignature !== undefined ? signedKey(thoughtSignature) : undefined;
  }

  function restorePart(part: Part, family: Family, conversation: string): Part {
    if (part.thought) return restoreThought(part, family);
    const remembered = rememberedFor(part, family, conversation);
    if (remembered) return withSignature(part, remembered.family === family ? remembered.value : undefined);
    return withSignature(part, believed(part.thoughtSignature, family));
  }

  function rememberedFor({ functionCall, text }: Part, family: Family, conversation: string): Remembered | undefined {
    if (functionCall) return index.get(`call:${functionCall.id}`);
    // Only Gemini signs visible text; hashing a long history for nothing would cost more than the rest of this.
    if (text === undefined || family !== "gemini" || textSignatures.size === 0) return undefined;
    return textSignatures.get(textKey(conversation, text));
  }

  function restoreThought(part: Part, family: Family): Part {
    const signature = part.thoughtSignature;
    if (signature === undefined) return part;
    const text = part.text || omitted.get(signature) || "";
    const remembered = index.get(signedKey(signature));
    const genuine = remembered
      ? remembered.family === family && remembered.value === deps.hash(text)
      : believed(signature, family) !== undefined;
    return withSignature(text === part.text ? part : { ...part, text }, genuine ? signature : undefined);
  }

  /** Signed thinking that the client did not bring back, for the front of the turn whose tool calls it led to. */
  function heldFor(parts: readonly Part[], family: Family): Part[] {
    if (parts.some((part) => part.thought && part.thoughtSignature !== undefined)) return [];
    const call = parts.findLast((part) => part.functionCall)?.functionCall; // the last call has all thinking before it
    const thinking = call && held.get(call.id);
    if (thinking?.family !== family) return [];
    return thinking.blocks.map(({ text, signature }) => ({ text, thought: true, thoughtSignature: signature }));
  }

  return {
    async restore(request, family, conversation) {
      await load(request.contents);
      const contents = request.contents.map(({ role, parts }): Content => {
        if (role === "user") return { role, parts };
        const restored = parts.map((part) => restorePart(part, family, conversation));
        // Only Claude requires a tool loop to keep its thinking.
        return { role, parts: family === "claude" ? [...heldFor(restored, family), ...restored] : restored };
      });
      return { ...request, contents };
    },

    watch(family, conversation) {
      const thinking: SignedThinking[] = [];
      let open = { kind: "", id: "", texts: [] as string[] };

      const remember = (key: string, value: string) => {
        index.set(key, { family, value });
        deps.store.remember([{ key, family, value, at: deps.clock.now() }]);
      };

      const onBlockEnd = (signature: string | undefined) => {
        if (open.kind === "tool") {
          if (thinking.length > 0) held.set(open.id, { family, blocks: [...thinking] }, weightOf(thinking));
          if (signature !== undefined) remember(`call:${open.id}`, signature);
          return;
        }
        if (signature === undefined) return;
        const text = open.texts.join("");
        if (open.kind === "text") textSignatures.set(textKey(conversation, text), { family, value: signature });
        if (open.kind !== "thinking") return;
        thinking.push({ text, signature });
        omitted.set(signature, text, text.length + signature.length);
        remember(signedKey(signature), deps.hash(text));
      };

      return (events) => {
        for (const event of events) {
          switch (event.type) {
            case "block-start":
              open = { kind: event.head.kind, id: event.head.kind === "tool" ? event.head.id : "", texts: [] };
              break;
            case "block-delta":
              open.texts.push(event.text);
              break;
            case "block-end":
              onBlockEnd(event.signature);
              break;
            case "turn-start":
            case "turn-end":
              break;
            default:
              event satisfies never;
          }
        }
      };
    },
  };
}

/** A signature never seen here is believed when its encoding is the family's; a wrong guess costs one retry. */
function believed(signature: string | undefined, family: Family): string | undefined {
  return signature !== undefined && signatureFamily(signature) === family ? signature : undefined;
}

function withSignature(part: Part, signature: string | undefined): Part {
  if (part.thoughtSignature === signature) return part;
  const { thoughtSignature: _replaced, ...rest } = part;
  return signature === undefined ? rest : { ...rest, thoughtSignature: signature };
}

function weightOf(thinking: readonly SignedThinking[]): number {
  return thinking.reduce((sum, block) => sum + block.text.length + block.signature.length, 0);
}

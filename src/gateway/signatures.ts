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
 * | `thought:<hash of text>`  | the signature of that thinking     | store  |
 * | context + exact text      | a visible text's signature         | memory |
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
  /** Watches the answer to one request. Feed it every batch, in order. */
  watch(request: GenerateRequest, family: Family, conversationKey: string): (events: readonly TurnEvent[]) => void;
  /** Upstream refused this request for its signatures: none of them is sent again. */
  distrust(request: GenerateRequest): void;
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
  const refused = new BoundedMap<true>(deps.indexEntries);

  const signedKey = (signature: string) => `signed:${deps.hash(signature)}`;
  // Its signature is over the text alone: wherever that comes from, it is the right one.
  const thoughtKey = (text: string) => `thought:${deps.hash(text)}`;
  // A short answer such as "Done." is given again and again: only with what it answered is it one certain text.
  const textKey = (conversation: string, context: string, text: string) =>
    deps.hash([conversation, context, text].join("\u0000"));

  /** Brings what the store knows about this history into the index, with one query. */
  async function load(contents: readonly Content[], family: Family): Promise<void> {
    const missing = new Set<string>();
    for (const { role, parts } of contents) {
      if (role === "user") continue;
      for (const part of parts) {
        const key = storeKey(part, family);
        if (key !== undefined && index.get(key) === undefined) missing.add(key);
      }
    }
    if (missing.size === 0) return;
    for (const [key, record] of await deps.store.find([...missing])) index.set(key, record);
  }

  function storeKey({ functionCall, thought, thoughtSignature, text }: Part, family: Family): string | undefined {
    if (functionCall) return OWN_CALL_ID.test(functionCall.id) ? `call:${functionCall.id}` : undefined;
    if (!thought) return undefined;
    if (thoughtSignature !== undefined) return signedKey(thoughtSignature);
    return text && family === "claude" ? thoughtKey(text) : undefined;
  }

  function restorePart(part: Part, family: Family, textSignature: (text: string) => Remembered | undefined): Part {
    if (part.thought) return restoreThought(part, family);
    const { functionCall, text } = part;
    const remembered = functionCall ? index.get(`call:${functionCall.id}`) : text !== undefined && textSignature(text);
    if (!remembered) return withSignature(part, believed(part.thoughtSignature, family));
    return withSignature(part, remembered.family === family ? trusted(remembered.value) : undefined);
  }

  /** How visible texts of one model turn find their signatures. */
  function textSignaturesAfter(contents: readonly Content[], position: number, family: Family, conversation: string) {
    // Only Gemini signs visible text; hashing a long history for nothing would cost more than the rest of this.
    if (family !== "gemini" || textSignatures.size === 0) return () => undefined;
    const context = contextBefore(contents, position);
    return (text: string) => textSignatures.get(textKey(conversation, context, text));
  }

  /** A signature never seen here is believed when its encoding is the family's; a wrong guess costs one retry. */
  function believed(signature: string | undefined, family: Family): string | undefined {
    return signature !== undefined && signatureFamily(signature) === family ? trusted(signature) : undefined;
  }

  function trusted(signature: string): string | undefined {
    return refused.get(deps.hash(signature)) ? undefined : signature;
  }

  function restoreThought(part: Part, family: Family): Part {
    const signature = part.thoughtSignature;
    if (signature === undefined) return signThought(part, family);
    const text = part.text || omitted.get(signature) || "";
    const remembered = index.get(signedKey(signature));
    const genuine = remembered
      ? remembered.family === family && remembered.value === deps.hash(text) && trusted(signature) !== undefined
      : believed(signature, family) !== undefined;
    return withSignature(text === part.text ? part : { ...part, text }, genuine ? signature : undefined);
  }

  /** Clients of the Gemini protocol lose a signature that stands in a part of its own. Only Claude signs thinking. */
  function signThought(part: Part, family: Family): Part {
    const remembered = part.text && family === "claude" ? index.get(thoughtKey(part.text)) : undefined;
    return remembered?.family === family ? withSignature(part, trusted(remembered.value)) : part;
  }

  /** Signed thinking that the client did not bring back, for the front of the turn whose tool calls it led to. */
  function heldFor(parts: readonly Part[], family: Family): Part[] {
    if (parts.some((part) => part.thought && part.thoughtSignature !== undefined)) return [];
    const call = parts.findLast((part) => part.functionCall)?.functionCall; // the last call has all thinking before it
    const thinking = call && held.get(call.id);
    if (thinking?.family !== family) return [];
    const blocks = thinking.blocks.filter(({ signature }) => trusted(signature) !== undefined);
    return blocks.map(({ text, signature }) => ({ text, thought: true, thoughtSignature: signature }));
  }

  return {
    async restore(request, family, conversation) {
      await load(request.contents, family);
      const contents = request.contents.map(({ role, parts }, position): Content => {
        // Only a model signs; what stands in a user's turn is a client's mistake.
        if (role === "user") return { role, parts: parts.some(isSigned) ? parts.map(unsigned) : parts };
        const textSignature = textSignaturesAfter(request.contents, position, family, conversation);
        const restored = parts.map((part) => restorePart(part, family, textSignature));
        // Only Claude requires a tool loop to keep its thinking.
        return { role, parts: family === "claude" ? [...heldFor(restored, family), ...restored] : restored };
      });
      return { ...request, contents };
    },

    distrust({ contents }) {
      for (const { parts } of contents) {
        for (const { thoughtSignature } of parts) {
          if (thoughtSignature !== undefined) refused.set(deps.hash(thoughtSignature), true);
        }
      }
    },

    watch({ contents }, family, conversation) {
      const context = contextBefore(contents, contents.length);
      /** Thinking blocks of this answer by index; the signature may come late. */
      const thinking = new Map<number, { text: string; signature?: string }>();
      const callIds: string[] = [];
      let open = { kind: "", id: "", texts: [] as string[] };

      const remember = (...entries: readonly (readonly [key: string, value: string])[]) => {
        const at = deps.clock.now();
        for (const [key, value] of entries) index.set(key, { family, value });
        deps.store.remember(entries.map(([key, value]) => ({ key, family, value, at })));
      };

      const hold = (callId: string) => {
        const blocks = [...thinking.values()].flatMap(({ text, signature }) =>
          signature === undefined ? [] : { text, signature },
        );
        if (blocks.length > 0) held.set(callId, { family, blocks }, weightOf(blocks));
      };

      const onSignedThinking = (block: { text: string; signature?: string }, signature: string) => {
        block.signature = signature;
        omitted.set(signature, block.text, block.text.length + signature.length);
        const { text } = block;
        remember(
          [signedKey(signature), deps.hash(text)],
          ...(text === "" ? [] : [[thoughtKey(text), signature] as const]),
        );
        for (const callId of callIds) hold(callId);
      };

      const onBlockEnd = (blockIndex: number, signature: string | undefined) => {
        if (open.kind === "tool") {
          callIds.push(open.id);
          hold(open.id);
          if (signature !== undefined) remember([`call:${open.id}`, signature]);
          return;
        }
        const text = open.texts.join("");
        if (open.kind === "thinking") {
          const block = { text };
          thinking.set(blockIndex, block);
          if (signature !== undefined) onSignedThinking(block, signature);
        } else if (open.kind === "text" && text !== "" && signature !== undefined) {
          textSignatures.set(textKey(conversation, context, text), { family, value: signature });
        }
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
              onBlockEnd(event.index, event.signature);
              break;
            case "late-signature": {
              const block = thinking.get(event.index);
              if (block) onSignedThinking(block, event.signature);
              break;
            }
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

/** Whether signed thinking that a client brought back has lost its signature, and so will not be sent. */
export function losesThinking(asked: GenerateRequest, restored: GenerateRequest): boolean {
  const brought = thoughtSignatures(asked);
  if (brought.size === 0) return false;
  return !brought.isSubsetOf(thoughtSignatures(restored));
}

function thoughtSignatures({ contents }: GenerateRequest): Set<string> {
  const signatures = new Set<string>();
  for (const { role, parts } of contents) {
    if (role === "user") continue;
    for (const { thought, thoughtSignature } of parts) {
      if (thought && thoughtSignature !== undefined) signatures.add(thoughtSignature);
    }
  }
  return signatures;
}

function isSigned({ thoughtSignature }: Part): boolean {
  return thoughtSignature !== undefined;
}

function unsigned(part: Part): Part {
  return withSignature(part, undefined);
}

/** What the model turn at this position answers: the texts and the tool results of the user turn before it. */
function contextBefore(contents: readonly Content[], position: number): string {
  let index = position - 1;
  while (index >= 0 && contents[index]?.role !== "user") index--;
  const pieces = contents[index]?.parts.map(({ text, functionResponse }) => text ?? functionResponse?.id ?? "") ?? [];
  return pieces.join("\u0000");
}

function withSignature(part: Part, signature: string | undefined): Part {
  if (part.thoughtSignature === signature) return part;
  const { thoughtSignature: _replaced, ...rest } = part;
  return signature === undefined ? rest : { ...rest, thoughtSignature: signature };
}

function weightOf(thinking: readonly SignedThinking[]): number {
  return thinking.reduce((sum, block) => sum + block.text.length + block.signature.length, 0);
}

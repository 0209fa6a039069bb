import {
  type Answer,
  dropConnection,
  emptyBody,
  emptyCandidates,
  failure,
  malformedCall,
  pause,
  streamError,
  text,
  turn,
  usageOnly,
} from "../../support/cloudcode/index.ts";

/** What upstream answers, in order, on an account that is the only one; a client is told of it in its own protocol. */
export const TROUBLES = {
  "an argument that upstream refuses": [failure("invalid-argument")],
  "a prompt that is too long": [failure("prompt-too-long-gemini")],
  "a model that the account lacks": [failure("model-not-found")],
  "a rate limit": [failure("rate-limit-long")],
  "a used-up quota": [failure("quota-exhausted")],
  "a server that stays without capacity": Array.from({ length: 4 }, () => failure("capacity-503")),
  "a server that stays broken": [failure("internal"), failure("internal")],
  "answers that stay empty": [emptyBody(), emptyCandidates()],
  "tool calls that stay malformed": [malformedCall(), malformedCall()],
  "an access token that is refused twice": [failure("unauthenticated"), failure("unauthenticated")],
  "an account to be verified": [failure("validation-required")],
  "an account that is disabled": [failure("terms")],
  "an account without permission": [failure("permission-denied")],
  "a location that is not served": [failure("location")],
} satisfies Record<string, readonly Answer[]>;

export type Trouble = keyof typeof TROUBLES;

export function isTrouble(name: string): name is Trouble {
  return name in TROUBLES;
}

/** What no error may show: the accounts' addresses, their tokens, their projects. */
export const SECRETS = /@example\.test|ya29\.|1\/\/test|[a-z]+-project-/;

/** What upstream answers before it answers "fine"; the gateway overcomes it by itself. */
interface Unseen {
  name: string;
  answers: readonly Answer[];
  attempts: number;
  /** HTTP requests upstream saw. */
  calls: number;
}

function unseen(name: string, answers: readonly Answer[], attempts = 2, calls = attempts): Unseen {
  return { name, answers, attempts, calls };
}

/** The same account serves, and is no worse off. */
export const UNSEEN_IN_PLACE: readonly Unseen[] = [
  unseen("a 500", [failure("internal")]),
  unseen("a 502 of HTML", [failure("bad-gateway-html")]),
  // The first might be a pooled connection that upstream had closed meanwhile: that is no failed attempt.
  unseen("a dropped connection", [dropConnection()], 1, 2),
  unseen("a connection dropped twice", [dropConnection(), dropConnection()], 2, 3),
  unseen("an empty body", [emptyBody()]),
  unseen("candidates without content", [emptyCandidates()]),
  unseen("usage without an answer", [usageOnly()]),
  unseen("a malformed tool call", [malformedCall()]),
  unseen("an error inside a 200", [turn([streamError(503, "busy", "UNAVAILABLE")])]),
  unseen("a server without capacity", [failure("capacity-503")]),
  unseen("a rate limit of half a second", [failure("rate-limit-short")]),
  unseen("a refused access token", [failure("unauthenticated")]),
];

/** The next account serves. */
export const UNSEEN_BY_SWITCH: readonly Unseen[] = [
  unseen("two 500s", [failure("internal"), failure("internal")], 3),
  unseen("a used-up quota", [failure("quota-exhausted")]),
  unseen("a longer rate limit", [failure("rate-limit-long")]),
  unseen("an account to be verified", [failure("validation-required")]),
  unseen("an account without the model", [failure("model-not-found")]),
  unseen("an account without permission", [failure("permission-denied")]),
];

export const BROKEN_BEGINNING = "half an answer";

/** Answers that break off after their first words; `heard` settles when the client has these. */
export const BROKEN_ANSWERS: readonly { name: string; answer(heard: Promise<void>): Answer }[] = [
  {
    name: "an error event",
    answer: () => turn([text(BROKEN_BEGINNING, { deltas: 2 }), streamError(500, "boom", "INTERNAL")]),
  },
  { name: "an end without a finish reason", answer: () => turn([text(BROKEN_BEGINNING)], { finishReason: null }) },
  {
    name: "a broken connection",
    answer: (heard) => (context) => {
      const begun = turn([text(BROKEN_BEGINNING), pause(heard)], { finishReason: null, usage: false })(context);
      return { ...begun, pieces: [...begun.pieces, "cut"] };
    },
  },
];

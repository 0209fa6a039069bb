import { within } from "../core/abort.ts";
import { asGatewayError, GatewayError } from "../core/errors.ts";
import type { SignedIn, SignIn, SignInTalk } from "../core/sign-in.ts";
import type { AccountStore } from "../core/store.ts";
import type { Clock } from "../lib/clock.ts";
import { authorizeUrl, beginAttempt } from "./authorize.ts";
import type { OAuthClient, TokenClient } from "./google.ts";
import { type Bind, openLoopback, UNHEARD_REDIRECT_URI } from "./loopback.ts";
import { missingClient } from "./oauth-errors.ts";
import { failedPage, signedInPage } from "./pages.ts";
import { type Ending, readPasted } from "./redirect.ts";
import { asSignInError, inputEnded, outOfTime, signInFailure } from "./sign-in-errors.ts";

export interface SignInDeps {
  tokens: Pick<TokenClient, "exchange" | "userinfo">;
  accounts: Pick<AccountStore, "add">;
  authorizeUrl: string;
  /** The configured OAuth client; `undefined` when the configuration names none. */
  client(): OAuthClient | undefined;
  clock: Clock;
  randomBytes(length: number): Uint8Array;
  /** Default: the system's sockets. */
  bind?: Bind;
}

const LIMIT_MINUTES = 5;
/** A browser that cannot come back has had its chance by then. */
const PASTE_AFTER_MS = 15_000;
/** For each of Google's answers once the code is there. */
const ANSWER_LIMIT_MS = 30_000;

export function createSignIn(deps: SignInDeps): SignIn {
  return async ({ listen, label }, talk, signal) => {
    const client = deps.client();
    if (!client) throw missingClient();
    const attempt = beginAttempt(deps.randomBytes);
    const loopback = listen ? openLoopback(attempt.state, deps.clock, deps.bind) : undefined;
    const redirectUri = loopback?.redirectUri ?? UNHEARD_REDIRECT_URI;
    try {
      talk.showAddress(authorizeUrl({ ...attempt, endpoint: deps.authorizeUrl, clientId: client.id, redirectUri }));
      const ending = await firstEnding(loopback?.ending, attempt.state, talk, deps.clock, signal);
      if (ending.type === "error") throw signInFailure(ending.error);
      talk.codeReceived();
      const grant = { code: ending.code, redirectUri, codeVerifier: attempt.codeVerifier };
      const signedIn = await store(await fetchAccount(grant, deps, signal), label, deps);
      loopback?.show(signedInPage(signedIn.account.email, signedIn.isNew));
      return signedIn;
    } catch (cause) {
      const error = asSignInError(cause, signal);
      loopback?.show(failedPage(asGatewayError(error)));
      throw error;
    } finally {
      await loopback?.close();
    }
  };
}

/** From whichever way it comes first. Throws when the time is up, or when no way is left. */
async function firstEnding(
  listened: Promise<Ending> | undefined,
  state: string,
  talk: SignInTalk,
  clock: Clock,
  signal: AbortSignal,
): Promise<Ending> {
  const over = new AbortController();
  const untilOver = AbortSignal.any([signal, over.signal]);
  const ways = [
    firstPasted(talk, state, listened !== undefined),
    clock.sleep(LIMIT_MINUTES * 60_000, untilOver).then(() => {
      throw outOfTime(LIMIT_MINUTES);
    }),
    ...(listened === undefined ? [] : [listened]),
  ];
  if (listened === undefined) talk.askForPaste();
  else void clock.sleep(PASTE_AFTER_MS, untilOver).then(talk.askForPaste, () => {}); // over before it was needed
  try {
    return await Promise.race(ways);
  } finally {
    over.abort();
  }
}

async function firstPasted(talk: SignInTalk, state: string, isListening: boolean): Promise<Ending> {
  for await (const line of talk.pasted) {
    const pasted = readPasted(line, state);
    if (pasted.type === "blank") continue;
    if (pasted.type !== "useless") return pasted;
    talk.refusePaste(pasted.reason);
  }
  if (!isListening) throw inputEnded();
  return Promise.withResolvers<Ending>().promise; // nothing more to come this way; the browser may still come
}

interface GoogleAccount {
  refreshToken: string;
  email: string | undefined;
}

async function fetchAccount(
  grant: { code: string; redirectUri: string; codeVerifier: string },
  { tokens, clock }: SignInDeps,
  signal: AbortSignal,
): Promise<GoogleAccount> {
  const answer = <T>(ask: (limited: AbortSignal) => Promise<T>) =>
    within(ANSWER_LIMIT_MS, "Google's sign-in service", clock, (limit) => ask(AbortSignal.any([signal, limit])));
  const { accessToken, refreshToken } = await answer((limited) => tokens.exchange(grant, limited));
  // The code is used up and the token is good: for want of a name it shall not be thrown away.
  const { email } = await answer((limited) => tokens.userinfo(accessToken, limited)).catch((cause: unknown) => {
    if (signal.aborted || !(cause instanceof GatewayError)) throw cause;
    return { email: undefined };
  });
  return { refreshToken, email };
}

async function store(
  { refreshToken, email }: GoogleAccount,
  label: string | undefined,
  { accounts, clock }: SignInDeps,
): Promise<SignedIn> {
  const account = {
    kind: "antigravity" as const,
    secret: refreshToken,
    ...(email !== undefined && { email }),
    ...(label !== undefined && { label }),
  };
  const { added, known } = await accounts.add([account], clock.now(), { again: true });
  const [stored] = [...added, ...known];
  if (stored === undefined) throw new GatewayError("internal", "The account was not stored");
  return { account: stored, isNew: added.length > 0 };
}

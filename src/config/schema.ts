import * as v from "valibot";
import { ACCOUNT_KINDS } from "../core/account-kind.ts";
import { baseUrl, host, oneOf, origin, text, url, wholeNumber } from "./values.ts";

/** What the upstream calls a client that is too old is a moving floor; raise this when it refuses newer models. */
const CLIENT_VERSION = "2.9.1";

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;
export const LOG_FORMATS = ["pretty", "json"] as const;
export const STRATEGIES = ["sticky", "round-robin", "least-used"] as const;

/** The one source of defaults, validation and documentation of `config.jsonc`. */
export const settingsSchema = v.strictObject({
  server: v.optional(
    v.strictObject({
      port: v.optional(v.pipe(wholeNumber(0, 65535), v.description("TCP port; 0 takes any free one")), 48123),
      host: v.optional(v.pipe(host, v.description("Address to listen on")), "127.0.0.1"),
      allowedHosts: v.optional(
        v.pipe(
          v.array(
            v.pipe(
              host,
              v.transform((name) => name.toLowerCase()),
            ),
            "must be a list of host names",
          ),
          v.description("Names, besides localhost, under which clients may address the gateway"),
        ),
        [],
      ),
      maxBodyBytes: v.optional(
        v.pipe(wholeNumber(1024, 1024 ** 3, " bytes"), v.description("Largest request body that is accepted")),
        100 * 1024 ** 2,
      ),
      maxConcurrent: v.optional(
        v.pipe(
          wholeNumber(1, 16_000),
          v.description(
            "Requests for models that are answered at the same time; further ones are refused at once (503)",
          ),
        ),
        2000,
      ),
      allowedOrigins: v.optional(
        v.pipe(
          v.array(origin, "must be a list of web origins"),
          v.description('Web pages that may call the gateway (CORS), such as "https://chat.example.com"'),
        ),
        [],
      ),
      logFormat: v.optional(
        v.pipe(
          oneOf(LOG_FORMATS),
          v.description("How log lines are written. Not set: pretty on a terminal, else json"),
        ),
      ),
      logLevel: v.optional(v.pipe(oneOf(LOG_LEVELS), v.description("Least important lines that are written")), "info"),
    }),
    {},
  ),
  timeouts: v.optional(
    v.strictObject({
      connectMs: v.optional(
        v.pipe(
          wholeNumber(100, 120_000, " milliseconds"),
          v.description("Longest time until upstream takes a connection"),
        ),
        15_000,
      ),
      firstEventMs: v.optional(
        v.pipe(
          wholeNumber(100, 3_600_000, " milliseconds"),
          v.description("Longest time until an answer begins, over all attempts and waits"),
        ),
        120_000,
      ),
      idleMs: v.optional(
        v.pipe(wholeNumber(100, 3_600_000, " milliseconds"), v.description("Longest silence within an answer")),
        300_000,
      ),
      totalMs: v.optional(
        v.pipe(wholeNumber(100, 86_400_000, " milliseconds"), v.description("Longest time for a request as a whole")),
        3_600_000,
      ),
      drainMs: v.optional(
        v.pipe(
          wholeNumber(0, 600_000, " milliseconds"),
          v.description("How long running requests may take to finish when the gateway is stopped"),
        ),
        50_000,
      ),
    }),
    {},
  ),
  records: v.optional(
    v.strictObject({
      keepDays: v.optional(
        v.pipe(
          wholeNumber(1, 365, " days"),
          v.description("How long records of requests are kept, for ag logs and ag why"),
        ),
        14,
      ),
      maxBytes: v.optional(
        v.pipe(
          wholeNumber(1024 ** 2, 100 * 1024 ** 3, " bytes"),
          v.description("Most that they may take on disk; the oldest go first"),
        ),
        200 * 1024 ** 2,
      ),
    }),
    {},
  ),
  cloudcode: v.optional(
    v.strictObject({
      urls: v.optional(
        v.pipe(
          v.array(baseUrl, "must be a list of URLs"),
          v.nonEmpty("must hold at least one URL"),
          v.description("Base URLs in order of preference; replaces the built-in list"),
        ),
      ),
      clientVersion: v.optional(
        v.pipe(
          text(),
          v.regex(/^\d+(?:\.\d+){1,3}$/, 'must be a version such as "2.9.1"'),
          v.description("Version sent upstream, which refuses clients below a floor"),
        ),
        CLIENT_VERSION,
      ),
      fallbackProject: v.optional(
        v.pipe(text(), v.description("Project for accounts that have none of their own; there is no built-in one")),
      ),
    }),
    {},
  ),
  oauth: v.optional(
    v.strictObject({
      clientId: v.optional(v.pipe(text(), v.description("OAuth client id"))),
      clientSecret: v.optional(v.pipe(text(), v.description("OAuth client secret"))),
      authorizeUrl: v.optional(
        v.pipe(url, v.description("Where an owner signs in, in the browser")),
        "https://accounts.google.com/o/oauth2/v2/auth",
      ),
      tokenUrl: v.optional(
        v.pipe(url, v.description("Where codes are exchanged and tokens refreshed")),
        "https://oauth2.googleapis.com/token",
      ),
      userinfoUrl: v.optional(
        v.pipe(url, v.description("Where an account's e-mail is read")),
        "https://www.googleapis.com/oauth2/v2/userinfo",
      ),
    }),
    {},
  ),
  gemini: v.optional(
    v.strictObject({
      url: v.optional(
        v.pipe(baseUrl, v.description("Base URL of the official Gemini API")),
        "https://generativelanguage.googleapis.com",
      ),
    }),
    {},
  ),
  scheduling: v.optional(
    v.strictObject({
      strategy: v.optional(
        v.pipe(
          oneOf(STRATEGIES),
          v.description(
            "How an account is chosen: sticky keeps a conversation on one, round-robin takes turns, least-used takes the one with the fewest requests",
          ),
        ),
        "sticky",
      ),
      maxWaitMs: v.optional(
        v.pipe(
          wholeNumber(0, 3_600_000, " milliseconds"),
          v.description("A limit that ends within this time is waited for; a longer one moves the conversation"),
        ),
        120_000,
      ),
      maxConcurrentPerAccount: v.optional(
        v.pipe(wholeNumber(1, 1000), v.description("Requests that run on one account at the same time")),
        8,
      ),
      maxQueued: v.optional(
        v.pipe(
          wholeNumber(0, 100_000),
          v.description("Requests that wait for a free account; further ones are refused at once"),
        ),
        256,
      ),
      sessionIdleMs: v.optional(
        v.pipe(
          wholeNumber(60_000, 30 * 86_400_000, " milliseconds"),
          v.description("A conversation that rests longer than this is free to take another account"),
        ),
        3_600_000,
      ),
    }),
    {},
  ),
  lanes: v.optional(
    v.pipe(
      v.array(oneOf(ACCOUNT_KINDS), "must be a list of account kinds"),
      v.nonEmpty("must name at least one kind of account"),
      v.check((kinds) => new Set(kinds).size === kinds.length, "must not name a kind twice"),
      v.description("Kinds of accounts in the order in which they are used; a kind that is not named is not used"),
    ),
    [...ACCOUNT_KINDS],
  ),
  accounts: v.optional(
    v.pipe(
      v.array(
        v.strictObject({
          account: v.pipe(
            text("must be a handle, a label or an e-mail"),
            v.description("Handle, label or e-mail of an account"),
          ),
          reserve: v.optional(
            v.pipe(
              v.number("must be a number from 0 to 1"),
              v.minValue(0, "must be a number from 0 to 1"),
              v.maxValue(1, "must be a number from 0 to 1"),
              v.description("Part of each quota window that is kept for yourself: new conversations leave it alone"),
            ),
            0,
          ),
        }),
        'must be a list such as [{ "account": "a1", "reserve": 0.2 }]',
      ),
      v.description("Settings of single accounts"),
    ),
    [],
  ),
  fallback: v.optional(
    v.pipe(
      v.record(
        text(),
        v.array(
          v.union(
            [
              text(),
              v.strictObject({ model: text(), crossFamily: v.optional(v.boolean("must be true or false"), false) }),
            ],
            'must be the id of a model, or { "model": id, "crossFamily": true }',
          ),
          "must be a list of models",
        ),
        'must be an object such as { "model": ["another-model"] }',
      ),
      v.description(
        "Models that serve in place of one that is limited, in order. Of the same family only, unless an entry says crossFamily",
      ),
    ),
    {},
  ),
  models: v.optional(
    v.strictObject({
      aliases: v.optional(
        v.pipe(
          v.record(text(), text("must be the id of a model"), 'must be an object such as { "my-model": "model-id" }'),
          v.description("Your own names for models: name or pattern with * → model id"),
        ),
        {},
      ),
    }),
    {},
  ),
  responses: v.optional(
    v.strictObject({
      store: v.optional(
        v.pipe(
          v.boolean("must be true or false"),
          v.description(
            "Keep answers of the Responses API, sealed, so that previous_response_id and GET /v1/responses/{id} work",
          ),
        ),
        false,
      ),
      keepMs: v.optional(
        v.pipe(wholeNumber(60_000, 90 * 86_400_000, " milliseconds"), v.description("How long they are kept")),
        7 * 86_400_000,
      ),
    }),
    {},
  ),
  media: v.optional(
    v.strictObject({
      fetch: v.optional(
        v.pipe(
          v.boolean("must be true or false"),
          v.description("Fetch images and documents that requests give by address; never from private addresses"),
        ),
        true,
      ),
      maxBytes: v.optional(
        v.pipe(wholeNumber(1024, 100 * 1024 ** 2, " bytes"), v.description("Largest file that is fetched")),
        20 * 1024 ** 2,
      ),
      timeoutMs: v.optional(
        v.pipe(wholeNumber(100, 120_000, " milliseconds"), v.description("Longest time that one fetch may take")),
        15_000,
      ),
    }),
    {},
  ),
  strict: v.optional(
    v.pipe(v.boolean("must be true or false"), v.description("Refuse requests with a field that cannot be honoured")),
    false,
  ),
});

export type Settings = v.InferOutput<typeof settingsSchema>;

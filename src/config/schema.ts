import * as v from "valibot";

/** What the upstream calls a client that is too old is a moving floor; raise this when it refuses newer models. */
const CLIENT_VERSION = "2.9.1";

function wholeNumber(minimum: number, maximum: number, unit = "") {
  const message = `must be a whole number from ${minimum} to ${maximum}${unit}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(minimum, message), v.maxValue(maximum, message));
}

function text(message = "must be a text that is not empty") {
  return v.pipe(v.string(message), v.trim(), v.nonEmpty(message));
}

function oneOf<const T extends readonly string[]>(values: T) {
  return v.picklist(values, `must be one of ${values.join(", ")}`);
}

const url = v.pipe(
  text("must be a URL"),
  v.check((value) => /^https?:$/.test(protocolOf(value) ?? ""), "must be a URL that begins with https:// or http://"),
);

const baseUrl = v.pipe(
  url,
  v.transform((value) => value.replace(/\/+$/, "")),
);

const host = v.pipe(
  text("must be a host name or an address"),
  v.regex(/^(?:\[[0-9a-fA-F:.%]+\]|[^\s/[\]]+)$/, "must be a host name or an address, without scheme, port or path"),
  // Sockets are bound by the bare address; brackets belong to URLs.
  v.transform((value) => value.replace(/^\[(.*)\]$/, "$1")),
);

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;
export const LOG_FORMATS = ["pretty", "json"] as const;

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
      logFormat: v.optional(v.pipe(oneOf(LOG_FORMATS), v.description("How log lines are written")), "pretty"),
      logLevel: v.optional(v.pipe(oneOf(LOG_LEVELS), v.description("Least important lines that are written")), "info"),
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
      tokenUrl: v.optional(
        v.pipe(url, v.description("Where tokens are refreshed")),
        "https://oauth2.googleapis.com/token",
      ),
      userinfoUrl: v.optional(
        v.pipe(url, v.description("Where an account's e-mail is read")),
        "https://www.googleapis.com/oauth2/v2/userinfo",
      ),
    }),
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
  strict: v.optional(
    v.pipe(v.boolean("must be true or false"), v.description("Refuse requests with a field that cannot be honoured")),
    false,
  ),
});

export type Settings = v.InferOutput<typeof settingsSchema>;

function protocolOf(value: string): string | undefined {
  return URL.canParse(value) ? new URL(value).protocol : undefined;
}

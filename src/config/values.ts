import * as v from "valibot";

export function wholeNumber(minimum: number, maximum: number, unit = "") {
  const message = `must be a whole number from ${minimum} to ${maximum}${unit}`;
  return v.pipe(v.number(message), v.integer(message), v.minValue(minimum, message), v.maxValue(maximum, message));
}

export function text(message = "must be a text that is not empty") {
  return v.pipe(v.string(message), v.trim(), v.nonEmpty(message));
}

export function oneOf<const T extends readonly string[]>(values: T) {
  return v.picklist(values, `must be one of ${values.join(", ")}`);
}

export const url = v.pipe(
  text("must be a URL"),
  v.check((value) => /^https?:$/.test(protocolOf(value) ?? ""), "must be a URL that begins with https:// or http://"),
);

export const baseUrl = v.pipe(
  url,
  v.transform((value) => value.replace(/\/+$/, "")),
);

export const host = v.pipe(
  text("must be a host name or an address"),
  v.regex(/^(?:\[[0-9a-fA-F:.%]+\]|[^\s/[\]]+)$/, "must be a host name or an address, without scheme, port or path"),
  // Sockets are bound by the bare address; brackets belong to URLs.
  v.transform((value) => value.replace(/^\[(.*)\]$/, "$1")),
);

export const origin = v.pipe(
  text("must be a web origin"),
  v.check(
    (value) => value === originOf(value),
    'must be a web origin such as "https://chat.example.com", without a path',
  ),
);

/** As browsers send it. */
function originOf(value: string): string | undefined {
  const page = URL.parse(value);
  if (page === null || page.host === "") return undefined;
  // Of an extension's page or a desktop program's, which browsers name all the same, URL knows none.
  return page.origin === "null" ? `${page.protocol}//${page.host}` : page.origin;
}

function protocolOf(value: string): string | undefined {
  return URL.canParse(value) ? new URL(value).protocol : undefined;
}

import { isJsonObject, type JsonObject, type JsonValue } from "../lib/json.ts";
import { parseTolerantly } from "./tolerant-json.ts";

/** What an error body says, whatever it was wrapped in. "" and empty lists stand for what it does not say. */
export interface GoogleError {
  /** Whether there was an error object at all: HTML pages, empty bodies and plain text have none. */
  structured: boolean;
  /** `error.code`: an HTTP status, or a gRPC code in long-running operations. */
  code?: number;
  /** "RESOURCE_EXHAUSTED", or the `type` of a nested error of another vendor: "invalid_request_error". */
  status: string;
  /** `reason` of google.rpc.ErrorInfo. */
  reason: string;
  metadata: Readonly<Record<string, string>>;
  /** The innermost message, for people. */
  message: string;
  /** `retryDelay` of google.rpc.RetryInfo, as written. */
  retryDelay?: JsonValue;
  /** `quotaId` of each violation in google.rpc.QuotaFailure. */
  quotaIds: readonly string[];
  /** google.rpc.Help. */
  links: readonly { url: string; description: string }[];
}

/** How deep an error may be nested as text inside another error's message. */
const NESTING_LIMIT = 5;
const PLAIN_TEXT_CHARACTERS = 2_000;

/** Reads an HTTP error body. Never throws. */
export function readGoogleError(bodyText: string): GoogleError {
  const parsed = parseTolerantly(bodyText);
  if (parsed !== undefined) return readErrorDocument(parsed);
  const looksLikeMarkup = bodyText.trimStart().startsWith("<");
  return { ...nothing(), message: looksLikeMarkup ? "" : bodyText.trim().slice(0, PLAIN_TEXT_CHARACTERS) };
}

/** Reads an error that arrived as a document: `{error: {…}}`, `{error: "…"}`, or either of them in an array. */
export function readErrorDocument(document: JsonValue): GoogleError {
  const found = nothing();
  const holder = Array.isArray(document) ? document.find((element) => isJsonObject(element)) : document;
  if (isJsonObject(holder)) readHolder(holder, found, 0);
  return found;
}

type Found = { -readonly [K in keyof GoogleError]: GoogleError[K] } & {
  quotaIds: string[];
  links: { url: string; description: string }[];
  metadata: Record<string, string>;
};

function nothing(): Found {
  return { structured: false, status: "", reason: "", metadata: {}, message: "", quotaIds: [], links: [] };
}

function readHolder(holder: JsonObject, found: Found, depth: number): void {
  const error = holder["error"];
  if (typeof error === "string") {
    found.structured = true;
    found.status ||= error;
    found.message = text(holder["error_description"]) || error;
  } else if (isJsonObject(error)) readError(error, found, depth);
  else if (typeof holder["message"] === "string") readError(holder, found, depth);
}

// An inner error knows more than the one around it: its message replaces, its other members fill gaps.
function readError(error: JsonObject, found: Found, depth: number): void {
  found.structured = true;
  if (typeof error["code"] === "number") found.code ??= error["code"];
  found.status ||= text(error["status"]) || text(error["type"]);
  if (Array.isArray(error["details"])) {
    for (const detail of error["details"]) if (isJsonObject(detail)) readDetail(trimmedKeys(detail), found);
  }
  const message = text(error["message"]);
  if (message === "") return;
  found.message = message;
  const nested = depth < NESTING_LIMIT ? nestedDocument(message) : undefined;
  if (nested) readHolder(nested, found, depth + 1);
}

function readDetail(detail: JsonObject, found: Found): void {
  const type = text(detail["@type"]);
  switch (type.slice(type.lastIndexOf(".") + 1)) {
    case "ErrorInfo":
      found.reason ||= text(detail["reason"]);
      if (isJsonObject(detail["metadata"])) {
        for (const [name, value] of Object.entries(detail["metadata"])) {
          if (typeof value === "string") found.metadata[name.trim()] ??= value;
        }
      }
      break;
    case "RetryInfo":
      if (detail["retryDelay"] !== undefined) found.retryDelay ??= detail["retryDelay"];
      break;
    case "QuotaFailure":
      for (const violation of objects(detail["violations"])) found.quotaIds.push(text(violation["quotaId"]));
      break;
    case "Help":
      for (const link of objects(detail["links"])) {
        found.links.push({ url: text(link["url"]), description: text(link["description"]) });
      }
      break;
  }
}

/** What may stand before a nested error: "got status: 429. ". Refusals that quote JSON of the request begin otherwise. */
const BEFORE_NESTED = /^$|^[\w .:,-]*\b(?:status|error)\b[\w .:,-]*$/i;
const LONGEST_BEFORE_NESTED = 200;

/** The error document written into a message, alone or after some words, with the blanks that text picks up on its way. */
function nestedDocument(message: string): JsonObject | undefined {
  const start = message.indexOf("{");
  const end = message.lastIndexOf("}");
  if (start < 0 || start > LONGEST_BEFORE_NESTED || end < start) return undefined;
  if (!BEFORE_NESTED.test(message.slice(0, start).trim())) return undefined;
  const slice = message.slice(start, end + 1);
  const parsed = parseTolerantly(slice) ?? parseTolerantly(slice.replaceAll(/[\u00a0\r\n]+/g, " "));
  // Only an error document is an error.
  return isJsonObject(parsed) && (parsed["error"] !== undefined || parsed["type"] === "error") ? parsed : undefined;
}

/** The service sometimes writes keys with stray blanks: `"@type "`. */
function trimmedKeys(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key.trim(), member]));
}

function objects(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter((element) => isJsonObject(element)) : [];
}

function text(value: JsonValue | undefined): string {
  return typeof value === "string" ? value.trim() : "";
}

const LINK_FIELDS = ["validation_url", "validationUrl", "validation_link", "validationLink", "appeal_url", "appealUrl"];

/**
 * The page on which an account's owner must act: a Help link that is not mere reading, else a link in the metadata,
 * else a sign-in address anywhere in the body. Only https pages of google.com are ever returned.
 */
export function ownerUrl(error: GoogleError, bodyText: string): string | undefined {
  const help = error.links.filter(({ url, description }) => !isReading(url, description)).map(({ url }) => url);
  const metadata = LINK_FIELDS.map((field) => error.metadata[field] ?? "");
  const anywhere = unescaped(bodyText).match(/https:\/\/accounts\.google\.com\/[^\s"'<>\\]*/) ?? [];
  for (const candidate of [...help, ...metadata, ...anywhere]) {
    const url = googleUrl(candidate);
    if (url !== undefined) return url;
  }
  return undefined;
}

/** `text` as a link that may be shown, or `undefined` when it is not an https page of google.com. */
export function googleUrl(text: string): string | undefined {
  const candidate = unescaped(text).trim();
  if (!URL.canParse(candidate)) return undefined;
  const url = new URL(candidate);
  const isGoogle = url.hostname === "google.com" || url.hostname.endsWith(".google.com");
  const isPlain = url.protocol === "https:" && url.port === "" && url.username === "" && url.password === "";
  return isGoogle && isPlain ? url.href : undefined;
}

function isReading(url: string, description: string): boolean {
  return /learn more/i.test(description) || /^https:\/\/support\.google\.com(\/|$)/i.test(url);
}

function unescaped(text: string): string {
  return text
    .replaceAll(/\\+u0026/gi, "&")
    .replaceAll(/&amp;/gi, "&")
    .replaceAll(/\\+u003d/gi, "=");
}

import { firstPlace, namedPerson, quoted, saidWord, shorten, titleOf, withoutStrayQuote } from "./prompt.ts";

/** What made-up values may draw on. */
export interface ValueSource {
  /** The user's words. */
  prompt: string;
  /** Unix ms. */
  now: number;
}

/** A text of one of the formats that JSON Schema names. */
export function formatted(format: string, { now }: ValueSource): string | undefined {
  const time = new Date(now).toISOString();
  const texts: Readonly<Record<string, string>> = {
    "date-time": time,
    date: time.slice(0, 10),
    time: time.slice(11),
    duration: "PT1H",
    email: "demo@example.com",
    "idn-email": "demo@example.com",
    hostname: "example.com",
    "idn-hostname": "example.com",
    ipv4: "192.0.2.1",
    ipv6: "2001:db8::1",
    uri: "https://example.com/",
    url: "https://example.com/",
    iri: "https://example.com/",
    "uri-reference": "/demo",
    "iri-reference": "/demo",
    "uri-template": "/demo/{id}",
    uuid: "00000000-0000-4000-8000-000000000000",
    "json-pointer": "/demo",
    "relative-json-pointer": "0",
    regex: "^demo$",
    byte: "ZGVtbw==",
  };
  return Object.hasOwn(texts, format) ? texts[format] : undefined;
}

/** What a property of that name usually wants, taken from the prompt where it says so. First match wins. */
const GUESSES: readonly { name: RegExp; value(source: ValueSource): string }[] = [
  { name: /\b(path|file|filename|dir|directory|folder|cwd|workdir)\b/, value: ({ prompt }) => path(prompt) },
  { name: /\b(command|cmd|script)\b/, value: ({ prompt }) => command(prompt) },
  {
    name: /\b(city|location|place|town|country|destination|region|where)\b/,
    value: ({ prompt }) => firstPlace(prompt),
  },
  { name: /\b(url|uri|link|href|website)\b/, value: ({ prompt }) => webAddress(prompt) },
  { name: /\b(email|mail)\b/, value: ({ prompt }) => /\S+@\S+\.\w+/.exec(prompt)?.[0] ?? "demo@example.com" },
  { name: /\b(date|day)\b/, value: ({ now }) => new Date(now).toISOString().slice(0, 10) },
  { name: /\b(time|timestamp|at|created|updated)\b/, value: ({ now }) => new Date(now).toISOString() },
  { name: /\b(pattern|glob|regex)\b/, value: ({ prompt }) => quoted(prompt) ?? "**/*" },
  { name: /\b(title|subject|headline|label|description|summary)\b/, value: ({ prompt }) => titleOf(prompt) },
  { name: /\b(language|lang|locale)\b/, value: () => "en" },
  { name: /\b(currency)\b/, value: () => "EUR" },
  { name: /\b(colou?r)\b/, value: () => "teal" },
  { name: /\b(name|person|author|user)\b/, value: ({ prompt }) => namedPerson(prompt) ?? quoted(prompt) ?? "Ada" },
];

/** A text for a property of that name; "" is the name of things that have none. */
export function guessed(name: string, source: ValueSource): string {
  const words = name
    .replace(/([a-z0-9])([A-Z])/g, "$1 $2")
    .replace(/[^A-Za-z0-9]+/g, " ")
    .toLowerCase();
  const known = GUESSES.find((guess) => guess.name.test(words));
  if (known) return known.value(source);
  const { prompt } = source;
  return saidWord(prompt) ?? quoted(prompt) ?? (shorten(prompt, 200) || "demo");
}

function path(prompt: string): string {
  return /(?:[~.]{0,2}\/[\w./-]*\w|\b[\w-]+(?:\/[\w.-]+)*\.[a-zA-Z]\w{0,5}\b)/.exec(prompt)?.[0] ?? "README.md";
}

const COMMAND =
  /\b(?:run|execute|command|to)\b[\s:]+((?:ls|pwd|cat|head|wc|echo|git|date|whoami|uname|node|npm|bun)\b[^\n]*)/i;

/** A command the prompt spells out, else a harmless one. */
function command(prompt: string): string {
  const written = COMMAND.exec(prompt)?.[1]?.trim();
  const spelled =
    /`([^`]+)`/.exec(prompt)?.[1] ?? (written === undefined ? quoted(prompt) : withoutStrayQuote(written));
  return spelled ?? (/\blist|\bls\b|\bfiles?\b/i.test(prompt) ? "ls -la" : "echo hello from the demo");
}

function webAddress(prompt: string): string {
  return /https?:\/\/[^\s"'`<>)]+/.exec(prompt)?.[0] ?? "https://example.com/";
}

import type { DemoModel } from "./catalogue.ts";
import { userTexts } from "./conversation.ts";
import { namedPerson, saidWord, shorten, titleOf } from "./prompt.ts";
import type { DemoRequest } from "./request.ts";

/** All that a reply may depend on. */
export interface Scene {
  prompt: string;
  request: DemoRequest;
  model: DemoModel;
  /** Unix ms. */
  now: number;
  /** In [0, 1). */
  random(): number;
}

interface Intent {
  pattern: RegExp;
  /** Undefined: this was not meant after all; the next intent is tried. */
  reply(match: RegExpExecArray, scene: Scene): string | undefined;
  /** A tool on offer may serve it better: asked only after tools were considered. */
  afterTools?: true;
}

/** What the demo has an answer for. First match wins. */
const INTENTS: readonly Intent[] = [
  {
    pattern: /<summary>/i,
    reply: (_, { prompt, request }) => (/\bsummar(?:y|i[sz]e)\b/i.test(prompt) ? summary(request) : undefined),
  },
  { pattern: /./, reply: (_, { prompt, request }) => (asksForTitle(request) ? titleOf(prompt) : undefined) },
  {
    pattern: /\b(?:hello|hi|good morning)\b.{0,60}\blanguages\b|\bunicode\b|\bmulti-?byte\b/i,
    reply: () => HELLOS.map(([language, hello]) => `- **${language}**: ${hello}`).join("\n"),
  },
  { pattern: /\b(?:reply|respond|answer|say|repeat)\b/i, reply: (_, { prompt }) => saidWord(prompt) },
  {
    pattern: /\bcount\s+(?:up\s+)?(?:from\s+(\w+)\s+)?(?:up\s+)?to\s+(\w+)/i,
    reply: ([, from, to], { prompt }) => count(number(from ?? "1"), number(to), prompt),
  },
  { pattern: /\bcount\s+down\s+from\s+(\w+)/i, reply: ([, from], { prompt }) => count(number(from), 1, prompt) },
  { pattern: /\b(?:haiku|poem|verse)\b/i, reply: (_, scene) => pick(HAIKUS, scene) },
  { pattern: /\bjoke\b/i, reply: (_, scene) => pick(JOKES, scene) },
  {
    pattern:
      /\b(?:write|show|give|make|create|implement|code)\b[\s\S]{0,200}\b(?:code|function|program|script|snippet|fizz ?buzz)\b/i,
    reply: (_, { prompt }) => code(prompt),
  },
  { pattern: /\bmarkdown\b|\b(?:show|make|draw)\b.{0,60}\btable\b/i, reply: () => MARKDOWN_TOUR },
  {
    pattern: /\bwhat(?:'s| is) my name\b/i,
    reply: (_, { request }) => {
      const name = userTexts(request.contents)
        .map(namedPerson)
        .findLast((found) => found !== undefined);
      return name === undefined
        ? "You have not told me your name yet."
        : `Your name is **${name}**: you told me so earlier.`;
    },
  },
  {
    pattern: /\bmy name is\b/i,
    reply: (_, { prompt }) => {
      const name = namedPerson(prompt);
      return (
        name && `Nice to meet you, **${name}**. Ask me later what your name is: it shows that the history arrives.`
      );
    },
  },
  {
    pattern: /\bmy first (?:message|question|prompt)\b|\bwhat did i (?:say|ask|write)\b/i,
    reply: (_, { request }) => `Your first message was:\n\n> ${shorten(userTexts(request.contents)[0] ?? "", 300)}`,
  },
  {
    pattern: /^\W*(?:hi|hello|hey|hallo|bonjour|hola|good (?:morning|evening|afternoon))\b[^?]{0,30}$/i,
    reply: (_, { model }) =>
      `Hello! 👋 I am the **offline demo** of \`ag\`, standing in for \`${model.id}\`. ` +
      'Nothing you write leaves this machine. Try *"count to 10"*, *"write a haiku"* or *"show me a markdown table"*.',
  },
  {
    pattern:
      /\b(?:who|what) are you\b|\bwhat(?:'s| is) your name\b|\b(?:which|what) (?:language )?model\b|\bare you (?:claude|gemini|real)\b/i,
    reply: (_, { model }) =>
      `I am not a language model. I am the **offline demo** that is built into \`ag\`, and I answer in the place of ` +
      `${model.displayName} (\`${model.id}\`) from a handful of rules. The way here was real, though: token, project, ` +
      "request and stream are those of the Cloud Code service.",
  },
  { pattern: /^\W*help\b|\bwhat can you do\b/i, reply: () => `I am the **offline demo**.\n\n${SUGGESTIONS}` },
  {
    pattern: /\bwhat (?:time|day|date)\b|\bwhat(?:'s| is) (?:the )?(?:current )?(?:time|date|day)\b|\btoday'?s date\b/i,
    reply: (_, { now }) => time(now),
    afterTools: true,
  },
  {
    pattern: /(-?\d+(?:\.\d+)?)\s*([-+*/x×÷]|plus|minus|times|divided by)\s*(-?\d+(?:\.\d+)?)/i,
    reply: ([, left, operator, right]) => calculate(Number(left), operator ?? "+", Number(right)),
    afterTools: true,
  },
];

/** The reply to something the demo understands; undefined when it does not. */
export function understood(scene: Scene, stage: "before-tools" | "after-tools"): string | undefined {
  for (const { pattern, reply, afterTools } of INTENTS) {
    if ((afterTools === true) !== (stage === "after-tools")) continue;
    const match = pattern.exec(scene.prompt);
    const text = match ? reply(match, scene) : undefined;
    if (text !== undefined && text !== "") return text;
  }
  return undefined;
}

const SUGGESTIONS =
  'Things I can do: *"reply with the word PONG"*, *"count to 20"*, *"write a haiku"*, *"write fizzbuzz in Rust"*, ' +
  '*"show me some markdown"*, *"say hello in many languages"*, *"what time is it"*, *"what is 6 × 7"*, describe ' +
  "images, call the tools you declare, fill JSON schemas, and paint on the image models.";

/** What the demo says when it has no answer: what arrived, and what it could be asked. */
export function echo({ prompt, request, model }: Scene): string {
  const rows: [string, string][] = [
    ["model", `\`${model.id}\``],
    ["messages", String(request.contents.length)],
    ["system text", `${request.system.reduce((sum, text) => sum + text.length, 0)} characters`],
    ["tools", toolNames(request)],
    ["thinking", request.includeThoughts ? "shown" : "not shown"],
  ];
  return [
    "I am the **offline demo** of `ag`: no model was asked and nothing left this machine. This is what reached me:",
    `> ${shorten(prompt, 300) || "(no text)"}`,
    ["| what | |", "|---|---|", ...rows.map(([name, value]) => `| ${name} | ${value} |`)].join("\n"),
    SUGGESTIONS,
  ].join("\n\n");
}

function toolNames({ tools }: DemoRequest): string {
  if (tools.length === 0) return "none";
  const shown = tools.slice(0, 6).map(({ name }) => `\`${name}\``);
  return `${tools.length}: ${shown.join(", ")}${tools.length > shown.length ? ", …" : ""}`;
}

function asksForTitle({ system }: DemoRequest): boolean {
  return system.some(
    (text) => text.length < 8000 && /\btitle generator\b|\bgenerate an? (?:\w+ ){0,3}title\b/i.test(text),
  );
}

function summary(request: DemoRequest): string {
  const said = userTexts(request.contents).slice(0, -1);
  const lines = said.slice(-20).map((text, index) => `${index + 1}. ${shorten(text, 160)}`);
  return `<summary>\nSummary by the offline demo. The user wrote:\n\n${lines.join("\n") || "(nothing yet)"}\n</summary>`;
}

const NUMBER_WORDS = "zero one two three four five six seven eight nine ten eleven twelve".split(" ");
const LONGEST_COUNT = 1000;

function number(text: string | undefined): number {
  const index = NUMBER_WORDS.indexOf((text ?? "").toLowerCase());
  return index === -1 ? Number(text) : index;
}

function count(from: number, to: number, prompt: string): string | undefined {
  if (!Number.isInteger(from) || !Number.isInteger(to)) return undefined;
  const step = from <= to ? 1 : -1;
  const length = Math.min(Math.abs(to - from) + 1, LONGEST_COUNT);
  const numbers = Array.from({ length }, (_, index) => from + index * step);
  return numbers.join(/\b(?:per|each|own|new) (?:one )?line/i.test(prompt) ? "\n" : ", ");
}

function pick(texts: readonly string[], { random }: Scene): string | undefined {
  return texts[Math.floor(random() * texts.length)];
}

const HAIKUS = [
  "Packets softly fall:\nno cloud behind this window,\nonly the lamp's hum.",
  "Key pressed, word appears;\nthe wire is a short green thread\nfrom you back to you.",
  "古池や\n蛙飛びこむ\n水の音\n\n*(Bashō: the old pond; a frog jumps in; the sound of water.)*",
];

const JOKES = [
  "I would tell you a joke about UDP, but you might not get it. And I am offline: I certainly would not know.",
  "A token walks into a bar. The bartender says: *sorry, you expired 3599 seconds after you came in.*",
];

const HELLOS: readonly (readonly [string, string])[] = [
  ["English", "Hello, world"],
  ["Français", "Bonjour à tous, ça va ?"],
  ["Deutsch", "Grüße aus der Schweiz"],
  ["Ελληνικά", "Γειά σου κόσμε"],
  ["Русский", "Привет, мир"],
  ["العربية", "مرحبا بالعالم"],
  ["हिन्दी", "नमस्ते दुनिया"],
  ["中文", "你好，世界"],
  ["日本語", "こんにちは世界"],
  ["한국어", "안녕하세요 세계"],
  ["Emoji", "👋🏽🌍 👩‍💻 🇪🇺"],
];

const MARKDOWN_TOUR = [
  "## A little Markdown",
  "From the **offline demo**: *emphasis*, `code`, ~~struck~~ and a [link](https://example.com/).",
  "| fruit | price | in stock |\n|---|---:|:---:|\n| apple | 0.40 € | ✓ |\n| crème brûlée | 6.50 € | ✗ |\n| 柿 | 1.20 € | ✓ |",
  "1. first\n   - nested\n2. second\n\n> A quotation, on two\n> lines.",
  '```json\n{ "offline": true, "answer": 42 }\n```',
].join("\n\n");

const FIZZBUZZ: Record<string, string> = {
  typescript:
    'for (let i = 1; i <= 100; i++) {\n  const word = (i % 3 ? "" : "Fizz") + (i % 5 ? "" : "Buzz");\n  console.log(word || i);\n}',
  python:
    'for i in range(1, 101):\n    word = ("Fizz" if i % 3 == 0 else "") + ("Buzz" if i % 5 == 0 else "")\n    print(word or i)',
  rust:
    'fn main() {\n    for i in 1..=100 {\n        match (i % 3, i % 5) {\n            (0, 0) => println!("FizzBuzz"),\n            (0, _) => println!("Fizz"),\n' +
    '            (_, 0) => println!("Buzz"),\n            _ => println!("{i}"),\n        }\n    }\n}',
  go:
    'package main\n\nimport "fmt"\n\nfunc main() {\n\tfor i := 1; i <= 100; i++ {\n\t\tswitch {\n\t\tcase i%15 == 0:\n\t\t\tfmt.Println("FizzBuzz")\n' +
    '\t\tcase i%3 == 0:\n\t\t\tfmt.Println("Fizz")\n\t\tcase i%5 == 0:\n\t\t\tfmt.Println("Buzz")\n\t\tdefault:\n\t\t\tfmt.Println(i)\n\t\t}\n\t}\n}',
  bash: 'for i in {1..100}; do\n  word=""\n  ((i % 3)) || word+="Fizz"\n  ((i % 5)) || word+="Buzz"\n  echo "${word:-$i}"\ndone',
};

function code(prompt: string): string {
  const language = Object.keys(FIZZBUZZ).find((name) => new RegExp(`\\b${name}\\b`, "i").test(prompt)) ?? "typescript";
  return (
    "I am the offline demo and know exactly one program, so here is **FizzBuzz**:\n\n" +
    `\`\`\`${language}\n${FIZZBUZZ[language]}\n\`\`\`\n\nIt prints the numbers from 1 to 100 with the usual replacements.`
  );
}

function time(now: number): string {
  const [date = "", clock = ""] = new Date(now).toISOString().split("T");
  const day = new Intl.DateTimeFormat("en-GB", { weekday: "long", timeZone: "UTC" }).format(now);
  return `It is **${clock.slice(0, 5)} UTC** on ${day}, ${date}. (The offline demo looked at this machine's clock.)`;
}

function calculate(left: number, operator: string, right: number): string {
  const results: Record<string, number> = {
    "+": left + right,
    plus: left + right,
    "-": left - right,
    minus: left - right,
    "/": left / right,
    "÷": left / right,
    "divided by": left / right,
  };
  const value = results[operator.toLowerCase()] ?? left * right;
  return `${left} ${operator} ${right} = **${Number(value.toPrecision(12))}**`;
}

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { JsonObject } from "../../../src/lib/json.ts";
import type { Package } from "./install.ts";

/** Where a client runs: directories of its own, and the gateway it is pointed at. */
export interface Place {
  /** "http://127.0.0.1:40123" */
  url: string;
  model: string;
  home: string;
  work: string;
}

/** One run of the program: what its user says. */
export interface Saying {
  prompt: string;
  /** A picture in the working directory that goes with it. */
  image?: string;
  /** The conversation of the run before goes on. */
  continues?: boolean;
  /** The user wants the model to think hard. */
  thinks?: boolean;
}

export interface Invocation {
  words: readonly string[];
  env?: Readonly<Record<string, string>>;
  input?: string;
}

/** A call of a tool that the client itself declares and runs. */
export interface OwnCall {
  tool: string;
  args: JsonObject;
}

/** A real client in one of its ways to speak to a gateway. */
export interface RealClient {
  name: string;
  package: Package;
  /** Writes its configuration files. */
  configure?(place: Place): void;
  invoke(saying: Saying, place: Place): Invocation;
  shell(command: string): OwnCall;
  /** Its tool that looks at a picture. */
  look(path: string): OwnCall;
  /** It asks for this model, which the gateway has to know as another name of its own. */
  asksFor?: string;
  /** Requests of a whole conversation at most that are not its own: titles and the like. */
  sideCalls: number;
}

const KEY = "sk-ag-test-client";

const CLAUDE_CODE = nativePackage("@anthropic-ai/claude-code", "2.1.329", "claude");
const OPENCODE = nativePackage("opencode", "1.18.33", "bin/opencode");
const CODEX: Package = { name: "@openai/codex", version: "0.169.0", path: ".bin/codex" };
const GEMINI_CLI: Package = { name: "@google/gemini-cli", version: "0.61.0", path: ".bin/gemini" };

export const CLIENTS: readonly RealClient[] = [
  claudeCode(),
  codex("codex, custom provider", ({ url }) => ({
    settings: [
      "model_provider=ag",
      `model_providers.ag={name="ag",base_url="${url}/v1",env_key="AG_KEY",wire_api="responses"}`,
    ],
    env: { AG_KEY: KEY },
  })),
  codex("codex, built-in provider", builtIn),
  // The client's own default model: its tools travel in an input item, and its shell is JavaScript in a freeform tool.
  {
    ...codex("codex, its default model", builtIn),
    asksFor: "gpt-6.1-sol",
    shell: (command) => ({
      tool: "exec",
      args: {
        input: `const r = await tools.exec_command({ cmd: ${JSON.stringify(command)} }); text(JSON.stringify(r));`,
      },
    }),
    look: (path) => ({
      tool: "exec",
      args: { input: `const r = await tools.view_image({ path: ${JSON.stringify(path)} }); image(r);` },
    }),
  },
  geminiCli(),
  opencode("@ai-sdk/openai-compatible", "/v1"),
  opencode("@ai-sdk/openai", "/v1"),
  opencode("@ai-sdk/anthropic", "/v1"),
  opencode("@ai-sdk/google", "/v1beta"),
];

function claudeCode(): RealClient {
  return {
    name: "claude-code",
    package: CLAUDE_CODE,
    invoke({ prompt, image, continues, thinks }, { url, model, work }) {
      const env = {
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_API_KEY: KEY,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
      };
      const words = ["-p", "--model", model, "--allowedTools", "Bash Read"];
      if (continues) words.push("--continue");
      if (thinks) words.push("--effort", "max");
      if (image === undefined) return { words, env, input: prompt };
      const data = readFileSync(join(work, image)).toString("base64");
      const source = { type: "base64", media_type: "image/png", data };
      const content = [
        { type: "text", text: prompt },
        { type: "image", source },
      ];
      const formats = ["--input-format", "stream-json", "--output-format", "stream-json", "--verbose"];
      const line = JSON.stringify({ type: "user", message: { role: "user", content } });
      return { words: [...words, ...formats], env, input: `${line}\n` };
    },
    shell: (command) => ({ tool: "Bash", args: { command, description: "Prints a word" } }),
    look: (path) => ({ tool: "Read", args: { file_path: path } }),
    sideCalls: 1,
  };
}

type Pointing = (place: Place) => { settings: string[]; env: Record<string, string> };

function builtIn({ url }: Place): ReturnType<Pointing> {
  return { settings: [`openai_base_url="${url}/v1"`], env: { CODEX_API_KEY: KEY } };
}

function codex(name: string, point: Pointing): RealClient {
  return {
    name,
    package: CODEX,
    invoke({ prompt, image, continues, thinks }, place) {
      const { settings, env } = point(place);
      const all = ["analytics.enabled=false", ...settings];
      if (thinks) all.push("model_reasoning_effort=high", "model_reasoning_summary=detailed");
      const words = ["exec", ...(continues ? ["resume", "--last"] : [])];
      words.push("--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox", "-m", place.model);
      words.push(...all.flatMap((setting) => ["-c", setting]));
      if (image !== undefined) words.push("-i", image);
      return { words: [...words, "-"], env, input: prompt };
    },
    shell: (command) => ({ tool: "exec_command", args: { cmd: command } }),
    look: (path) => ({ tool: "view_image", args: { path } }),
    sideCalls: 0,
  };
}

function geminiCli(): RealClient {
  return {
    name: "gemini-cli",
    package: GEMINI_CLI,
    configure({ home }) {
      write(join(home, ".gemini/settings.json"), { security: { auth: { selectedType: "gemini-api-key" } } });
    },
    invoke({ prompt, image, continues }, { url, model }) {
      const said = image === undefined ? prompt : `${prompt} @${image}`;
      const resume = continues ? ["--resume", "latest"] : [];
      return {
        words: ["--skip-trust", "--yolo", "-m", model, ...resume, "-p", said],
        env: { GEMINI_API_KEY: KEY, GOOGLE_GEMINI_BASE_URL: url, TERM: "dumb" },
      };
    },
    shell: (command) => ({ tool: "run_shell_command", args: { command, description: "Prints a word" } }),
    look: (path) => ({ tool: "read_file", args: { file_path: path } }),
    sideCalls: 1,
  };
}

const THINKS_HARD = "hard";

/** `provider`: which SDK it loads, and with it the protocol it speaks. */
function opencode(provider: string, path: string): RealClient {
  return {
    name: `opencode, ${provider}`,
    package: OPENCODE,
    configure({ url, model, work }) {
      const options = { baseURL: `${url}${path}`, apiKey: KEY };
      const abilities = { attachment: true, reasoning: true, tool_call: true };
      const modalities = { input: ["text", "image"], output: ["text"] };
      const limit = { context: 200_000, output: 32_000 };
      // By itself it knows how to ask only the ids that it expects of a provider.
      const variants = { [THINKS_HARD]: { thinkingConfig: { includeThoughts: true, thinkingBudget: 8192 } } };
      const isGoogle = provider === "@ai-sdk/google";
      const models = { [model]: { ...abilities, modalities, limit, ...(isGoogle && { variants }) } };
      write(join(work, "opencode.json"), { provider: { ag: { npm: provider, options, models } } });
    },
    invoke({ prompt, image, continues, thinks }, { model }) {
      const words = ["run", "--print-logs", "--log-level", "ERROR", "-m", `ag/${model}`];
      if (continues) words.push("--continue");
      if (thinks) words.push("--variant", provider === "@ai-sdk/google" ? THINKS_HARD : "high");
      words.push(prompt);
      if (image !== undefined) words.push("-f", image);
      return { words, env: { OPENCODE_DISABLE_AUTOUPDATE: "1" } };
    },
    shell: (command) => ({ tool: "bash", args: { command, description: "Prints a word" } }),
    look: (path) => ({ tool: "read", args: { filePath: path } }),
    sideCalls: 1,
  };
}

/** A package that holds the executable of this machine; the name without the platform needs install scripts. */
function nativePackage(name: string, version: string, path: string): Package {
  const whole = `${name}-${process.platform}-${process.arch}`;
  return { name: whole, version, path: `${whole}/${path}` };
}

function write(file: string, content: object): void {
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(content));
}

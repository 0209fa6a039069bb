import { escapeHTML } from "bun";
import type { GatewayError } from "../core/errors.ts";

/** What the browser shows at the end of its way. Plain sentences; everything in it is escaped when it is written out. */
export interface Page {
  status: number;
  tone: "good" | "bad";
  title: string;
  paragraphs: readonly string[];
}

export function signedInPage(email: string | undefined, isNew: boolean): Page {
  const who = email ?? "The account";
  return {
    status: 200,
    tone: "good",
    title: "Signed in",
    paragraphs: [
      isNew ? `${who} has been added to ag.` : `${who} was known to ag; its sign-in has been renewed.`,
      "You may close this window and go back to the terminal.",
    ],
  };
}

export function failedPage({ message, detail: { remedy } }: GatewayError): Page {
  return {
    status: 400,
    tone: "bad",
    title: "Not signed in",
    paragraphs: [`${message}.`, ...(remedy === undefined ? [] : [`${remedy}.`]), "You may close this window."],
  };
}

export const FOREIGN_PAGE: Page = {
  status: 400,
  tone: "bad",
  title: "Another sign-in",
  paragraphs: [
    "This answer does not belong to the sign-in that ag is waiting for: it may come from an earlier attempt, or the address is not complete.",
    "ag is still waiting. Open the address that it shows in the terminal, and go on from there.",
  ],
};

export const EMPTY_PAGE: Page = {
  status: 400,
  tone: "bad",
  title: "Nothing to sign in with",
  paragraphs: [
    "Google sent you here with neither a code nor an error.",
    "ag is still waiting. Open the address that it shows in the terminal once more.",
  ],
};

const STYLE = `
:root { color-scheme: light dark; --ink: #1f2328; --soft: #59636e; --paper: #f6f8fa; --card: #fff; --line: #d1d9e0; --good: #1a7f37; --bad: #b42318; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #9aa4ae; --paper: #0d1117; --card: #161b22; --line: #30363d; --good: #3fb950; --bad: #ff7b72; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; }
main { width: 100%; max-width: 32rem; padding: 2rem; background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--good); border-radius: 8px; }
main.bad { border-top-color: var(--bad); }
h1 { margin: 0 0 .75rem; font-size: 1.4rem; line-height: 1.25; }
p { margin: .5rem 0 0; overflow-wrap: anywhere; }
p + p { color: var(--soft); }`;

/** The page as it goes over the wire: no script, nothing from elsewhere, not kept by the browser. */
export function pageResponse({ status, tone, title, paragraphs }: Page): Response {
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHTML(title)} · ag</title>
<style>${STYLE}
</style>
</head>
<body>
<main class="${tone}">
<h1>${escapeHTML(title)}</h1>
${paragraphs.map((paragraph) => `<p>${escapeHTML(paragraph)}</p>`).join("\n")}
</main>
</body>
</html>
`;
  return new Response(html, { status, headers: { ...HEADERS, "Content-Type": "text/html; charset=utf-8" } });
}

/** For those that are no owner in front of a browser. */
export function plainResponse(status: number, text: string, headers: Record<string, string> = {}): Response {
  return new Response(`${text}\n`, {
    status,
    headers: { ...HEADERS, ...headers, "Content-Type": "text/plain; charset=utf-8" },
  });
}

const HEADERS = {
  "Cache-Control": "no-store",
  Connection: "close",
  "Content-Security-Policy":
    "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
  // The address holds the code; it must not go along to anywhere.
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
};

/** Goes through Google's page, where the owner says yes at once, and stops before the way back: its address. */
export async function consent(authorizeUrl: string, email?: string): Promise<URL> {
  const url = new URL(authorizeUrl);
  if (email !== undefined) url.searchParams.set("login_hint", email);
  const answer = await fetch(url, { redirect: "manual" });
  const location = answer.headers.get("location");
  if (location === null) throw new Error(`Google shows a page of its own (${answer.status}): ${await answer.text()}`);
  return new URL(location);
}

/** The same, and then the way back; the page that the owner sees at the end. */
export async function browse(authorizeUrl: string, email?: string): Promise<{ status: number; page: string }> {
  const answer = await fetch(await consent(authorizeUrl, email));
  return { status: answer.status, page: textOf(await answer.text()) };
}

/** What can be read on a page. */
export function textOf(html: string): string {
  return html
    .replace(/<style>[\s\S]*?<\/style>/g, "")
    .replace(/<[^>]+>/g, " ")
    .replace(/\s+/g, " ")
    .trim();
}

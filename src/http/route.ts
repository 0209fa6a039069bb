/** Who may call a route: anybody on this machine, whoever may ask the models, or whoever may see the accounts. */
export type Access = "public" | "inference" | "admin";

export interface RouteCall {
  request: Request;
  /** What stands for `*` in the route's path, as it is in the address. "" for a path without one. */
  rest: string;
  /** From now on the client may be silent for as long as the answer takes. */
  untimed(): void;
}

export interface Route {
  method: "GET" | "POST" | "DELETE";
  path: string;
  access: Access;
  /** May throw: failures are answered in the shape of the protocol that asked. */
  answer(call: RouteCall): Promise<Response>;
}

/**
 * A doubled or a missing version is a common slip in client settings, and so is a slash at the end of the base address;
 * Elysia itself tolerates one at the end or the beginning of the path.
 */
export function forgiving(path: string): string[] {
  return [`/v1${path}`, path, `/v1/v1${path}`, `/v1/${path}`];
}

/** The same for addresses of the Gemini API, whose clients write `v1beta`, and sometimes get another version before it. */
export function forgivingGemini(path: string): string[] {
  return ["/v1beta", "/v1beta/", "/v1beta/v1beta", "/v1/v1beta", "/v1beta/v1", "/v1alpha"].map(
    (version) => `${version}${path}`,
  );
}

/** The options our calls use; `timeout: false` switches off Bun's own idle timeout, so that only signals end a call. */
export interface FetchOptions {
  method: "GET" | "POST";
  headers: Record<string, string>;
  /** Text, so that the length is known and sent. */
  body?: string;
  signal: AbortSignal;
  /** A redirect is no answer, and must not carry credentials or prompts elsewhere. */
  redirect: "manual";
  timeout: false;
  /** The account whose connections it goes over: two pools never share one. Absent: a connection for this call alone. */
  pool?: string;
}

/** `globalThis.fetch`, or what stands in for it. */
export type Fetch = (url: string, options: FetchOptions) => Promise<Response>;

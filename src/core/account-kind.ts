/** Each kind is a lane: requests go to the first lane, in configured order, that can serve them. */
export const ACCOUNT_KINDS = ["antigravity", "gemini-api-key"] as const;
export type AccountKind = (typeof ACCOUNT_KINDS)[number];

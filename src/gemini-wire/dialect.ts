/**
 * Whose GenerateContent a body is written for: Cloud Code's or the official Gemini API's. They are one language but for some
 * names that only one of them knows (docs/wire.md, "What only Gemini clients say").
 */
export type Dialect = "cloudcode" | "official";

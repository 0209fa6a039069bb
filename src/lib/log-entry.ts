/** One log line in both its forms, for whoever writes it to take one. Neither is made before it is wanted. */
export class LogEntry {
  /** What kind of line it is, for those who filter: "request". */
  readonly name: string;
  readonly #fields: () => Readonly<Record<string, unknown>>;
  readonly #text: () => string;

  constructor(name: string, fields: () => Readonly<Record<string, unknown>>, text: () => string) {
    this.name = name;
    this.#fields = fields;
    this.#text = text;
  }

  /** For programs. */
  fields(): Readonly<Record<string, unknown>> {
    return this.#fields();
  }

  /** For a person's eyes: one line. */
  text(): string {
    return this.#text();
  }

  toJSON(): unknown {
    return this.#fields();
  }
}

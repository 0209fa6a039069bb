/** Where a setting came from. "default" never causes an error. */
export type ConfigSource = "flag" | "environment" | "file";

/** The owner's settings cannot be used. `message` names the flag, variable or file key at fault; `hint` says what to do. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
  readonly source: ConfigSource;
  readonly hint: string | undefined;

  constructor(source: ConfigSource, message: string, options: { hint?: string } & ErrorOptions = {}) {
    super(message, options);
    this.source = source;
    this.hint = options.hint;
  }
}

import { ConfigError } from "./config-error.ts";
import type { Environment } from "./paths.ts";

/** AG_API_KEY. Throws ConfigError; never repeats the key. */
export function readApiKey(env: Environment): string | undefined {
  const key = env.AG_API_KEY?.trim();
  if (!key) return undefined;
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new ConfigError("environment", "AG_API_KEY holds a space or a character that HTTP headers cannot carry", {
      hint: "Use letters, digits, - and _ only",
    });
  }
  return key;
}

const SECRET_KEY_BYTES = 32;

/** AG_SECRET_KEY as bytes. Throws ConfigError; never repeats the key. */
export function readSecretKey(env: Environment): Uint8Array | undefined {
  const written = env.AG_SECRET_KEY?.trim();
  if (!written) return undefined;
  const encoding = /^[0-9a-f]{64}$/i.test(written) ? "hex" : "base64";
  const key = Buffer.from(written, encoding);
  if (key.length !== SECRET_KEY_BYTES || (encoding === "base64" && !/^[\w+/-]{43}=?$/.test(written))) {
    throw new ConfigError("environment", "AG_SECRET_KEY must be 32 random bytes in hex or base64", {
      hint: "Make one: openssl rand -hex 32",
    });
  }
  return key;
}

const SWITCH: Readonly<Record<string, boolean>> = {
  true: true,
  1: true,
  yes: true,
  on: true,
  false: false,
  0: false,
  no: false,
  off: false,
};

/** A variable that is on or off; `undefined` when it is not set. Throws ConfigError. */
export function readSwitch(env: Environment, name: string): boolean | undefined {
  const written = env[name]?.trim().toLowerCase();
  if (!written) return undefined;
  const value = SWITCH[written];
  if (value === undefined) {
    throw new ConfigError("environment", `${name} must be true or false, not ${JSON.stringify(env[name])}`);
  }
  return value;
}

import { existsSync } from "node:fs";
import type { ImportFormat } from "../../accounts/import/entry.ts";
import { EXIT, UserError, UsageError } from "../failure.ts";
import { isInteractive } from "../terminal.ts";
import { knownPlaces, type Place } from "./places.ts";

/** The places of one tool that are there. Throws UserError when none is. */
export function placesOf(format: ImportFormat): Place[] {
  const places = knownPlaces(process.env, process.platform).filter((place) => place.format === format);
  const present = places.filter(({ path }) => existsSync(path));
  if (present.length > 0) return present;
  throw new UserError(`Nothing of ${format} was found at its usual places`, {
    hint: [
      "Looked at:",
      ...places.map(({ path }) => `  ${path}`),
      `Give the place: ag accounts import FILE --from ${format}`,
    ].join("\n    "),
  });
}

/** What was found of other tools, as far as somebody at the terminal wants it. Throws UsageError where nobody can be asked. */
export async function choosePlaces(): Promise<Place[]> {
  const present = knownPlaces(process.env, process.platform).filter(({ path }) => existsSync(path));
  if (present.length === 0) {
    throw new UsageError(
      "FILE is missing, and no accounts of other tools were found at their usual places",
      "From stdin: ag accounts import -   From a file: ag accounts import FILE",
    );
  }
  if (!isInteractive()) {
    const formats = [...new Set(present.map(({ format }) => format))];
    throw new UsageError(
      "FILE is missing: say what to import",
      ["These were found:", ...present.map(({ name, path }) => `  ${name}: ${path}`), ...formats.map(commandFor)].join(
        "\n    ",
      ),
    );
  }
  const { isCancel, multiselect } = await import("@clack/prompts");
  const chosen = await multiselect({
    message: "Take accounts over from (nothing is changed there)",
    options: present.map((place) => ({ value: place, label: place.name, hint: place.path })),
    initialValues: present,
    required: true,
    output: process.stderr,
  });
  if (isCancel(chosen)) throw new UserError("Interrupted; nothing was imported", { exitCode: EXIT.interrupted });
  return chosen;
}

function commandFor(format: ImportFormat): string {
  return `ag accounts import --from ${format}`;
}

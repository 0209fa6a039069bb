import { isBusy } from "./busy.ts";
import type { DataFile } from "./data-file.ts";

/** Reads how often something was changed, by whichever process. Throws DataFileError when the file is not in its place. */
export function changeCounter(file: DataFile, table: "changes" | "key_changes"): () => number {
  const changes = file.database.query<{ number: number }, []>(`select number from ${table}`);
  let last = 0;
  return () => {
    file.assertInPlace();
    try {
      last = file.read(() => changes.get()?.number ?? 0);
    } catch (cause) {
      if (!isBusy(cause)) throw cause;
      // Another process is putting the log in order: no change is being made meanwhile.
    }
    return last;
  };
}

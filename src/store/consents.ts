import type { ConsentStore } from "../core/store.ts";
import type { DataFile } from "./data-file.ts";

export function consentStore(file: DataFile): ConsentStore {
  const { database } = file;
  return {
    async givenAt(subject, version) {
      return file.read(
        () =>
          database
            .query<{ given_at: number }, [string, number]>(
              "select given_at from consents where subject = ? and version = ?",
            )
            .get(subject, version)?.given_at,
      );
    },

    /** The first agreement counts; giving it again changes nothing. */
    async give(subject, version, now) {
      await file.writeDurably(
        () =>
          void database
            .query("insert or ignore into consents (subject, version, given_at) values (?, ?, ?)")
            .run(subject, version, now),
      );
    },
  };
}

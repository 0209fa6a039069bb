/** One transparent pixel. */
export const PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg==";

/** The beginning of a document; nobody here reads further. */
export const PDF = Buffer.from("%PDF-1.4\n%made up\n").toString("base64");

/** An empty recording. */
export const WAV = Buffer.from("RIFF$\0\0\0WAVEfmt ").toString("base64");

/** Audio formats whose media type is not simply `audio/<format>`. */
const AUDIO_TYPES: Readonly<Record<string, string>> = {
  mp3: "audio/mpeg",
  m4a: "audio/mp4",
  opus: "audio/ogg",
  pcm16: "audio/pcm",
  g711_ulaw: "audio/basic",
  g711_alaw: "audio/basic",
};

/** The media type of what OpenAI's APIs call an audio `format`; `undefined` for what can be no format. */
export function audioMimeType(format: string): string | undefined {
  const name = format.toLowerCase();
  if (Object.hasOwn(AUDIO_TYPES, name)) return AUDIO_TYPES[name];
  return /^[\w.+-]+$/.test(name) ? `audio/${name}` : undefined;
}

const FILE_TYPES: Readonly<Record<string, string>> = {
  pdf: "application/pdf",
  png: "image/png",
  jpg: "image/jpeg",
  jpeg: "image/jpeg",
  gif: "image/gif",
  webp: "image/webp",
  heic: "image/heic",
  mp3: "audio/mpeg",
  wav: "audio/wav",
  ogg: "audio/ogg",
  flac: "audio/flac",
  mp4: "video/mp4",
  mov: "video/quicktime",
  webm: "video/webm",
  txt: "text/plain",
  md: "text/markdown",
  csv: "text/csv",
  html: "text/html",
  json: "application/json",
};

/** The media type that a file's name tells by its ending. */
export function fileMimeType(filename: string): string | undefined {
  const extension = filename.slice(filename.lastIndexOf(".") + 1).toLowerCase();
  return Object.hasOwn(FILE_TYPES, extension) ? FILE_TYPES[extension] : undefined;
}

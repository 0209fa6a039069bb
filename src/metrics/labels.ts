const MOST_NAMES = 100;
/** As upstream writes ids of models. Nothing that could be an e-mail address passes. */
const PLAIN_NAME = /^[\w.:/+-]{1,80}$/;

/** Gives names of an open set a bounded number of label values: "none" when absent, "other" once there are too many. */
export function boundedNames(most = MOST_NAMES): (name: string | undefined) => string {
  const known = new Set<string>();
  return (name) => {
    if (name === undefined) return "none";
    if (known.has(name)) return name;
    if (known.size >= most || !PLAIN_NAME.test(name)) return "other";
    known.add(name);
    return name;
  };
}

/** An HTTP status as a label; 0 and absent are "none": nothing was sent, or nothing came. */
export function statusLabel(status: number | undefined): string {
  if (status === undefined || status === 0) return "none";
  return Number.isInteger(status) && status >= 100 && status <= 599 ? String(status) : "other";
}

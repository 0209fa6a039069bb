/** One server-sent event frame. `data` must be a single line, as JSON.stringify writes it. */
export function sseFrame(data: string, event?: string): string {
  return event === undefined ? `data: ${data}\n\n` : `event: ${event}\ndata: ${data}\n\n`;
}

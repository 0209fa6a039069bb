import { GatewayError } from "../core/errors.ts";
import { tryParseJson, type JsonValue } from "../lib/json.ts";
import type { Machine } from "../lib/machine.ts";
import { parseTolerantly } from "./tolerant-json.ts";

/**
 * Body text in, JSON documents out, for every framing the service is known to use: `data:` lines with and without
 * blank lines between them, one document over several `data:` lines, a bare object, a bare array (given out as one
 * document), one object per line. A document is given out as soon as its last line is complete. The cost is linear in
 * the text, however it is cut, and a line may be of any length.
 *
 * Throws GatewayError("unavailable") at a document that is not JSON; what came before it is in `out` by then.
 */
export function documentReader(): Machine<string, JsonValue> {
  const document = documentAssembler();
  let partialLine = "";

  return {
    push(chunk, out) {
      let start = 0;
      for (;;) {
        const newline = chunk.indexOf("\n", start);
        if (newline < 0) break;
        if (partialLine === "") {
          const end = newline > start && chunk.charCodeAt(newline - 1) === CARRIAGE_RETURN ? newline - 1 : newline;
          document.line(chunk.slice(start, end), out);
        } else {
          const line = partialLine + chunk.slice(start, newline);
          partialLine = "";
          document.line(line.endsWith("\r") ? line.slice(0, -1) : line, out);
        }
        start = newline + 1;
      }
      // Appending is cheap and nothing looks inside until the line is complete.
      if (start < chunk.length) partialLine += start === 0 ? chunk : chunk.slice(start);
    },
    end(out) {
      const line = partialLine;
      partialLine = "";
      if (line !== "") document.line(line, out);
      document.endOfBody();
    },
  };
}

const CARRIAGE_RETURN = 0x0d;

interface DocumentAssembler {
  line(line: string, out: JsonValue[]): void;
  endOfBody(): void;
}

function documentAssembler(): DocumentAssembler {
  /** Lines of a document whose brackets are still open. */
  let held: string[] = [];
  /** The open document was not announced by `data:`, so its lines are not SSE and blank ones are only space. */
  let bare = false;
  let brackets = bracketCounter();

  function payload(text: string, out: JsonValue[]): void {
    if (held.length === 0) {
      const whole = tryParseJson(text);
      if (whole !== undefined) {
        out.push(whole);
        return;
      }
      if (saysNothing(text)) return;
      brackets = bracketCounter();
    }
    held.push(text);
    if (!brackets.balancedAfter(text)) return;
    const joined = held.join("\n");
    held = [];
    bare = false;
    const parsed = parseTolerantly(joined);
    if (parsed === undefined) throw malformed();
    out.push(parsed);
  }

  return {
    line(line, out) {
      if (bare) payload(line, out);
      else if (line.startsWith("data:")) payload(line.slice(5), out);
      else if (line === "") {
        if (held.length > 0) throw malformed();
      } else if (held.length === 0 && startsJson(line)) {
        bare = true;
        payload(line, out);
        if (held.length === 0) bare = false;
      }
      // Everything else is a comment, `event:`, `id:`, `retry:` or no SSE at all; an answer made only of such lines is empty.
    },
    endOfBody() {
      if (held.length > 0) {
        throw new GatewayError("unavailable", "Upstream closed the stream in the middle of an event");
      }
    },
  };
}

function saysNothing(text: string): boolean {
  const trimmed = text.trim();
  return trimmed === "" || trimmed === "[DONE]";
}

function malformed(): GatewayError {
  return new GatewayError("unavailable", "Upstream sent a malformed event");
}

function startsJson(line: string): boolean {
  const first = line.trimStart().charCodeAt(0);
  return first === 0x7b || first === 0x5b;
}

/** Tells when all brackets opened over a series of lines are closed again, so that a long document is parsed once. */
function bracketCounter(): { balancedAfter(line: string): boolean } {
  let depth = 0;
  let inString = false;
  return {
    balancedAfter(line) {
      for (let index = 0; index < line.length; index++) {
        const code = line.charCodeAt(index);
        if (inString) {
          if (code === 0x5c) index++;
          else if (code === 0x22) inString = false;
        } else if (code === 0x22) inString = true;
        else if (code === 0x7b || code === 0x5b) depth++;
        else if (code === 0x7d || code === 0x5d) depth--;
      }
      return depth <= 0 && !inString;
    },
  };
}

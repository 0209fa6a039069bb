import { expect, test } from "bun:test";
import { GatewayError } from "../../src/core/errors.ts";
import { newTrace } from "../../src/core/trace.ts";
import type { FinishedRequest } from "../../src/http/inference.ts";
import { logFields, logLine } from "../../src/http/log-line.ts";

function finished(model: string, error?: GatewayError): FinishedRequest {
  const trace = { ...newTrace("req_1"), model, servedModel: "claude-test-thinking", accountHandle: "a1" };
  return { protocol: "anthropic", trace, stream: true, totalMs: 12.3, ...(error && { error }) };
}

test("a log line says what was asked, who served it and how it ended", () => {
  expect(logLine(finished("opus"))).toBe("ok anthropic opus → claude-test-thinking on a1 in 12 ms req_1");
  expect(logLine(finished("opus", new GatewayError("unavailable", "Upstream cannot be reached")))).toBe(
    "unavailable anthropic opus → claude-test-thinking on a1 in 12 ms req_1: Upstream cannot be reached",
  );
});

test("a refusal in upstream's own words is logged without them: they may quote the prompt", () => {
  for (const kind of ["invalid-request", "context-too-long"] as const) {
    const error = new GatewayError(kind, 'Invalid value "my secret plan"', { upstreamStatus: 400 });
    expect(logLine(finished("opus", error))).toEndWith("req_1: upstream answered 400");
  }
});

test("no name a client makes up can begin a line of its own or fill the log", () => {
  const name = `x\n ERROR  forged\u2028\r\u001b[2K${"y".repeat(1_000_000)}`;
  const error = new GatewayError("unknown-model", `There is no model "${name}"`);
  expect(logLine(finished(name, error))).toMatch(/^[^\p{Cc}\u2028]{1,700}$/u);
  expect(logFields(finished(name)).model).toMatch(/^x {2}ERROR {2}forged \[2Ky{1,200}$/);
});

test("a log line tells when a configured fallback has served", () => {
  const record = finished("opus");
  record.trace.fellBack = true;
  expect(logLine(record)).toBe("ok anthropic opus → claude-test-thinking (fallback) on a1 in 12 ms req_1");
  expect(logFields(record)).toMatchObject({ fallback: true });
});

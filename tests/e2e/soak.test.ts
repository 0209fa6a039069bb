import { expect, test } from "bun:test";
import { soak } from "../../scripts/lib/soak-run.ts";
import { BINARY } from "../support/gateway.ts";

test.skipIf(process.platform !== "linux")(
  "streams, requests that are broken off and every fault leave nothing behind: no slot, no call, no connection, no file",
  async () => {
    const { problems, rounds, exitCode } = await soak({
      streams: 60,
      events: 20,
      aborts: 200,
      faults: 1,
      forMs: 0,
      slotsPerAccount: 16,
      firstEventMs: 4_000,
      idleMs: 2_500,
      keepsConnections: false,
      ...(BINARY !== undefined && { binary: BINARY }),
    });
    expect(problems).toEqual([]);
    const left = rounds.map(({ inFlight, openCalls, slots, filled, reading }) => ({
      inFlight,
      openCalls,
      lostSlots: slots - filled,
      ofClients: reading.descriptors.clients,
      toUpstream: reading.descriptors.upstream,
    }));
    expect(left).toEqual([{ inFlight: 0, openCalls: 0, lostSlots: 0, ofClients: 0, toUpstream: 0 }]);
    expect(exitCode).toBe(0);
  },
  120_000,
);

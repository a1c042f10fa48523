/**
 * Mutated messages against the wire parser: nothing but WireError comes out, and nothing altered is taken for genuine.
 */
import { expect, test } from "vitest";
import { Random } from "../../../src/graph/random.ts";
import { decodeMessage, encodeMessage, makeMessage, WireError } from "../../../src/kernel/protocol/wire.ts";

const ROUNDS = 60_000;
const random = Random.fromSeed(6).split("wire fuzz");
const pick = <T>(list: readonly T[]): T => list[random.integer(list.length)];

const messages = [
  makeMessage(
    "execute_request",
    { code: "1 + 1 // 😀", silent: false, user_expressions: { a: "b" } },
    { session: "s" },
  ),
  makeMessage(
    "comm_msg",
    { comm_id: "c", data: { deep: [[[{}]]] } },
    { session: "s", buffers: [Buffer.from([1, 2, 3])] },
  ),
  makeMessage("kernel_info_request", {}, { session: "s", identities: [Buffer.from("front end")] }),
];
const junk = [
  "",
  "<IDS|MSG>",
  "null",
  "[]",
  '"text"',
  "{",
  '{"msg_id":1}',
  '{"__proto__":{"x":1}}',
  "\u0000",
  "[".repeat(5000),
];

/** Frames with one to three accidents: bits, lengths, order, copies, junk. */
function mutate(frames: readonly Buffer[]): Buffer[] {
  const mutated = frames.map((frame) => Buffer.from(frame));
  for (let accidents = 1 + random.integer(3); accidents > 0; accidents--) {
    const at = random.integer(mutated.length || 1);
    const frame = mutated[at] ?? Buffer.alloc(0);
    const kind = random.integer(8);
    if (kind === 0 && frame.length > 0) frame[random.integer(frame.length)] ^= 1 << random.integer(8);
    else if (kind === 1) mutated[at] = frame.subarray(0, random.integer(frame.length + 1));
    else if (kind === 2) mutated[at] = Buffer.concat([frame, Buffer.from(pick(junk))]);
    else if (kind === 3) mutated.splice(at, 1);
    else if (kind === 4) mutated.splice(at, 0, Buffer.from(pick(junk)));
    else if (kind === 5) mutated[at] = Buffer.from(pick(junk));
    else if (kind === 6) mutated.splice(at, 0, Buffer.from(frame));
    else mutated.reverse();
  }
  return mutated;
}

test.each([
  ["signed", "a key"],
  ["unsigned", ""],
])(`${ROUNDS} mutated %s messages are refused by WireError or decoded to what they say`, (_name, key) => {
  const originals = messages.map((message) => encodeMessage(message, key));
  let refused = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const original = pick(originals);
    const mutated = mutate(original);
    try {
      const { header, content, parentHeader, metadata } = decodeMessage(mutated, key);
      for (const part of [header, content, parentHeader, metadata])
        if (typeof part !== "object" || part === null || Array.isArray(part)) throw new Error("not a dictionary");
      if (typeof header.msg_type !== "string" || typeof header.msg_id !== "string") throw new Error("no header");
      if (key === "") continue;
      // With a key, what is signed must be as it was: identities and buffers alone are unsigned.
      const signed = JSON.stringify([header, parentHeader, metadata, content]);
      const genuine = messages.map((each) =>
        JSON.stringify([each.header, each.parentHeader, each.metadata, each.content]),
      );
      expect(genuine).toContain(signed);
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(ROUNDS / 2);
  expect(({} as { x?: unknown }).x).toBeUndefined();
});

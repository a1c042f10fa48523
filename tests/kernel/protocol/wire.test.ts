import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeMessage,
  encodeMessage,
  endpoint,
  makeMessage,
  readConnectionFile,
  WireError,
  type JsonObject,
} from "../../../src/kernel/protocol/wire.ts";

const key = "a secret";
const json = fc.dictionary(fc.string(), fc.jsonValue()).filter((value) => !("__proto__" in value));
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value));

function sample(content: JsonObject = { code: "1 + 1" }) {
  return makeMessage("execute_request", content, { session: "s", identities: [Buffer.from([0, 1, 2])] });
}

describe("the wire format", () => {
  test("decoding gives back what was encoded, whatever the dictionaries, identities and buffers", () => {
    fc.assert(
      fc.property(json, json, fc.array(bytes), fc.array(bytes), (content, metadata, identities, buffers) => {
        const message = makeMessage("comm_msg", content, {
          session: "s",
          parent: sample(),
          identities,
          metadata: metadata,
          buffers,
        });
        const back = decodeMessage(encodeMessage(message, key), key);
        expect(back).toEqual(
          JSON.parse(JSON.stringify({ ...message, identities: [], buffers: [] }), (name, value) =>
            name === "identities" ? identities : name === "buffers" ? buffers : (value as unknown),
          ),
        );
      }),
      { numRuns: 300 },
    );
  });

  test("a message signed with another key, or not at all, is refused", () => {
    expect(() => decodeMessage(encodeMessage(sample(), "another"), key)).toThrow("wrong signature");
    expect(() => decodeMessage(encodeMessage(sample(), ""), key)).toThrow("wrong signature");
  });

  test("an empty key means that nothing is signed", () => {
    const frames = encodeMessage(sample(), "");
    expect(frames[2]).toHaveLength(0);
    expect(decodeMessage(frames, "").content).toEqual({ code: "1 + 1" });
  });

  test("the signature covers header, parent, metadata and content", () => {
    for (const part of [3, 4, 5, 6]) {
      const frames = encodeMessage(sample(), key);
      frames[part] = Buffer.from('{"msg_id":"x","msg_type":"shutdown_request"}');
      expect(() => decodeMessage(frames, key)).toThrow("wrong signature");
    }
  });

  test("rightly signed nonsense is refused with a WireError that names the part", () => {
    const frames = encodeMessage({ ...sample(), header: 3 as never }, key);
    expect(() => decodeMessage(frames, key)).toThrow(/header/);
    expect(() => decodeMessage([], key)).toThrow(/delimiter/);
    expect(() => decodeMessage([Buffer.from("<IDS|MSG>"), Buffer.from("x")], key)).toThrow(/got 1 frames/);
  });

  test("20,000 mutated messages: each is refused with a WireError or carries the signed content unchanged", () => {
    const original = encodeMessage(sample(), key);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(original.length - 1), fc.nat(), fc.nat(255), fc.nat(3)), {
          minLength: 1,
          maxLength: 4,
        }),
        (mutations) => {
          const frames = original.map((frame) => Buffer.from(frame));
          for (const [at, position, byte, kind] of mutations) {
            const index = at % frames.length;
            if (kind === 0 && frames.length > 1) frames.splice(index, 1);
            else if (kind === 1) frames.splice(index, 0, Buffer.from([byte]));
            else if (kind === 2) frames[index] = frames[index].subarray(0, position % (frames[index].length + 1));
            else if (frames[index].length) frames[index][position % frames[index].length] = byte;
          }
          try {
            expect(decodeMessage(frames, key).content).toEqual({ code: "1 + 1" });
          } catch (error) {
            if (!(error instanceof WireError)) throw error;
          }
        },
      ),
      { numRuns: 20_000 },
    );
  });
});

describe("connection files", () => {
  const good = { ip: "127.0.0.1", shell_port: 1, iopub_port: 2, stdin_port: 3, control_port: 4, hb_port: 5, key };

  function read(content: unknown) {
    const folder = mkdtempSync(path.join(tmpdir(), "marginalia-"));
    try {
      const file = path.join(folder, "kernel.json");
      writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content));
      return readConnectionFile(file);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  test("addresses come from the file: tcp with a port, ipc with a numbered file", () => {
    expect(endpoint(read(good), "control")).toBe("tcp://127.0.0.1:4");
    expect(endpoint(read({ ...good, ip: "::1" }), "hb")).toBe("tcp://[::1]:5");
    expect(endpoint(read({ ...good, transport: "ipc", ip: "/run/k" }), "shell")).toBe("ipc:///run/k-1");
  });

  test("a broken, incomplete or missing file is named in the error", () => {
    expect(() => read("{")).toThrow(/cannot read the connection file .*kernel\.json/);
    expect(() => read({ ...good, hb_port: "x" })).toThrow(/is not a connection file/);
    expect(() => read({ ...good, signature_scheme: "hmac-md5" })).toThrow(/is not a connection file/);
    expect(() => readConnectionFile("/nonexistent/kernel.json")).toThrow(/cannot read the connection file/);
  });
});

import { describe, expect, test } from "vitest";
import { comparedRow, lineOfRatio, medianOf, openTorch, PeerProcess, takeTurns } from "../../bench/harness.ts";

describe("medianOf", () => {
  test("takes the middle and leaves the numbers in their order", () => {
    const values = [3, 1, 2];
    expect(medianOf(values)).toBe(2);
    expect(values).toEqual([3, 1, 2]);
  });

  test("of no numbers is NaN", () => expect(medianOf([])).toBeNaN());
});

describe("takeTurns", () => {
  test("alternates, and does not count the rounds that warm up", async () => {
    const calls: string[] = [];
    const turn = (who: string) => () => calls.push(who);
    expect(await takeTurns(turn("ours"), turn("theirs"), 2, 1)).toEqual([
      [3, 4],
      [5, 6],
    ]);
    expect(calls).toEqual(["ours", "theirs", "ours", "theirs", "ours", "theirs"]);
  });
});

describe("comparedRow", () => {
  /** Gives these costs one after another. */
  const costs = (...values: number[]) => {
    let at = 0;
    return () => values[at++];
  };

  test("has the best times and the median of the rounds' ratios, the first round left out", async () => {
    const row = await comparedRow("case", costs(0.1, 4, 2, 3), "peer", costs(0.1, 8, 8, 3), 3);
    expect(row).toEqual({ case: "case", ours: 2, peer: 3, peerName: "peer", unit: "ms", ratio: 0.5 });
    expect(lineOfRatio(row, 6)).toBe("case      2.000 ms   peer 3.000 ms, ratio 0.500");
  });

  test("names an absent peer as absent", async () => {
    const row = await comparedRow("case", costs(1, 2), "peer", undefined, 1);
    expect(row).toMatchObject({ ours: 2, peer: null, peerName: "peer: absent", ratio: null });
    expect(lineOfRatio(row, 6)).toBe("case      2.000 ms   peer: absent");
  });
});

describe("PeerProcess", () => {
  test("answers each line by one line of JSON, and undefined once it has ended", async () => {
    const echo = `require("node:readline").createInterface({ input: process.stdin })
      .on("line", (line) => console.log(JSON.stringify({ line, mark: process.env.MARK })))`;
    const peer = new PeerProcess(process.execPath, ["-e", echo], { MARK: "here" });
    expect(await peer.ask("one")).toEqual({ line: "one", mark: "here" });
    expect(await peer.ask("two")).toEqual({ line: "two", mark: "here" });
    peer.end();
    expect(await peer.answer()).toBeUndefined();
  });

  test("of a command that is not installed answers nothing", async () => {
    expect(await new PeerProcess("no-such-command-here", []).ask("one")).toBeUndefined();
  });
});

test("openTorch gives nothing where the script does not say a version", async () => {
  expect(await openTorch("no-such-peer.py", () => null)).toBeUndefined();
});

import { mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { Experiment } from "../../../src/runner/gallery/results.ts";
import { scoreboardTable, writeScoreboard } from "../../../src/runner/gallery/scoreboard.ts";

let folder: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "scoreboard-test-")));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const experiment = (name: string, ...verdicts: string[]) =>
  ({ name, result: { profile: "quick", rows: verdicts.map((verdict) => ({ quantity: "q", verdict })) } }) as unknown as Experiment; // prettier-ignore

test("the table counts verdicts of each experiment that compares itself with something", () => {
  expect(
    scoreboardTable([experiment("p/a", "match", "match", "worse"), experiment("sweep"), experiment("p/b", "better")]),
  ).toBe(
    `| experiment | profile | match | better | worse | differs | no reference |
| ---------- | ------- | ----: | -----: | ----: | ------: | -----------: |
| \`p/a\`      | quick   |     2 |      0 |     1 |       0 |            0 |
| \`p/b\`      | quick   |     0 |      1 |     0 |       0 |            0 |
| all        |         |     2 |      1 |     1 |       0 |            0 |`,
  );
});

test("only what stands between the two comments of a README is replaced, and once is enough", async () => {
  const file = path.join(folder, "README.md");
  expect(await writeScoreboard(file, [])).toBe(false);
  writeFileSync(file, "# Title\n");
  expect(await writeScoreboard(file, [])).toBe(false);
  writeFileSync(
    file,
    "# Title\n\n<!-- scoreboard: written by `marginalia gallery` -->\nold\n<!-- /scoreboard -->\n\nEnd\n",
  );
  const experiments = [experiment("p/a", "match")];
  expect(await writeScoreboard(file, experiments)).toBe(true);
  const text = readFileSync(file, "utf8");
  expect(text).toMatch(/^# Title\n\n<!-- .*-->\n\n\| experiment [^]*\n\n<!-- \/scoreboard -->\n\nEnd\n$/);
  expect(text).toContain("| `p/a` ");
  expect(await writeScoreboard(file, experiments)).toBe(false);
});

/** The scoreboard of the gallery as a Markdown table, kept between two comments of a README. */
import { readFile } from "node:fs/promises";
import { writeWhole } from "../../base/whole-file.ts";
import type { Experiment } from "./results.ts";

const SCOREBOARD_BEGIN = "<!-- scoreboard: written by `marginalia gallery` -->";
const SCOREBOARD_END = "<!-- /scoreboard -->";
const VERDICTS = ["match", "better", "worse", "differs", "no reference"] as const;

/** Experiments that compare themselves with something, how often with which verdict. Aligned as prettier would. */
export function scoreboardTable(experiments: readonly Experiment[]): string {
  const compared = experiments.filter(({ result }) => (result?.rows.length ?? 0) > 0);
  const count = ({ result }: Experiment, verdict: string) =>
    result!.rows.filter((row) => row.verdict === verdict).length;
  const rows = compared.map((each) => [
    `\`${each.name}\``,
    each.result!.profile ?? "",
    ...VERDICTS.map((verdict) => String(count(each, verdict))),
  ]);
  const total = VERDICTS.map((verdict) => String(compared.reduce((sum, each) => sum + count(each, verdict), 0)));
  const all = [["experiment", "profile", ...VERDICTS], ...rows, ["all", "", ...total]];
  const widths = all[0].map((_, column) => Math.max(3, ...all.map((row) => row[column].length)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column < 2 ? cell.padEnd(widths[column]) : cell.padStart(widths[column]))).join(" | ")} |`;
  const rule = widths.map((width, column) => (column < 2 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(all[0]), line(rule), ...all.slice(1).map(line)].join("\n");
}

/** The README with the scoreboard of now; undefined when there is no README, or none with the two comments. */
export async function withScoreboard(
  file: string,
  experiments: readonly Experiment[],
): Promise<{ readonly was: string; readonly is: string } | undefined> {
  const was = await readFile(file, "utf8").catch(() => undefined);
  const [begin, end] = [was?.indexOf(SCOREBOARD_BEGIN) ?? -1, was?.indexOf(SCOREBOARD_END) ?? -1];
  if (was === undefined || begin < 0 || end < begin) return undefined;
  const is = `${was.slice(0, begin + SCOREBOARD_BEGIN.length)}\n\n${scoreboardTable(experiments)}\n\n${was.slice(end)}`;
  return { was, is };
}

/** Whether the README had to be changed. */
export async function writeScoreboard(file: string, experiments: readonly Experiment[]): Promise<boolean> {
  const found = await withScoreboard(file, experiments);
  if (!found || found.was === found.is) return false;
  await writeWhole(file, found.is);
  return true;
}

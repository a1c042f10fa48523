/**
 * What a sweep leaves in its folder: results.csv and results.arrow, figures, result.json for the gallery, sweep.json.
 */
import { mkdir } from "node:fs/promises";
import { cpus } from "node:os";
import path from "node:path";
import { writeWhole } from "../../base/whole-file.ts";
import { lockHash, marginaliaVersion, sourceState } from "../../base/provenance.ts";
import { projectOfNotebook } from "../../runner/locations.ts";
import { recordable } from "../../runner/notebook/parameter-value.ts";
import { columnsOf, csvOf, type Best } from "../../runner/sweep/dataframe.ts";
import type { PointResult } from "../../runner/sweep/point.ts";
import { columnTable } from "./arrow.ts";
import { sweepFigures } from "./figures.ts";
import type { SweepPlan } from "./plan.ts";

export interface FinishedSweep extends SweepPlan {
  readonly results: readonly PointResult[];
  readonly best: Best | undefined;
  /** The name of the recorded number that is minimised or maximised. */
  readonly objective: string | undefined;
}

export async function writeSweep(finished: FinishedSweep): Promise<void> {
  const { file, name, sweep, folder, root, points, results, best, objective, profile = null, version } = finished;
  await mkdir(folder, { recursive: true });
  const write = (each: string, content: string | Uint8Array) =>
    writeWhole(path.join(folder, each), typeof content === "string" ? content : Buffer.from(content));
  const columns = columnsOf(points, results, finished);
  await write("results.csv", csvOf(columns));
  await write("results.arrow", await columnTable(columns));
  const parameters = Object.fromEntries(
    columns
      .filter(({ role }) => role === "parameter")
      .map((column) => [column.name, recordable([...new Set(column.values)])]),
  );
  const project = projectOfNotebook(file);
  const provenance = {
    ...sourceState(project, root),
    parameters,
    points: points.length,
    finished: results.filter(({ status }) => status === "ok").length,
    ...(best ? { best } : {}),
    node: process.versions.node,
    v8: process.versions.v8,
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    marginalia: marginaliaVersion(),
    lock: lockHash(project),
  };
  const title = `Sweep of ${name}${sweep.slice(`${name}-sweep`.length).replace("-", ": ")}`;
  const { commit, dirty } = provenance;
  const source = commit === null ? "no commit" : `commit ${commit.slice(0, 7)}${dirty ? " with changes" : ""}`;
  const figures = sweepFigures(title, columns, objective);
  for (const [each, drawn] of Object.entries(figures)) {
    const note = `${profile === null ? "" : `${profile} profile · `}${provenance.finished} of ${points.length} points · ${source} · marginalia ${provenance.marginalia}`;
    const figure = drawn.withNote(note, { experiment: sweep, profile, ...provenance });
    await write(`${each}.svg`, figure.svg());
    await write(`${each}.png`, figure.png().bytes);
    await write(`${each}.json`, `${JSON.stringify(figure)}\n`);
  }
  const record = { experiment: sweep, title, profile, figures: Object.keys(figures), tables: ["results"], rows: [], provenance, source: path.relative(project, path.resolve(file)).split(path.sep).join("/") }; // prettier-ignore
  await write("result.json", `${JSON.stringify(record, undefined, 2)}\n`);
  const shownPoints = points.map(({ id, parameters: given }) => ({ id, parameters: recordable(given) }));
  const told = results.map((result) => ({ ...result, force: undefined }));
  await write("sweep.json", `${JSON.stringify({ notebook: name, version, best: best ?? null, points: shownPoints, results: told }, undefined, 1)}\n`); // prettier-ignore
}

/**
 * `marginalia gallery`: writes the page over all figures, and the scoreboard of the project's README, and says where it
 * is.
 */
import path from "node:path";
import pc from "picocolors";
import { makeGallery, staleFiles, writeGallery } from "../runner/gallery/gallery.ts";
import { figuresFolder, shownPath, workingProject } from "../runner/locations.ts";
import { withScoreboard, writeScoreboard } from "../runner/gallery/scoreboard.ts";
import { EXIT } from "./exit-codes.ts";

export async function gallery(out = figuresFolder(workingProject())): Promise<number> {
  const { file, experiments } = await writeGallery(path.resolve(out));
  for (const { name, problem, figures } of experiments)
    for (const each of [problem, ...figures.map((figure) => figure.problem)])
      if (each !== undefined) console.error(`${pc.yellow("!")} ${name}/${each}`);
  // A README tells of the project's own figures, not of those of a trial elsewhere.
  const readme = path.join(workingProject(), "README.md");
  const isOwn = path.resolve(out) === figuresFolder(workingProject());
  if (isOwn && (await writeScoreboard(readme, experiments)))
    console.error(`scoreboard in ${shownPath(readme)} renewed`);
  console.error(`${experiments.length} ${experiments.length === 1 ? "experiment" : "experiments"} in the gallery:`);
  console.log(file);
  return EXIT.ok;
}

/** Whether page and scoreboard are what the figures give; writes nothing. */
export async function checkGallery(out = figuresFolder(workingProject())): Promise<number> {
  const made = await makeGallery(path.resolve(out));
  const readme = path.join(workingProject(), "README.md");
  const scoreboard = await withScoreboard(readme, made.experiments);
  const stale = [...(await staleFiles(made)), ...(scoreboard && scoreboard.was !== scoreboard.is ? [readme] : [])];
  for (const each of stale) console.error(`${pc.red("✗")} ${shownPath(each)} is not what the figures give; run: marginalia gallery`); // prettier-ignore
  return stale.length > 0 ? EXIT.failed : EXIT.ok;
}

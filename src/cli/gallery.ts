/** `marginalia gallery`: writes the page over all figures and says where it is. */
import path from "node:path";
import pc from "picocolors";
import { writeGallery } from "../runner/gallery.ts";
import { figuresFolder, workingProject } from "../runner/locations.ts";
import { EXIT } from "./exit-codes.ts";

export async function gallery(out = figuresFolder(workingProject())): Promise<number> {
  const { file, experiments } = await writeGallery(path.resolve(out));
  for (const { name, problem } of experiments) if (problem) console.error(`${pc.yellow("!")} ${name}/${problem}`);
  console.error(`${experiments.length} ${experiments.length === 1 ? "experiment" : "experiments"} in the gallery:`);
  console.log(file);
  return EXIT.ok;
}

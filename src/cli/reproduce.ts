/**
 * `marginalia reproduce`: every notebook of the project, then the gallery. A notebook that fails does not stop the
 * others.
 */
import { existsSync } from "node:fs";
import path from "node:path";
import pc from "picocolors";
import { findNotebooks } from "../runner/batch.ts";

import { InputError } from "../base/input-error.ts";
import { figuresFolder, workingProject } from "../runner/locations.ts";
import { prepareRun, type PreparedRun } from "../runner/notebook/prepare.ts";
import { EXIT } from "./exit-codes.ts";
import { gallery } from "./gallery.ts";
import { execute, type RunOptions } from "./run.ts";

export async function reproduce(options: RunOptions & { readonly profile: string }): Promise<number> {
  const root = workingProject();
  const folder = path.join(root, "notebooks");
  if (!existsSync(folder)) throw new InputError(`${root} has no notebooks folder; go to a project that has one`);
  const files = await findNotebooks([folder]);
  const outputRoot = options.out ?? figuresFolder(root);
  const runs: PreparedRun[] = [];
  for (const file of files) {
    try {
      runs.push(await prepareRun(file, { outputRoot, profile: options.profile, profileIfDeclared: true }));
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      console.error(`${pc.red("✗")} ${error.message}`);
    }
  }
  const code = await execute(runs, { ...options, out: outputRoot });
  await gallery(outputRoot);
  return code === EXIT.ok && runs.length < files.length ? EXIT.failed : code;
}

/** `marginalia doctor --compare`: in what the environments of two results differ, or of one result and this machine. */
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import path from "node:path";
import pc from "picocolors";
import { z } from "zod";
import { marginaliaVersion, provenance } from "../base/provenance.ts";
import { InputError } from "../base/input-error.ts";
import { figuresFolder, shownPath, workingProject } from "../runner/locations.ts";
import { EXIT } from "./exit-codes.ts";

/** What may make two results differ, in the order in which it is likely to. */
const PARTS = ["marginalia", "commit", "dirty", "lock", "parameters", "seed", "data", "backend", "node", "v8", "cpu"] as const; // prettier-ignore
type Environment = Partial<Record<(typeof PARTS)[number], unknown>>;

const object = z.looseObject({});
const withProvenance = z.union([
  z.object({ provenance: object }).transform((result) => result.provenance), // result.json, sweeps
  z.object({ layout: z.object({ meta: object }) }).transform((figure) => figure.layout.meta), // a figure's json
  // executed
  z.object({ metadata: z.object({ marginalia: object }) }).transform((notebook) => notebook.metadata.marginalia),
]);

/** Exits with `failed` when they differ. */
export async function compareEnvironments(files: readonly string[]): Promise<number> {
  const [first, second] = files;
  const was = await environmentOf(first);
  const is = second === undefined ? here() : await environmentOf(second);
  const names = [shownPath(path.resolve(first)), second === undefined ? "here, now" : shownPath(path.resolve(second))];
  // What only one of them tells cannot be compared; of a result, this machine has neither seed nor parameters.
  const shared = PARTS.filter((part) => was[part] !== undefined && is[part] !== undefined);
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  const different = shared.filter((part) => text(was[part]) !== text(is[part]));
  for (const part of different)
    console.log(`${pc.red("≠")} ${part}\n    ${names[0]}: ${text(was[part])}\n    ${names[1]}: ${text(is[part])}`);
  const same = shared.filter((part) => !different.includes(part));
  if (same.length > 0) console.log(`${pc.green("=")} ${same.join(", ")}`);
  const untold = PARTS.filter((part) => !shared.includes(part) && (was[part] !== undefined || is[part] !== undefined));
  if (untold.length > 0) console.log(`${pc.dim("–")} told by one alone: ${untold.join(", ")}`);
  return different.length > 0 ? EXIT.failed : EXIT.ok;
}

async function environmentOf(file: string): Promise<Environment> {
  let content: unknown;
  try {
    content = JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new InputError(`cannot read ${file}: ${(error as Error).message}`, { cause: error });
  }
  const found = withProvenance.safeParse(content);
  if (found.success) return found.data;
  throw new InputError(`${file} tells no provenance; give a result.json, a figure's .json or an executed notebook`);
}

function here(): Environment {
  const run = { seed: null, parameters: {}, data: "generated", backend: "" } as const;
  const { commit, dirty, lock, node, v8 } = provenance(run, figuresFolder(workingProject()));
  return { commit, dirty, lock, node, v8, cpu: cpus()[0]?.model.trim() ?? "unknown", marginalia: marginaliaVersion() };
}

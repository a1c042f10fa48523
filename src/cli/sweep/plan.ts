/**
 * What a sweep is going to do: its points, with values of the notebook's types, and the folder that is its own. Nothing
 * is written yet.
 */
import type { DeclaredParameter } from "../../runner/notebook/declared-parameter.ts";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { InputError } from "../../base/input-error.ts";
import { experimentName, figuresFolder, projectOfNotebook, shownPath } from "../../runner/locations.ts";
import { readNotebook } from "../../runner/notebook/notebook.ts";
import { refuseLinksOut } from "../../runner/output-links.ts";
import { readParameterFile } from "../../runner/notebook/parameter-file.ts";
import { parseValue, type Parameters, type ParameterValue } from "../../runner/notebook/parameter-value.ts";
import { checkNames, declaredParameters, settleValues } from "../../runner/notebook/parameters.ts";
import { versionOf } from "../../runner/sweep/point.ts";
import { axisOf, logarithmicNames, parseAxis, pointsOf, valueKey, valuesIn, type Space, type SweepPoint } from "../../runner/sweep/space.ts"; // prettier-ignore

export interface PlanOptions {
  readonly parameter?: readonly string[];
  readonly parameters?: string;
  readonly zip?: readonly string[];
  readonly samples?: number;
  readonly seed?: number;
  readonly independentDraws?: boolean;
  readonly profile?: string;
  readonly out?: string;
  /** Of this sweep, where a notebook has several. */
  readonly name?: string;
  /** Write over another sweep's results. */
  readonly replace?: boolean;
}

export interface SweepPlan {
  /** The notebook. */
  readonly file: string;
  /** "<paper>/<experiment>" of the notebook. */
  readonly name: string;
  /** "<paper>/<experiment>-sweep", with the sweep's own name if it has one. */
  readonly sweep: string;
  readonly root: string;
  readonly folder: string;
  readonly points: readonly SweepPoint[];
  /** Of the notebook's cells. */
  readonly version: string;
  readonly profile: string | undefined;
  /** Parameters that are drawn evenly by their logarithm. */
  readonly logarithmic: readonly string[];
  /** Parameters that the sweep leaves at what the notebook says. */
  readonly defaults: Parameters;
}

/**
 * Throws an InputError for an unknown parameter, a value of another type, and where another sweep's results would be
 * lost.
 */
export async function planSweep(file: string, options: PlanOptions): Promise<SweepPlan> {
  const name = experimentName(file);
  const space = await spaceOf(options);
  const source = await readNotebook(file);
  const declared = await declaredParameters(source);
  const varied = space.axes.map((axis) => axis.name);
  checkNames(declared, varied, source, file);
  const given = valuesIn(space);
  const settled = await settleValues(source, declared, given, file);
  const meanings = new Map(given.map((pair, i) => [valueKey(...pair), settled[i]]));
  const points = pointsOf(name, space, (parameter, value) => meanings.get(valueKey(parameter, value)));
  const root = path.resolve(options.out ?? figuresFolder(projectOfNotebook(file)));
  const sweep = `${name}-sweep${options.name === undefined ? "" : `-${options.name}`}`;
  const folder = path.join(root, ...sweep.split("/"));
  await refuseLinksOut(root, folder);
  if (!options.replace) await requireOwnFolder(folder, points);
  const others = declared.filter((each) => !varied.includes(each.name) && each.defaultValue !== undefined);
  const defaults = Object.fromEntries(others.map((each) => [each.name, defaultOf(each)]));
  return { file, name, sweep, root, folder, points, version: versionOf(source), profile: options.profile, logarithmic: logarithmicNames(space), defaults }; // prettier-ignore
}

async function spaceOf(options: PlanOptions): Promise<Space> {
  const fromFile = options.parameters === undefined ? {} : await readParameterFile(options.parameters);
  const given = (options.parameter ?? []).map(parseAxis);
  const named = new Set(given.map(({ name }) => name));
  const others = Object.entries(fromFile).filter(([name]) => !named.has(name));
  const profile = options.profile === undefined ? [] : [{ name: "profile", values: [options.profile] }];
  const axes = [...profile, ...others.map(([name, value]) => axisOf(name, value)), ...given];
  if (axes.length === 0) throw new InputError("a sweep varies something: give -p name=values, or --parameters FILE");
  const zip = options.zip?.map((group) => group.split(",").map((name) => name.trim()));
  const { samples, seed, independentDraws } = options;
  return { axes, zip, samples, seed, independentDraws };
}

const sweepSchema = z.object({ points: z.array(z.object({ id: z.string() })) });

/** A sweep may grow, or go on; results of points that it does not have would be lost. */
async function requireOwnFolder(folder: string, points: readonly SweepPoint[]): Promise<void> {
  const file = path.join(folder, "sweep.json");
  if (!existsSync(file)) return;
  const advice = "give this one a name (--name other), or write over it (--replace)";
  const found = await readFile(file, "utf8").then((text) => sweepSchema.safeParse(JSON.parse(text)).data, () => undefined).catch(() => undefined); // prettier-ignore
  if (!found) throw new InputError(`${shownPath(file)}: not what a sweep has written; ${advice}`);
  const own = new Set(points.map(({ id }) => id));
  const lost = found.points.filter(({ id }) => !own.has(id)).length;
  if (lost > 0)
    throw new InputError(`${shownPath(folder)} holds results of another sweep of this notebook: ${lost} of its ${found.points.length} points are not among these ${points.length}; ${advice}`); // prettier-ignore
}

/** A literal's value; else the source text, which says more than nothing. */
function defaultOf({ defaultValue = "" }: DeclaredParameter): ParameterValue {
  const plain = defaultValue.replace(/^'(.*)'$/s, '"$1"').replace(/(?<=\d)_(?=\d)/g, "");
  for (const text of [plain, plain.replace(/\s+(as|satisfies)\s.*$/s, "")]) {
    try {
      const value = parseValue(text);
      if (value !== text) return value;
    } catch {
      break; // digits that a number would lose
    }
  }
  return defaultValue;
}

/**
 * How closely a check compares, as the notebook says it. In the notebook's metadata:
 *
 *     "marginalia": { "check": {
 *       "relative": 1e-9, "absolute": 0,                                  for every number that nothing else is said of
 *       "tables": { "times": { "seconds": { "ignore": true }, "*": { "relative": 1e-6 } } },
 *       "figures": { "fig3": { "absolute": 1e-4 } },
 *       "rows": { "relative": 1e-3 }                                      also the numbers of the comparison with the
 *       paper
 *     } }
 *
 * and in a cell's: "marginalia": { "check": { "pattern": "took \\d+ ms" } }, or a tolerance, or { "ignore": true }, for
 * which the tags of nbval (nbval-ignore-output, nbval-skip) stand too.
 */
import { z } from "zod";
import { InputError } from "../../base/input-error.ts";
import { hasTag, type Cell, type Notebook } from "../notebook/notebook.ts";

const size = z.number().min(0).optional();
const toleranceSchema = z.strictObject({ relative: size, absolute: size, ignore: z.boolean().optional() });
const settingsSchema = z.strictObject({
  relative: size,
  absolute: size,
  tables: z.record(z.string(), z.record(z.string(), toleranceSchema)).optional(),
  figures: z.record(z.string(), toleranceSchema).optional(),
  rows: toleranceSchema.optional(),
});
const cellSchema = toleranceSchema.extend({
  pattern: z.string().refine(isPattern, { error: "is no regular expression" }).optional(),
});

export interface Tolerance {
  /** |a - b| <= absolute + relative max(|a|, |b|). */
  readonly relative: number;
  readonly absolute: number;
  readonly ignore: boolean;
}

/**
 * The same computation in another version of Node differs in the last digits of transcendental functions. Nothing is
 * allowed absolutely unless a notebook says so: p-values, likelihoods and residuals mean something however small they
 * are.
 */
export const DEFAULT_TOLERANCE: Tolerance = { relative: 1e-9, absolute: 0, ignore: false };

export interface CellSettings {
  readonly tolerance: Tolerance;
  /** The whole text has to match it, in place of being equal. */
  readonly pattern?: RegExp;
}

export class CheckSettings {
  readonly tolerance: Tolerance;
  readonly #given: z.infer<typeof settingsSchema>;
  readonly #file: string;

  /** Throws an InputError that names the place for settings that cannot be meant. */
  constructor(notebook: Notebook, file: string) {
    this.#given = parse(settingsSchema, notebook.metadata, `${file}: metadata`);
    this.#file = file;
    this.tolerance = over(DEFAULT_TOLERANCE, { relative: this.#given.relative, absolute: this.#given.absolute });
    for (const cell of notebook.cells) this.ofCell(cell);
  }

  ofColumn(table: string, column: string): Tolerance {
    const columns = this.#given.tables?.[table];
    return over(over(this.tolerance, columns?.["*"]), columns?.[column]);
  }

  ofFigure(name: string): Tolerance {
    return over(this.tolerance, this.#given.figures?.[name]);
  }

  /** Undefined: comparison rows are compared by verdict alone. */
  get ofRows(): Tolerance | undefined {
    return this.#given.rows && over(this.tolerance, this.#given.rows);
  }

  ofCell(cell: Cell): CellSettings {
    const { pattern, ...given } = parse(cellSchema, cell.metadata, `${this.#file}: metadata of cell ${cell.id}`);
    const isIgnored = ["nbval-ignore-output", "nbval-skip"].some((tag) => hasTag(cell, tag));
    const tolerance = over(this.tolerance, isIgnored ? { ...given, ignore: true } : given);
    return pattern === undefined ? { tolerance } : { tolerance, pattern: wholePattern(pattern) };
  }
}

function parse<T>(schema: z.ZodType<T>, metadata: Readonly<Record<string, unknown>>, place: string): T {
  const own = metadata.marginalia as { check?: unknown } | undefined;
  const checked = schema.safeParse(own?.check ?? {});
  if (checked.success) return checked.data;
  throw new InputError(`${place}.marginalia.check: ${z.prettifyError(checked.error)}`);
}

function over(tolerance: Tolerance, given: Partial<Tolerance> | undefined): Tolerance {
  return {
    relative: given?.relative ?? tolerance.relative,
    absolute: given?.absolute ?? tolerance.absolute,
    ignore: given?.ignore ?? tolerance.ignore,
  };
}

function wholePattern(pattern: string): RegExp {
  return new RegExp(`^(?:${pattern})\\s*$`, "su");
}

function isPattern(text: string): boolean {
  try {
    wholePattern(text);
    return true;
  } catch {
    return false;
  }
}

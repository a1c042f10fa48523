/** Before a run: the notebook read and checked, its parameters injected, the places named. Nothing is written yet. */
import path from "node:path";
import { dictionary } from "../../base/dictionary.ts";
import { InputError } from "../../base/input-error.ts";
import { executedNotebookFile, experimentName, figuresFolder, projectOfNotebook } from "../locations.ts";
import { readNotebook, type Notebook } from "./notebook.ts";
import { refuseLinksOut } from "../output-links.ts";
import { recordable, type GivenParameters, type Parameters } from "./parameter-value.ts";
import { declaredParameters, settledParameters, withInjected } from "./parameters.ts";
import { runRecordSchema } from "../run-record.ts";

/** A notebook that is ready to run: read, checked, its parameters injected. Nothing has been written yet. */
export interface PreparedRun {
  /** "<paper>/<experiment>". */
  readonly name: string;
  /** Absolute path of the source notebook. */
  readonly file: string;
  /** Absolute path of the executed notebook to be. */
  readonly output: string;
  readonly outputRoot: string;
  readonly notebook: Notebook;
  /** As JSON, for records of the run. */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly profile?: string;
  /**
   * What each cell took when this notebook was last executed with this profile, by cell id; {} when that is unknown.
   */
  readonly expectedSeconds: Readonly<Record<string, number>>;
}

export interface PrepareOptions {
  /** Where <paper>/<experiment>/ goes; `figures` in the notebook's project unless told. */
  readonly outputRoot?: string;
  readonly parameters?: GivenParameters;
  /** Injected as the parameter `profile`. */
  readonly profile?: string;
  /** Leave the profile out where a notebook declares none, instead of refusing. */
  readonly profileIfDeclared?: boolean;
  /** The parameters are values of the notebook's types, as settledParameters gives them. */
  readonly areTypesChecked?: boolean;
}

/** Reads and checks. Throws a InputError for what the caller has to mend; writes nothing. */
export async function prepareRun(file: string, options: PrepareOptions = {}): Promise<PreparedRun> {
  const source = await readNotebook(file);
  const isDeclared = async () => (await declaredParameters(source)).some(({ name }) => name === "profile");
  const profile =
    options.profile !== undefined && (!options.profileIfDeclared || (await isDeclared())) ? options.profile : undefined;
  const given: GivenParameters = { ...(profile === undefined ? {} : { profile }), ...options.parameters };
  const absolute = path.resolve(file);
  const outputRoot = path.resolve(options.outputRoot ?? figuresFolder(projectOfNotebook(absolute)));
  const output = executedNotebookFile(outputRoot, absolute);
  if (output === absolute) throw new InputError(`${file}: its executed copy would replace it; choose another --out`);
  await refuseLinksOut(outputRoot, path.dirname(output));
  const parameters = options.areTypesChecked ? (given as Parameters) : await settledParameters(source, given, file);
  const notebook = await withInjected(source, parameters);
  const expectedSeconds = await secondsOfLastRun(output, profile);
  return {
    name: experimentName(absolute),
    file: absolute,
    output,
    outputRoot,
    notebook,
    parameters: recordable(parameters) as Readonly<Record<string, unknown>>,
    profile,
    expectedSeconds,
  };
}

async function secondsOfLastRun(output: string, profile: string | undefined): Promise<Record<string, number>> {
  const last = await readNotebook(output).catch(() => undefined); // never run, or not ours: there is no estimate then
  const record = runRecordSchema.safeParse(last?.metadata.marginalia);
  return record.success && record.data.profile === profile ? record.data.seconds.cells : dictionary();
}

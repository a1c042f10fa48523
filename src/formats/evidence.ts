/**
 * .evid files: which variables were observed in which state.
 *
 *     since 2014:   k  v x  v x ...                 k pairs
 *     2006-2010:    samples, then for each  k  v x  v x ...
 *
 * No evidence is a 0 or an empty file; what follows a 0 is left out, as other readers do. A file that can be read in
 * both forms is taken in the newer one. Variables are named as in the model's file.
 */
import type { Evidence } from "../graph/condition.ts";
import type { Model } from "./model.ts";
import { Numbers } from "./number-list.ts";
import { Tokenizer } from "./tokenizer.ts";
import { collect, writeAtomically } from "./write.ts";

/**
 * Reads a .evid file with one sample.
 * @param model translates the file's variables to the graph's, and lets a variable or state that it does not have be
 *   told with its place.
 * @throws FormatError with line and column.
 */
export function readEvidence(path: string, model?: Model): Evidence {
  return Tokenizer.readFile(path, (tokens) => onlySample(parse(tokens, model), path));
}

/** Reads the text of a .evid file with one sample; `name` stands for the file in messages. */
export function parseEvidence(text: string, model?: Model, name = "text"): Evidence {
  return Tokenizer.readText(text, name, (tokens) => onlySample(parse(tokens, model), name));
}

/** Reads a .evid file with any number of samples (the older form). */
export function readEvidenceSamples(path: string, model?: Model): Evidence[] {
  return Tokenizer.readFile(path, (tokens) => parse(tokens, model).samples);
}

interface Parsed {
  readonly samples: Evidence[];
  readonly numbers: Numbers;
}

function onlySample({ samples, numbers }: Parsed, file: string): Evidence {
  if (samples.length > 1)
    throw numbers.error(
      0,
      `${file} holds ${samples.length} samples of evidence, expected one; see readEvidenceSamples`,
    );
  return samples[0] ?? new Map();
}

function parse(tokens: Tokenizer, model: Model | undefined): Parsed {
  const numbers = Numbers.read(tokens, "a variable, a state or a count of the evidence", { integers: true });
  const samples: Evidence[] = [];
  const { values } = numbers;
  if (values.length === 0 || values[0] === 0) return { samples: [new Map()], numbers };
  if (values.length === 1 + 2 * values[0]) return { samples: [readSample(numbers, 0, model)], numbers };

  // The older form: a number of samples in front.
  let position = 1;
  for (let sample = 0; sample < values[0]; sample++) {
    if (position >= values.length || position + 2 * values[position] >= values.length)
      throw numbers.error(
        0,
        `the count ${values[0]} does not fit the ${values.length - 1} numbers after it, expected that many pairs ` +
          `"variable state" (or samples of "pairs variable state ...")`,
      );
    samples.push(readSample(numbers, position, model));
    position += 1 + 2 * values[position];
  }
  if (position < values.length)
    throw numbers.error(
      position,
      `got ${values[position]}, expected the end of the file: the count ${values[0]} at the start fits neither the pairs nor the samples`,
    );
  return { samples, numbers };
}

function readSample(numbers: Numbers, position: number, model: Model | undefined): Evidence {
  const { values } = numbers;
  const evidence = new Map<number, number>();
  for (let pair = 0; pair < values[position]; pair++) {
    const at = position + 1 + 2 * pair;
    const label = values[at];
    const state = values[at + 1];
    const variable = model === undefined ? label : variableOf(model, label);
    if (model !== undefined) {
      const { numVariables, cardinalities } = model.graph;
      if (variable === undefined || variable >= numVariables)
        throw numbers.error(
          at,
          `the model has no variable ${label}` + (model.variableLabels ? "" : `, expected 0 to ${numVariables - 1}`),
        );
      if (state >= cardinalities[variable])
        throw numbers.error(
          at + 1,
          `variable ${label} has no state ${state}, expected 0 to ${cardinalities[variable] - 1}`,
        );
    }
    const before = evidence.get(variable!);
    if (before !== undefined && before !== state)
      throw numbers.error(at, `variable ${label} is observed in state ${before} and in state ${state}`);
    evidence.set(variable!, state);
  }
  return evidence;
}

/** The graph's number of the variable that a model's file calls `label`; undefined if there is none. */
export function variableOf(model: Model, label: number): number | undefined {
  const labels = model.variableLabels;
  if (labels === undefined) return label < model.graph.numVariables ? label : undefined;
  let [low, high] = [0, labels.length - 1];
  while (low <= high) {
    const middle = (low + high) >> 1;
    if (labels[middle] === label) return middle;
    if (labels[middle] < label) low = middle + 1;
    else high = middle - 1;
  }
  return undefined;
}

/** The text of a .evid file, newer form, variables in increasing order. */
function* formatEvidence(evidence: Evidence): Generator<string> {
  yield String(evidence.size);
  for (const [variable, state] of [...evidence].sort((a, b) => a[0] - b[0])) yield ` ${variable} ${state}`;
  yield "\n";
}

export function evidenceText(evidence: Evidence): string {
  return collect(formatEvidence(evidence));
}

/** Writes a .evid file; no half file is left if it fails. */
export function writeEvidence(path: string, evidence: Evidence): void {
  writeAtomically(path, formatEvidence(evidence));
}

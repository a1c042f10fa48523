/**
 * Answers in the form of the UAI competitions, read and written.
 *
 *     PR                 MAR                                   MAP
 *     log10 Z            n  k_1 p p ...  k_2 p p ...           n  x_1 x_2 ...
 *
 * MAR lists every variable, an observed one too (one-hot). Older files put a number of samples before the answers,
 * write several answers separated by -BEGIN- (the last one counts), or name the task PE, BEL or MPE: all are read; the
 * newest form is written.
 */
import type { Distributions } from "../graph/condition.ts";
import { FormatError } from "./format-error.ts";
import { Numbers } from "./number-list.ts";
import { log10Of, numberText } from "./numbers.ts";
import { Tokenizer } from "./tokenizer.ts";
import { collect, writeAtomically } from "./write.ts";

/** A result file's answers, one a sample of evidence. */
export type Results =
  /** log10 Z of each sample, as written: base 10; -Infinity for Z = 0. */
  | { readonly task: "PR"; readonly log10Z: readonly number[] }
  /** Marginals of each sample. */
  | { readonly task: "MAR"; readonly marginals: readonly Distributions[] }
  /** Int32Array[numVariables] of states of each sample. */
  | { readonly task: "MAP"; readonly states: readonly Int32Array[] };

const headers: Readonly<Record<string, Results["task"]>> = {
  PR: "PR",
  PE: "PR",
  MAR: "MAR",
  BEL: "MAR",
  MAP: "MAP",
  MPE: "MAP",
};

/**
 * Reads a result file.
 * @throws FormatError with line and column, also if the counts in it contradict each other.
 */
export function readResults(path: string): Results {
  return Tokenizer.readFile(path, parse);
}

/** Reads a result text; `name` stands for the file in messages. */
export function parseResults(text: string, name = "text"): Results {
  return Tokenizer.readText(text, name, parse);
}

function parse(tokens: Tokenizer): Results {
  const expected = `the task, one of ${Object.keys(headers).join(", ")}`;
  const task = headers[tokens.nextWord(expected).toUpperCase()];
  if (task === undefined) throw tokens.unexpected(expected);
  const numbers = Numbers.read(tokens, `a number of the ${task} answer`, { integers: false, separator: "-BEGIN-" });
  switch (task) {
    case "PR":
      return { task, log10Z: readPartition(numbers) };
    case "MAR":
      return { task, marginals: readSamples(numbers, readMarginals) };
    case "MAP":
      return { task, states: readSamples(numbers, readStates) };
  }
}

function readPartition(numbers: Numbers): number[] {
  const { values } = numbers;
  if (values.length === 1) return [...values];
  if (values.length > 1 && values.length === values[0] + 1) return values.slice(1);
  throw numbers.error(
    0,
    `a PR answer of ${values.length} numbers, expected log10 Z, or a number of samples and log10 Z of each`,
  );
}

type SampleReader<Sample> = (numbers: Numbers, position: number) => { sample: Sample; end: number };

/** Tries the form without a number of samples first: read that way, a file with one almost never comes out even. */
function readSamples<Sample>(numbers: Numbers, readSample: SampleReader<Sample>): Sample[] {
  let firstError: unknown;
  try {
    const { sample, end } = readSample(numbers, 0);
    if (end === numbers.values.length) return [sample];
    firstError = numbers.error(
      end,
      `got ${numbers.values[end]}, expected the end of the file after ${numbers.values[0]} variables`,
    );
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    firstError = error;
  }
  const samples: Sample[] = [];
  try {
    let position = 1;
    while (samples.length < numbers.values[0]) {
      const { sample, end } = readSample(numbers, position);
      samples.push(sample);
      position = end;
    }
    if (samples.length > 0 && position === numbers.values.length) return samples;
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
  }
  throw firstError;
}

function readCount(numbers: Numbers, position: number, low: number, what: string): number {
  const count = numbers.values[position];
  if (position >= numbers.values.length) throw numbers.error(position, `the file ends, expected ${what}`);
  if (!(Number.isSafeInteger(count) && count >= low))
    throw numbers.error(position, `got ${count}, expected ${what}, an integer >= ${low}`);
  return count;
}

function readMarginals(numbers: Numbers, position: number): { sample: Distributions; end: number } {
  const numVariables = readCount(numbers, position, 0, "the number of variables");
  if (numVariables > numbers.values.length - position)
    throw numbers.error(
      position,
      `got ${numVariables} variables, but only ${numbers.values.length - position - 1} numbers follow`,
    );
  const offsets = new Int32Array(numVariables + 1);
  const values: number[] = [];
  let at = position + 1;
  for (let variable = 0; variable < numVariables; variable++) {
    const cardinality = readCount(numbers, at++, 1, `the number of states of variable ${variable}`);
    if (at + cardinality > numbers.values.length)
      throw numbers.error(
        at,
        `variable ${variable} has ${cardinality} states, but only ${numbers.values.length - at} numbers follow`,
      );
    for (const end = at + cardinality; at < end; at++) {
      const probability = numbers.values[at];
      if (!(probability >= 0 && probability <= 1 + 1e-3))
        throw numbers.error(at, `got ${probability}, expected a probability of variable ${variable}`);
      values.push(probability);
    }
    offsets[variable + 1] = values.length;
  }
  return { sample: { values: Float64Array.from(values), offsets }, end: at };
}

function readStates(numbers: Numbers, position: number): { sample: Int32Array; end: number } {
  const numVariables = readCount(numbers, position, 0, "the number of variables");
  const end = position + 1 + numVariables;
  if (end > numbers.values.length)
    throw numbers.error(
      position,
      `got ${numVariables} variables, but only ${numbers.values.length - position - 1} numbers follow`,
    );
  const sample = new Int32Array(numVariables);
  for (let variable = 0; variable < numVariables; variable++)
    sample[variable] = readCount(numbers, position + 1 + variable, 0, `the state of variable ${variable}`);
  return { sample, end };
}

/** A PR answer. @param logZ NATURAL log of Z, as inference returns it; the file gets base 10. */
function* formatPartition(logZ: number): Generator<string> {
  yield `PR\n${numberText(log10Of(logZ))}\n`;
}

/** A MAR answer: one distribution a variable, observed variables too. */
function* formatMarginals({ values, offsets }: Distributions): Generator<string> {
  yield `MAR\n${offsets.length - 1}`;
  for (let variable = 0; variable + 1 < offsets.length; variable++) {
    let text = ` ${offsets[variable + 1] - offsets[variable]}`;
    for (let entry = offsets[variable]; entry < offsets[variable + 1]; entry++) text += ` ${numberText(values[entry])}`;
    yield text;
  }
  yield "\n";
}

/** A MAP answer: one state a variable. */
function* formatStates(states: ArrayLike<number>): Generator<string> {
  yield `MAP\n${states.length}`;
  for (let variable = 0; variable < states.length; variable++) yield ` ${states[variable]}`;
  yield "\n";
}

/** What a result writer takes: as inference returns it, so ln Z in natural log. */
export type Answer =
  | { readonly task: "PR"; readonly logZ: number }
  | { readonly task: "MAR"; readonly marginals: Distributions }
  | { readonly task: "MAP"; readonly states: ArrayLike<number> };

function formatAnswer(answer: Answer): Generator<string> {
  switch (answer.task) {
    case "PR":
      return formatPartition(answer.logZ);
    case "MAR":
      return formatMarginals(answer.marginals);
    case "MAP":
      return formatStates(answer.states);
  }
}

/** The text of a result file. */
export function resultsText(answer: Answer): string {
  return collect(formatAnswer(answer));
}

/** Writes a result file; no half file is left if it fails. */
export function writeResults(path: string, answer: Answer): void {
  writeAtomically(path, formatAnswer(answer));
}

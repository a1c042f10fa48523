/**
 * The .uai format of the UAI inference competitions, read and written.
 *
 *     MARKOV | BAYES
 *     number of variables, the cardinality of each
 *     number of factors, for each: arity and variables
 *     for each factor: number of entries and entries >= 0, the LAST variable of its scope changing fastest
 *
 * Line breaks mean nothing. A factor without variables has one entry, read literally: a 0 there makes Z = 0. One
 * difference from the format's description: entries outside the range of doubles (1e-400) are legal in both directions,
 * since they are read and written as logarithms.
 */
import { describeFactor, fromArrays, type FactorGraph } from "../graph/factor-graph.ts";
import { GrowableInt32 } from "./growable.ts";
import { defaultReadLimits, type Model, type ReadLimits } from "./model.ts";
import { potentialText } from "./numbers.ts";
import { Tokenizer } from "./tokenizer.ts";
import { collect, writeAtomically } from "./write.ts";

const MAX_CARDINALITY = 0x7fffffff;

/**
 * Reads a .uai file.
 * @throws FormatError with line and column: a wrong word, a wrong count, a negative or infinite entry, NaN, a file that
 *   ends too early
 * or goes on after the last table, a table larger than the file.
 */
export function readUai(path: string, limits: ReadLimits = defaultReadLimits): Model {
  return Tokenizer.readFile(path, (tokens) => parse(tokens, limits));
}

/** Reads a .uai text; `name` stands for the file in messages. */
export function parseUai(text: string, name = "text", limits: ReadLimits = defaultReadLimits): Model {
  return Tokenizer.readText(text, name, (tokens) => parse(tokens, limits));
}

function parse(tokens: Tokenizer, limits: ReadLimits): Model {
  const network = tokens.nextWord('"MARKOV" or "BAYES"').toUpperCase();
  if (network !== "MARKOV" && network !== "BAYES") throw tokens.unexpected('"MARKOV" or "BAYES"');
  const cardinalities = readCardinalities(tokens, limits);
  const { scopeOffsets, scopes, tableOffsets } = readScopes(tokens, cardinalities);
  const numFactors = scopeOffsets.length - 1;
  const logPotentials = new Float64Array(tableOffsets[numFactors]);
  let factor = 0;
  let index = 0;
  const named = (): string => describeFactor(factor, scopes.subarray(scopeOffsets[factor], scopeOffsets[factor + 1]));
  const entry = (): string =>
    `entry ${index - tableOffsets[factor]} of ${named()}, a finite number >= 0 ` +
    `(${tableOffsets[factor + 1] - tableOffsets[factor]} entries)`;
  for (; factor < numFactors; factor++) {
    const numEntries = tableOffsets[factor + 1] - tableOffsets[factor];
    if (tokens.nextInteger(0, Number.MAX_SAFE_INTEGER, () => `the table length of ${named()}`) !== numEntries)
      throw tokens.unexpected(`${numEntries}, the table length of ${named()}`);
    const end = tableOffsets[factor + 1];
    for (index = tableOffsets[factor]; index < end; index++) logPotentials[index] = tokens.nextLogarithm(entry);
  }
  return {
    graph: fromArrays(cardinalities, scopeOffsets, scopes, tableOffsets, logPotentials),
    network,
    warnings: readTrailer(tokens),
  };
}

/**
 * merlin's files end in lists of integers that are no part of the model: legal on lines of their own, with a warning.
 * All else after the last table (an entry too many, another table) shows that a count is wrong.
 */
function readTrailer(tokens: Tokenizer): string[] {
  const lastLine = tokens.line;
  if (!tokens.advance()) return [];
  const expected = "the end of the file after the last table";
  if (tokens.line === lastLine) throw tokens.unexpected(expected);
  const firstLine = tokens.line;
  let count = 0;
  do {
    if (!/^\d+$/.test(tokens.word)) throw tokens.unexpected(expected);
    count++;
  } while (tokens.advance());
  return [`${tokens.file}:${firstLine}: left out ${count} integers after the last table`];
}

function readCardinalities(tokens: Tokenizer, limits: ReadLimits): Int32Array {
  const numVariables = tokens.nextInteger(0, 0x7ffffffe, "the number of variables");
  if (numVariables > tokens.maxWordsLeft)
    throw tokens.unexpected(
      `at most ${tokens.maxWordsLeft} variables, since the rest of the file holds no more cardinalities`,
    );
  const cardinalities = new Int32Array(numVariables);
  let i = 0;
  let numStates = 0;
  const expected = (): string => `the cardinality of variable ${i}`;
  for (; i < numVariables; i++) {
    cardinalities[i] = tokens.nextInteger(1, MAX_CARDINALITY, expected);
    numStates += cardinalities[i];
    if (numStates > limits.maxEntries)
      throw tokens.error(`variables 0 to ${i} have ${numStates} states together, more than maxEntries`);
  }
  return cardinalities;
}

function readScopes(
  tokens: Tokenizer,
  cardinalities: Int32Array,
): { scopeOffsets: Int32Array; scopes: Int32Array; tableOffsets: Float64Array } {
  const numVariables = cardinalities.length;
  const numFactors = tokens.nextInteger(0, 0x7ffffffe, "the number of factors");
  if (numFactors > tokens.maxWordsLeft)
    throw tokens.unexpected(`at most ${tokens.maxWordsLeft} factors, since the rest of the file holds no more scopes`);
  const scopeOffsets = new Int32Array(numFactors + 1);
  const tableOffsets = new Float64Array(numFactors + 1);
  const scopes = new GrowableInt32();
  /** factor + 1 that last named each variable: finds a repetition in scopes of any arity. */
  const namedBy = new Int32Array(numVariables);
  let factor = 0;
  let position = 0;
  const arityExpected = (): string => `the number of variables of factor ${factor}`;
  const variableExpected = (): string => `variable ${position} of the scope of factor ${factor}`;
  for (; factor < numFactors; factor++) {
    const arity = tokens.nextInteger(0, numVariables, arityExpected);
    let numEntries = 1;
    for (position = 0; position < arity; position++) {
      const variable = tokens.nextInteger(0, numVariables - 1, variableExpected);
      if (namedBy[variable] === factor + 1) throw tokens.error(`factor ${factor} names variable ${variable} twice`);
      namedBy[variable] = factor + 1;
      scopes.push(variable);
      numEntries *= cardinalities[variable];
    }
    scopeOffsets[factor + 1] = scopes.length;
    tableOffsets[factor + 1] = tableOffsets[factor] + numEntries;
    if (tableOffsets[factor + 1] > tokens.maxWordsLeft)
      throw tokens.error(
        `factor ${factor} of ${arity} variables needs a table of ${numEntries} entries, but the rest of the file holds ` +
          `at most ${Math.max(0, tokens.maxWordsLeft - tableOffsets[factor])} beside the tables before it`,
      );
  }
  return { scopeOffsets, scopes: scopes.toArray(), tableOffsets };
}

/**
 * The .uai text of a graph, in pieces. Reading it gives the same logarithms wherever ln of a double reaches them, and
 * else the nearest.
 * @param network the first word; BAYES promises that the last variable of every scope is conditioned on the others,
 *   which is not checked.
 */
export function* formatUai(graph: FactorGraph, network: "MARKOV" | "BAYES" = "MARKOV"): Generator<string> {
  const { numVariables, numFactors, cardinalities, scopeOffsets, scopes, tableOffsets, logPotentials } = graph;
  yield `${network}\n${numVariables}\n${cardinalities.join(" ")}\n${numFactors}\n`;
  for (let factor = 0; factor < numFactors; factor++) {
    const variables = scopes.subarray(scopeOffsets[factor], scopeOffsets[factor + 1]);
    yield variables.length === 0 ? "0\n" : `${variables.length} ${variables.join(" ")}\n`;
  }
  for (let factor = 0; factor < numFactors; factor++) {
    const [start, end] = [tableOffsets[factor], tableOffsets[factor + 1]];
    const rowLength =
      scopeOffsets[factor + 1] > scopeOffsets[factor] ? cardinalities[scopes[scopeOffsets[factor + 1] - 1]] : 1;
    yield `\n${end - start}\n`;
    let row = "";
    for (let index = start; index < end; index++) {
      row += ` ${potentialText(logPotentials[index])}`;
      if ((index + 1 - start) % rowLength === 0) row += "\n";
      if (row.length > 1 << 14) {
        yield row;
        row = "";
      }
    }
    yield row;
  }
}

/** The .uai text of a graph. */
export function uaiText(graph: FactorGraph, network: "MARKOV" | "BAYES" = "MARKOV"): string {
  return collect(formatUai(graph, network));
}

/** Writes a .uai file; no half file is left if it fails. */
export function writeUai(path: string, graph: FactorGraph, network: "MARKOV" | "BAYES" = "MARKOV"): void {
  writeAtomically(path, formatUai(graph, network));
}

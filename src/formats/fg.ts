/**
 * libDAI's .fg format, read and written.
 *
 *     number of factors, then for each factor:
 *     number of variables; their labels; their cardinalities
 *     number of listed entries; for each: index and value
 *
 * The FIRST variable of a factor changes fastest, entries that are not listed are 0, `#` opens a comment. Labels need
 * not be 0, 1, 2, ...: the graph's variables are the labels in increasing order, and Model.variableLabels leads back to
 * them. One difference: a graph's scope is the file's in reverse, so that the same table stands in the graph's order
 * (last variable fastest) without being permuted.
 */
import { fromArrays, type FactorGraph } from "../graph/factor-graph.ts";
import { GrowableInt32 } from "./growable.ts";
import { defaultReadLimits, type Model, type ReadLimits } from "./model.ts";
import { potentialText } from "./numbers.ts";
import { Tokenizer } from "./tokenizer.ts";
import { collect, writeAtomically } from "./write.ts";

const MAX_LABEL = 0x7fffffff;

/**
 * Reads a .fg file.
 * @throws FormatError with line and column: a wrong word or count, a negative or infinite entry, NaN, an entry listed
 *   twice, one label
 * with two cardinalities, a file that ends too early or goes on after the last factor, tables of more than
 * `limits.maxEntries` entries.
 */
export function readFg(path: string, limits: ReadLimits = defaultReadLimits): Model {
  return Tokenizer.readFile(path, (tokens) => parse(tokens, limits), true);
}

/** Reads a .fg text; `name` stands for the file in messages. */
export function parseFg(text: string, name = "text", limits: ReadLimits = defaultReadLimits): Model {
  return Tokenizer.readText(text, name, (tokens) => parse(tokens, limits), true);
}

function parse(tokens: Tokenizer, limits: ReadLimits): Model {
  const numFactors = tokens.nextInteger(0, 0x7ffffffe, "the number of factors");
  if (numFactors > tokens.maxWordsLeft)
    throw tokens.unexpected(`at most ${tokens.maxWordsLeft} factors, since the rest of the file holds no more`);
  const scopeOffsets = new Int32Array(numFactors + 1);
  const tableOffsets = new Float64Array(numFactors + 1);
  const scopeLabels = new GrowableInt32();
  const cardinalityOf = new Map<number, number>();
  const tables: Float64Array[] = [];
  for (let factor = 0; factor < numFactors; factor++) {
    const { labels, numEntries } = readScope(tokens, factor, cardinalityOf);
    if (tableOffsets[factor] + numEntries > limits.maxEntries)
      throw tokens.error(
        `factor ${factor} over variables (${labels.join(", ")}) needs a table of ${numEntries} entries; all tables together ` +
          `would have more than maxEntries = ${limits.maxEntries}`,
      );
    for (const label of labels.reverse()) scopeLabels.push(label);
    scopeOffsets[factor + 1] = scopeLabels.length;
    tableOffsets[factor + 1] = tableOffsets[factor] + numEntries;
    tables.push(readTable(tokens, factor, numEntries));
  }
  tokens.expectEnd(`the last of ${numFactors} factors`);

  const variableLabels = Int32Array.from(cardinalityOf.keys()).sort();
  const cardinalities = variableLabels.map((label) => cardinalityOf.get(label)!);
  const numStates = cardinalities.reduce((total, cardinality) => total + cardinality, 0);
  if (numStates > limits.maxEntries)
    throw tokens.error(`the variables have ${numStates} states together, more than maxEntries = ${limits.maxEntries}`);
  const variableOfLabel = new Map(Array.from(variableLabels, (label, variable) => [label, variable]));
  const scopes = scopeLabels.toArray().map((label) => variableOfLabel.get(label)!);
  const logPotentials = new Float64Array(tableOffsets[numFactors]);
  tables.forEach((table, factor) => logPotentials.set(table, tableOffsets[factor]));
  const graph = fromArrays(cardinalities, scopeOffsets, scopes, tableOffsets, logPotentials);
  const isConsecutive = variableLabels.every((label, variable) => label === variable);
  return { graph, ...(isConsecutive ? {} : { variableLabels }), warnings: [] };
}

/** Labels of a factor in the file's order, and the length of its table; adds new labels to `cardinalityOf`. */
function readScope(
  tokens: Tokenizer,
  factor: number,
  cardinalityOf: Map<number, number>,
): { labels: number[]; numEntries: number } {
  const arity = tokens.nextInteger(0, 0x7ffffffe, `the number of variables of factor ${factor}`);
  if (2 * arity > tokens.maxWordsLeft)
    throw tokens.unexpected(
      `at most ${Math.floor(tokens.maxWordsLeft / 2)} variables, since the rest of the file holds no more`,
    );
  const labels: number[] = [];
  const seen = new Set<number>();
  for (let position = 0; position < arity; position++) {
    labels.push(tokens.nextInteger(0, MAX_LABEL, `the label of variable ${position} of factor ${factor}`));
    if (seen.has(labels[position])) throw tokens.error(`factor ${factor} names variable ${labels[position]} twice`);
    seen.add(labels[position]);
  }
  let numEntries = 1;
  for (const label of labels) {
    const cardinality = tokens.nextInteger(1, 0x7fffffff, `the cardinality of variable ${label} in factor ${factor}`);
    const before = cardinalityOf.get(label);
    if (before !== undefined && before !== cardinality)
      throw tokens.error(
        `factor ${factor} gives variable ${label} ${cardinality} states, but it had ${before} in a factor before`,
      );
    cardinalityOf.set(label, cardinality);
    numEntries *= cardinality;
  }
  return { labels, numEntries };
}

/** The table, natural log; entries that are not listed are -Infinity. */
function readTable(tokens: Tokenizer, factor: number, numEntries: number): Float64Array {
  const numListed = tokens.nextInteger(0, numEntries, `the number of listed entries of factor ${factor}`);
  if (2 * numListed > tokens.maxWordsLeft)
    throw tokens.unexpected(
      `at most ${Math.floor(tokens.maxWordsLeft / 2)} entries, since the rest of the file holds no more`,
    );
  const table = new Float64Array(numEntries).fill(NaN); // NaN: not listed so far
  let index = 0;
  const indexExpected = (): string => `an entry's index in the table of factor ${factor}`;
  const valueExpected = (): string => `entry ${index} of factor ${factor}, a finite number >= 0`;
  for (let listed = 0; listed < numListed; listed++) {
    index = tokens.nextInteger(0, numEntries - 1, indexExpected);
    if (!Number.isNaN(table[index])) throw tokens.error(`factor ${factor} lists entry ${index} twice`);
    table[index] = tokens.nextLogarithm(valueExpected);
  }
  for (let entry = 0; entry < numEntries; entry++) if (Number.isNaN(table[entry])) table[entry] = -Infinity;
  return table;
}

/**
 * The .fg text of a graph, in pieces: zeros left out.
 * @param labels Int32Array[numVariables], what to call the variables; 0, 1, 2, ... if absent.
 * @throws RangeError if a variable is in no factor, since the format cannot name it.
 */
export function* formatFg(graph: FactorGraph, labels?: Int32Array): Generator<string> {
  const { numFactors, cardinalities, scopeOffsets, scopes, tableOffsets, logPotentials } = graph;
  for (let variable = 0; variable < graph.numVariables; variable++)
    if (graph.variableEdgeOffsets[variable] === graph.variableEdgeOffsets[variable + 1])
      throw new RangeError(
        `variable ${variable} is in no factor, which .fg cannot say; give it a factor of ones, or write .uai`,
      );
  yield `${numFactors}\n`;
  for (let factor = 0; factor < numFactors; factor++) {
    const scope = scopes.slice(scopeOffsets[factor], scopeOffsets[factor + 1]).reverse();
    const table = logPotentials.subarray(tableOffsets[factor], tableOffsets[factor + 1]);
    let numListed = 0;
    for (const entry of table) if (entry !== -Infinity) numListed++;
    yield `\n${scope.length}\n${scope.map((variable) => labels?.[variable] ?? variable).join(" ")}\n`;
    yield `${scope.map((variable) => cardinalities[variable]).join(" ")}\n${numListed}\n`;
    for (let index = 0; index < table.length; index++)
      if (table[index] !== -Infinity) yield `${index} ${potentialText(table[index])}\n`;
  }
}

/** The .fg text of a graph. */
export function fgText(graph: FactorGraph, labels?: Int32Array): string {
  return collect(formatFg(graph, labels));
}

/** Writes a .fg file; no half file is left if it fails. */
export function writeFg(path: string, graph: FactorGraph, labels?: Int32Array): void {
  writeAtomically(path, formatFg(graph, labels));
}

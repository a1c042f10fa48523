/**
 * marginalia/formats: .uai, .evid, .fg, DIMACS CNF and answers; read in bounded memory, written whole or not at all.
 */
export {
  cnfModel,
  dimacsText,
  formatDimacs,
  parseDimacs,
  readCnfModel,
  readDimacs,
  writeDimacs,
  type DimacsFile,
} from "./dimacs.ts";
export {
  evidenceText,
  parseEvidence,
  readEvidence,
  readEvidenceSamples,
  variableOf,
  writeEvidence,
} from "./evidence.ts";
export { fgText, formatFg, parseFg, readFg, writeFg } from "./fg.ts";
export { FormatError } from "./format-error.ts";
export { modelCountText, parseModelCount, readModelCount, type ModelCount } from "./model-counts.ts";
export { defaultReadLimits, type Model, type ReadLimits } from "./model.ts";
export { modelEndings, readModel } from "./read.ts";
export { parseResults, readResults, resultsText, writeResults, type Answer, type Results } from "./results.ts";
export { formatUai, parseUai, readUai, uaiText, writeUai } from "./uai.ts";

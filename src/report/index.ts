/** marginalia/report: figures without a browser, tables, statistics, comparison with a paper, display. */
export { type DataKind, type Provenance } from "../base/provenance.ts";
export { judge, type Comparison, type Verdict } from "../base/verdict.ts";
export { clearOutput, display, type DisplayOptions, type KernelDisplay } from "./display.ts";
export {
  openExperiment,
  type Experiment,
  type ExperimentOptions,
  type Profile,
  type ResultRecord,
  type ResultRow,
} from "./experiment.ts";
export { figure, PlotlyFigure, type Axis, type FigureOptions } from "./figure.ts";
export { drawGraph, graphLayout } from "./graph-drawing.ts";
export { panels, type Panel, type PanelsOptions } from "./panels.ts";
export { figureSvg, type PlotlySpecification } from "./plotly-static.ts";
export { record, type RecordValue } from "./record.ts";
export { pngOfSvg, type Png } from "./render.ts";
export { smallMultiples, type MultiplesRow, type SmallMultiplesOptions } from "./small-multiples.ts";
export { mean, median, quantiles, standardDeviation, standardError, summarise, type Summary } from "./statistics.ts";
export { methodStyle, palette, sequenceStyles, type MethodStyle } from "./style.ts";
export { table, tableCsv, tableOfCsv, type Columns, type TableOptions } from "./table.ts";
export { band, bars, heatmap, line, scatter } from "./traces.ts";
export { useFonts } from "./fonts.ts";

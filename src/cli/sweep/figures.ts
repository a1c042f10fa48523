/**
 * A sweep as figures: small multiples of every recorded number, a heat map and parallel coordinates of the objective.
 * Drawn are the points that came to their end; a line below the title says which did not, over what a mean is taken,
 * and what there was no room for.
 */
import { mean } from "../../report/statistics.ts";
import type { PlotlyFigure } from "../../report/figure.ts";
import { panels } from "../../report/panels.ts";
import { sequenceStyles } from "../../report/style.ts";
import { line, scatter } from "../../report/traces.ts";
import type { Column, Scalar } from "../../runner/sweep/dataframe.ts";
import { parallelCoordinates } from "./coordinates.ts";
import { axisFor, heatMap, placeOn, type Heading, type MeanAt } from "./heat-map.ts";
import { scaleOf } from "./scale.ts";

/** More curves in one panel cannot be told apart; more panels in one figure cannot be read. */
const MAX_CURVES = 6;
const MAX_PANELS = 9;
/** CSS pixels from the figure's upper edge to a title of two lines. */
const TITLE_DROP = 26;
/** More names in a line of text are counted. */
const MOST_NAMED = 4;

/** By file name. `objective` names a column of recorded numbers; without numbers there is nothing to draw. */
export function sweepFigures(
  title: string,
  columns: readonly Column[],
  objective?: string,
): Record<string, PlotlyFigure> {
  const all = columns.map(withNullAsName);
  const status = all.find(({ role }) => role === "status")?.values;
  const ended = all.map((column): Column => ({ ...column, values: column.values.filter((_, i) => !status || status[i] === "ok") })); // prettier-ignore
  const varied = ended.filter((_, c) => all[c].role === "parameter" && new Set(all[c].values).size > 1);
  const numbers = ended.filter(({ role, type }) => role === "value" && type === "number");
  const chosen = numbers.find(({ name }) => name === objective) ?? numbers.at(0);
  if (!chosen || varied.length === 0 || chosen.values.length === 0) return {};
  // Along the x axis what has most values; curves for what has fewest, so that seeds are averaged over.
  const count = ({ values }: Column) => new Set(values).size;
  const isNumber = ({ type }: Column) => Number(type === "number");
  const [x, ...others] = [...varied].sort((a, b) => isNumber(b) - isNumber(a) || count(b) - count(a));
  const curves = others.find((each) => count(each) <= MAX_CURVES);
  const shown = numbers.slice(0, MAX_PANELS);
  const dropped = numbers.slice(MAX_PANELS).map(({ name }) => name);
  const titled = (...said: (string | undefined)[]) => withLine(title, [...said, missingPoints(status)]);
  const meansOver = (used: readonly Column[]) => averages(varied, used);
  return {
    "small-multiples": smallMultiples(
      titled(meansOver(curves ? [x, curves] : [x]), dropped.length > 0 ? `${dropped.length} of ${numbers.length} recorded numbers have no panel: ${list(dropped)}` : undefined, notFinite(shown)), // prettier-ignore
      shown,
      x,
      curves,
    ),
    ...(others.length > 0 && {
      "heat-map": heatMap(titled(meansOver([x, others[0]]), notFinite([chosen])), chosen, x, others[0], meanAt),
    }),
    "parallel-coordinates": parallelCoordinates(titled(notFinite([chosen])), [...varied, chosen]),
  };
}

/** A parameter may be null, which is a value like another, and makes names of the numbers beside it. */
function withNullAsName(column: Column): Column {
  if (column.role !== "parameter" || !column.values.includes(null)) return column;
  return { ...column, type: "string", values: column.values.map(String) };
}

/** Means of the finite values at each of `keys`; NaN where there is none. */
const meanAt: MeanAt = (values, at) => {
  const found = values.filter((value, i): value is number => at(i) && typeof value === "number" && Number.isFinite(value)); // prettier-ignore
  return found.length > 0 ? mean(found) : NaN;
};

/** The title, with what is said in a smaller line below it, if anything. */
function withLine(text: string, said: readonly (string | undefined)[]): Heading {
  const line = said.filter((each) => each !== undefined).join("; ");
  if (line === "") return { text };
  // From the upper edge in pixels: Plotly moves a title of two lines up by one, and a subtitle down into the axes.
  return { text: `${text}<br><span style="font-size: 11px">${line}</span>`, y: 1, pad: { t: TITLE_DROP } };
}

function missingPoints(status: readonly Scalar[] | undefined): string | undefined {
  const count = (wanted: string) => (status ?? []).filter((each) => each === wanted).length;
  const parts = [
    [count("failed"), "failed"],
    [count("stopped"), "stopped as hopeless"],
    [count("missing"), "without a result"],
  ] as const;
  const said = parts.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
  return said.length === 0 ? undefined : `not drawn: ${said.join(", ")} (of ${status!.length} points)`;
}

/** Which parameters a mean hides: those that differ between points that share a place. */
function averages(varied: readonly Column[], used: readonly Column[]): string | undefined {
  const first = new Map<string, number>();
  const hidden = new Set<Column>();
  for (const i of used[0].values.keys()) {
    const place = JSON.stringify(used.map(({ values }) => values[i]));
    const other = first.get(place);
    if (other === undefined) first.set(place, i);
    else for (const column of varied) if (column.values[i] !== column.values[other]) hidden.add(column);
  }
  const names = [...hidden].map(({ name, values }) => `${name} (${new Set(values).size} values)`);
  return names.length === 0 ? undefined : `means over ${list(names)}`;
}

function notFinite(numbers: readonly Column[]): string | undefined {
  const isOdd = (value: Scalar) => !Number.isFinite(value);
  const count = numbers.reduce((sum, { values }) => sum + values.filter(isOdd).length, 0);
  return count === 0 ? undefined : `${count} ${count === 1 ? "value" : "values"} missing or not finite`;
}

function list(names: readonly string[]): string {
  const more = names.length - MOST_NAMED;
  return more > 0 ? `${names.slice(0, MOST_NAMED).join(", ")} and ${more} more` : names.join(", ");
}

function smallMultiples(
  title: Heading,
  numbers: readonly Column[],
  x: Column,
  curves: Column | undefined,
): PlotlyFigure {
  const scale = scaleOf(x);
  const families = curves ? scaleOf(curves).distinct : [undefined];
  const styles = sequenceStyles(families.length);
  return panels({
    layout: { title },
    panels: numbers.map((value) => ({
      title: value.name,
      x: scale.kind === "linear" ? x.name : axisFor(x, scale),
      y: value.name,
      data: families.map((family, f) => {
        const y = scale.distinct.map((at) => meanAt(value.values, (i) => x.values[i] === at && (!curves || curves.values[i] === family))); // prettier-ignore
        const name = curves ? `${curves.name} = ${String(family)}` : value.name;
        const shown = y.map((_, i) => i).filter((i) => Number.isFinite(y[i]));
        const trace = {
          method: name,
          name,
          style: styles[f],
          x: shown.map((i) => placeOn(scale, scale.distinct[i])),
          y: shown.map((i) => y[i]),
        };
        return { ...(scale.kind === "names" ? scatter(trace) : line(trace)), ...(!curves && { showlegend: false }) };
      }),
    })),
  });
}

/**
 * Attributes that Plotly does not have and values that it does not take. Plotly itself passes over both without a word,
 * and the figure comes out as if they had not been written; its schema knows them.
 */
import { nearestName } from "./nearest-name.ts";

/** What Plotly.validate says of one attribute. */
interface Finding {
  readonly code: string;
  readonly container: "data" | "layout";
  readonly trace?: number | null;
  readonly path: readonly (string | number)[] | string;
  readonly astr: string;
}

type Attributes = Record<string, unknown>;

/** The parts of Plotly that know its schema. */
export interface SchemaOfPlotly {
  validate(data: unknown, layout: unknown): Finding[] | undefined;
  readonly PlotSchema: {
    get(): {
      readonly traces: Record<string, { attributes: Attributes; layoutAttributes?: Attributes } | undefined>;
      readonly layout: { readonly layoutAttributes: Attributes };
    };
  };
}

interface Checked {
  readonly data: readonly Record<string, unknown>[];
  readonly layout: Record<string, unknown>;
}

/** Codes of findings that are mistakes wherever they occur; the others say that an attribute has no effect here. */
const MISTAKES = new Set(["schema", "value", "object", "array"]);

const isObject = (value: unknown): value is Attributes => typeof value === "object" && value !== null;
const at = (value: unknown, key: string | number): unknown => (isObject(value) ? value[key as string] : undefined);

/**
 * @throws TypeError for the first attribute that Plotly does not have, with the nearest that it has, or value that it
 *   refuses.
 */
export function refuseUnknownAttributes(plotly: SchemaOfPlotly, figure: Checked): void {
  for (const finding of findings(plotly, figure)) {
    if (!MISTAKES.has(finding.code) || typeof finding.path === "string") continue;
    const index = finding.container === "data" ? (finding.trace ?? 0) : undefined;
    const whole = index === undefined ? figure.layout : figure.data[index];
    const value = finding.path.reduce(at, whole as unknown);
    if (value === null || value === undefined) continue; // as if it were not written
    const where = index === undefined ? "layout" : `trace ${index}${nameOf(figure.data[index])}`;
    const siblings = attributesAt(plotly, figure, index, finding.path.slice(0, -1));
    throw new TypeError(`${where}: ${complaint(finding, value, siblings)}`);
  }
}

/** All findings; where Plotly's validation itself fails, those of the parts that it can do. */
function findings(plotly: SchemaOfPlotly, { data, layout }: Checked): Finding[] {
  try {
    return plotly.validate(data, layout) ?? [];
  } catch {
    const attempt = (one: readonly unknown[], part: object, trace: number | null) => {
      try {
        return (plotly.validate(one, part) ?? []).map((found) => ({ ...found, trace }));
      } catch {
        return [];
      }
    };
    return [
      ...data.flatMap((trace, index) => attempt([trace], {}, index)),
      ...Object.entries(layout).flatMap(([key, value]) => attempt([], { [key]: value }, null)),
    ];
  }
}

const nameOf = ({ name }: Record<string, unknown>) => (typeof name === "string" ? ` ("${name}")` : "");

function complaint({ code, astr }: Finding, value: unknown, siblings: Attributes): string {
  const own = astr.replace(/^.*\./, "");
  if (code === "schema") {
    const names = Object.keys(siblings).filter(
      (name) => !name.startsWith("_") && name !== "role" && name !== "editType",
    );
    const nearest = nearestName(own, names);
    return `Plotly has no attribute "${astr}"${nearest === undefined ? "" : `; the nearest is "${astr.slice(0, astr.length - own.length)}${nearest}"`}`;
  }
  const got = (JSON.stringify(value) ?? String(value)).slice(0, 60);
  if (code === "object" && own === "title" && typeof value === "string")
    return `"${astr}" cannot be a string; write ${astr}: { text: ${got} }`;
  return `"${astr}" cannot be ${got}; Plotly wants ${expected(code, at(siblings, own.replace(/\[\d+\]$/, "")))}`;
}

function expected(code: string, attribute: unknown): string {
  if (code === "object") return "an object";
  if (code === "array") return "a list";
  const { valType, values, flags, extras } = (isObject(attribute) ? attribute : {}) as Record<string, unknown>;
  if (Array.isArray(values)) return `one of ${values.map((value) => JSON.stringify(value)).join(", ")}`;
  if (Array.isArray(flags)) return `${flags.join(", ")} joined by "+"${Array.isArray(extras) ? `, or ${extras.join(", ")}` : ""}`; // prettier-ignore
  return typeof valType === "string" ? `a value of kind "${valType}"` : "another value";
}

/** The attributes that may stand at `path`. */
function attributesAt(
  plotly: SchemaOfPlotly,
  { data }: Checked,
  trace: number | undefined,
  path: readonly (string | number)[],
): Attributes {
  const { traces, layout } = plotly.PlotSchema.get();
  const of = (index: number) => traces[(data[index].type ?? "scatter") as string]; // plainFigure has checked the type
  const top =
    trace === undefined
      ? (Object.assign(
          {},
          layout.layoutAttributes,
          ...data.map((_, index) => of(index)?.layoutAttributes),
        ) as Attributes)
      : (of(trace)?.attributes ?? {});
  const found = path.reduce((attributes: unknown, key) => {
    if (typeof key === "number") return Object.values((at(attributes, "items") ?? {}) as Attributes).find(isObject);
    return at(attributes, key) ?? at(attributes, key.replace(/\d+$/, "")); // xaxis2 has the attributes of xaxis
  }, top);
  return isObject(found) ? found : {};
}

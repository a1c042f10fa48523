/**
 * How a method looks: the same colour, marker and dash in every figure, so that a reader who knows one figure can read
 * the next. Colours are Okabe and Ito's, told apart by readers with any kind of colour vision; marker and dash repeat
 * the distinction for print without colour.
 */

/** Okabe & Ito 2008, https://jfly.uni-koeln.de/color/ */
export const palette = {
  black: "#000000",
  orange: "#E69F00",
  skyBlue: "#56B4E9",
  green: "#009E73",
  yellow: "#F0E442",
  blue: "#0072B2",
  vermilion: "#D55E00",
  purple: "#CC79A7",
} as const;

/** The order for traces without a method. Yellow comes last: as a line on white it is faint. */
export const colourway: readonly string[] = [
  palette.blue,
  palette.vermilion,
  palette.green,
  palette.orange,
  palette.purple,
  palette.skyBlue,
  palette.black,
  palette.yellow,
];

export type Dash = "solid" | "dot" | "dash" | "longdash" | "dashdot" | "longdashdot";
export type MarkerSymbol = "circle" | "square" | "diamond" | "triangle-up" | "triangle-down" | "cross" | "x" | "star";

export interface MethodStyle {
  readonly color: string;
  readonly symbol: MarkerSymbol;
  readonly dash: Dash;
}

const { black, orange, skyBlue, green, blue, vermilion, purple } = palette;

const style = (color: string, symbol: MarkerSymbol, dash: Dash): MethodStyle => ({ color, symbol, dash });

/**
 * Known methods by their base name. Marker and dash alone tell any two apart; those that meet in a figure differ in
 * colour.
 */
export const knownMethods: Readonly<Record<string, MethodStyle>> = {
  exact: style(black, "circle", "solid"),
  paper: style(black, "x", "dot"),
  "factorised-lower": style(blue, "triangle-up", "solid"),
  "factorised-upper": style(orange, "square", "dot"),
  "refined-upper": style(vermilion, "triangle-down", "dash"),
  "mean-field": style(skyBlue, "diamond", "dashdot"),
  "structured-mean-field": style(skyBlue, "star", "longdash"),
  bp: style(green, "square", "solid"),
  "max-product": style(green, "square", "dash"),
  trbp: style(purple, "triangle-down", "longdash"),
  gibbs: style(black, "cross", "dashdot"),
  "node-gnn": style(orange, "diamond", "solid"),
  "msg-gnn": style(vermilion, "cross", "solid"),
  bpnn: style(blue, "star", "solid"),
  nmm: style(purple, "x", "solid"),
};

const aliases: Readonly<Record<string, string>> = {
  mf: "mean-field",
  "naive-mean-field": "mean-field",
  "belief-propagation": "bp",
  "sum-product": "bp",
  "loopy-bp": "bp",
  "tree-reweighted-bp": "trbp",
  trw: "trbp",
  enumeration: "exact",
};

const dashes: readonly Dash[] = ["longdashdot", "longdash", "dashdot", "dash", "dot", "solid"];
const symbols: readonly MarkerSymbol[] = [
  "star",
  "cross",
  "x",
  "diamond",
  "square",
  "triangle-up",
  "triangle-down",
  "circle",
];

const taken = new Set(Object.values(knownMethods).map(({ color, symbol, dash }) => `${color} ${symbol} ${dash}`));
/** Styles that no known method has; black stays with the references. */
const free: readonly MethodStyle[] = dashes
  .flatMap((dash) => symbols.flatMap((symbol) => colourway.slice(0, 6).map((color) => style(color, symbol, dash))))
  .filter(({ color, symbol, dash }) => !taken.has(`${color} ${symbol} ${dash}`));

/** FNV-1a, 32 bits: depends on the name alone, not on which names were seen before. */
function hash(name: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(name)) value = Math.imul(value ^ byte, 0x01000193) >>> 0;
  return value;
}

/** "BP[damping=0.5]", "Mean field" and "mean_field (n = 8)" name the same methods as "bp" and "mean-field". */
function methodName(method: string): string {
  const plain = method
    .replace(/[[(].*$/, "")
    .trim()
    .toLowerCase()
    .replace(/[\s_]+/g, "-")
    .replaceAll("factorized", "factorised");
  return Object.hasOwn(aliases, plain) ? aliases[plain] : plain;
}

/**
 * The style of a method string such as "bp[damping=0.5]": options do not change it. A name that is not known gets a
 * style that depends on the name alone.
 */
export function methodStyle(method: string): MethodStyle {
  const name = methodName(method);
  return Object.hasOwn(knownMethods, name) ? knownMethods[name] : free[hash(name) % free.length];
}

/** The colour with an opacity, for bands: `translucent("#0072B2", 0.2)` is `rgba(0,114,178,0.2)`. */
export function translucent(colour: string, opacity: number): string {
  const channels = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour);
  if (!channels) throw new TypeError(`expected a colour such as #0072B2, got ${JSON.stringify(colour)}`);
  return `rgba(${channels.slice(1).map((pair) => Number.parseInt(pair, 16)).join(",")},${opacity})`; // prettier-ignore
}

/**
 * Styles for the members of an ordered family, such as the sizes n = 8, 64, 128: dark to light along one ramp, with
 * markers and dashes that repeat the distinction.
 * @throws RangeError unless count is an integer from 1 to 6.
 */
export function sequenceStyles(count: number): MethodStyle[] {
  const ramp = ["#0B2545", "#1F4E79", "#2E7D9A", "#45A29E", "#7FB069", "#B5A642"];
  if (!(Number.isInteger(count) && count >= 1 && count <= ramp.length))
    throw new RangeError(`an ordered family has 1 to ${ramp.length} members, got ${count}`);
  const order: readonly Dash[] = ["solid", "dash", "dot", "dashdot", "longdash", "longdashdot"];
  const step = count > 1 ? (ramp.length - 1) / (count - 1) : 0;
  const markers: readonly MarkerSymbol[] = ["circle", "square", "diamond", "triangle-up", "x", "star"];
  return Array.from({ length: count }, (_, i) => style(ramp[Math.round(i * step)], markers[i], order[i]));
}

/** ColorBrewer's RdBu turned round, white at the middle: blue below, red above. */
export const divergingScale: [number, string][] = [
  [0, "#2166AC"],
  [0.25, "#92C5DE"],
  [0.5, "#F7F7F7"],
  [0.75, "#F4A582"],
  [1, "#B2182B"],
];

/** Viridis, the default for magnitudes; its lightness rises evenly. */
export const SEQUENTIAL_SCALE = "Viridis";

const font = { family: "Open Sans, Arial, sans-serif", size: 13, color: "#222222" };

const axis = {
  showline: true,
  mirror: true,
  linecolor: "#444444",
  ticks: "outside",
  tickcolor: "#444444",
  ticklen: 4,
  showgrid: true,
  gridcolor: "#e8e8e8",
  zerolinecolor: "#aaaaaa",
  zerolinewidth: 1,
  automargin: true,
  title: { standoff: 10 },
} as const;

/** The house template, in Plotly's sense: it fills in what a figure's own layout leaves open. */
export const houseTemplate = {
  layout: {
    font,
    title: { font: { size: 17 }, x: 0.5, xanchor: "center", y: 0.97, yanchor: "top", yref: "container" },
    paper_bgcolor: "#ffffff",
    plot_bgcolor: "#ffffff",
    colorway: [...colourway],
    colorscale: { sequential: SEQUENTIAL_SCALE, diverging: divergingScale },
    margin: { l: 70, r: 24, t: 56, b: 60 },
    xaxis: axis,
    yaxis: axis,
    legend: { bgcolor: "rgba(255,255,255,0.85)", bordercolor: "#cccccc", borderwidth: 1, itemsizing: "trace" },
    hovermode: "closest",
  },
  data: {
    scatter: [{ line: { width: 2 }, marker: { size: 7 }, error_y: { thickness: 1.2, width: 4 } }],
    heatmap: [{ colorscale: SEQUENTIAL_SCALE, colorbar: { outlinewidth: 0, ticks: "outside" } }],
    contour: [{ colorscale: SEQUENTIAL_SCALE, colorbar: { outlinewidth: 0, ticks: "outside" } }],
    bar: [{ marker: { line: { width: 0 } }, error_y: { thickness: 1.2, width: 4 } }],
  },
} as const;

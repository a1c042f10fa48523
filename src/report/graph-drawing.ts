/**
 * Drawings of small graphs: nodes placed so that distances on the page are near to distances in the graph, by stress
 * majorisation (Gansner, Koren & North 2004), from a circle on; the same graph is drawn the same every time.
 */
import type { Data } from "plotly.js";
import { adjacency, type Topology } from "../graph/topology.ts";
import { palette } from "./style.ts";

const LAYOUT_SWEEPS = 300;

/** Breadth-first distances from one node; numNodes where there is no path. */
function distancesFrom(
  start: number,
  numNodes: number,
  { offsets, neighbours }: ReturnType<typeof adjacency>,
): Float64Array {
  const distances = new Float64Array(numNodes).fill(numNodes);
  const queue = [start];
  distances[start] = 0;
  for (const node of queue)
    for (let at = offsets[node]; at < offsets[node + 1]; at++)
      if (distances[neighbours[at]] > distances[node] + 1) {
        distances[neighbours[at]] = distances[node] + 1;
        queue.push(neighbours[at]);
      }
  return distances;
}

/** Places of the nodes, each within [-1, 1]. For some tens of nodes: takes time in the square of their number. */
export function graphLayout(topology: Topology): { x: Float64Array; y: Float64Array } {
  const n = topology.numNodes;
  const graph = adjacency(topology);
  const distances = Array.from({ length: n }, (_, node) => distancesFrom(node, n, graph));
  // A little off the circle, or symmetric graphs stay on a line through its centre.
  const x = Float64Array.from({ length: n }, (_, i) => Math.cos((2 * Math.PI * i) / n) * (1 + 0.03 * ((i * 7) % 5)));
  const y = Float64Array.from({ length: n }, (_, i) => Math.sin((2 * Math.PI * i) / n) * (1 + 0.03 * ((i * 3) % 4)));
  for (let sweep = 0; sweep < LAYOUT_SWEEPS; sweep++)
    for (let i = 0; i < n; i++) {
      let [sumX, sumY, weights] = [0, 0, 0];
      for (let j = 0; j < n; j++) {
        if (j === i) continue;
        const wanted = distances[i][j];
        const weight = 1 / wanted ** 2;
        const [dx, dy] = [x[i] - x[j], y[i] - y[j]];
        const apart = Math.hypot(dx, dy) || 1e-9;
        sumX += weight * (x[j] + (wanted * dx) / apart);
        sumY += weight * (y[j] + (wanted * dy) / apart);
        weights += weight;
      }
      if (weights > 0) [x[i], y[i]] = [sumX / weights, sumY / weights];
    }
  turnUpright(topology, x, y);
  for (const values of [x, y]) {
    const centre = (Math.max(...values) + Math.min(...values)) / 2;
    for (let i = 0; i < n; i++) values[i] -= centre;
  }
  const most = Math.max(...x.map(Math.abs), ...y.map(Math.abs)) || 1;
  return { x: x.map((value) => value / most), y: y.map((value) => value / most) };
}

/** Turns the drawing so that edges lie along the axes as well as they can: grids and ladders stand upright. */
function turnUpright({ edges }: Topology, x: Float64Array, y: Float64Array): void {
  let [cosines, sines] = [0, 0];
  for (let edge = 0; edge < edges.length; edge += 2) {
    const [i, j] = [edges[edge], edges[edge + 1]];
    const angle = Math.atan2(y[j] - y[i], x[j] - x[i]);
    cosines += Math.cos(4 * angle);
    sines += Math.sin(4 * angle);
  }
  const turn = -Math.atan2(sines, cosines) / 4;
  const [cosine, sine] = [Math.cos(turn), Math.sin(turn)];
  for (let i = 0; i < x.length; i++) [x[i], y[i]] = [cosine * x[i] - sine * y[i], sine * x[i] + cosine * y[i]];
}

/** Edges as thin lines and nodes as dots, for a panel without axes. */
export function drawGraph(topology: Topology, nodeSize = 5): Data[] {
  const { x, y } = graphLayout(topology);
  const ends: { x: (number | null)[]; y: (number | null)[] } = { x: [], y: [] };
  for (let edge = 0; edge < topology.edges.length; edge += 2) {
    const [i, j] = [topology.edges[edge], topology.edges[edge + 1]];
    ends.x.push(x[i], x[j], null);
    ends.y.push(y[i], y[j], null);
  }
  return [
    { type: "scatter", mode: "lines", ...ends, line: { color: "#888888", width: 1 }, hoverinfo: "skip" },
    { type: "scatter", mode: "markers", x: [...x], y: [...y], marker: { size: nodeSize, color: palette.black } },
  ];
}

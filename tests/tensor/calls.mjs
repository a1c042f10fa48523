// Random calls of the compiled kernels: for fuzz.mjs, which spoils most of them, and arm64.test.ts, which wants them
// valid.

// A small generator of its own (mulberry32): fuzz.mjs runs beside a sanitizer, without anything else of the project.
let state = 0;
/** Starts again from `seed`. */
export const seedCalls = (seed) => void (state = seed);
export const uniform = () => {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
export const below = (count) => Math.floor(uniform() * count);
export const pick = (list) => list[below(list.length)];

export const oddNumbers = [-1, 0.5, NaN, Infinity, -Infinity, 2 ** 31, 2 ** 31 - 1, 2 ** 53, 65536, 65537, 1e300];
export const makers = { f: Float32Array, i: Int32Array, b: Uint8Array };

/** Lengths that are products of the few sizes in play, so that some calls are valid. */
export function array(letter, sizes) {
  const length = uniform() < 0.1 ? below(40) : sizes.slice(0, below(5)).reduce((product) => product * pick(sizes), 1);
  const Type = makers[letter.toLowerCase().replace("x", "f")] ?? pick(Object.values(makers));
  const made = new Type(Math.min(length, 20000));
  const limit = uniform() < 0.5 ? pick(sizes) + 1 : 1000;
  for (let i = 0; i < made.length; i++)
    made[i] =
      Type === Float32Array
        ? uniform() < 0.05
          ? pick(oddNumbers)
          : uniform() * 4 - 2
        : below(limit + 1) - (uniform() < 0.01);
  return made;
}

/**
 * Arguments that fit, for the kernels whose arrays depend on each other most; random calls rarely get past their
 * checks.
 */
export const fitting = {
  unary: ([n]) => [[below(21), 0.5, 1], f(n * n), f(n * n)],
  binary: (sizes) => broadcast(sizes, below(9), f),
  compare: (sizes) => broadcast(sizes, 9 + below(6), (length) => new Uint8Array(length)),
  addAll: ([n, count]) => [[], ...Array.from({ length: count + 1 }, () => f(n))],
  select: ([n]) => [[], new Uint8Array(n), f(n), f(n), f(n)],
  reduce: ([outer, middle, inner]) => [[below(6), outer, middle, inner], f(outer * middle * inner), f(outer * inner)],
  softmax: ([rows, columns]) => [[rows, columns, below(2)], f(rows * columns), f(rows * columns)],
  argExtreme: ([rows, columns]) => [[rows, columns, below(2)], f(rows * columns), new Int32Array(rows)],
  concat: ([outer, a, b]) => [[outer, a, b], f(outer * (a + b)), f(outer * a), f(outer * b)],
  copyBox([m, n, k]) {
    const axes = [[m, k, 1], [n, 1, m]].slice(0, 2); // prettier-ignore
    return [[2, below(3), below(3), ...axes.flat()], f(m * Math.max(n, k) + 2), f(m * n + 2)];
  },
  oneHot: ([count, depth]) => [[depth, 1, 0], ids(count, depth + 2), f(count * depth)],
  adam: ([n]) => [[0.1, 0.9, 0.99, 1e-8, 0.1, 0.01, 0], ...Array.from({ length: 7 }, () => f(n))],
  rmsprop: ([n]) => [[0.1, 0.9, 0.5, 1e-8], ...Array.from({ length: 7 }, () => f(n))],
  batchNorm([rows, channels]) {
    const one = () => f(below(2) * channels);
    return [[rows, channels, 0.001], f(rows * channels), f(channels), f(channels), one(), one(), f(rows * channels)];
  },
  matmul([m, n, k]) {
    const [ta, tb] = [below(2), below(2)];
    return [[1, m, n, k, ta, tb, 1, 1, below(6)], f(m * k), f(k * n), f(below(2) * n), f(m * n)];
  },
  gather([batch, outer, rows, width, count]) {
    const lenient = below(2);
    return [
      [batch, outer, rows, width, count, lenient],
      f(batch * outer * rows * width),
      ids(batch * count, rows + 2 * lenient),
      f(batch * outer * count * width),
    ];
  },
  segmentSum([count, width, segments]) {
    return [[segments, width, below(2)], f(count * width), ids(count, segments + 2), f(segments * width)];
  },
  segmentMax([count, width, segments]) {
    return [
      [segments, width],
      f(count * width),
      ids(count, segments + 2),
      f(segments * width),
      new Int32Array(segments * width),
    ];
  },
  segmentSoftmax([count, width, segments]) {
    return [[segments, width], f(count * width), ids(count, segments + 2), f(count * width)];
  },
  message: (sizes) => message(sizes, false),
  messageGradient: (sizes) => message(sizes, true),
  gru([rows, input, units]) {
    const gates = 3 * units;
    const weights = [f(input * gates), f(units * gates), f(gates), f(gates)];
    return [[rows, input, units], f(rows * input), f(rows * units), ...weights, f(rows * units), f(4 * rows * units)];
  },
  gruGradient([rows, input, units]) {
    const [state, gates] = [rows * units, 3 * units];
    const read = [f(state), f(4 * state), f(rows * input), f(state), f(input * gates), f(units * gates)];
    return [
      [rows, input, units],
      ...read,
      f(rows * input),
      f(state),
      f(input * gates),
      f(units * gates),
      f(gates),
      f(gates),
    ];
  },
  factor: (sizes) => tables(sizes, ({ t, m, more }) => [more, f(t), f(m), f(m)]),
  factorGradient: (sizes) => tables(sizes, ({ t, m, more }) => [more, f(t), f(m), f(m), f(t), f(m)]),
  quotient: (sizes) => tables(sizes, ({ t, m, more, axes }) => [more, f(t), f(below(2) * axes * t), f(m)]),
  quotientGradient: (sizes) =>
    tables(sizes, ({ t, m, more, axes }) => {
      const denominators = below(2) * axes * t;
      return [more, f(t), f(denominators), f(m), f(t), f(denominators)];
    }),
  beliefs: (sizes) => tables(sizes, ({ t, m, shape }) => [[shape[0], -9, ...shape.slice(1)], f(t), f(m), f(t)]),
  beliefsGradient: (sizes) =>
    tables(sizes, ({ t, m, shape }) => [[shape[0], -9, ...shape.slice(1)], f(t), f(t), f(t), f(m)]),
  spread: (sizes) => tables(sizes, ({ t, m, axes, shape }) => [shape, f(m), f(axes * t)]),
  spreadGradient: (sizes) => tables(sizes, ({ t, m, axes, shape }) => [shape, f(axes * t), f(m)]),
  normalise: ([rows, states]) => [[rows, states, -9], f(rows * states), f(rows * states)],
  normaliseGradient: ([rows, states]) => [[rows, states, -9], f(rows * states), f(rows * states), f(rows * states)],
  sumOfOthers: ([count, groups]) => [[groups], f(count), ids(count, groups), f(count)],
  tableMlp: (sizes) => tableMlp(sizes, (logs, mlp) => [f(logs), ...mlp(), f(logs)]),
  tableMlpGradient: (sizes) => tableMlp(sizes, (logs, mlp) => [f(logs), ...mlp(), f(logs), f(logs), ...mlp().slice(1)]),
  convolve: (sizes) => image(sizes, ([x, w, y]) => [f(x), f(w), f(below(2) * sizes[6]), f(y)], [below(6)]),
  convolveInputGradient: (sizes) => image(sizes, ([x, w, y]) => [f(y), f(w), f(x)]),
  convolveFilterGradient: (sizes) => image(sizes, ([x, w, y]) => [f(x), f(y), f(w)]),
  depthwise(sizes) {
    const mode = below(3);
    return image(
      sizes,
      ([x, w, , z]) =>
        [
          [f(x), f(w), f(z)],
          [f(w), f(z), f(x)],
          [f(x), f(z), f(w)],
        ][mode],
      [mode],
    );
  },
  pool: (sizes) => image(sizes, ([x, , , , p]) => [f(x), f(p)], [below(2)]),
  poolGradient: (sizes) => image(sizes, ([x, , , , p]) => [f(p), f(x), f(x)], [below(2)]),
  resize([batch, h, w, channels, p, q]) {
    const gradient = below(2);
    const arrays = [f(batch * h * w * channels), f(batch * p * q * channels)];
    return [
      [batch, h, w, p, q, channels, below(2), below(2), below(2), gradient],
      ...(gradient ? arrays.reverse() : arrays),
    ];
  },
  sparseMatmul: ([rows, columns, width]) => sparse(rows, columns, width, [rows * width], [columns * width], true),
  sparseValueGradient: ([rows, columns, width]) =>
    sparse(rows, columns, width, [], [columns * width, rows * width], false),
};

const f = (length) => Float32Array.from({ length }, () => uniform() * 2 - 1);
const ids = (length, limit) => Int32Array.from({ length }, () => Math.max(0, below(limit)));

function broadcast([m, n], number, made) {
  const [aRow, aColumn, bRow, bColumn] = [below(2) * n, below(2), below(2) * n, below(2)];
  return [[number, 2, m, aRow, bRow, n, aColumn, bColumn], f(m * n), f(m * n), made(m * n)];
}

function message([count, rows, width, hidden, out, segments], gradient) {
  const summed = below(2);
  const blocks = [
    [f(rows * width), ids(count, rows), rows, width],
    [f(count * 3), new Int32Array(0), count, 3],
  ];
  const widths = [hidden, out];
  const layers = [f((width + 3) * hidden), f(hidden), f(hidden * out), f(out)];
  const result = (summed ? segments : count) * out;
  const written = gradient ? [...blocks.map(([x]) => f(x.length)), ...layers.map((x) => f(x.length))] : [f(result)];
  const read = [ids(summed * count, segments + 2), ...blocks.flatMap(([x, index]) => [x, index]), ...layers];
  const params = [
    written.length,
    count,
    summed * segments,
    2,
    2,
    below(6),
    below(6),
    ...blocks.flatMap(([, , r, w]) => [r, w]),
  ];
  return [[...params, ...widths], ...written, ...(gradient ? [f(result)] : []), ...read];
}

/** `call` with the lengths of some tables [factors, c_1, ..., c_n] and of their messages. */
function tables(sizes, call) {
  const cardinalities = sizes.slice(0, 1 + below(3)).map((size) => Math.min(size, 7));
  const [states, width] = [cardinalities.reduce((a, b) => a * b), cardinalities.reduce((a, b) => a + b)];
  const shape = [sizes[5], ...cardinalities];
  const more = [sizes[5], below(2), -9, ...cardinalities];
  return call({ t: sizes[5] * states, m: sizes[5] * width, axes: cardinalities.length, shape, more });
}

function tableMlp([count, states, permutations], arrays) {
  const order = () => [...Array(states).keys()].sort(() => uniform() - 0.5);
  const weights = () => [
    Int32Array.from(Array.from({ length: permutations }, order).flat()),
    ...[states * states, states, states * states, states].map((length) => f(length)),
  ];
  return [[count, states, permutations, 0.5, 0.1], ...arrays(count * states, weights)];
}

function image([batch, h, w, channels, p, q, out], arrays, more = []) {
  const [oh, ow] = [1 + below(h), 1 + below(w)];
  const sizes = [
    batch,
    h,
    w,
    channels,
    p,
    q,
    out,
    oh,
    ow,
    1 + below(3),
    1 + below(3),
    1 + below(2),
    1 + below(2),
    below(4),
    below(4),
  ];
  const pixels = batch * oh * ow;
  const lengths = [
    batch * h * w * channels,
    p * q * channels * out,
    pixels * out,
    pixels * channels * out,
    pixels * channels,
  ];
  return [[...sizes, ...more], ...arrays(lengths)];
}

function sparse(rows, columns, width, written, dense, hasValue) {
  const counts = Array.from({ length: rows }, () => below(4));
  const start = Int32Array.from([0, ...counts.map((_, i) => counts.slice(0, i + 1).reduce((a, b) => a + b))]);
  const entries = start[rows];
  const read = [start, ids(entries, columns), ...(hasValue ? [f(entries)] : []), ...dense.map(f)];
  return [[rows, columns, width], ...read, ...(written.length ? written.map(f) : [f(entries)])];
}

// Calls every kernel of a compiled library with random arrays and parameters, most of them wrong: none may crash, and
// under AddressSanitizer none may touch memory that is not its own. Run by fuzz.test.ts; `node fuzz.mjs <addon or wasm>
// <calls> <seed>`.
import { createRequire } from "node:module";
import path from "node:path";
import { array, below, fitting, makers, oddNumbers, pick, seedCalls, uniform } from "./calls.mjs";

const [file, calls] = [process.argv[2], Number(process.argv[3])];
seedCalls(Number(process.argv[4]));

async function library() {
  if (file.endsWith(".wasm")) return (await import(process.env.FUZZ_LIBRARY)).loadWasm(file);
  const addon = createRequire(import.meta.url)(path.resolve(file));
  const names = addon.operations();
  const operations = new Map(names.flatMap((name, i) => (i % 2 ? [] : [[name, names[i + 1]]])));
  const order = [...operations.keys()];
  const scratch = new Float64Array(256);
  return {
    operations,
    run(name, params, ...arrays) {
      scratch.set(params);
      addon.call(order.indexOf(name), params.length, scratch, ...arrays);
    },
  };
}

const { operations, run } = await library();
const names = [...operations.keys()];
const counts = Object.fromEntries(names.map((name) => [name, 0]));
for (let call = 0; call < calls; call++) {
  const name = names[call % names.length];
  const signature = operations.get(name);
  const sizes = Array.from({ length: 7 }, () => 1 + below(uniform() < 0.2 ? 40 : 9));
  let params, arrays;
  if (fitting[name] && uniform() < 0.6) [params, ...arrays] = fitting[name](sizes);
  else {
    const letters =
      signature === "@"
        ? Array.from({ length: below(20) }, () => pick("fi")).join("")
        : signature.replace("*", "".padEnd(below(4), signature.at(-2)));
    arrays = Array.from(letters, (letter) => array(letter, sizes));
    params = Array.from({ length: 3 + below(24) }, () =>
      uniform() < 0.1 ? pick(oddNumbers) : uniform() < 0.3 ? below(3) : pick(sizes),
    );
  }
  if (uniform() < 0.3 && arrays.length > 0) {
    const broken = below(arrays.length); // one array too short, of another type, or one index too far
    const old = arrays[broken];
    arrays[broken] = pick([
      () => old.subarray(1),
      () => pick(Object.values(makers)).from(old),
      () => old.map((x, i) => (i === 0 ? x + 1e6 : x)),
      () => new Float64Array(3),
    ])();
  }
  if (uniform() < 0.2 && params.length > 0)
    params[below(params.length)] = uniform() < 0.5 ? pick(oddNumbers) : below(60);
  try {
    run(name, params, ...arrays);
    counts[name]++;
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
}
console.log(JSON.stringify(counts));

import { describe, expect, it } from "vitest";
import { z } from "zod";
import { factorGraph } from "../../src/graph/factor-graph.ts";
import { fullyConnectedBoltzmann } from "../../src/graph/generators/boltzmann.ts";
import { boltzmannMachine } from "../../src/graph/pairwise.ts";
import { Random } from "../../src/graph/random.ts";
import { defineMethod, isPairwiseBinaryModel, splitMethod } from "../../src/inference/method.ts";
import { describeMethods, infer, methods, parseMethod } from "../../src/inference/registry.ts";

describe("splitMethod", () => {
  it("reads names, numbers, booleans, words and nested lists", () => {
    expect(splitMethod("bp")).toEqual({ name: "bp", options: {} });
    expect(splitMethod(" bp[] ")).toEqual({ name: "bp", options: {} });
    expect(splitMethod("bp[schedule=residual, damping=.5,tolerance=1e-9,log=true,list=[1,[2,x]],empty=[]]")).toEqual({
      name: "bp",
      options: { schedule: "residual", damping: 0.5, tolerance: 1e-9, log: true, list: [1, [2, "x"]], empty: [] },
    });
    expect(splitMethod("x[a=-3,b=1.,c=1e,d=0x10]").options).toEqual({ a: -3, b: 1, c: "1e", d: "0x10" });
  });

  it("says where a string stops making sense", () => {
    expect(() => splitMethod("")).toThrow(/"" is not a method, expected name or name\[option=value,...\]/);
    expect(() => splitMethod("bp[a=1")).toThrow(/is not a method/);
    expect(() => splitMethod("bp[a]")).toThrow(/"a" in "bp\[a\]" is not an option/);
    expect(() => splitMethod("bp[=1]")).toThrow(/"=1" .* is not an option/);
    expect(() => splitMethod("bp[a=1,]")).toThrow(/"" in .* is not an option/);
    expect(() => splitMethod("bp[a=[1]")).toThrow(/brackets/);
    expect(() => splitMethod("bp[a=1]]")).toThrow(/brackets/);
    expect(() => splitMethod("bp[a=1,a=2]")).toThrow(/option a stands twice/);
  });
});

describe("parseMethod", () => {
  it("fills in defaults and prints canonically: defaults left out, options in the schema's order", () => {
    expect(parseMethod("enumeration[pairs=edges]").text).toBe("enumeration");
    expect(parseMethod("refined-upper[tolerance=1e-3,eliminate=[2,0],order=index]").text).toBe(
      "refined-upper[eliminate=[2,0],order=index,tolerance=0.001]",
    );
    expect(parseMethod("refined-upper").options).toMatchObject({ eliminate: "all", finishExactlyAt: 0 });
  });

  it("reads its own canonical string back to the same options, for every method", () => {
    for (const method of methods) {
      const parsed = parseMethod(method.name);
      expect(parsed.text).toBe(method.name);
      expect(parsed.method).toBe(method);
    }
    const parsed = parseMethod("factorised-lower[restarts=7,eliminate=3]");
    expect(parseMethod(parsed.text).options).toEqual(parsed.options);
  });

  it("answers an unknown method or option with the accepted list", () => {
    expect(() => parseMethod("refine")).toThrow(
      /unknown method "refine". Accepted methods: .*enumeration.*refined-upper/,
    );
    expect(() => parseMethod("refined-upper[oder=index]")).toThrow(
      /refined-upper: unknown option oder. Accepted options: eliminate=all\|.*tolerance=number \(default 1e-7\)/,
    );
    expect(() => parseMethod("refined-upper[tolerance=small]")).toThrow(/option tolerance: .*number/);
  });

  it("has one name a method", () => {
    expect(new Set(methods.map((method) => method.name)).size).toBe(methods.length);
  });

  it("describes every method and option", () => {
    const text = describeMethods();
    for (const method of methods) expect(text).toContain(`${method.name}: ${method.summary}`);
    expect(text).toContain("    finishExactlyAt=integer (default 0): stop eliminating when so many remain\n");
  });
});

describe("infer", () => {
  const model = fullyConnectedBoltzmann(6, 1, Random.fromSeed(1));

  it("runs the named method and puts its canonical string on the result", () => {
    const exact = infer(model, "enumeration[pairs=edges]");
    expect(exact.method).toBe("enumeration");
    const upper = infer(model, "refined-upper[eliminate=all,order=index]");
    expect(upper.method).toBe("refined-upper[order=index]");
    expect(upper.bound).toBe("upper");
    expect(upper.logZ).toBeGreaterThan(exact.logZ!);
    expect(infer(model, parseMethod("factorised-lower")).logZ).toBeLessThan(exact.logZ!);
  });

  it("hands the generator on, and repeats itself without one", () => {
    const order = (random?: Random): unknown =>
      (infer(model, "refined-upper[order=random]", { random }) as { elimination?: { order: Int32Array } }).elimination!
        .order;
    expect(order()).toEqual(order());
    const orders = [1, 2, 3, 4].map((seed) => String(order(Random.fromSeed(seed))));
    expect(new Set(orders).size).toBeGreaterThan(1);
  });

  it("says what a method takes when the model is something else", () => {
    expect(() => infer({}, "refined-upper")).toThrow(/refined-upper takes a Boltzmann machine or an Ising model/);
    expect(() => infer(undefined, "enumeration")).toThrow(/enumeration takes .*a Boltzmann machine/);
  });
});

describe("defineMethod", () => {
  it("validates raw options in front of the algorithm", () => {
    const seen: unknown[] = [];
    const method = defineMethod({
      name: "test",
      summary: "a test",
      options: z.object({ depth: z.int().default(3), mode: z.enum(["a", "b"]).optional() }),
      accepts: isPairwiseBinaryModel,
      accepted: "pairwise models",
      infer: (_, options) => {
        seen.push(options);
        return { method: "", bound: "none", converged: true, iterations: 0, maxDelta: [], seconds: 0 };
      },
    });
    const model = boltzmannMachine([0]);
    expect(method.run(model).method).toBe("test");
    expect(method.run(model, { mode: "b" }).method).toBe("test[mode=b]");
    expect(seen).toEqual([{ depth: 3 }, { depth: 3, mode: "b" }]);
    expect(() => method.run(model, { depth: 1.5 })).toThrow(
      /test: option depth: .*depth=integer \(default 3\), mode=a\|b/,
    );
    expect(() => method.run(model, { width: 1 })).toThrow(/unknown option width/);
  });
});

describe("infer with evidence", () => {
  const graph = factorGraph([2, 3], [{ variables: [0, 1], potentials: [1, 2, 3, 4, 5, 6] }]);

  it("answers about all variables, given the observed ones", () => {
    const { logZ, marginals, factorMarginals } = infer(graph, "junction-tree", { evidence: { 0: 1 } });
    expect(logZ).toBeCloseTo(Math.log(15), 12);
    expect(Array.from(marginals!.of(0))).toEqual([0, 1]);
    expect(marginals!.of(1)[2]).toBeCloseTo(6 / 15, 12);
    expect(Array.from(factorMarginals!.of(0).subarray(0, 3))).toEqual([0, 0, 0]);
    expect(Array.from(infer(graph, "exact-map", { evidence: [[1, 0]] }).map!.states)).toEqual([1, 0]);
  });

  it("takes pairwise models, and methods that take nothing else", () => {
    const model = fullyConnectedBoltzmann(5, 1, Random.fromSeed(2));
    const { marginals, logZ } = infer(model, "enumeration", { evidence: { 2: 1 } });
    expect(marginals!.of(2)[1]).toBe(1);
    expect(infer(model, "refined-upper", { evidence: { 2: 1 } }).logZ).toBeGreaterThanOrEqual(logZ! - 1e-9);
  });

  it("refuses what is no evidence, and options by users' names", () => {
    expect(() => infer(graph, "bp", { evidence: { 7: 0 } })).toThrow(/names variable 7, expected 0 to 1/);
    expect(() => infer(graph, "bp[__proto__=1]")).toThrow(/unknown option __proto__|option/);
    expect(() => infer(graph, "bp[constructor=1]")).toThrow(/unknown option constructor/);
  });
});

import { expect, it } from "vitest";
import { ablations, richGnn, trainedAblation, type AblationName } from "marginalia/papers/yoon2018";
it("committed networks are of this code's configuration: richer set, ablations", async () => {
  (await richGnn({ profile: "quick" })).network.dispose();
  for (const name of Object.keys(ablations) as AblationName[]) {
    const { network, model } = await trainedAblation(name, { profile: "quick" });
    expect(model.kind).toBe("gnn");
    network.dispose();
  }
});

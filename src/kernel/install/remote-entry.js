/* global document, window */
// Shows application/vnd.plotly.v1+json in JupyterLab. It is a module federation container written by hand, since it is all that
// JupyterLab asks of a prebuilt extension: `init` takes the shared modules, `get` gives ours. plotly.min.js lies beside it (the copy
// of the npm package, put there by labextension.ts) and is loaded with the first figure.
(() => {
  const folder = document.currentScript.src.replace(/[^/]*$/, "");
  let shared;
  let plotly;

  const sharedModule = async (name) => {
    const [newest] = Object.values(shared[name]).slice(-1);
    return (await newest.get())();
  };

  const loadPlotly = () =>
    (plotly ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = `${folder}plotly.min.js`;
      script.onload = () => resolve(window.Plotly);
      script.onerror = () => reject(new Error(`cannot load ${script.src}`));
      document.head.append(script);
    }));

  const extension = async () => {
    const { Widget } = await sharedModule("@lumino/widgets");
    class PlotlyView extends Widget {
      constructor({ mimeType }) {
        super();
        this.mimeType = mimeType;
        this.addClass("marginalia-plotly");
        this.node.style.overflow = "auto";
      }
      async renderModel(model) {
        const { data, layout, config, frames } = model.data[this.mimeType];
        const Plotly = await loadPlotly();
        // Plotly writes into what it is given, which belongs to the notebook. An output has the page's width, but no height of its own.
        const copy = JSON.parse(JSON.stringify({ data, layout: { height: 450, ...layout }, frames: frames ?? [] }));
        await Plotly.newPlot(this.node, { ...copy, config: { responsive: !copy.layout.width, ...config } });
      }
      onResize() {
        if (this.node.layout && !this.node.layout.width) window.Plotly.Plots.resize(this.node);
      }
      dispose() {
        if (window.Plotly) window.Plotly.purge(this.node);
        super.dispose();
      }
    }
    const rendererFactory = {
      safe: true,
      mimeTypes: ["application/vnd.plotly.v1+json"],
      createRenderer: (options) => new PlotlyView(options),
    };
    return {
      __esModule: true,
      default: { id: "marginalia-plotly:factory", rendererFactory, rank: 0, dataType: "json" },
    };
  };

  (window._JUPYTERLAB ??= {})["marginalia-plotly"] = {
    init: (modules) => {
      shared = modules;
    },
    get: async () => {
      const module = await extension();
      return () => module;
    },
  };
})();

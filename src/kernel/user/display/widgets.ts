/**
 * Jupyter widgets, from the kernel's side: a model lives here, its views in the front end, and a comm keeps both the
 * same (https://github.com/jupyter-widgets/ipywidgets, protocol 2.1). A front end that is opened later asks for all
 * models.
 */
import type { Comm, Comms } from "./comms.ts";

// User code may shadow globals; these stay what they are.
const { Map, Object } = globalThis;

const WIDGET_PROTOCOL_VERSION = "2.1.0";
const BASE = { module: "@jupyter-widgets/base", version: "2.0.0" };
const CONTROLS = { module: "@jupyter-widgets/controls", version: "2.0.0" };
export const WIDGET_VIEW_MIME = "application/vnd.jupyter.widget-view+json";

type State = Record<string, unknown>;

export class Widget {
  /** Names the model in the front end. */
  readonly id: string;
  readonly state: State;
  /** The user has changed something in a view. */
  onChange: ((changed: State) => void) | undefined;
  readonly #comm: Comm;

  constructor(widgets: Widgets, comms: Comms, state: State) {
    this.state = state;
    this.#comm = comms.open(
      "jupyter.widget",
      { state, buffer_paths: [] },
      { metadata: { version: WIDGET_PROTOCOL_VERSION } },
    );
    this.id = this.#comm.id;
    this.#comm.onMessage = ({ method, state: changed }) => {
      if (method === "request_state") this.set(this.state);
      else if (method === "update" && typeof changed === "object" && changed) {
        Object.assign(this.state, changed);
        this.onChange?.(changed as State);
      }
    };
    this.#comm.onClose = () => widgets.all.delete(this.id);
    widgets.all.set(this.id, this);
  }

  set(changes: State): void {
    Object.assign(this.state, changes);
    this.#comm.send({ method: "update", state: changes, buffer_paths: [] });
  }

  /** What shows it, for the MIME bundle. */
  get view(): State {
    return { model_id: this.id, version_major: 2, version_minor: 0 };
  }
}

export class Widgets {
  readonly all = new Map<string, Widget>();
  readonly #comms: Comms;
  /** A front end has said that it can show widgets. */
  isShown = false;

  constructor(comms: Comms) {
    this.#comms = comms;
    comms.register("jupyter.widget.control", (comm) => {
      this.isShown = true;
      comm.onMessage = ({ method }) => {
        if (method === "request_states")
          comm.send({ method: "update_states", states: this.#states(), buffer_paths: [] });
      };
    });
  }

  /** A model of the standard controls, as "FloatProgress"; its layout and style models are made with it. */
  control(name: string, styleName: string, state: State): Widget {
    const layout = this.#model("LayoutModel", BASE, { _view_name: "LayoutView", width: "50%" });
    const style = this.#model(styleName, CONTROLS, { _view_name: "StyleView", description_width: "initial" });
    return this.#model(`${name}Model`, CONTROLS, {
      _view_name: `${name}View`,
      layout: `IPY_MODEL_${layout.id}`,
      style: `IPY_MODEL_${style.id}`,
      ...state,
    });
  }

  /** A row of models. */
  row(children: readonly Widget[]): Widget {
    const layout = this.#model("LayoutModel", BASE, { _view_name: "LayoutView" });
    const ids = children.map(({ id }) => `IPY_MODEL_${id}`);
    return this.#model("HBoxModel", CONTROLS, {
      _view_name: "HBoxView",
      layout: `IPY_MODEL_${layout.id}`,
      children: ids,
    });
  }

  #model(name: string, { module, version }: typeof BASE, state: State): Widget {
    const isStyle = state._view_name === "StyleView" || name === "LayoutModel";
    const view = isStyle ? BASE : { module, version };
    return new Widget(this, this.#comms, {
      _model_name: name,
      _model_module: module,
      _model_module_version: version,
      _view_module: view.module,
      _view_module_version: view.version,
      _view_count: null,
      ...state,
    });
  }

  #states(): State {
    const entries = [...this.all.values()].map(({ id, state }) => {
      const { _model_name: model_name, _model_module: model_module, _model_module_version: version } = state;
      return [id, { model_name, model_module, model_module_version: version, state }] as const;
    });
    return Object.fromEntries(entries);
  }
}

/** The notebook widget: anywidget calls `render` for every cell that shows it. The build puts all
 * of this into a function that is run anew each time, so that two widgets share nothing, even
 * where a notebook loads their script once. */

import { effect } from "@preact/signals";
import { render as draw } from "preact";
import { followNotebookTheme } from "./core/host/notebook_theme";
import { standIn } from "./core/host/tree";
import { type WidgetModel, WidgetSource } from "./core/sources/widget";
import { fromHash, toHash } from "./core/state/address";
import { type State, setState, source, state } from "./core/state/state";
import { App } from "./shell/app";

export function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  const asking = new WidgetSource(model);
  source.value = asking;
  const { host, root } = shadow(model.get("style_sheet"));
  el.append(host);
  const ends = [standIn(root.getRootNode() as ShadowRoot), followNotebookTheme()];
  draw(<App bare begin={() => followModel(model)} />, root);
  return () => {
    draw(null, root);
    for (const end of ends) end();
    host.remove();
    asking.end();
  };
}

/** A tree of its own, so that neither the notebook's style nor its script meets the page's. */
function shadow(rules: string): { host: HTMLElement; root: HTMLElement } {
  const host = document.createElement("div");
  host.style.display = "block";
  // JupyterLab's keys for cells (arrows, letters) are the page's own while the page is used.
  host.dataset.lmSuppressShortcuts = "true";
  const style = document.createElement("style");
  style.textContent = rules;
  const root = document.createElement("div");
  root.className = "clearhead";
  host.attachShadow({ mode: "open" }).append(style, root);
  return { host, root };
}

/** Let the widget's `state` in Python and the page follow each other. Returns what ends it. */
function followModel(model: WidgetModel): () => void {
  const readModel = (): void => {
    if (model.get("state") !== toHash()) setState(fromHash(model.get("state")));
  };
  readModel();
  const end = effect(() => {
    for (const name of Object.keys(state) as (keyof State)[]) void state[name].value;
    const hash = toHash();
    if (model.get("state") === hash) return;
    model.set("state", hash);
    model.save_changes();
  });
  model.on("change:state", readModel);
  return () => {
    end();
    model.off("change:state", readModel);
  };
}

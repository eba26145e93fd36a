/** The notebook widget: anywidget calls `render` for every cell that shows it. The build puts all
 * of this into a function that is run anew each time, so that two widgets share nothing, even
 * where a notebook loads their script once. */

import { effect } from "@preact/signals";
import { render as draw } from "preact";
import { fromHash, toHash } from "./core/address";
import { App } from "./core/app";
import { WidgetSource, type WidgetModel } from "./core/source_widget";
import { setState, source, state, type State } from "./core/state";

export function render({ model, el }: { model: WidgetModel; el: HTMLElement }): () => void {
  const asking = new WidgetSource(model);
  source.value = asking;
  const root = document.createElement("div");
  root.className = "clearhead";
  el.append(root);
  draw(<App bare begin={() => followModel(model)} />, root);
  return () => {
    draw(null, root);
    root.remove();
    asking.end();
  };
}

/** Let the widget's `state` in Python and the page follow each other. Returns what ends it. */
function followModel(model: WidgetModel): () => void {
  const read = (): void => {
    if (model.get("state") !== toHash()) setState(fromHash(model.get("state")));
  };
  read();
  const end = effect(() => {
    for (const name of Object.keys(state) as (keyof State)[]) void state[name].value;
    const hash = toHash();
    if (model.get("state") === hash) return;
    model.set("state", hash);
    model.save_changes();
  });
  model.on("change:state", read);
  return () => {
    end();
    model.off("change:state", read);
  };
}

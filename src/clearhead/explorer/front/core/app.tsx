import type { JSX } from "preact";
import { views } from "../views";
import { state } from "./state";
import "./style.css";

export function App(): JSX.Element {
  const chosen = views.find((view) => view.id === state.view.value) ?? views[0];
  return <main>{chosen && <chosen.component />}</main>;
}

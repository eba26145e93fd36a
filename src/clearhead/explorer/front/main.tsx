import { render } from "preact";
import { App } from "./core/app";

const root = document.getElementById("clearhead");
if (root) render(<App />, root);

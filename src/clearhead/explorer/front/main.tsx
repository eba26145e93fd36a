/** The page that the server serves, and the one that is saved as a single file. */

import { render } from "preact";
import { followAddress } from "./core/address";
import { App } from "./core/app";
import { embeddedSource } from "./core/source_embedded";
import { source } from "./core/state";

const saved = await embeddedSource();
if (saved) source.value = saved;
const root = document.getElementById("clearhead");
if (root) render(<App begin={followAddress} />, root);

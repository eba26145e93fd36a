/** The page that the server serves, and the one that is saved as a single file. */

import { render } from "preact";
import { followAddress } from "./core/state/address";
import { App } from "./shell/app";
import { embeddedSource } from "./core/sources/embedded";
import { source } from "./core/state/state";

const saved = await embeddedSource();
if (saved) source.value = saved;
const root = document.getElementById("clearhead");
if (root) render(<App begin={followAddress} />, root);

/** The page that the server serves, and the one that is saved as a single file. */

import { render } from "preact";
import { embeddedSource } from "./core/sources/embedded";
import { source } from "./core/state/state";
import { App } from "./shell/app";
import { followAddress } from "./shell/follow_address";

const embedded = await embeddedSource();
if (embedded) source.value = embedded;
const root = document.getElementById("clearhead");
if (root) render(<App begin={followAddress} />, root);

import type { View } from "../../core/view";

export const view: View = {
  id: "heads",
  title: { en: "Heads", pt: "Heads" },
  needs: [],
  component: () => null,
};

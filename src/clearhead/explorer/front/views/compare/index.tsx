import type { View } from "../../core/view";

export const view: View = {
  id: "compare",
  title: { en: "Compare", pt: "Compare" },
  needs: [],
  component: () => null,
};

import type { View } from "../../core/view";

export const view: View = {
  id: "what_if",
  title: { en: "What if", pt: "What if" },
  needs: [],
  component: () => null,
};

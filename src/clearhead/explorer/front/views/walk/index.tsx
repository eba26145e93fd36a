import type { View } from "../../core/view";

export const view: View = {
  id: "walk",
  title: { en: "Walk", pt: "Walk" },
  needs: [],
  component: () => null,
};

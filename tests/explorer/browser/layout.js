/* Looks for what a reader could not read: texts that are cut off, leave their box or the page, run
 * into each other, and numbers that touch. Returns a sentence for each. */
() => {
  const page = document.querySelector(".page");
  const wide = document.documentElement.clientWidth;
  const NUMBER = /^[\s(]*[+−-]?[\d.]+(e[−-]?\d+)?[\s)]*$/;
  // Nothing moves while this looks, so each element is asked once, whatever number of texts is in it.
  const once = (ask) => {
    const answers = new Map();
    return (element) => {
      if (!answers.has(element)) answers.set(element, ask(element));
      return answers.get(element);
    };
  };
  const styleOf = once(getComputedStyle);
  const displayOf = once((element) => styleOf(element).display);
  const edgeOf = once((element) => element.getBoundingClientRect());
  // For a screen reader alone: `.unseen`, and what is so on a narrow page.
  const isClipped = once(
    (element) => styleOf(element).clipPath === "inset(50%)" || (element.parentElement !== null && isClipped(element.parentElement)),
  );
  const hidden = once(
    (element) =>
      element.closest(".unseen, .skip, select, textarea, [hidden]") !== null ||
      isClipped(element) ||
      !element.checkVisibility({ visibilityProperty: true, opacityProperty: true }),
  );
  const scrolls = once((element) => /auto|scroll/.test(styleOf(element).overflowX));
  const cuts = once((element) => /hidden|clip/.test(styleOf(element).overflowX));
  const cutsHeight = once((element) => styleOf(element).overflowY !== "visible");

  /** The element whose box the text belongs to: a cell, a button, a paragraph. */
  const boxOf = (element) => {
    let at = element;
    while (at.parentElement && at !== page && displayOf(at) === "inline")
      at = at.parentElement;
    return at;
  };

  const texts = [];
  const faults = [];
  const walker = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const said = node.data.replace(/\s+/g, " ").trim();
    const parent = node.parentElement;
    if (!said || hidden(parent)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const svg = parent.closest("svg");
    const upright = svg ? !/rotate/.test(parent.getAttribute("transform") ?? "") : styleOf(parent).writingMode === "horizontal-tb";
    for (const rect of range.getClientRects()) {
      if (rect.width < 1 || rect.height < 1) continue;
      texts.push({ said, parent, svg, upright, rect: { left: rect.left, right: rect.right, top: rect.top, bottom: rect.bottom } });
    }
  }

  const describe = ({ said, parent }) => {
    const place = parent.closest("[data-step], section[aria-labelledby], .where, .map, .sentence-box");
    const where = place?.dataset.step ?? place?.getAttribute("aria-labelledby") ?? place?.className ?? "page";
    const box = parent.closest("[class]");
    return `“${said.slice(0, 40)}” (${where}, ${parent.localName}.${box?.getAttribute("class") ?? ""})`;
  };

  for (const text of texts) {
    const { rect, parent, said } = text;
    const seen = { ...rect };
    const box = boxOf(parent);
    let scrolled = false;
    let left = false;
    for (let at = text.svg ? text.svg.parentElement : parent; at && at !== page.parentElement; at = at.parentElement) {
      if (displayOf(at) === "inline" || displayOf(at) === "contents") continue;
      const edge = edgeOf(at);
      const over = Math.max(rect.right - edge.right, edge.left - rect.left);
      if (cuts(at) && !scrolled && over > 1) {
        // A name may be shortened where the whole of it can be read otherwise; a number never.
        const shortened = styleOf(at).textOverflow === "ellipsis" && !NUMBER.test(said);
        if (!shortened) faults.push(`cut off: ${describe(text)} by ${over.toFixed(0)} px of ${at.localName}.${at.className}`);
        left = true; // and what is cut off leaves no other box
      }
      if (!scrolled && !left && !scrolls(at) && !cuts(at) && text.upright && over > 1.5 && edge.width > 0) {
        left = true;
        faults.push(`leaves its box: ${describe(text)} by ${over.toFixed(0)} px of ${at.localName}.${at.className}`);
      }
      if (scrolls(at) || cuts(at)) {
        scrolled ||= scrolls(at);
        seen.left = Math.max(seen.left, edge.left);
        seen.right = Math.min(seen.right, edge.right);
        if (cutsHeight(at)) {
          seen.top = Math.max(seen.top, edge.top);
          seen.bottom = Math.min(seen.bottom, edge.bottom);
        }
      }
    }
    if (text.svg) {
      const drawn = edgeOf(text.svg);
      const over = Math.max(rect.right - drawn.right, drawn.left - rect.left);
      if (over > 1.5 && styleOf(text.svg).overflow !== "visible") faults.push(`cut off: ${describe(text)} by ${over.toFixed(0)} px of its drawing`);
    }
    if (!scrolled && !left && Math.max(rect.right - wide, -rect.left) > 1)
      faults.push(`leaves the page: ${describe(text)} ends at ${rect.right.toFixed(0)} of ${wide}`);
    text.seen = seen;
    text.box = text.svg ? parent : box;
    let layer = parent;
    while (layer && layer !== page && !/sticky|fixed/.test(styleOf(layer).position)) layer = layer.parentElement;
    text.layer = layer;
  }

  for (const drawn of page.querySelectorAll("canvas, svg, table, img, input, select, textarea")) {
    if (hidden(drawn) && !drawn.matches("select, textarea")) continue;
    const rect = edgeOf(drawn);
    for (let at = drawn.parentElement; at && at !== page.parentElement; at = at.parentElement) {
      if (scrolls(at) || rect.width < 1) break;
      if (displayOf(at) === "inline" || displayOf(at) === "contents") continue;
      const edge = edgeOf(at);
      const over = Math.max(rect.right - edge.right, edge.left - rect.left);
      if (over > 1.5 && styleOf(drawn).position === "static")
        faults.push(`leaves its box: a ${drawn.localName} (${describe({ said: "", parent: drawn })}) by ${over.toFixed(0)} px of ${at.localName}.${at.className}`);
    }
  }

  // A table that could have had the room does not hide its numbers behind a scroll bar.
  const free = ".examples, pre, .trail *, .walk-side, select, textarea";
  for (const scroller of page.querySelectorAll("*")) {
    if (!scrolls(scroller) || scroller.matches(free) || !scroller.checkVisibility()) continue;
    if (scroller.scrollWidth <= scroller.clientWidth + 1) continue;
    const most = scroller.closest("section[aria-labelledby], .where-body")?.clientWidth ?? wide;
    const whole = scroller.matches(".matrix-scroll") && scroller.clientWidth > 0.85 * most;
    if (!whole) faults.push(`has to be scrolled: ${describe({ said: scroller.className, parent: scroller })}, ${scroller.scrollWidth} px in ${scroller.clientWidth}`);
  }

  const shown = texts.filter(({ seen }) => seen.right - seen.left > 1 && seen.bottom - seen.top > 1);
  for (const bar of page.querySelectorAll(".bar, .walk-bar, .walk-swatch")) {
    const edge = edgeOf(bar);
    const near = bar.closest("tr, li");
    if (!edge.width || !near) continue;
    for (const text of shown.filter(({ parent }) => near.contains(parent) && !bar.contains(parent))) {
      const [left, right] = [Math.max(text.seen.left, edge.left), Math.min(text.seen.right, edge.right)];
      const lower = Math.min(text.seen.bottom, edge.bottom) - Math.max(text.seen.top, edge.top);
      if (right - left > 1 && lower > 4) faults.push(`lies on a bar: ${describe(text)} by ${(right - left).toFixed(0)} px`);
    }
  }
  shown.sort((one, other) => one.seen.top - other.seen.top);
  for (let first = 0; first < shown.length; first += 1) {
    const one = shown[first];
    for (let second = first + 1; second < shown.length && shown[second].seen.top < one.seen.bottom; second += 1) {
      const other = shown[second];
      if (one.box === other.box || one.layer !== other.layer) continue;
      const lower = Math.min(one.seen.bottom, other.seen.bottom) - Math.max(one.seen.top, other.seen.top);
      const high = Math.min(one.seen.bottom - one.seen.top, other.seen.bottom - other.seen.top);
      if (lower < 0.5 * high) continue;
      const gap = Math.max(one.seen.left, other.seen.left) - Math.min(one.seen.right, other.seen.right);
      if (gap < -1) faults.push(`overlap: ${describe(one)} and ${describe(other)} by ${(-gap).toFixed(0)} px`);
      else if (gap < 2 && NUMBER.test(one.said) && NUMBER.test(other.said))
        faults.push(`touch: ${describe(one)} and ${describe(other)}, ${gap.toFixed(1)} px apart`);
    }
  }
  return [...new Set(faults)];
}

// What the pages of all interactive figures share. It needs nothing from the
// page and loads nothing.
const bytes = s => Uint8Array.from(atob(s), c => c.charCodeAt(0));
const floats = s => new Float32Array(bytes(s).buffer);
const ints = s => new Int32Array(bytes(s).buffer);
const num = k => k.toLocaleString("en");
const minus = v => String(v).replace(/^-(?=[0.]*$)/, "").replace(/^-/, "−");
const clamp = (v, low, high) => Math.min(Math.max(v, low), high);

function make(tag, where, attributes = {}, text = "") {
  const e = document.createElement(tag);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  e.textContent = text;
  where.append(e);
  return e;
}

function makeSVG(tag, where, attributes = {}, text = "") {
  const e = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const k in attributes) e.setAttribute(k, attributes[k]);
  e.textContent = text;
  where.append(e);
  return e;
}

// sheet is the frame of a figure: heading, legend, stages, a bar of controls
// with a status line, caption. show() puts it in the place of the picture.
function sheet(root, d, columns = 1) {
  const view = document.createElement("div");
  make("div", view, { class: "title" }, d.title);
  const legend = make("div", view, { class: "legend" });
  const stages = make("div", view, { class: "stages" });
  stages.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
  const bar = make("div", view, { class: "bar" });
  const status = make("span", bar, { role: "status" });
  const below = make("div", view, { class: "below" });
  make("div", view, { class: "caption" }, d.caption);
  view.style.maxWidth = columns * d.width + "px";
  return {
    view, legend, stages, bar, below,
    say: text => { status.textContent = text; },
    button(text, action, attributes = {}) {
      const b = make("button", bar, { type: "button", ...attributes }, text);
      b.onclick = action;
      return b;
    },
    show: () => root.replaceChildren(view), // until here the picture stands
  };
}

// makeStage is one drawing place of W × H pixels of its own, which scales with
// the page. top lies over all layers and takes the events.
function makeStage(where, W, H, label) {
  const stage = make("div", where, { class: "stage" });
  stage.style.aspectRatio = `${W}/${H}`;
  const axes = makeSVG("svg", stage, { viewBox: `0 0 ${W} ${H}`, "aria-hidden": "true" });
  const tip = make("div", stage, { class: "tip", hidden: "" });
  const picture = make("div", tip, { class: "digit" }), words = make("div", tip);
  const top = make("div", stage, { class: "top", tabindex: "0", role: "application", "aria-label": label });
  const percent = (e, left, up, wide, high) => {
    e.style.left = left / W * 100 + "%"; e.style.top = up / H * 100 + "%";
    e.style.width = wide / W * 100 + "%"; e.style.height = high / H * 100 + "%";
  };
  return {
    stage, axes, tip, picture, words, top, percent,
    // The place of an event on the stage.
    place(e) {
      const q = stage.getBoundingClientRect();
      return [clamp((e.clientX - q.left) * W / q.width, 0, W), clamp((e.clientY - q.top) * H / q.height, 0, H)];
    },
    // The words beside a place on the stage; null hides them.
    tell(text, x, y) {
      tip.hidden = text === null;
      if (tip.hidden) return;
      words.textContent = text;
      percent(tip, x, y, 0, 0);
      tip.style.width = tip.style.height = "auto";
      tip.style.transform = `translate(${x > W / 2 ? "calc(-100% - 12px)" : "12px"},${y > H / 2 ? "calc(-100% - 12px)" : "12px"})`;
    },
  };
}

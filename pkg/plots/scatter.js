// A scatter plot that can be brushed: drawn on two canvases (all points, and
// the selected ones over them) below axes in SVG. Brushing copies a rectangle
// of the first canvas to the second and dims the first, so that an event costs
// the same for ten selected points and for ten thousand. It needs nothing from
// the page and loads nothing.
function jacardScatter(root, d) {
  "use strict";
  const bytes = s => Uint8Array.from(atob(s), c => c.charCodeAt(0));
  const floats = s => new Float32Array(bytes(s).buffer);
  const x = floats(d.x), y = floats(d.y), n = x.length;
  const ids = d.ids ? new Int32Array(bytes(d.ids).buffer) : Int32Array.from(x, (_, i) => i);
  const cls = d.classes ? bytes(d.classes) : new Uint8Array(n);
  const shade = d.shades ? bytes(d.shades) : cls;
  const values = d.values && floats(d.values);
  const shown = d.names.map(() => true);
  const num = k => k.toLocaleString("en");

  const make = (tag, where, attributes = {}, text = "") => {
    const e = document.createElement(tag);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    e.textContent = text;
    where.append(e);
    return e;
  };
  const view = document.createElement("div");
  make("div", view, { class: "title" }, d.title);
  const legend = make("div", view, { class: "legend" });

  // Places on the stage, in its own pixels.
  const W = d.width, H = d.height, L = 54, R = 12, T = 8, B = d.xlabel ? 42 : 24;
  const [x0, x1, y0, y1] = d.range;
  const px = v => L + (v - x0) / (x1 - x0) * (W - L - R);
  const py = v => H - B - (v - y0) / (y1 - y0) * (H - T - B);
  const dataX = p => x0 + (p - L) / (W - L - R) * (x1 - x0);
  const dataY = p => y0 + (H - B - p) / (H - T - B) * (y1 - y0);
  const X = x.map(px), Y = y.map(py);

  const stage = make("div", view, { class: "stage" });
  view.style.maxWidth = W + "px";
  stage.style.aspectRatio = `${W}/${H}`;
  const canvas = () => {
    const c = make("canvas", stage), scale = Math.max(globalThis.devicePixelRatio || 1, 1);
    c.width = W * scale;
    c.height = H * scale;
    const g = c.getContext("2d");
    g.scale(scale, scale);
    return [c, g, scale];
  };
  const axes = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const svg = (tag, attributes, text = "") => {
    const e = document.createElementNS(axes.namespaceURI, tag);
    for (const k in attributes) e.setAttribute(k, attributes[k]);
    e.textContent = text;
    axes.append(e);
  };
  axes.setAttribute("viewBox", `0 0 ${W} ${H}`);
  axes.setAttribute("aria-hidden", "true");
  for (const [v, label] of d.xticks) {
    svg("line", { x1: px(v), x2: px(v), y1: T, y2: H - B });
    svg("text", { x: px(v), y: H - B + 15, "text-anchor": "middle" }, label);
  }
  for (const [v, label] of d.yticks) {
    svg("line", { x1: L, x2: W - R, y1: py(v), y2: py(v) });
    svg("text", { x: L - 6, y: py(v) + 4, "text-anchor": "end" }, label);
  }
  svg("rect", { x: L, y: T, width: W - L - R, height: H - T - B });
  svg("text", { x: (L + W - R) / 2, y: H - 8, "text-anchor": "middle" }, d.xlabel);
  svg("text", { x: 0, y: 0, "text-anchor": "middle", transform: `translate(13 ${(T + H - B) / 2}) rotate(-90)` }, d.ylabel);
  stage.append(axes);
  const [points, all, scale] = canvas(), [, chosen] = canvas();
  const frame = make("div", stage, { class: "brush", hidden: "" });
  const ring = make("div", stage, { class: "ring", hidden: "" });
  const tip = make("div", stage, { class: "tip", hidden: "" });
  const picture = make("div", tip, { class: "digit" }), words = make("div", tip);
  const top = make("div", stage, {
    class: "top", tabindex: "0", role: "application",
    "aria-label": `${d.title || "Scatter plot"}: ${num(n)} points. Arrow keys move the brush, Shift with arrow keys ` +
      "changes its size, Enter takes the selection, Escape clears it.",
  });
  const bar = make("div", view, { class: "bar" });
  const status = make("span", bar, { role: "status" });
  make("div", view, { class: "caption" }, d.caption);

  // One stamp for each colour: much faster than a path for each point.
  const r = d.radius, D = 2 * r + 2;
  const shapes = [
    (g, r) => g.arc(0, 0, r, 0, 7),
    (g, r) => { g.moveTo(0, -r); g.lineTo(r, r); g.lineTo(-r, r); g.closePath(); },
    (g, r) => g.rect(-r * .85, -r * .85, 1.7 * r, 1.7 * r),
    (g, r) => { g.moveTo(0, -r); g.lineTo(r, 0); g.lineTo(0, r); g.lineTo(-r, 0); g.closePath(); },
  ];
  const stamp = (k, r) => {
    const c = document.createElement("canvas"), side = 2 * r + 2;
    c.width = c.height = Math.ceil(side * scale);
    c.style.width = c.style.height = side + "px";
    const g = c.getContext("2d");
    g.scale(scale, scale);
    g.translate(side / 2, side / 2);
    g.fillStyle = d.colours[k];
    g.beginPath();
    shapes[d.shades ? 0 : k % shapes.length](g, r);
    g.fill();
    return c;
  };
  const stamps = d.colours.map((_, k) => stamp(k, r));
  function drawPoints() {
    all.clearRect(0, 0, W, H);
    for (let i = 0; i < n; i++) if (shown[cls[i]] !== false) all.drawImage(stamps[shade[i]], X[i] - D / 2, Y[i] - D / 2, D, D);
    all.lineWidth = 1.5;
    for (const group of d.groups) {
      all.strokeStyle = group.colour;
      for (const i of group.points) {
        if (shown[cls[i]] === false) continue;
        all.beginPath();
        all.arc(X[i], Y[i], r + 2, 0, 7);
        all.stroke();
      }
    }
  }

  // The legend switches classes off and on.
  const counts = d.names.map(() => 0);
  for (const k of cls) counts[k]++;
  d.names.forEach((name, k) => {
    const label = make("label", legend), box = make("input", label, { type: "checkbox" });
    box.checked = true;
    if (!d.shades) label.append(stamp(k, 5));
    make("span", label, {}, `${name} (${num(counts[k])})`);
    box.onchange = () => { shown[k] = box.checked; drawPoints(); select(); emit(); };
  });
  for (const group of d.groups) {
    const item = make("span", legend);
    make("i", item).style.borderColor = group.colour;
    item.append(`${group.name} (${num(group.points.length)})`);
  }
  if (d.scale) {
    const item = make("span", legend, { class: "scale" });
    item.append(`${d.scale.name} ${d.scale.low} `);
    make("i", item).style.background = `linear-gradient(to right,${d.colours.slice(0, 255).filter((_, k) => k % 8 === 0)})`;
    item.append(d.scale.high);
  }

  // The brush is [x0, y0, x1, y1] on the stage, or null.
  let brush = null, selection = [];
  const corners = () => [Math.min(brush[0], brush[2]), Math.min(brush[1], brush[3]), Math.max(brush[0], brush[2]), Math.max(brush[1], brush[3])];
  const percent = (e, left, up, wide, high) => {
    e.style.left = left / W * 100 + "%"; e.style.top = up / H * 100 + "%";
    e.style.width = wide / W * 100 + "%"; e.style.height = high / H * 100 + "%";
  };
  function select() {
    selection = [];
    chosen.clearRect(0, 0, W, H);
    frame.hidden = !brush;
    if (brush) {
      const [a, b, c, e] = corners();
      for (let i = 0; i < n; i++) if (X[i] >= a && X[i] <= c && Y[i] >= b && Y[i] <= e && shown[cls[i]] !== false) selection.push(i);
      if (c > a && e > b) chosen.drawImage(points, a * scale, b * scale, (c - a) * scale, (e - b) * scale, a, b, c - a, e - b);
      percent(frame, a, b, c - a, e - b);
    }
    points.style.opacity = selection.length ? 0.15 : 1;
    say(selection.length ? `${num(selection.length)} of ${num(n)} selected` + tally(": ") : brush ? "No point in the rectangle." : "Drag a rectangle to select points.");
  }
  const byClass = () => {
    const by = {};
    for (const i of selection) if (d.names.length) by[d.names[cls[i]]] = (by[d.names[cls[i]]] || 0) + 1;
    return by;
  };
  const tally = before => { const parts = Object.entries(byClass()).map(([k, v]) => `${k} ${num(v)}`); return parts.length ? before + parts.join(", ") : ""; };
  const say = text => { status.textContent = text; };
  const chosenIds = () => selection.map(i => ids[i]).sort((a, b) => a - b);
  function result() {
    let rectangle = null;
    if (brush) { const [a, b, c, e] = corners(); rectangle = [dataX(a), dataX(c), dataY(e), dataY(b)]; }
    return { name: d.name, ids: chosenIds(), rectangle, source: d.source, classes: byClass() };
  }
  const emit = () => root.dispatchEvent(new CustomEvent("jacard-select", { bubbles: true, detail: result() }));

  const clamp = (v, low, high) => Math.min(Math.max(v, low), high);
  const place = e => {
    const q = stage.getBoundingClientRect();
    return [clamp((e.clientX - q.left) * W / q.width, 0, W), clamp((e.clientY - q.top) * H / q.height, 0, H)];
  };
  let down = false;
  top.onpointerdown = e => {
    if (e.button) return;
    top.setPointerCapture(e.pointerId);
    const p = place(e);
    brush = [...p, ...p];
    down = true;
    hover(null);
    select();
  };
  top.onpointermove = e => {
    const p = place(e);
    if (!down) return hover(p);
    brush[2] = p[0];
    brush[3] = p[1];
    select();
  };
  top.onpointerup = top.onpointercancel = () => {
    if (!down) return;
    down = false;
    const [a, b, c, e] = corners();
    if (c - a < 3 && e - b < 3) brush = null; // a click clears
    select();
    emit();
  };
  top.onpointerleave = () => hover(null);

  function hover(p) {
    let best = 81, k = -1;
    for (let i = 0; p && i < n; i++) {
      const q = (X[i] - p[0]) ** 2 + (Y[i] - p[1]) ** 2;
      if (q < best && shown[cls[i]] !== false) { best = q; k = i; }
    }
    tip.hidden = ring.hidden = k < 0;
    if (k < 0) return;
    percent(ring, X[k], Y[k], 0, 0);
    const right = X[k] > W / 2, low = Y[k] > H / 2;
    percent(tip, X[k], Y[k], 0, 0);
    tip.style.width = tip.style.height = "auto";
    tip.style.transform = `translate(${right ? "calc(-100% - 12px)" : "12px"},${low ? "calc(-100% - 12px)" : "12px"})`;
    words.textContent = `id ${ids[k]}` + (d.names.length ? `\n${d.names[cls[k]]}` : "") + (values ? `\n${d.scale.name} ${values[k].toPrecision(4)}` : "") + `\n(${x[k].toFixed(2)}, ${y[k].toFixed(2)})`;
    if (d.sprite) {
      const side = d.sprite.zoom, columns = d.sprite.columns;
      picture.style.cssText = `width:${side}px;height:${side}px;background:url(${d.sprite.src}) ${-(k % columns) * side}px ${-Math.floor(k / columns) * side}px/${columns * side}px auto`;
    }
  }

  top.onkeydown = e => {
    const step = e.ctrlKey ? 1 : 8, mx = { ArrowLeft: -step, ArrowRight: step }[e.key] || 0, my = { ArrowUp: -step, ArrowDown: step }[e.key] || 0;
    if (e.key === "Escape") brush = null;
    else if (!mx && !my && e.key !== "Enter") return;
    else if (!brush) brush = [W / 2 - 40, H / 2 - 40, W / 2 + 40, H / 2 + 40];
    else if (mx || my) {
      if (!e.shiftKey) { brush[0] += mx; brush[1] += my; }
      brush[2] += mx;
      brush[3] += my;
    }
    e.preventDefault();
    e.stopPropagation(); // a notebook has keys of its own
    select();
    if (e.key === "Enter" || e.key === "Escape") emit();
  };

  // What can be done with a selection.
  const button = (text, action) => {
    const b = make("button", bar, { type: "button" }, text);
    b.onclick = action;
    return b;
  };
  const some = action => () => selection.length ? action() : say("Nothing is selected.");
  button("Copy ids", some(async () => {
    const text = chosenIds().join(", ");
    try {
      await navigator.clipboard.writeText(text);
    } catch { // no clipboard without https or localhost
      const area = make("textarea", view);
      area.value = text;
      area.select();
      document.execCommand("copy");
      area.remove();
    }
    say(`copied ${num(selection.length)} ids`);
  }));
  button("Save ids", some(() => {
    const a = make("a", view, { href: "data:application/json," + encodeURIComponent(JSON.stringify(result()) + "\n"), download: d.name + ".json" });
    a.click();
    a.remove();
    say(`${d.name}.json (${num(selection.length)} points) given to the browser`);
  }));
  const config = document.getElementById("jupyter-config-data");
  if (config) {
    const save = button("Save to notebook", some(() => put().then(
      () => say(`saved selections/${d.name}.json (${num(selection.length)} points)`),
      e => say(`not saved: ${e.message}`))));
    save.disabled = !d.folder;
    if (!d.folder) save.title = "Run the cell in Jupyter, below the folder that it serves, to save from here.";
  }
  async function put() {
    const { baseUrl = "/", token = "" } = JSON.parse(config.textContent);
    const xsrf = (document.cookie.match(/(?:^|; )_xsrf=([^;]*)/) || [])[1];
    const headers = { "Content-Type": "application/json" };
    if (xsrf) headers["X-XSRFToken"] = decodeURIComponent(xsrf);
    if (token) headers.Authorization = "token " + token;
    const folder = (d.folder === "." ? "" : d.folder + "/") + "selections";
    const send = async (path, model) => {
      const url = baseUrl.replace(/\/*$/, "/") + "api/contents/" + path.split("/").map(encodeURIComponent).join("/");
      const answer = await fetch(url, { method: "PUT", credentials: "same-origin", headers, body: JSON.stringify(model) });
      if (!answer.ok) throw new Error(`Jupyter answers ${answer.status} ${answer.statusText} for ${path}`);
    };
    await send(folder, { type: "directory" }); // does nothing if it is there
    await send(`${folder}/${d.name}.json`, { type: "file", format: "text", content: JSON.stringify(result()) + "\n" });
  }
  button("Clear", () => { brush = null; select(); emit(); });

  drawPoints();
  select();
  root.replaceChildren(view); // until here the picture stands
}

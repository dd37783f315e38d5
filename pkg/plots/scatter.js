// A scatter plot that can be brushed, or several of the same rows side by
// side. Each panel is drawn on two canvases (all points, and the selected ones
// over them) above axes in SVG. Brushing copies a rectangle of the first canvas
// to the second and dims the first, so that an event costs the same for ten
// selected points and for ten thousand; the other panels stamp the selected.
function draw(root, d) {
  "use strict";
  const W = d.width, H = d.height, several = d.panels.length > 1;
  const n = floats(d.panels[0].x).length;
  const ids = d.ids ? ints(d.ids) : Int32Array.from({ length: n }, (_, i) => i);
  const cls = d.classes ? bytes(d.classes) : new Uint8Array(n);
  const shade = d.shades ? bytes(d.shades) : cls;
  const values = d.values && floats(d.values);
  const shown = d.names.map(() => true);
  const visible = i => shown[cls[i]] !== false;
  const { view, legend, stages, below, say, button, show } = sheet(root, d, d.columns);
  const pixels = Math.max(globalThis.devicePixelRatio || 1, 1);
  view.classList.toggle("bare", d.bare);

  const panels = d.panels.map(p => {
    const L = d.bare ? 4 : 54, R = d.bare ? 4 : 12, T = p.name ? 24 : 8, B = d.bare ? 4 : d.xlabel ? 42 : 24;
    const [x0, x1, y0, y1] = p.range;
    const px = v => L + (v - x0) / (x1 - x0) * (W - L - R);
    const py = v => H - B - (v - y0) / (y1 - y0) * (H - T - B);
    const x = floats(p.x), y = floats(p.y);
    const s = makeStage(stages, W, H, `${p.name || d.title || "Scatter plot"}: ${num(n)} points. Arrow keys move the brush, ` +
      "Shift with arrow keys changes its size, Enter takes the selection, Escape clears it.");
    for (const [v, label] of p.xticks) {
      makeSVG("line", s.axes, { x1: px(v), x2: px(v), y1: T, y2: H - B });
      makeSVG("text", s.axes, { x: px(v), y: H - B + 15, "text-anchor": "middle" }, label);
    }
    for (const [v, label] of p.yticks) {
      makeSVG("line", s.axes, { x1: L, x2: W - R, y1: py(v), y2: py(v) });
      makeSVG("text", s.axes, { x: L - 6, y: py(v) + 4, "text-anchor": "end" }, label);
    }
    makeSVG("rect", s.axes, { x: L, y: T, width: W - L - R, height: H - T - B });
    makeSVG("text", s.axes, { x: (L + W - R) / 2, y: 15, "text-anchor": "middle" }, p.name);
    makeSVG("text", s.axes, { x: (L + W - R) / 2, y: H - 8, "text-anchor": "middle" }, d.xlabel);
    makeSVG("text", s.axes, { x: 0, y: 0, "text-anchor": "middle", transform: `translate(13 ${(T + H - B) / 2}) rotate(-90)` }, d.ylabel);
    const canvas = () => {
      const c = document.createElement("canvas");
      s.tip.before(c);
      c.width = W * pixels;
      c.height = H * pixels;
      const g = c.getContext("2d");
      g.scale(pixels, pixels);
      return [c, g];
    };
    const [points, all] = canvas(), [, chosen] = canvas();
    const frame = make("div", s.stage, { class: "brush", hidden: "" }), ring = make("div", s.stage, { class: "ring", hidden: "" });
    return {
      ...s, name: p.name, x, y, X: x.map(px), Y: y.map(py), points, all, chosen, frame, ring,
      dataX: q => x0 + (q - L) / (W - L - R) * (x1 - x0), dataY: q => y0 + (H - B - q) / (H - T - B) * (y1 - y0),
    };
  });

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
    c.width = c.height = Math.ceil(side * pixels);
    c.style.width = c.style.height = side + "px";
    const g = c.getContext("2d");
    g.scale(pixels, pixels);
    g.translate(side / 2, side / 2);
    g.fillStyle = d.colours[k];
    g.beginPath();
    shapes[d.shades ? 0 : k % shapes.length](g, r);
    g.fill();
    return c;
  };
  const stamps = d.colours.map((_, k) => stamp(k, r));
  const put = (g, p, i) => g.drawImage(stamps[shade[i]], p.X[i] - D / 2, p.Y[i] - D / 2, D, D);
  function drawPoints() {
    for (const p of panels) {
      p.all.clearRect(0, 0, W, H);
      for (let i = 0; i < n; i++) if (visible(i)) put(p.all, p, i);
      p.all.lineWidth = 1.5;
      for (const group of d.groups) {
        p.all.strokeStyle = group.colour;
        for (const i of group.points) {
          if (!visible(i)) continue;
          p.all.beginPath();
          p.all.arc(p.X[i], p.Y[i], r + 2, 0, 7);
          p.all.stroke();
        }
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

  // The brush is [x0, y0, x1, y1] on the stage of one panel, or null.
  let brush = null, home = panels[0], selection = [];
  const corners = () => [Math.min(brush[0], brush[2]), Math.min(brush[1], brush[3]), Math.max(brush[0], brush[2]), Math.max(brush[1], brush[3])];
  const clear = () => { brush = null; select(); emit(); };
  function select() {
    selection = [];
    const [a, b, c, e] = brush ? corners() : [1, 1, 0, 0];
    for (let i = 0; brush && i < n; i++) {
      if (home.X[i] >= a && home.X[i] <= c && home.Y[i] >= b && home.Y[i] <= e && visible(i)) selection.push(i);
    }
    for (const p of panels) {
      p.chosen.clearRect(0, 0, W, H);
      p.frame.hidden = !brush || p !== home;
      p.points.style.opacity = selection.length ? 0.15 : 1;
      if (p !== home) for (const i of selection) put(p.chosen, p, i);
    }
    if (c > a && e > b) home.chosen.drawImage(home.points, a * pixels, b * pixels, (c - a) * pixels, (e - b) * pixels, a, b, c - a, e - b);
    if (brush) home.percent(home.frame, a, b, c - a, e - b);
    showPictures();
    say(selection.length ? `${num(selection.length)} of ${num(n)} selected` + tally(": ") : brush ? "No point in the rectangle." : "Drag a rectangle to select points.");
  }
  const byClass = () => {
    const by = {};
    for (const i of selection) if (d.names.length) by[d.names[cls[i]]] = (by[d.names[cls[i]]] || 0) + 1;
    return by;
  };
  const tally = before => { const parts = Object.entries(byClass()).map(([k, v]) => `${k} ${num(v)}`); return parts.length ? before + parts.join(", ") : ""; };
  const chosenIds = () => selection.map(i => ids[i]).sort((a, b) => a - b);
  function result() {
    let rectangle = null;
    if (brush) { const [a, b, c, e] = corners(); rectangle = [home.dataX(a), home.dataX(c), home.dataY(e), home.dataY(b)]; }
    return { name: d.name, ids: chosenIds(), rectangle, facet: several ? home.name : undefined, source: d.source, classes: byClass() };
  }
  const emit = () => root.dispatchEvent(new CustomEvent("jacard-select", { bubbles: true, detail: result() }));

  // Pictures of points: in the words beside one, and of the first selected,
  // which the keyboard reaches too.
  const picture = (e, i) => {
    const side = d.sprite.zoom, columns = d.sprite.columns;
    e.style.cssText = `width:${side}px;height:${side}px;background:url(${d.sprite.src}) ${-(i % columns) * side}px ${-Math.floor(i / columns) * side}px/${columns * side}px auto`;
  };
  const gallery = Array.from({ length: d.sprite ? 12 : 0 }, () => make("div", below, { class: "digit", hidden: "" }));
  function showPictures() {
    gallery.forEach((e, k) => {
      e.hidden = k >= selection.length;
      if (!e.hidden && e.title !== `id ${ids[selection[k]]}`) { picture(e, selection[k]); e.title = `id ${ids[selection[k]]}`; }
    });
  }

  function hover(p, at) {
    let best = 81, k = -1;
    for (let i = 0; at && i < n; i++) {
      const q = (p.X[i] - at[0]) ** 2 + (p.Y[i] - at[1]) ** 2;
      if (q < best && visible(i)) { best = q; k = i; }
    }
    for (const other of panels) {
      other.ring.hidden = k < 0;
      if (k >= 0) other.percent(other.ring, other.X[k], other.Y[k], 0, 0);
      if (other !== p || k < 0) other.tell(null);
    }
    if (k < 0) return;
    p.tell(`id ${ids[k]}` + (d.names.length ? `\n${d.names[cls[k]]}` : "") + (values ? `\n${d.scale.name} ${minus(values[k].toPrecision(4))}` : "") + `\n(${minus(p.x[k].toFixed(2))}, ${minus(p.y[k].toFixed(2))})`, p.X[k], p.Y[k]);
    if (d.sprite) picture(p.picture, k);
  }

  let down = false;
  for (const p of panels) {
    p.top.onpointerdown = e => {
      if (e.button) return;
      p.top.setPointerCapture(e.pointerId);
      const q = p.place(e);
      home = p;
      brush = [...q, ...q];
      down = true;
      hover(p, null);
      select();
    };
    p.top.onpointermove = e => {
      const q = p.place(e);
      if (!down) return hover(p, q);
      brush[2] = q[0];
      brush[3] = q[1];
      select();
    };
    p.top.onpointerup = p.top.onpointercancel = () => {
      if (!down) return;
      down = false;
      const [a, b, c, e] = corners();
      if (c - a < 3 && e - b < 3) brush = null; // a click clears
      select();
      emit();
    };
    p.top.onpointerleave = () => hover(p, null);
    p.top.onkeydown = e => {
      const step = e.ctrlKey ? 1 : 8, mx = { ArrowLeft: -step, ArrowRight: step }[e.key] || 0, my = { ArrowUp: -step, ArrowDown: step }[e.key] || 0;
      if (e.key === "Escape") brush = null;
      else if (!mx && !my && e.key !== "Enter") return;
      else if (!brush) { home = p; brush = [W / 2 - 40, H / 2 - 40, W / 2 + 40, H / 2 + 40]; }
      else if (home !== p) home = p; // the same place of this panel
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
  }

  // What can be done with a selection.
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
    const save = button("Save to notebook", some(() => send().then(
      () => say(`saved selections/${d.name}.json (${num(selection.length)} points)`),
      e => say(`not saved: ${e.message}`))));
    save.disabled = !d.folder;
    if (!d.folder) save.title = "Run the cell in Jupyter, below the folder that it serves, to save from here.";
  }
  async function send() {
    const { baseUrl = "/", token = "" } = JSON.parse(config.textContent);
    const xsrf = (document.cookie.match(/(?:^|; )_xsrf=([^;]*)/) || [])[1];
    const headers = { "Content-Type": "application/json" };
    if (xsrf) headers["X-XSRFToken"] = decodeURIComponent(xsrf);
    if (token) headers.Authorization = "token " + token;
    const folder = (d.folder === "." ? "" : d.folder + "/") + "selections";
    const put = async (path, model) => {
      const url = baseUrl.replace(/\/*$/, "/") + "api/contents/" + path.split("/").map(encodeURIComponent).join("/");
      const answer = await fetch(url, { method: "PUT", credentials: "same-origin", headers, body: JSON.stringify(model) });
      if (!answer.ok) throw new Error(`Jupyter answers ${answer.status} ${answer.statusText} for ${path}`);
    };
    await put(folder, { type: "directory" }); // does nothing if it is there
    await put(`${folder}/${d.name}.json`, { type: "file", format: "text", content: JSON.stringify(result()) + "\n" });
  }
  button("Clear", clear);

  drawPoints();
  select();
  show();
}

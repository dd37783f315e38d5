// A network with the path of one row. Rows, the share of the path and the
// connections are chosen with ordinary controls; units and edges tell their
// values under the mouse, and units under the keyboard too.
function draw(root, d) {
  "use strict";
  const { legend, stages, bar, below, say, button, show } = sheet(root, d);
  const last = d.layers.length - 1;
  for (const l of d.layers) l.a = floats(l.activations);
  for (const c of d.connections) {
    for (const k of ["weight", "flow", "before"]) c[k] = floats(c[k]);
    c.index = ints(c.index);
    let at = 0;
    c.starts = c.counts.map(k => (at += k) - k);
  }
  const activation = (l, k) => d.layers[l].a[row * d.layers[l].units.length + k];
  const figure = v => v === 0 ? "0" : Math.abs(v) >= 0.001 && Math.abs(v) < 10000 ? minus(Number(v.toPrecision(3))) : minus(v.toExponential(2));
  const signed = v => (v < 0 ? "−" : v > 0 ? "+" : "") + figure(Math.abs(v));
  const colour = v => d.colours[Math.sign(v) + 1];
  const unitName = (l, k) => d.layers[l].units[k] === String(k) ? `${d.layers[l].name} ${k}` : d.layers[l].units[k];

  const key = (words, attributes, tag = "line") => {
    const item = make("span", legend), s = makeSVG("svg", item, { viewBox: "0 0 26 12", "aria-hidden": "true" });
    makeSVG(tag, s, tag === "line" ? { x1: 0, x2: 26, y1: 6, y2: 6, ...attributes } : { cx: 13, cy: 6, r: 5, ...attributes });
    item.append(words);
  };
  key("w·a > 0", { stroke: d.colours[2], "stroke-width": 2 });
  key("w·a < 0", { stroke: d.colours[0], "stroke-width": 2, "stroke-dasharray": "6 3" });
  key("beside the path", { stroke: d.colours[2], "stroke-width": 4, "stroke-opacity": d.faint });
  key("on the path", { class: "unit path", fill: d.colours[2], "fill-opacity": .6 }, "circle");
  key("zero for this row", { class: "unit", fill: "#fff" }, "circle");
  if (d.layers.some(l => l.dead.length)) key(`zero for all ${num(d.rows.length)} rows`, { class: "unit", fill: d.grey }, "circle");

  const s = makeStage(stages, d.width, d.height, `${d.title || "Network"}: ${d.layers.map(l => `${l.name} with ${l.units.length} units`).join(", ")}. ` +
    "Arrow keys go from unit to unit, Page Up and Page Down from row to row, Escape leaves the units.");
  const picture = s.axes;

  // Controls.
  let row = d.row, share = d.share, only = false, connection = -1, unit = null;
  const step = by => { row = (row + by + d.rows.length) % d.rows.length; render(); emit(); };
  button("‹", () => step(-1), { "aria-label": "Previous row" });
  const rows = make("select", bar, { "aria-label": "Row" });
  d.rows.forEach((r, i) => make("option", rows, { value: i }, r.name));
  rows.onchange = () => { row = Number(rows.value); render(); emit(); };
  button("›", () => step(1), { "aria-label": "Next row" });
  const layers = make("select", bar, { "aria-label": "Connection" });
  make("option", layers, { value: -1 }, "all layers");
  d.connections.forEach((_, l) => make("option", layers, { value: l }, `${d.layers[l].name} → ${d.layers[l + 1].name}`));
  layers.onchange = () => { connection = Number(layers.value); render(); };
  const slide = make("label", bar, {}, "path ");
  const range = make("input", slide, { type: "range", min: 0, max: 100, step: 5, "aria-label": "Share of the logit that the path carries, in per cent" });
  range.value = Math.round(100 * share);
  const percents = make("span", slide);
  range.oninput = () => { share = Number(range.value) / 100; render(); };
  const check = make("label", bar), box = make("input", check, { type: "checkbox" });
  check.append("path only");
  box.onchange = () => { only = box.checked; render(); };
  const emit = () => root.dispatchEvent(new CustomEvent("jacard-row", { bubbles: true, detail: { id: d.rows[row].id, source: d.source } }));

  // The edges of the row, as they are drawn: the path last, over all others.
  let edges = [], ring = null;
  function render() {
    rows.value = row;
    percents.textContent = `${Math.round(100 * share)} %`;
    edges = [];
    let widest = 0;
    d.connections.forEach((c, l) => {
      const before = d.layers[l].units.length;
      for (let k = c.starts[row]; k < c.starts[row] + c.counts[row]; k++) {
        const from = c.index[k] % before, to = Math.floor(c.index[k] / before);
        const e = { l, from, to, w: c.weight[k], wa: c.weight[k] * activation(l, from), flow: c.flow[k], path: c.flow[k] > 0 && c.before[k] < share };
        widest = Math.max(widest, Math.abs(e.wa));
        edges.push(e);
      }
    });
    const path = edges.filter(e => e.path).length;
    edges = edges.filter(e => (!only || e.path) && (connection < 0 || connection === e.l));
    edges.sort((a, b) => a.path - b.path || a.flow - b.flow);
    const ends = d.layers.map(() => new Set());
    picture.replaceChildren();
    for (const e of edges) {
      e.x1 = d.layers[e.l].x; e.y1 = d.layers[e.l].y[e.from]; e.x2 = d.layers[e.l + 1].x; e.y2 = d.layers[e.l + 1].y[e.to];
      const wide = e.wa === 0 ? 0.5 : Math.max(0.7, d.widest * Math.abs(e.wa) / widest);
      e.mark = makeSVG("line", picture, {
        class: "edge", x1: e.x1, y1: e.y1, x2: e.x2, y2: e.y2, stroke: colour(e.wa), "stroke-width": wide.toFixed(2),
        "stroke-opacity": e.wa === 0 ? 1 : e.path ? .9 : d.faint, ...(e.wa < 0 ? { "stroke-dasharray": "7 3" } : {}),
      });
      if (e.path) { ends[e.l].add(e.from); ends[e.l + 1].add(e.to); }
    }
    d.layers.forEach((layer, l) => {
      makeSVG("text", picture, { x: layer.x, y: 13, "text-anchor": "middle" }, `${layer.name} (${num(layer.units.length)})`);
      const values = layer.units.map((_, k) => activation(l, k)), most = Math.max(...values.map(Math.abs)) || 1, r = layer.radius;
      let free = -Infinity; // above this height a name covers no other
      values.forEach((a, k) => {
        const y = layer.y[k], dead = layer.dead.includes(k), strong = Math.abs(a) / most;
        makeSVG("circle", picture, { cx: layer.x, cy: y, r, fill: "#fff" });
        makeSVG("circle", picture, {
          class: ends[l].has(k) ? "unit path" : "unit", cx: layer.x, cy: y, r,
          fill: dead ? d.grey : a ? colour(a) : "#fff", ...(dead || !a ? {} : { "fill-opacity": .85 * strong }),
        });
        if (dead) makeSVG("path", picture, { class: "cross", d: `M${layer.x - .7 * r},${y - .7 * r}l${1.4 * r},${1.4 * r}m0,${-1.4 * r}l${-1.4 * r},${1.4 * r}` });
        const side = l === 0 || l === last, high = side ? 12 : 9;
        if (!side && r >= 8) {
          makeSVG("text", picture, { class: strong > .65 && !dead ? "inside light" : "inside", x: layer.x, y: y + 4 }, k);
        } else if ((side || ends[l].has(k)) && y - high >= free) {
          const text = side ? `${layer.units[k]}  ${figure(a)}` : k;
          makeSVG("text", picture, { x: layer.x + (l ? r + 5 : -r - 5), y: y + (side ? 4 : 3), "text-anchor": l ? "start" : "end", class: side ? "" : "small" }, text);
          free = y;
        }
      });
    });
    ring = makeSVG("circle", picture, { class: "ring", visibility: "hidden" });
    const r = d.rows[row];
    let words = `${r.name} · logit of ${r.explained} ${figure(r.logit)} · path of ${num(path)} edges`;
    const all = d.connections.reduce((sum, c) => sum + c.all, 0), drawn = d.connections.reduce((sum, c) => sum + c.counts[row], 0);
    if (drawn < all) words += ` among the ${num(drawn)} of ${num(all)} drawn`;
    say(words);
    list();
    look(unit);
  }

  // The strongest edges of the chosen connections as a table.
  function list() {
    const table = document.createElement("table"), head = make("tr", table);
    for (const t of ["strongest edges", "weight", "activation", "w·a", `in the logit of ${d.rows[row].explained}`]) make("th", head, { scope: "col" }, t);
    for (const e of [...edges].sort((a, b) => Math.abs(b.wa) - Math.abs(a.wa)).slice(0, 6)) {
      const line = make("tr", table);
      for (const t of [`${unitName(e.l, e.from)} → ${unitName(e.l + 1, e.to)}`, signed(e.w), signed(activation(e.l, e.from)), signed(e.wa), signed(e.flow)]) make("td", line, {}, t);
    }
    below.replaceChildren(table);
  }

  // What is said of a unit (its activation and the edges that carry most) and
  // of an edge; null hides it.
  function look(u, e = null) {
    ring.setAttribute("visibility", u || e ? "visible" : "hidden");
    for (const other of edges) {
      const near = u && (other.l === u.l && other.from === u.k || other.l + 1 === u.l && other.to === u.k) || other === e;
      other.mark.setAttribute("stroke-opacity", other.wa === 0 ? 1 : near ? 1 : (other.path ? .9 : d.faint) * (u || e ? .4 : 1));
    }
    if (e) {
      const x = (e.x1 + e.x2) / 2, y = (e.y1 + e.y2) / 2;
      ring.setAttribute("visibility", "hidden");
      s.tell(`${unitName(e.l, e.from)} → ${unitName(e.l + 1, e.to)}\nweight ${signed(e.w)} × activation ${signed(activation(e.l, e.from))}\n` +
        `w·a ${signed(e.wa)}, in the logit ${signed(e.flow)}${e.path ? "\non the path" : ""}`, x, y);
    } else if (u) {
      const layer = d.layers[u.l], x = layer.x, y = layer.y[u.k];
      for (const [k, v] of [["cx", x], ["cy", y], ["r", layer.radius + 4]]) ring.setAttribute(k, v);
      const part = (where, arrow, name) => edges.filter(where).filter(o => o.wa).sort((a, b) => Math.abs(b.wa) - Math.abs(a.wa)).slice(0, 4).map(o => `\n${arrow} ${name(o)}  ${signed(o.wa)}`).join("");
      s.tell(`${unitName(u.l, u.k)}: ${u.l === last ? "logit" : "activation"} ${figure(activation(u.l, u.k))}` + (layer.dead.includes(u.k) ? ", zero for all rows" : "") +
        part(o => o.l + 1 === u.l && o.to === u.k, "←", o => unitName(o.l, o.from)) + part(o => o.l === u.l && o.from === u.k, "→", o => unitName(o.l + 1, o.to)), x, y);
    } else s.tell(null);
  }

  const off = (p, e) => { // distance of a place from an edge
    const dx = e.x2 - e.x1, dy = e.y2 - e.y1, t = clamp(((p[0] - e.x1) * dx + (p[1] - e.y1) * dy) / (dx * dx + dy * dy), 0, 1);
    return Math.hypot(p[0] - e.x1 - t * dx, p[1] - e.y1 - t * dy);
  };
  s.top.onpointermove = event => {
    const p = s.place(event);
    let best = Infinity, u = null, e = null;
    d.layers.forEach((layer, l) => layer.y.forEach((y, k) => {
      const q = Math.hypot(p[0] - layer.x, p[1] - y);
      if (q < layer.radius + 3 && q < best) { best = q; u = { l, k }; }
    }));
    if (!u) {
      best = 5;
      for (const o of edges) { // of crossing edges the one drawn last
        const q = off(p, o) - (o.path ? 1 : 0);
        if (o.wa && q <= best) { best = q; e = o; }
      }
    }
    look(u || (e ? null : unit), e);
  };
  s.top.onpointerleave = () => look(unit);
  s.top.onkeydown = e => {
    const rowBy = { PageUp: -1, PageDown: 1 }[e.key], up = { ArrowUp: -1, ArrowDown: 1 }[e.key] || 0, side = { ArrowLeft: -1, ArrowRight: 1 }[e.key] || 0;
    if (e.key === "Escape") look(unit = null);
    else if (rowBy) step(rowBy);
    else if (!up && !side) return;
    else if (!unit) look(unit = { l: last, k: d.rows[row].output });
    else {
      const l = clamp(unit.l + side, 0, last), there = d.layers[l].y, here = d.layers[unit.l].y[unit.k];
      let k = clamp(unit.k + up, 0, there.length - 1);
      if (l !== unit.l) k = there.reduce((best, y, i) => Math.abs(y - here) < Math.abs(there[best] - here) ? i : best, 0);
      look(unit = { l, k });
    }
    e.preventDefault();
    e.stopPropagation(); // a notebook has keys of its own
  };

  render();
  show();
}

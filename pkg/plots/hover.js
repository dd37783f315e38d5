// A picture whose parts tell their values. The picture of pages without
// scripts stays; what lies under the pointer, or under the keys, is marked on
// top of it and told beside it and in the status line.
function draw(root, d) {
  "use strict";
  const W = d.width, H = d.height, boxes = d.boxes || [];
  const { view, stages, bar, say, show } = sheet(root, d);
  view.classList.add("hover", "bare");
  const keys = d.dots ? "Left and right move along a line of points, up and down stay with the row." : "Arrow keys move, with Shift from part to part.";
  const s = makeStage(stages, W, H, `${d.label}\n${keys} Escape leaves.`);
  const picture = root.querySelector("img");
  picture.setAttribute("aria-hidden", "true"); // the stage says the same
  s.axes.replaceWith(picture);
  s.picture.remove();
  const text = v => Number.isNaN(v) ? "no value" : (v > 0 ? "+" : v < 0 ? "−" : "") + Number(Math.abs(v).toPrecision(3));

  const marks = [];
  function mark(k, kind, x, y, wide, high) {
    if (!marks[k]) { marks[k] = make("div", s.stage); s.tip.before(marks[k]); }
    marks[k].className = "mark " + kind;
    marks[k].hidden = false;
    s.percent(marks[k], x, y, wide, high);
  }
  const unmark = from => { for (const m of marks.slice(from)) m.hidden = true; };
  function leave() { here = null; unmark(0); s.tell(null); say(hint); }
  const hint = `Point at the figure, or ${d.dots ? "use the arrow keys" : "give it the focus and use the arrow keys"}.`;
  let here = null;

  // Boxes: here is [box, row of the cell, column of the cell].
  for (const b of boxes) {
    if (b.values) b.values = floats(b.values);
    if (b.which) b.which = ints(b.which);
    if (b.stops) b.edges = [0, ...b.stops.slice(1).map((v, k) => (v + b.stops[k]) / 2), 1];
  }
  const inside = (b, x, y) => x >= b.at[0] && x < b.at[0] + b.at[2] && y >= b.at[1] && y < b.at[1] + b.at[3];
  const columnAt = (b, share) => b.edges ? b.edges.findLastIndex((v, k) => k === 0 || (share >= v && k < b.columns)) : clamp(Math.floor(share * b.columns), 0, b.columns - 1);
  function cellText(b, r, c) {
    const k = r * b.columns + c;
    if (b.texts) return b.texts[b.which ? b.which[k] : k];
    return b.values ? `${b.name}${b.name && ": "}${text(b.values[k])}` : "";
  }
  function tellCell(b, r, c) {
    here = [b, r, c];
    const row = boxes.filter(o => o.row === b.row), lines = [];
    const names = [row[0].group, b.rowNames && b.rowNames[r], b.columnNames && b.columnNames[c], b.places && `row ${r}, column ${c}`];
    lines.push(names.filter(Boolean).join(" · "));
    row.filter(o => o.rows === b.rows && o.columns === b.columns).forEach(o => lines.push(cellText(o, r, c)));
    const said = lines.filter(Boolean);
    let k = 0, x = 0, y = 0;
    for (const o of row) {
      if (o.rows !== b.rows || o.columns !== b.columns) continue;
      const [left, top, wide, high] = o.at, h = high / o.rows;
      const middle = left + wide * (o.stops ? o.stops[c] : (c + 0.5) / o.columns);
      if (o.stops) mark(k++, "line", middle, top, 0, high);
      else mark(k++, o === b ? "cell" : "cell other", left + c * wide / o.columns, top + r * h, wide / o.columns, h);
      if (o === b) { x = middle; y = top + (r + 0.5) * h; }
    }
    unmark(k);
    s.tell(said.join("\n"), x, y);
    say(said.join(" · ").replaceAll("\n", " · "));
  }
  function boxAt(x, y) {
    const b = boxes.find(o => inside(o, x, y));
    if (!b) return leave();
    tellCell(b, clamp(Math.floor((y - b.at[1]) / b.at[3] * b.rows), 0, b.rows - 1), columnAt(b, (x - b.at[0]) / b.at[2]));
  }
  function boxKey(mx, my, jump) {
    if (!here) return tellCell(boxes[0], 0, 0);
    const [b, r, c] = here;
    if (!jump && r + my >= 0 && r + my < b.rows && c + mx >= 0 && c + mx < b.columns) return tellCell(b, r + my, c + mx);
    // The nearest box in the direction of the arrow.
    const far = o => (o.row - b.row) * my + (o.column - b.column) * mx;
    const next = boxes.filter(o => far(o) > 0 && (mx ? o.row === b.row : o.column === b.column)).sort((p, q) => far(p) - far(q))[0];
    if (!next) return;
    const same = next.rows === b.rows && next.columns === b.columns && jump;
    tellCell(next, same ? r : my < 0 ? next.rows - 1 : my > 0 ? 0 : Math.min(r, next.rows - 1), same ? c : mx < 0 ? next.columns - 1 : mx > 0 ? 0 : Math.min(c, next.columns - 1));
  }

  // Dots: here is the number of a point.
  const dots = d.dots && { ...d.dots, x: floats(d.dots.x), y: floats(d.dots.y).map(v => H - v), of: ints(d.dots.of), in: ints(d.dots.in), v: floats(d.dots.v), f: d.dots.f && floats(d.dots.f) };
  function tellDot(i) {
    here = i;
    let k = 0;
    const ring = j => mark(k++, j === i ? "dot" : "dot other", dots.x[j], dots.y[j], 0, 0);
    ring(i);
    for (let j = 0; j < dots.x.length; j++) if (j !== i && dots.in[j] === dots.in[i]) ring(j);
    unmark(k);
    const said = [dots.rows[dots.in[i]], dots.series[dots.of[i]], `${dots.values}: ${text(dots.v[i])}`];
    if (dots.f && !Number.isNaN(dots.f[i])) said.push(`${dots.inputs}: ${minus(Number(dots.f[i].toPrecision(5)))}`);
    s.tell(said.join("\n"), dots.x[i], dots.y[i]);
    say(said.join(" · "));
  }
  function dotAt(x, y) {
    let best = 144, at = -1;
    for (let j = 0; j < dots.x.length; j++) {
      const q = (dots.x[j] - x) ** 2 + (dots.y[j] - y) ** 2;
      if (q < best) { best = q; at = j; }
    }
    if (at < 0) leave(); else tellDot(at);
  }
  function dotKey(mx, my) {
    if (here === null) return tellDot(0);
    if (mx) { // the points of a series stand in order
      if (dots.of[here + mx] === dots.of[here]) tellDot(here + mx);
      return;
    }
    const next = dots.in.findIndex((row, j) => row === dots.in[here] && dots.of[j] === dots.of[here] + my);
    if (next >= 0) tellDot(next);
  }

  s.top.onpointermove = s.top.onpointerdown = e => (dots ? dotAt : boxAt)(...s.place(e));
  s.top.onpointerleave = leave;
  s.top.onblur = leave;
  s.top.onkeydown = e => {
    const mx = { ArrowLeft: -1, ArrowRight: 1 }[e.key] || 0, my = { ArrowUp: -1, ArrowDown: 1 }[e.key] || 0;
    if (e.key === "Escape") leave();
    else if (!mx && !my) return;
    else if (dots) dotKey(mx, my);
    else boxKey(mx, my, e.shiftKey);
    e.preventDefault();
    e.stopPropagation(); // a notebook has keys of its own
  };
  say(hint);
  show();
}

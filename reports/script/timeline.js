// Rows of charts over one time axis: what is drawn is computed for the stretch that is seen.
(() => {
  const section = document.getElementById("timeline");
  const content = data.section("timeline");
  if (!content) return;
  const byId = (id) => document.getElementById(id);
  const frame = section.querySelector(".rows");
  const margin = { l: 124, r: 12, t: 6, b: 8 };
  const config = { staticPlot: true, responsive: true };
  const MOST_LISTED = 6;
  let all = [];
  let findings = {};
  let panning = 0;
  let frames = 0;

  const plotOf = (row) => byId(`plot-${row.id}`);
  const inner = () => Math.max(1, frame.clientWidth - 2 * (all[0]?.inset ?? 0) - margin.l - margin.r);
  const moment = (part) => view.range().from_s + part * (view.range().to_s - view.range().from_s);
  const resolution = () => (view.range().to_s - view.range().from_s) / inner();

  function stretch() {
    const { from_s, to_s } = view.range();
    const beyond = view.whole() ? 0 : (to_s - from_s) * 0.5;
    const [from, to] = [Math.max(0, from_s - beyond), Math.min(view.duration, to_s + beyond)];
    return { from, to, whole: view.whole(), seen_from: from_s, seen_to: to_s, px: (inner() * (to - from)) / (to_s - from_s) };
  }

  function layoutOf(row, result, ticks) {
    const { from_s, to_s } = view.range();
    const lanes = row.lane_names.length;
    const y = row.lanes
      ? { range: [-0.6, lanes - 0.4], tickvals: row.lane_names.map((_, i) => lanes - 1 - i), ticktext: row.lane_names, showgrid: false, zeroline: false }
      : { range: result.range, nticks: row.height > 80 ? 5 : 3, ticksuffix: row.suffix };
    return charts.layout({ layout: {} }, {
      printWidth: charts.printWidth,
      layout: { margin, hovermode: false, dragmode: false, height: row.height },
      xaxis: { range: [from_s, to_s], tickvals: ticks.at, showticklabels: false, ticks: "", zeroline: false },
      yaxis: { fixedrange: true, ticklabeloverflow: "allow", ...y },
    });
  }

  function drawRow(row, ticks) {
    row.result = rows.build(row, stretch());
    const note = byId(`note-${row.id}`);
    note.textContent = rows.told(row, row.result);
    return Plotly.react(plotOf(row), charts.coloured(row.result.traces), layoutOf(row, row.result, ticks), config);
  }

  function drawAxis() {
    const { from_s, to_s } = view.range();
    const ticks = axis.ticks(from_s, to_s, inner());
    section.querySelectorAll(".time-axis .ticks").forEach((strip) => {
      strip.replaceChildren(...ticks.at.map((t) => {
        const label = document.createElement("span");
        label.textContent = ticks.label(t);
        label.style.left = `${(100 * (t - from_s)) / (to_s - from_s)}%`;
        return label;
      }));
    });
    section.querySelectorAll(".time-axis .unit").forEach((unit) => { unit.textContent = axis.unit(); });
    return ticks;
  }

  // Rows on or next to the screen; gives what draws the others, one after each `pause`, until all are drawn again.
  async function drawNear() {
    const turn = (frames += 1);
    frame.style.setProperty("--pan", "0px");
    const ticks = drawAxis();
    shade();
    const near = new Set(all.filter((row) => charts.isNear(plotOf(row))));
    const drawn = [...near].map((row) => drawRow(row, ticks));
    const rest = async (pause) => {
      for (const row of all.filter((each) => !near.has(each))) {
        await pause();
        if (turn === frames) await drawRow(row, ticks);
      }
    };
    await Promise.all(drawn);
    return { rest };
  }

  const nextFrame = () => new Promise(requestAnimationFrame);
  const draw = async () => (await drawNear()).rest(nextFrame);

  async function drawAll() {
    frames += 1;
    const ticks = drawAxis();
    shade();
    await Promise.all(all.map((row) => drawRow(row, ticks)));
  }

  let asked = 0;
  function redraw() {
    if (!asked && window.Plotly) asked = requestAnimationFrame(() => { asked = 0; draw(); });
  }

  // The finding that is selected and what was lost, as shades through all rows.
  function shade() {
    const { from_s, to_s } = view.range();
    const selected = findings[view.selected()];
    const lost = all.flatMap((row) => row.series).find((series) => series.kind === "lane" && series.name === "lost");
    const shades = lost ? levels.merged(lost, from_s, to_s, inner()).map((one) => ["lost", one.begin, one.end]) : [];
    if (selected) shades.push(["selected", ...selected]);
    all.forEach((row) => {
      row.shades.replaceChildren(...shades.map(([kind, from, to]) => {
        const shape = document.createElement("div");
        shape.className = `shade ${kind}`;
        shape.style.left = `${(100 * (from - from_s)) / (to_s - from_s)}%`;
        shape.style.width = `${(100 * (to - from)) / (to_s - from_s)}%`;
        return shape;
      }));
    });
    byId("shades").hidden = !shades.length;
    for (const kind of ["lost", "selected"]) byId(`shade-${kind}`).hidden = !shades.some(([each]) => each === kind);
  }

  function zoomTo(from, to) {
    if (to - from > 1e-7) view.setRange(from, to);
  }

  function pan(part, done) {
    const { from_s, to_s } = view.range();
    const width = to_s - from_s;
    const shift = Math.max(-(view.duration - to_s) / width, Math.min(from_s / width, part - panning));
    if (done || Math.abs(shift) > 0.45) {
      panning = done ? 0 : panning + shift;
      frame.style.setProperty("--pan", "0px");
      if (shift) zoomTo(from_s - shift * width, to_s - shift * width);
    } else frame.style.setProperty("--pan", `${shift * inner()}px`);
  }

  function scale(factor, at) {
    const { from_s, to_s } = view.range();
    const width = Math.min(view.duration, (to_s - from_s) / factor);
    const from = Math.max(0, Math.min(view.duration - width, moment(at) - at * width));
    zoomTo(from, from + width);
  }

  // Values beside the legends may need another line: that lies over the chart, for nothing may move below the pointer.
  function reading(on) {
    if (frame.classList.contains("reading") === on) return;
    const heights = all.map((row) => (on ? `${row.caption.getBoundingClientRect().height}px` : ""));
    all.forEach((row, i) => { row.caption.style.height = heights[i]; });
    frame.classList.toggle("reading", on);
  }

  function hover(part, event, own) {
    const inside = part >= 0 && part <= 1;
    reading(inside);
    const t = moment(part);
    byId("moment").textContent = inside ? axis.moment(t, resolution()) : "";
    all.forEach((row) => {
      row.cursor.style.display = inside ? "block" : "none";
      row.cursor.style.left = `${part * 100}%`;
      row.values.forEach((value, i) => { value.textContent = inside ? rows.at(row, row.series[i], t, resolution()) : ""; });
    });
    tip(own, part, event);
  }

  function leave() {
    reading(false);
    byId("moment").textContent = "";
    all.forEach((row) => {
      row.cursor.style.display = "none";
      row.values.forEach((value) => { value.textContent = ""; });
    });
    byId("tip").hidden = true;
  }

  function pointed(row, part, event) {
    const box = row.over.getBoundingClientRect();
    const name = row.lane_names[Math.floor(((event.clientY - box.top) / box.height) * row.lane_names.length)];
    const lanes = row.series.filter((series) => series.kind === "lane" && !series.hidden && series.name.split(":")[0] === name);
    return lanes.flatMap((series) => rows.under(series, moment(part), resolution()).map((at) => ({ series, at })));
  }

  function wordsOf({ series, at }) {
    const name = series.labels[at] ?? series.name;
    const several = series.count[at] > 1 ? `${rows.number(series.count[at])} × ` : "";
    const lasted = series.length[at] ? `, ${rows.length(series.length[at])}` : "";
    return `${several}${name} at ${series.begin[at].toFixed(6)} s${lasted}`;
  }

  function tip(row, part, event) {
    const found = row?.lanes ? pointed(row, part, event) : [];
    const box = byId("tip");
    box.hidden = !found.length;
    if (!found.length) return;
    const lines = found.slice(0, MOST_LISTED).map(wordsOf);
    if (found.length > MOST_LISTED) lines.push(`and ${found.length - MOST_LISTED} more here`);
    if (found.some(hasFinding)) lines.push("Click to select the finding.");
    box.replaceChildren(...lines.map((words) => Object.assign(document.createElement("p"), { textContent: words })));
    const area = section.getBoundingClientRect();
    box.style.top = `${event.clientY - area.top + 14}px`;
    box.style.left = `${Math.max(0, Math.min(event.clientX - area.left + 12, area.width - box.offsetWidth))}px`;
  }

  const hasFinding = ({ series, at }) => series.finding && series.finding[at] >= 0;

  function click(row, part, event) {
    if (!row.lanes) return;
    const found = pointed(row, part, event);
    const one = found.find(hasFinding) ?? found[0];
    if (!one) return;
    const { series, at } = one;
    if (hasFinding(one)) view.select(String(series.finding[at]));
    else view.showAround(series.begin[at], series.begin[at] + series.length[at]);
  }

  function brush(from, to) {
    all.forEach((row) => {
      row.brush.style.display = to === from ? "none" : "block";
      row.brush.style.left = `${Math.min(from, to) * 100}%`;
      row.brush.style.width = `${Math.abs(to - from) * 100}%`;
    });
  }

  const pans = () => byId("drag-pans").checked;
  const whole = () => view.setRange(0, view.duration);

  function layer(parent, name) {
    const element = Object.assign(document.createElement("div"), { className: name });
    parent.append(element);
    return element;
  }

  function overlay(row) {
    const plot = plotOf(row);
    row.over = layer(plot, "over");
    Object.assign(row.over.style, { left: `${margin.l}px`, right: `${margin.r}px`, top: `${margin.t}px`, bottom: `${margin.b}px` });
    [row.shades, row.brush, row.cursor] = ["shades", "brush", "cursor"].map((name) => layer(row.over, name));
    row.inset = (frame.clientWidth - plot.clientWidth) / 2;
    row.caption = document.querySelector(`#chart-${row.id} figcaption`);
    const keys = [...row.caption.querySelectorAll(".keys button")];
    row.values = keys.map((key) => layer(key, "at"));
    keys.forEach((key, i) => key.addEventListener("click", () => {
      row.series[i].hidden = key.getAttribute("aria-pressed") === "true";
      key.setAttribute("aria-pressed", String(!row.series[i].hidden));
      redraw();
    }));
    gestures.listen(row.over, () => row.over.getBoundingClientRect(), hands(row), pans);
  }

  const hands = (row) => ({
    scale, leave, whole, brush,
    pan: (part, done) => pan(part, done),
    zoom: (from, to) => { brush(0, 0); zoomTo(moment(from), moment(to)); },
    hover: (part, event) => hover(part, event, row),
    click: (part, event) => click(row, part, event),
  });

  function controls() {
    const acts = { "zoom-in": () => scale(2, 0.5), "zoom-out": () => scale(0.5, 0.5), earlier: () => pan(0.5, true), later: () => pan(-0.5, true), reset: whole };
    Object.entries(acts).forEach(([id, act]) => byId(id).addEventListener("click", act));
    byId("clock").addEventListener("change", (event) => { axis.show(event.target.value); redraw(); });
    section.querySelectorAll(".time-axis .ticks").forEach((strip) => {
      gestures.listen(strip, () => strip.getBoundingClientRect(), hands({ lanes: false }), () => true);
    });
    gestures.keys(frame, { scale, pan, whole });
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button.goto");
      if (!button) return;
      view.showAround(Number(button.dataset.from), Number(button.dataset.to));
      section.scrollIntoView();
    });
  }

  function follow() {
    document.addEventListener("tracer:range", () => { byId("reset").disabled = view.whole(); redraw(); });
    document.addEventListener("tracer:select", ({ detail }) => {
      const found = findings[detail.finding];
      if (found) view.showAround(...found);
      shade();
    });
    // It tells of the first width too, for which the rows are being drawn already.
    let width = frame.clientWidth;
    new ResizeObserver(() => {
      if (frame.clientWidth !== width) redraw();
      width = frame.clientWidth;
    }).observe(frame);
  }

  async function prepare() {
    const given = await data.inflated(content.packed);
    axis.use(given.clocks);
    findings = given.findings;
    all = given.rows.map(rows.unpack);
    all.forEach(overlay);
    byId("reset").disabled = view.whole();
    controls();
    follow();
    const chosen = findings[view.selected()];
    if (chosen && view.whole()) view.showAround(...chosen);
  }

  charts.meanwhile(prepare);
  charts.register(drawAll, async () => {
    const { rest } = await drawNear();
    return { rest: () => rest(charts.pause) };
  });
})();

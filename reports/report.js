"use strict";

// Charts of the report. The page is complete without them: every sentence and table is plain HTML.
(() => {
  const root = document.documentElement;
  const byId = (id) => document.getElementById(id);
  const report = JSON.parse(byId("report-data").textContent);
  const margin = { l: 66, r: 12, t: 8, b: 24 };
  const shown = { from: 0, to: report.duration, episode: 0 };
  const printWidth = 680;
  const touch = matchMedia("(pointer: coarse)").matches;

  function fromBase64(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const packed = atob(text);
    const bytes = new Uint8Array(packed.length);
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = packed.charCodeAt(i);
    return bytes;
  }

  // plotly arrives gzipped; the browser unpacks it and runs it from memory.
  async function loadPlotly() {
    const stream = new Blob([fromBase64(byId("plotly").textContent)]).stream().pipeThrough(new DecompressionStream("gzip"));
    const source = await new Response(stream).arrayBuffer();
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const script = document.createElement("script");
    await new Promise((resolve, reject) => {
      script.onload = resolve;
      script.onerror = () => reject(new Error("plotly could not be started"));
      script.src = url;
      document.head.append(script);
    });
    URL.revokeObjectURL(url);
  }

  // A copy in which every "var(--name)" is the colour that the page has for it now.
  function coloured(value, style) {
    if (typeof value === "string") {
      const name = /^var\((--[\w-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((part) => coloured(part, style));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, coloured(part, style)]));
  }

  function bandShapes() {
    return report.bands.map(([kind, from, to]) => {
      const tint = `var(--tint-${kind.toLowerCase().replaceAll(" ", "-")})`;
      const edge = kind === "episode" ? 0 : 1;
      return { type: "rect", xref: "x", yref: "paper", x0: from, x1: to, y0: 0, y1: 1, layer: "below",
        fillcolor: tint, line: { width: edge, color: tint } };
    });
  }

  function baseLayout(style) {
    const color = (name) => style.getPropertyValue(name).trim();
    const axis = { gridcolor: color("--grid"), zerolinecolor: color("--grid"), linecolor: color("--line"),
      tickcolor: color("--line"), tickfont: { color: color("--muted"), size: 11 } };
    return {
      margin, showlegend: false, autosize: true, separators: ".,",
      paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: color("--sans"), size: 12, color: color("--ink") },
      hoverlabel: { bgcolor: color("--surface"), bordercolor: color("--line"), namelength: -1,
        font: { color: color("--ink"), size: 12, family: color("--sans") } },
      xaxis: axis, yaxis: axis,
    };
  }

  function layoutOf(figure, own, style) {
    const layout = baseLayout(style);
    const given = coloured(figure.layout, style);
    const width = root.dataset.theme === "light" ? { width: own.printWidth } : {};
    return { ...layout, ...own.layout, ...given, ...width,
      xaxis: { ...layout.xaxis, ...own.xaxis, ...given.xaxis },
      yaxis: { ...layout.yaxis, ...own.yaxis, ...given.yaxis } };
  }

  function timelineLayout(figure, style) {
    const shapes = figure.id === "lanes" ? [] : coloured(bandShapes(), style);
    return layoutOf(figure, {
      printWidth,
      layout: { hovermode: "x unified", dragmode: touch ? false : "zoom", shapes },
      xaxis: { range: [shown.from, shown.to], ticksuffix: " s", showspikes: false, unifiedhovertitle: { text: "%{x:.3f} s" } },
      yaxis: { fixedrange: true, nticks: 5, zeroline: true },
    }, style);
  }

  function ladderLayout(figure, style) {
    return layoutOf(figure, {
      printWidth: printWidth / 3 - 10,
      layout: { dragmode: false, hovermode: "closest", margin: { ...margin, l: 100 }, bargap: 0.35 },
      xaxis: { nticks: 5 },
      yaxis: { ticklen: 4, tickcolor: "rgba(0,0,0,0)" },
    }, style);
  }

  function dataOf(figure, style) {
    const data = coloured(figure.data, style);
    const chosen = figure.variants[shown.episode];
    const pressed = new Set(switchedOff(figure));
    return data.map((trace, i) => ({ ...trace, visible: !pressed.has(i), ...(chosen ? { x: chosen[i] } : {}) }));
  }

  function switchedOff(figure) {
    const off = byId(`chart-${figure.id}`).querySelectorAll('.legend button[aria-pressed="false"]');
    return [...off].flatMap((button) => button.dataset.traces.split(",").map(Number));
  }

  const plotOf = (figure) => byId(`plot-${figure.id}`);
  const config = { displayModeBar: false, responsive: true, doubleClick: false };

  function draw() {
    const style = getComputedStyle(root);
    const drawn = report.timeline.map((f) => Plotly.react(plotOf(f), dataOf(f, style), timelineLayout(f, style), config));
    drawn.push(...report.ladder.map((f) => Plotly.react(plotOf(f), dataOf(f, style), ladderLayout(f, style), config)));
    return Promise.all(drawn);
  }

  function zoom(from, to) {
    Object.assign(shown, { from: Math.max(0, from), to: Math.min(report.duration, to) });
    byId("reset").disabled = shown.from === 0 && shown.to === report.duration;
    report.timeline.forEach((f) => Plotly.relayout(plotOf(f), { "xaxis.range": [shown.from, shown.to] }));
  }

  function cursor(plot) {
    const line = document.createElement("div");
    line.className = "cursor";
    plot.append(line);
    return line;
  }

  // One moment marked in all rows while the pointer is in one of them.
  function linkRows() {
    const rows = report.timeline.map((figure) => ({ plot: plotOf(figure), line: cursor(plotOf(figure)) }));
    const place = (x, own) => rows.forEach(({ plot, line }) => {
      const width = plot.clientWidth - margin.l - margin.r;
      const left = margin.l + ((x - shown.from) / (shown.to - shown.from)) * width;
      const inside = plot !== own && left >= margin.l && left <= margin.l + width;
      Object.assign(line.style, { display: inside ? "block" : "none", left: `${left}px`, top: `${margin.t}px`,
        height: `${plot.clientHeight - margin.t - margin.b}px` });
    });
    rows.forEach(({ plot }) => {
      plot.on("plotly_hover", (event) => place(event.xvals ? event.xvals[0] : event.points[0].x, plot));
      plot.on("plotly_unhover", () => place(NaN, plot));
      plot.on("plotly_doubleclick", () => zoom(0, report.duration));
      plot.on("plotly_relayout", (change) => {
        const from = change["xaxis.range[0]"];
        if (from !== undefined) zoom(from, change["xaxis.range[1]"]);
      });
    });
  }

  function toggleSeries(button) {
    const visible = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(visible));
    const plot = button.closest(".chart").querySelector(".plot");
    Plotly.restyle(plot, { visible }, button.dataset.traces.split(",").map(Number));
  }

  function showTime(button) {
    const from = Number(button.dataset.from);
    const to = Number(button.dataset.to);
    const around = Math.max((to - from) * 0.5, report.duration / 50);
    zoom(from - around, to + around);
    byId("timeline").scrollIntoView();
  }

  function sortBy(button) {
    const head = button.closest("th");
    const descending = head.getAttribute("aria-sort") !== "descending" && head.classList.contains("num")
      || head.getAttribute("aria-sort") === "ascending";
    const column = [...head.parentNode.children].indexOf(head);
    const key = (row) => {
      const cell = row.children[column];
      return cell.dataset.v === undefined ? cell.textContent : Number(cell.dataset.v);
    };
    const compare = (a, b) => (typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b)));
    const body = button.closest("table").tBodies[0];
    const rows = [...body.rows].sort((a, b) => (descending ? -1 : 1) * compare(key(a), key(b)));
    [...head.parentNode.children].forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    body.append(...rows);
  }

  function chooseEpisode(index) {
    shown.episode = index;
    document.querySelectorAll(".ladder").forEach((part) => { part.hidden = Number(part.dataset.choice) !== index; });
    if (window.Plotly) draw();
  }

  function listen() {
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.closest(".sortable thead")) sortBy(button);
      else if (!window.Plotly) return;
      else if (button.id === "reset") zoom(0, report.duration);
      else if (button.classList.contains("goto")) showTime(button);
      else if (button.closest(".legend")) toggleSeries(button);
    });
    const episode = byId("episode");
    if (episode) episode.addEventListener("change", () => chooseEpisode(Number(episode.value)));
  }

  function followTheme() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    addEventListener("beforeprint", () => { root.dataset.theme = "light"; draw(); });
    addEventListener("afterprint", () => { delete root.dataset.theme; draw(); });
  }

  async function start() {
    listen();
    try {
      if (report.timeline.length + report.ladder.length > 0) {
        await loadPlotly();
        await draw();
        linkRows();
        followTheme();
      }
    } catch (error) {
      byId("failure").textContent = `The charts could not be drawn (${error.message}). The tables below are complete.`;
      byId("failure").hidden = false;
    }
    root.dataset.ready = String(Math.round(performance.now()));
  }

  start();
})();

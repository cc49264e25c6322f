// Rows of charts over one time axis.
(() => {
  const { figures, bands } = data.section("timeline");
  const { margin, plotOf } = charts;
  const touch = matchMedia("(pointer: coarse)").matches;
  const section = document.getElementById("timeline");
  const reset = document.getElementById("reset");

  function bandShapes() {
    return bands.map(([kind, from, to]) => {
      const tint = `var(--tint-${kind.toLowerCase().replaceAll(" ", "-")})`;
      const edge = kind === "episode" ? 0 : 1;
      return { type: "rect", xref: "x", yref: "paper", x0: from, x1: to, y0: 0, y1: 1, layer: "below",
        fillcolor: tint, line: { width: edge, color: tint } };
    });
  }

  function layoutOf(figure) {
    const { from_s, to_s } = view.range();
    const shapes = figure.id === "lanes" ? [] : charts.coloured(bandShapes());
    return charts.layout(figure, {
      printWidth: charts.printWidth,
      layout: { hovermode: "x unified", dragmode: touch ? false : "zoom", shapes },
      xaxis: { range: [from_s, to_s], ticksuffix: " s", showspikes: false, unifiedhovertitle: { text: "%{x:.3f} s" } },
      yaxis: { fixedrange: true, nticks: 5, zeroline: true },
    });
  }

  const draw = () => Promise.all(figures.map((figure) => charts.put(figure, charts.traces(figure), layoutOf(figure))));

  function cursor(plot) {
    const line = document.createElement("div");
    line.className = "cursor";
    plot.append(line);
    return line;
  }

  // One moment marked in all rows while the pointer is in one of them.
  function linkRows() {
    const rows = figures.map((figure) => ({ plot: plotOf(figure), line: cursor(plotOf(figure)) }));
    const place = (x, own) => rows.forEach(({ plot, line }) => {
      const { from_s, to_s } = view.range();
      const width = plot.clientWidth - margin.l - margin.r;
      const left = margin.l + ((x - from_s) / (to_s - from_s)) * width;
      const inside = plot !== own && left >= margin.l && left <= margin.l + width;
      Object.assign(line.style, { display: inside ? "block" : "none", left: `${left}px`, top: `${margin.t}px`,
        height: `${plot.clientHeight - margin.t - margin.b}px` });
    });
    rows.forEach(({ plot }) => {
      plot.on("plotly_hover", (event) => place(event.xvals ? event.xvals[0] : event.points[0].x, plot));
      plot.on("plotly_unhover", () => place(NaN, plot));
      plot.on("plotly_doubleclick", () => view.setRange(0, view.duration));
      plot.on("plotly_relayout", (change) => {
        const from = change["xaxis.range[0]"];
        if (from !== undefined) view.setRange(from, change["xaxis.range[1]"]);
      });
    });
  }

  function showRange() {
    const { from_s, to_s } = view.range();
    reset.disabled = view.whole();
    figures.forEach((figure) => Plotly.relayout(plotOf(figure), { "xaxis.range": [from_s, to_s] }));
  }

  function showTime(button) {
    view.showAround(Number(button.dataset.from), Number(button.dataset.to));
    section.scrollIntoView();
  }

  function start() {
    if (!figures.length) return;
    linkRows();
    document.addEventListener("tracer:range", showRange);
    reset.addEventListener("click", () => view.setRange(0, view.duration));
    document.addEventListener("click", (event) => {
      const button = event.target.closest("button.goto");
      if (button) showTime(button);
    });
  }

  if (figures.length) charts.register(draw);
  starts.push(start);
})();

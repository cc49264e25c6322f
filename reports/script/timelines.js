// All arms' lines in rows over one axis of seconds; zoom and hover hold for all rows.
(() => {
  const { figures } = data.section("timelines");
  const touch = matchMedia("(pointer: coarse)").matches;
  const reset = document.getElementById("reset");

  function layoutOf(figure) {
    const { from_s, to_s } = view.range();
    return charts.layout(figure, {
      printWidth: charts.printWidth,
      layout: { hovermode: "x unified", hoversubplots: "axis", dragmode: touch ? false : "zoom" },
      xaxis: { range: [from_s, to_s], ticksuffix: " s", spikethickness: 1, spikedash: "solid", unifiedhovertitle: { text: "%{x:.3f} s" } },
      yaxis: {},
    });
  }

  const draw = () => Promise.all(figures.map((figure) => charts.put(figure, charts.traces(figure), layoutOf(figure))));

  function showRange() {
    const { from_s, to_s } = view.range();
    reset.disabled = view.whole();
    figures.forEach((figure) => Plotly.relayout(charts.plotOf(figure), { "xaxis.range": [from_s, to_s] }));
  }

  function start() {
    reset.disabled = view.whole();
    figures.forEach((figure) => {
      const plot = charts.plotOf(figure);
      plot.on("plotly_doubleclick", () => view.setRange(0, view.duration));
      plot.on("plotly_relayout", (change) => {
        const from = change["xaxis.range[0]"];
        if (from !== undefined) view.setRange(from, change["xaxis.range[1]"]);
      });
    });
    document.addEventListener("tracer:range", showRange);
    reset.addEventListener("click", () => view.setRange(0, view.duration));
  }

  charts.register(draw);
  starts.push(start);
})();

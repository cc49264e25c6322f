// Charts of the ladder that is chosen.
(() => {
  const { figures } = data.section("ladder");
  const choice = document.getElementById("episode");
  const more = document.querySelector(".ladder-more");

  function layoutOf(figure) {
    return charts.layout(figure, {
      printWidth: charts.printWidth / 2 - 36,
      layout: { dragmode: false, hovermode: "closest", margin: { ...charts.margin, l: 100 }, bargap: 0.35 },
      xaxis: { nticks: 5 },
      yaxis: { ticklen: 4, tickcolor: "rgba(0,0,0,0)" },
    });
  }

  function tracesOf(figure) {
    const chosen = figure.variants[choice ? Number(choice.value) : 0];
    return charts.traces(figure).map((trace, i) => (chosen ? { ...trace, x: chosen[i] } : trace));
  }

  // What is folded has no width to draw into.
  async function draw() {
    if (more.open) await Promise.all(figures.map((figure) => charts.put(figure, tracesOf(figure), layoutOf(figure))));
  }

  function choose() {
    document.querySelectorAll(".ladder").forEach((part) => { part.hidden = part.dataset.choice !== choice.value; });
    if (window.Plotly) draw();
  }

  if (choice) choice.addEventListener("change", choose);
  if (figures.length) {
    charts.register(draw);
    more.addEventListener("toggle", () => { if (window.Plotly) draw(); });
  }
})();

// What charts of all sections share: plotly, colours of the page, layout, light and dark.
const charts = (() => {
  const root = document.documentElement;
  const margin = { l: 66, r: 12, t: 8, b: 24 };
  const printWidth = 680;
  const config = { displayModeBar: false, responsive: true, doubleClick: false };
  const drawers = [];
  const acts = [];

  // plotly arrives gzipped; the browser unpacks it and runs it from memory. Its first line has Chromium compile all of it
  // beside the page's own thread: a third less work there until everything is drawn.
  async function unpacked() {
    const packed = document.getElementById("plotly");
    if (!packed || window.Plotly) return null;
    const bytes = data.fromBase64(packed.textContent);
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const source = await new Response(stream).arrayBuffer();
    return URL.createObjectURL(new Blob(["//# allFunctionsCalledOnLoad\n", source], { type: "text/javascript" }));
  }

  async function run(url) {
    if (!url) return;
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
  function coloured(value, style = getComputedStyle(root)) {
    if (typeof value === "string") {
      const name = /^var\((--[\w-]+)\)$/.exec(value);
      return name ? style.getPropertyValue(name[1]).trim() : value;
    }
    if (Array.isArray(value)) return value.map((part) => coloured(part, style));
    if (value === null || typeof value !== "object" || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, coloured(part, style)]));
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

  // The page's layout, a section's own over it, a figure's over both. `own.printWidth` is its width on paper in pixels.
  function layout(figure, own) {
    const style = getComputedStyle(root);
    const base = baseLayout(style);
    const given = coloured(figure.layout, style);
    const width = root.dataset.theme === "light" ? { width: own.printWidth } : {};
    return { ...base, ...own.layout, ...given, ...width,
      xaxis: { ...base.xaxis, ...own.xaxis, ...given.xaxis },
      yaxis: { ...base.yaxis, ...own.yaxis, ...given.yaxis } };
  }

  const plotOf = (figure) => document.getElementById(`plot-${figure.id}`);

  function switchedOff(figure) {
    const off = document.querySelectorAll(`#chart-${figure.id} .legend button[aria-pressed="false"]`);
    return new Set([...off].flatMap((button) => button.dataset.traces.split(",").map(Number)));
  }

  // The figure's traces in the page's colours, without those that the legend hides.
  function traces(figure) {
    const off = switchedOff(figure);
    return coloured(figure.data).map((trace, i) => ({ ...trace, visible: !off.has(i) }));
  }

  const put = (figure, drawn, laid) => Plotly.react(plotOf(figure), drawn, laid, config);
  const draw = () => Promise.all(drawers.map(({ all }) => all()));
  // A moment for hands and keys. A row of timeouts would wait 4 ms for each.
  const pause = () => window.scheduler?.yield?.() ?? new Promise((done) => { setTimeout(done); });
  // A frame is shown, or none comes: nobody looks at the page.
  const painted = () => new Promise((done) => { requestAnimationFrame(() => setTimeout(done)); setTimeout(done, 100); });

  function isNear(plot, px = 200) {
    const { top, bottom } = plot.getBoundingClientRect();
    return bottom > -px && top < innerHeight + px;
  }

  function toggleSeries(button) {
    const visible = button.getAttribute("aria-pressed") === "false";
    button.setAttribute("aria-pressed", String(visible));
    const plot = button.closest(".chart").querySelector(".plot");
    Plotly.restyle(plot, { visible }, button.dataset.traces.split(",").map(Number));
  }

  function followTheme() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
    addEventListener("beforeprint", () => { root.dataset.theme = "light"; draw(); });
    addEventListener("afterprint", () => { delete root.dataset.theme; draw(); });
    document.addEventListener("click", (event) => {
      const button = event.target.closest(".legend button");
      if (button) toggleSeries(button);
    });
  }

  // `all` draws a section's charts, now in these colours, and again when they change. `near`, where there is one, draws
  // those on or next to the screen and gives {rest}, a function that draws the others.
  const register = (all, near = async () => { await all(); return { rest: () => {} }; }) => drawers.push({ all, near });

  // `act` needs no plotly: it is done while that is compiled beside the page's own thread.
  const meanwhile = (act) => acts.push(act);

  // `seen` is told when nothing is left to draw of what the screen shows.
  async function start(seen) {
    if (![...document.querySelectorAll(".plot")].some((plot) => isNear(plot, 0))) painted().then(seen);
    await painted();
    const plotly = run(await unpacked());
    await Promise.all([plotly, ...acts.map((act) => act())]);
    if (!drawers.length) return;
    followTheme();
    const parts = [];
    for (const { near } of drawers) parts.push(await near());
    painted().then(seen);
    for (const { rest } of parts) await rest();
  }

  return { margin, printWidth, coloured, layout, plotOf, traces, put, pause, isNear, register, meanwhile, draw, start };
})();

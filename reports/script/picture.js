// The charts of the page as one SVG document, in #drawn: titles, legends, what is said where there is no chart.
const picture = (() => {
  const svgNs = "http://www.w3.org/2000/svg";
  const [left, gap, line] = [16, 14, 18];
  const plots = [...document.querySelectorAll(".plot")].map((plot) => plot.getBoundingClientRect().width);
  const width = Math.ceil(Math.max(600, ...plots)) + 2 * left;
  const root = document.createElementNS(svgNs, "svg");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  let y = gap;

  function add(name, attributes, text = "") {
    const made = root.appendChild(document.createElementNS(svgNs, name));
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    made.textContent = text;
    return made;
  }

  function write(text, x, size, fill, weight = "normal") {
    const font = { "font-family": "sans-serif", "font-size": size, "font-weight": weight };
    return add("text", { x, y: y + size, fill, ...font }, text);
  }

  // A line of words that ends where the picture does.
  function paragraph(words, size, fill) {
    const most = Math.floor((width - 2 * left) / (size * 0.52));
    let row = "";
    for (const word of `${words} `.split(" ")) {
      if (row && (!word || row.length + word.length > most)) {
        write(row, left, size, fill);
        y += line;
        row = "";
      }
      row = row ? `${row} ${word}` : word;
    }
  }

  function legend(figure) {
    let x = left;
    for (const item of figure.querySelectorAll("figcaption li")) {
      const words = item.textContent.trim();
      const wide = 24 + words.length * 6.6;
      if (x + wide > width - left) [x, y] = [left, y + line];
      const swatch = item.querySelector(".swatch");
      const fill = swatch ? colour((/--[\w-]+/.exec(swatch.style.getPropertyValue("--c")) ?? ["--muted"])[0]) : colour("--muted");
      add("rect", { x, y: y + 2, width: 10, height: 10, fill });
      write(words, x + 14, 11, colour("--ink"));
      x += wide;
    }
    if (x > left) y += line;
  }

  function heading(block) {
    const title = block.querySelector("h3");
    const unit = title.querySelector(".unit")?.textContent.trim();
    write(`${title.firstChild.textContent.trim()}${unit ? ` (${unit})` : ""}`, left, 14, colour("--ink"), "bold");
    y += line + 4;
  }

  // Stripes over a stretch in which events were lost, as the page has them (.shade.lost).
  function stripes() {
    const pattern = document.createElementNS(svgNs, "pattern");
    const stripe = pattern.appendChild(document.createElementNS(svgNs, "rect"));
    const look = { id: "lost", width: 8, height: 8, patternUnits: "userSpaceOnUse", patternTransform: "rotate(45)" };
    Object.entries(look).forEach(([key, value]) => pattern.setAttribute(key, value));
    Object.entries({ width: 4, height: 8, fill: colour("--band-lost"), "fill-opacity": 0.35 }).forEach(([key, value]) => stripe.setAttribute(key, value));
    root.append(pattern);
  }

  function lostKey() {
    stripes();
    add("rect", { x: left, y: y + 2, width: 10, height: 10, fill: "url(#lost)" });
    write("events were lost", left + 14, 11, colour("--ink"));
    y += line;
  }

  function hatch(plot) {
    const origin = plot.getBoundingClientRect();
    for (const shade of plot.querySelectorAll(".shades > .lost")) {
      const at = shade.getBoundingClientRect();
      const place = { x: left + at.left - origin.left, y: y + at.top - origin.top, width: at.width, height: at.height };
      add("rect", { class: "lost", fill: "url(#lost)", ...place });
    }
  }

  async function chart(figure) {
    heading(figure);
    legend(figure);
    const plot = figure.querySelector(".plot");
    const { width: wide, height: high } = plot.getBoundingClientRect();
    const image = await Plotly.toImage(plot, { format: "svg", width: Math.round(wide), height: Math.round(high) });
    const drawn = new DOMParser().parseFromString(decodeURIComponent(image.slice(image.indexOf(",") + 1)), "image/svg+xml");
    const inner = root.appendChild(document.importNode(drawn.documentElement, true));
    Object.entries({ x: left, y, width: wide, height: high, overflow: "visible" }).forEach(([key, value]) => inner.setAttribute(key, value));
    hatch(plot);
    y += high + gap;
  }

  function absent(block) {
    heading(block);
    paragraph(block.querySelector(".empty").textContent.trim(), 12, colour("--muted"));
    y += gap;
  }

  // Times that stand outside of the charts, where all of them have one axis.
  function times(block) {
    const origin = document.querySelector(".plot").getBoundingClientRect().left;
    for (const tick of block.querySelectorAll(".ticks > *")) {
      const words = tick.textContent.trim();
      const x = left + tick.getBoundingClientRect().left - origin;
      write(words, Math.min(x, width - 6.6 * words.length - 2), 11, colour("--muted"));
    }
    y += line;
  }

  async function draw() {
    const section = document.getElementById("timeline");
    const paper = add("rect", { width: "100%", height: "100%", fill: colour("--surface") });
    write(section.dataset.title, left, 18, colour("--ink"), "bold");
    y += 28;
    paragraph(section.dataset.words, 12, colour("--ink"));
    y += gap;
    if (section.querySelector(".shades > .lost")) lostKey();
    for (const block of section.querySelectorAll("figure.chart, .absent, .time-axis")) {
      if (block.matches("figure")) await chart(block);
      else (block.matches(".absent") ? absent : times)(block);
    }
    const height = Math.ceil(y);
    Object.entries({ xmlns: svgNs, width, height, viewBox: `0 0 ${width} ${height}` })
      .forEach(([key, value]) => root.setAttribute(key, value));
    paper.setAttribute("height", height);
    return new XMLSerializer().serializeToString(root);
  }

  starts.push(() => {
    draw().then(
      (text) => { document.getElementById("drawn").textContent = text; },
      (error) => { document.getElementById("failure").textContent = error.message; },
    );
  });
  return { draw };
})();

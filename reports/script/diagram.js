// Draws spans of several threads as one SVG: a lane for each thread, nested spans below what they lie in, arrows from
// what led to what. Times are microseconds; names go in as text alone.
const diagram = (() => {
  // The page names no address, not even SVG's own.
  const SVG = Object.assign(document.createElement("template"), { innerHTML: "<svg></svg>" }).content.firstChild.namespaceURI;
  const ROW = 17;
  const BAR = 14;
  const AXIS = 20;
  const WIDE = 640;
  const NAMES = 210;
  const PX_A_LETTER = 6.1;

  function node(name, attributes, text) {
    const made = document.createElementNS(SVG, name);
    Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
    if (text !== undefined) made.textContent = text;
    return made;
  }

  const fitted = (text, px) => {
    const most = Math.floor(px / PX_A_LETTER);
    return text.length <= most ? text : most > 3 ? `${text.slice(0, most - 1)}…` : "";
  };

  // Where each lane lies: names stand beside the lanes, or above them where it is narrow.
  function places(scene, width) {
    const wide = width >= WIDE;
    const left = wide ? NAMES : 0;
    let y = AXIS;
    const tops = scene.lanes.map(([, , depths]) => {
      const top = y + (wide ? 4 : 17);
      y = top + Math.max(depths * ROW, wide ? 28 : 0) + 4;
      return top;
    });
    return { wide, left, tops, height: y + 2, inner: width - left };
  }

  function scale(place, [from, to]) {
    return (us) => place.left + ((us - from) / (to - from)) * place.inner;
  }

  function drawAxis(svg, scene, place, range, x) {
    const seconds = (us) => scene.from + us / 1e6;
    const ticks = axis.ticks(seconds(range[0]), seconds(range[1]), place.inner);
    ticks.at.forEach((t) => {
      const at = x((t - scene.from) * 1e6);
      svg.append(node("line", { class: "tick", x1: at, x2: at, y1: AXIS - 4, y2: place.height }));
      const anchor = at < place.left + 30 ? "start" : at > place.left + place.inner - 34 ? "end" : "middle";
      svg.append(node("text", { class: "tick-text", x: at, y: 12, "text-anchor": anchor }, ticks.label(t)));
    });
  }

  function drawLane(svg, [name, role], at, place) {
    const top = place.tops[at];
    const line = top - (place.wide ? 3 : 16);
    svg.append(node("line", { class: "lane-line", x1: 0, x2: place.left + place.inner, y1: line, y2: line }));
    if (place.wide) {
      const label = node("text", { class: "lane-name", x: 0, y: top + 10 }, fitted(name, NAMES - 14));
      label.append(node("title", {}, name));
      svg.append(label, node("text", { class: "role", x: 0, y: top + 24 }, fitted(role, NAMES - 14)));
    } else {
      const label = node("text", { class: "lane-name", x: 0, y: top - 4 }, fitted(name, place.inner * 0.5));
      const told = node("tspan", { class: "role", dx: 8 }, fitted(role, place.inner * 0.45));
      label.append(told);
      svg.append(label);
    }
  }

  function wordsIn(look, words, width) {
    const room = width - 6;
    const whole = words ? `${look.name}: ${words}` : look.name;
    if (whole.length * PX_A_LETTER <= room) return whole;
    if (look.name.length * PX_A_LETTER <= room) return fitted(whole, room);
    return room >= 6 ? look.letter : "";
  }

  function drawBar(svg, span, index, context) {
    const { place, x, looks, range } = context;
    const [lane, depth, begin, end, kind, words, named] = span;
    const [from, to] = [Math.max(begin ?? range[0], range[0]), Math.min(end ?? range[1], range[1])];
    if (to < from || from > range[1] || to < range[0]) return null;
    const width = Math.max(2, x(to) - x(from));
    const y = place.tops[lane] + depth * ROW;
    const look = looks[kind];
    const unseen = begin === null || end === null ? " one-edge" : "";
    const bar = node("g", { class: `bar ${look.css}${named && width > 8 ? " named" : ""}${unseen}`, "data-item": index });
    bar.append(node("rect", { x: x(from), y, width, height: BAR, rx: 2 }));
    const text = wordsIn(look, words, width);
    if (text) bar.append(node("text", { x: x(from) + 3, y: y + 11 }, text));
    svg.append(bar);
    return bar;
  }

  function drawPoint(svg, [at, lane, mark], index, { place, x, range }) {
    if (at < range[0] || at > range[1]) return;
    const y = place.tops[lane] + 12;
    svg.append(node("text", { class: "point", x: x(at), y, "text-anchor": "middle", "data-item": index }, mark));
  }

  // From the middle of the first lane (or from above, where it is not drawn) to the begin of what it led to; words
  // where no others stand.
  function drawLink(svg, [from, fromLane, to, toLane, words, inferred], told, { place, x, range }) {
    if (to < range[0] || to > range[1]) return;
    const x1 = Math.max(x(from), place.left);
    const x2 = x(to);
    const y2 = place.tops[toLane] + BAR / 2;
    const y1 = fromLane < 0 ? place.tops[toLane] - 10 : place.tops[fromLane] + BAR / 2;
    const bend = Math.min(40, Math.max(12, Math.abs(x2 - x1) / 2));
    const path = `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2 - 5},${y2}`;
    svg.append(node("path", { class: `link${inferred ? " inferred" : ""}`, d: path }));
    svg.append(node("polygon", { class: "head", points: `${x2},${y2} ${x2 - 7},${y2 - 3.5} ${x2 - 7},${y2 + 3.5}` }));
    const at = { x: Math.min(x2 + 3, place.left + place.inner - 74), y: (y1 + y2) / 2 + 3 };
    if (told.some((other) => Math.abs(other.x - at.x) < 78 && Math.abs(other.y - at.y) < 12)) return;
    told.push(at);
    if (place.wide) svg.append(node("text", { class: "link-text", ...at }, words));
  }

  // One scene, as wide as given, of the microseconds `range`.
  function draw(scene, looks, range, width) {
    const place = places(scene, width);
    const x = scale(place, range);
    const svg = node("svg", { viewBox: `0 0 ${width} ${place.height}`, role: "img", "aria-label": `${scene.name}. ${scene.about} ${scene.shown}` });
    const context = { place, x, looks, range };
    drawAxis(svg, scene, place, range, x);
    scene.lanes.forEach((lane, at) => drawLane(svg, lane, at, place));
    scene.spans.forEach((span, at) => drawBar(svg, span, at, context));
    const told = [];
    scene.links.forEach((link) => drawLink(svg, link, told, context));
    scene.points.forEach((point, at) => drawPoint(svg, point, scene.spans.length + at, context));
    return svg;
  }

  return { draw };
})();

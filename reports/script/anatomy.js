// Scenes span by span: chosen, stepped through, zoomed; one span or event is picked at a time by pointer or key.
(() => {
  const content = data.section("anatomy");
  if (!content) return;
  const byId = (id) => document.getElementById(id);
  const section = byId("anatomy");
  const frame = byId("diagram");
  const choice = byId("scene");
  const LEAST_US = 20;
  let scenes = [];
  let looks = [];
  let scene = null;
  let range = [0, 1];
  let current = -1;
  let printing = 0;

  const length = () => scene.length;
  const items = () => [...scene.spans.map(([lane, depth, begin, end]) => ({ at: begin ?? 0, end: end ?? begin ?? 0, lane, depth })),
    ...scene.points.map(([at, lane]) => ({ at, end: at, lane, depth: 0 }))];

  function draw() {
    const width = printing || frame.clientWidth - 18;
    if (width <= 0) return;
    frame.replaceChildren(diagram.draw(scene, looks, range, width));
    frame.querySelector(`[data-item="${current}"]`)?.classList.add("current");
    byId("scene-out").disabled = range[0] <= 0 && range[1] >= length();
  }

  const moment = (us) => `${(scene.from + us / 1e6).toFixed(6)} s`;

  function lasted(begin, end) {
    if (begin === null || end === null) return begin === null ? "its begin was not seen" : "its end lies beyond this or was not seen";
    const us = end - begin;
    return us >= 1e6 ? `${(us / 1e6).toFixed(2)} s` : us >= 1e3 ? `${(us / 1e3).toFixed(2)} ms` : `${us} µs`;
  }

  function told(index) {
    const [spans, points] = [scene.spans, scene.points];
    if (index < spans.length) {
      const [lane, , begin, end, kind, words] = spans[index];
      return [moment(begin ?? 0), lasted(begin, end), scene.lanes[lane][0], looks[kind].name, words].filter(Boolean).join(" · ");
    }
    const [at, lane, mark, words] = points[index - spans.length];
    return [moment(at), scene.lanes[lane][0], `${mark} ${words}`].join(" · ");
  }

  function pick(index) {
    current = index;
    byId("picked").textContent = index < 0 ? "Point at a span, or press an arrow key, for what it did." : told(index);
    frame.querySelectorAll(".current").forEach((each) => each.classList.remove("current"));
    frame.querySelector(`[data-item="${index}"]`)?.classList.add("current");
  }

  function cell(tag, text, number) {
    const made = document.createElement(tag);
    if (tag === "th") made.scope = "row";
    if (number) made.className = "num";
    made.textContent = text;
    return made;
  }

  function fillTable() {
    const table = byId("scene-table").querySelector("table");
    table.caption.textContent = `Spans of ${scene.name}`;
    table.tBodies[0].replaceChildren(...scene.entries.map(([at, took, thread, what]) => {
      const row = document.createElement("tr");
      row.append(cell("th", moment(at), true), cell("td", took, true), cell("td", thread), cell("td", what));
      return row;
    }));
  }

  function show(place) {
    scene = scenes[place];
    range = [0, length()];
    choice.value = String(place);
    byId("scene-about").textContent = scene.about;
    byId("scene-shown").textContent = scene.shown;
    byId("scene-before").disabled = place === 0;
    byId("scene-after").disabled = place === scenes.length - 1;
    Object.assign(byId("scene-goto").dataset, { from: scene.from, to: scene.to });
    frame.setAttribute("aria-label", `${scene.name}, span by span. Arrow keys step from span to span, plus and minus zoom.`);
    draw();
    pick(-1);
    const used = new Set(scene.spans.map((span) => looks[span[4]].css));
    section.querySelectorAll(".looks [data-look]").forEach((each) => { each.hidden = !used.has(each.dataset.look); });
    const drawn = new Set(scene.links.map((link) => link[5]));
    section.querySelectorAll(".looks [data-inferred]").forEach((each) => { each.hidden = !drawn.has(Number(each.dataset.inferred)); });
    fillTable();
  }

  const step = (by) => show(Math.max(0, Math.min(scenes.length - 1, Number(choice.value) + by)));

  function see(from, to) {
    const wide = Math.min(length(), Math.max(LEAST_US, to - from));
    const begin = Math.max(0, Math.min(from, length() - wide));
    range = [begin, begin + wide];
    draw();
  }

  function zoom(by) {
    const picked = current >= 0 ? items()[current] : null;
    const middle = picked ? (Math.max(picked.at, 0) + Math.min(picked.end, length())) / 2 : (range[0] + range[1]) / 2;
    const half = ((range[1] - range[0]) * by) / 2;
    see(middle - half, middle + half);
  }

  // The next one in time on the same lane, or the nearest on the lane above or below.
  function neighbour(key) {
    const all = items().map((item, index) => ({ ...item, index }));
    const here = all[current];
    if (!here) return all.sort((a, b) => a.at - b.at)[0]?.index ?? -1;
    const sideways = { ArrowRight: 1, ArrowLeft: -1 }[key];
    const order = (a, b) => a.at - b.at || a.depth - b.depth || a.index - b.index;
    if (sideways) {
      const line = all.filter((item) => item.lane === here.lane).sort(order);
      return line[line.findIndex((item) => item.index === current) + sideways]?.index ?? current;
    }
    const down = key === "ArrowDown";
    const lanes = [...new Set(all.map((item) => item.lane))].filter((lane) => (down ? lane > here.lane : lane < here.lane));
    if (!lanes.length) return current;
    const lane = down ? Math.min(...lanes) : Math.max(...lanes);
    const far = (item) => Math.abs(item.at - here.at);
    return all.filter((item) => item.lane === lane).sort((a, b) => far(a) - far(b))[0].index;
  }

  function goTo(index) {
    pick(index);
    const item = items()[index];
    if (!item || (item.end >= range[0] && item.at <= range[1])) return;
    const half = (range[1] - range[0]) / 2;
    see(item.at - half, item.at + half);
  }

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = { "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: () => see(0, length()), Home: () => see(0, length()) };
    const act = event.key.startsWith("Arrow") ? () => goTo(neighbour(event.key)) : acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  const placeOf = (key) => scenes.findIndex((each) => each.key === key);
  const itemOf = (event) => event.target.closest("[data-item]");

  function follow() {
    const wanted = new URLSearchParams(location.hash.slice(1)).get("anatomy");
    const place = placeOf(wanted ?? `finding-${view.selected()}`);
    if (place < 0) return;
    show(place);
    if (wanted) section.scrollIntoView({ block: "start" });
  }

  function listen() {
    choice.addEventListener("change", () => show(Number(choice.value)));
    byId("scene-before").addEventListener("click", () => step(-1));
    byId("scene-after").addEventListener("click", () => step(1));
    byId("scene-in").addEventListener("click", () => zoom(0.5));
    byId("scene-out").addEventListener("click", () => zoom(2));
    frame.addEventListener("keydown", press);
    ["pointerover", "click"].forEach((name) => frame.addEventListener(name, (event) => {
      const item = itemOf(event);
      if (item) pick(Number(item.dataset.item));
    }));
    new ResizeObserver(draw).observe(frame);
    byId("clock")?.addEventListener("change", () => requestAnimationFrame(draw));
    addEventListener("hashchange", follow);
    addEventListener("beforeprint", () => { printing = charts.printWidth; draw(); });
    addEventListener("afterprint", () => { printing = 0; draw(); });
    document.addEventListener("tracer:select", ({ detail }) => {
      const place = placeOf(`finding-${detail.finding}`);
      if (place >= 0) show(place);
    });
  }

  charts.meanwhile(async () => {
    ({ scenes, looks } = await data.inflated(content.packed));
    scenes.forEach((each) => { each.length = (each.to - each.from) * 1e6; });
    [section.querySelector(".anatomy-tools"), frame, byId("picked"), section.querySelector(".looks")].forEach((part) => { part.hidden = false; });
    show(0);
    listen();
    follow();
    section.dataset.drawn = "true";
  });
})();

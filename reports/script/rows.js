// A row of the timeline for a stretch of time: plotly traces of what is to be seen in it, and what each series is there.
const rows = (() => {
  const PX_A_COLUMN = 2;
  const PX_A_STACK = 5;
  const PX_A_MARK = 9;
  const PX_A_POINT = 3;
  const LANE_WIDTH = 11;
  const POINTS = 7;
  const DASHES = { dash: "dash", dot: "dot" };
  const STRENGTH = { pale: 0.5, medium: 0.75 };

  function unpackRows(packed) {
    const [begin, length, amount, count] = ["begin", "length", "amount", "count"].map((name) => levels.unpack(packed[name]));
    return { begin, length, amount, count, until: levels.reach(begin, length) };
  }

  const unpackers = {
    level: (series) => ({ time: levels.unpack(series.time), value: levels.unpack(series.value) }),
    marks: (series) => ({ time: levels.unpack(series.time), amount: levels.unpack(series.amount) }),
    amounts: (series) => {
      const [sums, moments] = [levels.unpack(series.sums), series.moments && unpackRows(series.moments)];
      return { sums, moments, rest: moments && levels.rest(sums, series.bucket_s, moments) };
    },
    lane: (series) => ({ ...unpackRows(series), finding: series.finding && levels.unpack(series.finding) }),
  };

  function unpack(row) {
    row.series = row.series.map((series) => ({ ...series, ...unpackers[series.kind](series), hidden: false }));
    row.lane_names = [...new Set(row.series.map((series) => series.name.split(":")[0]))];
    return row;
  }

  // At most `decimals`, thousands apart. Intl.NumberFormat would have the browser load its tables before anything is shown.
  function spelled(value, decimals) {
    const [whole, part] = String(Number(value.toFixed(decimals))).split(".");
    const apart = whole.replace(/\B(?=(\d{3})+$)/g, ",");
    return part ? `${apart}.${part}` : apart;
  }

  const number = (value) => {
    const size = Math.abs(value);
    return spelled(value, size >= 100 || value === 0 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4);
  };

  function length(seconds) {
    const [unit, scale] = seconds >= 1 ? ["s", 1] : seconds >= 1e-3 ? ["ms", 1e3] : ["µs", 1e6];
    return `${number(seconds * scale)} ${unit}`;
  }

  function line(series, x, y, more) {
    return { type: "scatter", mode: "lines", x, y, hoverinfo: "skip", ...more,
      line: { color: series.color, width: 1.6, dash: DASHES[series.look] ?? "solid", ...more.line } };
  }

  // plotly knows no color-mix().
  function faded(name, strength) {
    const [red, green, blue] = [1, 3, 5].map((at) => parseInt(charts.coloured(name).slice(at, at + 2), 16));
    return `rgba(${red}, ${green}, ${blue}, ${strength})`;
  }

  function area(series, x, y, shape) {
    const fillcolor = faded(series.color, STRENGTH[series.look] ?? 1);
    return line(series, x, y, { stackgroup: "all", fillcolor, line: { width: 0, shape, dash: "solid" } });
  }

  // Drawn beyond both ends, so that there is something to see while it is dragged.
  const seen = (made, from, to) => made.x.reduce((most, x, i) => (x >= from && x <= to ? Math.max(most, made.y[i]) : most), 0);

  // Least and most of a curve in what is seen, its ends included: a reading before or after tells what it is there.
  function reaches(time, curve, shape, result, { seen_from, seen_to }) {
    const until = shape === "vh" ? time[Math.min(levels.lower(time, seen_to), time.length - 1)] + 1e-9 : seen_to;
    for (const [from, to] of [[seen_from, until], [seen_from, seen_from], [seen_to, seen_to]]) {
      const [least, most] = levels.span(time, curve, from, to, shape === "hv");
      result.low = Math.min(result.low, least);
      result.top = Math.max(result.top, most);
    }
  }

  function stackedLevels(series, stretch, result) {
    const [first] = series;
    if (!first) return;
    const columns = Math.max(40, Math.floor(stretch.px / PX_A_STACK / series.length));
    const kept = levels.extremes(first.time, series.map((one) => one.value), stretch.from, stretch.to, columns);
    const x = kept.map((i) => first.time[i]);
    const total = new Float64Array(kept.length);
    series.forEach((one) => {
      const y = kept.map((i) => one.value[i]);
      y.forEach((value, i) => { total[i] += value; });
      result.traces.push(area(one, x, y, "linear"));
    });
    reaches(x, total, "linear", result, stretch);
    note(result, "readings", kept.length, first.time, stretch);
  }

  function note(result, what, shown, time, { from, to }) {
    const total = levels.lower(time, to) - levels.lower(time, from);
    result.shown[what] = [(result.shown[what]?.[0] ?? 0) + Math.min(shown, total), (result.shown[what]?.[1] ?? 0) + total];
  }

  function level(series, stretch, result) {
    const columns = Math.floor(stretch.px / PX_A_COLUMN);
    const kept = levels.extremes(series.time, [series.value], stretch.from, stretch.to, columns);
    const [x, y] = [kept.map((i) => series.time[i]), kept.map((i) => series.value[i])];
    const markers = kept.length <= POINTS * 8 ? { mode: "lines+markers", marker: { size: 3, color: series.color } } : {};
    result.traces.push(line(series, x, y, { ...markers, line: { shape: series.shape } }));
    reaches(series.time, series.value, series.shape, result, stretch);
    note(result, "readings", kept.length, series.time, stretch);
  }

  function amounts(row, stretch, result) {
    const drawn = row.series.filter((one) => one.kind === "amounts" && !one.hidden);
    if (!drawn.length) return;
    const bucket = drawn[0].bucket_s;
    const grid = levels.grid(bucket, stretch.from, stretch.to, Math.floor(stretch.px / PX_A_COLUMN), drawn.some((one) => one.moments));
    const columns = drawn.map((series) => levels.sums(series, grid));
    const x = Array.from(columns[0], (_, i) => grid.start + i * grid.width);
    const total = x.map((_, i) => drawn.reduce((sum, series, at) => sum + columns[at][i] * series.scale, 0));
    drawn.forEach((series, at) => {
      const y = Array.from(columns[at], (sum) => sum * series.scale);
      Object.assign(series, { grid, columns: columns[at] });
      result.traces.push(area(series, [...x, x.at(-1) + grid.width], [...y, y.at(-1)], "hv"));
    });
    Object.assign(result, { width: grid.width, fine: grid.fine, bucket });
    result.top = Math.max(result.top, seen({ x, y: total }, stretch.seen_from - grid.width, stretch.seen_to));
  }

  // Where marks sit: on the last curve that the row has before them.
  function heightOf(row, time) {
    const curves = row.series.filter((one) => one.kind === "level");
    const curve = curves.find((one) => one.name.includes("events")) ?? curves[0];
    return curve ? levels.span(curve.time, curve.value, time, time, true)[0] : 0;
  }

  function marks(row, series, stretch, result) {
    const groups = levels.grouped(series.time, series.amount, stretch.from, stretch.to, Math.floor(stretch.px / PX_A_MARK));
    const x = groups.map((group) => series.time[group.at]);
    result.traces.push({ type: "scatter", mode: "markers", x, y: x.map((time) => heightOf(row, time)), hoverinfo: "skip", cliponaxis: false,
      marker: { symbol: series.symbol, size: 8, color: series.color, line: { color: "var(--surface)", width: 1 } } });
    note(result, "moves", groups.length, series.time, stretch);
  }

  function lane(row, series, stretch, result) {
    const y = row.lane_names.length - 1 - row.lane_names.indexOf(series.name.split(":")[0]);
    const found = series.points
      ? levels.grouped(series.begin, series.count, stretch.from, stretch.to, Math.floor(stretch.px / PX_A_POINT))
      : levels.merged(series, stretch.from, stretch.to, stretch.px);
    const least = ((stretch.to - stretch.from) / stretch.px) * 2;
    if (series.points) {
      const x = found.map((one) => series.begin[one.at]);
      result.traces.push({ type: "scatter", mode: "markers", x, y: x.map(() => y), hoverinfo: "skip",
        marker: { symbol: series.symbol, size: 9, color: series.color, line: { color: "var(--surface)", width: 1 } } });
    } else {
      for (const several of [true, false]) {
        const part = found.filter((one) => one.count > 1 === several);
        const x = part.flatMap((one) => [one.begin, Math.max(one.end, one.begin + least), null]);
        if (x.length) result.traces.push(line(series, x, x.map((at) => (at === null ? null : y)), { opacity: several ? 0.55 : 1, line: { width: LANE_WIDTH } }));
      }
    }
    const [first, last] = levels.inside(series, stretch.from, stretch.to);
    let total = 0;
    for (let i = first; i < last; i += 1) total += series.count[i];
    result.shown.stretches = [(result.shown.stretches?.[0] ?? 0) + found.length, (result.shown.stretches?.[1] ?? 0) + total];
  }

  // Everything to draw for `stretch` {from, to: what is drawn, seen_from, seen_to: what is seen, px: how wide the first is}.
  function build(row, stretch) {
    const result = { traces: [], top: 0, low: Infinity, shown: {} };
    const drawn = row.series.filter((series) => !series.hidden);
    if (row.stacked) stackedLevels(drawn.filter((one) => one.kind === "level" && one.look !== "line"), stretch, result);
    amounts(row, stretch, result);
    drawn.forEach((series) => {
      if (series.kind === "level" && !(row.stacked && series.look !== "line")) level(series, stretch, result);
      else if (series.kind === "marks") marks(row, series, stretch, result);
      else if (series.kind === "lane") lane(row, series, stretch, result);
    });
    result.range = heights(row, stretch, result);
    return result;
  }

  // From 0, but for a row that fits what is seen of it where that is far from 0.
  function heights(row, stretch, { low, top }) {
    const room = Math.max((top - low) * 0.15, top * 0.001);
    const fits = row.fits && !stretch.whole && low - room > top * 0.2;
    return fits ? [low - room, top + room] : [0, top * 1.08 || 1];
  }

  // What the row shows of what there is, in words.
  function told(row, result) {
    const words = Object.entries(result.shown).map(([what, [shown, total]]) => `${number(shown)} of ${number(total)} ${what}`);
    if (result.width) {
      const source = result.fine ? "single events, where there were few enough to keep" : `buckets of ${length(result.bucket)}`;
      words.push(`one bar is ${length(result.width)}, from ${source}`);
    }
    if (!row.lanes && result.range[0] > 0) words.push(`the axis begins at ${number(result.range[0])}, not at 0`);
    return words.length ? `showing ${words.join("; ")}` : "";
  }

  // What a series is at a moment, give or take half a column of `resolution` seconds.
  function at(row, series, t, resolution) {
    const [from, to] = [t - resolution / 2, t + resolution / 2];
    if (series.kind === "level") {
      const [least, most] = levels.span(series.time, series.value, from, to, series.shape === "hv");
      return (least === most ? number(least) : `${number(least)} to ${number(most)}`) + row.suffix;
    }
    if (series.kind === "amounts") {
      const sum = series.columns?.[Math.floor((t - series.grid.start) / series.grid.width)];
      return sum === undefined ? "" : number(sum * series.scale);
    }
    if (series.kind !== "marks") return "";
    const sum = levels.grouped(series.time, series.amount, t - resolution * 3, t + resolution * 3, 1).reduce((all, one) => all + one.sum, 0);
    return sum ? number(sum) : "";
  }

  // The stretches of a lane's series that a moment is in or next to, the shortest first.
  function under(series, t, resolution) {
    const reach = resolution * (series.points ? 5 : 2);
    const [first, last] = levels.inside(series, t - reach, t + reach);
    const found = [];
    for (let i = first; i < last; i += 1) if (series.begin[i] + series.length[i] >= t - reach) found.push(i);
    return found.sort((a, b) => series.length[a] - series.length[b]);
  }

  return { unpack, build, told, at, under, number, length };
})();

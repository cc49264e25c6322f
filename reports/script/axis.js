// One time axis in seconds since the start, on the wall clock or on dmesg's, and any moment on all three.
const axis = (() => {
  const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];
  const PX_A_LABEL = 120;
  const DECIMAL = [1, 2, 5, 10];
  let clocks = null;
  let shown = "seconds";

  const jumped = (t) => clocks.jumps.reduce((sum, [at, by]) => (at <= t ? sum + by : sum), 0);
  const digits = (step) => Math.max(0, Math.min(9, Math.ceil(-Math.log10(step) - 1e-9)));

  function wall(t, decimals) {
    const scale = 10 ** decimals;
    const ticks = Math.round((clocks.utc_s + t + jumped(t)) * scale);
    const whole = Math.floor(ticks / scale);
    const part = decimals ? `.${String(ticks - whole * scale).padStart(decimals, "0")}` : "";
    return `${new Date(whole * 1000).toISOString().slice(11, 19)}${part}`;
  }

  const date = () => new Date((clocks.utc_s + view.range().from_s + jumped(view.range().from_s)) * 1000).toISOString().slice(0, 10);
  const dmesg = (t, decimals) => `[${(clocks.dmesg_s + t).toFixed(decimals)}]`;
  const told = { seconds: (t, decimals) => `${t.toFixed(decimals)} s`, wall, dmesg };
  const offsets = { seconds: () => 0, wall: (t) => clocks.utc_s + t + jumped(t) - t, dmesg: () => clocks.dmesg_s };

  function stepFor(width) {
    if (width <= 1 || shown === "seconds") {
      const power = 10 ** Math.floor(Math.log10(width));
      return power * DECIMAL.find((each) => each * power >= width * 0.999);
    }
    return STEPS.find((each) => each >= width) ?? Math.ceil(width / 86400) * 86400;
  }

  // Where the axis and the grid have their lines.
  function ticks(from, to, px) {
    const step = stepFor(((to - from) * PX_A_LABEL) / Math.max(px, PX_A_LABEL));
    const offset = offsets[shown](from);
    const found = [];
    for (let n = Math.ceil((from + offset) / step - 1e-9); n * step - offset <= to + step * 1e-9; n += 1) {
      found.push(n * step - offset);
    }
    return { at: found, label: (t) => told[shown](Math.abs(t) < step * 1e-6 ? 0 : t, digits(step)) };
  }

  // A moment on all three clocks, as finely as the stretch is seen.
  function moment(t, resolution) {
    const decimals = Math.max(3, digits(resolution));
    return [
      told.seconds(t, decimals),
      clocks.utc_s === null ? "wall clock not known" : `${wall(t, Math.min(6, decimals))} UTC`,
      clocks.dmesg_s === null ? "dmesg time not known" : `dmesg ${dmesg(t, Math.min(6, decimals))}`,
    ].join(" · ");
  }

  function use(given) {
    clocks = given;
  }

  function show(clock) {
    shown = clock;
  }

  const unit = () => (shown === "wall" ? `${date()}, UTC` : shown === "dmesg" ? "dmesg" : "since the start");
  return { use, show, ticks, moment, unit };
})();

// What the reader looks at: one stretch of time and at most one finding, for all sections, and in the page's address.
// Sections listen to `tracer:range` {from_s, to_s} and `tracer:select` {finding} on the document.
const view = (() => {
  const { duration } = data.page;
  const state = { from_s: 0, to_s: duration, finding: null };
  const tell = (name, detail) => document.dispatchEvent(new CustomEvent(name, { detail }));
  const whole = () => state.from_s <= 0 && state.to_s >= duration;
  const rounded = (seconds) => Number(seconds.toFixed(6));

  function address() {
    if (state.finding !== null) return `#finding=${encodeURIComponent(state.finding)}`;
    return whole() ? location.pathname + location.search : `#from=${rounded(state.from_s)}&to=${rounded(state.to_s)}`;
  }

  // The address changes without an entry in the history for each step of a zoom.
  function keepAddress() {
    history.replaceState(null, "", address());
  }

  function moveTo(from, to) {
    const from_s = Math.max(0, Math.min(from, duration));
    const to_s = Math.min(duration, Math.max(to, from_s));
    if (!(to_s > from_s)) return;
    Object.assign(state, { from_s, to_s });
    tell("tracer:range", { from_s, to_s });
  }

  function setRange(from, to) {
    state.finding = null;
    moveTo(from, to);
    keepAddress();
  }

  // A finding's own stretch with some of what was around it.
  function showAround(from, to) {
    const around = Math.max((to - from) * 0.5, duration / 50);
    moveTo(from - around, to + around);
  }

  function select(finding) {
    state.finding = finding;
    tell("tracer:select", { finding });
    keepAddress();
  }

  // A section that is folded opens when it is asked for.
  function unfold(id) {
    const details = document.getElementById(id)?.closest(".folded > details");
    if (!details || details.open) return;
    details.open = true;
    details.scrollIntoView();
  }

  function follow() {
    unfold(decodeURIComponent(location.hash.slice(1)));
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (wanted.has("finding")) select(wanted.get("finding"));
    else if (wanted.has("from") && wanted.has("to")) setRange(Number(wanted.get("from")), Number(wanted.get("to")));
  }

  const range = () => ({ from_s: state.from_s, to_s: state.to_s });
  addEventListener("hashchange", follow);
  return { duration, range, whole, setRange, showAround, select, follow, selected: () => state.finding };
})();

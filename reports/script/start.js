// The stretch or finding that the address names, the charts on the screen, the others, then what sections put in `starts`.
// The page says when the screen shows all that it is to show (`data-ready`), and when everything is drawn (`data-drawn`).
(async () => {
  const say = (what) => { document.documentElement.dataset[what] ??= String(Math.round(performance.now())); };
  tables.start();
  view.follow();
  try {
    await charts.start(() => say("ready"));
    await Promise.all(starts.map((start) => start()));
  } catch (error) {
    const failure = document.getElementById("failure");
    failure.textContent = `The charts could not be drawn (${error.message}). The tables below are complete.`;
    failure.hidden = false;
  }
  say("ready");
  say("drawn");
})();

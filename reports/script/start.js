// Charts first, then what sections put in `starts`, then the stretch or finding that the address names.
(async () => {
  tables.start();
  try {
    await charts.start();
    starts.forEach((start) => start());
    view.follow();
  } catch (error) {
    const failure = document.getElementById("failure");
    failure.textContent = `The charts could not be drawn (${error.message}). The tables below are complete.`;
    failure.hidden = false;
  }
  document.documentElement.dataset.ready = String(Math.round(performance.now()));
})();

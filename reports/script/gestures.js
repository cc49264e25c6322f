// Hands, wheel and keys over a strip of time: zoom by dragging, pan, pinch, click. Knows pixels and parts of the strip.
const gestures = (() => {
  const CLICK_PX = 4;
  const ZOOM = 1.6;

  // `strip` gives {left, width} in client pixels; `on` has zoom(from, to), pan(part, done), scale(factor, at),
  // hover(part, event), leave(), click(part, event), whole(), brush(from, to).
  function listen(element, strip, on, pans) {
    const fingers = new Map();
    let from = null;
    let pinched = null;
    const part = (event) => (event.clientX - strip().left) / strip().width;
    const clamped = (value) => Math.max(0, Math.min(1, value));

    function begin(event) {
      if (event.button) return;
      element.setPointerCapture(event.pointerId);
      fingers.set(event.pointerId, part(event));
      from = { part: part(event), x: event.clientX, pan: event.pointerType === "touch" || event.shiftKey || pans(), moved: false };
      if (fingers.size === 2) pinched = [...fingers.values()];
    }

    function pinch() {
      const [a, b] = [...fingers.values()];
      const [c, d] = pinched;
      const factor = Math.abs(a - b) / Math.abs(c - d);
      if (!(factor > 0)) return;
      on.scale(factor, (c + d) / 2);
      pinched = [a, b];
    }

    function move(event) {
      on.hover(part(event), event);
      if (!fingers.has(event.pointerId)) return;
      fingers.set(event.pointerId, part(event));
      if (fingers.size === 2) {
        pinch();
        return;
      }
      if (!from || pinched) return;
      from.moved ||= Math.abs(event.clientX - from.x) > CLICK_PX;
      if (!from.moved) return;
      if (from.pan) on.pan(part(event) - from.part, false);
      else on.brush(clamped(from.part), clamped(part(event)));
    }

    function end(event) {
      if (!fingers.delete(event.pointerId) || !from) return;
      const [start, stop] = [from.part, part(event)];
      if (pinched) pinched = fingers.size ? pinched : null;
      else if (!from.moved) on.click(stop, event);
      else if (from.pan) on.pan(stop - start, true);
      else on.zoom(clamped(Math.min(start, stop)), clamped(Math.max(start, stop)));
      if (!fingers.size) from = null;
    }

    function cancel(event) {
      fingers.delete(event.pointerId);
      if (from?.pan && from.moved) on.pan(0, true);
      else on.brush(0, 0);
      from = pinched = null;
    }

    function wheel(event) {
      const sideways = event.shiftKey ? event.deltaY : event.deltaX;
      if (event.ctrlKey || event.metaKey) on.scale(event.deltaY < 0 ? ZOOM : 1 / ZOOM, part(event));
      else if (event.shiftKey || Math.abs(sideways) > Math.abs(event.deltaY)) on.pan(-sideways / strip().width, true);
      else return;
      event.preventDefault();
    }

    element.addEventListener("pointerdown", begin);
    element.addEventListener("pointermove", move);
    element.addEventListener("pointerup", end);
    element.addEventListener("pointercancel", cancel);
    element.addEventListener("pointerleave", on.leave);
    element.addEventListener("dblclick", on.whole);
    element.addEventListener("wheel", wheel, { passive: false });
  }

  function keys(element, on) {
    const moves = {
      ArrowLeft: () => on.pan(0.2, true), ArrowRight: () => on.pan(-0.2, true),
      "+": () => on.scale(ZOOM, 0.5), "=": () => on.scale(ZOOM, 0.5), "-": () => on.scale(1 / ZOOM, 0.5),
      Home: on.whole, 0: on.whole,
    };
    element.addEventListener("keydown", (event) => {
      const move = event.ctrlKey || event.metaKey || event.altKey ? null : moves[event.key];
      if (!move) return;
      event.preventDefault();
      move();
    });
  }

  return { listen, keys, ZOOM };
})();

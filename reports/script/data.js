// What sections want run once the charts are drawn.
const starts = [];

// What the page carries: one JSON document, in which long rows of numbers are base64 of little-endian arrays.
const data = (() => {
  const page = JSON.parse(document.getElementById("report-data").textContent);

  function fromBase64(text) {
    if (Uint8Array.fromBase64) return Uint8Array.fromBase64(text);
    const packed = atob(text);
    const bytes = new Uint8Array(packed.length);
    for (let i = 0; i < bytes.length; i += 1) bytes[i] = packed.charCodeAt(i);
    return bytes;
  }

  const arrays = { f4: Float32Array, f8: Float64Array, i4: Int32Array };

  // {dtype, bdata} as a typed array.
  function decode({ dtype, bdata }) {
    return new arrays[dtype](fromBase64(bdata).buffer);
  }

  // JSON that was gzipped.
  async function inflated(packed) {
    const stream = new Blob([fromBase64(packed)]).stream().pipeThrough(new DecompressionStream("gzip"));
    return JSON.parse(await new Response(stream).text());
  }

  return { page, fromBase64, inflated, decode, section: (id) => page.sections[id] };
})();

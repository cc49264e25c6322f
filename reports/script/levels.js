// What is drawn of long columns for a stretch of time: single values where they fit, else least, most and sum of each
// column of pixels. Times and values come as differences of whole numbers of a unit.
const levels = (() => {
  function unpack({ unit, steps }) {
    const ticks = new Int32Array(data.fromBase64(steps).buffer);
    const numbers = new Float64Array(ticks.length);
    for (let i = 0, sum = 0; i < ticks.length; i += 1) numbers[i] = (sum += ticks[i]) * unit;
    return numbers;
  }

  // The first position whose value is not below `x`.
  function lower(sorted, x) {
    let low = 0;
    let high = sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sorted[middle] < x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // Positions from the last before `from` to the first after `to`.
  const around = (time, from, to) => [Math.max(0, lower(time, from) - 1), Math.min(time.length, lower(time, to) + 1)];

  // Positions to draw: all, or of every column those at which one of `curves` is least or most.
  function extremes(time, curves, from, to, columns) {
    const [first, last] = around(time, from, to);
    if (last - first <= 2 * columns) return Array.from({ length: last - first }, (_, i) => first + i);
    const width = (to - from) / columns;
    const kept = [first];
    for (let start = first + 1; start < last - 1;) {
      const column = Math.floor((time[start] - from) / width);
      let stop = start + 1;
      while (stop < last - 1 && Math.floor((time[stop] - from) / width) === column) stop += 1;
      const found = new Set();
      curves.forEach((curve) => {
        let least = start;
        let most = start;
        for (let i = start; i < stop; i += 1) {
          if (curve[i] < curve[least]) least = i;
          if (curve[i] > curve[most]) most = i;
        }
        found.add(least).add(most);
      });
      kept.push(...[...found].sort((a, b) => a - b));
      start = stop;
    }
    kept.push(last - 1);
    return kept;
  }

  // Least and most of a curve that is read in a stretch, or what it was last read as before it.
  function span(time, curve, from, to, hv) {
    const first = lower(time, from);
    const last = lower(time, to);
    if (first >= last) {
      if (!hv && first > 0 && first < time.length) {
        const part = (from - time[first - 1]) / (time[first] - time[first - 1] || 1);
        const value = curve[first - 1] + part * (curve[first] - curve[first - 1]);
        return [value, value];
      }
      const at = Math.min(Math.max(0, first - 1), time.length - 1);
      return [curve[at], curve[at]];
    }
    let least = curve[first];
    let most = curve[first];
    for (let i = first; i < last; i += 1) {
      least = Math.min(least, curve[i]);
      most = Math.max(most, curve[i]);
    }
    return [least, most];
  }

  // How far the rows up to each one reach: where to begin to look for what lasts into a stretch.
  function reach(begin, length) {
    const until = new Float64Array(begin.length);
    for (let i = 0, most = -Infinity; i < begin.length; i += 1) until[i] = most = Math.max(most, begin[i] + length[i]);
    return until;
  }

  function inside(rows, from, to) {
    return [lower(rows.until, from), lower(rows.begin, to)];
  }

  // Columns for a stretch: whole buckets where that will do, else even parts of one.
  function grid(bucket, from, to, columns, fine) {
    const wanted = (to - from) / columns;
    const finer = fine && wanted < bucket;
    const width = finer ? bucket / 2 ** Math.floor(Math.log2(bucket / wanted)) : bucket * Math.ceil(wanted / bucket);
    return { start: Math.floor(from / width) * width, width, fine: finer, to };
  }

  // What a series adds up to in each column; of buckets wider than a column, an even part.
  function sums(series, { start, width, fine, to }) {
    const found = new Float64Array(Math.max(1, Math.ceil((to - start) / width)));
    const single = fine && series.moments;
    if (single) addMoments(found, series.moments, start, width);
    addBuckets(found, single ? series.rest : series.sums, series.bucket_s, start, width);
    return found;
  }

  function addBuckets(found, buckets, bucket, start, width) {
    if (!buckets) return;
    for (let column = 0; column < found.length; column += 1) {
      const left = (start + column * width) / bucket;
      const right = left + width / bucket;
      const stop = Math.min(buckets.length, Math.ceil(right - 1e-6));
      for (let i = Math.max(0, Math.floor(left + 1e-6)); i < stop; i += 1) {
        if (buckets[i]) found[column] += buckets[i] * Math.min(1, Math.min(i + 1, right) - Math.max(i, left));
      }
    }
  }

  // What buckets have beyond single moments, which do not tell of all: pages that only counters told of.
  function rest(buckets, bucket, moments) {
    const total = (column) => column.reduce((sum, value) => sum + value, 0);
    const missing = total(buckets) - total(moments.amount);
    if (!(missing > 0.5)) return null;
    const single = new Float64Array(buckets.length);
    addMoments(single, moments, 0, bucket);
    const beyond = buckets.map((sum, i) => Math.max(0, sum - single[i]));
    const scale = missing / total(beyond);
    return beyond.map((sum) => sum * scale);
  }

  // A row that stands for several is spread over its time.
  function addMoments(found, moments, start, width) {
    const [first, last] = inside(moments, start, start + found.length * width);
    const column = (time) => Math.floor((time - start) / width);
    for (let i = first; i < last; i += 1) {
      const end = moments.begin[i] + moments.length[i];
      const [left, right] = [column(moments.begin[i]), column(end)];
      for (let at = Math.max(0, left); at <= Math.min(right, found.length - 1); at += 1) {
        const covered = Math.min(end, start + (at + 1) * width) - Math.max(moments.begin[i], start + at * width);
        found[at] += left === right ? moments.amount[i] : (moments.amount[i] * covered) / moments.length[i];
      }
    }
  }

  // Moments by columns: when the largest of each was, what they add up to, and how many they are.
  function grouped(time, amount, from, to, columns) {
    const width = (to - from) / columns;
    const groups = [];
    for (let i = lower(time, from); i < time.length && time[i] <= to; i += 1) {
      const column = Math.floor((time[i] - from) / width);
      const last = groups.at(-1);
      if (!last || last.column !== column) groups.push({ column, at: i, sum: amount[i], count: 1 });
      else Object.assign(last, { at: amount[i] > amount[last.at] ? i : last.at, sum: last.sum + amount[i], count: last.count + 1 });
    }
    return groups;
  }

  // Stretches that are drawn as one: no gap between them is as wide as a column.
  function merged(rows, from, to, columns) {
    const gap = (to - from) / columns;
    const [first, last] = inside(rows, from, to);
    const found = [];
    for (let i = first; i < last; i += 1) {
      const end = rows.begin[i] + rows.length[i];
      if (end < from) continue;
      const before = found.at(-1);
      if (before && rows.begin[i] - before.end < gap) {
        Object.assign(before, { end: Math.max(before.end, end), count: before.count + rows.count[i], rows: before.rows + 1 });
      } else found.push({ begin: rows.begin[i], end, first: i, count: rows.count[i], rows: 1 });
    }
    return found;
  }

  return { unpack, lower, extremes, span, reach, inside, grid, sums, rest, grouped, merged };
})();

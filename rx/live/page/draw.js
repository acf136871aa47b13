// SPDX-License-Identifier: GPL-3.0-or-later
// draw: the charts (Chart.js), the waterfall and the pictures.  Knows nothing of the network.
'use strict';

const draw = (() => {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const blue = css('--blue'), dim = css('--dim'), line = css('--line');
  const colours = [blue, '#d9730d', '#8a5cd1', '#0b8f6a', '#c2306a', '#7a7a00'];
  Chart.defaults.color = dim;
  Chart.defaults.borderColor = line;
  Chart.defaults.animation = false;
  Chart.defaults.maintainAspectRatio = false;
  Chart.defaults.font.size = 11;

  const axis = (text, more) => ({type: 'linear', title: {display: true, text}, ...more});

  function chart(id, kind, x, y, legend) {
    return new Chart(document.getElementById(id), {
      type: kind,
      data: {datasets: []},
      options: {
        scales: {x, y},
        plugins: {legend: {display: legend, labels: {boxWidth: 12}}, tooltip: {enabled: legend}},
        elements: {point: {radius: kind === 'scatter' ? 1.3 : 0}, line: {borderWidth: 1.5}},
        events: legend ? undefined : [],
      },
    });
  }

  const charts = {
    before: chart('before', 'scatter', axis('in phase'), axis('quadrature'), false),
    after: chart('after', 'scatter', axis('in phase', {min: -1.8, max: 1.8}),
                 axis('quadrature', {min: -1.8, max: 1.8}), false),
    magnitude: chart('magnitude', 'line', axis('sub-carrier', {min: -66, max: 66}), axis('dB'), false),
    phase: chart('phase', 'line', axis('sub-carrier', {min: -66, max: 66}),
                 axis('radians', {min: -3.2, max: 3.2}), false),
    psnr: chart('psnr', 'line', axis('SNR, dB'), axis('PSNR of mean MSE, dB'), true),
    accuracy: chart('accuracy', 'line', axis('SNR, dB'), axis('accuracy, %', {min: 0, max: 100}), true),
  };

  function points(name, values) {
    const data = [];
    for (let i = 0; i + 1 < values.length; i += 2) data.push({x: values[i], y: values[i + 1]});
    if (name === 'before') {  // square about the origin, in steps so that it does not tremble
      const most = Math.max(1e-9, ...values.map(Math.abs));
      const side = 2 ** (Math.ceil(2 * Math.log2(most * 1.05)) / 2);
      const fixed = {min: -side, max: side, ticks: {callback: (v) => Number(v.toPrecision(2))}};
      Object.assign(charts.before.options.scales.x, fixed);
      Object.assign(charts.before.options.scales.y, fixed);
    }
    charts[name].data.datasets = [{data, backgroundColor: blue, borderColor: blue}];
    charts[name].update();
  }

  // The used carriers are -66 ... -1 and 1 ... 66.
  function channel(h) {
    const magnitude = [], phase = [];
    for (let u = 0; 2 * u + 1 < h.length; u++) {
      const x = u < 66 ? u - 66 : u - 65, re = h[2 * u], im = h[2 * u + 1];
      magnitude.push({x, y: 10 * Math.log10(re * re + im * im + 1e-30)});
      phase.push({x, y: Math.atan2(im, re)});
    }
    charts.magnitude.data.datasets = [{data: magnitude, borderColor: blue}];
    charts.phase.data.datasets =
        [{data: phase, borderColor: blue, backgroundColor: blue, showLine: false, pointRadius: 1.3}];
    charts.magnitude.update();
    charts.phase.update();
  }

  let behind = {psnr: [], accuracy: []};  // datasets of the campaign

  function campaign(series) {
    const make = (key) => series.map((s) => ({
      label: s.name, data: s[key], borderColor: dim, borderDash: [5, 4], pointRadius: 0, order: 1,
    })).filter((s) => s.data.length > 0);
    behind = {psnr: make('psnr'), accuracy: make('accuracy')};
  }

  function curves(series) {
    const make = (column, scale) => series.map((s, i) => ({
      label: s.name, borderColor: colours[i % 6], backgroundColor: colours[i % 6], pointRadius: 2.5,
      data: s.points.filter((p) => p[column] !== null).map((p) => ({x: p[0], y: scale * p[column]})),
    })).filter((s) => s.data.length > 0);
    charts.psnr.data.datasets = make(1, 1).concat(behind.psnr);
    charts.accuracy.data.datasets = make(3, 100).concat(behind.accuracy);
    charts.psnr.update();
    charts.accuracy.update();
  }

  // Dark blue over red to yellow.
  function heat(v) {
    const t = Math.min(1, Math.max(0, v));
    return [255 * Math.min(1, 2.2 * t), 255 * Math.max(0, 1.8 * t - 0.7),
            255 * (t < 0.4 ? 0.25 + t : Math.max(0, 1.05 - t))];
  }

  let low = NaN, high = NaN;  // follow slowly, so that the colours stay

  function waterfall(db) {
    const canvas = document.getElementById('waterfall'), at = canvas.getContext('2d');
    const sorted = Array.from(db).sort((a, b) => a - b);
    const floor = sorted[10] - 3, peak = sorted[245] + 3;
    low = Number.isNaN(low) ? floor : Math.min(floor, low + 0.02 * (floor - low));
    high = Number.isNaN(high) ? peak : Math.max(peak, high + 0.02 * (peak - high));
    at.drawImage(canvas, 0, 1);
    const row = at.createImageData(db.length, 1);
    for (let i = 0; i < db.length; i++) {
      const [r, g, b] = heat((db[i] - low) / Math.max(1, high - low));
      row.data.set([r, g, b, 255], 4 * i);
    }
    at.putImageData(row, 0, 0);
    return {low, high};
  }

  function picture(id, rgb, width, height) {
    const canvas = document.getElementById(id);
    canvas.width = width;
    canvas.height = height;
    const at = canvas.getContext('2d');
    if (!rgb) return;
    const image = at.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      image.data.set([rgb[3 * i], rgb[3 * i + 1], rgb[3 * i + 2], 255], 4 * i);
    }
    at.putImageData(image, 0, 0);
  }

  return {points, channel, campaign, curves, waterfall, picture};
})();

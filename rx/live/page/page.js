// SPDX-License-Identifier: GPL-3.0-or-later
// page: the connection to the receiver, the numbers and the options.
'use strict';

const byId = (id) => document.getElementById(id);
const digits = (value, n) => typeof value === 'number' ? value.toFixed(n) : '–';

// ---- one message: see docs/LIVE.md ----

function parse(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  const start = (4 + length + 3) & ~3;
  head.data = {};
  for (const a of head.arrays) {
    head.data[a.name] = a.type === 'f32'
        ? new Float32Array(buffer, start + a.offset, a.bytes / 4)
        : new Uint8Array(buffer, start + a.offset, a.bytes);
  }
  return head;
}

function numbers(head) {
  const s = head.status, last = head.last || {};
  const shown = [
    ['SNR, dB', digits(last.snr_db, 1)],
    ['PSNR, dB', digits(last.psnr_db, 2)],
    ['PSNR, all, dB', digits(s.psnr_of_mean_mse_db, 2)],
    ['accuracy, all, %', digits(s.accuracy === null ? null : 100 * s.accuracy, 1)],
    ['images', s.images],
    ['images/s', digits(s.images_per_s, 1)],
    ['frames lost', s.lost_header + s.lost_gap + s.damaged + s.dropped],
    ['EVM, dB', digits(last.evm_db, 1)],
    ['carrier offset, Hz', digits(last.cfo_hz, 0)],
    ['latency, ms', digits(last.latency_ms, 1)],
    ['codec', last.codec ? `${last.codec} ${last.rate || ''}` : s.codec],
    ['adapter', last.adapter ? `${last.adapter.slice(0, 8)} (${last.adapter_tag})` : 'none'],
  ];
  byId('numbers').replaceChildren(...shown.map(([name, value]) => {
    const cell = document.createElement('div'), label = document.createElement('span'),
          text = document.createElement('b');
    text.textContent = value;
    label.textContent = name;
    cell.append(text, label);
    return cell;
  }));
}

function losses(s) {
  const rows = [
    ['received', s.frames_ok], ['never came', s.lost_gap], ['header not readable', s.lost_header],
    ['payload damaged', s.damaged], ['receiver too busy', s.dropped],
    ['other codec or adapter', s.undecodable], ['for other receivers', s.for_others],
    ['samples lost', s.samples_dropped],
  ];
  byId('losses').replaceChildren(...rows.map(([name, value]) => {
    const row = document.createElement('tr');
    row.insertCell().textContent = name;
    row.insertCell().textContent = value;
    return row;
  }));
}

function images(head) {
  const image = head.image;
  if (!image) return;
  draw.picture('received', head.data.received, image.width, image.height);
  draw.picture('sent', head.data.sent, image.width, image.height);
  const r = image.report;
  byId('image-text').textContent = `${r.dataset || 'unknown set'} ${r.image_id}: PSNR ` +
      `${digits(r.psnr_db, 2)} dB, SSIM ${digits(r.ssim, 3)} at SNR ${digits(r.snr_db, 1)} dB` +
      (image.shrink > 1 ? `; shown at 1/${image.shrink} of its size` : '');
}

function spectrum(head) {
  if (!head.data.spectrum_db) return;
  const range = draw.waterfall(head.data.spectrum_db), half = head.sample_rate_hz / 2e6;
  byId('waterfall-text').textContent = `${-half.toFixed(2)} … ${half.toFixed(2)} MHz, newest on ` +
      `top; ${range.low.toFixed(0)} … ${range.high.toFixed(0)} dB of full scale per bin`;
}

function show(head) {
  numbers(head);
  losses(head.status);
  images(head);
  spectrum(head);
  if (head.data.before) {
    draw.points('before', head.data.before);
    draw.points('after', head.data.after);
    draw.channel(head.data.channel);
  }
  draw.curves(head.curve);
}

// ---- the connection ----

let waiting = null, changes = -1;  // the newest message, until the screen is drawn

function state(text, kind) {
  byId('link').textContent = text;
  byId('link').className = `state ${kind}`;
}

function connect() {
  const socket = new WebSocket(`ws://${location.host}/live`);
  socket.binaryType = 'arraybuffer';
  socket.onopen = () => state('live', 'good');
  socket.onmessage = (event) => {
    const first = waiting === null;
    waiting = event.data;
    if (!first) {
      socket.send('a');
      return;
    }
    requestAnimationFrame(() => {
      const head = parse(waiting);
      waiting = null;
      show(head);
      if (socket.readyState === WebSocket.OPEN) socket.send('a');  // only now: drawn
      if (head.status.live.changes !== changes) {
        changes = head.status.live.changes;
        loadOptions();
      }
    });
  };
  socket.onclose = () => {
    state('no connection', 'bad');
    setTimeout(connect, 1500);
  };
}

// ---- options ----

async function setOption(key, value) {
  const reply = await fetch('options', {
    method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({values: {[key]: value}}),
  });
  byId('options-text').textContent = reply.ok ? `${key} = ${value}` : await reply.text();
  if (reply.ok) showOptions((await reply.json()).options);
  else loadOptions();
}

function field(option) {
  const words = option.type === 'choice' ? option.choices.split('|')
      : option.type === 'bool' ? ['true', 'false'] : null;
  const input = document.createElement(words ? 'select' : 'input');
  for (const word of words || []) input.add(new Option(word, word));
  input.name = option.key;
  input.value = option.value;
  input.onchange = () => setOption(option.key, input.value);
  return input;
}

function showOptions(options) {
  if (byId('options').contains(document.activeElement)) {
    for (const o of options) {
      const input = byId('options').elements[o.key];
      if (input && input !== document.activeElement) input.value = o.value;
    }
    return;
  }
  byId('options').replaceChildren(...options.map((o) => {
    const label = document.createElement('label'), name = document.createElement('span');
    name.textContent = o.key;
    label.title = `${o.help} (${o.takes})`;
    label.append(name, field(o));
    return label;
  }));
}

async function loadOptions() {
  const reply = await fetch('options.json');
  if (reply.ok) showOptions((await reply.json()).options);
}

byId('options').onsubmit = (event) => event.preventDefault();

// ---- the campaign behind: results.csv ----

async function loadCampaign() {
  const reply = await fetch('campaign.csv');
  if (!reply.ok) return;
  const [head, ...rows] = (await reply.text()).trim().split(/\r?\n/).map((l) => l.split(','));
  const column = (row, name) => row[head.indexOf(name)];
  const series = new Map();
  for (const row of rows) {
    const name = ['codec', 'rate', 'channel'].map((c) => column(row, c)).filter(Boolean).join(' ');
    if (!series.has(name)) series.set(name, {name: `${name} (campaign)`, psnr: [], accuracy: []});
    const x = parseFloat(column(row, 'snr_db')), put = (key, value) => {
      if (Number.isFinite(x) && Number.isFinite(value)) series.get(name)[key].push({x, y: value});
    };
    put('psnr', parseFloat(column(row, 'psnr_mse_db')));
    put('accuracy', 100 * parseFloat(column(row, 'accuracy')));
  }
  draw.campaign([...series.values()]);
}

loadCampaign().finally(connect);

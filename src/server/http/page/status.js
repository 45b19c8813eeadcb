// Asks the node once a second and draws what it says. Names of keys, locks and members are
// anybody's: they become text nodes, never markup.
'use strict';

const SECONDS = 120;
const EACH_MS = 1000;
const PATIENCE_MS = 4000;
const SVG = 'http://www.w3.org/2000/svg';

const by = (id) => document.getElementById(id);
const main = document.querySelector('main');
const state = { samples: [], node: '', uptime: 0, answeredAt: null, failedSince: null, timer: null, asking: false };

// Numbers, for people.

const whole = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, notation: 'compact' });

function rate(number) {
  if (number === 0) return '0';
  if (number < 10) return number.toFixed(1);
  return number < 100000 ? whole.format(number) : short.format(number);
}

function micros(us) {
  if (us === null || us === 0) return '–';
  if (us < 1000) return `${Math.round(us)} µs`;
  if (us < 1e6) return `${(us / 1000).toPrecision(3)} ms`;
  return `${(us / 1e6).toPrecision(3)} s`;
}

function bytes(number) {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) { number /= 1024; unit += 1; }
  return `${unit === 0 || number >= 100 ? Math.round(number) : number.toFixed(1)} ${units[unit]}`;
}

function span(ms) {
  const s = Math.floor(ms / 1000);
  if (ms < 1000) return `${ms} ms`;
  if (s < 60) return `${s} s`;
  if (s < 3600) return `${Math.floor(s / 60)} min ${s % 60} s`;
  if (s < 86400) return `${Math.floor(s / 3600)} h ${Math.floor(s / 60) % 60} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

// What would spoil a line, or turn it round, is shown as what it is.
function shown(text) {
  const odd = /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
  return text.replace(odd, (c) => `\\u{${c.codePointAt(0).toString(16)}}`);
}

function name(text, base64, length) {
  let it = '';
  if (text !== undefined) it = shown(text);
  else if (base64 !== undefined) {
    it = Array.from(atob(base64), (c) => (c >= ' ' && c <= '~' && c !== '\\' ? c
      : `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`)).join('');
  }
  return length > 128 ? `${it}… (${whole.format(length)} bytes)` : it;
}

// The document.

function make(tag, of, ...children) {
  const it = document.createElement(tag);
  Object.assign(it, of);
  it.append(...children);
  return it;
}

function put(it, text) {
  if (it.textContent !== text) it.textContent = text;
}

// Rows are kept and changed in place, so that focus and selection stay where they are. A cell
// is text, or {text, kind, href, title}.
function fill(body, rows) {
  while (body.rows.length > rows.length) body.deleteRow(-1);
  rows.forEach((cells, at) => {
    const row = body.rows[at] || body.insertRow(-1);
    cells.forEach((given, column) => {
      const cell = typeof given === 'object' ? given : { text: String(given) };
      let it = row.cells[column];
      if (!it) {
        it = document.createElement(column === 0 ? 'th' : 'td');
        if (column === 0) it.scope = 'row';
        row.append(it);
      }
      it.className = cell.kind || '';
      it.title = cell.title || '';
      let holder = it.firstElementChild;
      const tag = cell.href ? 'A' : 'BDI';
      if (!holder || holder.tagName !== tag) {
        holder = document.createElement(tag);
        it.replaceChildren(holder);
      }
      if (cell.href && holder.getAttribute('href') !== cell.href) holder.href = cell.href;
      put(holder, cell.text);
    });
  });
}

function facts(list, pairs) {
  while (list.children.length > pairs.length) list.lastElementChild.remove();
  pairs.forEach(([what, text, kind], at) => {
    const row = list.children[at] || list.appendChild(make('div', {}, make('dt'), make('dd')));
    put(row.children[0], what);
    put(row.children[1], text);
    row.children[1].className = kind || '';
  });
}

// Charts: one line for each series over the last two minutes, with holes where there was
// no second.

const perSecond = (of) => (sample) => (of(sample) * 1000) / Math.max(sample.ms, 1);
const orNone = (us) => (us === 0 ? null : us);

const CHARTS = [
  { title: 'Operations a second', show: rate, series: [
    ['reads', perSecond((s) => s.reads.count)],
    ['writes', perSecond((s) => s.writes.count)],
    ['locks', perSecond((s) => s.locks.count)]] },
  { title: 'Reads: how long they take', show: micros, series: [
    ['p99', (s) => orNone(s.reads.p99_us)], ['p50', (s) => orNone(s.reads.p50_us)]] },
  { title: 'Writes: how long they take', show: micros, series: [
    ['p99', (s) => orNone(s.writes.p99_us)], ['p50', (s) => orNone(s.writes.p50_us)]] },
  { title: 'Waits for the disk a second', show: rate, series: [['fsyncs', perSecond((s) => s.fsyncs)]] },
  { title: 'How long the disk takes', show: micros, series: [['p99', (s) => orNone(s.fsync_p99_us)]] },
  { title: 'Log, written a second', show: bytes, series: [['bytes', perSecond((s) => s.log_bytes)]] },
  { title: 'Processor', show: (n) => `${Math.round(n)} %`, series: [
    ['of one processor', perSecond((s) => s.cpu_us / 1e4)]] },
  { title: 'Memory', show: bytes, series: [['resident', (s) => orNone(s.resident_bytes)]] },
  { title: 'Refused or failed a second', show: rate, series: [['errors', perSecond((s) => s.errors)]] },
];

function addChart(chart) {
  const most = make('b');
  const keys = make('div', { className: 'keys' });
  const svg = document.createElementNS(SVG, 'svg');
  svg.setAttribute('viewBox', `0 0 ${SECONDS - 1} 100`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('role', 'img');
  const lines = chart.series.map(([label], at) => {
    const path = document.createElementNS(SVG, 'path');
    path.setAttribute('class', `c${at}`);
    svg.append(path);
    const now = make('strong');
    keys.append(make('span', { className: `c${at}` }, make('i'), `${label} `, now));
    return { path, now };
  });
  const caption = make('figcaption', {}, make('span', { textContent: chart.title }), make('span', {}, 'most ', most));
  by('charts').append(make('figure', {}, caption, keys, svg));
  Object.assign(chart, { most, svg, lines });
}

function draw(chart, newest) {
  const from = newest - SECONDS + 1;
  const values = chart.series.map(([, of]) => state.samples.map(of));
  const most = Math.max(0, ...values.flat().filter((value) => value !== null));
  put(chart.most, most > 0 ? chart.show(most) : chart.show(0));
  const said = chart.series.map(([label], at) => {
    let path = '';
    let last = null;
    state.samples.forEach((sample, index) => {
      const value = values[at][index];
      if (value === null) { last = null; return; }
      const x = sample.number - from;
      const y = (98 - (94 * value) / (most || 1)).toFixed(1);
      path += last === sample.number - 1 ? `L${x} ${y}` : `M${x} ${y}h.01`;
      last = sample.number;
    });
    chart.lines[at].path.setAttribute('d', path);
    const now = values[at].length > 0 ? values[at][values[at].length - 1] : null;
    const text = now === null ? '–' : chart.show(now);
    put(chart.lines[at].now, text);
    return `${label} ${text} now`;
  });
  const label = `${chart.title}: ${said.join(', ')}; at most ${chart.show(most)} in two minutes`;
  chart.svg.setAttribute('aria-label', label);
}

// What the node says.

function remember(status) {
  const node = status.node ? status.node.id : '';
  const uptime = status.node ? status.node.uptime_ms : 0;
  if (node !== state.node || uptime < state.uptime) state.samples = [];
  state.node = node;
  state.uptime = uptime;
  const known = state.samples.length > 0 ? state.samples[state.samples.length - 1].number : 0;
  state.samples.push(...status.samples.filter((sample) => sample.number > known));
  const newest = state.samples.length > 0 ? state.samples[state.samples.length - 1].number : SECONDS;
  state.samples = state.samples.filter((sample) => sample.number > newest - SECONDS);
  return newest;
}

// The page of another member, if its address can be one.
function pageOf(address) {
  return /^([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$/.test(address) ? `http://${address}/` : '';
}

function showMembers(status) {
  by('members-section').hidden = status.members.length === 0;
  const groups = status.shards.filter((shard) => shard.group);
  const leads = groups.filter((shard) => shard.group.role === 'leader');
  const rows = status.members.map((member) => {
    const led = groups.filter((shard) => shard.group.leader === member.id).map((shard) => shard.id);
    const isThis = status.node && member.id === status.node.id;
    let role = led.length > 0 ? `leads ${led.join(', ')}` : member.voter ? 'follower' : 'learner';
    if (member.leaving) role += ', leaving';
    const lags = leads.flatMap((shard) => shard.group.lags.filter((lag) => lag.node === member.id));
    const behind = lags.length > 0 ? Math.max(...lags.map((lag) => lag.entries)) : null;
    const silences = lags.map((lag) => lag.answered_ms_ago);
    const never = silences.some((ms) => ms === undefined);
    const heard = lags.length === 0 ? null : never ? Infinity : Math.max(...silences);
    const href = isThis ? '' : pageOf(member.client_address);
    return [
      { text: shown(member.name) + (isThis ? ' (this node)' : ''), href },
      { text: role, kind: 'text' },
      behind === null ? '–' : `${whole.format(behind)} entries`,
      heard === null ? '–' : { text: heard === Infinity ? 'never' : `${span(heard)} ago`, kind: heard > 2000 ? 'bad' : '' },
      { text: shown(member.client_address), kind: 'text mono' },
    ];
  });
  fill(by('members'), rows);
  put(by('members-note'), leads.length === groups.length ? ''
    : 'How far members are behind only the leader of a shard knows: its own page shows it.');
}

function showShards(status) {
  const names = new Map(status.members.map((member) => [member.id, shown(member.name)]));
  fill(by('shards'), status.shards.map((shard) => {
    const group = shard.group;
    let leader = { text: '–', kind: 'text' };
    if (group && group.unled_because) leader = { text: shown(group.unled_because), kind: 'text bad' };
    else if (group) leader = { text: names.get(group.leader) || '–', kind: 'text' };
    return [
      String(shard.id), { text: shard.type, kind: 'text' }, { text: shard.engine, kind: 'text' },
      shard.read_only_because ? { text: 'read-only', kind: 'text bad', title: shown(shard.read_only_because) }
        : { text: shard.durability, kind: 'text' },
      leader, group ? whole.format(group.term) : '–', whole.format(shard.revision),
      whole.format(shard.keys), whole.format(shard.locks), whole.format(shard.watches),
    ];
  }));
}

function showHot(status) {
  const hot = status.shards.flatMap((shard) => shard.hot_keys.map((key) => ({ ...key, shard: shard.id })));
  hot.sort((a, b) => b.per_s - a.per_s);
  fill(by('hot'), hot.slice(0, 12).map((key) => {
    const text = name(key.key, key.key_b64, key.key_bytes);
    const bucket = key.bucket ? `${shown(key.bucket)} / ` : '';
    return [
      { text: (key.lock ? 'lock ' : '') + bucket + text, kind: 'mono', title: text },
      `${rate(key.per_s)}${key.per_s_error > key.per_s / 10 ? ` (±${rate(key.per_s_error)})` : ''}`,
      `${Math.round(key.reads * 100)} %`, String(key.shard),
    ];
  }));
  by('hot-none').hidden = hot.length > 0;
  by('hot').closest('.scroll').hidden = hot.length === 0;
}

function showLocks(status) {
  fill(by('locks'), status.locks.map((lock) => {
    const text = name(lock.name, lock.name_b64, 0);
    return [
      { text, kind: 'mono', title: text }, span(lock.age_ms),
      lock.remaining_ms === undefined ? 'until released' : span(lock.remaining_ms),
      whole.format(lock.waiters), String(lock.shard),
    ];
  }));
  by('locks-none').hidden = status.locks.length > 0;
  by('locks').closest('.scroll').hidden = status.locks.length === 0;
  by('locks-note').hidden = !status.locks_incomplete;
}

function showNode(status) {
  const node = status.node;
  const last = state.samples[state.samples.length - 1];
  const pairs = [
    ['Name', node.name ? shown(node.name) : '–'], ['Id', node.id], ['Version', node.version],
    ['Up for', span(node.uptime_ms)], ['Addresses', node.addresses.map(shown).join(', ')],
    ['Writes', node.read_only_because ? `refused: ${shown(node.read_only_because)}` : 'taken',
      node.read_only_because ? 'bad' : ''],
    ['Connections', `${whole.format(status.connections)}, with ${whole.format(status.sessions)} session streams`],
    ['Under way', `${whole.format(status.requests_in_flight)} requests`],
    ['Watch events', last ? `${rate((last.watch_events * 1000) / Math.max(last.ms, 1))} a second` : '–'],
    ['Log on disk', bytes(status.log_bytes)], ['Processors', String(status.processors)],
  ];
  facts(by('facts'), pairs);
}

function show(status) {
  const newest = remember(status);
  const failed = status.checks.filter((check) => !check.ok);
  fill(by('checks'), status.checks.map((check) => [
    check.name,
    { text: check.ok ? `ok${check.remark ? `: ${shown(check.remark)}` : ''}` : shown(check.remark), kind: check.ok ? '' : 'bad' },
  ]));
  const badge = by('state');
  put(badge, status.ready ? 'ready' : 'not ready');
  badge.className = status.ready ? 'badge good' : 'badge bad';
  const why = failed.map((check) => `${check.name}: ${shown(check.remark)}`).join('\n');
  notice(status.ready ? '' : `This node is not ready.\n${why}`);
  main.hidden = !status.node;
  if (!status.node) {
    put(by('about'), 'It answers here, and will show its figures as soon as it has them.');
    return;
  }
  const called = status.node.name ? shown(status.node.name) : 'dkv';
  put(by('name'), called);
  document.title = `${status.ready ? '' : '! '}${called} · dkv`;
  put(by('about'), `dkv ${status.node.version}, up for ${span(status.node.uptime_ms)}, at ${status.node.addresses.map(shown).join(', ')}`);
  CHARTS.forEach((chart) => draw(chart, newest));
  showShards(status);
  showMembers(status);
  showHot(status);
  showLocks(status);
  showNode(status);
}

function notice(text) {
  by('notice').hidden = text === '';
  put(by('notice'), text);
}

// When it does not answer, what it said last stays, greyed.
function lost() {
  const now = Date.now();
  state.failedSince = state.failedSince || now;
  document.body.classList.add('stale');
  const badge = by('state');
  put(badge, 'no answer');
  badge.className = 'badge bad';
  const since = new Date(state.failedSince).toLocaleTimeString();
  const old = state.answeredAt ? ` What is shown is from ${new Date(state.answeredAt).toLocaleTimeString()}.` : '';
  notice(`The node has not answered since ${since}, for ${span(now - state.failedSince)}.${old} This page goes on asking.`);
}

async function ask() {
  if (state.asking) return;
  state.asking = true;
  const begun = Date.now();
  try {
    const since = state.samples.length > 0 ? state.samples[state.samples.length - 1].number : 0;
    const answer = await fetch(`/v1/status?since=${since}`, { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE_MS) });
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const status = await answer.json();
    state.failedSince = null;
    state.answeredAt = Date.now();
    document.body.classList.remove('stale');
    show(status);
  } catch (failure) {
    console.debug('the node does not answer', failure);
    lost();
  } finally {
    state.asking = false;
    schedule(Math.max(0, EACH_MS - (Date.now() - begun)));
  }
}

function schedule(ms) {
  clearTimeout(state.timer);
  if (!document.hidden) state.timer = setTimeout(ask, ms);
}

CHARTS.forEach(addChart);
document.addEventListener('visibilitychange', () => schedule(0));
schedule(0);

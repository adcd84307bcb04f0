// Keep the pages live and usable from the keyboard. Node texts are inserted as text, never as HTML.
'use strict';
(() => {
  const live = document.querySelector('[data-refresh]');
  if (live) setInterval(async () => {
    if (document.hidden) return;
    try {
      const response = await fetch(location.href, {cache: 'no-store'});
      if (!response.ok) return;
      const update = new DOMParser().parseFromString(await response.text(), 'text/html').querySelector('[data-refresh]');
      if (!update) return location.reload();
      const open = [...live.querySelectorAll('details')].map(details => details.open);
      live.replaceChildren(...update.childNodes);
      live.querySelectorAll('details').forEach((details, i) => { details.open = open[i] ?? details.open; });
    } catch (error) { /* try again at the next interval */ }
  }, 3000);

  const bar = document.querySelector('[data-now]');
  if (!bar) return;
  const open = ['ordered', 'booted', 'installing'], ended = ['failed', 'expired', 'cancelled'];
  const current = {now: bar.dataset.now, revision: bar.dataset.revision};
  const freshness = document.getElementById('fresh'), find = document.getElementById('find');
  const buttons = [...bar.querySelectorAll('button')], pressed = new Set();
  const tiles = () => [...document.querySelectorAll('.node')];

  const describe = n => {
    if (!n.root) return n.membership;
    if (!n.state) return 'never ordered';
    if (ended.includes(n.state)) return n.state + ': ' + n.reason;
    if (open.includes(n.state)) return n.total > 0 ? n.phase + ' ' + n.done + ' of ' + n.total : n.phase || n.state;
    if (n.conditions.includes('silent')) return 'silent since ' + n.heard + ' UTC';
    const conditions = n.conditions.map(name => ' \u00b7 ' + name).join('');
    return n.state + ' \u00b7 ' + n.generation.slice(0, 8) + conditions + (n.reason ? ' \u00b7 ' + n.reason : '');
  };

  const showNode = (tile, n) => {
    const silent = n.conditions.includes('silent');
    tile.dataset.state = silent ? 'silent' : n.state || (n.root ? 'never' : '');
    tile.className = 'node ' + tile.dataset.state;
    tile.querySelector('span').textContent = describe(n);
    let progress = tile.querySelector('progress');
    if (open.includes(n.state) && n.total > 0) {
      if (!progress) progress = tile.appendChild(document.createElement('progress'));
      progress.max = n.total;
      progress.value = n.done;
    } else if (progress) progress.remove();
  };

  // The server writes the failures, with the likely cause of each; get them again when they have changed.
  const describeFailures = () => tiles().filter(tile => tile.dataset.state === 'failed')
    .map(tile => tile.id + tile.querySelector('span').textContent).join();
  let failures = describeFailures();
  const showFailures = async () => {
    const text = describeFailures();
    if (text === failures) return;
    const response = await fetch('/', {cache: 'no-store'});
    if (!response.ok) return;
    const update = new DOMParser().parseFromString(await response.text(), 'text/html');
    document.getElementById('trouble').replaceChildren(...update.getElementById('trouble').childNodes);
    failures = text;
  };

  const order = [...buttons.map(button => button.dataset.state)];
  const LABELS = {never: 'never ordered'};
  const showRackCounts = () => {
    for (const rack of document.querySelectorAll('.rack')) {
      const counts = new Map();
      for (const tile of rack.querySelectorAll('.node')) {
        const state = tile.dataset.state || tile.querySelector('span').textContent;
        counts.set(state, (counts.get(state) || 0) + 1);
      }
      const position = state => order.includes(state) ? order.indexOf(state) : order.length;
      const states = [...counts.keys()].sort((a, b) => position(a) - position(b) || (a < b ? -1 : 1));
      rack.querySelector('small').textContent =
        states.map(state => counts.get(state) + ' ' + (LABELS[state] || state)).join(' \u00b7 ');
    }
  };

  const filter = () => {
    const counts = {}, text = find.value.trim().toLowerCase();
    for (const tile of tiles()) {
      const state = tile.dataset.state;
      counts[state] = (counts[state] || 0) + 1;
      const matches = (!pressed.size || pressed.has(state)) && tile.textContent.toLowerCase().includes(text);
      tile.parentElement.hidden = !matches;
    }
    for (const rack of document.querySelectorAll('.rack'))
      rack.hidden = !rack.querySelector('li:not([hidden])');
    for (const button of buttons) {
      const count = counts[button.dataset.state] || 0;
      button.querySelector('b').textContent = count;
      button.hidden = !count && !pressed.has(button.dataset.state);
    }
  };

  const apply = update => {
    if (update.whole && update.nodes.some(n => !document.getElementById('n-' + n.name))
        || update.whole && update.nodes.length !== tiles().length) return location.reload();
    for (const n of update.nodes) {
      const tile = document.getElementById('n-' + n.name);
      if (tile) showNode(tile, n);
    }
    current.now = update.now;
    current.revision = update.revision;
    freshness.textContent = update.now + ' UTC';
    freshness.className = '';
    document.getElementById('age').textContent = update.report_seconds + 3;  // POLL_SECONDS
    showFailures().catch(() => { /* try again after the next answer */ });
    showRackCounts();
    filter();
  };

  let pause = 2000;
  const poll = async () => {
    if (!document.hidden) {
      try {
        const query = new URLSearchParams({since: current.now, revision: current.revision});
        const response = await fetch('/rocks/status?' + query, {cache: 'no-store'});
        if (!response.ok) throw new Error(response.status);
        apply(await response.json());
        pause = 2000;
      } catch (error) {
        freshness.textContent = 'no answer since ' + current.now + ' UTC';
        freshness.className = 'lost';
        pause = Math.min(30000, pause * 1.5);
      }
    }
    setTimeout(poll, pause);
  };
  setTimeout(poll, pause);

  for (const button of buttons) button.addEventListener('click', () => {
    const on = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', on);
    on ? pressed.add(button.dataset.state) : pressed.delete(button.dataset.state);
    filter();
  });
  find.addEventListener('input', filter);

  const columns = shown => shown.filter(t => t.offsetTop === shown[0].offsetTop).length || 1;
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/' && event.target !== find) { event.preventDefault(); find.focus(); return; }
    if (event.key === 'Escape' && event.target === find) { find.value = ''; filter(); find.blur(); return; }
    const tile = event.target.closest && event.target.closest('.node');
    const shown = tiles().filter(t => !t.parentElement.hidden && !t.closest('.rack').hidden);
    if (!shown.length) return;
    if (event.key === 'ArrowDown' && (!tile || event.target === find)) {
      event.preventDefault();
      shown[0].focus();
      return;
    }
    if (!tile) return;
    const row = [...tile.closest('.grid').querySelectorAll('li:not([hidden]) .node')];
    const step = {ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(row), ArrowUp: -columns(row)}[event.key];
    if (!step) return;
    event.preventDefault();
    const next = shown[Math.max(0, Math.min(shown.length - 1, shown.indexOf(tile) + step))];
    next.focus();
  });
})();

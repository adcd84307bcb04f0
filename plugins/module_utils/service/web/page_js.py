# Copyright: (c) 2026, the npaci.rocks contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""What keeps the page live and usable from the keyboard.  Text, not code, as far as Python goes.

It never writes HTML: every text of a node goes in as text.
"""

from __future__ import annotations

SCRIPT = """
'use strict';
(() => {
  const refreshed = document.querySelector('[data-refresh]');
  if (refreshed) setInterval(async () => {
    if (document.hidden) return;
    try {
      const answer = await fetch(location.href, {cache: 'no-store'});
      if (!answer.ok) return;
      const news = new DOMParser().parseFromString(await answer.text(), 'text/html').querySelector('[data-refresh]');
      if (!news) return location.reload();
      const open = [...refreshed.querySelectorAll('details')].map(details => details.open);
      refreshed.replaceChildren(...news.childNodes);
      refreshed.querySelectorAll('details').forEach((details, i) => { details.open = open[i] ?? details.open; });
    } catch (error) { /* the next one may be answered */ }
  }, 3000);

  const bar = document.querySelector('[data-live]');
  if (!bar) return;
  const open = ['ordered', 'booted', 'installing'], bad = ['failed', 'expired', 'cancelled'];
  const seen = JSON.parse(bar.dataset.live);
  const fresh = document.getElementById('fresh'), find = document.getElementById('find');
  const buttons = [...bar.querySelectorAll('button')], pressed = new Set();
  const tiles = () => [...document.querySelectorAll('.node')];

  const words = n => {
    if (!n.root) return n.membership;
    if (!n.state) return 'never ordered';
    if (bad.includes(n.state)) return n.state + ': ' + n.reason;
    if (open.includes(n.state)) return n.total > 0 ? n.phase + ' ' + n.done + ' of ' + n.total : n.phase || n.state;
    return n.state + ' \\u00b7 ' + n.generation.slice(0, 8);
  };

  const show = (tile, n) => {
    tile.className = 'node ' + n.state;
    tile.dataset.state = n.state || (n.root ? 'never' : '');
    tile.querySelector('span').textContent = words(n);
    let progress = tile.querySelector('progress');
    if (open.includes(n.state) && n.total > 0) {
      if (!progress) progress = tile.appendChild(document.createElement('progress'));
      progress.max = n.total;
      progress.value = n.done;
    } else if (progress) progress.remove();
  };

  const trouble = () => {
    const failed = new Map(), place = document.getElementById('trouble');
    for (const tile of tiles()) if (tile.dataset.state === 'failed') {
      const reason = tile.querySelector('span').textContent.replace(/^failed: /, '');
      failed.set(reason, [...(failed.get(reason) || []), tile]);
    }
    const text = [...failed].map(([reason, some]) => reason + some.map(tile => tile.id)).join();
    if (place.dataset.text === text) return;
    place.dataset.text = text;
    place.textContent = '';
    if (!failed.size) return;
    const box = place.appendChild(document.createElement('div'));
    box.className = 'trouble';
    const head = box.appendChild(document.createElement('h2'));
    head.textContent = 'Failed ';
    head.appendChild(document.createElement('small')).textContent = [...failed.values()].flat().length;
    const list = box.appendChild(document.createElement('ul'));
    for (const [reason, some] of failed) {
      const item = list.appendChild(document.createElement('li'));
      item.append(reason + ':');
      for (const tile of some) {
        item.append(' ');
        const link = item.appendChild(document.createElement('a'));
        link.href = tile.getAttribute('href');
        link.textContent = tile.querySelector('b').textContent;
      }
    }
  };

  const order = [...buttons.map(button => button.dataset.state)];
  const told = {never: 'never ordered'};
  const heads = () => {
    for (const rack of document.querySelectorAll('.rack')) {
      const counts = new Map();
      for (const tile of rack.querySelectorAll('.node')) {
        const state = tile.dataset.state || tile.querySelector('span').textContent;
        counts.set(state, (counts.get(state) || 0) + 1);
      }
      const place = state => order.includes(state) ? order.indexOf(state) : order.length;
      const known = [...counts.keys()].sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
      rack.querySelector('small').textContent =
        known.map(state => counts.get(state) + ' ' + (told[state] || state)).join(' \\u00b7 ');
    }
  };

  const narrow = () => {
    const counts = {}, text = find.value.trim().toLowerCase();
    for (const tile of tiles()) {
      const state = tile.dataset.state;
      counts[state] = (counts[state] || 0) + 1;
      const wanted = (!pressed.size || pressed.has(state)) && tile.textContent.toLowerCase().includes(text);
      tile.parentElement.hidden = !wanted;
    }
    for (const rack of document.querySelectorAll('.rack'))
      rack.hidden = !rack.querySelector('li:not([hidden])');
    for (const button of buttons) {
      const count = counts[button.dataset.state] || 0;
      button.querySelector('b').textContent = count;
      button.hidden = !count && !pressed.has(button.dataset.state);
    }
  };

  const take = news => {
    if (news.whole && news.nodes.some(n => !document.getElementById('n-' + n.name))
        || news.whole && news.nodes.length !== tiles().length) return location.reload();
    for (const n of news.nodes) {
      const tile = document.getElementById('n-' + n.name);
      if (tile) show(tile, n);
    }
    seen.now = news.now;
    seen.revision = news.revision;
    fresh.textContent = news.now + ' UTC';
    fresh.className = '';
    trouble();
    heads();
    narrow();
  };

  let pause = 2000;
  const ask = async () => {
    if (!document.hidden) {
      try {
        const query = new URLSearchParams({since: seen.now, revision: seen.revision});
        const answer = await fetch('/rocks/status?' + query, {cache: 'no-store'});
        if (!answer.ok) throw new Error(answer.status);
        take(await answer.json());
        pause = 2000;
      } catch (error) {
        fresh.textContent = 'no answer since ' + seen.now + ' UTC';
        fresh.className = 'lost';
        pause = Math.min(30000, pause * 1.5);
      }
    }
    setTimeout(ask, pause);
  };
  setTimeout(ask, pause);

  for (const button of buttons) button.addEventListener('click', () => {
    const on = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', on);
    on ? pressed.add(button.dataset.state) : pressed.delete(button.dataset.state);
    narrow();
  });
  find.addEventListener('input', narrow);

  const columns = shown => shown.filter(t => t.offsetTop === shown[0].offsetTop).length || 1;
  document.addEventListener('keydown', event => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === '/' && event.target !== find) { event.preventDefault(); find.focus(); return; }
    if (event.key === 'Escape' && event.target === find) { find.value = ''; narrow(); find.blur(); return; }
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
"""

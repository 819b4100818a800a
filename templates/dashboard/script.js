'use strict';
// Comfort only: without it the page shows the same figures. It keeps nothing and, from a file, asks nobody for anything.
(() => {
  const root = document.documentElement;
  const el = (id) => document.getElementById(id);
  const prefersDark = matchMedia('(prefers-color-scheme: dark)');

  // Light and dark: as the system has it until the reader says otherwise; nothing is remembered.
  const isDark = () => (root.dataset.theme ?? (prefersDark.matches ? 'dark' : 'light')) === 'dark';
  const wordTheme = () => {
    const button = el('theme');
    if (button === null) return;
    button.hidden = false;
    button.textContent = isDark() ? 'Light' : 'Dark';
    button.setAttribute('aria-label', `Switch to ${isDark() ? 'light' : 'dark'} colours`);
  };
  document.addEventListener('click', (event) => {
    if (!(event.target instanceof Element) || event.target.closest('#theme') === null) return;
    root.dataset.theme = isDark() ? 'light' : 'dark';
    wordTheme();
  });
  prefersDark.addEventListener('change', wordTheme);

  // The map of tasks: a cursor that follows the pointer and the arrow keys, and a sentence about the cell under it.
  let data = null;
  let cell = -1;
  const length = (ms) => {
    if (ms < 0) return 'duration not known';
    if (ms < 1000) return `${ms} ms`;
    const seconds = Math.round(ms / 1000);
    if (seconds < 60) return `${(ms / 1000).toFixed(1)} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${seconds % 60} s`;
    return `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} m`;
  };
  const nameOf = (at) => {
    const first = String(at * data.per).padStart(6, '0');
    return data.per === 1 ? first : `${first} to ${String((at + 1) * data.per - 1).padStart(6, '0')}`;
  };
  const facts = (at) => [
    nameOf(at),
    data.states[data.state[at]],
    length(data.ms[at]),
    String(data.attempts[at]),
    data.nodes[data.node[at]] ?? 'not known',
  ];
  const showCell = (at) => {
    if (data === null || at < 0 || at >= data.state.length) return;
    cell = at;
    for (const cursor of document.querySelectorAll('#cells .cursor')) {
      cursor.setAttribute('x', String(at % data.columns));
      cursor.setAttribute('y', String(Math.floor(at / data.columns)));
    }
    const [name, state, ms, attempts, node] = facts(at);
    el('cell-says').textContent = `Task ${name}: ${state}, ${ms}, ${attempts} ${attempts === '1' ? 'attempt' : 'attempts'}, node ${node}`;
  };
  const STEPS = { ArrowLeft: () => -1, ArrowRight: () => 1, ArrowUp: () => -data.columns, ArrowDown: () => data.columns };
  document.addEventListener('keydown', (event) => {
    if (data === null || event.target !== el('cells')) return;
    const { key } = event;
    const to = key === 'Home' ? 0 : key === 'End' ? data.state.length - 1 : key in STEPS ? (cell < 0 ? 0 : cell + STEPS[key]()) : null;
    if (to === null) return;
    event.preventDefault();
    showCell(Math.min(data.state.length - 1, Math.max(0, to)));
  });
  document.addEventListener('pointermove', (event) => {
    const svg = event.target instanceof Element ? event.target.closest('#cells svg.chart') : null;
    if (svg === null || data === null) return;
    const box = svg.getBoundingClientRect();
    const [, , columns, rows] = svg.getAttribute('viewBox').split(' ').map(Number);
    // The drawing keeps its shape within its box.
    const size = Math.min(box.width / columns, box.height / rows);
    const x = Math.floor((event.clientX - box.left - (box.width - size * columns) / 2) / size);
    const y = Math.floor((event.clientY - box.top - (box.height - size * rows) / 2) / size);
    if (x >= 0 && x < data.columns && y >= 0) showCell(y * data.columns + x);
  });

  // The same as a table, a page at a time: ten thousand rows at once are of no use to anybody.
  const ROWS = 100;
  let page = 0;
  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const showPage = () => {
    const place = el('task-pages');
    if (data === null || place === null) return;
    const pages = Math.ceil(data.state.length / ROWS);
    page = Math.min(pages - 1, Math.max(0, page));
    const table = make('table');
    table.append(make('caption', `Tasks, page ${page + 1} of ${pages}`));
    const head = table.createTHead().insertRow();
    for (const name of ['task', 'state', 'duration', 'attempts', 'node']) head.append(make('th', name, { scope: 'col' }));
    const body = table.createTBody();
    for (let at = page * ROWS; at < Math.min(data.state.length, (page + 1) * ROWS); at += 1) {
      const row = body.insertRow();
      for (const value of facts(at)) row.insertCell().textContent = value;
    }
    const scroll = make('div', undefined, { class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'All tasks' });
    scroll.append(table);
    const bar = make('div', undefined, { class: 'pages' });
    const button = (text, step, id) => {
      const made = make('button', text, { type: 'button', id });
      made.disabled = page + step < 0 || page + step >= pages;
      made.addEventListener('click', () => {
        page += step;
        showPage();
        (el(id).disabled ? place.querySelector('button:not(:disabled)') : el(id))?.focus();
      });
      return made;
    };
    bar.append(
      button('Earlier', -1, 'tasks-earlier'),
      make('span', `page ${page + 1} of ${pages}`, { role: 'status' }),
      button('Later', 1, 'tasks-later'),
    );
    place.replaceChildren(bar, scroll);
  };

  const readTasks = () => {
    const source = el('task-data');
    data = source === null ? null : JSON.parse(source.textContent);
    el('all-tasks')?.addEventListener('toggle', showPage);
    if (el('all-tasks')?.open) showPage();
    if (cell >= 0) showCell(cell);
  };

  // Served pages only: newer parts in the place of older ones, unless the reader goes through them with the keyboard or has marked some of their text.
  const isBusyIn = (part) => {
    const { activeElement: at } = document;
    if (part.contains(at) && at.matches(':focus-visible')) return true;
    const marked = getSelection();
    return marked !== null && !marked.isCollapsed && marked.rangeCount > 0 && marked.getRangeAt(0).intersectsNode(part);
  };
  const scrolledIn = (part) => [...part.querySelectorAll('.scroll, pre')];
  const replacePart = (id, markup) => {
    const old = el(id);
    if (old === null || isBusyIn(old)) return false;
    const folds = [...old.querySelectorAll('details[id]')].map((details) => [details.id, details.open]);
    const view = old.querySelector('input[name="heat-map-view"]:checked')?.value;
    const scrolled = scrolledIn(old).map(({ scrollLeft, scrollTop }) => [scrollLeft, scrollTop]);
    const focused = old.contains(document.activeElement) ? document.activeElement : null;
    const holder = make('template');
    holder.innerHTML = markup;
    old.replaceWith(holder.content);
    const part = el(id);
    for (const [name, open] of folds) el(name)?.toggleAttribute('open', open);
    if (view !== undefined) part.querySelector(`input[value="${view}"]`).checked = true;
    const places = scrolledIn(part);
    if (places.length === scrolled.length) for (const [at, place] of places.entries()) place.scrollTo(...scrolled[at]);
    const again = focused?.type === 'radio' ? part.querySelector('input:checked') : el(focused?.id);
    again?.focus({ preventScroll: true });
    return true;
  };
  const follow = async () => {
    const shown = new Map();
    let pauseMs = 2000;
    for (;;) {
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (document.hidden) continue;
      try {
        const answer = await fetch('parts.json', { cache: 'no-store' });
        if (!answer.ok) throw new Error(String(answer.status));
        const { over, parts } = await answer.json();
        for (const [id, markup] of Object.entries(parts)) {
          if (shown.get(id) === markup || !replacePart(id, markup)) continue;
          shown.set(id, markup);
          if (id === 'tasks') readTasks();
        }
        root.dataset.connection = 'live';
        // A retry may open an ended job again.
        pauseMs = over ? 15000 : 2000;
      } catch {
        root.dataset.connection = 'lost';
      }
    }
  };

  wordTheme();
  readTasks();
  if (document.body.dataset.live === 'true') void follow();
})();

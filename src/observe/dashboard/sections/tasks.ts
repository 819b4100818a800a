import { legend, table, type LegendEntry } from '../charts/figure.ts';
import { heatMapChart, lengthEdges, NODE_COLOURS, type HeatMapView } from '../charts/heat-map-chart.ts';
import { CELL_STATES, isMissing, type CellState, type Dashboard, type HeatMap, type NamedTask } from '../document.ts';
import { count, duration, number } from '../format.ts';
import { html, jsonElement, userText, type Html, type HtmlValue } from '../html.ts';
import { plainText } from '../plain-text.ts';
import { absent, type Section } from './section.ts';

export const STATE_WORDS: Readonly<Record<CellState, string>> = {
  done: 'done',
  partly: 'done, with failed items',
  running: 'running',
  wait: 'waiting for a retry',
  submitted: 'submitted',
  pending: 'pending',
  dead: 'given up',
  cancelled: 'cancelled',
};

const VIEWS: readonly (readonly [HeatMapView, string])[] = [
  ['state', 'State'],
  ['length', 'Duration'],
  ['node', 'Node'],
];

/** Every task as a cell: by state, by how long it took, by node. */
export function tasks({ heatMap }: Dashboard): Section {
  const base = { id: 'tasks', title: 'Tasks' };
  if (isMissing(heatMap)) return { ...base, content: absent(heatMap.missing) };
  const total = Object.values(heatMap.counts).reduce((sum, value) => sum + value, 0);
  const per =
    heatMap.tasksPerCell === 1
      ? 'Each cell is a task'
      : `Each cell stands for ${heatMap.tasksPerCell} tasks and shows the one that wants most attention`;
  return {
    ...base,
    content: html`<p class="lead">
        ${per}, in the order of the input.
        <span class="by-hand">Point at a cell, or go through them with the arrow keys.</span>
      </p>
      <div class="heat-map" id="heat-map">
        <fieldset class="views">
          <legend>Colour by</legend>
          ${VIEWS.map(
            ([view, label]) =>
              html`<label
                ><input type="radio" name="heat-map-view" value="${view}" ${view === 'state' && html` checked`} />
                ${label}</label
              >`,
          )}
        </fieldset>
        <div
          class="cells"
          id="cells"
          tabindex="0"
          role="group"
          aria-label="Map of ${count(total, 'task')}; arrow keys move from cell to cell"
          aria-describedby="cell-says"
        >
          ${VIEWS.map(([view, label]) => html`<div class="view view-${view}">${heatMapChart(heatMap, view, `${label} of ${count(total, 'task')}`)}${legend(legendOf(heatMap, view))}</div>`)}
        </div>
        <p id="cell-says" class="cell-says" aria-live="polite"></p>
      </div>
      <details id="tasks-by-state">
        <summary>Tasks by state: as a table</summary>
        ${table('Tasks by state', { head: ['state', 'tasks'], figures: [1], rows: statesIn(heatMap).map((state) => [STATE_WORDS[state], number(heatMap.counts[state])]) })}
      </details>
      <details id="all-tasks" class="pager">
        <summary>All tasks: as a table</summary>
        <div id="task-pages"><p>The table is made when this page may run its script.</p></div>
      </details>
      ${named('longest-attempts', 'Longest attempts', heatMap.slowest)}${named('most-attempts', 'Most attempts', heatMap.mostTried)}
      ${jsonElement('task-data', dataOf(heatMap))}`,
  };
}

const statesIn = ({ counts }: HeatMap): CellState[] => CELL_STATES.filter((state) => counts[state] > 0);

function named(id: string, title: string, tasks: readonly NamedTask[]): HtmlValue {
  if (tasks.length === 0) return null;
  return html`<details id="${id}">
    <summary>${title}</summary>
    ${table(title, {
      head: ['task', 'state', 'duration', 'attempts', 'node'],
      figures: [2, 3],
      rows: tasks.map(({ task, state, ms, attempts, node }) => [
        html`<code>${task}</code>`,
        STATE_WORDS[state],
        ms < 0 ? '–' : duration(ms),
        number(attempts),
        node === null ? '–' : userText(node),
      ]),
    })}
  </details>`;
}

function legendOf(map: HeatMap, view: HeatMapView): LegendEntry[] {
  if (view === 'state')
    return statesIn(map).map((state) => ({
      colour: `c-${state}`,
      label: html`${STATE_WORDS[state]} <b>${number(map.counts[state])}</b>`,
    }));
  const unknown = { colour: 'c-none', label: 'not known' };
  if (view === 'node') {
    const own = map.nodeNames
      .slice(0, NODE_COLOURS)
      .map((node, place) => ({ colour: `n-${place}`, label: userText(node) }));
    const more = map.nodeNames.length - own.length;
    return [...own, ...(more > 0 ? [{ colour: `n-${NODE_COLOURS}`, label: `${more} other nodes` }] : []), unknown];
  }
  const edges = lengthEdges(map.ms);
  const known: readonly LegendEntry[] = [null, ...edges].map((edge, shade) => ({
    colour: `s-${shade}`,
    label: edge === null ? lowest(edges) : `from ${duration(edge)}`,
  }));
  return [...known, unknown];
}

const lowest = ([first]: readonly number[]): Html =>
  first === undefined ? html`all alike` : html`below ${duration(first)}`;

/** For the page's script: short names, because they are there ten thousand times. */
const dataOf = (map: HeatMap): object => ({
  per: map.tasksPerCell,
  columns: map.columns,
  states: CELL_STATES.map((state) => STATE_WORDS[state]),
  state: map.state.join(''),
  ms: map.ms,
  node: map.node,
  nodes: map.nodeNames.map(plainText),
  attempts: map.attempts,
});

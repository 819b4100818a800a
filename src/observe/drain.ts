/**
 * Messages that read alike, put together. After Drain: P. He, J. Zhu, Z. Zheng, M. R. Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth
 * Tree" (ICWS 2017), with the parameters of Drain3 (logpai/Drain3, `drain3/drain.py`: depth 4, similarity 0.4, 100 children): messages of the same number of words that begin
 * alike are compared word by word with the templates found so far, and where a template and a message differ the template gets a wildcard. The
 * tree of that depth is one map here, from number of words and first word to templates.
 */
export interface Readable {
  readonly key: string;
  /** Messages of different classes are never put together. */
  readonly class: string;
  /** With what changes from one time to the next already masked. */
  readonly text: string;
}

export interface Alike {
  /** Of the first message of the cluster. */
  readonly key: string;
  readonly template: string;
}

/** Stands in a template for a word that differs. */
export const WILDCARD = '<*>';
const SIMILARITY = 0.4;
const MOST_CHILDREN = 100;
/** Templates of a leaf that a message is compared with, the first ones: messages that have nothing in common must not cost their square. */
const MOST_COMPARED = 100;

export interface Miner {
  /** The cluster a message goes into, whose template gives way to it; null when it is like none. */
  match(message: Omit<Readable, 'key'>): Alike | null;
  /** The same, or a new cluster. */
  place(message: Readable): Alike;
}

interface Cluster {
  readonly key: string;
  words: readonly string[];
}

/** The clusters depend on the order of the messages: give the most frequent first. */
export function createMiner(): Miner {
  const leaves = new Map<string, Cluster[]>();
  const children = new Map<string, Set<string>>();
  const leafOf = (kind: string, words: readonly string[]): Cluster[] => {
    const parent = `${words.length}\n${kind}`;
    const leaf = `${parent}\n${childOf(children, parent, words[0] ?? '')}`;
    const known = leaves.get(leaf) ?? [];
    leaves.set(leaf, known);
    return known;
  };
  const match: Miner['match'] = ({ class: kind, text }) => {
    const words = text.split(' ');
    const nearest = nearestTo(words, leafOf(kind, words));
    if (nearest === null) return null;
    nearest.words = nearest.words.map((word, at) => (word === words[at] ? word : WILDCARD));
    return { key: nearest.key, template: nearest.words.join(' ') };
  };
  return {
    match,
    place(message) {
      const found = match(message);
      if (found !== null) return found;
      const words = message.text.split(' ');
      const leaf = leafOf(message.class, words);
      if (leaf.length < MOST_COMPARED) leaf.push({ key: message.key, words });
      return { key: message.key, template: message.text };
    },
  };
}

/** First words that vary by themselves, and those that come when there are many already, share one child. */
function childOf(children: Map<string, Set<string>>, parent: string, word: string): string {
  if (/[\d<]/.test(word)) return WILDCARD;
  const known = children.get(parent) ?? new Set();
  children.set(parent, known);
  if (known.has(word)) return word;
  if (known.size + 1 >= MOST_CHILDREN) return WILDCARD;
  known.add(word);
  return word;
}

/** The template with most words in common; of several, the one with most wildcards. Null when none has enough. */
function nearestTo(words: readonly string[], clusters: readonly Cluster[]): Cluster | null {
  let best: { readonly cluster: Cluster; readonly same: number; readonly wild: number } | null = null;
  for (const cluster of clusters) {
    let same = 0;
    let wild = 0;
    for (const [at, word] of cluster.words.entries()) {
      if (word === WILDCARD) wild += 1;
      else if (word === words[at]) same += 1;
    }
    if (best === null || same > best.same || (same === best.same && wild > best.wild)) best = { cluster, same, wild };
  }
  return best !== null && best.same / words.length >= SIMILARITY ? best.cluster : null;
}

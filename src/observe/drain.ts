/**
 * Messages that read alike, put together. After Drain: P. He, J. Zhu, Z. Zheng, M. R. Lyu, "Drain: An Online Log Parsing Approach with Fixed Depth
 * Tree" (ICWS 2017), with the parameters of Drain3 (logpai/Drain3, `drain3/drain.py`: depth 4, similarity 0.4, 100 children): messages of the same number of words that begin
 * alike are compared word by word with the templates found so far, and where a template and a message differ the template gets a wildcard. The
 * tree of that depth is one map here, from number of words and first word to templates. Pure.
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
  /** In the order in which they were given. */
  readonly keys: readonly string[];
  readonly template: string;
}

/** Stands in a template for a word that differs. */
export const WILDCARD = '<*>';
const SIMILARITY = 0.4;
const MOST_CHILDREN = 100;
/** Templates of a leaf that a message is compared with, the first ones: messages that have nothing in common must not cost their square. */
const MOST_COMPARED = 100;

interface Cluster {
  readonly keys: string[];
  words: readonly string[];
}

/** Clusters in the order of their first message. The result depends on the order of the messages: give the most frequent first. */
export function putTogether(messages: readonly Readable[]): readonly Alike[] {
  const leaves = new Map<string, Cluster[]>();
  const children = new Map<string, Set<string>>();
  const clusters: Cluster[] = [];
  for (const message of messages) {
    const words = message.text.split(' ');
    const parent = `${words.length}\n${message.class}`;
    const leaf = `${parent}\n${childOf(children, parent, words[0] ?? '')}`;
    const known = leaves.get(leaf) ?? [];
    leaves.set(leaf, known);
    const nearest = nearestTo(words, known);
    if (nearest !== null) {
      nearest.keys.push(message.key);
      nearest.words = nearest.words.map((word, at) => (word === words[at] ? word : WILDCARD));
      continue;
    }
    const cluster = { keys: [message.key], words };
    clusters.push(cluster);
    if (known.length < MOST_COMPARED) known.push(cluster);
  }
  return clusters.map(({ keys, words }) => ({ key: keys[0] as string, keys, template: words.join(' ') }));
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

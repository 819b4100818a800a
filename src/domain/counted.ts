/** `1 task`, `3 tasks`: a number with what it counts, for sentences. */
export const counted = (value: number, noun: string): string => `${value} ${noun}${value === 1 ? '' : 's'}`;

/** How a worker says that it left items for a later attempt: behind the failure of one of them, which rules and fingerprints are about. Pure. */
export const withItemsLeft = (failure: string, items: number): string => `${failure} (items left: ${items})`;

/** The failure alone. */
export const withoutItemsLeft = (detail: string): string => detail.replace(/ \(items left: \d+\)$/, '');

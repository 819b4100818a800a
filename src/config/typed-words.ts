/** Figures of limits and pools that are typed on a command line: checked as those of a job file are, each problem at its option. */
import { RESOURCE_NAME } from '../domain/limit-rate.ts';
import { groupOfPool } from '../domain/turns.ts';
import { AppError, type Problem } from '../errors/app-error.ts';
import { resourceName } from './limit-values.ts';
import { scalarOf, type Located } from './located.ts';
import { contextOf } from './value-type.ts';

type Kind = 'limit' | 'pool';

/** The value of `--flag`, which is where its problems are told. */
export const typedAt = (flag: string, text: string): Located =>
  scalarOf(text, { place: { file: `--${flag} ${text}` }, dir: '/' });

/** Adds a problem when nothing can be called so. */
export function checkName(kind: Kind | 'group', name: string, problems: Problem[]): void {
  resourceName(kind).read(scalarOf(name, { place: { file: name }, dir: '/' }), contextOf('name', problems));
}

/** The USAGE error of `limit set` and `pool set`. */
export const figuresRefused = (kind: Kind, name: string, problems: readonly Problem[]): AppError =>
  new AppError('USAGE', {
    message: `${kind} set ${RESOURCE_NAME.test(groupOfPool(name) ?? name) ? name : JSON.stringify(name)}: found figures that make no ${kind}`,
    hint: `See: slurmctl ${kind} set --help`,
    problems,
  });

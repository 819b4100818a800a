/**
 * Why Slurm keeps jobs waiting, in words for people. The codes are those of Slurm's documentation (job reason codes) and of its source, where
 * limits are spelt `QOSMaxJobsPerUserLimit`, `AssocGrpCpuLimit` and the like: those are read by their parts. Pure.
 */

/** What is known around a reason. */
export interface ReasonFacts {
  /** Jobs and array elements of this user that run, whatever they belong to. */
  readonly running: number;
  /** Nodes of which a reason speaks, where Slurm names some. */
  readonly detail?: string;
}

export interface ReasonWords {
  /** One sentence, without a full stop. */
  readonly says: string;
  /** What one can do about it; null: wait. */
  readonly todo: string | null;
}

type Words = readonly [says: string, todo: string | null];

const KNOWN: Readonly<Record<string, Words>> = {
  Priority: ['jobs of higher priority are ahead in the queue', null],
  Resources: [
    'the processors, memory or nodes that it asks for are all in use; it is among the next to start',
    'ask for less memory, time or CPUs: slurmctl report says whether less would do',
  ],
  None: ['Slurm has not looked at it yet', null],
  BeginTime: ['it is to start at a later time', null],
  Dependency: ['it waits for another job to end', null],
  DependencyNeverSatisfied: [
    'it waits for a job that can never end as it has to',
    'slurmctl advance sends what is missing again',
  ],
  JobHeldUser: ['it is held', 'slurmctl resume goes on with a job that was paused; else: scontrol release'],
  JobHeldAdmin: ['an administrator holds it', 'ask the administrators of the cluster why'],
  JobArrayTaskLimit: [
    'as many elements run as the array may have at once',
    'slurm.throttle in the job file is this bound',
  ],
  JobLaunchFailure: [
    'it could not be started on its node, and Slurm holds it',
    'ask the administrators of the cluster; slurmctl advance sends its tasks again',
  ],
  Reservation: ['it waits for its reservation to begin', null],
  ReservationDeleted: ['its reservation does not exist any more', 'correct slurm.extra and submit again'],
  ReqNodeNotAvail: [
    'nodes that it needs are down, drained or reserved, perhaps for maintenance',
    'a shorter resources.time may fit in before a maintenance; sinfo -R says which nodes are down and why',
  ],
  NodeDown: ['a node that it needs is down', 'sinfo -R says which nodes are down and why'],
  PartitionDown: ['its partition is down', 'sinfo says which partitions are up; slurm.partition chooses one'],
  PartitionInactive: [
    'its partition starts nothing at the moment',
    'sinfo says which partitions are up; slurm.partition chooses one',
  ],
  PartitionNodeLimit: ['it asks for more nodes than its partition allows', 'choose another slurm.partition'],
  PartitionTimeLimit: [
    'it asks for more time than its partition allows',
    'lower resources.time or choose another slurm.partition',
  ],
  TimeLimit: ['it asks for more time than it may have', 'lower resources.time'],
  BadConstraints: ['no node has what it asks for', 'correct resources or slurm.extra and submit again'],
  Licenses: ['licences that it asks for are all in use', null],
  InvalidAccount: ['its account is not valid', 'correct slurm.account; sacctmgr show assoc user=$USER lists yours'],
  InvalidQOS: ['its quality of service is not valid', 'correct slurm.qos; sacctmgr show assoc user=$USER lists yours'],
  AccountNotAllowed: ['its account may not use this partition', 'choose another slurm.account or slurm.partition'],
  QOSNotAllowed: ['its quality of service may not be used here', 'choose another slurm.qos or slurm.partition'],
  Cleaning: ['its last run is being cleaned up', null],
  Prolog: ['its node is being prepared', null],
  SchedDefer: ['the scheduler does not try everything at once', null],
  BurstBufferResources: ['the burst buffer is used up', null],
  BurstBufferStageIn: ['its data are being brought in', null],
  FrontEndDown: ['no front end is there to run it', 'ask the administrators of the cluster'],
  SystemFailure: ['a failure of Slurm, the file system or the network', 'ask the administrators of the cluster'],
  MaxBBPerJob: ['it asks for more of the burst buffer than one job may', 'correct slurm.extra'],
};

/** `QOSMaxCpuPerUserLimit`: who limits, whether a group or each, of what, and for whom. */
const LIMIT =
  /^(QOS|Assoc|Association)(Grp|Max|Min)?(\w*?)(?:Per(User|Account|Job|Node))?(Minutes|RunMinutes|RunMins|Mins)?(Limit)?$/;

const WHOSE: Readonly<Record<string, string>> = {
  QOS: 'its quality of service',
  Assoc: 'its account',
  Association: 'its account',
};
const OF_WHAT: Readonly<Record<string, string>> = {
  Jobs: 'jobs',
  Job: 'jobs',
  SubmitJobs: 'submitted jobs',
  SubmitJob: 'submitted jobs',
  CPU: 'CPUs',
  Cpu: 'CPUs',
  GRES: 'GPUs and other devices',
  Gres: 'GPUs and other devices',
  GRESRun: 'time on GPUs and other devices',
  Mem: 'memory',
  Memory: 'memory',
  Node: 'nodes',
  Nodes: 'nodes',
  Wall: 'time',
  WallDuration: 'time',
  Billing: 'billed resources',
  License: 'licences',
  Energy: 'energy',
  BB: 'burst buffer',
  Resource: 'resources',
  Time: 'time',
  Usage: 'resources',
};

/** A code that nobody here knows is passed on as it is. */
export function describeReason(code: string, { running, detail }: ReasonFacts): ReasonWords {
  // Slurm adds nodes to some: `ReqNodeNotAvail, UnavailableNodes:n[1-3]`.
  const [name = '', ...rest] = code.replace(/^\(|\)$/g, '').split(/[,:]\s*/);
  const known = Object.hasOwn(KNOWN, name) ? KNOWN[name] : undefined;
  const more = detail ?? rest.join(' ').trim();
  if (known !== undefined) {
    const [says, todo] = known;
    return { says: more === '' ? says : `${says} (${more})`, todo };
  }
  return limitWords(name, running) ?? { says: `Slurm says ${code}`, todo: 'scontrol show job says more' };
}

function limitWords(name: string, running: number): ReasonWords | null {
  const match = LIMIT.exec(name);
  if (match === null) return null;
  const [, who = '', bound, what = '', per, minutes] = match;
  const whose = WHOSE[who] ?? '';
  const noun = minutes === undefined ? OF_WHAT[what] : `time of ${OF_WHAT[what] ?? what}`;
  if (
    noun === undefined ||
    (bound === undefined && what !== 'Resource' && what !== 'Usage' && what !== 'Time' && what !== 'Job')
  )
    return null;
  if (bound === 'Min')
    return {
      says: `it asks for fewer ${noun} than ${whose} demands`,
      todo: 'ask for more, or choose another slurm.qos',
    };
  const isEach =
    per === 'Job' ||
    per === 'Node' ||
    what === 'WallDuration' ||
    (bound === 'Max' && (what === 'Wall' || what === 'Time'));
  if (isEach)
    return {
      says: `it asks for more ${noun} than ${whose} allows ${per === 'Node' ? 'on a node' : 'a job'}`,
      todo:
        noun === 'time'
          ? 'lower resources.time, or choose another slurm.qos'
          : 'ask for less, or choose another slurm.qos',
    };
  const forWhom =
    per === 'User'
      ? 'one user'
      : per === 'Account'
        ? 'one account'
        : bound === 'Grp'
          ? 'all its users together'
          : 'one user';
  const isJobs = noun === 'jobs' || noun === 'submitted jobs';
  if (isJobs) {
    const mine = `; ${running} of yours ${running === 1 ? 'is' : 'are'} running`;
    return { says: `${whose} lets ${forWhom} have no more ${noun} at a time${mine}`, todo: null };
  }
  return {
    says: `${whose} lets ${forWhom} use no more ${noun} at a time`,
    todo: bound === 'Grp' ? null : 'ask for less in each element, or run fewer at a time: slurm.throttle',
  };
}

/** File systems by the magic number of statfs(2), from linux/magic.h and the sources of those outside the kernel. */
const LOCAL = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
  [0x794c7630, 'overlay'],
  [0x2fc12fc1, 'zfs'],
  [0xf2f52010, 'f2fs'],
  [0x4d44, 'vfat'],
  [0x2011bab0, 'exfat'],
  [0x3153464a, 'jfs'],
  [0x52654973, 'reiserfs'],
  [0xca451a4e, 'bcachefs'],
]);

const NETWORK = new Map([
  [0x6969, 'nfs'],
  [0x0bd00bd0, 'lustre'],
  [0x47504653, 'gpfs'],
  [0x19830326, 'beegfs'],
  [0xff534d42, 'cifs'],
  [0xfe534d42, 'smb2'],
  [0x517b, 'smb'],
  [0x00c36400, 'ceph'],
  [0xaad7aaea, 'panfs'],
  [0x20030528, 'orangefs'],
  [0x5346414f, 'afs'],
  [0x6b414653, 'kafs'],
  [0x73757245, 'coda'],
  [0x01021997, '9p'],
  [0x01161970, 'gfs2'],
  [0x7461636f, 'ocfs2'],
  // Mostly sshfs, gcsfuse, glusterfs and the like; a local one cannot be told apart.
  [0x65735546, 'fuse'],
]);

interface FileSystem {
  /** `ext4`, `nfs` … or the magic number in hex. */
  readonly name: string;
  readonly kind: 'local' | 'network' | 'unknown';
}

export function fileSystemOf(magic: number): FileSystem {
  // Node hands the field on as signed on some platforms.
  const unsigned = magic >>> 0;
  const network = NETWORK.get(unsigned);
  if (network !== undefined) return { name: network, kind: 'network' };
  const local = LOCAL.get(unsigned);
  return local === undefined ? { name: `0x${unsigned.toString(16)}`, kind: 'unknown' } : { name: local, kind: 'local' };
}

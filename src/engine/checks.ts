/** The judgements of `vethctl doctor`: facts in, one Check or more out. Nothing is looked at here. */
import type { CoexistenceWarning } from '../firewall/coexistence.ts';
import type { Capability } from '../kernel/contract.ts';
import type { Check } from '../model/check.ts';
import type { StateFolder } from '../model/state-folder.ts';
import { formatTime } from './context.ts';
import type { History } from './history.ts';

/** Without these vethd plumbs nothing; without the others it does it in another way. */
const NEEDED: ReadonlySet<Capability['name']> = new Set(['netns', 'veth', 'bridge', 'nftables']);

/** What each is for, where it is not plain. */
const WITHOUT: Partial<Record<Capability['name'], string>> = {
  'bridge-port-locked': 'members are kept from using other MAC addresses by rules alone',
  'address-protocol': 'addresses of ours are told from others by their value alone',
};

/** A database, its log and a copy fit in the first; SQLite itself fails somewhere below the second. */
const LITTLE_BYTES = 64 * 1024 * 1024;
const NO_BYTES = 4 * 1024 * 1024;

/** Reasons shown in one message. */
const SHOWN = 3;

function ok(name: string, message: string): Check {
  return { name, status: 'ok', message, mend: [] };
}

/** What the kernel can do, as it was tried. */
export function judgeCapabilities(capabilities: readonly Capability[]): Check[] {
  return capabilities.map(({ name, available, reason }) => {
    if (available) return ok(`kernel ${name}`, 'tried in a scratch namespace');
    const without = WITHOUT[name];
    const message = without === undefined ? reason : `${reason}; ${without}`;
    return { name: `kernel ${name}`, status: NEEDED.has(name) ? 'broken' : 'warning', message, mend: [] };
  });
}

const FORWARDS_FOR = {
  everybody: '',
  members: ", for vethd's networks alone: it was off before",
  bridges: ", for vethd's networks and bridges of other programs: it was off before",
} as const;

/** A switch for forwarding; `value` undefined where the kernel has no such family. */
export function judgeForwarding(
  family: 'ipv4' | 'ipv6',
  value: string | undefined,
  isNeeded: boolean,
  whom: keyof typeof FORWARDS_FOR,
): Check {
  const name = `forwarding ${family}`;
  if (value === '1')
    return ok(name, `${isNeeded ? 'on' : 'on; no network of ours needs it'}${FORWARDS_FOR[whom]}`);
  if (!isNeeded) return ok(name, 'off; no network needs it now');
  const key = family === 'ipv4' ? 'net.ipv4.ip_forward' : 'net.ipv6.conf.all.forwarding';
  const message = `${value === undefined ? 'not in this kernel' : 'off'}: members reach nothing outside`;
  return { name, status: 'broken', message, mend: [`sysctl -w ${key}=1`] };
}

/** Other programs' firewalls. */
export function judgeFirewalls(obstacles: readonly CoexistenceWarning[]): Check[] {
  if (obstacles.length === 0) return [ok('other firewalls', 'none drops what vethd forwards')];
  return obstacles.map(({ message, lines }) => ({
    name: 'other firewalls',
    status: 'warning',
    message,
    mend: lines,
  }));
}

/** What passes found until now, and what one would find at this moment. */
export function judgePasses(history: History, differences: readonly string[]): Check[] {
  return [judgeLastPass(history), judgeDrift(history), judgeNow(history, differences)];
}

function judgeLastPass({ lastFullPass }: History): Check {
  if (lastFullPass === undefined) {
    return { name: 'last full pass', status: 'broken', message: 'there was none yet', mend: [] };
  }
  const { timeNano, durationMs, repairs } = lastFullPass;
  const found = repairs === 0 ? 'nothing to repair' : `${repairs} repaired`;
  return ok('last full pass', `${formatTime(timeNano)}, ${durationMs.toFixed(0)} ms, ${found}`);
}

function judgeDrift({ repairs, delayed }: History): Check {
  const message = `${repairs} repairs since the start`;
  if (delayed === 0) return ok('drift', message);
  return {
    name: 'drift',
    status: 'warning',
    message: `${message}; ${delayed} times the next one had to wait, because somebody undoes them`,
    mend: ['vethctl events --since 1h --filter type=vethd'],
  };
}

function judgeNow({ failures }: History, differences: readonly string[]): Check {
  const name = 'kernel state';
  if (failures.size > 0) {
    const reasons = [...failures]
      .slice(0, SHOWN)
      .map(([object, reason]) => `${object.slice(0, 12)}: ${reason}`);
    const message = `${failures.size} are not as they should be: ${reasons.join('; ')}`;
    return { name, status: 'broken', message, mend: ['vethctl reconcile'] };
  }
  if (differences.length === 0) return ok(name, 'as it should be');
  const message = `${differences.length} commands would mend it now, the first: ${differences[0]}`;
  return { name, status: 'warning', message, mend: ['vethctl reconcile'] };
}

/** The folder of the database. */
export function judgeStateFolder({ path, mode, uid, freeBytes }: StateFolder): Check[] {
  return [judgeMode(path, mode, uid), judgeSpace(path, freeBytes)];
}

function judgeMode(path: string, mode: number, uid: number): Check {
  const name = 'state folder';
  const shown = mode.toString(8).padStart(4, '0');
  if (uid === 0 && (mode & 0o077) === 0) return ok(name, `${path}, mode ${shown}`);
  const message = `${path} has mode ${shown} and belongs to user ${uid}: want 0700 and root`;
  return { name, status: 'warning', message, mend: [`chown root ${path}`, `chmod 0700 ${path}`] };
}

function judgeSpace(path: string, freeBytes: number): Check {
  const name = 'disk space';
  const message = `${Math.floor(freeBytes / 1024 / 1024)} MiB free for ${path}`;
  if (freeBytes >= LITTLE_BYTES) return ok(name, message);
  const status = freeBytes < NO_BYTES ? 'broken' : 'warning';
  return { name, status, message: `${message}: changes are refused when there is none`, mend: [] };
}

/** What systemd and the daemon tell each other: readiness, watchdog, an inherited socket, and who is to stay away. */
import { readFileSync } from 'node:fs';
import { execa } from 'execa';
import koffi from 'koffi';
import { VethdError } from '../errors.ts';

/** sys/socket.h */
const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC = 0o2000000;
const MSG_NOSIGNAL = 0x4000;

/** sd_listen_fds(3): the first inherited descriptor. */
const FIRST_INHERITED = 3;

const libc = koffi.load('libc.so.6');
const socket: (domain: number, type: number, protocol: number) => number = libc.func(
  'int socket(int domain, int type, int protocol)',
);
const sendto: (
  fd: number,
  bytes: Uint8Array,
  length: number,
  flags: number,
  address: Uint8Array,
  addressLength: number,
) => number = libc.func(
  'long sendto(int fd, const uint8_t *bytes, size_t length, int flags, const uint8_t *address, uint32_t address_length)',
);
const close: (fd: number) => number = libc.func('int close(int fd)');

/** struct sockaddr_un: the family, then the path; an abstract name (`@…`) begins with a NUL. */
function unixAddress(path: string): Uint8Array {
  const name = Buffer.from(path);
  if (path.startsWith('@')) name[0] = 0;
  return Buffer.concat([Uint8Array.of(AF_UNIX, 0), name]);
}

/** Sends a state such as `READY=1` (sd_notify(3)); does nothing where systemd did not start us. */
export function tellSystemd(state: string): void {
  const path = process.env['NOTIFY_SOCKET'];
  if (path === undefined || path === '') return;
  const fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return;
  const bytes = Buffer.from(state);
  const address = unixAddress(path);
  sendto(fd, bytes, bytes.length, MSG_NOSIGNAL, address, address.length);
  close(fd);
}

/** Pings the watchdog at half its time from the event loop; gives the function that ends it. */
export function startWatchdog(): () => void {
  const microseconds = Number(process.env['WATCHDOG_USEC'] ?? '');
  if (!(microseconds > 0)) return () => undefined;
  const timer = setInterval(() => tellSystemd('WATCHDOG=1'), microseconds / 2_000);
  timer.unref();
  return () => clearInterval(timer);
}

/** The listening socket that systemd made for us (socket activation); undefined when there is none. */
export function inheritedSocket(): number | undefined {
  const isForUs = process.env['LISTEN_PID'] === String(process.pid);
  return isForUs && Number(process.env['LISTEN_FDS'] ?? '0') >= 1 ? FIRST_INHERITED : undefined;
}

/** systemd.service(5): longer than TimeoutStopSec= of our unit. */
const STOP_MS = 20_000;

/** The service that a line of /proc/PID/cgroup puts a process in; undefined when it is in none. */
export function serviceOf(cgroup: string): string | undefined {
  return /^(?:0:|\d+:name=systemd):.*\/([^/]+\.service)$/m.exec(cgroup)?.[1];
}

/** What systemctl says; undefined where there is none, or no systemd that it could ask. */
async function systemctl(...args: readonly string[]): Promise<string | undefined> {
  const { failed, stdout } = await execa('systemctl', args, {
    reject: false,
    stdin: 'ignore',
    timeout: STOP_MS,
  });
  return failed ? undefined : String(stdout);
}

function readCgroup(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cgroup`, 'utf8');
  } catch {
    return '';
  }
}

/** One property of a unit; `''` where there is no such unit, or no systemd. */
async function propertyOf(unit: string, property: string): Promise<string> {
  return (await systemctl('show', `--property=${property}`, '--value', unit))?.trim() ?? '';
}

/** The service whose main process it is; undefined for one that somebody started inside another service. */
async function serviceOfMain(pid: number): Promise<string | undefined> {
  const service = serviceOf(readCgroup(pid));
  if (service === undefined) return undefined;
  return (await propertyOf(service, 'MainPID')) === String(pid) ? service : undefined;
}

/** Units by which systemd would start the daemon again: its service, and sockets of that which listen in its place. */
async function unitsOf(pid: number | undefined, socketPath: string): Promise<readonly string[]> {
  const service = pid === undefined ? undefined : await serviceOfMain(pid);
  const starts = service ?? 'vethd.service';
  const triggers = (await propertyOf(starts, 'TriggeredBy')).split(/\s+/);
  const units: string[] = [];
  for (const unit of triggers.filter((one) => one.endsWith('.socket'))) {
    const listens = (await propertyOf(unit, 'Listen')).includes(`${socketPath} `);
    if (listens && (await propertyOf(unit, 'ActiveState')) === 'active') units.push(unit);
  }
  return service !== undefined || units.length > 0 ? [...units, starts] : [];
}

/**
 * Stops the units that would start a daemon again: the one of the daemon with this pid, and whoever listens on the
 * socket for it. Does nothing where systemd has no part in it. Throws conflict when systemd does not stop them.
 */
export async function stopUnits(pid: number | undefined, socketPath: string): Promise<void> {
  const units = await unitsOf(pid, socketPath);
  if (units.length === 0 || (await systemctl('stop', ...units)) !== undefined) return;
  throw new VethdError(
    'conflict',
    `systemd would start vethd again and did not stop it: run systemctl stop ${units.join(' ')} first`,
  );
}

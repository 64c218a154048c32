/** What systemd and the daemon tell each other: readiness, watchdog, an inherited socket. */
import koffi from 'koffi';

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

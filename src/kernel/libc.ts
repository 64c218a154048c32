/**
 * Every function of libc that the kernel room calls, by koffi. A synchronous call costs about 0.3 µs and runs
 * on the calling thread; `.async` runs on a pool thread, which is always in the daemon's own namespace.
 * Each function here throws a SystemError instead of giving -1; nothing else in this room calls libc.
 */
import koffi, { type KoffiFunc } from 'koffi';
import { VethdError } from '../errors.ts';
import { describeErrno, errnoName } from './codec/errno.ts';

const lib = koffi.load(null);

const socketFn: (domain: number, type: number, protocol: number) => number = lib.func(
  'int socket(int domain, int type, int protocol)',
);
const setsockoptFn: (fd: number, level: number, name: number, value: Uint8Array, bytes: number) => number =
  lib.func('int setsockopt(int fd, int level, int name, const void *value, uint bytes)');
const getsockoptFn: (
  fd: number,
  level: number,
  name: number,
  value: Uint8Array,
  bytes: Uint8Array,
) => number = lib.func(
  'int getsockopt(int fd, int level, int name, _Inout_ void *value, _Inout_ void *bytes)',
);
const sendFn: KoffiFunc<(fd: number, bytes: Uint8Array, length: number, flags: number) => number> = lib.func(
  'long send(int fd, const void *bytes, size_t length, int flags)',
);
const recvFn: (fd: number, bytes: Uint8Array, length: number, flags: number) => number = lib.func(
  'long recv(int fd, void *bytes, size_t length, int flags)',
);
const recvmsgFn: (fd: number, header: Uint8Array, flags: number) => number = lib.func(
  'long recvmsg(int fd, void *header, int flags)',
);
const setnsFn: (fd: number, kind: number) => number = lib.func('int setns(int fd, int kind)');
const unshareFn: (flags: number) => number = lib.func('int unshare(int flags)');
const mountFn: (source: string, target: string, type: string, flags: number, options: null) => number =
  lib.func(
    'int mount(const char *source, const char *target, const char *type, ulong flags, const void *options)',
  );
const umount2Fn: (target: string, flags: number) => number = lib.func(
  'int umount2(const char *target, int flags)',
);
const fstatfsFn: (fd: number, result: Uint8Array) => number = lib.func('int fstatfs(int fd, void *result)');
const ioctlFn: (fd: number, request: number) => number = lib.func('int ioctl(int fd, ulong request)');
const ioctlWithFn: (fd: number, request: number, argument: Uint8Array) => number = lib.func(
  'int ioctl(int fd, ulong request, _Inout_ void *argument)',
);
const bindFn: (fd: number, address: Uint8Array, bytes: number) => number = lib.func(
  'int bind(int fd, const void *address, uint bytes)',
);
const listenFn: (fd: number, backlog: number) => number = lib.func('int listen(int fd, int backlog)');
const pollFn: (fds: Uint8Array, count: number, timeoutMs: number) => number = lib.func(
  'int poll(void *fds, ulong count, int timeoutMs)',
);
const mallocTrimFn: (pad: number) => number = lib.func('int malloc_trim(size_t pad)');
const exitFn: (code: number) => void = lib.func('void _exit(int code)');
// Variadic in C; an int there is passed as it is here on every Linux that Node runs on.
const fcntlFn: (fd: number, command: number, argument: number) => number = lib.func(
  'int fcntl(int fd, int command, int argument)',
);
const syscallFn: (number: number, first: number, second: number) => number = lib.func(
  'long syscall(long number, long first, long second)',
);

/** sched.h: a network namespace. */
export const CLONE_NEWNET = 0x4000_0000;
/** asm-generic/unistd.h: the same number on every architecture; glibc has a wrapper only since 2.36. */
const SYS_PIDFD_OPEN = 434;
/** poll.h: POLLIN, the first of struct pollfd's two 16-bit masks. */
const POLLIN = 0x1;
/** bits/socket.h: MSG_TRUNC; to recv: tell the true length of a datagram that was cut off. */
export const MSG_TRUNC = 0x20;
/** bits/socket.h: MSG_DONTWAIT. */
const MSG_DONTWAIT = 0x40;
/** What recvmsg(2) answers where there is nothing to be read now. */
const NOTHING_THERE: ReadonlySet<string> = new Set(['EAGAIN', 'EINTR']);

/** A libc call that failed: a VethdError `unavailable` whose `errno` is the name of the number. */
export class SystemError extends VethdError {
  constructor(call: string, errno: number) {
    super('unavailable', `${call}: ${describeErrno(errno)}`, { errno: errnoName(errno) });
  }
}

function checked(call: string, result: number): number {
  if (result < 0) throw new SystemError(call, koffi.errno());
  return result;
}

/** socket(2), closed on exec. The caller closes the descriptor. */
export function openSocket(domain: number, type: number, protocol: number): number {
  const SOCK_CLOEXEC = 0o2000000;
  return checked('socket', socketFn(domain, type | SOCK_CLOEXEC, protocol));
}

/** setsockopt(2) with the value's bytes. */
export function setSocketOption(fd: number, level: number, name: number, value: Uint8Array): void {
  checked('setsockopt', setsockoptFn(fd, level, name, value, value.length));
}

/** getsockopt(2) into `value`, all of which the option must fill. */
export function getSocketOption(fd: number, level: number, name: number, value: Uint8Array): void {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(value.length);
  checked('getsockopt', getsockoptFn(fd, level, name, value, length));
  if (length.readUInt32LE() !== value.length) throw new Error(`socket option ${name} has another size`);
}

/** malloc_trim(3): gives the system back what malloc holds and nobody uses. Takes some milliseconds. */
export function trimHeap(): void {
  mallocTrimFn(0);
}

/**
 * _exit(2): the process ends without another step. Node's own exit takes the threads down one by one, and one whose
 * `sendBehind` is on its way then aborts the process (koffi 3.3.4: the callback finds no JavaScript to run).
 */
export function exitAtOnce(code: number): never {
  exitFn(code);
  throw new Error('_exit came back');
}

/** send(2) of a whole datagram. */
export function send(fd: number, bytes: Uint8Array): void {
  checked('send', sendFn(fd, bytes, bytes.length, 0));
}

/**
 * send(2) of a whole datagram on a pool thread, for requests that wait long in the kernel. The bytes must not
 * be touched until it has resolved. Only for sockets: they keep their own namespace, whatever the thread's.
 */
export function sendBehind(fd: number, bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    sendFn.async(fd, bytes, bytes.length, 0, (error: unknown, result: number) => {
      if (error !== null) reject(error);
      else if (result < 0) reject(new VethdError('unavailable', 'send on a pool thread failed'));
      else resolve();
    });
  });
}

/** recv(2); gives the length of the datagram, which with MSG_TRUNC may be more than fitted. */
export function receive(fd: number, into: Uint8Array, flags: number): number {
  return checked('recv', recvFn(fd, into, into.length, flags));
}

/**
 * recvmsg(2) with the bytes of a struct msghdr, without waiting; gives the length of the datagram, undefined when none
 * is there. That is how every reading of events ends: no error, whose stack alone would cost 15 µs.
 */
export function tryReceiveMessage(fd: number, header: Uint8Array): number | undefined {
  const bytes = recvmsgFn(fd, header, MSG_DONTWAIT);
  if (bytes < 0 && NOTHING_THERE.has(errnoName(koffi.errno()))) return undefined;
  return checked('recvmsg', bytes);
}

/** The address of a buffer's first byte, for a struct that points to it. Keep the buffer referenced. */
export function addressOf(buffer: Uint8Array): bigint {
  return koffi.address(buffer);
}

/** setns(2) of the calling thread into a network namespace. */
export function enterNetns(fd: number): void {
  checked('setns', setnsFn(fd, CLONE_NEWNET));
}

/** unshare(2): the calling thread gets a new network namespace. */
export function unshareNetns(): void {
  checked('unshare', unshareFn(CLONE_NEWNET));
}

/** mount(2) without options. */
export function mount(source: string, target: string, flags: number): void {
  checked(`mount ${target}`, mountFn(source, target, 'none', flags, null));
}

/** umount2(2). */
export function unmount(target: string, flags: number): void {
  checked(`umount ${target}`, umount2Fn(target, flags));
}

/** statfs(2): f_type of the file's file system, the first word of struct statfs. */
export function fileSystemType(fd: number): number {
  const result = Buffer.alloc(256);
  checked('fstatfs', fstatfsFn(fd, result));
  return result.readUInt32LE(0);
}

/** ioctl(2) without an argument; gives its result. */
export function ioctl(fd: number, request: number): number {
  return checked('ioctl', ioctlFn(fd, request));
}

/** ioctl(2) with an argument that the kernel reads or fills in. */
export function ioctlWith(fd: number, request: number, argument: Uint8Array): void {
  checked('ioctl', ioctlWithFn(fd, request, argument));
}

/**
 * netdevice(7), SIOCGIFINDEX: the ifindex of a link in the namespace of the socket; undefined when it is not there.
 * 3 µs, where a question by netlink, whose answer tells everything, takes 60.
 */
export function indexOfLink(fd: number, ifname: string): number | undefined {
  const SIOCGIFINDEX = 0x8933;
  const IFNAMSIZ = 16;
  if (Buffer.byteLength(ifname) >= IFNAMSIZ) return undefined;
  const ifreq = Buffer.alloc(40);
  ifreq.write(ifname);
  if (ioctlWithFn(fd, SIOCGIFINDEX, ifreq) >= 0) return ifreq.readInt32LE(IFNAMSIZ);
  const errno = koffi.errno();
  if (errnoName(errno) === 'ENODEV') return undefined;
  throw new SystemError('ioctl', errno);
}

/** bind(2) with the bytes of a struct sockaddr. */
export function bindSocket(fd: number, address: Uint8Array): void {
  checked('bind', bindFn(fd, address, address.length));
}

/** listen(2). */
export function listenOn(fd: number, backlog: number): void {
  checked('listen', listenFn(fd, backlog));
}

/** fcntl(2): one more descriptor of the same open file, closed on exec. The caller closes it. */
export function duplicate(fd: number): number {
  const F_DUPFD_CLOEXEC = 1030;
  return checked('fcntl', fcntlFn(fd, F_DUPFD_CLOEXEC, 0));
}

/** pidfd_open(2). The caller closes the descriptor. */
export function openPidfd(pid: number): number {
  return checked('pidfd_open', syscallFn(SYS_PIDFD_OPEN, pid, 0));
}

/** Whether something can be read from the descriptor now; of a pidfd: whether the process has ended. */
export function isReadable(fd: number): boolean {
  const entry = Buffer.alloc(8);
  entry.writeInt32LE(fd, 0);
  entry.writeUInt16LE(POLLIN, 4);
  return checked('poll', pollFn(entry, 1, 0)) > 0;
}

/**
 * Calls back whenever the descriptor can be read or has an error to be read, from this thread's event loop;
 * gives the end of it. What `callback` throws ends the thread.
 */
export function onReadable(fd: number, callback: () => void): () => void {
  return onEvents(fd, { readable: true }, callback);
}

/** As `onReadable`, but so many milliseconds after it became so, with what came meanwhile. */
export function onReadableFor(ms: number, fd: number, callback: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  let stop = (): void => undefined;
  const begin = (): void => {
    stop = onReadable(fd, () => {
      stop();
      timer = setTimeout(() => {
        begin();
        callback();
      }, ms);
    });
  };
  begin();
  return () => {
    clearTimeout(timer);
    stop();
  };
}

/**
 * Calls back whenever the mounts of this process's mount namespace have changed; `fd` is open on a
 * /proc/PID/mountinfo, which can always be read and has an error after each change (proc(5)).
 */
export function onMountsChanged(fd: number, callback: () => void): () => void {
  return onEvents(fd, { disconnect: true }, callback);
}

function onEvents(
  fd: number,
  events: { readonly readable?: boolean; readonly disconnect?: boolean },
  callback: () => void,
): () => void {
  // koffi calls without a catch of its own: what is thrown there would be lost.
  const guarded = (): void => {
    try {
      callback();
    } catch (error) {
      setImmediate(() => {
        throw error;
      });
    }
  };
  let open = true;
  const start = (): void => handle.start(events, onEvent);
  // libuv stops polling a descriptor with an error, which a netlink socket has whenever it lost an event.
  const onEvent = (status: unknown): void => {
    guarded();
    if (open && status !== 0) start();
  };
  const handle = koffi.node.poll(fd, events, onEvent);
  return () => {
    open = false;
    handle.close();
  };
}

/**
 * Places at which a test lets the daemon die. `VETHD_FAILPOINT=name` (or `name:3`, the third time) kills the
 * process there with SIGKILL, as a crash would; without the variable a failpoint does nothing.
 */
const [name = '', count = '1'] = (process.env['VETHD_FAILPOINT'] ?? '').split(':');
let left = Number(count);

/** Dies here when this is the chosen place; `before` is carried out first, so that the step is really done. */
export function failpoint(place: string, before: () => void = () => undefined): void {
  if (place !== name) return;
  left -= 1;
  if (left > 0) return;
  before();
  process.kill(process.pid, 'SIGKILL');
  // The signal ends the other threads a moment later; nothing more may happen in this one.
  for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_000);
}

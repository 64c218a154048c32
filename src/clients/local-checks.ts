/** What can be seen of vethd and its host when no daemon answers: files only, nothing is run or changed. */
import { accessSync, constants, readdirSync, readFileSync, statfsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { CheckAnswer } from './wire.ts';

/** The daemon's own default. */
const DEFAULT_STATE_DIR = '/var/lib/vethd';

function check(
  Name: string,
  Status: CheckAnswer['Status'],
  Message: string,
  Mend: string[] = [],
): CheckAnswer {
  return { Name, Status, Message, Mend };
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return undefined;
  }
}

function isInPath(program: string, env: NodeJS.ProcessEnv): boolean {
  return (env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function programCheck(program: string, use: string, env: NodeJS.ProcessEnv): CheckAnswer {
  const name = `program ${program}`;
  if (isInPath(program, env)) return check(name, 'ok', 'found');
  return check(name, 'broken', `not in the PATH; it is needed for ${use}`);
}

function stateFolderCheck(path: string): CheckAnswer {
  try {
    const mode = statSync(path).mode & 0o7777;
    const { bsize, bfree } = statfsSync(path);
    const found = `${path}, mode ${mode.toString(8).padStart(4, '0')}, ${Math.floor((bsize * bfree) / 1024 / 1024)} MiB free`;
    if ((mode & 0o077) === 0) return check('state folder', 'ok', found);
    return check('state folder', 'warning', `${found}: want mode 0700`, [`chmod 0700 ${path}`]);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
    return check(
      'state folder',
      'warning',
      `${path} is not there for us (${code}): no daemon ran with it yet?`,
    );
  }
}

/** Links stay when the daemon ends; packets flow on. */
function linksCheck(): CheckAnswer {
  const links = readdirSync('/sys/class/net').filter((ifname) =>
    readIfThere(`/sys/class/net/${ifname}/ifalias`)?.startsWith('vethd:'),
  );
  return check('links', 'ok', `${links.length} of vethd’s are in the kernel and go on forwarding`);
}

function forwardingCheck(): CheckAnswer {
  const isOn = readIfThere('/proc/sys/net/ipv4/ip_forward') === '1';
  return check('forwarding ipv4', 'ok', isOn ? 'on' : 'off; the daemon turns it on when a network needs it');
}

/** The checks; `reason` says why the daemon was not asked. */
export function checkWithoutDaemon(reason: string, env: NodeJS.ProcessEnv): CheckAnswer[] {
  return [
    check('daemon', 'broken', reason),
    programCheck('nft', 'the firewall', env),
    programCheck('ip', 'ns exec', env),
    forwardingCheck(),
    linksCheck(),
    stateFolderCheck(env['VETHD_STATE_DIR'] ?? DEFAULT_STATE_DIR),
  ];
}

/** What the host says about itself, for `GET /version` and `GET /info`. */
import { readdirSync, readFileSync } from 'node:fs';
import { arch, availableParallelism, hostname, release, totalmem } from 'node:os';

// Go's names of the architectures, which is what clients compare with.
const GO_ARCH: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', arm64: 'arm64', arm: 'arm' };
const UNAME_ARCH: Readonly<Record<string, string>> = { x64: 'x86_64', ia32: 'i686', arm64: 'aarch64' };

/** Go's name of the processor's architecture, such as `amd64`. */
export function goArch(): string {
  return GO_ARCH[arch()] ?? arch();
}

function osRelease(): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  let text = '';
  try {
    text = readFileSync('/etc/os-release', 'utf8');
  } catch {
    // A host without the file has no name to show.
  }
  for (const [, name, value] of text.matchAll(/^(\w+)="?([^"\n]*)"?$/gm)) values.set(name ?? '', value ?? '');
  return values;
}

/** What does not change while the daemon runs. */
export function describeHost() {
  const os = osRelease();
  return {
    name: hostname(),
    kernelVersion: release(),
    operatingSystem: os.get('PRETTY_NAME') ?? 'Linux',
    osVersion: os.get('VERSION_ID') ?? '',
    architecture: UNAME_ARCH[arch()] ?? arch(),
    processors: availableParallelism(),
    memoryBytes: totalmem(),
  };
}

/** The number of descriptors that this process holds. */
export function countDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}
